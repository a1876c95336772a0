//! Readiness without a race, and the descriptors that a harness hands over.

mod support;

#[path = "support/daemon.rs"]
mod daemon;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use daemon::{Daemon, in_shell, mockpilot, read_all, use_once};
use serde_json::Value;
use support::{Binary, Client, DEADLINE, TempDir, poll};

/// Rounds of each way to learn that connects succeed.
const ROUNDS: usize = 100;

/// Keeps every processor busy, and the scheduler too.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start() -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..2 * thread::available_parallelism().map_or(2, usize::from) {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
            });
        }
        Load(stop)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn who_waits_for_the_ready_line_is_never_refused() {
    let _load = Load::start();
    let directory = TempDir::new();
    let socket = directory.join("s");
    for _ in 0..ROUNDS {
        let mut daemon = Daemon::spawn(
            mockpilot()
                .args(["serve", "-q", "--ready-fd", "1", "--seed", "7", "--socket"])
                .arg(&socket)
                .stdout(Stdio::piped()),
        );
        let mut line = String::new();
        let mut stdout = BufReader::new(daemon.0.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        use_once(&socket);
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["socket"], socket.to_str().unwrap());
        assert_eq!(told["control"], Value::Null);
        assert_eq!(told["pid"], daemon.0.id());
        assert_eq!(told["seed"], 7);
        assert_eq!(daemon.terminate().0, 0);
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn whom_notify_socket_tells_is_never_refused() {
    let _load = Load::start();
    let directory = TempDir::new();
    let socket = directory.join("s");
    let path = directory.join("n");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(DEADLINE)).unwrap();
    let receive = || {
        let mut got = [0; 64];
        let length = manager.recv(&mut got).unwrap();
        String::from_utf8(got[..length].to_vec()).unwrap()
    };
    for _ in 0..ROUNDS {
        let mut daemon = Daemon::spawn(
            mockpilot()
                .args(["serve", "-q", "--socket"])
                .arg(&socket)
                .env("NOTIFY_SOCKET", &path),
        );
        assert_eq!(receive(), "READY=1");
        use_once(&socket);
        assert_eq!(daemon.terminate().0, 0);
        assert_eq!(receive(), "STOPPING=1");
    }
}

#[test]
fn with_an_inherited_socket_nobody_is_too_early() {
    let _load = Load::start();
    let directory = TempDir::new();
    let socket = directory.join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    for round in 0..ROUNDS {
        let early = (round % 2 == 0).then(|| Client::connect(&socket));
        let mut daemon = Daemon::spawn(
            mockpilot()
                .args(["serve", "-q", "--listen-fd", "0"])
                .stdin(OwnedFd::from(listener.try_clone().unwrap())),
        );
        if let Some(mut early) = early {
            early.call_ok(0x21, &[]);
        }
        use_once(&socket);
        assert_eq!(daemon.terminate().0, 0);
    }
    assert!(socket.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_names_serve_too() {
    use std::os::linux::net::SocketAddrExt;
    let name = |what| format!("mockpilot-test-{what}-{}", std::process::id());
    let address = |what| SocketAddr::from_abstract_name(name(what)).unwrap();
    let listener = UnixListener::bind_addr(&address("listen")).unwrap();
    let manager = UnixDatagram::bind_addr(&address("notify")).unwrap();
    manager.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut daemon = Daemon::spawn(
        mockpilot()
            .args(["serve", "--listen-fd", "0", "--ready-fd", "1"])
            .env("NOTIFY_SOCKET", format!("@{}", name("notify")))
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::piped()),
    );
    assert_eq!(manager.recv(&mut [0; 64]).unwrap(), "READY=1".len());
    let client = UnixStream::connect_addr(&address("listen")).unwrap();
    Client::over(client).call_ok(0x21, &[]);
    let (status, line, _) = daemon.terminate();
    assert_eq!(status, 0);
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["socket"], format!("@{}", name("listen")));
}

#[test]
fn the_harness_keeps_its_listening_socket() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    // As event loops have them.
    listener.set_nonblocking(true).unwrap();
    let mut daemon = Daemon::spawn(
        mockpilot()
            .args(["serve", "--listen-fd", "0"])
            .stdin(OwnedFd::from(listener.try_clone().unwrap())),
    );
    use_once(&socket);
    listener.set_nonblocking(true).unwrap();
    for _ in 0..3 {
        use_once(&socket);
    }
    assert_eq!(daemon.terminate().0, 0);
    assert!(socket.exists());
    listener.set_nonblocking(true).unwrap();
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    let _client = UnixStream::connect(&socket).unwrap();
    listener.accept().unwrap();
}

#[test]
fn a_lost_name_does_not_keep_the_daemon() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut daemon = Daemon::spawn(
        mockpilot()
            .args(["serve", "--listen-fd", "0"])
            .stdin(OwnedFd::from(listener)),
    );
    use_once(&socket);
    fs::remove_file(&socket).unwrap();
    assert_eq!(daemon.terminate().0, 0);
}

#[test]
fn the_first_line_of_the_log_is_the_daemons() {
    for _ in 0..5 {
        let directory = TempDir::new();
        let listener = UnixListener::bind(directory.join("s")).unwrap();
        let socket = directory.join("s");
        let mut early: Vec<Client> = (0..16).map(|_| Client::connect(&socket)).collect();
        let log = directory.join("l");
        let mut daemon = Daemon::spawn(
            mockpilot()
                .args(["serve", "--listen-fd", "0", "-v", "--log"])
                .arg(&log)
                .arg("--control")
                .arg(directory.join("c"))
                .stdin(OwnedFd::from(listener)),
        );
        for client in &mut early {
            client.call_ok(0x21, &[]);
        }
        assert_eq!(daemon.terminate().0, 0);
        let log = fs::read_to_string(log).unwrap();
        assert!(log.starts_with("mockpilot: listening on "), "{log}");
    }
}

#[test]
fn the_ready_descriptor_is_closed_behind_the_line() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    let path = socket.to_str().unwrap();
    let script = r#"exec "$0" serve --socket "$1" --ready-fd 3 3>&1 >/dev/null"#;
    let mut daemon = Daemon::spawn(&mut in_shell(script, &[path]));
    let line = read_all(daemon.0.stdout.take()).join().unwrap();
    assert!(daemon.0.try_wait().unwrap().is_none());
    assert!(
        line.starts_with(&format!(
            "{{\"socket\":\"{path}\",\"control\":null,\"pid\":"
        )),
        "{line}"
    );
    assert!(line.ends_with(",\"seed\":1}\n"), "{line}");
    assert_eq!(daemon.terminate().0, 0);
}

#[test]
fn a_failed_start_is_told_on_both_ways() {
    let directory = TempDir::new();
    let file = directory.join("f");
    fs::write(&file, "mine").unwrap();
    for (script, why) in [
        (
            r#"exec "$0" serve --socket "$1" --ready-fd 3 3>&1"#,
            format!("{}: exists and is not a socket", file.display()),
        ),
        (
            r#"exec "$0" serve --socket "$1" --log "$1/log" --ready-fd 3 3>&1"#,
            format!(
                "{}/log: cannot open the log: not a directory",
                file.display()
            ),
        ),
        (
            r#"exec "$0" serve --socket "$1" --lifeline-fd 4 --ready-fd 5 5>&1"#,
            "--lifeline-fd 4: bad file descriptor".to_owned(),
        ),
        (
            r#"exec "$0" serve --listen-fd 4 --ready-fd 3 3>&1 4<"$1""#,
            "--listen-fd 4: not a Unix socket".to_owned(),
        ),
    ] {
        let mut daemon = Daemon::spawn(&mut in_shell(script, &[file.to_str().unwrap()]));
        let (status, line, complaint) = daemon.end();
        assert_eq!(status, 1, "{script}");
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["error"], why);
        assert_eq!(complaint, format!("mockpilot: {why}\n"));
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn nothing_is_logged_before_the_line_with_the_seed() {
    let scenario = r#"{"timeline":[{"at":"0s","push":[{"recv_from":
        {"from":"0:0000.0000.0002:5000","to_port":80,"data":"x"}}]}]}"#;
    for _ in 0..10 {
        let mut daemon = Binary::start(&["--control", "c", "--scenario", scenario]);
        let dropped = poll(|| daemon.stderr().contains("dropped").then_some(()));
        assert_eq!(dropped, Some(()), "{}", daemon.stderr());
        assert!(daemon.terminate().success());
        let log = daemon.stderr();
        assert!(log.starts_with("mockpilot: listening on "), "{log}");
    }
}

/// Clients may be there by then.
#[test]
fn a_ready_line_that_cannot_be_written_ends_it_in_order() {
    let directory = TempDir::new();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let manager = UnixDatagram::bind(path("n")).unwrap();
    manager.set_read_timeout(Some(DEADLINE)).unwrap();
    // Full, and not waited for.
    let (_kept, mut full) = UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    for piece in [4096, 1] {
        while full.write(&[b'x'; 4096][..piece]).is_ok() {}
    }
    let mut daemon = Daemon::spawn(
        mockpilot()
            .args(["serve", "--ready-fd", "1", "--journal", &path("j")])
            .args(["--scenario", r#"{"expect":[{"on":"dial"}]}"#])
            .args(["--socket", &path("s")])
            .env("NOTIFY_SOCKET", path("n"))
            .stdout(OwnedFd::from(full))
            .stderr(Stdio::piped()),
    );
    let (status, _, said) = daemon.end();
    assert_eq!(status, 1, "{said}");
    let why = "mockpilot: --ready-fd: cannot write: resource temporarily unavailable\n";
    assert!(said.ends_with(why), "{said}");
    assert!(said.contains("expected at least 1"), "{said}");
    let mut told = [0; 64];
    let length = manager.recv(&mut told).unwrap();
    assert_eq!(&told[..length], b"STOPPING=1");
    let journal = fs::read_to_string(path("j")).unwrap();
    assert!(journal.contains(r#""event":"stop""#), "{journal}");
    assert!(!directory.join("s").exists());
}

#[test]
fn bad_descriptors_are_status_1_and_doubled_ones_2() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    for (options, status) in [
        ("--socket $1 --ready-fd 77", 1),
        ("--socket $1 --lifeline-fd 1000000", 1),
        ("--listen-fd 77", 1),
        // One that is open, but not for that.
        ("--socket $1 --ready-fd 0", 1),
        ("--socket $1 --lifeline-fd 4 4>/dev/null", 1),
        ("--socket $1 --listen-fd 0", 2),
        ("--socket $1 --ready-fd 3 --lifeline-fd 3 3</dev/null", 2),
        ("--socket $1 --ready-fd -1", 2),
        ("--socket $1 --lifeline-fd 99999999999", 2),
    ] {
        let script = format!("exec \"$0\" serve {options}");
        let mut daemon = Daemon::spawn(&mut in_shell(&script, &[socket.to_str().unwrap()]));
        let (got, _, complaint) = daemon.end();
        assert_eq!(got, status, "{options}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{options}: {complaint}");
        assert!(!socket.exists());
    }
}

#[test]
fn sockets_of_other_kinds_do_not_listen() {
    let directory = TempDir::new();
    let datagram = UnixDatagram::bind(directory.join("d")).unwrap();
    let (stream, _other) = UnixStream::pair().unwrap();
    let internet = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for descriptor in [
        OwnedFd::from(datagram),
        OwnedFd::from(stream),
        OwnedFd::from(internet),
    ] {
        let mut daemon = Daemon::spawn(
            mockpilot()
                .args(["serve", "--listen-fd", "0"])
                .stdin(descriptor),
        );
        assert_eq!(daemon.end().0, 1);
    }
}
