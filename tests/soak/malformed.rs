//! Requests that are wrong, and the texts that say so.

use super::client::Client;
use super::want::Want;

/// A kind, a byte, a payload, and the error; none where the protocol is silent.
type Wrong = (&'static str, u8, &'static [u8], Option<&'static str>);

const WRONG: [Wrong; 40] = [
    ("bind", 0x01, b"\0", Some("bind: missing port")),
    ("unbind", 0x37, b"\0\0\0", Some("unbind: port is required")),
    (
        "dial",
        0x03,
        b"\0\0\0\0",
        Some("dial: missing address/port"),
    ),
    ("send", 0x06, b"\0", None),
    ("close", 0x08, b"\0\0", Some("close: missing conn_id")),
    ("send_to", 0x0B, b"\0", None),
    (
        "send_to_confirm",
        0x39,
        b"\0",
        Some("sendto: missing header"),
    ),
    (
        "handshake",
        0x0F,
        b"",
        Some("handshake: missing sub-command"),
    ),
    (
        "handshake",
        0x0F,
        b"\x08",
        Some("handshake: unknown sub-command 0x08"),
    ),
    (
        "handshake.send",
        0x0F,
        b"\x01\0",
        Some("handshake request: missing node_id"),
    ),
    (
        "handshake.approve",
        0x0F,
        b"\x02\0",
        Some("handshake approve: missing node_id"),
    ),
    (
        "handshake.reject",
        0x0F,
        b"\x03",
        Some("handshake reject: missing node_id"),
    ),
    (
        "handshake.revoke",
        0x0F,
        b"\x06",
        Some("handshake revoke: missing node_id"),
    ),
    (
        "handshake.wait",
        0x0F,
        b"\x07\0\0\0\0",
        Some("handshake wait: payload must be [nodeID(4)][timeoutMs(4)]"),
    ),
    (
        "resolve_hostname",
        0x11,
        b"",
        Some("resolve_hostname: missing hostname"),
    ),
    (
        "set_hostname",
        0x13,
        b"-a",
        Some(
            "set_hostname: registry: invalid hostname: hostname must be lowercase alphanumeric with \
             hyphens, start/end with alphanumeric",
        ),
    ),
    (
        "set_visibility",
        0x15,
        b"",
        Some("set_visibility: missing value"),
    ),
    (
        "set_tags",
        0x19,
        b"",
        Some("set_tags: invalid JSON: unexpected end of JSON input"),
    ),
    (
        "set_tags",
        0x19,
        b"[\"a\",\"b\",\"c\",\"d\"]",
        Some("set_tags: maximum 3 tags allowed"),
    ),
    (
        "set_webhook",
        0x1B,
        b"ftp://a/",
        Some("URL must use http or https scheme, got \"ftp\""),
    ),
    ("network", 0x1F, b"", Some("network: missing sub-command")),
    (
        "network",
        0x1F,
        b"\xff",
        Some("network: unknown sub-command 0xFF"),
    ),
    (
        "network.join",
        0x1F,
        b"\x02\0",
        Some("network join: missing network_id"),
    ),
    (
        "network.leave",
        0x1F,
        b"\x03",
        Some("network leave: missing network_id"),
    ),
    (
        "network.members",
        0x1F,
        b"\x04",
        Some("network members: missing network_id"),
    ),
    (
        "network.invite",
        0x1F,
        b"\x05\0\0",
        Some("network invite: missing network_id or target_node_id"),
    ),
    (
        "network.respond_invite",
        0x1F,
        b"\x07\0",
        Some("network respond-invite: missing network_id or accept flag"),
    ),
    ("managed", 0x23, b"", Some("managed: missing sub-command")),
    (
        "managed",
        0x23,
        b"\x08",
        Some("managed: unknown sub-command 0x08"),
    ),
    (
        "managed",
        0x23,
        b"\x05",
        Some("managed policy: missing sub-sub-command and network_id"),
    ),
    (
        "managed.policy_set",
        0x23,
        b"\x05\x01\0\x01",
        Some("managed policy set: missing token length"),
    ),
    (
        "managed.policy_set",
        0x23,
        b"\x05\x01\0\x01\0\x09",
        Some("managed policy set: truncated token"),
    ),
    (
        "managed.member_tags_set",
        0x23,
        b"\x06\x01\0\x01\0\0\0\x01",
        Some("managed member-tags set: missing tags JSON"),
    ),
    (
        "broadcast",
        0x29,
        b"\0\0",
        Some("broadcast: missing header"),
    ),
    (
        "broadcast",
        0x29,
        b"\0\0\0\0\0\x05",
        Some("broadcast: truncated token"),
    ),
    (
        "prefer_direct",
        0x2D,
        b"\0",
        Some("prefer_direct: payload must be 4 bytes (node_id)"),
    ),
    (
        "submit_badge",
        0x2F,
        b"{}",
        Some("submit_badge: badge and badge_sig required"),
    ),
    (
        "enroll_recovery",
        0x31,
        b"{}",
        Some("enroll_recovery: enrollment and enrollment_sig required"),
    ),
    (
        "sign_envelope",
        0x33,
        b"{}",
        Some("sign_envelope: audience required"),
    ),
    (
        "verify_envelope",
        0x35,
        b"{}",
        Some("verify_envelope: envelope and signature required"),
    ),
];

impl Client<'_> {
    pub fn malformed(&mut self) {
        match self.random.below(WRONG.len() + 4) {
            at if at < WRONG.len() => {
                let (name, code, payload, text) = WRONG[at];
                match text {
                    Some(text) => self.ask(name, code, &[payload], Want::error(text)),
                    None => self.tell(name, code, &[payload]),
                }
            }
            at if at == WRONG.len() => self.connection.add_raw(&[0; 8]),
            _ => {
                let bytes = [0x00, 0x02, 0x1D, 0x1E, 0x27, 0x28, 0x7E, 0xFE];
                let code = self.random.of(&bytes);
                let text = format!("unknown command: 0x{code:02X}");
                self.ask("unknown", code, &[b"what"], Want::error(text));
            }
        }
    }
}
