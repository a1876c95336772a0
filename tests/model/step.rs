//! One step of a run, and its line of text.

use std::fmt::Write as _;

/// What one client, a peer or the control socket does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A client's request. With `more`, its next request goes out in the same write.
    Ask {
        slot: usize,
        name: String,
        fields: Vec<Field>,
        more: bool,
    },
    /// The owners of both ends of a stream close them without waiting for each other.
    Both { stream: Stream },
    /// A client goes.
    Leave { slot: usize, how: How },
    /// A client that went comes back.
    Come { slot: usize },
    /// A peer acts of its own accord.
    Peer {
        node: u32,
        does: String,
        with: String,
    },
    /// The control socket pushes something.
    Push(Push),
    /// The daemon goes back to its initial state.
    Reset,
    /// The daemon's whole state is compared.
    State,
}

/// How a client goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Plain,
    /// In the middle of a frame.
    Cut,
    /// It is thrown out for a frame that is too long.
    Over,
    /// It ends its own side and waits for the daemon to end the other.
    Half,
    /// With data on its newest stream still under way.
    Sending,
}

const HOWS: [(How, &str); 5] = [
    (How::Plain, "leave"),
    (How::Cut, "cut"),
    (How::Over, "over"),
    (How::Half, "half"),
    (How::Sending, "sending"),
];

impl How {
    pub fn word(self) -> &'static str {
        let row = HOWS.iter().find(|(how, _)| *how == self);
        row.expect("every way has a word").1
    }

    fn read(word: &str) -> Option<How> {
        HOWS.iter()
            .find(|(_, known)| *known == word)
            .map(|(how, _)| *how)
    }
}

/// What the control socket pushes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// A peer's datagram: from this node, to this port, of so many bytes.
    Datagram(u32, u16, usize),
    /// A peer's stream: from this node, to this port, whether it echoes, and what it says first.
    Accept(u32, u16, bool, usize),
    /// So many bytes from a stream's far end.
    Recv(Stream, usize),
    /// A stream's far end closes.
    Close(Stream),
}

/// A part of a request's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    U8(u8),
    U16(u16),
    U32(u32),
    Text(Vec<u8>),
    /// So many bytes that count up from this one.
    Fill(usize, u8),
    Stream(Stream),
    /// Of all before it, only so many bytes are sent.
    Cut(usize),
}

/// A stream by what it is to a client, so that a step keeps its sense when earlier ones are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Of those that a client has open, the so-manieth from the newest.
    Open(usize, usize),
    /// Of those that have ended, the so-manieth from the newest.
    Ended(usize),
    Id(u32),
}

/// The bytes of a fill.
pub fn fill(length: usize, from: u8) -> Vec<u8> {
    (0..length).map(|n| from.wrapping_add(n as u8)).collect()
}

impl Step {
    pub fn line(&self) -> String {
        match self {
            Step::Ask {
                slot,
                name,
                fields,
                more,
            } => {
                let mut line = format!("{slot}{} {name}", if *more { "+" } else { "" });
                for field in fields {
                    let _ = write!(line, " {}", field.word());
                }
                line
            }
            Step::Both { stream } => format!("both {}", stream.word()),
            Step::Leave { slot, how } => format!("{slot} {}", how.word()),
            Step::Come { slot } => format!("{slot} come"),
            Step::Peer { node, does, with } => {
                format!("peer {node} {does} {}", quoted(with.as_bytes()))
            }
            Step::Push(push) => push.line(),
            Step::Reset => "reset".to_owned(),
            Step::State => "state".to_owned(),
        }
    }

    /// The same step with the newest streams in place of others, in a write of its own; `None` when
    /// it is so already.
    pub fn plainer(&self) -> Option<Step> {
        let mut plain = self.clone();
        match &mut plain {
            Step::Ask { fields, more, .. } => {
                *more = false;
                let streams = fields.iter_mut().filter_map(|field| match field {
                    Field::Stream(stream) => Some(stream),
                    _ => None,
                });
                streams.for_each(Stream::make_newest);
            }
            Step::Both { stream } | Step::Push(Push::Recv(stream, _) | Push::Close(stream)) => {
                stream.make_newest();
            }
            _ => {}
        }
        (plain != *self).then_some(plain)
    }

    /// The step of a line.
    ///
    /// # Errors
    /// The line, when it is none.
    pub fn read(line: &str) -> Result<Step, String> {
        let words: Vec<&str> = line.split(' ').collect();
        Step::of_words(&words).ok_or_else(|| format!("not a step: {line:?}"))
    }

    fn of_words(words: &[&str]) -> Option<Step> {
        Some(match words {
            ["reset"] => Step::Reset,
            ["state"] => Step::State,
            ["push", words @ ..] => Step::Push(Push::of_words(words)?),
            ["both", stream] => Step::Both {
                stream: Stream::read(stream)?,
            },
            ["peer", node, does, with] => Step::Peer {
                node: node.parse().ok()?,
                does: (*does).to_owned(),
                with: String::from_utf8(unquoted(with)?).ok()?,
            },
            [slot, how] if How::read(how).is_some() => Step::Leave {
                slot: slot.parse().ok()?,
                how: How::read(how)?,
            },
            [slot, "come"] => Step::Come {
                slot: slot.parse().ok()?,
            },
            [slot, name, fields @ ..] => Step::Ask {
                slot: slot.trim_end_matches('+').parse().ok()?,
                name: (*name).to_owned(),
                fields: fields
                    .iter()
                    .map(|word| Field::read(word))
                    .collect::<Option<_>>()?,
                more: slot.ends_with('+'),
            },
            _ => return None,
        })
    }
}

impl Push {
    fn line(&self) -> String {
        match self {
            Push::Datagram(node, port, length) => format!("push datagram {node} {port} {length}"),
            Push::Accept(node, port, echo, says) => {
                format!("push accept {node} {port} {echo} {says}")
            }
            Push::Recv(stream, length) => format!("push recv {} {length}", stream.word()),
            Push::Close(stream) => format!("push close {}", stream.word()),
        }
    }

    fn of_words(words: &[&str]) -> Option<Push> {
        Some(match words {
            ["datagram", node, port, length] => {
                Push::Datagram(node.parse().ok()?, port.parse().ok()?, length.parse().ok()?)
            }
            ["accept", node, port, echo, says] => Push::Accept(
                node.parse().ok()?,
                port.parse().ok()?,
                echo.parse().ok()?,
                says.parse().ok()?,
            ),
            ["recv", stream, length] => Push::Recv(Stream::read(stream)?, length.parse().ok()?),
            ["close", stream] => Push::Close(Stream::read(stream)?),
            _ => return None,
        })
    }
}

impl Field {
    fn word(&self) -> String {
        match self {
            Field::U8(n) => format!("u8:{n}"),
            Field::U16(n) => format!("u16:{n}"),
            Field::U32(n) => format!("u32:{n}"),
            Field::Text(text) => format!("text:{}", quoted(text)),
            Field::Fill(length, from) => format!("fill:{length}:{from}"),
            Field::Stream(stream) => format!("stream:{}", stream.word()),
            Field::Cut(length) => format!("cut:{length}"),
        }
    }

    fn read(word: &str) -> Option<Field> {
        let (kind, rest) = word.split_once(':')?;
        Some(match kind {
            "u8" => Field::U8(rest.parse().ok()?),
            "u16" => Field::U16(rest.parse().ok()?),
            "u32" => Field::U32(rest.parse().ok()?),
            "text" => Field::Text(unquoted(rest)?),
            "fill" => {
                let (length, from) = rest.split_once(':')?;
                Field::Fill(length.parse().ok()?, from.parse().ok()?)
            }
            "stream" => Field::Stream(Stream::read(rest)?),
            "cut" => Field::Cut(rest.parse().ok()?),
            _ => return None,
        })
    }
}

impl Stream {
    fn make_newest(&mut self) {
        if let Stream::Open(_, nth) | Stream::Ended(nth) = self {
            *nth = 0;
        }
    }

    fn word(self) -> String {
        match self {
            Stream::Open(slot, nth) => format!("open:{slot}:{nth}"),
            Stream::Ended(nth) => format!("ended:{nth}"),
            Stream::Id(id) => format!("id:{id}"),
        }
    }

    fn read(word: &str) -> Option<Stream> {
        let (kind, rest) = word.split_once(':')?;
        Some(match kind {
            "open" => {
                let (slot, nth) = rest.split_once(':')?;
                Stream::Open(slot.parse().ok()?, nth.parse().ok()?)
            }
            "ended" => Stream::Ended(rest.parse().ok()?),
            "id" => Stream::Id(rest.parse().ok()?),
            _ => return None,
        })
    }
}

/// Text without blanks or anything that does not print.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'!'..=b'~' if *byte != b'%' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "%{byte:02x}");
            }
        }
    }
    text
}

fn unquoted(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first == b'%' {
            let (digits, others) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = others;
        } else {
            bytes.push(*first);
        }
    }
    Some(bytes)
}
