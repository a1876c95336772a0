//! Answers as frames: changed, spoilt, or left as they are.

use byteorder::{BigEndian, ByteOrder};
use serde_json::Value;

use crate::go::json;
use crate::journal::Direction;
use crate::scenario::ability::{Nature, nature};
use crate::scenario::random::Random;
use crate::scenario::{Answer, Fault};
use crate::wire::command::ERROR;
use crate::wire::frame::{self, MAX_LENGTH, PREFIX};
use crate::wire::{Command, Reply, encode_reply};

/// One frame that a request causes for the client that made it.
#[derive(Debug)]
pub(super) struct Part {
    /// The frame, prefix included.
    pub(super) frame: Vec<u8>,
    /// What it is for the journal.
    pub(super) direction: Direction,
    /// Whether it is the answer itself, which rules change.
    pub(super) answer: bool,
}

/// The reply byte for a request of this byte.
pub(super) fn reply_byte(command: Option<Command>, code: u8) -> u8 {
    let reply = command.and_then(|command| command.row().reply);
    // Replies have the byte behind their request's, those that there are.
    reply.unwrap_or(code.wrapping_add(1))
}

/// Changes an answer's frame as a rule says. `byte` is the byte of the reply that the request should
/// get.
pub(super) fn change(frame: &mut Vec<u8>, answer: &Answer, command: Option<Command>, byte: u8) {
    match answer {
        Answer::Node | Answer::Error(_) => {}
        Answer::Body(body) => set_body(frame, body, command, byte),
        Answer::Patch(patch) => {
            let has_body = command.is_some_and(|command| nature(command.into()) == Nature::Json);
            let body = String::from_utf8_lossy(&frame[PREFIX + 1..]);
            if has_body && frame[PREFIX] != ERROR && body.starts_with('{') {
                let body = merged(&body, patch);
                set_text(frame, &body, command, byte);
            }
        }
        Answer::Payload(payload) => {
            frame.clear();
            frame::append(frame, byte, |out| out.extend_from_slice(payload));
        }
    }
}

fn set_body(frame: &mut Vec<u8>, body: &Value, command: Option<Command>, byte: u8) {
    set_text(frame, &json::from_serde(body), command, byte);
}

fn set_text(frame: &mut Vec<u8>, text: &str, command: Option<Command>, byte: u8) {
    frame.clear();
    if text.len() >= MAX_LENGTH
        && let Some(command) = command.filter(|command| command.row().reply.is_some())
        && let Ok(body) = json::parse(text.as_bytes())
    {
        // It is cut as the node's own would be.
        return encode_reply(frame, &Reply::Json(command, body));
    }
    let end = text.len().min(MAX_LENGTH - 1);
    frame::append(frame, byte, |out| {
        out.extend_from_slice(&text.as_bytes()[..end])
    });
}

/// A document after a merge patch (RFC 7396). What the patch does not name keeps its text.
fn merged(target: &str, patch: &Value) -> String {
    let Value::Object(patch) = patch else {
        return json::from_serde(patch);
    };
    let found = json::members(target.as_bytes()).unwrap_or_default();
    let mut members: Vec<(String, String)> = Vec::new();
    for (key, value) in found {
        match patch.get(&key) {
            None => members.push((key, value.to_owned())),
            Some(Value::Null) => {}
            Some(patch) => members.push((key, merged(value, patch))),
        }
    }
    for (key, value) in patch {
        if !value.is_null() && !members.iter().any(|(other, _)| other == key) {
            let place = members.iter().position(|(other, _)| other > key);
            let place = place.unwrap_or(members.len());
            members.insert(place, (key.clone(), merged("", value)));
        }
    }
    let mut text = "{".to_owned();
    for (key, value) in &members {
        if text.len() > 1 {
            text.push(',');
        }
        json::push_string(&mut text, key);
        text.push(':');
        text.push_str(value);
    }
    text + "}"
}

/// What a fault makes of an answer's frame; `None` where nothing of it is sent.
pub(super) fn spoil(mut frame: Vec<u8>, fault: &Fault, random: &mut Random) -> Option<Vec<u8>> {
    match fault {
        Fault::NoReply | Fault::Close | Fault::Arrival(_) => return None,
        Fault::Truncate(length) => frame.truncate(*length),
        Fault::Length(length) => BigEndian::write_u32(&mut frame, *length),
        Fault::Command(byte) => frame[PREFIX] = *byte,
        Fault::Duplicate => frame.extend_from_within(..),
        Fault::Garbage => frame = random.bytes(frame.len()),
        Fault::Slow(..) | Fault::Stall(_) => {}
    }
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patches_follow_the_rfcs_examples() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!([1, 2]),
                json!({"a": "b", "c": null}),
                json!({"a": "b"}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            let target = target.to_string();
            assert_eq!(merged(&target, &patch), result.to_string());
        }
        let target = r#"{"doc":{"z":1,"a":10000000000000000001},"k":[ ]}"#;
        let patch = json!({"l": "<", "doc": {"y": true}});
        assert_eq!(
            merged(target, &patch),
            r#"{"doc":{"y":true,"z":1,"a":10000000000000000001},"k":[ ],"l":"\u003c"}"#
        );
    }

    #[test]
    fn answers_are_changed_and_spoilt_byte_by_byte() {
        let frame = || vec![0, 0, 0, 3, 0x0E, b'{', b'}'];
        let changed = |answer: Answer| {
            let mut frame = frame();
            change(&mut frame, &answer, Some(Command::Info), 0x0E);
            frame
        };
        assert_eq!(changed(Answer::Node), frame());
        let patched = changed(Answer::Patch(json!({"a": "<"})));
        assert_eq!(&patched[5..], br#"{"a":"\u003c"}"#);
        assert_eq!(patched[3], 15);
        assert_eq!(changed(Answer::Body(json!([1]))), b"\0\0\0\x04\x0e[1]");
        assert_eq!(
            changed(Answer::Payload(b"x"[..].into())),
            b"\0\0\0\x02\x0ex"
        );
        let mut random = Random::new(1, "r", 1);
        let mut spoilt = |fault| spoil(frame(), &fault, &mut random);
        assert_eq!(spoilt(Fault::NoReply), None);
        assert_eq!(spoilt(Fault::Truncate(3)).unwrap(), [0, 0, 0]);
        assert_eq!(spoilt(Fault::Truncate(99)).unwrap(), frame());
        assert_eq!(spoilt(Fault::Length(7)).unwrap()[..5], [0, 0, 0, 7, 0x0E]);
        assert_eq!(spoilt(Fault::Command(9)).unwrap()[4], 9);
        assert_eq!(
            spoilt(Fault::Duplicate).unwrap(),
            [frame(), frame()].concat()
        );
        let garbage = spoilt(Fault::Garbage).unwrap();
        assert!(garbage.len() == 7 && garbage != frame());
    }

    #[test]
    fn an_error_is_not_patched() {
        let mut frame = b"\0\0\0\x05\x0a\0\x01{}".to_vec();
        let before = frame.clone();
        change(
            &mut frame,
            &Answer::Patch(json!({"a": 1})),
            Some(Command::Info),
            0x0E,
        );
        assert_eq!(frame, before);
    }
}
