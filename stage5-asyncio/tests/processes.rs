//! Processes: what they say, how they end, and that nothing of them is left.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use common::{MS, poll_once, turn, turns};
use reactor::sim;
use signal_hook::consts::{SIGKILL, SIGTERM};
use stage5_asyncio::subprocess::{
    Options, Process, Stdio, create_subprocess_exec, create_subprocess_shell,
};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{
    catch_cancel, create_task, get_running_loop, run, timeout, to_thread,
};

/// Runs it with a deadline; whatever it opened has to be closed in the end.
fn in_time(main: impl Future<Output = ()> + 'static) {
    run(async {
        timeout(Duration::from_mins(1), main).await.expect("it hangs");
        // What has ended closes its pipes, and that is told in turns of their own.
        let is_closed = || get_running_loop().reactor().sockets() == 0;
        timeout(Duration::from_mins(1), until(is_closed))
            .await
            .expect("it is not closed");
    })
    .unwrap();
}

fn piped() -> Options {
    let [stdin, stdout, stderr] = [(); 3].map(|()| Stdio::piped());
    Options { stdin, stdout, stderr, ..Options::default() }
}

async fn sh(line: &str) -> Process {
    create_subprocess_shell(line, piped()).await.unwrap()
}

/// One end for a process, the other for us.
fn line() -> (Stdio, UnixStream) {
    let (theirs, ours) = UnixStream::pair().unwrap();
    (Stdio::from(OwnedFd::from(theirs)), ours)
}

/// Whether it was reaped: a zombie has still a number.
fn is_gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(MS).await;
    }
}

/// M6.44
#[test]
fn what_goes_in_comes_out_and_the_code_is_told_as_often_as_it_is_asked_for() {
    in_time(async {
        let mut cat = create_subprocess_exec("cat", [""; 0], piped()).await.unwrap();
        assert_eq!(cat.returncode(), None);
        let output = cat.communicate("hey").await.unwrap();
        assert_eq!((&*output.stdout, output.status.code()), (&b"hey"[..], Some(0)));
        assert_eq!(cat.returncode(), Some(0));

        let seven = sh("exit 7").await;
        for _ in 0..2 {
            assert_eq!(seven.wait().await.code(), Some(7));
        }
        assert_eq!(seven.returncode(), Some(7));
        assert!(is_gone(seven.pid()));
    });
}

/// M6.44
#[test]
fn a_signal_that_kills_is_a_code_below_zero() {
    in_time(async {
        for (send, code) in [
            (Process::kill as fn(&Process) -> std::io::Result<()>, -9),
            (Process::terminate, -15),
            (|it| it.send_signal(10), -10),
        ] {
            let process =
                create_subprocess_exec("sleep", ["100"], piped()).await.unwrap();
            send(&process).unwrap();
            let status = process.wait().await;
            assert_eq!((status.code(), process.returncode()), (None, Some(code)));
            let late = process.kill().unwrap_err();
            assert_eq!(late.kind(), ErrorKind::NotFound);
            assert!(late.to_string().contains("has ended"), "{late}");
        }
        let cat = create_subprocess_exec("cat", [""; 0], piped()).await.unwrap();
        assert_eq!(cat.send_signal(4711).unwrap_err().kind(), ErrorKind::InvalidInput);
        cat.kill().unwrap();
        cat.wait().await;
    });
    assert_eq!((SIGKILL, SIGTERM), (9, 15));
}

/// M6.44
#[test]
fn a_program_that_is_missing_is_named() {
    in_time(async {
        let missing = create_subprocess_exec("no-such-program", [""; 0], piped());
        let error = missing.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with("no-such-program cannot be"), "{error}");
        // It is the shell that says so, where there is one.
        let output = sh("no-such-program").await.communicate("").await.unwrap();
        assert_eq!(output.status.code(), Some(127));
        assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-program"));
    });
}

#[test]
fn what_it_says_is_read_line_by_line_while_it_runs() {
    in_time(async {
        let mut process = sh("while read n; do echo $((n * n)); done").await;
        let (stdin, mut stdout) =
            (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        for n in [3, 12] {
            stdin.write(format!("{n}\n").as_bytes());
            stdin.drain().await.unwrap();
            let line = stdout.readline().await.unwrap();
            assert_eq!(line, format!("{}\n", n * n).into_bytes());
        }
        stdin.close();
        assert_eq!(stdout.next().await.unwrap(), None);
        assert!(process.wait().await.success());
    });
}

#[test]
fn one_whose_output_nobody_can_read_any_more_hears_of_that() {
    in_time(async {
        let process = create_subprocess_exec("yes", [""; 0], piped()).await.unwrap();
        let pid = process.pid();
        drop(process); // else it would say "y" until its pipe is full, and wait for ever
        until(|| is_gone(pid)).await;
    });
}

/// Its reader may have been taken out; and may have had enough, so that the pipe is not even listened
/// to. (Here a descriptor was left until the loop's end.)
#[test]
fn one_whose_reader_was_taken_and_dropped_hears_of_that() {
    in_time(async {
        let open = get_running_loop().reactor().sockets();
        let mut process = create_subprocess_exec("yes", [""; 0], piped()).await.unwrap();
        let mut reader = process.stdout.take().unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"y\n");
        sleep(20 * MS).await; // by then it is paused
        drop(reader);
        assert_eq!(process.wait().await.signal(), Some(13), "a broken pipe");
        drop(process);
        until(|| get_running_loop().reactor().sockets() == open).await;
    });
}

#[test]
fn a_shell_has_pipes_of_its_own_and_errors_come_apart() {
    in_time(async {
        let mut process = sh("sort | head -n 1; echo oh >&2; exit 3").await;
        let output = process.communicate("b\na\n").await.unwrap();
        let heard = (&*output.stdout, &*output.stderr, output.status.code());
        assert_eq!(heard, (&b"a\n"[..], &b"oh\n"[..], Some(3)));
    });
}

#[test]
fn more_than_fits_into_a_pipe_goes_both_ways_at_a_time() {
    in_time(async {
        let sent: Vec<_> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let mut process = sh("tee /dev/stderr").await;
        let output = process.communicate(&sent).await.unwrap();
        assert!(output.stdout == sent && output.stderr == sent);
    });
}

#[test]
fn one_that_does_not_read_to_the_end_has_its_reasons() {
    in_time(async {
        let mut process = sh("exit 5").await;
        let output = process.communicate(vec![0; 1_000_000]).await.unwrap();
        assert_eq!(output.status.code(), Some(5));
    });
}

#[test]
fn where_it_starts_and_in_what_environment_can_be_said() {
    in_time(async {
        let options = Options {
            cwd: Some("/".into()),
            env: Some(vec![("WHO".into(), "me".into())]),
            ..piped()
        };
        let process = create_subprocess_shell("pwd; echo $WHO$HOME", options).await;
        let output = process.unwrap().communicate("").await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "/\nme\n");
    });
}

/// CPython's own loses here what was read so far.
#[test]
fn a_conversation_that_is_cancelled_goes_on_where_it_was() {
    in_time(async {
        let (stdin, mut tells) = line();
        let (stderr, mut errors) = line();
        let options = Options { stdin, stderr, ..piped() };
        let line = "echo one; echo said >&2; read word; echo two $word";
        let mut process = create_subprocess_shell(line, options).await.unwrap();
        {
            let mut talk = pin!(process.communicate(""));
            assert!(poll_once(talk.as_mut()).await.is_pending());
            to_thread(move || errors.read_exact(&mut [0; 5]).unwrap()).await;
            // So the first line is in the pipe by now.
            assert!(poll_once(talk.as_mut()).await.is_pending());
        }
        tells.write_all(b"more\n").unwrap();
        let output = process.communicate("").await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "one\ntwo more\n");
    });
}

#[test]
fn what_was_not_yet_written_is_written_before_what_comes_later() {
    in_time(async {
        let mut cat = sh("cat").await;
        let first = vec![1; 1_000_000];
        let cut = poll_once(pin!(cat.communicate(&first))).await;
        assert!(cut.is_pending(), "it does not fit");
        let output = cat.communicate([2; 3]).await.unwrap();
        assert!(output.stdout == [first, vec![2; 3]].concat());
    });
}

#[test]
fn one_that_never_reads_does_not_hold_up_a_cancel() {
    in_time(async {
        let options = Options { stdin: Stdio::piped(), ..Options::default() };
        let mut process =
            create_subprocess_exec("sleep", ["100"], options).await.unwrap();
        let talk = timeout(5 * MS, process.communicate(vec![0; 1_000_000]));
        assert!(talk.await.is_err());
        assert_eq!(process.returncode(), None);
        process.kill().unwrap();
        process.wait().await;
        assert!(is_gone(process.pid()));
        // Its stdin was never closed.
        process.stdin = None;
    });
}

#[test]
fn many_may_wait_and_a_cancel_is_for_one_of_them() {
    in_time(async {
        let (stdin, tells) = line();
        let options = Options { stdin, ..piped() };
        let process = create_subprocess_shell("read it; exit 4", options).await.unwrap();
        let process = Rc::new(process);
        let waits = || {
            let process = Rc::clone(&process);
            create_task(async move { process.wait().await.code() })
        };
        let tasks = [waits(), waits(), waits()];
        turn().await;
        tasks[1].cancel();
        turns(3).await;
        drop(tells);
        let [first, second, third] = tasks;
        assert!(catch_cancel(second).await.is_err());
        assert_eq!((first.await, third.await), (Some(4), Some(4)));
        assert_eq!(waits().await, Some(4));
    });
}

#[test]
fn one_that_nobody_holds_is_reaped() {
    in_time(async {
        let process = sh("read it").await;
        let pid = process.pid();
        assert!(!is_gone(pid));
        drop(process); // and its stdin
        until(|| is_gone(pid)).await;
    });
}

#[test]
fn one_that_outlives_its_loop_is_reaped_all_the_same() {
    let (stdin, tells) = line();
    let pid = run(async {
        let options = Options { stdin, ..Options::default() };
        let process = create_subprocess_shell("read it", options).await.unwrap();
        process.pid()
    });
    let pid = pid.unwrap();
    assert!(!is_gone(pid));
    drop(tells);
    run(timeout(Duration::from_mins(1), until(move || is_gone(pid)))).unwrap().unwrap();
}

#[test]
fn fifty_at_a_time_leave_nothing_behind() {
    in_time(async {
        let talks = (0..50_u8).map(|n| async move {
            let mut process = sh("cat; exit $(cat /dev/null)3").await;
            let output = process.communicate([n]).await.unwrap();
            assert_eq!((&*output.stdout, output.status.code()), (&[n][..], Some(3)));
            process.pid()
        });
        let pids = gather(talks).await;
        assert!(pids.into_iter().all(is_gone));
    });
}

#[test]
fn an_invented_network_has_no_processes_and_none_is_started() {
    let network = sim::Sim::new(1, sim::Weather::calm());
    let refused = reactor::backend::scope(network, || {
        run(create_subprocess_exec("no-such-program", [""; 0], piped())).unwrap()
    });
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("cannot wait for processes"), "{error}");
}
