//! Lines over the control socket: one line of JSON in answer to each, whatever it says.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::server::{Shared, admit};
use super::verbs::TABLE;
use crate::daemon::ending::Ender;
use crate::daemon::fuzzing::{World, frames, peopled, read_all};
use crate::daemon::signals::Signals;
use crate::go::json::members;

/// The most bytes of an input that count.
const MOST: usize = 8192;

/// What ends nothing here.
static SIGNALS: LazyLock<Signals> = LazyLock::new(|| Signals::receiving(&[]).unwrap());

/// What a client asks before the lines come: info, bind 80, dial 80.
const ASKED: &[u8] = b"\0\0\0\x01\x0D\0\0\0\x03\x01\0\x50\0\0\0\x09\x03\0\0\0\0\0\x02\0\x50";

/// Lines of one connection; another one that comes after it finds everything in order.
pub(crate) fn lines(input: &[u8]) {
    let world = World::new(peopled(), 0);
    let ender: Ender = SIGNALS.ender().clone();
    let shared = Shared::new(world.steering(), ender, world.log());
    let mut client = world.connect();
    client.write_all(ASKED).unwrap();
    let lines: Vec<&[u8]> = input[..input.len().min(MOST)]
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace) && !waits(line))
        .collect();
    let answers = ask(&shared, &lines);
    assert_eq!(answers.len(), lines.len());
    // It may have been dropped; what it asks now meets the rules that were added.
    let _ = client.write_all(ASKED);
    drop(client);
    let answers = ask(
        &shared,
        &[
            br#"{"verb":"reset"}"#,
            br#"{"verb":"verify"}"#,
            br#"{"verb":"rules"}"#,
        ],
    );
    assert!(
        answers.iter().all(|answer| answer["ok"] == true),
        "{answers:?}"
    );
    assert_eq!(answers[2]["rules"], serde_json::json!([]));
    let mut client = world.connect();
    client.write_all(b"\0\0\0\x01\x21").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let received = read_all(&[&client]).remove(0).expect("an end");
    assert_eq!(frames(&received).first().map(|frame| frame.0), Some(0x22));
    shared.stop();
    drop(shared);
    world.stop();
}

/// Whether a line waits longer than an input may: seeds wait for no time at all.
fn waits(line: &[u8]) -> bool {
    let members = members(line).unwrap_or_default();
    let has = |key: &str, values: &[&str]| {
        let mut all = members.iter();
        all.any(|(name, value)| name == key && values.contains(value))
    };
    members
        .iter()
        .any(|(key, value)| key == "verb" && value.contains("aw"))
        && !has("timeout", &["\"0s\"", "\"0ms\"", "\"1ms\""])
}

fn ask(shared: &Arc<Shared>, lines: &[&[u8]]) -> Vec<Value> {
    let (near, mut far) = UnixStream::pair().unwrap();
    far.set_read_timeout(Some(std::time::Duration::from_secs(10)))
        .unwrap();
    admit(shared, near, TABLE).unwrap();
    let text = lines.join(&b'\n');
    far.write_all(&text).unwrap();
    far.shutdown(Shutdown::Write).unwrap();
    let received = read_all(&[&far]).remove(0).expect("an end");
    let received = String::from_utf8(received).expect("answers are text");
    let parsed = received.lines().map(|line| {
        let answer: Value = serde_json::from_str(line).expect("an answer is JSON");
        match (&answer["ok"], answer.get("error")) {
            (Value::Bool(true), None) => {}
            (Value::Bool(false), Some(Value::String(why))) if !why.is_empty() => {}
            // Of a verification the failures say why.
            (Value::Bool(false), None) => assert!(answer["failures"].is_array(), "{line}"),
            _ => panic!("{line}"),
        }
        answer
    });
    parsed.collect()
}
