//! SIGTERM while a hundred clients are stalled, each in its way.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use serde_json::Value;

use super::confined::Confined;
use super::figures::{note, rounds, spread};
use super::support::{Client, end_in_time};

const CLIENTS: usize = 100;

/// Bytes of the journal after the signal: what waits to be written, and what is served in 80 ms.
const MOST: u64 = 12 << 20;

/// What a client does not do.
#[derive(Clone, Copy, Debug)]
enum Stall {
    /// It sends requests as long as anybody takes them, and reads no reply.
    Pours,
    /// It reads none of the megabytes that a service echoes.
    Deaf,
    /// It has sent half a frame.
    MidFrame,
    /// It does not read its datagrams.
    Unread,
    /// It says nothing.
    Silent,
}

use Stall::{Deaf, MidFrame, Pours, Silent, Unread};

fn pour(client: &Client, bytes: &[u8]) {
    let mut stream = client.stream();
    stream.set_nonblocking(true).unwrap();
    let mut rest = bytes;
    while let Ok(count @ 1..) = stream.write(rest) {
        rest = &rest[count..];
    }
    stream.set_nonblocking(false).unwrap();
}

fn stall(daemon: &Confined, how: Stall) -> Client {
    let mut client = daemon.settled();
    match how {
        Pours => pour(&client, &Client::frame(0x0D, &[]).repeat(40_000)),
        Deaf => {
            let conn = client.call_ok(0x03, &[0, 0, 0, 0, 0, 5, 0, 7]);
            let echo = Client::frame(0x06, &[conn, vec![7; 500_000]].concat());
            pour(&client, &echo.repeat(3));
        }
        MidFrame => pour(&client, &[0, 1, 0, 0, 0x06, 0, 0]),
        Unread | Silent => {}
    }
    client
}

/// Ends a daemon that has these clients: how long that took.
fn end_of(kinds: &[Stall]) -> Duration {
    let mut daemon = Confined::after("", &["--write-timeout", "60s"]);
    let stalled = (0..CLIENTS).map(|at| stall(&daemon, kinds[at % kinds.len()]));
    let stalled: Vec<Client> = stalled.collect();
    if kinds.iter().any(|kind| matches!(kind, Unread)) {
        let mut sender = daemon.settled();
        let datagram = [&[0, 0, 0, 0, 0, 5, 0, 80][..], &[7; 60_000]].concat();
        for _ in 0..10 {
            sender.send(0x39, &datagram);
            sender.expect(0x0C);
            sender.expect(0x3A);
        }
    }
    let (status, took) = daemon.terminate();
    assert_eq!(status, Some(0), "{kinds:?}");
    // Beside the replies that wait for one that pours, there may be no room for its datagrams.
    daemon.says_no_more_than(": datagrams to it are dropped, ");
    assert!(daemon.names().is_empty());
    drop(stalled);
    took
}

#[test]
fn a_hundred_stalled_clients_do_not_delay_the_end() {
    let rounds = rounds(1);
    let all = &[Pours, Deaf, MidFrame, Unread, Silent][..];
    let alone = [&[Pours][..], &[Deaf], &[MidFrame], &[Unread]];
    // Without a number of rounds, which is long, the mixture has to do.
    let alone = alone.into_iter().filter(|_| rounds > 1);
    for kinds in alone.chain([all]) {
        let mut times = end_in_time(rounds, || end_of(kinds));
        note(&format!(
            "SIGTERM with {CLIENTS} clients {kinds:?}: {}",
            spread(&mut times)
        ));
    }
}

/// However little processor time the daemon gets, the end does not wait until all is served that was
/// poured in: that would be some eighty megabytes of the journal.
#[test]
fn the_journal_does_not_grow_for_long_after_the_end_was_asked_for() {
    let mut daemon = Confined::after("", &["--write-timeout", "60s", "--journal", "j"]);
    let requests = Client::frame(0x0D, &[]).repeat(10_000);
    let poured: Vec<Client> = (0..20).map(|_| daemon.settled()).collect();
    poured.iter().for_each(|client| pour(client, &requests));
    let size = |daemon: &Confined| fs::metadata(daemon.path("j")).unwrap().len();
    let before = size(&daemon);
    let (status, took) = daemon.terminate();
    assert_eq!(status, Some(0));
    let after = size(&daemon) - before;
    note(&format!(
        "SIGTERM with a journal and {} clients that pour: {took:?}, {after} bytes written",
        poured.len()
    ));
    assert!(after < MOST, "{after} bytes");
    // Megabytes: too many to read in full.
    let mut journal = File::open(daemon.path("j")).unwrap();
    journal.seek(SeekFrom::End(-4096)).unwrap();
    let mut end = String::new();
    journal.read_to_string(&mut end).unwrap();
    let last: Value = serde_json::from_str(end.lines().last().unwrap()).unwrap();
    assert_eq!(last["dir"], "event");
    drop(poured);
}
