//! What may differ, and the questions that the rules ask.

use serde_json::{Value, json};

use super::talk::Finding;

/// One kind of difference.
pub struct Rule {
    pub name: &'static str,
    /// Why, or who says so.
    pub authority: &'static str,
    /// In how many fields it is there when all is well; `None` where that is chance.
    pub times: Option<usize>,
    pub covers: fn(&Finding) -> bool,
}

pub fn got(f: &Finding) -> &Value {
    &f.mismatch.got
}

pub fn field_ends(f: &Finding, end: &str) -> bool {
    f.mismatch.field.ends_with(end)
}

pub fn both(f: &Finding, is: impl Fn(&Value) -> bool) -> bool {
    is(&f.mismatch.recorded) && is(&f.mismatch.got)
}

pub fn same_type(f: &Finding) -> bool {
    std::mem::discriminant(&f.mismatch.recorded) == std::mem::discriminant(&f.mismatch.got)
}

/// Two counts of something that the recorded daemon had, so that none where it had none is checked.
pub fn both_counts(f: &Finding) -> bool {
    both(f, Value::is_u64) && f.mismatch.recorded != 0
}

/// Whether the key is only in the recording, or only in ours.
pub fn gone(f: &Finding) -> bool {
    f.mismatch.got == json!({"absent": true})
}

pub fn new(f: &Finding) -> bool {
    f.mismatch.recorded == json!({"absent": true})
}

/// Whether the answer is the request's own reply.
pub fn replied(f: &Finding) -> bool {
    let reply = |request: &u8| f.mismatch.got["command"] == format!("{:02x}", request + 1);
    f.requests.iter().any(reply)
}

pub fn is_base64_of(value: &Value, bytes: usize) -> bool {
    let text = value.as_str().unwrap_or("");
    let data = text.trim_end_matches('=');
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    text.len() == bytes.div_ceil(3) * 4
        && data.len() == (bytes * 8).div_ceil(6)
        && data.bytes().all(alphabet)
}

pub fn both_times(f: &Finding) -> bool {
    let seconds = |v: &Value| v.as_u64().is_some();
    both(f, seconds) || both(f, is_rfc3339)
}

pub fn is_rfc3339(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
        text.chars().map(digits).eq("0000-00-00T00:00:00Z".chars())
    })
}

/// Envelopes that differ in time and nonce alone.
pub fn both_envelopes(f: &Finding) -> bool {
    let fields = |v: &Value| -> Vec<String> {
        v.as_str()
            .map(|text| text.split('|').map(str::to_owned).collect())
            .unwrap_or_default()
    };
    let (want, have) = (fields(&f.mismatch.recorded), fields(&f.mismatch.got));
    let hex = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    want.len() == 6
        && have.len() == 6
        && [0, 1, 4, 5].iter().all(|i| want[*i] == have[*i])
        && have[2].parse::<u64>().is_ok()
        && have[3].len() == 16
        && hex(&have[3])
}

/// Whether our replies are in the order of their requests; pushes and the replies that wait are
/// anywhere.
pub fn in_request_order(f: &Finding) -> bool {
    let pushes = ["05", "07", "09", "0c"];
    let replies: Vec<&str> = f
        .mismatch
        .got
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|code| !pushes.contains(code) || f.requests.contains(&0x08) && *code == "09")
        .collect();
    // Requests without a reply, and waits, which end when they end.
    let silent = [0x06, 0x0B, 0x2B];
    let requests: Vec<u8> = f
        .requests
        .iter()
        .copied()
        .filter(|code| !silent.contains(code))
        .collect();
    replies.len() == requests.len()
        && replies
            .iter()
            .zip(requests)
            .all(|(reply, request)| *reply == format!("{:02x}", request + 1) || *reply == "0a")
}
