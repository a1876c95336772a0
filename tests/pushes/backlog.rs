//! Pushes for clients that do not read: they wait or are dropped, and nobody else notices.

use std::fs;

use crate::staged::*;
use crate::support::{Client, poll};
use serde_json::json;

/// A write time-out that no test reaches, so that nobody is dropped for not reading.
const PATIENT: [&str; 2] = ["--write-timeout", "10m"];

/// The daemon's resident memory, in bytes.
fn resident(daemon: &Staged) -> usize {
    let text = fs::read_to_string(format!("/proc/{}/statm", daemon.pid())).unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Data whose every part tells where it belongs.
fn numbered(number: u32, bytes: usize) -> Vec<u8> {
    let mut data = format!("{number:08}").into_bytes();
    data.resize(bytes, b'.');
    data
}

fn text(data: &[u8]) -> &str {
    std::str::from_utf8(data).unwrap()
}

/// The daemon answers a client, whatever waits for others.
fn serves(client: &mut Client) {
    client.call_ok(INFO, &[]);
}

#[test]
fn stream_data_over_the_budget_waits_and_arrives_whole_and_in_order() {
    for profile in BOTH {
        let world = json!({"profile": profile, "peers": [{"node_id": 2}]});
        let mut daemon = Staged::with(&world, &PATIENT);
        let (mut slow, mut other) = (daemon.client(), daemon.client());
        let conn = dial(&mut slow, 0, 2, 7);
        let after = dial(&mut slow, 0, 2, 7);
        let count = 24;
        for number in 0..count {
            let data = numbered(number, 512 << 10);
            let push = json!({"recv": {"conn": conn, "data": text(&data)}});
            assert_eq!(daemon.push(push), 1);
        }
        // The end waits for the data before it, and so does what comes on another stream.
        assert_eq!(daemon.push(json!({"close": {"conn": conn}})), 1);
        let push = json!({"recv": {"conn": after, "data": "last"}});
        assert_eq!(daemon.push(push), 1);
        serves(&mut other);
        let (data, longest) = gather(&mut slow, conn, count as usize * (512 << 10));
        for (number, piece) in data.chunks(512 << 10).enumerate() {
            assert_eq!(piece, numbered(number as u32, 512 << 10));
        }
        let most = if profile == "faithful" {
            1152
        } else {
            512 << 10
        };
        assert_eq!(longest, most);
        assert_eq!(slow.recv(), closed(conn));
        assert_eq!(slow.recv(), recv(after, b"last"));
        assert_eq!(daemon.dropped(), []);
    }
}

#[test]
fn what_an_accepted_peer_says_waits_too() {
    for profile in BOTH {
        let say = json!({"repeat": "0123456789", "bytes": MIB});
        let accept = json!({"accept": {"port": 80, "say": say, "service": "echo"}});
        let rules = json!([{"on": "info", "push": [accept]}]);
        let scenario = json!({"profile": profile, "rules": rules});
        let mut daemon = Staged::with(&scenario, &PATIENT);
        let (mut slow, mut other) = (daemon.client(), daemon.client());
        bind(&mut slow, 80);
        let before = resident(&daemon);
        let count = 24;
        for _ in 0..count {
            serves(&mut other);
        }
        // What is said is held once for all, and encoded when its time comes.
        let grown = resident(&daemon).saturating_sub(before);
        assert!(grown < count * MIB / 2, "{grown}");
        let wanted = "0123456789".repeat(MIB / 10 + 1).into_bytes();
        let mut streams = Vec::new();
        let (mut data, mut whole) = (Vec::new(), 0);
        while whole < count {
            match slow.recv() {
                (ACCEPT, taken) => streams.push(taken[2..6].to_vec()),
                (RECV, payload) => {
                    assert_eq!(payload[..4], streams[whole]);
                    data.extend_from_slice(&payload[4..]);
                    if data.len() == MIB {
                        assert!(data == wanted[..MIB], "stream {whole}");
                        data.clear();
                        whole += 1;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(streams.len(), count);
        assert_eq!(daemon.dropped(), []);
    }
}

#[test]
fn a_mebibyte_arrives_in_the_profiles_pieces() {
    for profile in BOTH {
        let mut daemon = Staged::start(&json!({
            "profile": profile,
            "peers": [{"node_id": 2}],
            "rules": [{"on": "info", "push": [
                {"recv": {"conn": "last", "data": {"repeat": "mebi", "bytes": MIB}}},
                {"recv": {"conn": "last", "data": {"repeat": "byte", "bytes": MIB}}},
            ]}],
        }));
        let mut client = daemon.client();
        let conn = dial(&mut client, 0, 2, 7);
        client.call_ok(INFO, &[]);
        let (data, longest) = gather(&mut client, conn, 2 * MIB);
        assert!(data[..MIB] == *"mebi".repeat(MIB / 4).as_bytes());
        assert!(data[MIB..] == *"byte".repeat(MIB / 4).as_bytes());
        let most = if profile == "faithful" { 1152 } else { MIB - 5 };
        assert_eq!(longest, most);
        // To somebody else's client it comes in frames as long as they can be.
        let mut other = daemon.client();
        let data = json!({"repeat": "x", "bytes": MIB - 5});
        let push = json!({"recv": {"conn": conn, "data": data}, "to": 2});
        let sent = poll(|| (daemon.push(push.clone()) == 1).then_some(()));
        assert_eq!(sent, Some(()));
        assert_eq!(gather(&mut other, conn, MIB - 5).1, MIB - 5);
    }
}

#[test]
fn datagrams_over_the_budget_are_dropped_for_that_client_alone() {
    for profile in BOTH {
        let options = [&PATIENT[..], &["--client-budget", "100000"]].concat();
        let mut daemon = Staged::with(&json!({"profile": profile}), &options);
        let (mut slow, mut quick) = (daemon.client(), daemon.client());
        let mut taken = 0;
        let mut number = 0;
        while daemon.dropped().is_empty() {
            let data = numbered(number, 50_000);
            let push = json!({"recv_from": {
                "from": "0:0000.0000.0001:1", "to_port": 1, "data": text(&data),
            }});
            let sent = daemon.push(push);
            taken += sent - 1;
            assert_eq!(quick.recv(), recv_from(&address(0, 1, 1), 1, &data));
            number += 1;
            assert!(number < 200, "nothing is ever dropped");
        }
        assert_eq!(daemon.dropped(), [(Some(1), "recv_from".to_owned())]);
        let warning = "push recv_from is dropped: client 1 has no room for it\n";
        daemon.said(warning, 1);
        // More of the same burst are dropped without another warning. A burst can end when one is taken: on a
        // busy machine the first drop may come before the kernel has taken all that it can.
        let data = numbered(number, 50_000);
        let push = json!({"raw": {"command": 1, "data": text(&data)}, "to": 1});
        let (mut in_a_row, mut raw, mut bursts) = (0, 0, 0);
        while in_a_row < 3 {
            let dropped = daemon.dropped().len();
            if daemon.push(push.clone()) == 0 {
                assert_eq!(daemon.dropped().len(), dropped + 1);
                bursts += usize::from(in_a_row == 0 && raw > 0);
                in_a_row += 1;
            } else {
                (in_a_row, raw) = (0, raw + 1);
            }
            assert!(raw < 200, "nothing is ever dropped");
        }
        let warned = daemon.stderr().matches("is dropped").count();
        assert!(warned <= 1 + bursts, "{bursts}\n{}", daemon.report());
        // What was taken is there, in order, and replies and accepts are never dropped.
        assert_eq!(daemon.push(json!({"accept": {"port": 80}, "to": 1})), 1);
        for number in 0..taken as u32 {
            let data = numbered(number, 50_000);
            assert_eq!(slow.recv(), recv_from(&address(0, 1, 1), 1, &data));
        }
        for _ in 0..raw {
            assert_eq!(slow.recv(), (1, data.clone()));
        }
        let frames = slow.quiet();
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].0, ACCEPT);
    }
}

#[test]
fn an_endless_series_to_who_does_not_read_leaves_memory_and_others_alone() {
    let mut daemon = Staged::with(
        &json!({
            "timeline": [
                {"on": "bind", "every": "1ms", "push": [
                    {"recv": {"conn": "last", "data": {"repeat": "x", "bytes": 100_000}}},
                    {"recv_from": {"from": "0:0000.0000.0001:1", "to_port": 1,
                                   "data": {"repeat": "y", "bytes": 60_000}}, "to": "requester"},
                    {"raw": {"command": 1, "data": {"repeat": "z", "bytes": 100_000}},
                     "to": "requester"},
                    {"accept": {"port": 80, "say": {"repeat": "w", "bytes": 100_000}}},
                ]},
            ],
        }),
        &PATIENT,
    );
    let (mut slow, mut other) = (daemon.client(), daemon.client());
    dial(&mut slow, 0, 2, 7);
    bind(&mut slow, 80);
    let full = |daemon: &mut Staged| daemon.dropped().len() > 200;
    assert_eq!(poll(|| full(&mut daemon).then_some(())), Some(()));
    let before = resident(&daemon);
    let conn = dial(&mut other, 0, 2, 7);
    for _ in 0..200 {
        other.send(SEND, &join(&[&id(conn), b"ping"]));
        assert_eq!(other.recv(), recv(conn, b"ping"));
    }
    assert_eq!(daemon.push(json!({"raw": {"command": 2}, "to": 2})), 1);
    assert_eq!(other.recv(), (2, vec![]));
    let grown = resident(&daemon).saturating_sub(before);
    assert!(grown < 32 * MIB, "{grown}");
}

#[test]
fn who_never_reads_is_dropped_and_its_data_with_it() {
    let options = ["--write-timeout", "200ms"];
    let mut daemon = Staged::with(&json!({}), &options);
    let mut slow = daemon.client();
    let conn = dial(&mut slow, 0, 2, 7);
    for _ in 0..4 {
        let push = json!({"recv": {"conn": conn, "data": {"repeat": "x", "bytes": MIB}}});
        daemon.push(push);
    }
    let gone = || {
        let journal = daemon.told("journal", json!({"since": 0}));
        let entries = journal["entries"].as_array().unwrap();
        let ended = entries.iter().find(|e| e["event"] == "disconnect")?;
        Some(ended["reason"].clone())
    };
    assert_eq!(poll(gone), Some(json!("timeout")));
    let push = json!({"recv": {"conn": conn, "data": "x"}});
    assert_eq!(daemon.push(push), 0);
}

#[test]
fn a_reset_forgets_what_waits() {
    let mut daemon = Staged::with(&json!({}), &PATIENT);
    let mut slow = daemon.client();
    let conn = dial(&mut slow, 0, 2, 7);
    let count = 16;
    for _ in 0..count {
        let push = json!({"recv": {"conn": conn, "data": {"repeat": "x", "bytes": MIB}}});
        assert_eq!(daemon.push(push), 1);
    }
    daemon.told("reset", json!({}));
    let mut bytes = 0;
    loop {
        match slow.recv() {
            (RECV, data) => bytes += data.len(),
            end => {
                assert_eq!(end, closed(conn));
                break;
            }
        }
    }
    assert!(bytes < count * MIB / 2, "{bytes}");
    assert_eq!(slow.quiet(), []);
    assert_eq!(daemon.push(json!({"recv": {"conn": conn, "data": "x"}})), 0);
}
