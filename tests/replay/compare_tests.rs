//! The comparer must see what it is there to see.

use serde_json::json;

use super::*;

fn frame(code: u8, payload: &[u8]) -> Got {
    Got::Frame {
        code,
        payload: payload.to_vec(),
    }
}

fn recorded(code: u8, payload: &[u8]) -> What {
    What::Frame {
        code,
        payload: payload.to_vec(),
    }
}

fn fields(recorded: &[What], got: &[Got]) -> Vec<String> {
    let recorded: Vec<&What> = recorded.iter().collect();
    let outcome = compare(&recorded, got);
    outcome.mismatches.into_iter().map(|m| m.field).collect()
}

fn recv(conn: u32, data: &[u8]) -> Vec<u8> {
    [&conn.to_be_bytes()[..], data].concat()
}

const BODY: &[u8] = br#"{"a":1,"b":[{"c":"x"}],"d":null}"#;

#[test]
fn the_same_frames_do_not_differ() {
    let frames = [
        (0x02, &b"\x13\x88"[..]),
        (0x0A, b"\x00\x01text"),
        (0x0E, BODY),
        (0x07, b"\0\0\0\x01data"),
        (0x09, b"\0\0\0\x01"),
    ];
    let want = frames.map(|(code, payload)| recorded(code, payload));
    let have = frames.map(|(code, payload)| frame(code, payload));
    assert_eq!(fields(&want, &have), [""; 0]);
    let digest = What::Digest {
        code: 0x0E,
        len: BODY.len(),
        sha256: sha256(BODY),
        json: serde_json::from_slice(BODY).ok(),
    };
    assert_eq!(
        fields(&[digest, What::Eof], &[frame(0x0E, BODY), Got::Eof]),
        [""; 0]
    );
    assert_eq!(fields(&[], &[]), [""; 0]);
}

#[test]
fn a_changed_byte_key_type_or_value_is_seen() {
    let changed =
        |code: u8, want: &[u8], have: &[u8]| fields(&[recorded(code, want)], &[frame(code, have)]);
    assert_eq!(changed(0x02, b"\x13\x88", b"\x13\x89"), ["payload"]);
    assert_eq!(changed(0x02, b"\x13\x88", b"\x13\x88\0"), ["payload"]);
    assert_eq!(changed(0x3A, b"", b"\0"), ["payload"]);
    assert_eq!(changed(0x0A, b"\0\x01text", b"\0\x02text"), ["code"]);
    assert_eq!(changed(0x0A, b"\0\x01text", b"\0\x01texts"), ["text"]);
    for (have, field) in [
        (&br#"{"a":2,"b":[{"c":"x"}],"d":null}"#[..], "json.a"),
        (br#"{"a":"1","b":[{"c":"x"}],"d":null}"#, "json.a"),
        (br#"{"a":1,"b":[{"c":""}],"d":null}"#, "json.b[0].c"),
        (br#"{"a":1,"b":[{}],"d":null}"#, "json.b[0].c"),
        (br#"{"a":1,"b":[],"d":null}"#, "json.b.len()"),
        (br#"{"a":1,"b":[{"c":"x"}]}"#, "json.d"),
        (br#"{"a":1,"b":[{"c":"x"}],"d":null,"e":0}"#, "json.e"),
        (br#"{"a":1,"b":{"c":"x"},"d":null}"#, "json.b"),
        (br#"{"b":[{"c":"x"}],"a":1,"d":null}"#, "layout"),
        (br#"{"a":1, "b":[{"c":"x"}],"d":null}"#, "layout"),
        (b"not json", "json"),
    ] {
        assert_eq!(changed(0x0E, BODY, have), [field]);
    }
    let spaced_and_changed = br#"{"a":2, "b":[{"c":"x"}],"d":null}"#;
    assert_eq!(
        changed(0x0E, BODY, spaced_and_changed),
        ["json.a", "layout"]
    );
}

#[test]
fn another_command_is_seen() {
    let want = recorded(0x02, b"\x13\x88");
    assert_eq!(fields(&[want], &[frame(0x0A, b"\0\x01no")]), ["command"]);
    assert_eq!(
        fields(&[What::Eof], &[frame(0x22, b"{}")]),
        ["missing frame", "extra frame"]
    );
}

#[test]
fn a_missing_and_an_extra_frame_are_seen() {
    let want = || recorded(0x09, b"\0\0\0\x01");
    let have = || frame(0x09, b"\0\0\0\x01");
    assert_eq!(fields(&[want()], &[]), ["missing frame"]);
    assert_eq!(fields(&[want(), want()], &[have()]), ["missing frame"]);
    assert_eq!(fields(&[], &[have()]), ["extra frame"]);
    assert_eq!(fields(&[want()], &[have(), have()]), ["extra frame"]);
    assert_eq!(fields(&[want()], &[have(), Got::Eof]), ["extra frame"]);
    assert_eq!(fields(&[What::Eof], &[]), ["missing frame"]);
}

#[test]
fn another_order_is_seen() {
    let want = [recorded(0x22, b"{}"), recorded(0x02, b"\0\x01")];
    let have = [frame(0x02, b"\0\x01"), frame(0x22, b"{}")];
    assert_eq!(fields(&want, &have), ["order"]);
}

#[test]
fn stream_data_is_compared_as_a_stream_and_by_its_chunks() {
    let want = [
        recorded(RECV, &recv(1, b"abc")),
        recorded(RECV, &recv(1, b"defg")),
        recorded(CLOSE_OK, &1u32.to_be_bytes()),
    ];
    let chunks = |chunks: &[&[u8]]| -> Vec<Got> {
        let data = chunks.iter().map(|data| frame(RECV, &recv(1, data)));
        data.chain([frame(CLOSE_OK, &1u32.to_be_bytes())]).collect()
    };
    assert_eq!(fields(&want, &chunks(&[b"abc", b"defg"])), [""; 0]);
    assert_eq!(fields(&want, &chunks(&[b"abcdefg"])), ["chunks"]);
    assert_eq!(fields(&want, &chunks(&[b"abc", b"defx"])), ["data"]);
    assert_eq!(
        fields(&want, &chunks(&[b"abc", b"def"])),
        ["chunks", "bytes"]
    );
    let mut late = chunks(&[b"abc", b"defg"]);
    late.swap(1, 2);
    assert_eq!(fields(&want, &late), ["data after the end"]);
    let other_stream = [
        frame(RECV, &recv(2, b"abcdefg")),
        frame(CLOSE_OK, &1u32.to_be_bytes()),
    ];
    assert_eq!(
        fields(&want, &other_stream),
        ["chunks", "bytes", "chunks", "bytes"]
    );
}

#[test]
fn digests_of_stream_data_are_compared() {
    let data = [7; 2000];
    let (first, second) = data.split_at(1152);
    let digest = |data: &[u8]| What::Digest {
        code: RECV,
        len: data.len() + 4,
        sha256: sha256(&recv(1, data)),
        json: None,
    };
    let run = What::Run {
        conn: 1,
        frames: 2,
        bytes: 2000,
        sizes: vec![(1152, 1), (848, 1)],
        sha256: sha256(&data),
    };
    let have =
        |first: &[u8], second: &[u8]| [frame(RECV, &recv(1, first)), frame(RECV, &recv(1, second))];
    let same = have(first, second);
    let other = have(first, &[8; 848]);
    assert_eq!(fields(&[digest(first), digest(second)], &same), [""; 0]);
    assert_eq!(fields(&[digest(first), digest(second)], &other), ["data"]);
    assert_eq!(fields(std::slice::from_ref(&run), &same), [""; 0]);
    assert_eq!(fields(std::slice::from_ref(&run), &other), ["data"]);
    let whole = [frame(RECV, &recv(1, &data))];
    assert_eq!(fields(&[run], &whole), ["chunks"]);
}

#[test]
fn a_traced_frame_is_compared_by_keys() {
    let trace = |body: &[u8]| {
        let head = [&[0, 0, 0, 3][..], &(body.len() as u32).to_be_bytes()].concat();
        recv(1, &[&head[..], body].concat())
    };
    let want = trace(br#"{"at_ns":12,"inner_ack":"ACK"}"#);
    let have = trace(br#"{"at_ns":34,"inner_ack":"NAK"}"#);
    assert_eq!(
        fields(&[recorded(RECV, &want)], &[frame(RECV, &have)]),
        ["trace.at_ns", "trace.inner_ack"]
    );
}

#[test]
fn values_are_given_as_they_are() {
    let want = recorded(0x0A, b"\0\x01one");
    let outcome = compare(&[&want], &[frame(0x02, b"\0\x02")]);
    assert_eq!(
        outcome.mismatches,
        [Mismatch {
            code: 0x0A,
            field: "command".into(),
            recorded: json!({"command": "0a", "body": "one"}),
            got: json!({"command": "02", "body": "0002"}),
        }]
    );
}
