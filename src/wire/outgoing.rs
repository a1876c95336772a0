//! What the daemon sent as JSON fields, for the log and the journal.

use byteorder::{BigEndian, ByteOrder};
use serde_json::{Map, Value};

use super::address::Address;
use super::command::outgoing_name;
use super::fields::{View, document, guarded, shown};
use crate::go::json::object;

/// The fields of a reply or a push: those of the table of pushes, the members of a JSON body, and
/// `data` and `bytes` for whatever is neither.
pub fn sent_fields(code: u8, payload: &[u8], view: View) -> Map<String, Value> {
    let fields = match (&*outgoing_name(code), payload.len()) {
        ("error", 2..) => object! {
            "code": BigEndian::read_u16(payload),
            "message": String::from_utf8_lossy(&payload[2..]),
        },
        ("bind_ok" | "unbind_ok", 2) => object! {"port": BigEndian::read_u16(payload)},
        ("dial_ok" | "close_ok", 4) => object! {"conn": BigEndian::read_u32(payload)},
        ("accept", 14) => {
            let mut fields = sender(&payload[6..]);
            fields["port"] = BigEndian::read_u16(payload).into();
            fields["conn"] = BigEndian::read_u32(&payload[2..]).into();
            fields["remote_port"] = BigEndian::read_u16(&payload[12..]).into();
            fields
        }
        ("recv", 4..) => object! {
            "conn": BigEndian::read_u32(payload),
            "data": shown(&payload[4..], view), "bytes": payload.len() - 4 + view.cut,
        },
        ("recv_from", 10..) => {
            let mut fields = sender(payload);
            fields["from_port"] = BigEndian::read_u16(&payload[6..]).into();
            fields["to_port"] = BigEndian::read_u16(&payload[8..]).into();
            fields["data"] = shown(&payload[10..], view);
            fields["bytes"] = (payload.len() - 10 + view.cut).into();
            fields
        }
        (_, 0) => object! {},
        _ => match document(payload, view) {
            Some(body @ Value::Object(_)) => body,
            _ => object! {
                "data": guarded(payload, view), "bytes": payload.len() + view.cut,
            },
        },
    };
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// An address at the start of `bytes`.
fn sender(bytes: &[u8]) -> Value {
    let (network, node) = (BigEndian::read_u16(bytes), BigEndian::read_u32(&bytes[2..]));
    let address = Address::new(network, node).to_string();
    object! {"address": address, "network": network, "node": node}
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_frame_has_its_fields() {
        for (code, payload, fields) in [
            (0x02, &[0, 80][..], json!({"port": 80})),
            (0x02, &[0], json!({"data": {"hex": "00"}, "bytes": 1})),
            (0x38, &[0, 80], json!({"port": 80})),
            (0x0A, b"\0\x01no", json!({"code": 1, "message": "no"})),
            (0x0A, b"\0", json!({"data": {"hex": "00"}, "bytes": 1})),
            (0x04, &[0, 0, 0, 9], json!({"conn": 9})),
            (0x09, &[0, 0, 0, 9], json!({"conn": 9})),
            (
                0x07,
                b"\0\0\0\x09hi",
                json!({"conn": 9, "data": "hi", "bytes": 2}),
            ),
            (
                0x0C,
                b"\0\x01\0\0\0\x02\0\x07\0\x08x",
                json!({"address": "1:0001.0000.0002", "network": 1, "node": 2, "from_port": 7,
                       "to_port": 8, "data": "x", "bytes": 1}),
            ),
            (
                0x05,
                b"\0\x50\0\0\0\x09\0\0\0\0\0\x02\0\x07",
                json!({"port": 80, "conn": 9, "address": "0:0000.0000.0002", "network": 0,
                       "node": 2, "remote_port": 7}),
            ),
            (0x3A, b"", json!({})),
            (
                0x20,
                br#"{"n":[{"token":"s3cret"}],"admin_token":"s"}"#,
                json!({"n": [{"token": "<redacted>"}], "admin_token": "<redacted>"}),
            ),
            (0x20, b"[1]", json!({"data": "[1]", "bytes": 3})),
            (
                0x20,
                br#"["token"]"#,
                json!({"data": "<redacted>", "bytes": 9}),
            ),
            (
                0x20,
                br#"{"token":"#,
                json!({"data": "<redacted>", "bytes": 9}),
            ),
            (0x77, b"x", json!({"data": "x", "bytes": 1})),
        ] {
            let shown = Value::Object(sent_fields(code, payload, View::default()));
            assert_eq!(shown, fields, "{code:#x}");
        }
    }

    #[test]
    fn what_was_cut_counts() {
        let view = View {
            cut: 100,
            ..View::default()
        };
        assert_eq!(sent_fields(0x07, b"\0\0\0\x09hi", view)["bytes"], 102);
        assert_eq!(sent_fields(0x20, b"{\"a\":", view)["bytes"], 105);
    }
}
