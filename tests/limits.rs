//! Limits: clients, descriptors, budgets, and a log that nobody reads.

mod support;

use std::process::{Command, Stdio};

use support::{Binary, Client, DEADLINE, Received, TempDir};

/// Connects, and tells whether a request is answered; a refused client sees an end.
fn is_served(client: &mut Client) -> bool {
    let stream = client.stream();
    if std::io::Write::write_all(&mut &*stream, &Client::frame(0x21, &[])).is_err() {
        return false;
    }
    match client.receive(std::time::Instant::now() + DEADLINE) {
        Received::Frame(0x22, _) => true,
        Received::Eof | Received::Reset => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn clients_beyond_the_limit_are_closed_and_the_others_undisturbed() {
    let daemon = Binary::start(&["--max-clients", "3"]);
    let mut clients: Vec<_> = (0..3).map(|_| daemon.connect()).collect();
    for client in &mut clients {
        assert!(is_served(client));
    }
    for _ in 0..5 {
        assert!(!is_served(&mut daemon.connect()));
    }
    for client in &mut clients {
        assert!(is_served(client));
    }
    let mut gone = clients.pop().unwrap();
    gone.shutdown_write();
    gone.recv_eof();
    assert!(is_served(&mut daemon.connect()));
}

/// One that has said its last word and has not read everything is still there.
#[test]
fn a_client_that_still_has_to_read_counts() {
    const REQUESTS: usize = 2000;
    let directory = TempDir::new();
    let journal = directory.join("j");
    let words = ["--max-clients", "1", "--write-timeout", "1h", "--journal"];
    let mut words: Vec<_> = words.map(std::path::Path::new).to_vec();
    words.push(&journal);
    let daemon = Binary::start(&words);
    let mut first = daemon.connect();
    first.send_raw(&Client::frame(0x21, &[]).repeat(REQUESTS));
    first.shutdown_write();
    let parted = || {
        let text = std::fs::read_to_string(&journal).ok()?;
        text.contains("\"event\":\"disconnect\"").then_some(())
    };
    support::poll(parted).expect("an end of its session");
    assert!(!is_served(&mut daemon.connect()));
    for _ in 0..REQUESTS {
        first.expect(0x22);
    }
    first.recv_eof();
    assert!(is_served(&mut daemon.connect()));
}

#[test]
fn two_thousand_at_once() {
    let daemon = Binary::start::<&str>(&[]);
    let mut clients: Vec<_> = (0..2000).map(|_| daemon.connect()).collect();
    let served = clients.iter_mut().map(is_served).filter(|s| *s).count();
    assert_eq!(served, 1024);
    drop(clients);
    let left = support::poll(|| is_served(&mut daemon.connect()).then_some(()));
    assert_eq!(left, Some(()));
}

#[test]
fn out_of_descriptors_new_clients_are_turned_away_and_old_ones_served() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    let script = "ulimit -n 40; exec \"$0\" -socket \"$1\"";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_mockpilot")])
        .arg(&socket)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    support::poll(|| socket.exists().then_some(())).expect("a socket");
    let mut first = Client::connect(&socket);
    assert!(is_served(&mut first));
    let mut served = Vec::new();
    let mut refused = 0;
    for _ in 0..60 {
        let mut client = Client::connect(&socket);
        if is_served(&mut client) {
            served.push(client);
        } else {
            refused += 1;
        }
    }
    assert!(
        refused > 20 && served.len() > 10,
        "{refused} {}",
        served.len()
    );
    assert!(is_served(&mut first));
    drop(served);
    let again = support::poll(|| is_served(&mut Client::connect(&socket)).then_some(()));
    assert_eq!(again, Some(()));
    assert!(is_served(&mut first));
    let kill = Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", child.id())])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output_of();
    assert_eq!(output.matches("out of descriptors").count(), 1, "{output}");
}

/// The end of a child: its standard error, once it has ended well.
trait Ending {
    fn wait_with_output_of(&mut self) -> String;
}

impl Ending for std::process::Child {
    fn wait_with_output_of(&mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
        assert!(self.wait().unwrap().success(), "{text}");
        text
    }
}

#[test]
fn datagrams_to_a_client_that_does_not_read_are_dropped_not_queued() {
    let daemon = Binary::start(&["--write-timeout", "60s"]);
    let mut deaf = daemon.connect();
    deaf.call_ok(0x21, &[]);
    let mut sender = daemon.connect();
    let datagram = [&[0, 0, 0, 0, 0, 5, 0, 80][..], &[7; 60_000]].concat();
    for _ in 0..200 {
        sender.send(0x39, &datagram);
        // Its own copy and its confirmation come, whatever becomes of the other's.
        sender.expect(0x0C);
        sender.expect(0x3A);
    }
    let received = deaf.quiet();
    assert!(received.len() < 60, "{} datagrams waited", received.len());
    assert!(received.len() >= 10);
    assert!(
        received
            .iter()
            .all(|(code, p)| *code == 0x0C && p.len() == 60_010)
    );
}

#[test]
fn replies_wait_for_a_client_that_reads_late() {
    let daemon = Binary::start::<&str>(&[]);
    let client = daemon.connect();
    let requests = Client::frame(0x0D, &[]).repeat(20_000);
    let mut reader = Client::over(client.stream().try_clone().unwrap());
    let writing = std::thread::spawn(move || {
        let mut client = client;
        client.send_raw(&requests);
        client
    });
    for _ in 0..20_000 {
        reader.expect(0x0E);
    }
    drop(writing.join().unwrap());
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    // Standard error is a pipe that stays full; every frame is logged.
    let mut child = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(["-v", "-socket"])
        .arg(&socket)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    support::poll(|| socket.exists().then_some(())).expect("a socket");
    let mut client = Client::connect(&socket);
    for _ in 0..5_000 {
        client.call_ok(0x21, &[]);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_closed_standard_error_holds_nothing_up() {
    let directory = TempDir::new();
    let socket = directory.join("s");
    for redirection in ["2>&-", "2>&- >&- <&-", "2>/dev/full"] {
        let script = format!("exec \"$0\" -v -socket \"$1\" {redirection}");
        let mut child = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_mockpilot")])
            .arg(&socket)
            .spawn()
            .unwrap();
        support::poll(|| socket.exists().then_some(())).expect("a socket");
        let mut client = Client::connect(&socket);
        client.call_ok(0x21, &[]);
        assert_eq!(client.error_text(0x7E, &[]), "unknown command: 0x7E");
        let kill = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", child.id())])
            .status();
        assert!(kill.unwrap().success());
        assert!(child.wait().unwrap().success(), "{redirection}");
    }
}
