//! A recorded run, step by step, in the terminal.
//!
//! # Reading order
//!
//! [`story`] is a recording, read and checked; [`words`] tells its events. [`state`] is what
//! the loop looks like after each of them. [`stepper`] is where somebody stands in it, and
//! what their keys do. [`screen`] draws that in [`panes`], with lines out of [`source`]; [`terminal`] is
//! the only file that touches one. [`table`] is all of it without a terminal. [`args`] is
//! what may be typed.

#![forbid(unsafe_code)]

pub mod args;
pub mod panes;
pub mod screen;
pub mod source;
pub mod state;
pub mod stepper;
pub mod story;
pub mod table;
pub mod terminal;
pub mod words;
