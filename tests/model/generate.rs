//! Random steps, weighted so that there is always something going on: ports that are bound, streams
//! between clients, peers that ask, dials that hang.

use super::credentials::{BADGES, ENROLLMENTS, SIGNED, VERIFIED, written};
use super::managed::{BAD_POLICIES, POLICIES};
use super::setting::{
    ASKING, BETA, EVERYBODY, GAMMA, JOIN_TOKEN, OWN, SLOW, STRANGER, Setting, TOKEN,
};
use super::step::{Field, How, Push, Step, Stream};
use super::streaming::{close, dial, send, stream};
use super::support::Chance;
use super::world::World;

/// A request: its name and its fields.
pub type Request = (&'static str, Vec<Field>);

type Maker = fn(&mut Chance, &World, usize) -> Request;

/// Kinds of requests and how often each is made, in thousandths or so.
const REQUESTS: [(usize, Maker); 32] = [
    (60, |c, _, _| ("bind", vec![Field::U16(port(c))])),
    (25, unbind),
    (150, dial),
    (280, send),
    (70, close),
    (70, datagram),
    (20, broadcast),
    (10, |_, _, _| ("info", vec![])),
    (4, |_, _, _| ("health", vec![])),
    (70, trust),
    (8, |_, _, _| ("handshake.pending", vec![])),
    (8, |_, _, _| ("handshake.trusted", vec![])),
    (25, |c, _, _| ("resolve_hostname", vec![text(c.of(&NAMES))])),
    (20, |c, _, _| ("set_hostname", vec![text(c.of(&NAMES))])),
    (8, |c, _, _| {
        ("set_visibility", vec![Field::U8(c.of(&[0, 1, 2, 255]))])
    }),
    (1, |_, _, _| ("deregister", vec![])),
    (15, |c, _, _| ("set_tags", vec![text(c.of(&TAGS))])),
    (10, |c, _, _| ("set_webhook", vec![text(c.of(&URLS))])),
    (70, network),
    (50, managed),
    (8, |_, _, _| ("rotate_key", vec![])),
    (15, |c, _, _| ("prefer_direct", vec![Field::U32(node(c))])),
    (10, |_, _, _| ("cancel", vec![])),
    (30, cut),
    (8, unknown),
    (4, |_, _, _| ("info", vec![Field::Fill(600, 0)])),
    (5, |_, _, _| ("empty", vec![])),
    (12, |c, _, _| {
        ("verify_own", vec![Field::U32(c.of(&[0, 0, 1]))])
    }),
    (8, |c, _, _| ("submit_badge", one_of(c, &BADGES))),
    (8, |c, _, _| ("enroll_recovery", one_of(c, &ENROLLMENTS))),
    (8, |c, _, _| ("sign_envelope", one_of(c, &SIGNED))),
    (8, |c, _, _| ("verify_envelope", one_of(c, &VERIFIED))),
];

const NAMES: [&str; 22] = [
    "unit",
    "unit",
    "unit2",
    "beta",
    "gamma",
    "epsilon",
    "alpha",
    "alpha",
    "zeta-9",
    "7",
    "Upper",
    "a b",
    "dot.ted",
    "under_score",
    "-lead",
    "trail-",
    "localhost",
    "backbone",
    "broadcast",
    "é",
    "",
    "sixty-four-characters-are-one-more-than-a-name-may-have-0123456789ab",
];

const TAGS: [&str; 15] = [
    "[]",
    "null",
    "[\"x\"]",
    "[\"x\",\"y\"]",
    "[\"#web\",\"web\",\"z\"]",
    "[\"a\",\"b\",\"c\"]",
    "[\"a\",\"b\",\"c\",\"d\"]",
    "[\"UP\"]",
    "[\"a b\"]",
    "[\"\"]",
    "{}",
    "[1]",
    "[\"a\"]x",
    "[\"a\"",
    "[\"thirty-three-characters-are-too-long\"]",
];

const URLS: [&str; 9] = [
    "http://127.0.0.1:9/h",
    "https://u:p@host/?a=1&b=2",
    "",
    "ftp://h/",
    "plain",
    "::::",
    "http://",
    "http://a b/",
    "http://169.254.169.254/",
];

const NODES: [u32; 12] = [
    OWN, OWN, BETA, BETA, GAMMA, SLOW, ASKING, ASKING, 77, STRANGER, 0, EVERYBODY,
];

const NETWORKS: [u16; 9] = [0, 7, 7, 8, 9, 9, 10, 11, 99];

/// Few enough that clients get into each other's way.
const PORTS: [u16; 9] = [0, 9, 80, 5000, 5001, 5002, 5003, 5004, 65535];

fn one_of(c: &mut Chance, all: &[(&str, &str)]) -> Vec<Field> {
    vec![text(&written(c.of(all).0))]
}

pub fn text(text: &str) -> Field {
    Field::Text(text.as_bytes().to_vec())
}

pub fn port(c: &mut Chance) -> u16 {
    if c.percent(8) {
        c.of(&[7, 444, 1001, 1002])
    } else {
        c.of(&PORTS)
    }
}

pub fn node(c: &mut Chance) -> u32 {
    c.of(&NODES)
}

/// A setting for a run.
pub fn setting(c: &mut Chance, lenient: bool) -> Setting {
    Setting {
        lenient,
        token: c.percent(50),
        patient: c.percent(70),
        clients: 3 + c.below(3),
        wrong: None,
    }
}

/// The next step.
pub fn step(c: &mut Chance, world: &World) -> Step {
    let (present, absent): (Vec<usize>, Vec<usize>) =
        (0..world.here.len()).partition(|slot| world.here[*slot].is_some());
    if !absent.is_empty() && (c.percent(12) || present.is_empty()) {
        return Step::Come {
            slot: c.of(&absent),
        };
    }
    let slot = c.of(&present);
    match c.below(1000) {
        0..10 => Step::Leave { slot, how: how(c) },
        10..38 => peer(c, world),
        62..92 => Step::Push(push(c, world, slot)),
        38..46 => Step::State,
        46..60 => Step::Both {
            stream: Stream::Open(slot, c.below(8)),
        },
        60..62 => Step::Reset,
        _ => {
            let make = c.weighted(&REQUESTS);
            let (name, fields) = make(c, world, slot);
            Step::Ask {
                slot,
                name: name.to_owned(),
                fields,
                more: c.percent(15),
            }
        }
    }
}

fn how(c: &mut Chance) -> How {
    c.weighted(&[
        (4, How::Plain),
        (2, How::Cut),
        (1, How::Over),
        (1, How::Half),
        (3, How::Sending),
    ])
}

fn push(c: &mut Chance, world: &World, slot: usize) -> Push {
    let bound: Vec<u16> = world.ports.keys().copied().collect();
    // The control socket takes no id 0.
    let stream = match stream(c, world, slot) {
        Stream::Id(0) => Stream::Id(1),
        stream => stream,
    };
    match c.below(10) {
        0..2 => Push::Datagram(c.of(&[BETA, 77, OWN]), port(c), c.of(&[0, 7, 1500])),
        2..6 => {
            let port = if bound.is_empty() || c.percent(20) {
                port(c)
            } else {
                c.of(&bound)
            };
            Push::Accept(
                c.of(&[BETA, GAMMA, 77, 79]),
                port,
                c.percent(60),
                c.of(&[0, 0, 6, 1300]),
            )
        }
        6..9 => Push::Recv(stream, c.of(&[0, 4, 4, 1152, 1153, 4000])),
        _ => Push::Close(stream),
    }
}

fn peer(c: &mut Chance, world: &World) -> Step {
    let does = c.weighted(&[
        (8, "handshake"),
        (4, "approve"),
        (2, "reject"),
        (3, "revoke"),
        (2, "invite"),
        (1, "leave"),
    ]);
    let with = match does {
        "handshake" => c
            .of(&["", "let me in", "\u{e9} & <b>", "please"])
            .to_owned(),
        "invite" | "leave" => c.of(&[7, 8, 9, 9, 11, 99]).to_string(),
        _ => String::new(),
    };
    // Who was asked may answer; who is in a network may leave it.
    let asked: Vec<u32> = world.trust.sent.keys().copied().collect();
    let mut node = c.of(&[BETA, GAMMA, GAMMA, SLOW, ASKING, 77, 78]);
    if ["approve", "reject"].contains(&does) && !asked.is_empty() && c.percent(70) {
        node = c.of(&asked);
    }
    Step::Peer {
        node,
        does: does.to_owned(),
        with,
    }
}

fn unbind(c: &mut Chance, world: &World, slot: usize) -> Request {
    let own: Vec<u16> = world
        .ports
        .iter()
        .filter(|(_, s)| **s == slot)
        .map(|(p, _)| *p)
        .collect();
    let port = if own.is_empty() || c.percent(30) {
        port(c)
    } else {
        c.of(&own)
    };
    ("unbind", vec![Field::U16(port)])
}

fn datagram(c: &mut Chance, _: &World, _: usize) -> Request {
    let size = c.weighted(&[
        (60, 5),
        (20, 1200),
        (10, 0),
        (2, 65_000),
        (1, 65_486),
        (1, 65_487),
        (1, 65_536),
    ]);
    let fields = vec![
        Field::U16(c.of(&[0, 0, 0, 7, 9])),
        Field::U32(if c.percent(50) { OWN } else { node(c) }),
        Field::U16(port(c)),
        Field::Fill(size, c.below(256) as u8),
    ];
    (c.of(&["send_to", "send_to_confirm"]), fields)
}

fn token(c: &mut Chance) -> Vec<Field> {
    let token = c.weighted(&[(6, TOKEN), (1, ""), (1, "wrong")]);
    vec![Field::U16(token.len() as u16), text(token)]
}

fn broadcast(c: &mut Chance, _: &World, _: usize) -> Request {
    let mut fields = vec![Field::U16(c.of(&NETWORKS)), Field::U16(port(c))];
    fields.extend(token(c));
    fields.push(Field::Fill(c.of(&[0, 3, 900]), c.below(256) as u8));
    ("broadcast", fields)
}

fn trust(c: &mut Chance, world: &World, _: usize) -> Request {
    let name = c.weighted(&[
        (6, "handshake.send"),
        (5, "handshake.approve"),
        (2, "handshake.reject"),
        (4, "handshake.revoke"),
        (5, "handshake.wait"),
    ]);
    let asking: Vec<u32> = world.trust.pending.iter().map(|(node, _)| *node).collect();
    let mut who = node(c);
    if !asking.is_empty() && c.percent(50) {
        who = c.of(&asking);
    }
    let mut fields = vec![Field::U32(who)];
    match name {
        "handshake.send" | "handshake.reject" => fields.push(text(c.of(&["", "because", "<&>"]))),
        "handshake.wait" => {
            fields.push(Field::U32(c.weighted(&[
                (2, 0),
                (1, 1),
                (3, 30_000),
                (1, u32::MAX),
            ])));
        }
        _ => {}
    }
    (name, fields)
}

fn network(c: &mut Chance, _: &World, _: usize) -> Request {
    let name = c.weighted(&[
        (2, "network.list"),
        (5, "network.join"),
        (3, "network.leave"),
        (4, "network.members"),
        (4, "network.invite"),
        (2, "network.poll_invites"),
        (4, "network.respond_invite"),
    ]);
    let id = Field::U16(c.of(&NETWORKS));
    let fields = match name {
        "network.list" | "network.poll_invites" => vec![],
        "network.join" => vec![id, text(c.of(&[JOIN_TOKEN, JOIN_TOKEN, "", "wrong"]))],
        "network.invite" => {
            let id = Field::U16(c.of(&[7, 9, 11, 11, 11, 99, 0]));
            vec![id, Field::U32(node(c))]
        }
        "network.respond_invite" => vec![
            Field::U16(c.of(&[9, 9, 9, 11, 7, 99])),
            Field::U8(c.of(&[0, 1, 1, 2])),
        ],
        _ => vec![id],
    };
    (name, fields)
}

fn managed(c: &mut Chance, _: &World, _: usize) -> Request {
    let name = c.weighted(&[
        (3, "managed.status"),
        (3, "managed.cycle"),
        (2, "managed.reconcile"),
        (2, "managed.policy_get"),
        (3, "managed.policy_set"),
        (3, "managed.member_tags_get"),
        (4, "managed.member_tags_set"),
    ]);
    let id = Field::U16(c.of(&NETWORKS));
    let who = Field::U32(c.of(&[0, OWN, BETA, BETA, 77, STRANGER]));
    let fields = match name {
        "managed.status" | "managed.cycle" | "managed.reconcile" if c.percent(30) => vec![],
        "managed.policy_set" => {
            let bad = c.percent(20);
            let document = if bad {
                c.of(&BAD_POLICIES).0
            } else {
                c.of(&POLICIES).0
            };
            // Network 0 would be every dial's and every datagram's.
            let mut fields = vec![Field::U16(c.of(&[7, 7, 9, 10, 99]))];
            fields.extend(token(c));
            fields.push(text(document));
            fields
        }
        "managed.member_tags_get" => vec![id, who],
        "managed.member_tags_set" => vec![id, who, text(c.of(&TAGS))],
        _ => vec![id],
    };
    (name, fields)
}

/// A request that ends too early, or has more than it needs.
fn cut(c: &mut Chance, world: &World, slot: usize) -> Request {
    loop {
        let make = c.weighted(&REQUESTS[..22]);
        let (name, mut fields) = make(c, world, slot);
        // What is left of these could be a text that only Go's decoder has words for.
        if name == "managed.policy_set"
            || name.ends_with("tags_set")
            || name == "set_tags"
            || name == "set_webhook"
        {
            fields.truncate(1 + c.below(2) * usize::from(name == "managed.policy_set"));
            if !name.starts_with("managed") {
                continue;
            }
        } else {
            fields.push(Field::Cut(c.below(10)));
        }
        return (name, fields);
    }
}

/// Bytes that are no request, and sub-commands that are none.
fn unknown(c: &mut Chance, _: &World, _: usize) -> Request {
    match c.below(6) {
        0 => ("handshake", vec![Field::U8(c.of(&[0, 8, 255]))]),
        1 => ("network", vec![Field::U8(c.of(&[0, 8, 255]))]),
        2 => (
            "managed",
            vec![Field::U8(c.of(&[0, 1, 3, 8, 255])), Field::U16(7)],
        ),
        3 => ("managed.policy", vec![Field::U8(2), Field::U16(7)]),
        4 => (
            "managed.member_tags",
            vec![Field::U8(2), Field::U16(7), Field::U32(OWN)],
        ),
        _ => (
            "raw",
            vec![
                Field::U8(c.of(&[0x00, 0x02, 0x07, 0x0A, 0x1D, 0x27, 0x7E, 0xFF])),
                Field::Fill(c.below(9), 1),
            ],
        ),
    }
}
