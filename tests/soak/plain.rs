//! Requests that are answered at once, each with the answer that it must get.

use super::client::Client;
use super::scenario::ADMIN;
use super::streams::destination;
use super::want::Want;
use super::world::{OWN, network, peer, spare_port};

const HEALTH: &str = r##"{"accept_queue_drops":0,"authenticated_peers":#,"beacon_addr":"127.0.0.1:9001","bytes_recv":#,"bytes_sent":#,"connections":#,"encrypted_peers":#,"handshake_pending_count":#,"peers":#,"relay_peer_count":0,"status":"ok","uptime_seconds":#,"webhook_circuit_skips":0,"webhook_queue_dropped":0}"##;

const INFO: &str = r##"{"accept_queue_drops":0,"address":"0:0000.1234.5678","authenticated_peers":#,"beacon_addr":"127.0.0.1:9001","bytes_recv":#,"bytes_sent":#,"conn_list":[*],*"connections":#,"email":"*","encrypt":true,"encrypted_peers":#,"endpoint":"127.0.0.1:#","features":[*],"handshake_pending_count":#,"hostname":"*","identity":true,"motd":"","networks":*,"node_id":305419896,"peer_list":[*],"peers":#,"pkts_recv":#,"pkts_sent":#,"ports":#,"public_key":"*","relay_peer_count":0,"transport":"udp","tunnel_encryption_failure":0,"tunnel_encryption_success":0,"uptime_secs":#,"version":"mock-*","webhook_circuit_skips":0,"webhook_queue_dropped":0}"##;

impl Client<'_> {
    /// A burst of requests of many kinds, all written at once.
    pub fn burst(&mut self) -> Result<(), String> {
        for _ in 0..8 + self.random.below(40) {
            match self.random.below(100) {
                0..30 => self.health(),
                30..40 => self.malformed(),
                40..70 => self.ask_about_names(),
                70..80 => self.ask_about_ports(),
                80..90 => self.ask_about_networks(),
                90..97 => self.ask_about_policies(),
                _ => self.ask_about_proofs(),
            }
        }
        if self.random.one_in(400) {
            self.ask("info", 0x0D, &[], Want::text(0x0E, INFO));
        }
        self.settle()
    }

    pub fn health(&mut self) {
        self.ask("health", 0x21, &[], Want::text(0x22, HEALTH));
    }

    /// A request that changes nothing, so that it may be cut off.
    pub fn ask_harmless(&mut self) {
        match self.random.below(3) {
            0 => self.health(),
            1 => self.malformed(),
            _ => self.resolve(),
        }
    }

    fn resolve(&mut self) {
        let which = self.random.below(50);
        let (name, want) = if which < 40 {
            let node = peer(which % 15, 0);
            (format!("peer-{}", which % 15), Some(node))
        } else {
            (format!("unknown-{which}-"), None)
        };
        let want = match want {
            Some(node) => Want::text(
                0x12,
                format!(
                    "{{\"address\":\"0:0000.{:04X}.{:04X}\",\"hostname\":\"{name}\",\"node_id\":{node},\
                     \"public\":true,\"type\":\"resolve_hostname_ok\"}}",
                    node >> 16,
                    node & 0xFFFF
                ),
            ),
            None => Want::error(format!(
                "resolve_hostname: registry: hostname \"{name}\" not found"
            )),
        };
        self.ask("resolve_hostname", 0x11, &[name.as_bytes()], want);
    }

    fn ask_about_names(&mut self) {
        let me = self.me;
        match self.random.below(8) {
            0..3 => self.resolve(),
            3 => {
                let name = format!("soak-{me}-{}", self.random.below(1000));
                let reply = format!(
                    "{{\"hostname\":\"{name}\",\"node_id\":{OWN},\"type\":\"set_hostname_ok\"}}"
                );
                self.ask(
                    "set_hostname",
                    0x13,
                    &[name.as_bytes()],
                    Want::text(0x14, reply),
                );
            }
            4 => {
                let name = format!("peer-{me}");
                let node = peer(me, 0);
                let text = format!(
                    "set_hostname: registry: hostname \"{name}\" already in use by node {node}"
                );
                self.ask("set_hostname", 0x13, &[name.as_bytes()], Want::error(text));
            }
            5 => {
                let public = self.random.below(2) as u8;
                let shown = ["private", "public"][usize::from(public)];
                let reply = format!(
                    "{{\"node_id\":{OWN},\"type\":\"set_visibility_ok\",\"visibility\":\"{shown}\"}}"
                );
                self.ask(
                    "set_visibility",
                    0x15,
                    &[&[public]],
                    Want::text(0x16, reply),
                );
            }
            6 => {
                let tag = self.random.below(100);
                let tags = format!("[\"#soak\",\"t{tag}\"]");
                let reply = format!(
                    "{{\"node_id\":{OWN},\"tags\":[\"soak\",\"t{tag}\"],\"type\":\"set_tags_ok\"}}"
                );
                self.ask(
                    "set_tags",
                    0x19,
                    &[tags.as_bytes()],
                    Want::text(0x1A, reply),
                );
            }
            _ => {
                let url = format!("http://hook-{me}.test/{}", self.random.below(1000));
                let reply = format!("{{\"webhook\":\"{url}\"}}");
                self.ask(
                    "set_webhook",
                    0x1B,
                    &[url.as_bytes()],
                    Want::text(0x1C, reply),
                );
            }
        }
        if self.world.lenient && self.random.one_in(50) {
            let key = format!(
                "{{\"address\":\"0:0000.1234.5678\",\"node_id\":{OWN},\"public_key\":\"*\",\
                 \"type\":\"rotate_key_ok\"}}"
            );
            self.ask("rotate_key", 0x25, &[], Want::text(0x26, key));
            let gone = Want::text(0x18, "{\"type\":\"deregister_ok\"}");
            self.ask("deregister", 0x17, &[], gone);
        }
    }

    fn ask_about_ports(&mut self) {
        let port = spare_port(self.me);
        let bytes = port.to_be_bytes();
        let done = |code: u8| Want::Frame(code, bytes.to_vec());
        self.ask("bind", 0x01, &[&bytes], done(0x02));
        let again = match self.world.lenient {
            true => done(0x02),
            false => Want::error(format!("port {port} already bound")),
        };
        self.ask("bind", 0x01, &[&bytes], again);
        self.ask("unbind", 0x37, &[&bytes], done(0x38));
        let not = Want::error("unbind: port is not owned by this client");
        self.ask("unbind", 0x37, &[&bytes], not);
        let taken = Want::error("port 7 already bound");
        self.ask("bind", 0x01, &[&[0, 7]], taken);
        let unknown = 0xF000_0000 | self.random.number() as u32 >> 4;
        self.ask(
            "close",
            0x08,
            &[&unknown.to_be_bytes()],
            Want::Closed(unknown),
        );
        self.tell("send", 0x06, &[&unknown.to_be_bytes(), b"nobody gets it"]);
        let nobody = Want::error("resolve node 0: registry: node 0: node not found");
        self.ask("dial", 0x03, &[&destination(0, 0, 80)], nobody);
        let refused = Want::error("connection refused");
        let to = destination(0, peer(self.me, 0), 99);
        self.ask("dial", 0x03, &[&to], refused);
        let node = peer(self.me, 0);
        let direct = format!(
            "{{\"had_tunnel\":*,\"node_id\":{node},\"pila_pushed\":true,\"resolve_error\":\"\",\
             \"was_relay_active\":false,\"was_relay_pinned\":false}}"
        );
        self.ask(
            "prefer_direct",
            0x2D,
            &[&node.to_be_bytes()],
            Want::text(0x2E, direct),
        );
    }

    fn ask_about_networks(&mut self) {
        let (id, managed) = (network(self.me, 0), network(self.me, 1));
        let token = id.to_be_bytes();
        let ask = Client::ask_network;
        ask(
            self,
            "network.list",
            1,
            &[],
            Ok("{\"networks\":[{*}],\"type\":\"list_networks_ok\"}".into()),
        );
        let wrong = format!("network join: registry: invalid token for network {id}");
        ask(
            self,
            "network.join",
            2,
            &[&token[..], b"bad"].concat(),
            Err(wrong),
        );
        if self.model.joined {
            let left = format!("{{\"network_id\":{id},\"type\":\"leave_network_ok\"}}");
            ask(self, "network.leave", 3, &token, Ok(left));
        } else {
            let joined = format!(
                "{{\"address\":\"{id}:{id:04X}.1234.5678\",\"network_id\":{id},\
                 \"type\":\"join_network_ok\"}}"
            );
            ask(
                self,
                "network.join",
                2,
                &[&token[..], b"t0ken"].concat(),
                Ok(joined),
            );
        }
        self.model.joined = !self.model.joined;
        // The lenient profile lets a node deregister and go on: it may be no member any more.
        let members = match self.model.joined && !self.world.lenient {
            true => format!("{{\"nodes\":[{{*\"node_id\":{OWN},*}}],\"type\":\"list_nodes_ok\"}}"),
            false => "{\"nodes\":[*],\"type\":\"list_nodes_ok\"}".to_owned(),
        };
        ask(self, "network.members", 4, &token, Ok(members));
        let target = peer(self.me, 2);
        let invite = [&managed.to_be_bytes()[..], &target.to_be_bytes()].concat();
        let invited = format!(
            "{{\"network_id\":{managed},*\"target_node_id\":{target},\"type\":\"invite_to_network_ok\"}}"
        );
        ask(self, "network.invite", 5, &invite, Ok(invited));
        let invites = "{\"invites\":[],\"type\":\"poll_invites_ok\"}";
        ask(self, "network.poll_invites", 6, &[], Ok(invites.to_owned()));
        let mut respond = managed.to_be_bytes().to_vec();
        respond.push(0);
        let responded = match self.world.lenient {
            true => Ok(format!(
                "{{\"accepted\":false,\"network_id\":{managed},\"type\":\"respond_invite_ok\"}}"
            )),
            false => Err(format!(
                "network respond-invite: registry: no pending invite for node {OWN} to network {managed}"
            )),
        };
        ask(self, "network.respond_invite", 7, &respond, responded);
    }

    fn ask_network(&mut self, name: &str, sub: u8, rest: &[u8], reply: Result<String, String>) {
        let want = match reply {
            Ok(text) => Want::text(0x20, text),
            Err(text) => Want::error(text),
        };
        self.ask(name, 0x1F, &[&[sub], rest], want);
    }

    fn ask_about_policies(&mut self) {
        let (id, managed) = (network(self.me, 0), network(self.me, 1));
        let status = format!(
            "{{\"cycle_num\":{},\"engine\":\"managed\",\"joined_at\":\"*\",\"network_id\":{managed},\
             \"peers\":1}}",
            self.model.cycles
        );
        self.ask_managed("managed.status", &[2], managed, b"", status);
        let cycle = format!(
            "{{\"cycle_num\":{},\"evicted\":0,\"filled\":0,\"filled_trust\":0,\"network_id\":{managed},\
             \"peers\":1,\"pruned\":0,\"pruned_trust\":0}}",
            self.model.cycles + 1
        );
        self.ask_managed("managed.cycle", &[4], managed, b"", cycle);
        let done =
            format!("{{\"network_id\":{managed},\"peers\":1,\"type\":\"managed_reconcile_ok\"}}");
        self.ask_managed("managed.reconcile", &[7], managed, b"", done);
        let policy = "{\"version\":1,\"rules\":[{\"name\":\"r\",\"on\":\"datagram\",\
                      \"match\":\"port == 8500\",\"actions\":[{\"type\":\"deny\"}]}]}";
        let token = [
            &[0, ADMIN.len() as u8][..],
            ADMIN.as_bytes(),
            policy.as_bytes(),
        ]
        .concat();
        let applied =
            format!("{{\"applied\":true,\"network_id\":{id},\"type\":\"managed_policy_ok\"}}");
        self.ask_managed("managed.policy_set", &[5, 1], id, &token, applied);
        let kept = format!(
            "{{\"engine\":\"policy\",\"expr_policy\":{policy},\"network_id\":{id},\
             \"type\":\"managed_policy_ok\"}}"
        );
        self.ask_managed("managed.policy_get", &[5, 0], id, b"", kept);
        let node = peer(self.me, 0);
        let tag = self.random.below(100);
        let tags = |name: &str| {
            format!(
                "{{\"network_id\":{managed},\"tags\":[\"web\",\"t{tag}\"],\"target_node_id\":{node},\
                 \"type\":\"{name}_member_tags_ok\"}}"
            )
        };
        let rest = [
            &node.to_be_bytes()[..],
            format!("[\"web\",\"t{tag}\"]").as_bytes(),
        ]
        .concat();
        self.ask_managed(
            "managed.member_tags_set",
            &[6, 1],
            managed,
            &rest,
            tags("set"),
        );
        self.ask_managed(
            "managed.member_tags_get",
            &[6, 0],
            managed,
            &node.to_be_bytes(),
            tags("get"),
        );
        self.model.cycles += 1;
        let denied = Want::error(format!(
            "sendto: port 8500 not allowed by network {id} policy"
        ));
        let to = destination(id, OWN, 8500);
        self.ask("send_to_confirm", 0x39, &[&to, b"denied"], denied);
    }

    fn ask_managed(&mut self, name: &str, sub: &[u8], id: u16, rest: &[u8], reply: String) {
        let parts = [sub, &id.to_be_bytes(), rest];
        self.ask(name, 0x23, &parts, Want::text(0x24, reply));
    }

    fn ask_about_proofs(&mut self) {
        let lenient = self.world.lenient;
        let badge =
            format!("{{\"badge\":\"pilotbadge:v1:{OWN}:github:1:0:k1:me\",\"badge_sig\":\"s\"}}");
        let kid = r#"no pinned issuer key for badge kid: kid="k1""#;
        let want = match lenient {
            true => Want::text(
                0x30,
                format!(
                    "{{\"node_id\":{OWN},\"provider\":\"github\",\"type\":\"submit_badge_ok\"}}"
                ),
            ),
            false => Want::error(format!(
                "submit_badge: registry: badge verification failed: badgeverify: {kid}"
            )),
        };
        self.ask("submit_badge", 0x2F, &[badge.as_bytes()], want);
        let enrollment = format!(
            "{{\"enrollment\":\"pilotenroll:v1:{OWN}:github:c:1:k1\",\"enrollment_sig\":\"s\"}}"
        );
        let want = match lenient {
            true => Want::text(
                0x32,
                format!("{{\"node_id\":{OWN},\"type\":\"enroll_recovery_ok\"}}"),
            ),
            false => Want::error(format!(
                "enroll_recovery: registry: enrollment verification failed: badgeverify: {kid}"
            )),
        };
        self.ask("enroll_recovery", 0x31, &[enrollment.as_bytes()], want);
    }

    /// What the node signs, it verifies.
    pub fn prove(&mut self) -> Result<(), String> {
        let body = "{\"audience\":\"soak\",\"body_b64\":\"aGVsbG8=\"}";
        let signed = self.call("sign_envelope", 0x33, &[body.as_bytes()])?;
        let signed: serde_json::Value =
            serde_json::from_slice(&signed).map_err(|error| format!("sign_envelope: {error}"))?;
        let ask = serde_json::json!({
            "envelope": signed["envelope"], "signature": signed["signature"],
        });
        let valid = format!(
            "{{\"address\":\"0:0000.1234.5678\",\"node_id\":{OWN},\"trusted\":false,\
             \"type\":\"verify_envelope_ok\",\"valid\":true,\"verified_via\":\"*\"}}"
        );
        // In between somebody may have rotated the key.
        let stale = "{\"reason\":\"reqsig: signature verification failed\",\
                     \"type\":\"verify_envelope_ok\",\"valid\":false}";
        let mut wants = vec![Want::text(0x36, valid)];
        if self.world.lenient {
            wants.push(Want::text(0x36, stale));
        }
        let text = ask.to_string();
        self.ask(
            "verify_envelope",
            0x35,
            &[text.as_bytes()],
            Want::Either(wants),
        );
        self.settle()
    }
}
