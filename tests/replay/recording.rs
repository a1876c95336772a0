//! One recorded exchange: what was sent, and what came to whom.

use serde_json::Value;

/// One line of the recordings.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub session: u64,
    pub group: String,
    pub case: String,
    pub client: String,
    pub sent: Sent,
    pub received: Vec<Recorded>,
}

/// How the recording tells what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Command byte and payload.
    Bytes(Vec<u8>),
    /// Their length and SHA-256.
    Digest { len: usize, sha256: String },
    /// In words.
    Words(String),
}

/// One frame that a client received.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub client: String,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    /// The connection ended.
    Eof,
    /// A frame with all its payload.
    Frame { code: u8, payload: Vec<u8> },
    /// A frame of which the length, the SHA-256 of the payload and perhaps the JSON are known.
    Digest {
        code: u8,
        len: usize,
        sha256: String,
        json: Option<Value>,
    },
    /// A run of Recv frames of one stream.
    Run {
        conn: u32,
        frames: usize,
        bytes: usize,
        /// Size of the data, how many frames in a row had it.
        sizes: Vec<(usize, usize)>,
        sha256: String,
    },
}

impl What {
    /// A frame with its payload in hex.
    pub fn frame(code: u8, payload: &str) -> What {
        let payload = unhex(payload).expect("hex");
        What::Frame { code, payload }
    }

    pub fn code(&self) -> Option<u8> {
        match self {
            What::Eof => None,
            What::Frame { code, .. } | What::Digest { code, .. } => Some(*code),
            What::Run { .. } => Some(0x07),
        }
    }

    /// How many frames it stands for.
    pub fn frames(&self) -> usize {
        match self {
            What::Run { frames, .. } => *frames,
            _ => 1,
        }
    }
}

impl Exchange {
    /// Parses a line.
    ///
    /// # Panics
    /// When the line is not a recording.
    pub fn parse(line: &str) -> Exchange {
        let value: Value = serde_json::from_str(line).expect("a line is JSON");
        let text = |key: &str| value[key].as_str().expect(key).to_owned();
        let received = value["recv"].as_array().expect("recv");
        Exchange {
            session: value["session"].as_u64().expect("session"),
            group: text("group"),
            case: text("case"),
            client: text("client"),
            sent: parse_sent(&value["send"]),
            received: received.iter().map(parse_received).collect(),
        }
    }
}

fn parse_sent(value: &Value) -> Sent {
    match value {
        Value::String(text) => match unhex(text) {
            Some(bytes) => Sent::Bytes(bytes),
            None => Sent::Words(text.clone()),
        },
        _ => Sent::Digest {
            len: size(&value["len"]),
            sha256: value["sha256"].as_str().expect("sha256").to_owned(),
        },
    }
}

fn parse_received(value: &Value) -> Recorded {
    let client = value["client"].as_str().expect("client").to_owned();
    let cmd = value["cmd"].as_str().expect("cmd");
    if cmd == "EOF" {
        let what = What::Eof;
        return Recorded { client, what };
    }
    let code = u8::from_str_radix(cmd.strip_prefix("0x").expect("0x"), 16).expect("a byte");
    let sha256 = |key: &str| value[key].as_str().expect(key).to_owned();
    let what = if let Some(hex) = value["hex"].as_str() {
        let payload = unhex(hex).expect("hex");
        What::Frame { code, payload }
    } else if let Some(text) = value["text"].as_str() {
        // An error too long for the recording to give in hex: its code was 1 like all others.
        let payload = [&[0, 1], text.as_bytes()].concat();
        What::Frame { code, payload }
    } else if value.get("frames").is_some() {
        let sizes = value["data_sizes"].as_array().expect("data_sizes");
        What::Run {
            conn: size(&value["conn"]) as u32,
            frames: size(&value["frames"]),
            bytes: size(&value["data_bytes"]),
            sizes: sizes.iter().map(|s| (size(&s[0]), size(&s[1]))).collect(),
            sha256: sha256("sha256_data"),
        }
    } else {
        What::Digest {
            code,
            len: size(&value["len"]),
            sha256: sha256("sha256"),
            json: value.get("json").cloned(),
        }
    };
    Recorded { client, what }
}

fn size(value: &Value) -> usize {
    value.as_u64().expect("a number") as usize
}

/// The bytes of lower-case hex; `None` for anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| (b as char).to_digit(16).filter(|_| !b.is_ascii_uppercase());
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8))
        .collect()
}

/// Bytes as lower-case hex, cut where it gets long.
pub fn hex(bytes: &[u8]) -> String {
    let mut text: String = bytes.iter().take(80).map(|b| format!("{b:02x}")).collect();
    if bytes.len() > 80 {
        text.push_str(&format!("… ({} bytes)", bytes.len()));
    }
    text
}
