//! What debug mode has to say goes to the log, as a library's words should.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Mutex;
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use stage5_asyncio::debug::Unclosed;
use stage5_asyncio::{create_task, get_running_loop, run};

/// Keeps what it is told.
struct Book(Mutex<Vec<Told>>);

/// How grave it is, in which words, and at which line of which file.
type Told = (Level, String, Option<String>, Option<u32>);

static BOOK: Book = Book(Mutex::new(Vec::new()));

impl Log for Book {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() == "asyncio" {
            let text = record.args().to_string();
            let file = record.file().map(ToOwned::to_owned);
            self.0.lock().unwrap().push((record.level(), text, file, record.line()));
        }
    }

    fn flush(&self) {}
}

/// One test, since a process has one log.
#[test]
fn a_warning_is_a_record_at_the_line_that_it_is_about() {
    log::set_logger(&BOOK).unwrap();
    log::set_max_level(LevelFilter::Info);
    let line = run(async {
        get_running_loop().set_debug(true);
        get_running_loop().set_slow_callback_duration(Duration::MAX);
        let line = line!() + 1;
        drop(Unclosed::new("a door"));
        let task = create_task(async { panic!("lost") });
        drop::<stage5_asyncio::Task<()>>(task);
        line
    })
    .unwrap();
    let book = BOOK.0.lock().unwrap();
    let [warning, error] = &**book else { panic!("{book:?}") };
    assert_eq!(warning.0, Level::Warn);
    assert!(warning.1.starts_with("a door was never closed"), "{warning:?}");
    assert_eq!((warning.2.as_deref(), warning.3), (Some(file!()), Some(line)));
    assert_eq!(error.0, Level::Error);
    assert!(error.1.starts_with("An exception was never retrieved"), "{error:?}");
}
