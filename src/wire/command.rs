//! The one table of commands: bytes, names, replies and the fields of each request.
//!
//! Decoder, dispatcher, log, help and tests read these rows; nothing else in the crate knows a
//! command's number. Source: the recorded exchanges of pilot-daemon 1.18.0.

use std::borrow::Cow;

/// The byte of an error reply.
pub const ERROR: u8 = 0x0A;

macro_rules! commands {
    ($( $command:ident $code:literal $sub:expr, $name:literal, $reply:expr, $fields:expr; )*) => {
        /// A request that the daemon knows; sub-commands count as commands of their own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Command { $( $command, )* }

        /// Every request, in the order of their bytes.
        pub const TABLE: &[Row] = &[
            $( Row {
                command: Command::$command,
                code: $code,
                sub: $sub,
                name: $name,
                reply: $reply,
                fields: $fields,
            }, )*
        ];
    };
}

/// What there is to know about one request.
#[derive(Debug)]
pub struct Row {
    /// The request.
    pub command: Command,
    /// Its first byte.
    pub code: u8,
    /// The sub-command bytes behind it; empty for most.
    pub sub: &'static [u8],
    /// The name that logs, scenarios and the journal use.
    pub name: &'static str,
    /// The byte of its reply; `None` for those that are never answered.
    pub reply: Option<u8>,
    /// Names of the decoded fields.
    pub fields: &'static [&'static str],
}

const TO: &[&str] = &["address", "network", "node", "port", "data", "bytes"];

commands! {
    Bind 0x01 &[], "bind", Some(0x02), &["port"];
    Dial 0x03 &[], "dial", Some(0x04), &["address", "network", "node", "port"];
    Send 0x06 &[], "send", None, &["conn", "data", "bytes"];
    Close 0x08 &[], "close", Some(0x09), &["conn"];
    SendTo 0x0B &[], "send_to", None, TO;
    Info 0x0D &[], "info", Some(0x0E), &[];
    HandshakeSend 0x0F &[1], "handshake.send", Some(0x10), &["node_id", "justification"];
    HandshakeApprove 0x0F &[2], "handshake.approve", Some(0x10), &["node_id"];
    HandshakeReject 0x0F &[3], "handshake.reject", Some(0x10), &["node_id", "reason"];
    HandshakePending 0x0F &[4], "handshake.pending", Some(0x10), &[];
    HandshakeTrusted 0x0F &[5], "handshake.trusted", Some(0x10), &[];
    HandshakeRevoke 0x0F &[6], "handshake.revoke", Some(0x10), &["node_id"];
    HandshakeWait 0x0F &[7], "handshake.wait", Some(0x10), &["node_id", "timeout_ms"];
    ResolveHostname 0x11 &[], "resolve_hostname", Some(0x12), &["hostname"];
    SetHostname 0x13 &[], "set_hostname", Some(0x14), &["hostname"];
    SetVisibility 0x15 &[], "set_visibility", Some(0x16), &["public"];
    Deregister 0x17 &[], "deregister", Some(0x18), &[];
    SetTags 0x19 &[], "set_tags", Some(0x1A), &["tags"];
    SetWebhook 0x1B &[], "set_webhook", Some(0x1C), &["url"];
    NetworkList 0x1F &[1], "network.list", Some(0x20), &[];
    NetworkJoin 0x1F &[2], "network.join", Some(0x20), &["network_id", "token"];
    NetworkLeave 0x1F &[3], "network.leave", Some(0x20), &["network_id"];
    NetworkMembers 0x1F &[4], "network.members", Some(0x20), &["network_id"];
    NetworkInvite 0x1F &[5], "network.invite", Some(0x20), &["network_id", "node_id"];
    NetworkPollInvites 0x1F &[6], "network.poll_invites", Some(0x20), &[];
    NetworkRespondInvite 0x1F &[7], "network.respond_invite", Some(0x20), &["network_id", "accept"];
    Health 0x21 &[], "health", Some(0x22), &[];
    ManagedStatus 0x23 &[2], "managed.status", Some(0x24), &["network_id"];
    ManagedCycle 0x23 &[4], "managed.cycle", Some(0x24), &["network_id"];
    PolicyGet 0x23 &[5, 0], "managed.policy_get", Some(0x24), &["network_id"];
    PolicySet 0x23 &[5, 1], "managed.policy_set", Some(0x24), &["network_id", "token", "policy"];
    MemberTagsGet 0x23 &[6, 0], "managed.member_tags_get", Some(0x24), &["network_id", "node_id"];
    MemberTagsSet 0x23 &[6, 1], "managed.member_tags_set", Some(0x24), &["network_id", "node_id", "tags"];
    ManagedReconcile 0x23 &[7], "managed.reconcile", Some(0x24), &["network_id"];
    RotateKey 0x25 &[], "rotate_key", Some(0x26), &[];
    Broadcast 0x29 &[], "broadcast", Some(0x2A), &["network_id", "port", "token", "data", "bytes"];
    Cancel 0x2B &[], "cancel", None, &[];
    PreferDirect 0x2D &[], "prefer_direct", Some(0x2E), &["node_id"];
    SubmitBadge 0x2F &[], "submit_badge", Some(0x30), &["badge", "badge_sig"];
    EnrollRecovery 0x31 &[], "enroll_recovery", Some(0x32), &["enrollment", "enrollment_sig"];
    SignEnvelope 0x33 &[], "sign_envelope", Some(0x34), &["audience", "body_hash", "body_b64", "nonce"];
    VerifyEnvelope 0x35 &[], "verify_envelope", Some(0x36), &["envelope", "signature", "max_skew_secs", "check_standing"];
    Unbind 0x37 &[], "unbind", Some(0x38), &["port"];
    SendToConfirm 0x39 &[], "send_to_confirm", Some(0x3A), TO;
}

/// A message that the daemon sends unasked.
#[derive(Debug)]
pub struct PushRow {
    /// Its byte.
    pub code: u8,
    /// Its name in logs and the journal.
    pub name: &'static str,
    /// Names of its fields.
    pub fields: &'static [&'static str],
}

/// Every push. `close_ok` is the reply to `close` as well.
pub const PUSHES: &[PushRow] = &[
    PushRow {
        code: 0x05,
        name: "accept",
        fields: &["port", "conn", "address", "network", "node", "remote_port"],
    },
    PushRow {
        code: 0x07,
        name: "recv",
        fields: &["conn", "data", "bytes"],
    },
    PushRow {
        code: 0x09,
        name: "close_ok",
        fields: &["conn"],
    },
    PushRow {
        code: 0x0C,
        name: "recv_from",
        fields: &[
            "address",
            "network",
            "node",
            "from_port",
            "to_port",
            "data",
            "bytes",
        ],
    },
];

impl Command {
    /// The command's row of [`TABLE`].
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The command's name, such as `handshake.approve`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The command of a name; `None` when no request has it.
    pub fn named(name: &str) -> Option<Command> {
        TABLE.iter().find(|r| r.name == name).map(|r| r.command)
    }
}

/// Where the rows of each first byte start: every request is looked up.
const STARTS: [u8; 256] = {
    let mut starts = [TABLE.len() as u8; 256];
    let mut at = TABLE.len();
    while at > 0 {
        at -= 1;
        starts[TABLE[at].code as usize] = at as u8;
    }
    starts
};

/// The command of a request's first byte and the bytes behind it: the row whose sub-command bytes
/// are all there. `None` for an unknown byte and for an unknown or cut-off sub-command.
pub fn lookup(code: u8, payload: &[u8]) -> Option<Command> {
    TABLE[usize::from(STARTS[usize::from(code)])..]
        .iter()
        .take_while(|r| r.code == code)
        // Most rows have no sub-command, and comparing no bytes costs more than it seems: the slice
        // of none has no real address, which sends glibc's vectors down their slowest path.
        .find(|r| r.sub.is_empty() || payload.starts_with(r.sub))
        .map(|r| r.command)
}

/// Whether requests start with this byte.
pub fn is_request(code: u8) -> bool {
    TABLE.binary_search_by_key(&code, |r| r.code).is_ok()
}

/// What a family of sub-commands (or a single command) is called, and `unknown` for the rest: the
/// name of a request of which no more than its byte is known.
pub fn family(code: u8) -> &'static str {
    match TABLE.binary_search_by_key(&code, |r| r.code) {
        Ok(at) => {
            let name = TABLE[at].name;
            name.split_once('.').map_or(name, |(family, _)| family)
        }
        Err(_) => "unknown",
    }
}

/// The name of a frame that the daemon sends: a push's own name, a reply's after its request.
pub fn outgoing_name(code: u8) -> Cow<'static, str> {
    if code == ERROR {
        return "error".into();
    }
    if let Some(push) = PUSHES.iter().find(|p| p.code == code) {
        return push.name.into();
    }
    match TABLE.iter().find(|r| r.reply == Some(code)) {
        Some(row) => format!("{}_ok", family(row.code)).into(),
        None => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn rows_are_in_byte_order_and_names_are_unique() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.command as usize, at);
            assert_eq!(row.command.row().name, row.name);
            assert_eq!(Command::named(row.name), Some(row.command));
            assert_eq!(lookup(row.code, row.sub), Some(row.command));
        }
        assert!(TABLE.is_sorted_by_key(|r| (r.code, r.sub)));
        let names: BTreeSet<_> = TABLE.iter().map(|r| r.name).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn twenty_six_bytes_are_requests() {
        let known: Vec<u8> = (0..=255).filter(|&c| is_request(c)).collect();
        assert_eq!(known.len(), 26);
        for code in [0x00, 0x02, 0x1D, 0x1E, 0x27, 0x28, 0x3A, 0xFF] {
            assert!(!is_request(code));
            assert_eq!(lookup(code, &[]), None);
            assert_eq!(family(code), "unknown");
        }
    }

    #[test]
    fn sub_commands_need_all_their_bytes() {
        assert_eq!(lookup(0x23, &[5]), None);
        assert_eq!(lookup(0x23, &[5, 1, 0]), Some(Command::PolicySet));
        assert_eq!(lookup(0x0F, &[8]), None);
        assert_eq!(family(0x0F), "handshake");
    }

    #[test]
    fn outgoing_frames_have_names() {
        for (code, name) in [
            (0x02, "bind_ok"),
            (0x05, "accept"),
            (0x09, "close_ok"),
            (0x0A, "error"),
            (0x10, "handshake_ok"),
            (0x24, "managed_ok"),
            (0x3A, "send_to_confirm_ok"),
            (0x77, "unknown"),
        ] {
            assert_eq!(outgoing_name(code), name);
        }
    }
}
