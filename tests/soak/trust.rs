//! Trust in peers that are this client's own, from one state to the next.

use serde_json::json;

use super::client::Client;
use super::want::Want;
use super::world::peer;

/// Where each of the three peers is in its circle.
#[derive(Default)]
pub struct Trust {
    trusted: [bool; 3],
    /// Peers that were asked and revoked before: in the faithful profile they ignore what they are asked.
    deaf: [bool; 3],
}

fn outcome(node: u32, status: &str) -> Want {
    Want::text(
        0x10,
        format!("{{\"node_id\":{node},\"status\":\"{status}\"}}"),
    )
}

fn waited(node: u32, trusted: bool) -> Want {
    Want::text(
        0x10,
        format!("{{\"node_id\":{node},\"trusted\":{trusted}}}"),
    )
}

impl Client<'_> {
    /// Goes once around with one peer: it is trusted, listed, revoked, and is not trusted any more.
    pub fn trust(&mut self) -> Result<(), String> {
        let which = self.random.below(3);
        let node = peer(self.me, 2 + which as u32);
        if !self.model.trust.trusted[which] {
            self.win(which, node)?;
        }
        self.wait(node, 0, true);
        self.wait(node, 1000, true);
        self.ask("handshake.trusted", 0x0F, &[&[5]], listed(node));
        self.settle()?;
        if self.random.one_in(2) {
            self.lose(which, node);
        }
        self.settle()
    }

    fn handshake(&mut self, name: &str, sub: u8, node: u32, rest: &[u8], want: Want) {
        self.ask(name, 0x0F, &[&[sub], &node.to_be_bytes(), rest], want);
    }

    fn wait(&mut self, node: u32, timeout: u32, trusted: bool) {
        let parts = [&[7][..], &node.to_be_bytes(), &timeout.to_be_bytes()];
        let want = waited(node, trusted);
        match trusted || timeout == 0 {
            true => self.ask("handshake.wait", 0x0F, &parts, want),
            false => self.ask_late("handshake.wait", 0x0F, &parts, want),
        }
    }

    fn win(&mut self, which: usize, node: u32) -> Result<(), String> {
        self.wait(node, 0, false);
        let patience = 1 + self.random.below(3) as u32;
        self.wait(node, patience, false);
        let not = format!("handshake revoke: node {node} was not trusted");
        self.handshake("handshake.revoke", 6, node, &[], Want::error(not));
        self.settle()?;
        let sent = outcome(node, "sent");
        if self.world.lenient {
            if self.random.one_in(2) {
                self.handshake("handshake.send", 1, node, b"please", sent);
                if self.model.trust.deaf[which] {
                    let approved = outcome(node, "approved");
                    self.handshake("handshake.approve", 2, node, &[], approved);
                }
            } else {
                self.handshake("handshake.approve", 2, node, &[], outcome(node, "approved"));
            }
        } else {
            // Somebody else waits for it meanwhile: the answer comes with the peer's own request.
            self.handshake("handshake.send", 1, node, b"please", sent);
            self.settle()?;
            let parts = [&[7][..], &node.to_be_bytes(), &20_000u32.to_be_bytes()];
            self.ask_late("handshake.wait", 0x0F, &parts, waited(node, true));
            self.health();
            self.wait_until("health", |me| me.outstanding.is_empty())?;
            self.peer_does(json!({"node_id": node, "does": "handshake"}));
        }
        self.model.trust.trusted[which] = true;
        self.model.trust.deaf[which] = false;
        self.settle()
    }

    fn lose(&mut self, which: usize, node: u32) {
        if self.world.lenient && self.random.one_in(2) {
            self.handshake(
                "handshake.reject",
                3,
                node,
                b"no",
                outcome(node, "rejected"),
            );
        } else {
            self.handshake("handshake.revoke", 6, node, &[], outcome(node, "revoked"));
            self.model.trust.deaf[which] = true;
        }
        self.wait(node, 0, false);
        self.model.trust.trusted[which] = false;
    }

    fn peer_does(&mut self, act: serde_json::Value) {
        self.talk
            .done(json!({"verb": "push", "push": {"peer": act}}));
    }

    /// A peer asks for trust, is listed as pending, and is turned down.
    pub fn pending(&mut self) -> Result<(), String> {
        let node = 200_000 + self.me as u32;
        let ask = json!({"node_id": node, "does": "handshake", "justification": "hi"});
        if !self.world.lenient {
            // A peer that was turned down once is ignored; then nothing is pending.
            self.ask(
                "handshake.pending",
                0x0F,
                &[&[4]],
                Want::text(0x10, "{\"pending\":[*]}"),
            );
            self.handshake("handshake.reject", 3, node, b"", outcome(node, "rejected"));
            return self.settle();
        }
        self.handshake("handshake.approve", 2, node, &[], outcome(node, "approved"));
        self.settle()?;
        self.peer_does(ask);
        let rows = format!("*{{\"justification\":\"hi\",\"node_id\":{node},\"public_key\":\"*");
        self.ask("handshake.pending", 0x0F, &[&[4]], Want::text(0x10, rows));
        self.handshake("handshake.reject", 3, node, b"", outcome(node, "rejected"));
        self.settle()
    }
}

fn listed(node: u32) -> Want {
    let row = "\"mutual\":*,\"network\":0,\"node_id\":";
    Want::text(
        0x10,
        format!("{{\"trusted\":[{{*{row}{node},\"public_key\":\"*\"}}*]}}"),
    )
}
