//! What was sent, as steps: the recorded bytes, or bytes rebuilt from a recorded hash or from words.

use super::recording::{Exchange, Sent, unhex};
use super::sha256::sha256;

/// One act of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Frames (command byte and payload each) in one write.
    Write(String, Vec<Vec<u8>>),
    /// Bytes that are no whole frames, or no frames at all.
    Raw(String, Vec<u8>),
    /// The client ends its writing side.
    HalfClose(String),
    /// The client closes its socket.
    Leave(String),
}

/// The acts of an exchange.
///
/// # Panics
/// When nothing is known of what was sent, or when what was rebuilt has not the recorded hash.
pub fn steps(x: &Exchange) -> Vec<Step> {
    match &x.sent {
        Sent::Bytes(bytes) => vec![Step::Write(x.client.clone(), vec![bytes.clone()])],
        Sent::Digest { len, sha256: hash } => {
            let bytes = rebuilt(x)
                .unwrap_or_else(|| panic!("{}/{}: nobody knows what was sent", x.group, x.case));
            assert_eq!(bytes.len(), *len, "{}/{}", x.group, x.case);
            assert_eq!(sha256(&bytes), *hash, "{}/{}", x.group, x.case);
            vec![Step::Write(x.client.clone(), vec![bytes])]
        }
        Sent::Words(words) => {
            in_words(x).unwrap_or_else(|| panic!("{}/{}: what is {words:?}?", x.group, x.case))
        }
    }
}

/// The data that the recording's client sent on streams.
fn stream_data(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

/// The data that it sent in datagrams.
fn datagram_data(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 3 + i / 255) as u8).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    unhex(hex).expect("hex")
}

fn with(hex: &str, data: impl AsRef<[u8]>) -> Vec<u8> {
    let mut all = bytes(hex);
    all.extend_from_slice(data.as_ref());
    all
}

/// An envelope and its signature as one of the recorded daemons made them.
struct Signed {
    envelope: &'static str,
    signature: &'static str,
    /// What the recording's client put after `,` and `:`.
    space: &'static str,
}

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The one that all requests of session 1 are about; its own reply was not kept.
const FIRST: Signed = Signed {
    envelope: "1795292137|fa15a5b3634ba9ff",
    signature: "qh2uT04hTZjdvwB6zAL59GAXhcsiIQTaWffWWVla55nEQWauq0zQxy0z7E0fI1I3TP3jhleAArSd2B2l9xDEAw==",
    space: "",
};

/// Session 1, after the rotation that the old registry refused.
const AFTER_REFUSAL: Signed = Signed {
    envelope: "1795292147|acfa3d4ff7160402",
    signature: "TRKDBPilTkELpzl+RHGoAdjtpNijPNLziCozMhvhI4g8LV4w5F0wg90VbuIFH3UGBaIctKmZGOmSjIi2975NDQ==",
    space: "",
};

/// Session 4, before and after a rotation that succeeded.
const ROTATION: [Signed; 2] = [
    Signed {
        envelope: "1795292769|e3b7204ff9c89db0",
        signature: "eKzREXh89A/bNz375JVJpgy1vyL9CXERcIn03sKxZ5OLOteb/f+OYK8EXytEhDrQScC8sDSeBOiQnL+F80GtCg==",
        space: " ",
    },
    Signed {
        envelope: "1795292769|0c743321a56a4150",
        signature: "EG+ZJRNrVZYXJEQhdglEx+YipeNwPtQ94BmN72GVTDEVq4BQHDJWYFqp5awqLXC2z61xqyl7Gf8+wcalppLABw==",
        space: " ",
    },
];

impl Signed {
    fn verify(&self, extra: &str) -> Vec<u8> {
        self.edited(|text| text, extra)
    }

    /// A request to verify it, with `edit` done to the envelope and `extra` keys behind.
    fn edited(&self, edit: impl Fn(String) -> String, extra: &str) -> Vec<u8> {
        let space = self.space;
        let envelope = edit(format!(
            "pilot-req-v1|000000000001|{}|{ZEROS}|svc",
            self.envelope
        ));
        let signature = self.signature;
        let mut text =
            format!(r#"5{{"envelope":{space}"{envelope}",{space}"signature":{space}"{signature}""#);
        text.push_str(
            &extra
                .replace(':', &format!(":{space}"))
                .replace(',', &format!(",{space}")),
        );
        text.push('}');
        text.into_bytes()
    }
}

const SKEW: &str = r#","max_skew_secs":300"#;

fn rebuilt(x: &Exchange) -> Option<Vec<u8>> {
    let Sent::Digest { len, .. } = x.sent else {
        return None;
    };
    let of_streams = |head: &str| with(head, stream_data(len - 5));
    let of_datagrams = |head: &str| with(head, datagram_data(len - 9));
    Some(match (x.group.as_str(), x.case.as_str()) {
        ("resolve", _) => with("11", "x".repeat(300)),
        ("webhook", "long") => [b"\x1bhttp://127.0.0.1/".to_vec(), vec![b'a'; 3000]].concat(),
        ("handshake-flow", _) => with("0f0100000003", "j".repeat(2000)),
        ("sign-envelope", "nonce-long") => {
            let nonce = "a".repeat(300);
            format!(r#"3{{"audience":"svc","body_hash":"{ZEROS}","nonce":"{nonce}"}}"#).into_bytes()
        }
        ("sign-envelope", "audience-long") => {
            let audience = "a".repeat(300);
            format!(r#"3{{"audience":"{audience}","body_hash":"{ZEROS}"}}"#).into_bytes()
        }
        ("verify-envelope" | "rotate2", case) => verify(case),
        ("stream", _) => of_streams("0600000014"),
        ("echo", _) => with("0600000026", "e".repeat(10_000)),
        ("dataexchange", _) => with("06000000050000000100002710", "z".repeat(10_000)),
        ("eventstream", _) => {
            let topic = [bytes("06000000090401"), vec![b'x'; 1025]].concat();
            [topic, vec![0; 4]].concat()
        }
        ("datagram", case) => match case.split('-').take(2).collect::<Vec<_>>()[..] {
            ["confirm", "peer"] => of_datagrams("390000000000021b58"),
            ["confirm", "own"] => of_datagrams("390000000000011b59"),
            _ => of_datagrams("0b0000000000021b58"),
        },
        _ => return None,
    })
}

fn verify(case: &str) -> Vec<u8> {
    let [before, after] = &ROTATION;
    match case {
        "own-ok" => FIRST.verify(r#","max_skew_secs":300,"check_standing":false"#),
        "own-ok-standing" => FIRST.verify(r#","max_skew_secs":300,"check_standing":true"#),
        "own-ok-skew0" => FIRST.verify(r#","max_skew_secs":0"#),
        "skew-neg" => FIRST.verify(r#","max_skew_secs":-1"#),
        "skew-string" => FIRST.verify(r#","max_skew_secs":"1""#),
        "stale-2s-skew1" => FIRST.verify(r#","max_skew_secs":1"#),
        "stale-and-tampered" => FIRST.edited(tampered, r#","max_skew_secs":1"#),
        "tampered-envelope" => FIRST.edited(tampered, SKEW),
        "tampered-sig" => {
            let text = String::from_utf8(FIRST.verify(SKEW)).expect("text");
            text.replace("qh2uT", "qx2uT").into_bytes()
        }
        "domain-version-changed" => FIRST.edited(|text| text.replace("req-v1", "req-v4242"), SKEW),
        "new-envelope-after-rotate" => AFTER_REFUSAL.verify(SKEW),
        "verify-before" | "verify-old-after" => before.verify(SKEW),
        "verify-new-after" => after.verify(SKEW),
        _ => FIRST.verify(SKEW),
    }
}

fn tampered(envelope: String) -> String {
    envelope.replace("|svc", "|svd")
}

/// Exchanges that the recording tells in words. Where it does not give every byte, requests stand
/// here that get the recorded replies.
fn in_words(x: &Exchange) -> Option<Vec<Step>> {
    let write = |frames: &[&str]| {
        let frames = frames.iter().map(|f| bytes(f)).collect();
        Some(vec![Step::Write(x.client.clone(), frames)])
    };
    let raw = |bytes: Vec<u8>| Some(vec![Step::Raw(x.client.clone(), bytes)]);
    match x.group.as_str() {
        "handshake-flow" => Some(vec![Step::Write("b".into(), vec![bytes("0f0200000002")])]),
        "stream" => stream_words(x),
        "datagram" => numbered(x, "0b0000000000021b58", "d", 10),
        "slow-dial" => slow_words(x),
        "framing" => match x.case.as_str() {
            "zero-length-then-info" => raw(bytes("00000000000000010d")),
            "zero-length-x5" => raw(vec![0; 20]),
            "byte-by-byte" => Some(
                bytes("000000010d")
                    .into_iter()
                    .map(|b| Step::Raw(x.client.clone(), vec![b]))
                    .collect(),
            ),
            "max-length-info" => raw([bytes("001000000d"), vec![0; 1_048_575]].concat()),
            "max-length-send" => raw(with("00100000060000270f", vec![0; 1_048_571])),
            "oversize-by-1" => raw(bytes("00100001")),
            "oversize-max" => raw([vec![0xff; 4], vec![0; 10]].concat()),
            "half-header-then-disconnect" => Some(vec![
                Step::Raw(x.client.clone(), vec![0; 3]),
                Step::Leave(x.client.clone()),
            ]),
            "half-close-after-info" => Some(vec![
                Step::Raw(x.client.clone(), bytes("000000010d")),
                Step::HalfClose(x.client.clone()),
            ]),
            "half-close-idle" => Some(vec![Step::HalfClose(x.client.clone())]),
            _ => None,
        },
        "pipeline" => match x.case.as_str() {
            "20-mixed-local" => write(&[
                "0d",
                "21",
                "011d4c",
                "371d4c",
                "7e",
                "0f04",
                "0f05",
                "011d4d",
                "011d4d",
                "371d4d",
                "15",
                "1978",
                "080000270f",
                "1b6674703a2f2f782f",
                "337b7d",
                "2d",
                "357b7d",
                "21",
                "0d",
                "21",
            ]),
            "registry-then-local" => write(&[
                "1162657461",
                "195b2270225d",
                "13616c706861",
                "0d",
                "21",
                "1f01",
                "21",
                "0d",
                "116e6f73756368",
            ]),
            "wait-1s-then-health-x3" => write(&["0f0700001092000003e8", "21", "21", "21"]),
            "dial-then-health" => write(&["030000000000021c84", "21", "030000000000021c85", "21"]),
            "100-health" => write(&["21"; 100]),
            "bind-then-selfdial" => write(&["011d4e", "030000000000011d4e"]),
            "two-waits" => write(&["0f070000109200000320", "0f0700001093000000c8"]),
            "confirm-x5" => numbered(x, "390000000000021b58", "c", 5),
            _ => None,
        },
        _ => None,
    }
}

/// `count` frames in one write, each with a letter and its number as data.
fn numbered(x: &Exchange, head: &str, letter: &str, count: usize) -> Option<Vec<Step>> {
    let frames = (0..count).map(|i| with(head, format!("{letter}{i}")));
    Some(vec![Step::Write(x.client.clone(), frames.collect())])
}

fn stream_words(x: &Exchange) -> Option<Vec<Step>> {
    Some(match x.case.as_str() {
        "a-sends-20-small-frames-back-to-back" => {
            let frames = (0..20).map(|i| with("0600000014", format!("m{i:02}")));
            vec![Step::Write("a".into(), frames.collect())]
        }
        "a-sends-5000-then-close-at-once" => {
            let send = with("0600000016", "x".repeat(5000));
            vec![Step::Write("a".into(), vec![send, bytes("0800000016")])]
        }
        "both-close-at-once" => vec![
            Step::Write("a".into(), vec![bytes("0800000017")]),
            Step::Write("b".into(), vec![bytes("0800000009")]),
        ],
        _ => return None,
    })
}

fn slow_words(x: &Exchange) -> Option<Vec<Step>> {
    let dial = || bytes("030000000000041c20");
    let write = |client: &str, frames: Vec<Vec<u8>>| Step::Write(client.to_owned(), frames);
    Some(match x.case.as_str() {
        "dial-to-silent-node-then-info-then-health" => vec![
            write("a", vec![dial()]),
            write("a", vec![bytes("0d")]),
            write("a", vec![bytes("21")]),
        ],
        "dial-to-silent-node-then-cancel-after-500ms" => {
            vec![write("a", vec![dial()]), write("a", vec![bytes("2b")])]
        }
        "dial-on-a-cancel-on-a2" => vec![
            write("a", vec![dial()]),
            write("a2", vec![bytes("2b")]),
            write("a2", vec![bytes("0d")]),
        ],
        "two-dials-then-one-cancel" => vec![
            write("a", vec![dial(), bytes("030000000000041c21")]),
            write("a", vec![bytes("2b")]),
        ],
        // A tenth of the recorded 5 s.
        "handshake-wait-5s-then-info-then-cancel" => vec![
            write("a", vec![bytes("0f0700001092000001f4")]),
            write("a", vec![bytes("0d")]),
            write("a", vec![bytes("2b")]),
        ],
        "client-disconnects-during-dial" => {
            vec![write("ax", vec![dial()]), Step::Leave("ax".into())]
        }
        _ => return None,
    })
}
