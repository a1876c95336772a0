//! The journal's file: whose it is, in which order, and that nothing is missing.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::steered::{Steered, values};
use super::support::{Client, TempDir};

#[test]
fn the_file_is_its_owners_and_is_appended_to() {
    let directory = TempDir::new();
    let file = directory.join("journal");
    let name = file.to_str().unwrap();
    for runs in 1..=2 {
        let mut steered = Steered::start(&["--journal", name]);
        drop(steered.settled());
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(steered.daemon.terminate().success());
        let first = |entry: &&Value| entry["seq"] == 1;
        let all = values(&fs::read_to_string(&file).unwrap());
        assert_eq!(all.iter().filter(first).count(), runs);
        assert_eq!(all.iter().filter(|e| e["cmd"] == "health").count(), runs);
    }
    // One that is there keeps its mode and what it holds, an unfinished line too.
    for held in ["mine\n", "mine"] {
        fs::write(&file, held).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let mut steered = Steered::start(&["--journal", name]);
        assert!(steered.daemon.terminate().success());
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("mine\n{\"seq\":1,"), "{text}");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }
}

/// A million requests in a release build, a part of that in a slow one.
const REQUESTS: usize = if cfg!(debug_assertions) {
    40_000
} else {
    1_000_000
};
const CLIENTS: usize = 4;
const BURST: usize = 500;

fn ask_many(mut client: Client) {
    let burst = Client::frame(0x37, &[0, 81]).repeat(BURST);
    for _ in 0..REQUESTS / CLIENTS / BURST {
        client.send_raw(&burst);
        for _ in 0..BURST {
            client.recv();
        }
    }
}

#[test]
fn many_requests_are_counted_exactly_and_in_order() {
    let mut steered = Steered::start(&["--journal", "j"]);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let client = steered.connect();
            scope.spawn(|| ask_many(client));
        }
    });
    let asked = begun.elapsed();
    assert!(steered.daemon.terminate().success());
    eprintln!(
        "{REQUESTS} requests in {asked:?}, written after {:?}",
        begun.elapsed()
    );
    let (mut seq, mut time, mut received, mut answered) = (0, 0, 0, 0);
    for line in BufReader::new(File::open(steered.journal()).unwrap()).lines() {
        let line = line.unwrap();
        seq += 1;
        let rest = line.strip_prefix(&format!("{{\"seq\":{seq},\"t_us\":"));
        let rest = rest.unwrap_or_else(|| panic!("entry {seq}: {line}"));
        let at: u64 = rest[..rest.find(',').unwrap()].parse().unwrap();
        assert!(at >= time, "entry {seq}: {line}");
        time = at;
        assert!(line.ends_with('}'), "{line}");
        received += usize::from(line.contains("\"dir\":\"in\",\"cmd\":\"unbind\""));
        answered += usize::from(line.contains("\"dir\":\"out\""));
    }
    assert_eq!((received, answered), (REQUESTS, REQUESTS));
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_slow_reader_of_a_fifo_loses_nothing() {
    const COUNT: usize = 2000;
    let directory = TempDir::new();
    let fifo = directory.join("j");
    make_fifo(&fifo);
    let mut steered = Steered::start_in(directory, &["--journal", "j", "--journal-raw"]);
    let mut client = steered.connect();
    let data = [&[0, 0, 0, 9][..], &[b'x'; 10_000]].concat();
    let (done, finished) = mpsc::channel();
    let sending = thread::spawn(move || {
        for _ in 0..COUNT {
            client.send(0x06, &data);
        }
        client.call_ok(0x21, b"");
        done.send(()).unwrap();
    });
    // 20 MB, of which a part may wait: as long as nobody reads, the client is not answered.
    let early = finished.recv_timeout(Duration::from_millis(300));
    assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout));
    let reader = thread::spawn(move || {
        let lines = BufReader::with_capacity(1000, File::open(&fifo).unwrap()).lines();
        let sends = lines.filter(|line| line.as_ref().unwrap().contains("\"cmd\":\"send\""));
        sends.count()
    });
    sending.join().unwrap();
    assert!(steered.daemon.terminate().success());
    assert_eq!(reader.join().unwrap(), COUNT);
}
