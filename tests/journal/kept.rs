//! The entries that `ctl journal` gives, with a file or without.

use serde_json::{Value, json};

use super::steered::Steered;
use super::support::Client;

fn seqs(entries: &[Value]) -> Vec<u64> {
    entries
        .iter()
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect()
}

#[test]
fn the_last_ten_thousand_are_given_out() {
    let steered = Steered::start(&[]);
    let mut client = steered.connect();
    let burst = Client::frame(0x01, &[0, 90]).repeat(500);
    for _ in 0..16 {
        client.send_raw(&burst);
        for _ in 0..500 {
            client.expect(0x02);
        }
    }
    // A connect, 8,000 requests and 8,000 replies.
    const LAST: u64 = 16_001;
    assert_eq!(
        seqs(&steered.entries(0)),
        (LAST - 9999..=LAST).collect::<Vec<_>>()
    );
    assert_eq!(seqs(&steered.entries(7)).len(), 10_000);
    assert_eq!(seqs(&steered.entries(LAST - 3)), [LAST - 2, LAST - 1, LAST]);
    assert_eq!(steered.entries(LAST), [Value::Null; 0]);
    assert_eq!(steered.entries(u64::MAX), [Value::Null; 0]);
    let given = steered.done(json!({"verb": "journal"}));
    assert_eq!(given["entries"].as_array().unwrap().len(), 10_000);
    let last = &steered.entries(LAST - 1)[0];
    assert_eq!(
        (&last["cmd"], &last["fields"]),
        (&json!("bind_ok"), &json!({"port": 90}))
    );
}

#[test]
fn they_are_those_of_the_file() {
    let mut steered = Steered::start(&["--journal", "j"]);
    let mut client = steered.connect();
    for _ in 0..50 {
        client.call_ok(0x0D, b"");
    }
    let kept = steered.entries(0);
    assert_eq!(kept.len(), 101);
    steered.daemon.terminate();
    let text = std::fs::read_to_string(steered.journal()).unwrap();
    assert_eq!(super::steered::values(&text)[..101], kept[..]);
}
