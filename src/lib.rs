#![doc = include_str!("../README.md")]
//!
//! # Reading order of this package
//!
//! It is the command `lineage`, which stands above the stages and shows them side by side.
//!
//! [`styles`] is the heart: the table of styles, compiled from the example files of the
//! stages. Then what is done with it, a file a command: [`tour`] (no arguments), [`crawl`],
//! [`run`], [`trace`] (and [`knobs`], what can be turned at it), [`step`], [`soak`] (over [`sim`], a
//! network that is invented), [`diff`], [`cost`], [`machine`], [`list`], [`shell`], `ps` and
//! `top` (a program that runs, looked into),
//! [`doctor`]. Then what these stand on: [`measure`] (figures
//! that are read from the source), [`memory`] (what a process has of it), [`park`] (what a
//! task costs that waits), [`child`] (a style in a process of its own), [`apart`] (any program in one, with limits), [`descriptors`] (how many there are), [`companion`] (the
//! packages beside this one, built by [`cargo`]), [`invocation`] (how to call it again),
//! [`interrupt`], [`suspend`], [`keys`], [`output`], [`page`] (what a command leaves for a browser),
//! [`error`].
//! [`args`] is what may be typed.

#![forbid(unsafe_code)]

pub mod apart;
pub mod args;
pub mod cargo;
pub mod child;
pub mod companion;
pub mod cost;
pub mod crawl;
pub mod descriptors;
pub mod diff;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod interrupt;
pub mod invocation;
pub mod keys;
pub mod knobs;
pub mod list;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod output;
pub mod page;
pub mod park;
#[cfg(unix)]
pub mod ps;
pub mod run;
pub mod shell;
pub mod sim;
pub mod soak;
pub mod sources;
pub mod step;
pub mod styles;
pub mod suspend;
#[cfg(unix)]
pub mod top;
pub mod tour;
pub mod trace;
