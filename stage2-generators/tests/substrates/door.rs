//! The functions as async blocks. The value that they yield goes through a door at their side.

use stage2_generators::coroutine::Generator;

use super::{Finally, KeyError, Substrate};

pub(crate) const SUBSTRATE: Substrate = Substrate {
    name: "through the door",
    repeats: || {
        Generator::new(|co| async move {
            let first = co.yield_("1".to_owned()).await?;
            let second = co.yield_(format!("got {first}")).await?;
            Ok(format!("end {second}"))
        })
    },
    calls: |call| {
        Generator::new(|co| async move {
            call()?;
            co.yield_(1).await?;
            Ok("done")
        })
    },
    catches: || {
        Generator::new(|co| async move {
            if let Err(caught) = co.yield_("a".to_owned()).await {
                co.yield_(format!("caught {caught}")).await?;
            }
            Ok(())
        })
    },
    catches_and_returns: || {
        Generator::new(|co| async move {
            match co.yield_(1).await {
                Ok(()) => Ok("nothing".to_owned()),
                Err(caught) => Ok(caught.to_string()),
            }
        })
    },
    says_fin: |log| {
        Generator::new(|co| async move {
            let _finally = Finally(log, "fin");
            co.yield_(1).await
        })
    },
    ignores_exit: || {
        Generator::new(|co| async move {
            let _ignored = co.yield_(1).await;
            co.yield_(2).await
        })
    },
    fails_on_exit: || {
        Generator::new(|co| async move {
            if co.yield_(1).await.is_err() {
                return Err(KeyError("in fin").into());
            }
            Ok(())
        })
    },
    cleans_up: |log| {
        Generator::new(|co| async move {
            {
                let _finally = Finally(log, "cleanup");
                co.yield_(1).await?;
            }
            co.yield_(2).await
        })
    },
};
