//! The table of styles: the one interface that all stages have in common, and it is a table.
//!
//! The programs are compiled in from the example files of the stages. So what the tour runs
//! is what you read, and what is counted is what ran.

use std::io;
use std::net::SocketAddr;

use site::{Control, Job, Race, Report, Won};
use stage5_asyncio::events::with_loop_factory;

use crate::error::Error;
use crate::park::{self, Park};

/// A way to write a program that waits for more than one thing.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// What it is called, here and on the command line.
    pub name: &'static str,
    /// The year, and who had it then.
    pub since: &'static str,
    /// The folder of its example files, from the root of the workspace.
    pub folder: &'static str,
    /// Counts down; gives what was said, in order.
    pub countdown: fn() -> io::Result<Vec<String>>,
    /// Serves echoes until it is told to stop.
    pub echo: Serve,
    /// Crawls a site.
    pub crawl: fn(Job) -> io::Result<Report>,
    /// Connects to whichever address of a host answers first.
    pub happy_eyeballs: fn(Race) -> io::Result<Won>,
    /// Keeps a room where people talk open until it is told to stop. `None`: it can do one
    /// thing at a time, and in a room everybody has to be heard and told at once.
    pub chat: Option<Serve>,
    /// Parks tasks on a timer. `None`: it has no tasks.
    pub park: Option<Park>,
    /// The example files, as they were compiled.
    pub sources: Sources,
}

/// A program that serves at an address until it is told to stop.
pub type Serve = fn(SocketAddr, Control) -> io::Result<()>;

/// The text of a style's programs.
#[derive(Clone, Copy, Debug)]
pub struct Sources {
    /// `countdown.rs`.
    pub countdown: &'static str,
    /// `echo.rs`.
    pub echo: &'static str,
    /// `crawl.rs`.
    pub crawl: &'static str,
    /// `happy_eyeballs.rs`.
    pub happy_eyeballs: &'static str,
    /// `chat.rs`, where there is one.
    pub chat: Option<&'static str>,
}

impl Style {
    /// The style of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        STYLES.iter().find(|style| style.name == name)
    }

    /// The names of all styles, in the order of history.
    pub fn names() -> Vec<&'static str> {
        STYLES.iter().map(|style| style.name).collect()
    }

    /// The folder of the stage that it belongs to.
    pub fn stage(&self) -> &'static str {
        self.folder.split_once('/').map_or(self.folder, |(stage, _)| stage)
    }

    /// The names of the styles that have a loop.
    pub fn names_with_a_loop() -> Vec<&'static str> {
        STYLES.iter().filter(|style| style.has_loop()).map(|style| style.name).collect()
    }

    /// Whether there is a loop of ours in it, which can be recorded and simulated. In stage 0
    /// it is the kernel that parks and resumes.
    pub fn has_loop(&self) -> bool {
        self.stage() != "stage0-waiting"
    }

    /// # Errors
    ///
    /// A usage error that names the styles with a loop, if this one has none.
    pub fn needs_a_loop(&self, what_for: &str) -> Result<(), Error> {
        if self.has_loop() {
            return Ok(());
        }
        let there_are = Self::names_with_a_loop().join(", ");
        let name = self.name;
        Err(Error::Usage(format!(
            "style {name} has no loop {what_for}; there are: {there_are}"
        )))
    }

    /// Its room where people talk.
    ///
    /// # Errors
    ///
    /// A usage error that names the styles with a room, if this one has none.
    pub fn needs_a_room(&self) -> Result<Serve, Error> {
        self.chat.ok_or_else(|| {
            let rooms = STYLES.iter().filter(|style| style.chat.is_some());
            let there_are: Vec<_> = rooms.map(|style| style.name).collect();
            let (name, there_are) = (self.name, there_are.join(", "));
            Error::Usage(format!(
                "style {name} does one thing at a time, and cannot chat; there are: {there_are}"
            ))
        })
    }

    /// Whether it can wait for more than one thing at a time.
    pub fn is_concurrent(&self) -> bool {
        self.park.is_some()
    }
}

/// One style a line: its module here, its folder, its name, since when, which programs it
/// has beside those that all have, how its tasks park. And those that have no programs of their
/// own.
macro_rules! styles {
    (@chat $module:ident) => { None };
    (@chat $module:ident chat) => { Some($module::chat::serve) };
    (@text $folder:literal) => { None };
    (@text $folder:literal chat) => { Some(include_str!(concat!($folder, "/chat.rs"))) };
    (
        {$($module:ident $folder:literal $name:literal $since:literal ($($more:ident)?) $park:expr;)*}
        and {$($other:ident;)*}
    ) => {
        $(
            #[path = $folder]
            #[allow(
                dead_code, missing_docs, unreachable_pub,
                reason = "examples, read in their stage: their `main` has nothing to do here"
            )]
            mod $module {
                pub mod countdown;
                pub mod crawl;
                pub mod echo;
                pub mod happy_eyeballs;
                $(pub mod $more;)?

                /// Their texts.
                pub(super) const SOURCES: super::Sources = super::Sources {
                    countdown: include_str!(concat!($folder, "/countdown.rs")),
                    echo: include_str!(concat!($folder, "/echo.rs")),
                    crawl: include_str!(concat!($folder, "/crawl.rs")),
                    happy_eyeballs: include_str!(concat!($folder, "/happy_eyeballs.rs")),
                    chat: styles!(@text $folder $($more)?),
                };
            }
        )*

        /// All styles, in the order of history.
        pub const STYLES: &[Style] = &[$(
            Style {
                name: $name,
                since: $since,
                folder: $folder.split_at("../".len()).1,
                countdown: $module::countdown::countdown,
                echo: $module::echo::serve,
                crawl: $module::crawl::crawl,
                happy_eyeballs: $module::happy_eyeballs::happy_eyeballs,
                chat: styles!(@chat $module $($more)?),
                park: $park,
                sources: $module::SOURCES,
            },
        )* $($other,)*];
    };
}

styles! {
    {
        blocking "../stage0-waiting/examples/blocking" "blocking" "always" () None;
        threads "../stage0-waiting/examples/threads" "threads" "always" (chat) Some(park::threads);
        callbacks "../stage1-callbacks/examples/callbacks" "callbacks" "2002 Twisted" (chat) Some(park::callbacks);
        deferreds "../stage1-callbacks/examples/deferreds" "deferreds" "2002 Twisted" (chat) Some(park::deferreds);
        greenlets "../interlude-greenlets/examples" "greenlets" "2006 greenlet" (chat) Some(park::greenlets);
        generators "../stage2-generators/examples" "generators" "2006 Python 2.5" (chat) Some(park::generators);
        yield_from "../stage3-yield-from/examples" "yield-from" "2012 Python 3.3" (chat) Some(park::yield_from);
        async_await "../stage4-async-await/examples" "async-await" "2015 Python 3.5" (chat) Some(park::async_await);
        asyncio "../stage5-asyncio/examples" "asyncio" "2014 Python 3.4" (chat) Some(park::asyncio);
    } and {
        UVLOOP;
    }
}

/// The programs of asyncio, not one line changed, on the loop of stage 6.
const UVLOOP: Style = Style {
    name: "uvloop",
    since: "2016 uvloop",
    folder: "stage5-asyncio/examples",
    countdown: || fast(asyncio::countdown::countdown),
    echo: |address, control| fast(|| asyncio::echo::serve(address, control)),
    crawl: |job| fast(|| asyncio::crawl::crawl(job)),
    happy_eyeballs: |race| fast(|| asyncio::happy_eyeballs::happy_eyeballs(race)),
    chat: Some(|address, control| fast(|| asyncio::chat::serve(address, control))),
    park: Some(|tasks, parked| fast(|| park::asyncio(tasks, parked))),
    sources: asyncio::SOURCES,
};

/// Has the loop that `program` opens be a fast one.
fn fast<R>(program: impl FnOnce() -> R) -> R {
    with_loop_factory(stage6_uvloop::open, program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_is_found_by_its_name_and_knows_its_stage() {
        let style = Style::named("threads").expect("it is in the table");
        assert_eq!(style.folder, "stage0-waiting/examples/threads");
        assert_eq!(style.stage(), "stage0-waiting");
        assert!(Style::named("fibres").is_none());
    }

    #[test]
    fn names_are_used_once() {
        let mut names = Style::names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STYLES.len());
    }
}
