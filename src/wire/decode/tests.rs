use super::*;

fn error(hex: &str) -> String {
    let bytes = crate::wire::fields::unhex(hex).unwrap();
    let frame = Frame {
        code: bytes[0],
        payload: &bytes[1..],
    };
    match decode(frame) {
        Ok(request) => panic!("{hex} decoded as {request:?}"),
        Err(malformed) => {
            assert!(malformed.answered);
            malformed.text
        }
    }
}

#[test]
fn malformed_forms_have_the_daemons_texts() {
    for (hex, text) in [
        ("0113", "bind: missing port"),
        ("37138800", "unbind: port is required"),
        ("0300000000000200", "dial: missing address/port"),
        ("08000000", "close: missing conn_id"),
        ("3900000000000117", "sendto: missing header"),
        ("0f", "handshake: missing sub-command"),
        ("0f08", "handshake: unknown sub-command 0x08"),
        (
            "0f0700000001000003",
            "handshake wait: payload must be [nodeID(4)][timeoutMs(4)]",
        ),
        ("1f", "network: missing sub-command"),
        ("1fff", "network: unknown sub-command 0xFF"),
        ("1f0200", "network join: missing network_id"),
        (
            "1f0500010000",
            "network invite: missing network_id or target_node_id",
        ),
        (
            "1f070001",
            "network respond-invite: missing network_id or accept flag",
        ),
        ("23", "managed: missing sub-command"),
        ("2303", "managed: unknown sub-command 0x03"),
        (
            "2305",
            "managed policy: missing sub-sub-command and network_id",
        ),
        (
            "23050001",
            "managed policy: missing sub-sub-command and network_id",
        ),
        (
            "230502",
            "managed policy: missing sub-sub-command and network_id",
        ),
        ("2305020001", "managed policy: unknown action 0x02"),
        ("2305010063", "managed policy set: missing token length"),
        ("23050100630004", "managed policy set: truncated token"),
        (
            "230501006300026162",
            "managed policy set: missing policy JSON",
        ),
        (
            "2306",
            "managed member-tags: missing action, network_id, or node_id",
        ),
        (
            "23060000010000",
            "managed member-tags: missing action, network_id, or node_id",
        ),
        (
            "230602000100000002",
            "managed member-tags: unknown action 0x02",
        ),
        (
            "230601000100000002",
            "managed member-tags set: missing tags JSON",
        ),
        ("2900010000", "broadcast: missing header"),
        ("290001138800146162", "broadcast: truncated token"),
        ("11", "resolve_hostname: missing hostname"),
        ("15", "set_visibility: missing value"),
        (
            "2d000000027a",
            "prefer_direct: payload must be 4 bytes (node_id)",
        ),
        ("7e", "unknown command: 0x7E"),
        ("02", "unknown command: 0x02"),
    ] {
        assert_eq!(error(hex), text, "{hex}");
    }
}

#[test]
fn commands_without_a_reply_stay_silent() {
    for bytes in [&[0x06u8, 0, 0, 0][..], &[0x0B, 0, 0, 0, 0, 0, 1, 0x17]] {
        let frame = Frame {
            code: bytes[0],
            payload: &bytes[1..],
        };
        assert!(!decode(frame).unwrap_err().answered);
    }
}

#[test]
fn requests_are_typed() {
    let frame = |code, payload| Frame { code, payload };
    assert_eq!(
        decode(frame(0x03, &[0, 1, 0, 0, 0, 2, 0, 80, 9, 9])),
        Ok(Request::Dial {
            to: Address::new(1, 2),
            port: 80
        })
    );
    assert_eq!(
        decode(frame(0x29, &[0, 1, 0, 80, 0, 1, b't', b'x'])),
        Ok(Request::Broadcast {
            network_id: 1,
            port: 80,
            token: b"t",
            data: b"x"
        })
    );
    assert_eq!(
        decode(frame(0x15, &[2])),
        Ok(Request::SetVisibility { public: false })
    );
    assert_eq!(
        decode(frame(0x23, &[2, 7])),
        Ok(Request::ManagedStatus { network_id: 0 })
    );
}
