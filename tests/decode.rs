//! `mockpilot decode`, from outside.

mod support;

#[path = "frames/conversation.rs"]
mod conversation;
#[path = "frames/requests.rs"]
mod requests;
#[path = "support/steered.rs"]
mod steered;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use conversation::conversation;
use requests::samples;
use serde_json::{Value, json};
use steered::{fed, mockpilot, values};
use support::{Client, TempDir};

/// An entry of the journal as `decode` shows its frame: it knows no client and no time, and cannot
/// tell the end of a stream from the answer to a close.
fn as_decoded(seq: usize, entry: &Value) -> Value {
    let mut shown = entry.clone();
    shown["seq"] = (seq + 1).into();
    shown["t_us"] = 0.into();
    shown["client"] = 0.into();
    if shown["cmd"] == "close_ok" {
        shown["dir"] = "out".into();
    }
    shown
}

fn decoded(options: &[&str], input: &[u8]) -> Vec<Value> {
    let (status, out, err) = fed(&[&["decode"], options].concat(), input);
    assert_eq!((status, &*err), (0, ""), "{options:?}");
    values(&out)
}

#[test]
fn it_shows_what_the_journal_shows() {
    let told = conversation(&[]);
    for (from, bytes, directions) in [
        (&[][..], &told.sent, &["in"][..]),
        (&["--from", "client"], &told.sent, &["in"]),
        (&["--from", "daemon"], &told.received, &["out", "push"]),
    ] {
        let frames = told.frames(directions);
        let wanted: Vec<Value> = frames
            .iter()
            .enumerate()
            .map(|(at, entry)| as_decoded(at, entry))
            .collect();
        assert!(wanted.len() > 90);
        for (got, wanted) in decoded(from, bytes).iter().zip(&wanted) {
            assert_eq!(got, wanted);
        }
        assert_eq!(decoded(from, bytes).len(), wanted.len());
        // The keys are in the same order too.
        let (_, out, _) = fed(&[&["decode"], from].concat(), bytes);
        assert!(
            out.starts_with(r#"{"seq":1,"t_us":0,"client":0,"dir":""#),
            "{out}"
        );
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X} ")).collect();
        let spread = hex.replace("00 0", "0\n00\t") + "\n";
        let hexed = [from, &["--hex"]].concat();
        assert_eq!(decoded(&hexed, spread.as_bytes()), wanted);
    }
}

#[test]
fn files_and_standard_input() {
    let directory = TempDir::new();
    let file = directory.join("frames");
    let bytes = Client::frame(0x01, &[0, 80]);
    fs::write(&file, &bytes).unwrap();
    let wanted = json!({"seq": 1, "t_us": 0, "client": 0, "dir": "in", "cmd": "bind", "code": 1,
                        "len": 3, "fields": {"port": 80}});
    let name = file.to_str().unwrap();
    for (words, input) in [
        (&["decode", name][..], &b""[..]),
        (&["decode", name, "-from=client"], b"not looked at"),
        (&["decode", "-"], &bytes),
        (&["decode"], &bytes),
        (&["decode", "--hex"], b"00000003010050"),
    ] {
        let (status, out, err) = fed(words, input);
        assert_eq!((status, &*err), (0, ""), "{words:?}");
        assert_eq!(values(&out), std::slice::from_ref(&wanted), "{words:?}");
    }
    let missing = directory.join("missing");
    let missing = missing.to_str().unwrap();
    let (status, out, err) = mockpilot(&["decode", missing]);
    assert_eq!((status, &*out), (1, ""));
    assert_eq!(
        err,
        format!("mockpilot: {missing}: no such file or directory\n")
    );
    let (status, _, err) = mockpilot(&["decode", directory.path().to_str().unwrap()]);
    assert_eq!(status, 1);
    assert!(err.ends_with(": is a directory\n"), "{err}");
}

#[test]
fn what_ends_too_early_or_is_too_long() {
    let whole = [Client::frame(0x01, &[0, 80]), Client::frame(0x7E, b"x")].concat();
    for (rest, why) in [
        (
            &[0, 0][..],
            "the frame at offset 13 is cut off: 2 bytes of its length are missing",
        ),
        (
            &[0, 0, 0, 9],
            "the frame at offset 13 is cut off: 9 bytes are missing",
        ),
        (
            &[0, 0, 0, 9, 3, 0, 0],
            "the frame at offset 13 is cut off: 6 bytes are missing",
        ),
        (
            &[0, 0x10, 0, 1, 3],
            "the frame at offset 13 has 1048577 bytes, over the limit of 1048576",
        ),
        (
            &[0xFF; 4],
            "the frame at offset 13 has 4294967295 bytes, over the limit of 1048576",
        ),
    ] {
        let input = [&whole[..], rest].concat();
        let (status, out, err) = fed(&["decode"], &input);
        assert_eq!(status, 1);
        assert_eq!(err, format!("mockpilot: standard input: {why}\n"));
        let names: Vec<_> = values(&out).iter().map(|e| e["cmd"].clone()).collect();
        assert_eq!(names, ["bind", "unknown"]);
        // The same as hex digits: offsets count bytes.
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        let again = fed(&["decode", "--hex"], hex.as_bytes());
        assert_eq!(again, (1, out, err));
    }
}

#[test]
fn nothing_and_frames_without_a_command() {
    assert_eq!(fed(&["decode"], b""), (0, String::new(), String::new()));
    assert_eq!(
        fed(&["decode", "--hex"], b" \n"),
        (0, String::new(), String::new())
    );
    // A length of zero is skipped, as the daemon does.
    let skipped = [&[0; 20][..], &Client::frame(0x0D, b"")].concat();
    let names: Vec<_> = decoded(&[], &skipped)
        .iter()
        .map(|e| e["cmd"].clone())
        .collect();
    assert_eq!(names, ["info"]);
    // The longest frame there may be.
    let long = Client::frame(0x06, &vec![b'x'; (1 << 20) - 1]);
    let fields = &decoded(&[], &long)[0]["fields"];
    assert_eq!(fields["bytes"], (1 << 20) - 5);
    assert_eq!(fields["data"], "x".repeat(64));
}

#[test]
fn what_is_no_hex() {
    let bind = "00000003010050";
    for (text, printed, why) in [
        ("0000000301005", 0, "the last byte has one hex digit only"),
        (
            "00000003010050 zz",
            1,
            "the character at offset 15, z, is no hex digit",
        ),
        (
            "00000003010050\0",
            1,
            "the character at offset 14, \\x00, is no hex digit",
        ),
        ("0x", 0, "the character at offset 1, x, is no hex digit"),
    ] {
        let (status, out, err) = fed(&["decode", "--hex"], text.as_bytes());
        assert_eq!(
            (status, values(&out).len()),
            (1, printed),
            "{text}: {out}{err}"
        );
        assert_eq!(err, format!("mockpilot: standard input: {why}\n"));
        assert!(printed == 0 || text.starts_with(bind));
    }
}

#[test]
fn tokens_are_not_shown() {
    for sample in samples() {
        let frame = Client::frame(sample.code, &sample.payload);
        let (status, out, _) = fed(&["decode"], &frame);
        assert_eq!(status, 0);
        assert!(!out.contains("t0k3n"), "{out}");
        assert_eq!(values(&out)[0]["fields"], sample.fields);
    }
}

#[test]
fn misuse() {
    for words in [
        &["decode", "--from", "nobody"][..],
        &["decode", "a", "b"],
        &["decode", "--hx"],
    ] {
        let (status, out, err) = mockpilot(words);
        assert_eq!((status, &*out), (2, ""), "{words:?}");
        assert!(err.starts_with("mockpilot: "), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .arg("decode")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || {
        let burst = Client::frame(0x0D, b"").repeat(1000);
        // It stops to read once it cannot write.
        while stdin.write_all(&burst).is_ok() {}
    });
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_line_is_there_as_soon_as_its_frame() {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .arg("decode")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for seq in 1..=3 {
        stdin.write_all(&Client::frame(0x0D, b"")).unwrap();
        let line = lines.next().unwrap().unwrap();
        assert!(line.starts_with(&format!("{{\"seq\":{seq},")), "{line}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert!(lines.next().is_none());
}
