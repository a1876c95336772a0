//! Signals that mean nothing to the daemon, by the thousand, and stops in the middle of its work.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use mockpilot::sys;

use super::confined::Confined;
use super::support::{DEADLINE, poll};

const SIGCHLD: i32 = 17;
const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;
const SIGURG: i32 = 23;
const SIGXFSZ: i32 = 25;
const SIGWINCH: i32 = 28;

const LEAST: u32 = 5000;

#[test]
fn a_storm_of_them_spoils_no_frame() {
    let mut daemon = Confined::after("", &["--journal", "j"]);
    let pid = daemon.pid();
    let over = AtomicBool::new(false);
    let sent = AtomicU32::new(0);
    let mut requests = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            while !over.load(Ordering::Relaxed) && begun.elapsed() < DEADLINE {
                for signal in [SIGWINCH, SIGCHLD, SIGURG, SIGXFSZ, SIGCONT] {
                    sys::kill(pid, signal).unwrap();
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let mut client = daemon.connect();
        let conn = client.call_ok(0x03, &[0, 0, 0, 0, 0, 5, 0, 7]);
        let data = [conn, vec![7; 200_000]].concat();
        while sent.load(Ordering::Relaxed) < LEAST || requests < 50 {
            client.send(0x06, &data);
            let echoed = client.expect(0x07);
            assert!(echoed == data, "{} bytes come back", echoed.len());
            requests += 1;
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(daemon.terminate().0, Some(0));
    daemon.says_no_more();
    let sends = daemon.file();
    let sends = sends.iter().filter(|entry| entry["cmd"] == "send");
    assert_eq!(sends.count(), requests);
}

fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let behind_name = stat.rsplit(')').next().unwrap();
    behind_name.trim_start().chars().next().unwrap()
}

#[test]
fn a_daemon_that_is_stopped_goes_on_where_it_was() {
    let mut daemon = Confined::after("", &[]);
    let mut client = daemon.connect();
    let conn = client.call_ok(0x03, &[0, 0, 0, 0, 0, 5, 0, 7]);
    let data = [conn, vec![7; 500_000]].concat();
    for _ in 0..10 {
        client.send(0x06, &data);
        sys::kill(daemon.pid(), SIGSTOP).unwrap();
        let stopped = poll(|| (state(daemon.pid()) == 'T').then_some(()));
        assert_eq!(stopped, Some(()));
        sys::kill(daemon.pid(), SIGCONT).unwrap();
        assert!(client.expect(0x07) == data);
    }
    assert_eq!(daemon.terminate().0, Some(0));
}
