//! Requests, decoded.

use super::address::Address;
use super::command::Command;

/// One well-formed request. Data is borrowed from the frame it came in.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Request<'a> {
    Bind {
        port: u16,
    },
    Unbind {
        port: u16,
    },
    Dial {
        to: Address,
        port: u16,
    },
    Send {
        conn: u32,
        data: &'a [u8],
    },
    Close {
        conn: u32,
    },
    SendTo {
        to: Address,
        port: u16,
        data: &'a [u8],
    },
    SendToConfirm {
        to: Address,
        port: u16,
        data: &'a [u8],
    },
    Broadcast {
        network_id: u16,
        port: u16,
        token: &'a [u8],
        data: &'a [u8],
    },
    Cancel,
    Info,
    Health,
    HandshakeSend {
        node_id: u32,
        justification: String,
    },
    HandshakeApprove {
        node_id: u32,
    },
    HandshakeReject {
        node_id: u32,
        reason: String,
    },
    HandshakePending,
    HandshakeTrusted,
    HandshakeRevoke {
        node_id: u32,
    },
    HandshakeWait {
        node_id: u32,
        timeout_ms: u32,
    },
    ResolveHostname {
        hostname: String,
    },
    SetHostname {
        hostname: String,
    },
    SetVisibility {
        public: bool,
    },
    Deregister,
    SetTags {
        tags: Option<Vec<String>>,
    },
    SetWebhook {
        url: &'a [u8],
    },
    NetworkList,
    NetworkJoin {
        network_id: u16,
        token: &'a [u8],
    },
    NetworkLeave {
        network_id: u16,
    },
    NetworkMembers {
        network_id: u16,
    },
    NetworkInvite {
        network_id: u16,
        node_id: u32,
    },
    NetworkPollInvites,
    NetworkRespondInvite {
        network_id: u16,
        accept: bool,
    },
    ManagedStatus {
        network_id: u16,
    },
    ManagedCycle {
        network_id: u16,
    },
    ManagedReconcile {
        network_id: u16,
    },
    PolicyGet {
        network_id: u16,
    },
    PolicySet {
        network_id: u16,
        token: &'a [u8],
        policy: &'a [u8],
    },
    MemberTagsGet {
        network_id: u16,
        node_id: u32,
    },
    MemberTagsSet {
        network_id: u16,
        node_id: u32,
        tags: Option<Vec<String>>,
    },
    RotateKey,
    PreferDirect {
        node_id: u32,
    },
    SubmitBadge {
        badge: String,
        badge_sig: String,
    },
    EnrollRecovery {
        enrollment: String,
        enrollment_sig: String,
    },
    SignEnvelope {
        audience: String,
        body_hash: String,
        body_b64: String,
        nonce: String,
    },
    VerifyEnvelope {
        envelope: String,
        signature: String,
        max_skew_secs: f64,
        check_standing: bool,
    },
}

impl Request<'_> {
    /// Which row of the command table this is.
    pub fn command(&self) -> Command {
        match self {
            Request::Bind { .. } => Command::Bind,
            Request::Unbind { .. } => Command::Unbind,
            Request::Dial { .. } => Command::Dial,
            Request::Send { .. } => Command::Send,
            Request::Close { .. } => Command::Close,
            Request::SendTo { .. } => Command::SendTo,
            Request::SendToConfirm { .. } => Command::SendToConfirm,
            Request::Broadcast { .. } => Command::Broadcast,
            Request::Cancel => Command::Cancel,
            Request::Info => Command::Info,
            Request::Health => Command::Health,
            Request::HandshakeSend { .. } => Command::HandshakeSend,
            Request::HandshakeApprove { .. } => Command::HandshakeApprove,
            Request::HandshakeReject { .. } => Command::HandshakeReject,
            Request::HandshakePending => Command::HandshakePending,
            Request::HandshakeTrusted => Command::HandshakeTrusted,
            Request::HandshakeRevoke { .. } => Command::HandshakeRevoke,
            Request::HandshakeWait { .. } => Command::HandshakeWait,
            Request::ResolveHostname { .. } => Command::ResolveHostname,
            Request::SetHostname { .. } => Command::SetHostname,
            Request::SetVisibility { .. } => Command::SetVisibility,
            Request::Deregister => Command::Deregister,
            Request::SetTags { .. } => Command::SetTags,
            Request::SetWebhook { .. } => Command::SetWebhook,
            Request::NetworkList => Command::NetworkList,
            Request::NetworkJoin { .. } => Command::NetworkJoin,
            Request::NetworkLeave { .. } => Command::NetworkLeave,
            Request::NetworkMembers { .. } => Command::NetworkMembers,
            Request::NetworkInvite { .. } => Command::NetworkInvite,
            Request::NetworkPollInvites => Command::NetworkPollInvites,
            Request::NetworkRespondInvite { .. } => Command::NetworkRespondInvite,
            Request::ManagedStatus { .. } => Command::ManagedStatus,
            Request::ManagedCycle { .. } => Command::ManagedCycle,
            Request::ManagedReconcile { .. } => Command::ManagedReconcile,
            Request::PolicyGet { .. } => Command::PolicyGet,
            Request::PolicySet { .. } => Command::PolicySet,
            Request::MemberTagsGet { .. } => Command::MemberTagsGet,
            Request::MemberTagsSet { .. } => Command::MemberTagsSet,
            Request::RotateKey => Command::RotateKey,
            Request::PreferDirect { .. } => Command::PreferDirect,
            Request::SubmitBadge { .. } => Command::SubmitBadge,
            Request::EnrollRecovery { .. } => Command::EnrollRecovery,
            Request::SignEnvelope { .. } => Command::SignEnvelope,
            Request::VerifyEnvelope { .. } => Command::VerifyEnvelope,
        }
    }
}
