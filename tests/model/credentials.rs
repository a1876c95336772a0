//! Badges, enrollments and envelopes: a few that are good and many that are not.

use serde_json::{Value, json};

use super::setting::{CLOCK, OWN};
use super::world::{KEY, Refusal, World};

const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const NONCE: &str = "0123456789abcdef";

/// Badges by what becomes of them.
pub const BADGES: [(&str, &str); 6] = [
    ("{}", "badge and badge_sig required"),
    ("null", "badge and badge_sig required"),
    (
        "[]",
        r#"bad payload: json: cannot unmarshal array into Go value of type struct { Badge string "json:\"badge\""; BadgeSig string "json:\"badge_sig\"" }"#,
    ),
    (
        r#"{"badge":7,"badge_sig":"s"}"#,
        "bad payload: json: cannot unmarshal number into Go struct field .badge of type string",
    ),
    (
        r#"{"badge":"x","badge_sig":"AAAA"}"#,
        "registry: badge verification failed: badgeverify: malformed badge: want 8 fields, got 1",
    ),
    (
        r#"{"badge":"pilotbadge:v1:42:github:1:0:k:","badge_sig":"AAAA"}"#,
        "",
    ),
];

/// The same of enrollments.
pub const ENROLLMENTS: [(&str, &str); 4] = [
    ("{}", "enrollment and enrollment_sig required"),
    (
        r#"{"enrollment":"x","enrollment_sig":"AAAA"}"#,
        "bad enrollment: badgeverify: malformed badge: enrollment wants 7 fields, got 1",
    ),
    (
        r#"{"enrollment":"x:v1:42:github:c:1:k","enrollment_sig":"AAAA"}"#,
        r#"bad enrollment: badgeverify: malformed badge: not an enrollment (prefix "x")"#,
    ),
    (
        r#"{"enrollment":"pilotenroll:v1:42:github:c:1:k","enrollment_sig":"AAAA"}"#,
        "",
    ),
];

/// Envelopes to sign. One that is signed has the model's hash and nonce.
pub const SIGNED: [(&str, &str); 6] = [
    ("{}", "audience required"),
    (r#"{"audience":"svc"}"#, "body_hash or body_b64 required"),
    (
        r#"{"audience":"svc","body_b64":"?"}"#,
        "body_b64 not base64: illegal base64 data at input byte 0",
    ),
    (
        r#"{"audience":"S V","body_hash":"HASH","nonce":"NONCE"}"#,
        "reqsig: audience must match [a-z0-9.-]",
    ),
    (
        r#"{"audience":"svc","body_hash":"HASH","nonce":"zz"}"#,
        "reqsig: nonce must be 16 lowercase hex chars",
    ),
    (
        r#"{"audience":"svc","body_hash":"HASH","nonce":"NONCE"}"#,
        "",
    ),
];

/// Envelopes to verify, and the reason why each is not valid; an error where there is none.
pub const VERIFIED: [(&str, &str); 4] = [
    ("{}", ""),
    (
        r#"{"envelope":"x","signature":"AAAA"}"#,
        "reqsig: want 6 fields, got 1",
    ),
    (
        r#"{"envelope":"pilot-req-v1|00000000002a|1|NONCE|HASH|svc","signature":"AAAA"}"#,
        "reqsig: envelope timestamp outside \u{b1}5m0s window",
    ),
    (
        r#"{"envelope":"x|00000000002a|1800000000|NONCE|HASH|svc","signature":"AAAA"}"#,
        r#"reqsig: bad domain "x""#,
    ),
];

/// A text with the hash and the nonce in it.
pub fn written(text: &str) -> String {
    text.replace("HASH", HASH).replace("NONCE", NONCE)
}

/// What is said of a text; nothing for one that is good.
fn refusal(all: &[(&str, &'static str)], payload: &[u8]) -> &'static str {
    let row = all
        .iter()
        .find(|(text, _)| written(text).as_bytes() == payload);
    row.expect("a text that the model knows").1
}

impl World {
    pub fn submit_badge(&mut self, slot: usize, payload: &[u8]) {
        let text = refusal(&BADGES, payload);
        let good = json!({"node_id": OWN, "provider": "github", "type": "submit_badge_ok"});
        self.credential(
            slot,
            "submit_badge",
            text,
            "badge verification failed",
            (0x30, good),
        );
    }

    pub fn enroll_recovery(&mut self, slot: usize, payload: &[u8]) {
        let text = refusal(&ENROLLMENTS, payload);
        let good = json!({"node_id": OWN, "type": "enroll_recovery_ok"});
        self.credential(
            slot,
            "enroll_recovery",
            text,
            "enrollment verification failed",
            (0x32, good),
        );
    }

    fn credential(&mut self, slot: usize, name: &str, text: &str, failed: &str, good: (u8, Value)) {
        let unknown_key = "badgeverify: no pinned issuer key for badge kid: kid=\"k\"";
        let registry = |text: Refusal| format!("registry: {text}");
        // The registry looks for the node before it reads a badge, and after it has read an enrollment.
        let looks = name == "submit_badge" && (text.is_empty() || text.starts_with("registry: "));
        let checked = match (looks, self.must_be_registered()) {
            (true, Err(text)) => Err(registry(text)),
            _ if !text.is_empty() => Err(text.to_owned()),
            _ if self.lenient() => Ok(()),
            _ => Err(registry(format!("{failed}: {unknown_key}"))),
        };
        match checked {
            Ok(()) => self.body(slot, good.0, good.1),
            Err(text) => self.refuse(slot, &format!("{name}: {text}")),
        }
    }

    pub fn sign(&mut self, slot: usize, payload: &[u8]) {
        let text = refusal(&SIGNED, payload);
        if !text.is_empty() {
            return self.refuse(slot, &format!("sign_envelope: {text}"));
        }
        let envelope = World::envelope();
        let body = json!({"address": super::codec::address_text((0, OWN)), "envelope": envelope,
                          "signature": format!("{KEY}signature {}", self.key),
                          "type": "sign_envelope_ok"});
        self.body(slot, 0x34, body);
    }

    /// An envelope that this daemon has signed, with its key of that time. The key that is looked up
    /// first is kept; a node that has left the registry has none.
    pub fn verify_own(&mut self, slot: usize, key: u32) {
        let known = self.kept_key;
        let reason = match known {
            _ if self.unresolved => Some("peer pubkey unresolved (negatively cached)".to_owned()),
            Some(_) => None,
            None => self.must_be_registered().err(),
        };
        let mut body = json!({"type": "verify_envelope_ok", "valid": false});
        if let Some(reason) = reason {
            let reason = match self.unresolved {
                true => reason,
                false => format!("lookup node {OWN}: registry: {reason}"),
            };
            self.unresolved = true;
            self.label("no key");
            body["reason"] = format!("public key for node {OWN} unavailable: {reason}").into();
            return self.body(slot, 0x36, body);
        }
        let kept = *self.kept_key.get_or_insert(self.key);
        if !self.lenient() && kept != key {
            self.label("another key");
            body["reason"] = "reqsig: signature verification failed".into();
            return self.body(slot, 0x36, body);
        }
        let via = if known.is_some() { "cache" } else { "registry" };
        self.label(&format!("valid, by {via}"));
        let body = json!({"address": super::codec::address_text((0, OWN)), "node_id": OWN,
                          "trusted": false, "type": "verify_envelope_ok", "valid": true,
                          "verified_via": via});
        self.body(slot, 0x36, body);
    }

    /// The envelope that the daemon signs here.
    fn envelope() -> String {
        format!("pilot-req-v1|{OWN:012x}|{CLOCK}|{NONCE}|{HASH}|svc")
    }

    /// What is sent to have one verified.
    pub fn signed(signature: &str) -> Vec<u8> {
        json!({"envelope": World::envelope(), "signature": signature})
            .to_string()
            .into_bytes()
    }

    pub fn verify(&mut self, slot: usize, payload: &[u8]) {
        let reason = refusal(&VERIFIED, payload);
        if reason.is_empty() {
            return self.refuse(slot, "verify_envelope: envelope and signature required");
        }
        let body = json!({"reason": reason, "type": "verify_envelope_ok", "valid": false});
        self.label("not valid");
        self.body(slot, 0x36, body);
    }
}
