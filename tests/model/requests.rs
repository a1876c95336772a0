//! Requests: what their names stand for on the wire, and which rule serves them.

use super::codec::Cursor;
use super::step::{Field, fill};
use super::world::{Expected, World};

/// Names, command bytes and sub-command bytes. `raw` has its command byte as first field.
const COMMANDS: [(&str, &[u8]); 50] = [
    ("raw", &[]),
    ("bind", &[0x01]),
    ("dial", &[0x03]),
    ("send", &[0x06]),
    ("close", &[0x08]),
    ("send_to", &[0x0B]),
    ("info", &[0x0D]),
    ("handshake", &[0x0F]),
    ("handshake.send", &[0x0F, 1]),
    ("handshake.approve", &[0x0F, 2]),
    ("handshake.reject", &[0x0F, 3]),
    ("handshake.pending", &[0x0F, 4]),
    ("handshake.trusted", &[0x0F, 5]),
    ("handshake.revoke", &[0x0F, 6]),
    ("handshake.wait", &[0x0F, 7]),
    ("resolve_hostname", &[0x11]),
    ("set_hostname", &[0x13]),
    ("set_visibility", &[0x15]),
    ("deregister", &[0x17]),
    ("set_tags", &[0x19]),
    ("set_webhook", &[0x1B]),
    ("network", &[0x1F]),
    ("network.list", &[0x1F, 1]),
    ("network.join", &[0x1F, 2]),
    ("network.leave", &[0x1F, 3]),
    ("network.members", &[0x1F, 4]),
    ("network.invite", &[0x1F, 5]),
    ("network.poll_invites", &[0x1F, 6]),
    ("network.respond_invite", &[0x1F, 7]),
    ("health", &[0x21]),
    ("managed", &[0x23]),
    ("managed.status", &[0x23, 2]),
    ("managed.cycle", &[0x23, 4]),
    ("managed.policy", &[0x23, 5]),
    ("managed.policy_get", &[0x23, 5, 0]),
    ("managed.policy_set", &[0x23, 5, 1]),
    ("managed.member_tags", &[0x23, 6]),
    ("managed.member_tags_get", &[0x23, 6, 0]),
    ("managed.member_tags_set", &[0x23, 6, 1]),
    ("managed.reconcile", &[0x23, 7]),
    ("rotate_key", &[0x25]),
    ("broadcast", &[0x29]),
    ("cancel", &[0x2B]),
    ("prefer_direct", &[0x2D]),
    ("unbind", &[0x37]),
    ("send_to_confirm", &[0x39]),
    ("submit_badge", &[0x2F]),
    ("enroll_recovery", &[0x31]),
    ("sign_envelope", &[0x33]),
    ("verify_envelope", &[0x35]),
];

impl World {
    /// The frame of a request: command byte and payload.
    pub fn encode(&self, name: &str, fields: &[Field]) -> (u8, Vec<u8>) {
        let row = COMMANDS.iter().find(|(known, _)| *known == name);
        let mut bytes = row
            .unwrap_or_else(|| panic!("no command {name:?}"))
            .1
            .to_vec();
        for field in fields {
            match field {
                Field::U8(n) => bytes.push(*n),
                Field::U16(n) => bytes.extend(n.to_be_bytes()),
                Field::U32(n) => bytes.extend(n.to_be_bytes()),
                Field::Text(text) => bytes.extend_from_slice(text),
                Field::Fill(length, from) => bytes.extend(fill(*length, *from)),
                Field::Stream(stream) => bytes.extend(self.named(*stream).to_be_bytes()),
                Field::Cut(length) => bytes.truncate(1 + length),
            }
        }
        let payload = bytes.split_off(1);
        (bytes[0], payload)
    }

    /// Serves a client's request.
    pub fn ask(&mut self, slot: usize, code: u8, payload: &[u8]) {
        let p = Cursor(payload);
        match code {
            0x01 => self.bind(slot, p),
            0x03 => self.dial(slot, p),
            0x06 => self.send(p),
            0x08 => self.close(slot, p),
            0x0B => self.datagram(slot, p, false),
            0x0D => {
                let info = self.info();
                self.label("ok");
                self.out.push((slot, Expected::Info(Box::new(info))));
            }
            0x0F => self.handshake(slot, p),
            0x11 => self.resolve(slot, p),
            0x13 => self.set_hostname(slot, p),
            0x15 => self.set_visibility(slot, p),
            0x17 => self.deregister(slot),
            0x19 => self.set_tags(slot, p),
            0x1B => self.set_webhook(slot, p),
            0x1F => self.network(slot, p),
            0x21 => {
                let health = self.health().into_bytes();
                self.label("ok");
                self.tell(slot, (0x22, health));
            }
            0x23 => self.manage(slot, p),
            0x25 => self.rotate_key(slot),
            0x29 => self.broadcast(slot, p),
            0x2B => self.cancel(slot),
            0x2D => self.prefer_direct(slot, p),
            0x2F => self.submit_badge(slot, payload),
            0x31 => self.enroll_recovery(slot, payload),
            0x33 => self.sign(slot, payload),
            0x35 => self.verify(slot, payload),
            0x37 => self.unbind(slot, p),
            0x39 => self.datagram(slot, p, true),
            code => self.refuse(slot, &format!("unknown command: 0x{code:02X}")),
        }
    }
}
