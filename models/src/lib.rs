//! Models: where threads meet in a stage, every order in which they can.
//!
//! A test of threads sees the orders that happen to come about. loom runs a small program in
//! all of them, and lets each load see every value that the memory model allows it to see,
//! which no processor does. What is run is the stage's own file, included by its path.

#![forbid(unsafe_code)]
