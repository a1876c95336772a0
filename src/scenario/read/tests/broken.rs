//! Damaged texts: mistakes, and never a panic.

use super::*;

const WHOLE: &str = include_str!("whole.json");

/// A deterministic sequence, by xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Reads damaged bytes as a file would be; how many mistakes there are. Each is a line with a place.
fn read(bytes: &[u8]) -> usize {
    let mut reader = Reader::default();
    reader.files.push("f".into());
    if let Some(root) = reader.parse(0, bytes) {
        reader.scenario(root);
    }
    let mistakes = reader.mistakes();
    for mistake in &mistakes {
        let mut parts = mistake.split(':');
        assert_eq!(parts.next(), Some("f"), "{mistake}");
        for _ in 0..2 {
            let number = parts.next().and_then(|part| part.parse::<u32>().ok());
            assert!(number.is_some_and(|number| number > 0), "{mistake}");
        }
        assert!(!mistake.contains(['\n', '\r']), "{mistake:?}");
    }
    mistakes.len()
}

#[test]
fn every_truncation_is_one_mistake() {
    let whole = WHOLE.trim_end().as_bytes();
    assert_eq!(read(whole), 0);
    for end in 0..whole.len() {
        assert_eq!(read(&whole[..end]), 1, "{end}");
    }
}

#[test]
fn mutations_never_panic() {
    let mut random = Random(1);
    let mut wrong = 0;
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        "\"",
        ",",
        ":",
        "\\",
        "\\u",
        "\\ud83d",
        "null",
        "true",
        "-1",
        "0",
        "1e999",
        "\"*\"",
        "\"x\"",
        "{}",
        "[]",
        "é",
        "\u{0}",
        "4294967296",
        "\"on\":",
        "\"when\":",
    ];
    for _ in 0..4000 {
        let mut bytes = WHOLE.as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.below(256) as u8,
                1 => {
                    let end = bytes.len().min(at + random.below(20));
                    bytes.drain(at..end);
                }
                2 => {
                    let piece = pieces[random.below(pieces.len())];
                    bytes.splice(at..at, piece.bytes());
                }
                _ => {
                    let other = random.below(bytes.len());
                    bytes.swap(at, other);
                }
            }
        }
        wrong += usize::from(read(&bytes) > 0);
    }
    assert!(wrong > 3000, "{wrong}");
}

/// Every value of a good scenario in the place of every other kind of value.
#[test]
fn values_of_another_type_never_panic() {
    let starts: Vec<usize> = WHOLE
        .match_indices(": ")
        .map(|(at, _)| at + 2)
        .filter(|at| WHOLE[..*at].matches('"').count().is_multiple_of(2))
        .collect();
    assert!(starts.len() > 100);
    for start in starts {
        let rest = &WHOLE[start..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        stream.next().unwrap().unwrap();
        let end = start + stream.byte_offset();
        for other in [
            "null",
            "true",
            "-1",
            "1.5",
            "\"\"",
            "\"x\"",
            "[]",
            "[null]",
            "{}",
            "{\"a\":1}",
        ] {
            let text = [&WHOLE[..start], other, &WHOLE[end..]].concat();
            read(text.as_bytes());
        }
    }
}

#[test]
fn deep_and_large_texts() {
    for open in ["[", "{\"a\":"] {
        assert_eq!(read(open.repeat(100_000).as_bytes()), 1);
    }
    let deep = |depth: usize| {
        let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!("{{\"rules\":[{{\"on\":\"info\",\"reply\":{body}}}]}}")
    };
    assert_eq!(read(deep(124).as_bytes()), 0);
    assert_eq!(
        mistakes(&deep(125)),
        ["<scenario>:1:156: nested deeper than 127 levels"]
    );
    // Many mistakes, and as many keys of one object.
    let keys: String = (0..20_000).map(|at| format!("\"k{at}\":0,")).collect();
    assert_eq!(read(format!("{{{keys}\"x\":1}}").as_bytes()), 20_001);
    let same = "\"seed\":1,".repeat(20_000);
    assert_eq!(read(format!("{{{same}\"seed\":1}}").as_bytes()), 20_000);
    let rules = "{\"on\":\"dial\",\"name\":\"x\"},".repeat(10_000);
    let rules = format!("{{\"rules\":[{rules}{{\"on\":\"dial\"}}]}}");
    assert_eq!(read(rules.as_bytes()), 9_999);
}
