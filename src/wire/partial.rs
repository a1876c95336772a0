//! What a malformed request has whole: the fields in front, as far as their bytes are all there.

use byteorder::{BigEndian, ByteOrder};

use super::address::Address;
use super::field::Field;

/// One of the `fields` of a command, out of what follows its sub-command bytes.
pub(super) fn field<'a>(fields: &[&str], mut rest: &'a [u8], name: &str) -> Option<Field<'a>> {
    for &field in fields {
        let width = match field {
            // Another form of the two fields behind it.
            "address" => 0,
            "port" | "network" | "network_id" => 2,
            "node" | "node_id" | "conn" | "timeout_ms" => 4,
            "token" => 2 + usize::from(BigEndian::read_u16(rest.get(..2)?)),
            // The rest has no length of its own: it would be whole, or it is what does not parse.
            _ => return None,
        };
        if field == name {
            let bytes = rest.get(..width)?;
            return Some(match field {
                "address" => Field::Text(address(rest)?.to_string().into()),
                "token" => Field::Secret(&bytes[2..]),
                _ => Field::Number(BigEndian::read_uint(bytes, width)),
            });
        }
        rest = rest.get(width..)?;
    }
    None
}

fn address(bytes: &[u8]) -> Option<Address> {
    let bytes = bytes.get(..6)?;
    let (network, node) = (BigEndian::read_u16(bytes), BigEndian::read_u32(&bytes[2..]));
    Some(Address::new(network, node))
}

#[cfg(test)]
mod tests {
    use crate::wire::command::TABLE;
    use crate::wire::decode;
    use crate::wire::field::{Field, field};
    use crate::wire::frame::Frame;

    /// However short a request is cut, what it still has is what the whole one has.
    #[test]
    fn what_is_there_is_what_the_whole_request_has() {
        let mut seen = 0;
        for row in TABLE {
            let sample: &[u8] = match row.name {
                "managed.policy_set" => b"\0\x07\0\x03abc{}",
                "managed.member_tags_set" => b"\0\x07\0\0\0\x02[\"x\"]",
                "broadcast" => b"\0\x07\0\x50\0\x03abcdata",
                "unbind" => b"\0\x50",
                "prefer_direct" => b"\0\0\0\x02",
                _ => b"\0\x01\0\0\0\x02\0\x50xyz",
            };
            let payload = [row.sub, sample].concat();
            let code = row.code;
            let frame = Frame {
                code,
                payload: &payload,
            };
            let whole = decode(frame);
            for length in row.sub.len()..payload.len() {
                let frame = Frame {
                    code,
                    payload: &payload[..length],
                };
                let cut = decode(frame);
                for name in row.fields.iter().filter(|_| cut.is_err()) {
                    let Some(value) = field(frame, &cut, name) else {
                        continue;
                    };
                    seen += 1;
                    assert_eq!(
                        Some(value),
                        field(frame, &whole, name),
                        "{} {name}",
                        row.name
                    );
                }
            }
        }
        assert_eq!(seen, 76);
    }

    #[test]
    fn a_token_is_whole_or_is_not_there() {
        for (payload, wanted) in [
            (&b"\x05\x01\0\x07\0\x03abc"[..], Some(Field::Secret(b"abc"))),
            (b"\x05\x01\0\x07\0\0", Some(Field::Secret(b""))),
            (b"\x05\x01\0\x07\0\x03ab", None),
            (b"\x05\x01\0\x07\0", None),
        ] {
            let frame = Frame {
                code: 0x23,
                payload,
            };
            let decoded = decode(frame);
            assert_eq!(field(frame, &decoded, "token"), wanted);
            assert_eq!(field(frame, &decoded, "network_id"), Some(Field::Number(7)));
            assert_eq!(field(frame, &decoded, "policy"), None);
        }
    }
}
