//! Never an orphan: the daemon ends with whoever started it.

mod support;

#[path = "support/daemon.rs"]
mod daemon;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use daemon::{Daemon, in_shell, mockpilot, use_once};
use mockpilot::sys;
use support::{Client, TempDir, poll};

const SIGKILL: i32 = 9;

/// For how long a killed harness may leave something behind: a second, and the rest for a machine whose
/// disk is busy.
const LEFT_BEHIND: Duration = Duration::from_secs(5);

#[test]
fn a_lifeline_ends_the_daemon_and_no_copy_of_its_own_keeps_it() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    for (script, why) in [
        (
            r#"exec "$0" serve --socket "$1" --lifeline-fd 0"#,
            "standard input",
        ),
        (
            r#"exec "$0" serve --socket "$1" --lifeline-fd 7 7<&0 8<&0 </dev/null"#,
            "another one, and a second copy",
        ),
        (
            // The FIFO's writing end comes along, as in a harness that forks without closing it.
            r#"mkfifo "$1.f"; exec 6<&0 7<>"$1.f" 8<"$1.f" 9>"$1.f"; rm "$1.f"; cat <&6 >&9 7<&- 8<&- &
               exec "$0" serve --socket "$1" --lifeline-fd 8 </dev/null"#,
            "writing ends in the daemon itself",
        ),
    ] {
        let mut command = in_shell(script, &[socket.to_str().unwrap()]);
        let mut daemon = Daemon::spawn(command.stdin(Stdio::piped()));
        poll(|| socket.exists().then_some(())).expect(why);
        let mut lifeline = daemon.0.stdin.take().unwrap();
        lifeline.write_all(b"still here").unwrap();
        use_once(&socket);
        assert!(daemon.0.try_wait().unwrap().is_none(), "{why}");
        drop(lifeline);
        let (status, _, log) = daemon.end();
        assert_eq!(status, 0, "{why}");
        assert!(
            log.ends_with("mockpilot: ended: the lifeline is closed\n"),
            "{log}"
        );
        assert!(!socket.exists());
    }
}

/// A harness that starts a daemon and is killed while that runs; both have the standard output that is
/// returned.
fn killed_harness(script: &str, socket: &Path) -> impl Read {
    let mut harness = in_shell(script, &[socket.to_str().unwrap()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    poll(|| socket.exists().then_some(())).expect("a socket");
    use_once(socket);
    sys::kill(harness.id(), SIGKILL).unwrap();
    harness.wait().unwrap();
    harness.stdout.take().unwrap()
}

#[test]
fn killed_harnesses_leave_nothing() {
    let directory = TempDir::new();
    let scripts = [
        r#"mkfifo "$1.f"; exec 3<>"$1.f" 4<"$1.f"; rm "$1.f"; "$0" serve --socket "$1" --lifeline-fd 4 & wait"#,
        r#""$0" serve --socket "$1" --exit-with-parent & wait"#,
        r#""$0" serve --socket "$1" --exit-with-parent=$$ & wait"#,
    ];
    thread::scope(|scope| {
        for number in 0..42 {
            let socket = directory.join(&format!("s{number}"));
            let script = scripts[number % 3];
            scope.spawn(move || {
                let mut output = killed_harness(script, &socket);
                let killed = Instant::now();
                output.read_to_end(&mut Vec::new()).unwrap();
                let lived = killed.elapsed();
                assert!(lived < LEFT_BEHIND, "{script}: {lived:?}");
                assert!(!socket.exists(), "{script}");
            });
        }
    });
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_parent_that_is_none_is_gone() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    let path = socket.to_str().unwrap();
    let script = r#"exec "$0" serve --socket "$1" --exit-with-parent=$$"#;
    // After exec the shell's number is the daemon's own.
    let (status, _, log) = Daemon::spawn(&mut in_shell(script, &[path])).end();
    assert_eq!(status, 0);
    assert!(
        log.contains("mockpilot: ended: the parent, process "),
        "{log}"
    );
    assert!(!socket.exists());
}

/// PR_SET_PDEATHSIG would fire here.
#[test]
fn a_spawning_thread_may_end() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    let mut daemon = {
        let socket = socket.clone();
        let spawning = thread::spawn(move || {
            let parent = format!("--exit-with-parent={}", std::process::id());
            let mut command = mockpilot();
            command.args(["serve", &parent, "--socket"]).arg(&socket);
            Daemon::spawn(command.stdout(Stdio::piped()))
        });
        spawning.join().unwrap()
    };
    poll(|| socket.exists().then_some(())).expect("a socket");
    let mut stdout = daemon.0.stdout.take().unwrap();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(stdout.read(&mut [0])));
    // Several looks at the parent.
    end.recv_timeout(Duration::from_millis(500))
        .expect_err("it lives");
    use_once(&socket);
    assert_eq!(daemon.terminate().0, 0);
}

#[test]
fn the_last_client_that_spoke_ends_the_daemon() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    let mut daemon = Daemon::spawn(
        mockpilot()
            .args(["serve", "--exit-on-last-client", "--socket"])
            .arg(&socket)
            .stderr(Stdio::piped()),
    );
    poll(|| socket.exists().then_some(())).expect("a socket");
    // Somebody who only looks whether it is there.
    drop(UnixStream::connect(&socket).unwrap());
    let silent = UnixStream::connect(&socket).unwrap();
    let mut first = Client::connect(&socket);
    first.call_ok(0x21, &[]);
    let mut second = Client::connect(&socket);
    second.send_raw(&[0]);
    drop(second);
    let mut third = Client::connect(&socket);
    third.call_ok(0x21, &[]);
    drop(first);
    third.call_ok(0x21, &[]);
    assert!(daemon.0.try_wait().unwrap().is_none());
    drop(third);
    let (status, _, log) = daemon.end();
    assert_eq!(status, 0);
    assert!(
        log.ends_with("mockpilot: ended: the last client has left\n"),
        "{log}"
    );
    drop(silent);
    assert!(!socket.exists());
}
