use serde_json::{Value, json};

use super::*;
use crate::wire;

mod file;

fn kept(options: Options) -> Journal {
    Journal::new(options, Instant::now(), None, &Log::none()).unwrap()
}

fn receive(journal: &Journal, client: ClientId, code: u8, payload: &[u8]) -> u64 {
    let frame = Frame { code, payload };
    journal.received(client, frame, &wire::decode(frame), None)
}

fn values(lines: &[String]) -> Vec<Value> {
    let value = |line: &String| serde_json::from_str(line).unwrap();
    lines.iter().map(value).collect()
}

/// The entry without its time, which is a number.
fn timeless(line: &str) -> String {
    let (start, end) = line.split_once("\"t_us\":").unwrap();
    let rest = end.trim_start_matches(|c: char| c.is_ascii_digit());
    assert!(rest.len() < end.len());
    format!("{start}{}", &rest[1..])
}

#[test]
fn entries_have_the_contracts_form() {
    let journal = kept(Options::default());
    let frame = Frame {
        code: 0x03,
        payload: b"\0\0\0\0\0\x02\0\x50",
    };
    let rule = Some("slow \"<dial>\"");
    assert_eq!(journal.received(3, frame, &wire::decode(frame), rule), 1);
    assert_eq!(journal.sent(3, Direction::Out, 0x0A, b"\0\x01no", None), 2);
    assert_eq!(
        journal.sent(4, Direction::Push, 0x09, &[0, 0, 0, 9], rule),
        3
    );
    let lines: Vec<String> = journal.entries(0, 10).iter().map(|l| timeless(l)).collect();
    assert_eq!(
        lines,
        [
            r#"{"seq":1,"client":3,"dir":"in","cmd":"dial","code":3,"len":9,"fields":{"address":"0:0000.0000.0002","network":0,"node":2,"port":80},"rule":"slow \"<dial>\""}"#,
            r#"{"seq":2,"client":3,"dir":"out","cmd":"error","code":10,"len":5,"fields":{"code":1,"message":"no"}}"#,
            r#"{"seq":3,"client":4,"dir":"push","cmd":"close_ok","code":9,"len":5,"fields":{"conn":9},"rule":"slow \"<dial>\""}"#,
        ]
    );
}

#[test]
fn every_event_has_its_form() {
    let journal = kept(Options::default());
    for (client, event, wanted) in [
        (Some(1), Event::Connect, r#""event":"connect""#),
        (
            Some(1),
            Event::Disconnect(Reason::CutFrame),
            r#""event":"disconnect","reason":"cut_frame""#,
        ),
        (
            Some(1),
            Event::Malformed { text: "a \"b\"" },
            r#""event":"malformed","text":"a \"b\"""#,
        ),
        (
            Some(1),
            Event::OverLimit { length: 9 },
            r#""event":"over_limit","length":9"#,
        ),
        (
            Some(1),
            Event::Fault { name: "stall" },
            r#""event":"fault","fault":"stall""#,
        ),
        (
            None,
            Event::Dropped { what: "recv" },
            r#""event":"dropped","what":"recv""#,
        ),
        (None, Event::Reset, r#""event":"reset""#),
        (None, Event::Stop, r#""event":"stop""#),
    ] {
        let seq = journal.event(client, &event, Some("r"));
        let client = client.map_or(String::new(), |client| format!("\"client\":{client},"));
        assert_eq!(
            timeless(&journal.entries(seq - 1, 1)[0]),
            format!("{{\"seq\":{seq},{client}\"dir\":\"event\",{wanted},\"rule\":\"r\"}}")
        );
    }
    let names = [
        (Reason::Eof, "eof"),
        (Reason::OverLimit, "over_limit"),
        (Reason::Timeout, "timeout"),
        (Reason::Drop, "drop"),
        (Reason::Fault, "fault"),
        (Reason::Stop, "stop"),
    ];
    assert!(names.iter().all(|(reason, name)| reason.name() == *name));
}

#[test]
fn the_last_entries_and_frames_are_given_out() {
    let journal = kept(Options::default());
    for port in 0..50u16 {
        receive(&journal, 1, 0x01, &port.to_be_bytes());
        journal.event(Some(1), &Event::Connect, None);
    }
    let seqs = |lines: &[String]| -> Vec<u64> {
        values(lines)
            .iter()
            .map(|v| v["seq"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(seqs(&journal.entries(0, 3)), [98, 99, 100]);
    assert_eq!(seqs(&journal.entries(98, 10)), [99, 100]);
    assert!(journal.entries(100, 10).is_empty());
    assert!(journal.entries(u64::MAX, 10).is_empty());
    let frames: Vec<String> = journal.last_frames(20).lines().map(String::from).collect();
    assert_eq!(seqs(&frames), (61..=99).step_by(2).collect::<Vec<_>>());
    assert_eq!(values(&frames)[19]["fields"], json!({"port": 49}));
    assert_eq!(kept(Options::default()).last_frames(20), "");
}

#[test]
fn memory_is_bounded_and_the_newest_stay() {
    let journal = kept(Options::default());
    let data = vec![b'x'; 100_000];
    for _ in 0..3000 {
        receive(&journal, 1, 0x06, &data);
    }
    let held: usize = journal
        .writer
        .behind(0)
        .iter()
        .map(|chunk| chunk.size())
        .sum();
    assert!(held <= 32 << 20, "{held}");
    let mut seen = Vec::new();
    journal.requests(0, &mut |seq, _, frame| {
        assert_eq!(frame.unwrap().payload.len(), KEPT);
        seen.push(seq);
    });
    assert!(seen.len() > 1500, "{}", seen.len());
    assert!(seen.is_sorted() && seen.last() == Some(&3000));
    for _ in 0..300_000 {
        receive(&journal, 1, 0x0D, b"");
    }
    assert_eq!(journal.entries(0, usize::MAX).len(), SERVED);
    assert_eq!(values(&journal.entries(302_999, 5))[0]["seq"], 303_000);
}

#[test]
fn requests_come_in_order_and_without_the_rest() {
    let journal = kept(Options::default());
    receive(&journal, 1, 0x01, &[0, 80]);
    journal.sent(1, Direction::Out, 0x02, &[0, 80], None);
    journal.event(None, &Event::Reset, None);
    receive(&journal, 2, 0x7E, b"abc");
    journal.event(Some(3), &Event::Connect, Some("r"));
    let mut seen = Vec::new();
    let mut visit = |seq, client, frame: Option<Frame<'_>>| {
        seen.push((seq, client, frame.map(|f| (f.code, f.payload.to_vec()))));
    };
    journal.requests(0, &mut visit);
    journal.requests(1, &mut visit);
    let last = (4, 2, Some((0x7E, b"abc".to_vec())));
    let arrival = (5, 3, None);
    let all = [
        (1, 1, Some((0x01, vec![0, 80]))),
        last.clone(),
        arrival.clone(),
    ];
    assert_eq!(seen, [&all[..], &[last, arrival]].concat());
}

#[test]
fn what_was_cut_is_still_told() {
    let journal = kept(Options::default());
    let mut data = vec![0, 0, 0, 9];
    data.resize(100_000, b'x');
    receive(&journal, 1, 0x06, &data);
    journal.sent(1, Direction::Push, 0x07, &data, None);
    let tags = format!("[\"{}\"]", "x".repeat(20_000));
    receive(&journal, 1, 0x19, tags.as_bytes());
    receive(&journal, 1, 0x19, &tags.as_bytes()[..20_000]);
    let entries = values(&journal.entries(0, 10));
    for entry in &entries[..2] {
        assert_eq!(entry["fields"]["conn"], 9);
        assert_eq!(entry["fields"]["bytes"], 99_996);
        assert_eq!(entry["fields"]["data"], "x".repeat(64));
        assert_eq!(entry["len"], 100_001);
    }
    assert_eq!(entries[2]["fields"], json!({}));
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(1000));
    journal.sent(1, Direction::Push, 0x0E, body.as_bytes(), None);
    let pushed = &values(&journal.entries(4, 1))[0];
    assert_eq!(pushed["fields"]["a"], "x".repeat(1000));
    let text = "set_tags: invalid JSON: unexpected end of JSON input";
    assert_eq!(entries[3]["fields"], json!({"malformed": text}));
    assert_eq!(entries[3]["cmd"], "set_tags");
}

#[test]
fn raw_data_and_secrets_are_shown_when_asked_for() {
    let options = Options {
        raw: true,
        secrets: true,
    };
    let long = [&[0, 0, 0, 9][..], &[b'x'; 5000]].concat();
    let token = b"\0\x07\0\x50\0\x06s3cretdata";
    for (options, token_shown, shown) in [
        (options, "s3cret", 5000),
        (Options::default(), "<redacted>", 64),
    ] {
        let journal = kept(options);
        receive(&journal, 1, 0x29, token);
        journal.sent(1, Direction::Push, 0x07, &long, None);
        journal.sent(1, Direction::Out, 0x20, br#"{"token":"s3cret"}"#, None);
        let entries = values(&journal.entries(0, 10));
        assert_eq!(entries[0]["fields"]["token"], token_shown);
        assert_eq!(entries[1]["fields"]["data"], "x".repeat(shown));
        assert_eq!(entries[1]["fields"]["bytes"], 5000);
        assert_eq!(entries[2]["fields"]["token"], token_shown);
    }
}
