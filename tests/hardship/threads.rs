//! No thread is left.

use std::os::unix::net::UnixListener;

use serde_json::{Value, json};

use super::confined::{Confined, events, has_no_gap, is_served};
use super::steered::Talk;
use super::support::{Client, Received, TempDir, poll};

const THREADS: usize = 14;

/// A daemon with no thread left, the clients that it serves, and a control client.
struct Full {
    daemon: Confined,
    clients: Vec<Client>,
    refused: usize,
    steering: Talk,
}

impl Full {
    fn start(args: &[&str]) -> Full {
        let daemon = Confined::with_threads(THREADS, &[&["--journal", "j"], args].concat());
        let mut steering = daemon.talk();
        steering.done(json!({"verb": "ping"}));
        let mut clients = Vec::new();
        let mut refused = 0;
        for _ in 0..3 * THREADS {
            let mut client = daemon.connect();
            if is_served(&mut client) {
                clients.push(client);
            } else {
                refused += 1;
            }
        }
        assert!(clients.len() >= 4, "{} are served", clients.len());
        assert!(refused > THREADS, "{refused} are refused");
        assert_eq!(daemon.threads(), THREADS);
        Full {
            daemon,
            clients,
            refused,
            steering,
        }
    }

    /// Lets the last client go, and with it a thread.
    fn release_one(&mut self) {
        drop(self.clients.pop());
        let daemon = &self.daemon;
        let back = poll(|| (daemon.threads() == THREADS - 1).then_some(()));
        assert_eq!(back, Some(()));
    }

    fn entries(&mut self) -> Vec<Value> {
        let kept = self.steering.done(json!({"verb": "journal", "since": 0}));
        kept["entries"].as_array().unwrap().clone()
    }
}

#[test]
fn who_is_in_is_served_and_who_comes_is_closed() {
    let mut full = Full::start(&[]);
    assert!(full.clients.iter_mut().all(is_served));
    let entries = full.entries();
    has_no_gap(&entries);
    let came = full.clients.len() + full.refused;
    assert_eq!(events(&entries, "connect"), came);
    let dropped = entries.iter().filter(|entry| entry["reason"] == "drop");
    assert_eq!(dropped.count(), full.refused);
    // A control client has no better luck.
    assert!(!full.daemon.talks());

    full.release_one();
    let mut next = full.daemon.connect();
    assert!(is_served(&mut next));
    assert_eq!(full.daemon.terminate().0, Some(0));
    for client in full.clients.iter_mut().chain([&mut next]) {
        client.recv_eof();
    }
    let daemon = &full.daemon;
    daemon.says_once("mockpilot: out of threads: new clients are closed at once\n");
    daemon.says_once("mockpilot: control: out of threads: new clients are closed at once\n");
    let written = daemon.file();
    has_no_gap(&written);
    assert_eq!(events(&written, "connect"), came + 1);
    assert_eq!(events(&written, "disconnect"), came + 1);
}

/// A dial of the own node, port 80.
const DIAL: [u8; 8] = [0, 0, 0x12, 0x34, 0x56, 0x78, 0, 80];

#[test]
fn a_client_whose_pushes_have_no_thread_is_dropped_with_a_word() {
    let mut full = Full::start(&[]);
    full.clients[0].call_ok(0x01, &[0, 80]);
    // The listener has no thread yet for the push of the dial; the dialler's own session answers it.
    full.clients[1].send(0x03, &DIAL);
    let listener = &mut full.clients[0];
    let end = listener.receive(std::time::Instant::now() + super::support::DEADLINE);
    assert!(matches!(end, Received::Eof | Received::Reset), "{end:?}");
    full.daemon
        .says_once("mockpilot: client 1: no thread for its pushes, dropped: ");
    assert!(full.clients[2..].iter_mut().all(is_served));
    let entries = full.entries();
    let left = entries
        .iter()
        .find(|entry| entry["event"] == "disconnect" && entry["client"] == 1);
    assert_eq!(left.unwrap()["reason"], "drop");

    // With threads again, all is as it should be.
    full.clients.truncate(2);
    let daemon = &full.daemon;
    let back = poll(|| (daemon.threads() < THREADS - 3).then_some(()));
    assert_eq!(back, Some(()));
    let mut clients = [daemon.settled(), daemon.settled()];
    clients[0].call_ok(0x01, &[0, 80]);
    clients[1].call_ok(0x03, &DIAL);
    assert_eq!(clients[0].expect(0x05)[..2], [0, 80]);
    assert_eq!(full.daemon.terminate().0, Some(0));
}

/// Its thread for pushes may be the last one that there was.
#[test]
fn a_newcomer_without_a_thread_is_closed_though_it_has_one_for_its_pushes() {
    let greeting = json!({"rules": [{"on": "connect", "push": [{"recv_from": {
        "from": "0:0000.0000.0002:7", "to_port": 9, "data": "hello"}}]}]});
    // An odd and an even number: every client has two threads.
    for most in [THREADS, THREADS + 1] {
        let daemon = Confined::with_threads(most, &["--scenario", &greeting.to_string()]);
        let mut clients: Vec<_> = (0..most).map(|_| daemon.connect()).collect();
        let served = clients.iter_mut().map(|client| {
            let request = Client::frame(0x21, &[]);
            let _ = std::io::Write::write_all(&mut client.stream(), &request);
            loop {
                match client.receive(std::time::Instant::now() + super::support::DEADLINE) {
                    Received::Frame(0x0C, _) => {}
                    Received::Frame(0x22, _) => break true,
                    Received::Eof | Received::Reset => break false,
                    other => panic!("{other:?}"),
                }
            }
        });
        let served = served.filter(|served| *served).count();
        assert!((2..most / 2).contains(&served), "{served} of {most}");
    }
}

#[test]
fn what_is_due_later_has_its_thread_from_the_start() {
    let rule = r#"{"rules": [{"on": "info", "delay": "10ms"}]}"#;
    let mut full = Full::start(&["--scenario", rule]);
    // The answer goes out by the client's push thread, for which there is room.
    full.release_one();
    full.clients[0].call_ok(0x0D, &[]);
    assert_eq!(full.daemon.threads(), THREADS);
    full.clients[0].call_ok(0x0D, &[]);
    assert_eq!(full.daemon.terminate().0, Some(0));
}

#[test]
fn too_few_for_a_start_are_told_in_one_line_and_leave_nothing() {
    too_few_are_told(&[]);
    too_few_are_told(&["--exit-with-parent"]);
}

fn too_few_are_told(more: &[&str]) {
    let mut starts = 0;
    for limit in 1..8 {
        let args = [&["--journal", "j", "--ready-fd", "1"], more].concat();
        let mut daemon = Confined::with_threads(limit, &args);
        if daemon.starts() {
            starts += 1;
            assert_eq!(daemon.terminate().0, Some(0), "{limit}");
            continue;
        }
        assert_eq!(daemon.end(), Some(1), "{limit}");
        let said = daemon.said();
        let lines: Vec<&str> = said
            .lines()
            .filter(|l| l.starts_with("mockpilot"))
            .collect();
        assert_eq!(lines.len(), 1, "{limit}: {said}");
        assert!(
            lines[0].ends_with(": resource temporarily unavailable"),
            "{limit}: {said}"
        );
        let mut names = daemon.names();
        names.retain(|name| name != "m" && name != "j");
        assert!(names.is_empty(), "{limit}: {names:?}");
    }
    assert!((1..5).contains(&starts), "{starts} of 7 start");
}

#[test]
fn who_cannot_look_whether_a_socket_is_dead_does_not_call_it_alive() {
    let directory = TempDir::new();
    drop(UnixListener::bind(directory.join("s")).unwrap());
    let mut daemon = Confined::with_threads_in(directory, 1, &[]);
    assert_eq!(daemon.end(), Some(1));
    daemon.says_once(
        "mockpilot: s: cannot see whether it is in use: resource temporarily unavailable\n",
    );
    assert!(daemon.path("s").exists());
}
