//! Every kind of push, to everybody whom it can name, by everything that can set it off.

use crate::staged::*;
use crate::support::Client;
use serde_json::{Value, json};

/// Clients by their place, and what each gets.
type Gets = Vec<(usize, Vec<Frame>)>;

/// What sets a push off.
const ORIGINS: [&str; 4] = ["ctl", "rule", "arrival", "on"];

/// The scenario that has a push at an origin. A request to resolve `go` sets off a rule's and a
/// timeline's; the third client's arrival a connect rule's.
fn scenario(profile: &str, origin: &str, push: &Value) -> Value {
    let mut scenario = json!({
        "profile": profile,
        "networks": [{"id": 7}],
        "peers": [{"node_id": 2, "hostname": "go"}],
    });
    let list = json!([push]);
    match origin {
        "rule" => {
            let when = json!({"hostname": "go"});
            scenario["rules"] = json!([{"on": "resolve_hostname", "when": when, "push": list}]);
        }
        "arrival" => {
            scenario["rules"] = json!([{"on": "connect", "client": 3, "push": list}]);
        }
        "on" => {
            scenario["timeline"] = json!([{"on": "resolve_hostname", "push": list}]);
        }
        _ => {}
    }
    scenario
}

/// Two clients; the first has bound port 80 and accepted stream 1, the second has dialled stream 2.
/// A third is there too, or comes when the push is set off by its arrival. Gives all frames that
/// the push causes for each.
fn play(profile: &str, origin: &str, push: &Value) -> Vec<Vec<Frame>> {
    let mut daemon = Staged::start(&scenario(profile, origin, push));
    let mut clients = vec![daemon.client(), daemon.client()];
    bind(&mut clients[0], 80);
    let opened = daemon.push(json!({"accept": {"port": 80}}));
    assert_eq!(opened, 1);
    assert_eq!(
        clients[0].recv(),
        accept(80, 1, &address(0, 1, 49152)),
        "{profile}"
    );
    assert_eq!(dial(&mut clients[1], 0, 2, 7), 2);
    clients.push(if origin == "arrival" {
        daemon.connect()
    } else {
        daemon.client()
    });
    let mut got = vec![Vec::new(), Vec::new(), Vec::new()];
    if origin == "ctl" {
        daemon.push(push.clone());
    }
    if ["rule", "on"].contains(&origin) {
        // The push comes after the reply.
        clients[2].call_ok(RESOLVE, b"go");
    }
    if origin == "on" {
        let fired = crate::support::poll(|| {
            let journal = daemon.told("journal", json!({"since": 0}));
            let entries = journal["entries"].as_array().unwrap();
            let pushes = entries.iter().filter(|e| e["dir"] == "push").count();
            let dropped = entries.iter().any(|e| e["event"] == "dropped");
            (pushes > 1 || dropped).then_some(())
        });
        assert_eq!(fired, Some(()), "{}", daemon.report());
    }
    // The third first: its barrier is behind its own arrival or request.
    for at in [2, 0, 1] {
        got[at] = clients[at].quiet();
    }
    got
}

/// Plays a push at every origin in both profiles; `wanted` gives the clients that get something, by
/// their place, and what.
fn everywhere(push: Value, to: Value, wanted: impl Fn(&str) -> Gets) {
    let mut push = push;
    if !to.is_null() {
        push["to"] = to;
    }
    let push = &push;
    std::thread::scope(|scope| {
        for (profile, origin) in BOTH.iter().flat_map(|p| ORIGINS.map(|o| (*p, o))) {
            let mut all = vec![Vec::new(), Vec::new(), Vec::new()];
            for (client, frames) in wanted(origin) {
                all[client] = frames;
            }
            scope.spawn(move || {
                let got = play(profile, origin, push);
                assert_eq!(got, all, "{push} by {origin}, {profile}");
            });
        }
    });
}

/// The clients that get a push by default: who set it off, or all where nobody did.
fn requester_or_all(origin: &str) -> Vec<usize> {
    match origin {
        "ctl" => vec![0, 1, 2],
        _ => vec![2],
    }
}

fn each(clients: &[usize], frame: Frame) -> Gets {
    let one = |client: &usize| (*client, vec![frame.clone()]);
    clients.iter().map(one).collect()
}

/// Who gets a push that says who, where the third client sets it off.
fn named(to: &Value, origin: &str) -> Vec<usize> {
    match to {
        Value::String(to) if to == "binder" => vec![0],
        Value::String(to) if to == "all" => vec![0, 1, 2],
        Value::Number(to) => vec![to.as_u64().unwrap() as usize - 1],
        Value::Null => requester_or_all(origin),
        // Over the control socket nobody requests.
        _ if origin == "ctl" => vec![],
        _ => vec![2],
    }
}

fn targets() -> [Value; 5] {
    [
        Value::Null,
        json!("binder"),
        json!("all"),
        json!("requester"),
        json!(2),
    ]
}

#[test]
fn a_datagram_reaches_whom_it_names() {
    let push = json!({"recv_from": {"from": "1:0001.0002.0003:9000", "to_port": 80, "data": "hi"}});
    for to in targets() {
        let frame = recv_from(&address(1, 0x20003, 9000), 80, b"hi");
        everywhere(push.clone(), to.clone(), |origin| {
            each(&named(&to, origin), frame.clone())
        });
    }
}

#[test]
fn a_raw_frame_reaches_whom_it_names() {
    let push = json!({"raw": {"command": 0x7E, "data": {"hex": "00ff"}}});
    for to in targets() {
        if to != "binder" {
            everywhere(push.clone(), to.clone(), |origin| {
                each(&named(&to, origin), (0x7E, vec![0, 255]))
            });
        }
    }
}

#[test]
fn an_accept_opens_a_stream_at_whom_it_names() {
    let push = json!({"accept": {"port": 80, "from": "7:0007.0000.0002:6000", "say": "hello"}});
    for to in targets() {
        everywhere(push.clone(), to.clone(), |origin| {
            // Every taker has a stream of its own.
            let takers = match &to {
                Value::Null => vec![0],
                to => named(to, origin),
            };
            let opened = takers.iter().zip(3..);
            let frames = |conn| {
                let from = address(7, 2, 6000);
                vec![accept(80, conn, &from), recv(conn, b"hello")]
            };
            opened.map(|(at, conn)| (*at, frames(conn))).collect()
        });
    }
}

#[test]
fn data_goes_to_the_streams_owner_or_as_a_bare_frame_to_others() {
    let push = json!({"recv": {"conn": 1, "data": "x"}});
    for to in targets() {
        if to == "binder" {
            continue;
        }
        everywhere(push.clone(), to.clone(), |origin| {
            let owner_by_default = to.is_null() || (to == "requester" && origin == "ctl");
            let takers = if owner_by_default {
                vec![0]
            } else {
                named(&to, origin)
            };
            each(&takers, recv(1, b"x"))
        });
    }
}

#[test]
fn an_end_goes_to_the_streams_owner_or_as_a_bare_frame_to_others() {
    let push = json!({"close": {"conn": 1}});
    for to in [Value::Null, json!("all"), json!(2)] {
        everywhere(push.clone(), to.clone(), |origin| {
            let takers = if to.is_null() {
                vec![0]
            } else {
                named(&to, origin)
            };
            each(&takers, closed(1))
        });
    }
}

#[test]
fn last_is_each_clients_own() {
    for (push, frame) in [
        (
            json!({"recv": {"conn": "last", "data": "x"}}),
            (|conn| recv(conn, b"x")) as fn(u32) -> Frame,
        ),
        (json!({"close": {"conn": "last"}}), closed),
    ] {
        // Of the third client, which has no stream, where it set the push off; else of anybody's.
        everywhere(push.clone(), Value::Null, |origin| match origin {
            "ctl" => vec![(1, vec![frame(2)])],
            _ => vec![],
        });
        everywhere(push.clone(), json!(1), |_| vec![(0, vec![frame(1)])]);
        everywhere(push.clone(), json!(2), |_| vec![(1, vec![frame(2)])]);
        everywhere(push.clone(), json!(3), |_| vec![]);
        everywhere(push, json!("all"), |_| {
            vec![(0, vec![frame(1)]), (1, vec![frame(2)])]
        });
    }
}

#[test]
fn by_the_clock_everything_reaches_all_or_its_owner() {
    std::thread::scope(|scope| {
        for profile in BOTH {
            scope.spawn(|| by_the_clock(profile));
        }
    });
}

fn by_the_clock(profile: &str) {
    let from = "0:0000.0000.0001:1";
    let mut daemon = Staged::start(
        &json!({"profile": profile, "timeline": [{"at": "1500ms", "push": [
        {"recv_from": {"from": from, "to_port": 80, "data": "d"}},
        {"recv_from": {"from": from, "to_port": 80, "data": "b"}, "to": "binder"},
        {"raw": {"command": 1}},
        {"raw": {"command": 2}, "to": 2},
        {"recv": {"conn": "last", "data": "x"}},
        {"recv": {"conn": "last", "data": "y"}, "to": 1},
        {"close": {"conn": 1}},
        {"accept": {"port": 80, "from": from, "say": "s"}},
        {"peer": {"node_id": 2, "does": "handshake"}},
        {"raw": {"command": 3}},
    ]}], "peers": [{"node_id": 2}]}),
    );
    let (mut one, mut two) = (daemon.client(), daemon.client());
    bind(&mut one, 80);
    assert_eq!(
        daemon.push(json!({"accept": {"port": 80, "from": from}})),
        1
    );
    let from = address(0, 1, 1);
    assert_eq!(one.recv(), accept(80, 1, &from));
    assert_eq!(dial(&mut two, 0, 2, 7), 2);
    let until_three = |client: &mut Client| {
        let mut frames = Vec::new();
        while frames.last() != Some(&(3, vec![])) {
            frames.push(client.recv());
        }
        frames
    };
    let datagram = |data: &[u8]| recv_from(&from, 80, data);
    let wanted = [
        datagram(b"d"),
        datagram(b"b"),
        (1, vec![]),
        recv(1, b"y"),
        closed(1),
        accept(80, 3, &from),
        recv(3, b"s"),
        (3, vec![]),
    ];
    assert_eq!(until_three(&mut one), wanted);
    let wanted = [
        datagram(b"d"),
        (1, vec![]),
        (2, vec![]),
        recv(2, b"x"),
        (3, vec![]),
    ];
    assert_eq!(until_three(&mut two), wanted);
    let pending = two.call_json(HANDSHAKE, &[4]);
    assert_eq!(pending["pending"][0]["node_id"], 2);
}
