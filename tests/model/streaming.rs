//! Random requests about streams: dials to where somebody listens, data that services understand.

use super::codec::joined;
use super::generate::{Request, node, port};
use super::services::Service;
use super::setting::{BETA, GAMMA, OWN, SLOW};
use super::step::{Field, Stream};
use super::support::Chance;
use super::world::{Far, World};

/// Pieces that a generated stream sends at most to an event service, which drops what comes too fast.
const EVENTS_MAX: usize = 150;

#[derive(Clone, Copy)]
enum To {
    Bound,
    Service,
    Slow,
    Private,
    Daemon,
    Anybody,
}

pub fn dial(c: &mut Chance, world: &World, _: usize) -> Request {
    let to = c.weighted(&[
        (50, To::Bound),
        (24, To::Service),
        (2, To::Slow),
        (4, To::Private),
        (4, To::Daemon),
        (14, To::Anybody),
    ]);
    let bound: Vec<u16> = world.ports.keys().copied().collect();
    let (who, port) = match to {
        To::Bound if !bound.is_empty() => {
            let anywhere = world.lenient() && c.percent(40);
            (if anywhere { node(c) } else { OWN }, c.of(&bound))
        }
        To::Service => (
            BETA,
            c.of(&[
                80, 80, 7, 1001, 1001, 1002, 1002, 1002, 1002, 1002, 13, 9, 99, 98, 5001,
            ]),
        ),
        To::Slow => (SLOW, c.of(&[80, 1001, 99, 13])),
        To::Private => (GAMMA, 80),
        To::Daemon => (OWN, c.of(&[7, 444, 1001, 1002])),
        _ => (node(c), port(c)),
    };
    let network = c.weighted(&[(8, 0), (1, 7), (1, 9)]);
    (
        "dial",
        vec![Field::U16(network), Field::U32(who), Field::U16(port)],
    )
}

/// A stream: mostly one of the client's own.
pub fn stream(c: &mut Chance, world: &World, slot: usize) -> Stream {
    let owners: Vec<usize> = (0..world.here.len())
        .filter(|slot| !world.open_of(*slot).is_empty())
        .collect();
    match c.below(100) {
        0..50 if !owners.is_empty() && world.open_of(slot).is_empty() => {
            Stream::Open(c.of(&owners), c.below(12))
        }
        0..80 => Stream::Open(slot, c.below(12)),
        80..88 => Stream::Open(c.below(world.here.len()), c.below(12)),
        88..95 => Stream::Ended(c.below(6)),
        95..98 => Stream::Id(c.of(&[0, 4_000_000, u32::MAX])),
        _ => Stream::Id(1 + c.below(40) as u32),
    }
}

pub fn send(c: &mut Chance, world: &World, slot: usize) -> Request {
    let mut to = stream(c, world, slot);
    let events = |id: &&u32| matches!(world.streams[id].far, Far::Service(Service::Events { .. }));
    let open = world.open_of(slot);
    if c.percent(15)
        && let Some(at) = open.iter().rev().position(|id| events(&id))
    {
        to = Stream::Open(slot, at);
    }
    let service = |to| match world
        .streams
        .get(&world.named(to))
        .map(|s| (&s.far, s.sent.pieces))
    {
        Some((Far::Service(service), sent)) => Some((service, sent)),
        _ => None,
    };
    if matches!(service(to), Some((Service::Events { .. }, EVENTS_MAX..))) {
        to = Stream::Id(0);
    }
    let data = match service(to) {
        Some((Service::Exchange(read), _)) => Field::Text(message(c, read)),
        Some((Service::Events { read, .. }, _)) => Field::Text(event(c, read)),
        _ => {
            let sizes = [
                (50, 3),
                (30, 40),
                (6, 1152),
                (4, 1153),
                (3, 5000),
                (6, 0),
                (1, 70_000),
            ];
            Field::Fill(c.weighted(&sizes), c.below(256) as u8)
        }
    };
    ("send", vec![Field::Stream(to), data])
}

pub fn close(c: &mut Chance, world: &World, slot: usize) -> Request {
    ("close", vec![Field::Stream(stream(c, world, slot))])
}

/// A message of the data exchange, or a part of one, or something that makes the service hang up.
fn message(c: &mut Chance, read: &[u8]) -> Vec<u8> {
    if !read.is_empty() {
        return finish(read, &whole_message(read));
    }
    let size = c.below(60);
    let of = |kind: u32, payload: &[u8]| {
        joined(&[
            &kind.to_be_bytes(),
            &(payload.len() as u32).to_be_bytes(),
            payload,
        ])
    };
    let payload = vec![b'm'; size];
    match c.below(10) {
        0 => of(99, &payload),
        1 => joined(&[&1u32.to_be_bytes(), &u32::MAX.to_be_bytes()]),
        2 => of(4, &joined(&[&[0, 5], b"a.txt", &payload])),
        3 => of(4, &joined(&[&[0, 3], b"a/b", &payload])),
        4 => of(1, &payload)[..3].to_vec(),
        5 => of(2, &payload)[..8].to_vec(),
        6 => joined(&[&of(3, &payload), &of(1, b"two")]),
        _ => of(1 + c.below(3) as u32, &payload),
    }
}

/// A message that begins with what was read.
fn whole_message(read: &[u8]) -> Vec<u8> {
    let start = [0, 0, 0, 1, 0, 0, 0, 2];
    let mut whole = read.to_vec();
    whole.extend_from_slice(start.get(read.len()..).unwrap_or(&[]));
    let length = u32::from_be_bytes(whole[4..8].try_into().unwrap()) as usize;
    // One that is too long is broken as it is.
    whole.resize(8 + if length > 10_000 { 0 } else { length }, b'r');
    whole
}

fn finish(read: &[u8], whole: &[u8]) -> Vec<u8> {
    whole[read.len()..].to_vec()
}

/// The same of an event.
fn event(c: &mut Chance, read: &[u8]) -> Vec<u8> {
    let topic = c.of(&["a", "a", "b", "*"]);
    let payload = vec![b'e'; c.below(30)];
    let length = (topic.len() as u16).to_be_bytes();
    let size = (payload.len() as u32).to_be_bytes();
    let whole = joined(&[&length, topic.as_bytes(), &size, &payload]);
    match read {
        // Halves are cut behind the topic's length, and finished with a topic of that length.
        [_, ..] => joined(&[topic.as_bytes(), &size, &payload]),
        [] => match c.below(14) {
            0 => whole[..2].to_vec(),
            1 => vec![0x7F, 0xFF],
            2 => joined(&[&[0, 1, 0xFF], &size]),
            3 => joined(&[&length, topic.as_bytes(), &u32::MAX.to_be_bytes()]),
            _ => whole,
        },
    }
}
