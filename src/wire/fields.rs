//! Requests and pushes as JSON fields, for the log and for whatever matches on them.

use serde_json::{Map, Value};

use super::address::Address;
use super::reply::Push;
use super::request::Request;
use crate::go::json::{self, object};

/// How many bytes of data are shown.
const SHOWN: usize = 64;

/// What stands in place of a token.
const REDACTED: &str = "<redacted>";

/// The decoded fields of a request, under the names of the command table. Tokens are redacted.
pub fn request_fields(request: &Request<'_>) -> Map<String, Value> {
    let fields = match request {
        Request::Bind { port } | Request::Unbind { port } => object! {"port": *port},
        Request::Dial { to, port } => destination(*to, *port),
        Request::Send { conn, data } => {
            object! {"conn": *conn, "data": shown(data), "bytes": data.len()}
        }
        Request::Close { conn } => object! {"conn": *conn},
        Request::SendTo { to, port, data } | Request::SendToConfirm { to, port, data } => {
            let mut fields = destination(*to, *port);
            fields["data"] = shown(data);
            fields["bytes"] = data.len().into();
            fields
        }
        Request::Broadcast {
            network_id,
            port,
            data,
            ..
        } => object! {
            "network_id": *network_id, "port": *port, "token": REDACTED,
            "data": shown(data), "bytes": data.len(),
        },
        Request::Cancel
        | Request::Info
        | Request::Health
        | Request::HandshakePending
        | Request::HandshakeTrusted
        | Request::Deregister
        | Request::NetworkList
        | Request::NetworkPollInvites
        | Request::RotateKey => object! {},
        Request::HandshakeSend {
            node_id,
            justification,
        } => object! {"node_id": *node_id, "justification": &**justification},
        Request::HandshakeReject { node_id, reason } => {
            object! {"node_id": *node_id, "reason": &**reason}
        }
        Request::HandshakeApprove { node_id }
        | Request::HandshakeRevoke { node_id }
        | Request::PreferDirect { node_id } => object! {"node_id": *node_id},
        Request::HandshakeWait {
            node_id,
            timeout_ms,
        } => object! {"node_id": *node_id, "timeout_ms": *timeout_ms},
        Request::ResolveHostname { hostname } | Request::SetHostname { hostname } => {
            object! {"hostname": &**hostname}
        }
        Request::SetVisibility { public } => object! {"public": *public},
        Request::SetTags { tags } => object! {"tags": &tags[..]},
        Request::SetWebhook { url } => object! {"url": String::from_utf8_lossy(url)},
        Request::NetworkJoin { network_id, .. } => {
            object! {"network_id": *network_id, "token": REDACTED}
        }
        Request::NetworkLeave { network_id }
        | Request::NetworkMembers { network_id }
        | Request::ManagedStatus { network_id }
        | Request::ManagedCycle { network_id }
        | Request::ManagedReconcile { network_id }
        | Request::PolicyGet { network_id } => object! {"network_id": *network_id},
        Request::NetworkInvite {
            network_id,
            node_id,
        }
        | Request::MemberTagsGet {
            network_id,
            node_id,
        } => object! {"network_id": *network_id, "node_id": *node_id},
        Request::NetworkRespondInvite { network_id, accept } => {
            object! {"network_id": *network_id, "accept": *accept}
        }
        Request::PolicySet {
            network_id, policy, ..
        } => object! {
            "network_id": *network_id, "token": REDACTED,
            "policy": json::parse(policy).unwrap_or_else(|_| shown(policy)),
        },
        Request::MemberTagsSet {
            network_id,
            node_id,
            tags,
        } => object! {
            "network_id": *network_id, "node_id": *node_id, "tags": tags.as_deref(),
        },
        Request::SubmitBadge { badge, badge_sig } => {
            object! {"badge": &**badge, "badge_sig": &**badge_sig}
        }
        Request::EnrollRecovery {
            enrollment,
            enrollment_sig,
        } => object! {"enrollment": &**enrollment, "enrollment_sig": &**enrollment_sig},
        Request::SignEnvelope {
            audience,
            body_hash,
            body_b64,
            nonce,
        } => object! {
            "audience": &**audience, "body_hash": &**body_hash, "body_b64": &**body_b64, "nonce": &**nonce,
        },
        Request::VerifyEnvelope {
            envelope,
            signature,
            max_skew_secs,
            check_standing,
        } => object! {
            "envelope": &**envelope, "signature": &**signature, "max_skew_secs": *max_skew_secs,
            "check_standing": *check_standing,
        },
    };
    match fields {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The fields of a push, under the names of the table of pushes.
pub fn push_fields(push: &Push<'_>) -> Map<String, Value> {
    let fields = match *push {
        Push::Accept {
            port,
            conn,
            from,
            from_port,
        } => object! {
            "port": port, "conn": conn, "address": from.to_string(),
            "network": from.network, "node": from.node, "remote_port": from_port,
        },
        Push::Recv { conn, data } => {
            object! {"conn": conn, "data": shown(data), "bytes": data.len()}
        }
        Push::CloseOk { conn } => object! {"conn": conn},
        Push::RecvFrom {
            from,
            from_port,
            to_port,
            data,
        } => object! {
            "address": from.to_string(), "network": from.network, "node": from.node,
            "from_port": from_port, "to_port": to_port,
            "data": shown(data), "bytes": data.len(),
        },
    };
    match fields {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn destination(to: Address, port: u16) -> Value {
    object! {"address": to.to_string(), "network": to.network, "node": to.node, "port": port}
}

/// The first bytes of data: text where all of them are printable, hex digits where not.
pub fn shown(data: &[u8]) -> Value {
    let mut head = &data[..data.len().min(SHOWN)];
    if let Err(error) = std::str::from_utf8(head)
        && error.error_len().is_none()
        && data.len() > SHOWN
    {
        // The cut fell inside a character.
        head = &head[..error.valid_up_to()];
    }
    match std::str::from_utf8(head) {
        Ok(text)
            if text
                .chars()
                .all(|c| !c.is_control() || c == '\n' || c == '\t') =>
        {
            Value::String(text.to_owned())
        }
        _ => object! {"hex": crate::go::sha256::hex(&data[..data.len().min(SHOWN)])},
    }
}

/// Bytes of hex digits.
///
/// # Errors
/// Names the offset of the first character that is no hex digit, or an odd length.
pub fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes();
    if let Some(at) = digits.iter().position(|b| !b.is_ascii_hexdigit()) {
        return Err(format!("character {at} of {text:?} is no hex digit"));
    }
    if !digits.len().is_multiple_of(2) {
        return Err(format!("{} hex digits are not whole bytes", digits.len()));
    }
    let value = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
    Ok(digits
        .chunks(2)
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::command::TABLE;
    use crate::wire::frame::Frame;

    #[test]
    fn data_is_text_or_hex() {
        assert_eq!(shown(b"hello\n"), json!("hello\n"));
        assert_eq!(shown(&[0, 1]), json!({"hex": "0001"}));
        assert_eq!(shown(b""), json!(""));
        let long = "é".repeat(40);
        assert_eq!(shown(long.as_bytes()), json!("é".repeat(32)));
        let odd = format!("x{long}");
        assert_eq!(shown(odd.as_bytes()), json!(format!("x{}", "é".repeat(31))));
    }

    #[test]
    fn every_row_decodes_to_its_own_fields() {
        for row in TABLE {
            let sample: &[u8] = match row.name {
                "unbind" => &[0, 80],
                "prefer_direct" => &[0, 0, 0, 2],
                "set_tags" | "managed.member_tags_set" => b"\0\x07\0\0\0\x02[]",
                "submit_badge" | "enroll_recovery" | "sign_envelope" | "verify_envelope" => b"{}",
                "managed.policy_set" => b"\0\x07\0\0{}",
                "broadcast" => b"\0\x07\0\x50\0\0x",
                _ => b"\0\0\0\0\0\x02\0\x50xyz",
            };
            let sample = match row.name {
                "set_tags" => &sample[6..],
                _ => sample,
            };
            let payload = [row.sub, sample].concat();
            let frame = Frame {
                code: row.code,
                payload: &payload,
            };
            let request = crate::wire::decode(frame).unwrap_or_else(|m| panic!("{m:?}"));
            assert_eq!(request.command(), row.command);
            let mut names: Vec<&str> = row.fields.to_vec();
            names.sort_unstable();
            let fields = request_fields(&request);
            assert!(fields.keys().eq(names.iter()), "{}: {fields:?}", row.name);
        }
    }

    #[test]
    fn hex_errors_name_the_place() {
        assert_eq!(unhex("00ff7E"), Ok(vec![0, 255, 0x7e]));
        assert!(unhex("0g").unwrap_err().contains("character 1"));
        assert!(unhex("012").unwrap_err().contains("3 hex digits"));
    }
}
