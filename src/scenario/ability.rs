//! What a rule can do to which kind of request.

use super::Fault;
use crate::wire::Command;
use crate::wire::kind::Kind;

/// How a kind of request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A client's arrival, which is no request.
    Arrival,
    /// Not at all.
    Unanswered,
    /// With bytes of its own, or an error.
    Bytes,
    /// With a JSON object, or an error.
    Json,
    /// With an error, always: unknown commands and sub-commands.
    Refused,
}

/// How requests of a kind are answered.
pub fn nature(kind: Kind) -> Nature {
    let Some(command) = kind.command() else {
        return match kind {
            Kind::CONNECT => Nature::Arrival,
            _ => Nature::Refused,
        };
    };
    match command {
        _ if command.row().reply.is_none() => Nature::Unanswered,
        Command::Bind
        | Command::Unbind
        | Command::Dial
        | Command::Close
        | Command::SendToConfirm
        | Command::Broadcast => Nature::Bytes,
        _ => Nature::Json,
    }
}

/// Why a kind of request cannot have an answer of its own (`reply`, `payload`, `error`, or `patch`),
/// as a clause; `None` when it can.
pub fn why_no_answer(kind: Kind, patch: bool) -> Option<&'static str> {
    match nature(kind) {
        Nature::Arrival => Some("it is no request"),
        Nature::Unanswered => Some("it is never answered"),
        Nature::Bytes if patch => Some("its reply is no JSON object"),
        Nature::Refused if patch => Some("its reply is an error"),
        _ => None,
    }
}

/// What was to be expected where a kind of request cannot have a fault, as a clause; `None` when it
/// can.
pub fn why_no_fault(kind: Kind, fault: &Fault) -> Option<&'static str> {
    let can = match nature(kind) {
        Nature::Arrival => matches!(fault, Fault::Arrival(_) | Fault::Close | Fault::Stall(_)),
        Nature::Unanswered => matches!(fault, Fault::NoReply | Fault::Close | Fault::Stall(_)),
        _ => !matches!(fault, Fault::Arrival(_)),
    };
    match nature(kind) {
        _ if can => None,
        Nature::Arrival => Some("expected refuse, reset, close or stall"),
        Nature::Unanswered => Some("expected no_reply, close or stall"),
        _ => Some("expected it with \"on\": \"connect\" only"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Arrival;

    fn of(name: &str) -> Vec<Nature> {
        let own = |kind: &Kind| kind.name() == name;
        Kind::all().filter(own).map(nature).collect()
    }

    #[test]
    fn natures() {
        for name in ["send", "send_to", "cancel"] {
            assert_eq!(of(name), [Nature::Unanswered], "{name}");
        }
        for name in [
            "bind",
            "unbind",
            "dial",
            "close",
            "send_to_confirm",
            "broadcast",
        ] {
            assert_eq!(of(name), [Nature::Bytes], "{name}");
        }
        for name in [
            "info",
            "health",
            "deregister",
            "managed.policy_get",
            "handshake.wait",
        ] {
            assert_eq!(of(name), [Nature::Json], "{name}");
        }
        for name in ["unknown", "handshake", "network", "managed"] {
            assert_eq!(of(name), [Nature::Refused], "{name}");
        }
        assert_eq!(nature(Kind::CONNECT), Nature::Arrival);
    }

    #[test]
    fn arrivals_are_refused_and_requests_are_not() {
        let refuse = Fault::Arrival(Arrival::Refuse);
        assert_eq!(why_no_fault(Kind::CONNECT, &refuse), None);
        assert!(why_no_fault(Command::Dial.into(), &refuse).is_some());
        assert!(why_no_fault(Kind::CONNECT, &Fault::NoReply).is_some());
        assert!(why_no_fault(Command::Send.into(), &Fault::Garbage).is_some());
        assert_eq!(why_no_fault(Command::Send.into(), &Fault::NoReply), None);
        assert_eq!(why_no_fault(Kind::UNKNOWN, &Fault::Garbage), None);
    }
}
