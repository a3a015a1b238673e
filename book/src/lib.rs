//! The book: its directives, its checks, its server.
//!
//! mdBook makes pages of chapters. What a chapter shows, it takes from the workspace with a
//! directive, so that text and code cannot drift apart; what does not exist is an error.
//!
//! # Reading order
//!
//! [`chapter`] finds the directives of a chapter and hands them to [`directive`], the table
//! of what there is: [`item`], [`difference`], [`growth`], [`rest`], [`rosetta`], [`python`],
//! [`snapshot`], [`story`] (a trace), [`results`], [`chart`], [`curves`] and [`claims`], [`quiz`] and [`guess`], [`map`] and
//! [`cycle`], [`figure`], [`slides`], [`behaviours`], [`exercise`].
//! [`preprocessor`] is the door for mdBook, stock or ours. [`build`] makes the pages, and
//! [`pages`] and [`coverage`] look at the whole, [`search`] makes its index. [`serve`] shows it:
//! [`play`] runs what is shown again with other knobs, [`tried`] what the reader wrote for an
//! exercise. [`alone`] makes a page of a run that needs no book, [`record`] keeps what was recorded
//! true. [`args`] is what may be typed.

#![forbid(unsafe_code)]

pub mod alone;
pub mod args;
pub mod asked;
pub mod behaviours;
pub mod build;
pub mod chapter;
pub mod chart;
pub mod claims;
pub mod coverage;
pub mod curves;
pub mod cycle;
pub mod difference;
pub mod directive;
pub mod exercise;
pub mod figure;
pub mod growth;
pub mod guess;
pub mod html;
pub mod item;
pub mod listing;
pub mod map;
pub mod measurement;
pub mod origin;
pub mod pages;
pub mod places;
pub mod play;
pub mod preprocessor;
pub mod problem;
pub mod python;
pub mod quiz;
pub mod record;
pub mod rest;
pub mod results;
pub mod rosetta;
pub mod search;
pub mod serve;
pub mod slides;
pub mod snapshot;
pub mod story;
pub mod tried;
pub mod typed;
pub mod warnings;
