//! What becomes a failure, and what it is afterwards.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::error::Error;
use std::fmt;
use std::io;
use std::num::ParseIntError;

use stage2_generators::failure::Failure;
use stage2_generators::time::Elapsed;

fn parse(text: &str) -> Result<i32, Failure> {
    if text.is_empty() {
        Err("there is no number")?;
    }
    if text.len() > 9 {
        return Err(format!("{text} is too large").into());
    }
    Ok(text.parse::<i32>()?)
}

#[test]
fn texts_and_errors_become_failures_with_a_question_mark() {
    assert_eq!(parse("12").unwrap(), 12);
    assert_eq!(parse("").unwrap_err().to_string(), "there is no number");
    assert_eq!(parse("1234567890").unwrap_err().to_string(), "1234567890 is too large");
    let failure = parse("x").unwrap_err();
    assert!(failure.is::<ParseIntError>());
    assert_eq!(failure.to_string(), failure.error().to_string());
}

#[test]
fn what_was_boxed_is_still_what_it_is() {
    let boxed = Box::new(io::Error::from(io::ErrorKind::NotFound));
    let failure = Failure::from(boxed as Box<dyn Error>);
    assert_eq!(failure.get::<io::Error>().unwrap().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_trap_lets_one_kind_out_and_hands_on_the_others() {
    let failure = parse("x").unwrap_err();
    let missed = failure.trap::<io::Error>().unwrap_err();
    assert_eq!(missed.trap::<ParseIntError>().unwrap(), failure.get().unwrap());
}

#[derive(Debug)]
struct NoAge(ParseIntError);

impl fmt::Display for NoAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("that is no age")
    }
}

impl Error for NoAge {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// It is none itself, as `?` could not tell it from one.
#[test]
fn a_failure_stands_where_an_error_is_asked_for() {
    fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
        let all = std::iter::successors(Some(error), |&it| it.source());
        all.map(ToString::to_string).collect()
    }
    fn first(error: impl AsRef<dyn Error>) -> String {
        error.as_ref().to_string()
    }
    let failure = Failure::from(NoAge("x".parse::<i32>().unwrap_err()));
    assert_eq!(chain(&*failure), ["that is no age", "invalid digit found in string"]);
    assert!(failure.downcast_ref::<NoAge>().is_some());
    assert_eq!(first(failure), "that is no age");
}

#[test]
fn a_failure_tells_what_it_came_from() {
    let failure = Failure::from(NoAge("x".parse::<i32>().unwrap_err()));
    assert!(failure.source().unwrap().is::<ParseIntError>());
    assert!(Failure::from("no more than a text").source().is_none());
}

/// Whoever matches on the kind of an error finds the one that went in.
#[test]
fn a_failure_that_leaves_the_stage_is_of_the_kind_that_it_was() {
    let leaves = |failure: Failure| io::Error::from(failure);
    let refused = io::Error::from_raw_os_error(111);
    let (kind, said) = (refused.kind(), refused.to_string());
    let told = leaves(refused.into());
    assert_eq!((told.raw_os_error(), told.kind()), (Some(111), kind));
    assert_eq!(told.to_string(), said);
    let told = leaves(io::Error::new(io::ErrorKind::NotFound, "nobody is here").into());
    assert_eq!(
        (told.kind(), &*told.to_string()),
        (io::ErrorKind::NotFound, "nobody is here")
    );
    let told = leaves(Elapsed.into());
    assert_eq!(
        (told.kind(), &*told.to_string()),
        (io::ErrorKind::TimedOut, "the time was up")
    );
    let told = leaves(parse("").unwrap_err());
    assert_eq!(
        (told.kind(), &*told.to_string()),
        (io::ErrorKind::Other, "there is no number")
    );
}
