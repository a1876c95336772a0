//! Frames to requests, with the real daemon's text for every malformed form.

use std::borrow::Cow;

use byteorder::{BigEndian, ByteOrder};

use super::address::Address;
use super::command::{self, Command};
use super::frame::Frame;
use super::request::Request;
use crate::go::json::{self, Decoded as Member, Field, Kind};

/// A request that the daemon refuses before looking at its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The command's name, or its family's when the sub-command is unknown.
    pub name: &'static str,
    /// What the daemon says, word for word; also the text of the field `malformed`.
    pub text: String,
    /// Whether the daemon says it: requests without a reply are dropped in silence.
    pub answered: bool,
}

/// What became of a frame.
pub type Decoded<'a> = Result<Request<'a>, Malformed>;

/// Decodes one frame.
///
/// # Errors
/// [`Malformed`] with the text that pilot-daemon 1.18.0 answers.
pub fn decode(frame: Frame<'_>) -> Decoded<'_> {
    let Frame { code, payload } = frame;
    match command::lookup(code, payload) {
        Some(command) => {
            let rest = &payload[command.row().sub.len()..];
            request(command, rest).map_err(|text| Malformed {
                name: command.name(),
                text,
                answered: command.row().reply.is_some(),
            })
        }
        None => Err(Malformed {
            name: partial_name(code, payload),
            text: unknown(code, payload),
            answered: true,
        }),
    }
}

/// What is wrong with a request, which need not be the daemon's answer: it looks into a policy only when
/// the token is good.
pub fn malformed<'d>(decoded: &'d Decoded<'_>) -> Option<Cow<'d, str>> {
    match decoded {
        Ok(Request::PolicySet { policy, .. }) => {
            let error = json::Reader::new(policy).err()?;
            let text = format!("managed policy set: parse policy: policy: invalid JSON: {error}");
            Some(text.into())
        }
        Ok(_) => None,
        Err(malformed) => Some((&*malformed.text).into()),
    }
}

/// The error of a byte, or a sub-command, that no row has.
fn unknown(code: u8, payload: &[u8]) -> String {
    match (code, payload) {
        (0x0F, []) => "handshake: missing sub-command".to_owned(),
        (0x0F, [sub, ..]) => format!("handshake: unknown sub-command 0x{sub:02X}"),
        (0x1F, []) => "network: missing sub-command".to_owned(),
        (0x1F, [sub, ..]) => format!("network: unknown sub-command 0x{sub:02X}"),
        (0x23, []) => "managed: missing sub-command".to_owned(),
        (0x23, [5, rest @ ..]) if rest.len() < 3 => MISSING_POLICY_HEADER.to_owned(),
        (0x23, [5, action, ..]) => format!("managed policy: unknown action 0x{action:02X}"),
        (0x23, [6, rest @ ..]) if rest.len() < 7 => MISSING_TAGS_HEADER.to_owned(),
        (0x23, [6, action, ..]) => format!("managed member-tags: unknown action 0x{action:02X}"),
        (0x23, [sub, ..]) => format!("managed: unknown sub-command 0x{sub:02X}"),
        _ => format!("unknown command: 0x{code:02X}"),
    }
}

const MISSING_POLICY_HEADER: &str = "managed policy: missing sub-sub-command and network_id";
const MISSING_TAGS_HEADER: &str = "managed member-tags: missing action, network_id, or node_id";

fn partial_name(code: u8, payload: &[u8]) -> &'static str {
    match (code, payload.first()) {
        (0x23, Some(5)) => "managed.policy",
        (0x23, Some(6)) => "managed.member_tags",
        _ => command::family(code),
    }
}

/// Decodes what follows the command byte and its sub-command bytes.
fn request(command: Command, p: &[u8]) -> Result<Request<'_>, String> {
    Ok(match command {
        Command::Bind => Request::Bind {
            port: u16_at(p, 0).ok_or("bind: missing port")?,
        },
        Command::Unbind => match p.len() {
            2 => Request::Unbind {
                port: BigEndian::read_u16(p),
            },
            _ => return Err("unbind: port is required".to_owned()),
        },
        Command::Dial => {
            let (to, port, _) = destination(p).ok_or("dial: missing address/port")?;
            Request::Dial { to, port }
        }
        Command::Send => Request::Send {
            conn: u32_at(p, 0).ok_or("send: missing conn_id")?,
            data: &p[4..],
        },
        Command::Close => Request::Close {
            conn: u32_at(p, 0).ok_or("close: missing conn_id")?,
        },
        Command::SendTo => {
            let (to, port, data) = destination(p).ok_or(SENDTO_SHORT)?;
            Request::SendTo { to, port, data }
        }
        Command::SendToConfirm => {
            let (to, port, data) = destination(p).ok_or(SENDTO_SHORT)?;
            Request::SendToConfirm { to, port, data }
        }
        Command::Broadcast => {
            let (network_id, port, length) = match (u16_at(p, 0), u16_at(p, 2), u16_at(p, 4)) {
                (Some(network), Some(port), Some(length)) => (network, port, usize::from(length)),
                _ => return Err("broadcast: missing header".to_owned()),
            };
            let rest = &p[6..];
            if rest.len() < length {
                return Err("broadcast: truncated token".to_owned());
            }
            let (token, data) = rest.split_at(length);
            Request::Broadcast {
                network_id,
                port,
                token,
                data,
            }
        }
        Command::Cancel => Request::Cancel,
        Command::Info => Request::Info,
        Command::Health => Request::Health,
        Command::HandshakeSend => Request::HandshakeSend {
            node_id: u32_at(p, 0).ok_or("handshake request: missing node_id")?,
            justification: text(&p[4..]),
        },
        Command::HandshakeApprove => Request::HandshakeApprove {
            node_id: u32_at(p, 0).ok_or("handshake approve: missing node_id")?,
        },
        Command::HandshakeReject => Request::HandshakeReject {
            node_id: u32_at(p, 0).ok_or("handshake reject: missing node_id")?,
            reason: text(&p[4..]),
        },
        Command::HandshakePending => Request::HandshakePending,
        Command::HandshakeTrusted => Request::HandshakeTrusted,
        Command::HandshakeRevoke => Request::HandshakeRevoke {
            node_id: u32_at(p, 0).ok_or("handshake revoke: missing node_id")?,
        },
        Command::HandshakeWait => match (u32_at(p, 0), u32_at(p, 4)) {
            (Some(node_id), Some(timeout_ms)) => Request::HandshakeWait {
                node_id,
                timeout_ms,
            },
            _ => {
                return Err("handshake wait: payload must be [nodeID(4)][timeoutMs(4)]".to_owned());
            }
        },
        Command::ResolveHostname => match p {
            [] => return Err("resolve_hostname: missing hostname".to_owned()),
            name => Request::ResolveHostname {
                hostname: text(name),
            },
        },
        Command::SetHostname => Request::SetHostname { hostname: text(p) },
        Command::SetVisibility => Request::SetVisibility {
            public: *p.first().ok_or("set_visibility: missing value")? == 1,
        },
        Command::Deregister => Request::Deregister,
        Command::SetTags => Request::SetTags {
            tags: json::string_list(p).map_err(|e| format!("set_tags: invalid JSON: {e}"))?,
        },
        Command::SetWebhook => Request::SetWebhook { url: p },
        Command::NetworkList => Request::NetworkList,
        Command::NetworkJoin => Request::NetworkJoin {
            network_id: u16_at(p, 0).ok_or("network join: missing network_id")?,
            token: &p[2..],
        },
        Command::NetworkLeave => Request::NetworkLeave {
            network_id: u16_at(p, 0).ok_or("network leave: missing network_id")?,
        },
        Command::NetworkMembers => Request::NetworkMembers {
            network_id: u16_at(p, 0).ok_or("network members: missing network_id")?,
        },
        Command::NetworkInvite => match (u16_at(p, 0), u32_at(p, 2)) {
            (Some(network_id), Some(node_id)) => Request::NetworkInvite {
                network_id,
                node_id,
            },
            _ => return Err("network invite: missing network_id or target_node_id".to_owned()),
        },
        Command::NetworkPollInvites => Request::NetworkPollInvites,
        Command::NetworkRespondInvite => match (u16_at(p, 0), p.get(2)) {
            (Some(network_id), Some(flag)) => Request::NetworkRespondInvite {
                network_id,
                accept: *flag == 1,
            },
            _ => {
                return Err("network respond-invite: missing network_id or accept flag".to_owned());
            }
        },
        Command::ManagedStatus => Request::ManagedStatus {
            network_id: u16_at(p, 0).unwrap_or(0),
        },
        Command::ManagedCycle => Request::ManagedCycle {
            network_id: u16_at(p, 0).unwrap_or(0),
        },
        Command::ManagedReconcile => Request::ManagedReconcile {
            network_id: u16_at(p, 0).unwrap_or(0),
        },
        Command::PolicyGet => Request::PolicyGet {
            network_id: u16_at(p, 0).ok_or(MISSING_POLICY_HEADER)?,
        },
        Command::PolicySet => policy_set(p)?,
        Command::MemberTagsGet => {
            let (network_id, node_id, _) = member(p)?;
            Request::MemberTagsGet {
                network_id,
                node_id,
            }
        }
        Command::MemberTagsSet => {
            let (network_id, node_id, tags) = member(p)?;
            if tags.is_empty() {
                return Err("managed member-tags set: missing tags JSON".to_owned());
            }
            Request::MemberTagsSet {
                network_id,
                node_id,
                tags: json::string_list(tags)
                    .map_err(|e| format!("member-tags set: invalid tags JSON: {e}"))?,
            }
        }
        Command::RotateKey => Request::RotateKey,
        Command::PreferDirect => match p.len() {
            4 => Request::PreferDirect {
                node_id: BigEndian::read_u32(p),
            },
            _ => return Err("prefer_direct: payload must be 4 bytes (node_id)".to_owned()),
        },
        Command::SubmitBadge => {
            let [badge, badge_sig] = members("submit_badge", p, BADGE)?;
            Request::SubmitBadge {
                badge: string(badge),
                badge_sig: string(badge_sig),
            }
        }
        Command::EnrollRecovery => {
            let [enrollment, enrollment_sig] = members("enroll_recovery", p, ENROLLMENT)?;
            Request::EnrollRecovery {
                enrollment: string(enrollment),
                enrollment_sig: string(enrollment_sig),
            }
        }
        Command::SignEnvelope => {
            let [audience, body_hash, body_b64, nonce] = members("sign_envelope", p, SIGN)?;
            Request::SignEnvelope {
                audience: string(audience),
                body_hash: string(body_hash),
                body_b64: string(body_b64),
                nonce: string(nonce),
            }
        }
        Command::VerifyEnvelope => {
            let [envelope, signature, skew, standing] = members("verify_envelope", p, VERIFY)?;
            Request::VerifyEnvelope {
                envelope: string(envelope),
                signature: string(signature),
                max_skew_secs: match skew {
                    Member::Float(secs) => secs,
                    _ => 0.0,
                },
                check_standing: matches!(standing, Member::Bool(true)),
            }
        }
    })
}

const SENDTO_SHORT: &str = "sendto: missing header";

fn u16_at(p: &[u8], at: usize) -> Option<u16> {
    p.get(at..at + 2).map(BigEndian::read_u16)
}

fn u32_at(p: &[u8], at: usize) -> Option<u32> {
    p.get(at..at + 4).map(BigEndian::read_u32)
}

/// Text goes through the daemon's JSON, which replaces what is not UTF-8.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn destination(p: &[u8]) -> Option<(Address, u16, &[u8])> {
    let to = Address::new(u16_at(p, 0)?, u32_at(p, 2)?);
    Some((to, u16_at(p, 6)?, &p[8..]))
}

fn member(p: &[u8]) -> Result<(u16, u32, &[u8]), String> {
    match (u16_at(p, 0), u32_at(p, 2)) {
        (Some(network_id), Some(node_id)) => Ok((network_id, node_id, &p[6..])),
        _ => Err(MISSING_TAGS_HEADER.to_owned()),
    }
}

fn policy_set(p: &[u8]) -> Result<Request<'_>, String> {
    let network_id = u16_at(p, 0).ok_or(MISSING_POLICY_HEADER)?;
    let length = u16_at(p, 2).ok_or("managed policy set: missing token length")?;
    let rest = &p[4..];
    if rest.len() < usize::from(length) {
        return Err("managed policy set: truncated token".to_owned());
    }
    let (token, policy) = rest.split_at(usize::from(length));
    if policy.is_empty() {
        return Err("managed policy set: missing policy JSON".to_owned());
    }
    Ok(Request::PolicySet {
        network_id,
        token,
        policy,
    })
}

const fn text_member(name: &'static str, go_name: &'static str) -> Field {
    Field {
        name,
        go_name,
        kind: Kind::String,
    }
}

const BADGE: &[Field] = &[
    text_member("badge", "Badge"),
    text_member("badge_sig", "BadgeSig"),
];

const ENROLLMENT: &[Field] = &[
    text_member("enrollment", "Enrollment"),
    text_member("enrollment_sig", "EnrollmentSig"),
];

const SIGN: &[Field] = &[
    text_member("audience", "Audience"),
    text_member("body_hash", "BodyHash"),
    text_member("body_b64", "BodyB64"),
    text_member("nonce", "Nonce"),
];

const VERIFY: &[Field] = &[
    text_member("envelope", "Envelope"),
    text_member("signature", "Signature"),
    Field {
        name: "max_skew_secs",
        go_name: "MaxSkewSecs",
        kind: Kind::Float,
    },
    Field {
        name: "check_standing",
        go_name: "CheckStanding",
        kind: Kind::Bool,
    },
];

fn members<const N: usize>(
    command: &str,
    payload: &[u8],
    fields: &[Field],
) -> Result<[Member; N], String> {
    let values =
        json::decode_struct(payload, fields).map_err(|e| format!("{command}: bad payload: {e}"))?;
    <[Member; N]>::try_from(values)
        .map_err(|_| format!("{command}: bad payload: wrong number of members"))
}

fn string(member: Member) -> String {
    match member {
        Member::String(text) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
