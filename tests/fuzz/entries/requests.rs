//! Frames of both directions decoded, shown and encoded again.

use serde_json::{Map, Value, json};

use crate::wire::fields::{View, push_fields, request_fields};
use crate::wire::frame::{Frame, PREFIX};
use crate::wire::kind::Kind;
use crate::wire::outgoing::sent_fields;
use crate::wire::{Address, Push, Request, decode, encode_push};

const VIEWS: [View; 3] = [
    View {
        raw: false,
        secrets: false,
        cut: 0,
    },
    View {
        raw: true,
        secrets: true,
        cut: 0,
    },
    View {
        raw: false,
        secrets: true,
        cut: 9,
    },
];

/// The first byte is the command's, as in a frame.
pub(super) fn requests(input: &[u8]) {
    let Some((&code, payload)) = input.split_first() else {
        return;
    };
    let frame = Frame { code, payload };
    let decoded = decode(frame);
    for view in VIEWS {
        let fields = request_fields(frame, &decoded, view);
        assert!(
            decoded.is_ok()
                || Kind::of(&decoded) == Kind::UNKNOWN
                || fields.contains_key("malformed")
        );
        whole(fields);
        whole(sent_fields(code, payload, view));
    }
    match &decoded {
        Ok(request) => {
            let row = request.command().row();
            assert!(code == row.code && payload.starts_with(row.sub));
            let again = [row.sub, &rest(request)].concat();
            let again = decode(Frame {
                code,
                payload: &again,
            })
            .expect("what was encoded");
            // A number that is none is not even itself.
            assert_eq!(format!("{again:?}"), format!("{request:?}"));
        }
        Err(malformed) => assert!(!malformed.text.is_empty() && !malformed.name.is_empty()),
    }
    if let Some(push) = push(code, payload) {
        let mut out = Vec::new();
        encode_push(&mut out, &push);
        assert_eq!(out[..PREFIX], (input.len() as u32).to_be_bytes());
        assert_eq!(&out[PREFIX..], input);
        assert_eq!(
            push_fields(&push),
            sent_fields(code, payload, View::default())
        );
    }
}

/// What is shown is a JSON object on one line.
fn whole(fields: Map<String, Value>) {
    let text = Value::Object(fields).to_string();
    assert!(!text.contains('\n') && serde_json::from_str::<Value>(&text).is_ok());
}

fn push(code: u8, p: &[u8]) -> Option<Push<'_>> {
    let u16_at = |at: usize| Some(u16::from_be_bytes(*p.get(at..)?.first_chunk()?));
    let u32_at = |at: usize| Some(u32::from_be_bytes(*p.get(at..)?.first_chunk()?));
    let from = |at: usize| Some(Address::new(u16_at(at)?, u32_at(at + 2)?));
    match (code, p.len()) {
        (0x05, 14) => Some(Push::Accept {
            port: u16_at(0)?,
            conn: u32_at(2)?,
            from: from(6)?,
            from_port: u16_at(12)?,
        }),
        (0x07, 4..) => Some(Push::Recv {
            conn: u32_at(0)?,
            data: &p[4..],
        }),
        (0x09, 4) => Some(Push::CloseOk { conn: u32_at(0)? }),
        (0x0C, 10..) => Some(Push::RecvFrom {
            from: from(0)?,
            from_port: u16_at(6)?,
            to_port: u16_at(8)?,
            data: &p[10..],
        }),
        _ => None,
    }
}

/// A request's bytes behind its command and sub-command.
fn rest(request: &Request<'_>) -> Vec<u8> {
    let short = |number: &u16| number.to_be_bytes().to_vec();
    let long = |number: &u32| number.to_be_bytes().to_vec();
    let to = |to: &Address, port: &u16| [short(&to.network), long(&to.node), short(port)].concat();
    let sized = |token: &[u8]| [&(token.len() as u16).to_be_bytes()[..], token].concat();
    match request {
        Request::Bind { port } | Request::Unbind { port } => short(port),
        Request::Dial { to: address, port } => to(address, port),
        Request::Send { conn, data } => [&long(conn), *data].concat(),
        Request::Close { conn } => long(conn),
        Request::SendTo {
            to: address,
            port,
            data,
        }
        | Request::SendToConfirm {
            to: address,
            port,
            data,
        } => [&to(address, port), *data].concat(),
        Request::Broadcast {
            network_id,
            port,
            token,
            data,
        } => [&short(network_id), &short(port), &sized(token), *data].concat(),
        Request::HandshakeSend {
            node_id,
            justification: text,
        }
        | Request::HandshakeReject {
            node_id,
            reason: text,
        } => [&long(node_id), text.as_bytes()].concat(),
        Request::HandshakeApprove { node_id }
        | Request::HandshakeRevoke { node_id }
        | Request::PreferDirect { node_id } => long(node_id),
        Request::HandshakeWait {
            node_id,
            timeout_ms,
        } => [long(node_id), long(timeout_ms)].concat(),
        Request::ResolveHostname { hostname } | Request::SetHostname { hostname } => {
            hostname.clone().into_bytes()
        }
        Request::SetVisibility { public } => vec![u8::from(*public)],
        Request::SetTags { tags } => json!(tags).to_string().into_bytes(),
        Request::SetWebhook { url } => url.to_vec(),
        Request::NetworkJoin { network_id, token } => [&short(network_id), *token].concat(),
        Request::NetworkLeave { network_id }
        | Request::NetworkMembers { network_id }
        | Request::ManagedStatus { network_id }
        | Request::ManagedCycle { network_id }
        | Request::ManagedReconcile { network_id }
        | Request::PolicyGet { network_id } => short(network_id),
        Request::NetworkInvite {
            network_id,
            node_id,
        }
        | Request::MemberTagsGet {
            network_id,
            node_id,
        } => [short(network_id), long(node_id)].concat(),
        Request::NetworkRespondInvite { network_id, accept } => {
            [short(network_id), vec![u8::from(*accept)]].concat()
        }
        Request::PolicySet {
            network_id,
            token,
            policy,
        } => [&short(network_id), &sized(token), *policy].concat(),
        Request::MemberTagsSet {
            network_id,
            node_id,
            tags,
        } => [
            short(network_id),
            long(node_id),
            json!(tags).to_string().into_bytes(),
        ]
        .concat(),
        Request::SubmitBadge { badge, badge_sig } => {
            object(json!({"badge": badge, "badge_sig": badge_sig}))
        }
        Request::EnrollRecovery {
            enrollment,
            enrollment_sig,
        } => object(json!({"enrollment": enrollment, "enrollment_sig": enrollment_sig})),
        Request::SignEnvelope {
            audience,
            body_hash,
            body_b64,
            nonce,
        } => object(
            json!({"audience": audience, "body_hash": body_hash, "body_b64": body_b64, "nonce": nonce}),
        ),
        Request::VerifyEnvelope {
            envelope,
            signature,
            max_skew_secs,
            check_standing,
        } => object(json!({
            "envelope": envelope, "signature": signature, "max_skew_secs": max_skew_secs, "check_standing": check_standing,
        })),
        Request::Cancel
        | Request::Info
        | Request::Health
        | Request::HandshakePending
        | Request::HandshakeTrusted
        | Request::Deregister
        | Request::NetworkList
        | Request::NetworkPollInvites
        | Request::RotateKey => Vec::new(),
    }
}

fn object(body: Value) -> Vec<u8> {
    body.to_string().into_bytes()
}
