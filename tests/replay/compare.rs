//! Compares what was recorded with what came, field by field.

use serde_json::{Value, json};

use super::recording::{What, hex};
use super::sha256::sha256;

/// What a client got, with ids and ports as the recording has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    Frame { code: u8, payload: Vec<u8> },
    Eof,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// Command byte of the recorded frame; 0 where there is none.
    pub code: u8,
    /// `command`, `text`, `payload`, `json.KEY[ROW].KEY`, `data`, `chunks`, `order`, `layout`,
    /// `missing frame`, `extra frame`, `stream id`, `source port`.
    pub field: String,
    pub recorded: Value,
    pub got: Value,
}

/// The outcome of one comparison.
#[derive(Debug, Default)]
pub struct Outcome {
    pub frames: usize,
    pub fields: usize,
    pub mismatches: Vec<Mismatch>,
}

const RECV: u8 = 0x07;
const CLOSE_OK: u8 = 0x09;
const ERROR: u8 = 0x0A;

impl Outcome {
    /// Compares two values of one field.
    pub fn field(&mut self, code: u8, field: &str, recorded: Value, got: Value) {
        self.fields += 1;
        if recorded != got {
            self.mismatches.push(Mismatch {
                code,
                field: field.to_owned(),
                recorded,
                got,
            });
        }
    }

    fn json(&mut self, code: u8, path: &str, recorded: &Value, got: &Value) {
        match (recorded, got) {
            (Value::Object(want), Value::Object(have)) => {
                for (key, value) in want {
                    let path = format!("{path}.{key}");
                    match have.get(key) {
                        Some(got) => self.json(code, &path, value, got),
                        None => self.field(code, &path, value.clone(), json!({"absent": true})),
                    }
                }
                for (key, value) in have.iter().filter(|(key, _)| !want.contains_key(*key)) {
                    let path = format!("{path}.{key}");
                    self.field(code, &path, json!({"absent": true}), value.clone());
                }
            }
            (Value::Array(want), Value::Array(have)) => {
                let path_len = format!("{path}.len()");
                self.field(code, &path_len, want.len().into(), have.len().into());
                for (row, (want, have)) in want.iter().zip(have).enumerate() {
                    self.json(code, &format!("{path}[{row}]"), want, have);
                }
            }
            _ => self.field(code, path, recorded.clone(), got.clone()),
        }
    }
}

/// Compares what one client was recorded to get in an exchange with what it got.
pub fn compare(recorded: &[&What], got: &[Got]) -> Outcome {
    let mut outcome = Outcome {
        frames: recorded.iter().map(|what| what.frames()).sum(),
        ..Outcome::default()
    };
    streams(&mut outcome, recorded, got);
    let is_recv = |code: Option<u8>| code == Some(RECV);
    let want: Vec<&What> = recorded
        .iter()
        .copied()
        .filter(|what| !is_recv(what.code()))
        .collect();
    let have: Vec<&Got> = got.iter().filter(|got| !is_recv(got.code())).collect();
    let partners = pair(&want, &have);
    for (what, partner) in want.iter().zip(&partners) {
        match partner {
            Some(at) => frame(&mut outcome, what, have[*at]),
            None => outcome.field(
                what.code().unwrap_or(0),
                "missing frame",
                describe_what(what),
                Value::Null,
            ),
        }
    }
    for (at, got) in have.iter().enumerate() {
        if !partners.contains(&Some(at)) {
            outcome.field(0, "extra frame", Value::Null, describe_got(got));
        }
    }
    outcome.fields += 1;
    if !partners.iter().flatten().is_sorted() {
        let in_order = partners
            .iter()
            .flatten()
            .map(|at| code_text(have[*at].code()));
        let recorded: Vec<String> = in_order.collect();
        let got: Vec<String> = have.iter().map(|got| code_text(got.code())).collect();
        outcome.mismatches.push(Mismatch {
            code: 0,
            field: "order".into(),
            recorded: json!(recorded),
            got: json!(got),
        });
    }
    outcome
}

impl Got {
    pub fn code(&self) -> Option<u8> {
        match self {
            Got::Frame { code, .. } => Some(*code),
            Got::Eof => None,
        }
    }
}

fn code_text(code: Option<u8>) -> String {
    code.map_or("EOF".into(), |code| format!("{code:02x}"))
}

/// Whether a frame may stand in the place of a recorded one.
type Fit<'a> = &'a dyn Fn(&What, &Got) -> bool;

/// For every recorded frame the frame that came in its place: an equal one before one of the same
/// command, and that before any.
fn pair(want: &[&What], have: &[&Got]) -> Vec<Option<usize>> {
    let mut partners: Vec<Option<usize>> = vec![None; want.len()];
    let same_command = |what: &What, got: &Got| what.code() == got.code();
    let equal = |what: &What, got: &Got| {
        let mut trial = Outcome::default();
        frame(&mut trial, what, got);
        trial.mismatches.is_empty()
    };
    let both_frames = |what: &What, got: &Got| what.code().is_some() && got.code().is_some();
    let fits: [Fit; 3] = [&equal, &same_command, &both_frames];
    for fit in fits {
        for (at, what) in want.iter().enumerate() {
            if partners[at].is_none() {
                partners[at] =
                    (0..have.len()).find(|i| !partners.contains(&Some(*i)) && fit(what, have[*i]));
            }
        }
    }
    partners
}

fn frame(outcome: &mut Outcome, what: &What, got: &Got) {
    let code = what.code().unwrap_or(0);
    if matches!((what, got), (What::Eof, Got::Eof)) {
        outcome.fields += 1;
        return;
    }
    let Got::Frame {
        code: got_code,
        payload: have,
    } = got
    else {
        outcome.field(code, "command", describe_what(what), describe_got(got));
        return;
    };
    if what.code() != Some(*got_code) {
        outcome.field(code, "command", describe_what(what), describe_got(got));
        return;
    }
    outcome.fields += 1; // The command byte.
    match what {
        What::Frame { payload: want, .. } if code == ERROR => {
            outcome.field(code, "code", code_of(want), code_of(have));
            outcome.field(code, "text", text_of(want), text_of(have));
        }
        What::Frame { payload: want, .. } => match serde_json::from_slice(want) {
            Ok(body @ Value::Object(_)) => {
                json_body(outcome, code, &body, have, |have| want == have)
            }
            _ => outcome.field(code, "payload", hex(want).into(), hex(have).into()),
        },
        What::Digest {
            len,
            sha256: hash,
            json,
            ..
        } => match json {
            Some(body) => json_body(outcome, code, body, have, |have| {
                have.len() == *len && sha256(have) == *hash
            }),
            None => {
                outcome.field(code, "length", (*len).into(), have.len().into());
                outcome.field(code, "sha256", hash.clone().into(), sha256(have).into());
            }
        },
        What::Eof | What::Run { .. } => {}
    }
}

/// A JSON body: keys, types and values, and that the bytes are the same where the values are.
fn json_body(
    outcome: &mut Outcome,
    code: u8,
    want: &Value,
    have: &[u8],
    same_bytes: impl Fn(&[u8]) -> bool,
) {
    let Ok(body) = serde_json::from_slice::<Value>(have) else {
        outcome.field(code, "json", want.clone(), hex(have).into());
        return;
    };
    let before = outcome.mismatches.len();
    outcome.json(code, "json", want, &body);
    let layout = if outcome.mismatches.len() == before {
        same_bytes(have)
    } else {
        is_compact(have)
    };
    let text = String::from_utf8_lossy(have).into_owned();
    outcome.field(
        code,
        "layout",
        true.into(),
        if layout { true.into() } else { text.into() },
    );
}

/// Whether there is no space between the tokens of a JSON text.
fn is_compact(text: &[u8]) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    text.iter().all(|byte| {
        let inside = quoted;
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        inside || !byte.is_ascii_whitespace()
    })
}

/// Streams: the data of each, how it was cut, and that it came before the stream's end.
fn streams(outcome: &mut Outcome, recorded: &[&What], got: &[Got]) {
    let mut conns: Vec<u32> = got
        .iter()
        .filter_map(recv_of)
        .map(|(conn, _)| conn)
        .collect();
    // A digest hides its stream; no recorded exchange has one beside frames of another stream.
    let hidden = conns.first().copied().unwrap_or(0);
    let pieces: Vec<(u32, Piece)> = recorded
        .iter()
        .filter_map(|what| Piece::of(what, hidden))
        .collect();
    conns.extend(pieces.iter().map(|(conn, _)| *conn));
    conns.sort_unstable();
    conns.dedup();
    for conn in conns {
        let want: Vec<&Piece> = pieces
            .iter()
            .filter(|(of, _)| *of == conn)
            .map(|(_, piece)| piece)
            .collect();
        let have: Vec<&[u8]> = got
            .iter()
            .filter_map(recv_of)
            .filter(|(of, _)| *of == conn)
            .map(|(_, data)| data)
            .collect();
        stream(outcome, conn, &want, &have);
        let last_data = |got: &Got| recv_of(got).is_some_and(|(of, _)| of == conn);
        let end = |got: &Got| {
            *got == Got::Frame {
                code: CLOSE_OK,
                payload: conn.to_be_bytes().to_vec(),
            }
        };
        let late = match (got.iter().rposition(last_data), got.iter().position(end)) {
            (Some(data), Some(end)) => data > end,
            _ => false,
        };
        outcome.field(RECV, "data after the end", false.into(), late.into());
    }
}

fn recv_of(got: &Got) -> Option<(u32, &[u8])> {
    match got {
        Got::Frame {
            code: RECV,
            payload,
        } => {
            let (conn, data) = payload.split_first_chunk()?;
            Some((u32::from_be_bytes(*conn), data))
        }
        _ => None,
    }
}

/// A recorded piece of a stream's data.
enum Piece {
    Data(Vec<u8>),
    /// Length, and the digest of the frame's payload.
    Frame(usize, String),
    /// Sizes, and the digest of all data.
    Run(Vec<usize>, String),
}

impl Piece {
    fn of(what: &What, hidden: u32) -> Option<(u32, Piece)> {
        match what {
            What::Frame {
                code: RECV,
                payload,
            } => {
                let (conn, data) = payload.split_first_chunk()?;
                Some((u32::from_be_bytes(*conn), Piece::Data(data.to_vec())))
            }
            What::Digest {
                code: RECV,
                len,
                sha256,
                ..
            } => Some((hidden, Piece::Frame(len - 4, sha256.clone()))),
            What::Run {
                conn,
                sizes,
                sha256,
                ..
            } => {
                let all = sizes.iter().flat_map(|(size, times)| vec![*size; *times]);
                Some((*conn, Piece::Run(all.collect(), sha256.clone())))
            }
            _ => None,
        }
    }

    fn sizes(&self) -> Vec<usize> {
        match self {
            Piece::Data(data) => vec![data.len()],
            Piece::Frame(size, _) => vec![*size],
            Piece::Run(sizes, _) => sizes.clone(),
        }
    }
}

fn stream(outcome: &mut Outcome, conn: u32, want: &[&Piece], have: &[&[u8]]) {
    let sizes: Vec<usize> = want.iter().flat_map(|piece| piece.sizes()).collect();
    let got_sizes: Vec<usize> = have.iter().map(|data| data.len()).collect();
    let total: usize = sizes.iter().sum();
    let data: Vec<u8> = have.concat();
    outcome.field(RECV, "chunks", json!(sizes), json!(got_sizes));
    outcome.field(RECV, "bytes", total.into(), data.len().into());
    if total != data.len() {
        return;
    }
    let mut rest = &data[..];
    for piece in want {
        let (mine, others) = rest.split_at(piece.sizes().iter().sum());
        rest = others;
        match piece {
            Piece::Data(data) => stream_data(outcome, data, mine),
            Piece::Frame(_, hash) => {
                let framed = [&conn.to_be_bytes()[..], mine].concat();
                outcome.field(RECV, "data", hash.clone().into(), sha256(&framed).into());
            }
            Piece::Run(_, hash) => {
                outcome.field(RECV, "data", hash.clone().into(), sha256(mine).into());
            }
        }
    }
}

/// Data that is given in full; a data exchange's JSON in it is compared by keys.
fn stream_data(outcome: &mut Outcome, want: &[u8], have: &[u8]) {
    let body = |data: &[u8]| match data.get(..4) {
        Some([0, 0, 0, 3]) => serde_json::from_slice::<Value>(data.get(8..)?).ok(),
        _ => None,
    };
    match (body(want), body(have)) {
        (Some(want), Some(have)) => outcome.json(RECV, "trace", &want, &have),
        _ => outcome.field(RECV, "data", hex(want).into(), hex(have).into()),
    }
}

fn code_of(payload: &[u8]) -> Value {
    hex(&payload[..payload.len().min(2)]).into()
}

fn text_of(payload: &[u8]) -> Value {
    let text = payload.get(2..).unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) => text.into(),
        Err(_) => json!({"not UTF-8": hex(text)}),
    }
}

fn describe(code: Option<u8>, payload: &[u8]) -> Value {
    let body = match code {
        Some(ERROR) => text_of(payload),
        _ => serde_json::from_slice(payload).unwrap_or_else(|_| hex(payload).into()),
    };
    json!({"command": code_text(code), "body": body})
}

fn describe_what(what: &What) -> Value {
    match what {
        What::Frame { payload, .. } => describe(what.code(), payload),
        What::Digest {
            json: Some(body), ..
        } => {
            json!({"command": code_text(what.code()), "body": body})
        }
        _ => json!({"command": code_text(what.code()), "body": format!("{what:?}")}),
    }
}

fn describe_got(got: &Got) -> Value {
    match got {
        Got::Frame { payload, .. } => describe(got.code(), payload),
        Got::Eof => describe(None, &[]),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
