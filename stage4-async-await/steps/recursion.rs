//! An async function that calls itself: `cargo run --example stage4-recursion`.
//!
//! The future of an async function holds the futures that it awaits. One that awaits itself would
//! have to hold itself, and so its size would be without end. The compiler refuses (E0733):
//! `tests/fixtures/refused/calls_itself.rs` is the text, and a test holds the compiler to it.
//!
//! A box has the same size whatever is in it. So each call that recurs is put into one, and each
//! level costs an allocation: what every call costs in Python, where a frame is an object.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::io;
use std::mem::size_of_val;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage4_async_await::run;
use stage4_async_await::time::sleep;

fn main() -> io::Result<()> {
    for line in story()? {
        println!("{line}");
    }
    Ok(())
}

/// What it prints.
pub fn story() -> io::Result<Vec<String>> {
    let clock = Clockwork::new();
    let time = std::rc::Rc::clone(&clock);
    let files = backend::scope(clock, || {
        run(async {
            let tree = Folder { files: 1, folders: vec![chain(3), chain(2)] };
            count(&tree).await
        })
    })?;
    let [flat, deep] = [chain(1), chain(1000)];
    let is_same = size_of_val(&count(&flat)) == size_of_val(&count(&deep));
    Ok(vec![
        format!(
            "{files} files, and each folder took a millisecond: {:?}",
            time.elapsed()
        ),
        format!("the future for 1 level is as big as that for 1,000: {is_same}"),
    ])
}

struct Folder {
    files: u32,
    folders: Vec<Folder>,
}

/// A folder in a folder, and so on, with a file in each.
fn chain(levels: u32) -> Folder {
    let inner = (1..levels).fold(None, |inner: Option<Folder>, _| {
        Some(Folder { files: 1, folders: inner.into_iter().collect() })
    });
    Folder { files: 1, folders: inner.into_iter().collect() }
}

/// Counts the files below. Without the `Box::pin`, this does not compile.
async fn count(folder: &Folder) -> u32 {
    sleep(Duration::from_millis(1)).await;
    let mut files = folder.files;
    for inner in &folder.folders {
        files += Box::pin(count(inner)).await;
    }
    files
}
