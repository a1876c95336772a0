//! One field of a request by its name, whole and typed, for whatever matches on it.

use std::borrow::Cow;

use super::address::Address;
use super::command::Command;
use super::decode::{Decoded, Malformed, malformed};
use super::frame::Frame;
use super::partial;
use super::request::Request;

/// What kind of value a field has, whatever request it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// Text.
    Text,
    /// Any bytes.
    Data,
    /// Bytes that are never shown.
    Secret,
    /// A list of texts, or null.
    List,
    /// A JSON document.
    Json,
}

/// The type of a field; `None` when no request has a field of that name.
pub fn field_type(name: &str) -> Option<FieldType> {
    Some(match name {
        "port" | "conn" | "network" | "node" | "node_id" | "network_id" | "bytes"
        | "timeout_ms" | "max_skew_secs" | "command" => FieldType::Number,
        "public" | "accept" | "check_standing" => FieldType::Flag,
        "address" | "justification" | "reason" | "hostname" | "url" | "badge" | "badge_sig"
        | "enrollment" | "enrollment_sig" | "audience" | "body_hash" | "body_b64" | "nonce"
        | "envelope" | "signature" | "malformed" => FieldType::Text,
        "data" => FieldType::Data,
        "token" => FieldType::Secret,
        "tags" => FieldType::List,
        "policy" => FieldType::Json,
        _ => return None,
    })
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// A whole number.
    Number(u64),
    /// Seconds.
    Fraction(f64),
    /// `true` or `false`.
    Flag(bool),
    /// Text.
    Text(Cow<'a, str>),
    /// Any bytes.
    Data(&'a [u8]),
    /// Bytes that are never shown.
    Secret(&'a [u8]),
    /// A list of texts; `None` where the request has null.
    List(Option<&'a [String]>),
    /// The text of a JSON document.
    Json(&'a [u8]),
}

/// The field of a decoded frame; `None` when it has none of that name.
pub fn field<'a>(frame: Frame<'a>, decoded: &'a Decoded<'a>, name: &str) -> Option<Field<'a>> {
    match decoded {
        // The one field that may be spoilt in a request that is decoded.
        Ok(request) if matches!(name, "policy" | "malformed") => match malformed(decoded) {
            Some(text) => (name == "malformed").then_some(Field::Text(text)),
            None => of_request(request, name),
        },
        Ok(request) => of_request(request, name),
        Err(malformed) => of_malformed(frame, malformed, name),
    }
}

fn of_malformed<'a>(frame: Frame<'a>, malformed: &'a Malformed, name: &str) -> Option<Field<'a>> {
    if malformed.name == "unknown" {
        return match name {
            "command" => Some(Field::Number(frame.code.into())),
            "bytes" => Some(Field::Number(frame.payload.len() as u64)),
            _ => None,
        };
    }
    if name == "malformed" {
        return Some(Field::Text((&*malformed.text).into()));
    }
    let row = Command::named(malformed.name)?.row();
    partial::field(row.fields, frame.payload.get(row.sub.len()..)?, name)
}

/// The field as it was decoded, spoilt or not.
pub(super) fn of_request<'a>(request: &'a Request<'a>, name: &str) -> Option<Field<'a>> {
    use Field::{Data, Flag, Fraction, Json, List, Number, Secret};
    let text = |text: &'a str| Field::Text(text.into());
    Some(match (request, name) {
        (Request::Bind { port } | Request::Unbind { port }, "port") => Number((*port).into()),
        (Request::Dial { to, port }, _) => return destination(*to, *port, name),
        (Request::Send { conn, .. } | Request::Close { conn }, "conn") => Number((*conn).into()),
        (
            Request::Send { data, .. }
            | Request::SendTo { data, .. }
            | Request::SendToConfirm { data, .. }
            | Request::Broadcast { data, .. },
            "data",
        ) => Data(data),
        (
            Request::Send { data, .. }
            | Request::SendTo { data, .. }
            | Request::SendToConfirm { data, .. }
            | Request::Broadcast { data, .. },
            "bytes",
        ) => Number(data.len() as u64),
        (Request::SendTo { to, port, .. } | Request::SendToConfirm { to, port, .. }, _) => {
            return destination(*to, *port, name);
        }
        (
            Request::Broadcast { network_id, .. }
            | Request::NetworkJoin { network_id, .. }
            | Request::NetworkLeave { network_id }
            | Request::NetworkMembers { network_id }
            | Request::NetworkInvite { network_id, .. }
            | Request::NetworkRespondInvite { network_id, .. }
            | Request::ManagedStatus { network_id }
            | Request::ManagedCycle { network_id }
            | Request::ManagedReconcile { network_id }
            | Request::PolicyGet { network_id }
            | Request::PolicySet { network_id, .. }
            | Request::MemberTagsGet { network_id, .. }
            | Request::MemberTagsSet { network_id, .. },
            "network_id",
        ) => Number((*network_id).into()),
        (Request::Broadcast { port, .. }, "port") => Number((*port).into()),
        (
            Request::Broadcast { token, .. }
            | Request::NetworkJoin { token, .. }
            | Request::PolicySet { token, .. },
            "token",
        ) => Secret(token),
        (
            Request::HandshakeSend { node_id, .. }
            | Request::HandshakeApprove { node_id }
            | Request::HandshakeReject { node_id, .. }
            | Request::HandshakeRevoke { node_id }
            | Request::HandshakeWait { node_id, .. }
            | Request::PreferDirect { node_id }
            | Request::NetworkInvite { node_id, .. }
            | Request::MemberTagsGet { node_id, .. }
            | Request::MemberTagsSet { node_id, .. },
            "node_id",
        ) => Number((*node_id).into()),
        (Request::HandshakeSend { justification, .. }, "justification") => text(justification),
        (Request::HandshakeReject { reason, .. }, "reason") => text(reason),
        (Request::HandshakeWait { timeout_ms, .. }, "timeout_ms") => Number((*timeout_ms).into()),
        (Request::ResolveHostname { hostname } | Request::SetHostname { hostname }, "hostname") => {
            text(hostname)
        }
        (Request::SetVisibility { public }, "public") => Flag(*public),
        (Request::SetTags { tags } | Request::MemberTagsSet { tags, .. }, "tags") => {
            List(tags.as_deref())
        }
        (Request::SetWebhook { url }, "url") => Field::Text(String::from_utf8_lossy(url)),
        (Request::NetworkRespondInvite { accept, .. }, "accept") => Flag(*accept),
        (Request::PolicySet { policy, .. }, "policy") => Json(policy),
        (Request::SubmitBadge { badge, .. }, "badge") => text(badge),
        (Request::SubmitBadge { badge_sig, .. }, "badge_sig") => text(badge_sig),
        (Request::EnrollRecovery { enrollment, .. }, "enrollment") => text(enrollment),
        (Request::EnrollRecovery { enrollment_sig, .. }, "enrollment_sig") => text(enrollment_sig),
        (Request::SignEnvelope { audience, .. }, "audience") => text(audience),
        (Request::SignEnvelope { body_hash, .. }, "body_hash") => text(body_hash),
        (Request::SignEnvelope { body_b64, .. }, "body_b64") => text(body_b64),
        (Request::SignEnvelope { nonce, .. }, "nonce") => text(nonce),
        (Request::VerifyEnvelope { envelope, .. }, "envelope") => text(envelope),
        (Request::VerifyEnvelope { signature, .. }, "signature") => text(signature),
        (Request::VerifyEnvelope { max_skew_secs, .. }, "max_skew_secs") => {
            Fraction(*max_skew_secs)
        }
        (Request::VerifyEnvelope { check_standing, .. }, "check_standing") => Flag(*check_standing),
        _ => return None,
    })
}

fn destination<'a>(to: Address, port: u16, name: &str) -> Option<Field<'a>> {
    Some(match name {
        "address" => Field::Text(to.to_string().into()),
        "network" => Field::Number(to.network.into()),
        "node" => Field::Number(to.node.into()),
        "port" => Field::Number(port.into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::kind::Kind;

    #[test]
    fn every_field_of_the_table_has_a_type() {
        for kind in Kind::all() {
            for name in kind.fields() {
                assert!(field_type(name).is_some(), "{name}");
            }
        }
        assert_eq!(field_type("prot"), None);
    }

    #[test]
    fn malformed_requests_have_their_text() {
        let frame = Frame {
            code: 0x7E,
            payload: b"abc",
        };
        let decoded = crate::wire::decode(frame);
        assert_eq!(field(frame, &decoded, "command"), Some(Field::Number(0x7E)));
        assert_eq!(field(frame, &decoded, "bytes"), Some(Field::Number(3)));
        let frame = Frame {
            code: 0x01,
            payload: &[],
        };
        let decoded = crate::wire::decode(frame);
        let text = Field::Text("bind: missing port".into());
        assert_eq!(field(frame, &decoded, "malformed"), Some(text));
        assert_eq!(field(frame, &decoded, "port"), None);
    }
}
