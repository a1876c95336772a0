//! How the daemon comes and goes: paths, signals, statuses.

mod support;

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use support::{Binary, Client, TempDir, end_in_time};

#[test]
fn a_daemon_starts_and_stops() {
    let mut daemon = Binary::start::<&str>(&[]);
    let mode = std::fs::metadata(daemon.socket()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert!(daemon.terminate().success());
    assert!(!daemon.socket().exists());
    let lines: Vec<String> = daemon.stderr().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("mockpilot: listening on "),
        "{lines:?}"
    );
    assert!(lines[0].contains("seed 1"), "{lines:?}");
    assert!(daemon.stdout().is_empty());
    assert_eq!(std::fs::read_dir(daemon.directory()).unwrap().count(), 0);
}

/// The first mock's place: its name, `-socket PATH`, nothing else.
#[test]
fn the_first_mocks_place_can_be_taken() {
    let directory = TempDir::new();
    let binary = directory.join("mock-daemon");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mockpilot"), &binary).unwrap();
    let socket = directory.join("s");
    let mut child = std::process::Command::new(&binary)
        .arg("-socket")
        .arg(&socket)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    support::poll(|| socket.exists().then_some(())).expect("a socket");
    let mut client = Client::connect(&socket);
    let info = client.call_json(0x0D, &[]);
    assert_eq!(info["node_id"], 0x1234_5678);
    assert_eq!(info["address"], "0:0000.1234.5678");
    assert_eq!(info["hostname"], "mock-daemon");
    let version = format!("mock-{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(info["version"], version);
    let kill = format!("kill -TERM {}", child.id());
    let killed = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(killed.unwrap().success());
    assert!(child.wait().unwrap().success());
    assert!(!socket.exists());
}

#[test]
fn every_ending_signal_is_a_good_end() {
    for signal in ["TERM", "INT", "HUP"] {
        let mut daemon = Binary::start::<&str>(&[]);
        let mut client = daemon.connect();
        client.call_ok(0x21, &[]);
        daemon.signal(signal);
        assert!(daemon.wait().success(), "{signal}");
        client.recv_eof();
        assert!(!daemon.socket().exists());
    }
}

#[test]
fn a_thousand_clients_of_which_some_are_stalled_are_ended_in_time() {
    end_in_time(1, end_of_a_thousand);
}

/// How long the end of a daemon takes that has a thousand clients.
fn end_of_a_thousand() -> Duration {
    let mut daemon = Binary::start(&["--write-timeout", "60s"]);
    let mut stalled: Vec<_> = (0..10).map(|_| daemon.connect()).collect();
    for client in &mut stalled {
        // Three replies of a megabyte each, of which the socket takes a fraction.
        client.send(0x03, &[0, 0, 0, 0, 0, 5, 0, 7]);
        let conn = client.expect(0x04);
        let echo = Client::frame(0x06, &[conn, vec![7; 500_000]].concat());
        client.send_raw(&echo.repeat(2));
    }
    let mut clients: Vec<_> = (0..990).map(|_| daemon.connect()).collect();
    for client in &mut clients {
        client.call_ok(0x21, &[]);
    }
    let before = Instant::now();
    let status = daemon.terminate();
    let took = before.elapsed();
    assert!(status.success());
    for client in &mut clients {
        client.recv_eof();
    }
    assert!(!daemon.socket().exists());
    took
}

#[test]
fn what_cannot_run_says_why_in_one_line() {
    let directory = TempDir::new();
    let file = directory.join("file");
    std::fs::write(&file, "precious").unwrap();
    let long = directory.join(&"x".repeat(108));
    let missing = directory.join("missing/s");
    for (path, why) in [
        (&file, "exists and is not a socket"),
        (&long, "over the limit of 107"),
        (&missing, "no such directory"),
    ] {
        let mut daemon = Binary::bare(&["serve".as_ref(), "--socket".as_ref(), path.as_os_str()]);
        assert_eq!(daemon.wait().code(), Some(1));
        let said = daemon.stderr();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.starts_with("mockpilot: /") && said.contains(why),
            "{said}"
        );
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn a_live_socket_is_left_alone_and_a_dead_one_is_taken() {
    let daemon = Binary::start::<&str>(&[]);
    let mut client = daemon.connect();
    let socket = daemon.socket().as_os_str().to_owned();
    let mut second = Binary::bare(&["-socket".as_ref(), &*socket]);
    assert_eq!(second.wait().code(), Some(1));
    assert!(second.stderr().contains("in use"), "{}", second.stderr());
    client.call_ok(0x21, &[]);

    let directory = TempDir::new();
    let mut killed = Binary::launch_in(directory, &[] as &[&str]);
    killed.wait_for_socket();
    killed.signal("KILL");
    assert_eq!(killed.wait().signal(), Some(9));
    let kind = std::fs::symlink_metadata(killed.socket())
        .unwrap()
        .file_type();
    assert!(kind.is_socket());
    let path = killed.socket().as_os_str().to_owned();
    let mut next = Binary::bare(&["-socket".as_ref(), &*path]);
    let reached = support::poll(|| std::os::unix::net::UnixStream::connect(&path).ok());
    Client::over(reached.expect("a connect")).call_ok(0x21, &[]);
    assert!(next.terminate().success());
}

#[test]
fn misuse_is_status_two_and_one_line() {
    for (args, why) in [
        (&[][..], "no command given"),
        (&["serve"][..], "--socket"),
        (&["--sokcet", "x"][..], "did you mean --socket"),
        (&["serve", "--socket"][..], "--socket"),
        (&["-socket", "s", "--profile", "strict"][..], "strict"),
        (&["-socket", "s", "--max-clients", "0"][..], "--max-clients"),
        (&["frobnicate"][..], "frobnicate"),
    ] {
        let mut daemon = Binary::bare(args);
        assert_eq!(daemon.wait().code(), Some(2), "{args:?}");
        let said = daemon.stderr();
        assert!(
            said.starts_with("mockpilot: ") && said.contains(why),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(daemon.stdout().is_empty());
    }
}

#[test]
fn what_was_asked_for_goes_to_standard_output() {
    for args in [
        &["--help"][..],
        &["serve", "--help"],
        &["--version"],
        &["-h"],
    ] {
        let mut daemon = Binary::bare(args);
        assert!(daemon.wait().success());
        assert!(daemon.stdout().contains("mockpilot"), "{}", daemon.stdout());
        assert!(daemon.stderr().is_empty());
    }
    // A closed pipe is not an error.
    let script = "\"$0\" --help | true";
    let status = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_mockpilot")])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_client_that_connects_at_first_sight_is_never_refused() {
    for _ in 0..30 {
        let mut daemon = Binary::launch::<&str>(&[]);
        daemon.wait_for_socket();
        let mut client = daemon.connect();
        client.call_ok(0x21, &[]);
        assert!(daemon.terminate().success());
    }
}
