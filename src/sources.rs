//! The stages' own source files, compiled in, so that they can be compared anywhere.

/// A stage, and what it is read as: its core and its programs, not its extras.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Its folder.
    pub name: &'static str,
    /// Its files, in reading order.
    pub files: &'static [File],
}

/// A file of a stage.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// From the folder of the stage.
    pub path: &'static str,
    /// All of it.
    pub text: &'static str,
}

impl Stage {
    /// The number in its name; none for an interlude.
    pub fn number(&self) -> Option<u32> {
        let digits = self.name.strip_prefix("stage")?.split('-').next()?;
        digits.parse().ok()
    }
}

/// Each stage once, with the files that it has.
macro_rules! stages {
    ($($stage:literal: $($file:literal)*;)*) => {
        /// All stages, in the order of history.
        pub const STAGES: &[Stage] = &[$(
            Stage {
                name: $stage,
                files: &[$(
                    File {
                        path: $file,
                        text: include_str!(concat!("../", $stage, "/", $file)),
                    },
                )*],
            },
        )*];
    };
}

stages! {
    "stage0-waiting":
        "examples/blocking/countdown.rs" "examples/blocking/echo.rs"
        "examples/blocking/crawl.rs" "examples/blocking/happy_eyeballs.rs" "examples/threads/countdown.rs"
        "examples/threads/echo.rs" "examples/threads/crawl.rs" "examples/threads/happy_eyeballs.rs" "examples/threads/chat.rs"
        "examples/spinning/echo.rs";
    "stage1-callbacks":
        "src/lib.rs" "src/event_loop.rs" "src/net.rs" "src/time.rs" "src/sync.rs"
        "src/deferred.rs" "src/failure.rs" "examples/callbacks/countdown.rs"
        "examples/callbacks/echo.rs" "examples/callbacks/crawl.rs" "examples/callbacks/happy_eyeballs.rs"
        "examples/callbacks/chat.rs"
        "examples/deferreds/countdown.rs" "examples/deferreds/echo.rs"
        "examples/deferreds/crawl.rs" "examples/deferreds/happy_eyeballs.rs" "examples/deferreds/chat.rs";
    "interlude-greenlets":
        "src/lib.rs" "src/event_loop.rs" "src/net.rs" "src/time.rs" "src/sync.rs"
        "src/task.rs" "src/greenlet.rs" "src/failure.rs" "examples/countdown.rs"
        "examples/echo.rs" "examples/crawl.rs" "examples/happy_eyeballs.rs" "examples/chat.rs";
    "stage2-generators":
        "src/lib.rs" "src/event_loop.rs" "src/net.rs" "src/time.rs" "src/sync.rs"
        "src/task.rs" "src/coroutine.rs" "src/deferred.rs" "src/failure.rs"
        "examples/countdown.rs" "examples/echo.rs" "examples/crawl.rs" "examples/happy_eyeballs.rs" "examples/chat.rs";
    "stage3-yield-from":
        "src/lib.rs" "src/event_loop.rs" "src/net.rs" "src/time.rs" "src/sync.rs"
        "src/task.rs" "src/coroutine.rs" "src/future.rs" "src/failure.rs"
        "examples/countdown.rs" "examples/echo.rs" "examples/crawl.rs" "examples/happy_eyeballs.rs" "examples/chat.rs";
    "stage4-async-await":
        "src/lib.rs" "src/event_loop.rs" "src/net.rs" "src/time.rs" "src/sync.rs"
        "src/task.rs" "src/cancel.rs" "examples/countdown.rs" "examples/echo.rs"
        "examples/crawl.rs" "examples/happy_eyeballs.rs" "examples/chat.rs";
    "stage5-asyncio":
        "src/lib.rs" "src/events.rs" "src/event_loop.rs" "src/selector_events.rs" "src/selector_events/sock.rs"
        "src/runners.rs"
        "src/futures.rs" "src/futures/outcome.rs" "src/tasks.rs" "src/tasks/known.rs"
        "src/tasks/gather.rs" "src/tasks/wait.rs" "src/cancel.rs" "src/exceptions.rs"
        "src/timeouts.rs" "src/taskgroups.rs" "src/contextvars.rs" "src/locks.rs" "src/queues.rs"
        "src/time.rs" "src/net.rs" "src/files.rs" "src/protocols.rs" "src/transports.rs"
        "src/transports/channel.rs" "src/transports/stream.rs" "src/transports/stream/read.rs" "src/transports/flow_control.rs"
        "src/transports/datagram.rs" "src/transports/file.rs" "src/transports/stream/sendfile.rs"
        "src/base_events.rs" "src/base_events/address.rs" "src/base_events/server.rs"
        "src/base_events/datagram.rs" "src/base_events/sendfile.rs" "src/base_events/sockets.rs" "src/unix_events.rs" "src/staggered.rs" "src/streams.rs"
        "src/streams/reader.rs" "src/streams/writer.rs" "src/tls.rs" "src/tls/session.rs"
        "src/tls/protocol.rs" "src/tls/transport.rs" "src/threads.rs" "src/process_pool.rs" "src/subprocess.rs" "src/signals.rs"
        "src/debug.rs" "src/debug/look.rs" "src/debug/queues.rs" "src/debug/serve.rs" "src/debug/tally.rs"
        "src/debug/tree.rs" "src/debug/watch.rs" "src/testing.rs"
        "examples/countdown.rs" "examples/echo.rs"
        "examples/crawl.rs" "examples/happy_eyeballs.rs" "examples/chat.rs";
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// All `.rs` files below a folder, as paths from `root`, but none of `src/extras`.
    fn files_below(root: &Path, folder: &str, found: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
        for entry in entries {
            let entry = entry.expect("a folder can be read");
            let name = entry.file_name().into_string().expect("a plain name");
            let path = format!("{folder}/{name}");
            if entry.file_type().expect("it has a type").is_dir() {
                if name != "extras" {
                    files_below(root, &path, found);
                }
            } else if Path::new(&name).extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_core_file_of_a_stage_is_in_the_table() {
        for stage in STAGES {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(stage.name);
            let mut there = Vec::new();
            files_below(&root, "examples", &mut there);
            files_below(&root, "src", &mut there);
            // A stage without a runtime has nothing to say in its lib.rs.
            let only_lib =
                there.iter().filter(|path| path.starts_with("src/")).count() == 1;
            there.retain(|path| !(only_lib && path == "src/lib.rs"));
            there.sort();
            let mut listed: Vec<_> = stage.files.iter().map(|it| it.path).collect();
            listed.sort_unstable();
            assert_eq!(listed, there, "{}", stage.name);
        }
    }

    #[test]
    fn a_stage_knows_its_number() {
        let numbers: Vec<_> = STAGES.iter().filter_map(Stage::number).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        assert_eq!(STAGES[0].number(), Some(0));
    }
}
