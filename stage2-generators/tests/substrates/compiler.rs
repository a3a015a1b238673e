//! The functions as coroutines of the compiler's: the word `yield`, and no door.

use stage2_generators::coroutine::{Generator, Resume};

use super::{Finally, KeyError, Substrate};

pub(crate) const SUBSTRATE: Substrate = Substrate {
    name: "by the compiler",
    repeats: || {
        Generator::from_coroutine(
            #[coroutine]
            |_: Resume<String>| {
                let first = (yield "1".to_owned()).sent()?;
                let second = (yield format!("got {first}")).sent()?;
                Ok(format!("end {second}"))
            },
        )
    },
    calls: |call| {
        Generator::from_coroutine(
            #[coroutine]
            move |_: Resume<()>| {
                call()?;
                (yield 1).sent()?;
                Ok("done")
            },
        )
    },
    catches: || {
        Generator::from_coroutine(
            #[coroutine]
            |_: Resume<()>| {
                if let Err(caught) = (yield "a".to_owned()).sent() {
                    (yield format!("caught {caught}")).sent()?;
                }
                Ok(())
            },
        )
    },
    catches_and_returns: || {
        Generator::from_coroutine(
            #[coroutine]
            |_: Resume<()>| match (yield 1).sent() {
                Ok(()) => Ok("nothing".to_owned()),
                Err(caught) => Ok(caught.to_string()),
            },
        )
    },
    says_fin: |log| {
        Generator::from_coroutine(
            #[coroutine]
            |_: Resume<()>| {
                let _finally = Finally(log, "fin");
                (yield 1).sent()
            },
        )
    },
    ignores_exit: || {
        Generator::from_coroutine(
            #[coroutine]
            |_: Resume<()>| {
                let _ignored = (yield 1).sent();
                (yield 2).sent()
            },
        )
    },
    fails_on_exit: || {
        Generator::from_coroutine(
            #[coroutine]
            |_: Resume<()>| {
                if (yield 1).sent().is_err() {
                    return Err(KeyError("in fin").into());
                }
                Ok(())
            },
        )
    },
    cleans_up: |log| {
        Generator::from_coroutine(
            #[coroutine]
            |_: Resume<()>| {
                {
                    let _finally = Finally(log, "cleanup");
                    (yield 1).sent()?;
                }
                (yield 2).sent()
            },
        )
    },
};
