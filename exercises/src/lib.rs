//! Exercises on building the loop itself, checked by what they do.
//!
//! An exercise is a folder `chapterNN/N-name/`:
//!
//! | file | what it is |
//! |---|---|
//! | `statement.md` | what to do; the first line is the title |
//! | `skeleton.rs` | where the reader begins: it compiles, and fails |
//! | `check.rs` | a `main` that runs the reader's `exercise.rs` and tells what happened |
//! | `expected.txt` | what it should tell, line by line |
//! | `hints.md` | one after the other, parted by lines of `---` |
//! | `solution.rs`, `why.md` | shown after success |
//! | `wrong/*.rs` | solutions that look right; a test sees to it that each is rejected |
//!
//! # Reading order
//!
//! [`catalogue`]: which exercises there are. [`desk`]: the folder `work/` where the reader
//! edits. [`turn`]: one after the other. [`trial`]: building and running what they wrote, with a
//! time-out. [`verdict`]: the first difference. [`recorded`]: both runs, the reader's and the
//! solution's, to be looked at. [`command`]: `check`, as it is typed. [`playground`]: `try`, which
//! runs any program of the reader's.
//!
//! Package `book` shows on a page what [`recorded`] has.

#![forbid(unsafe_code)]

pub mod catalogue;
pub mod command;
pub mod desk;
pub mod playground;
pub mod recorded;
pub mod trial;
pub mod turn;
pub mod verdict;
