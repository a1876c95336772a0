//! The node's own identity: name, visibility, tags, webhook, keys, registration.

use super::config::NodeConfig;
use super::names::TAGS_MAX;
use super::{Answer, Node, names};
use crate::go::{base64, json::object, sha256::sha256, url};
use crate::wire::{Address, Command, Reply};

/// What the node says of itself.
#[derive(Debug)]
pub struct Identity {
    pub node_id: u32,
    pub hostname: String,
    pub tags: Vec<String>,
    pub webhook: String,
    pub public: bool,
    pub registered: bool,
    pub admin_token: Option<String>,
    /// How often the key was rotated.
    pub generation: u32,
    /// Base64 of 32 bytes.
    pub public_key: String,
    pub email: String,
    pub endpoint: String,
}

impl Identity {
    pub fn new(config: &NodeConfig, seed: u64) -> Self {
        Identity {
            node_id: config.node_id,
            hostname: config.hostname.clone(),
            tags: config.tags.clone(),
            webhook: String::new(),
            public: config.public,
            registered: true,
            admin_token: config.admin_token.clone(),
            generation: 0,
            public_key: public_key(seed, config.node_id, 0),
            email: "mock@example.test".to_owned(),
            endpoint: super::peers::endpoint(config.node_id),
        }
    }

    /// The node's address on the backbone.
    pub fn address(&self) -> Address {
        Address::new(0, self.node_id)
    }
}

/// The key of a node, the same for the same seed.
pub fn public_key(seed: u64, node_id: u32, generation: u32) -> String {
    base64::encode(&sha256(&[
        b"public key",
        &seed.to_be_bytes(),
        &node_id.to_be_bytes(),
        &generation.to_be_bytes(),
    ]))
}

impl Node {
    /// The public key of a node: the own one's current, a peer's only one.
    pub(super) fn key_of(&self, node_id: u32) -> String {
        if node_id == self.identity.node_id {
            return self.identity.public_key.clone();
        }
        public_key(self.seed, node_id, 0)
    }

    pub(super) fn resolve_hostname(&self, hostname: &str) -> Answer<'_> {
        let own = &self.identity;
        let known_here = own.registered || self.lenient();
        let (node_id, public) = if known_here && own.hostname == hostname {
            (own.node_id, own.public)
        } else {
            self.peer_named(hostname).ok_or_else(|| {
                let name = crate::go::quote::quote(hostname.as_bytes());
                format!("resolve_hostname: registry: hostname {name} not found")
            })?
        };
        let body = object! {
            "address": Address::new(0, node_id).to_string(), "hostname": hostname,
            "node_id": node_id, "public": public, "type": "resolve_hostname_ok",
        };
        Ok(Some(Reply::Json(Command::ResolveHostname, body)))
    }

    pub(super) fn set_hostname(&mut self, hostname: &str) -> Answer<'_> {
        let refused = |text: String| format!("set_hostname: registry: {text}");
        if !hostname.is_empty() {
            names::check_hostname(hostname).map_err(refused)?;
        }
        self.must_be_registered().map_err(refused)?;
        if let Some(holder) = self.peers.listed_name(hostname) {
            let name = crate::go::quote::quote(hostname.as_bytes());
            return Err(refused(format!(
                "hostname {name} already in use by node {holder}"
            )));
        }
        self.identity.hostname = hostname.to_owned();
        let body = object! {
            "hostname": hostname, "node_id": self.identity.node_id, "type": "set_hostname_ok",
        };
        Ok(Some(Reply::Json(Command::SetHostname, body)))
    }

    pub(super) fn set_visibility(&mut self, public: bool) -> Answer<'_> {
        self.must_be_registered()
            .map_err(|text| format!("set_visibility: registry: {text}"))?;
        self.identity.public = public;
        let body = object! {
            "node_id": self.identity.node_id, "type": "set_visibility_ok",
            "visibility": if public { "public" } else { "private" },
        };
        Ok(Some(Reply::Json(Command::SetVisibility, body)))
    }

    pub(super) fn set_tags(&mut self, tags: &[String]) -> Answer<'_> {
        if tags.len() > TAGS_MAX {
            return Err("set_tags: maximum 3 tags allowed".to_owned());
        }
        let refused = |text: String| format!("set_tags: registry: {text}");
        let tags = names::normalise_tags(tags).map_err(refused)?;
        self.must_be_registered().map_err(refused)?;
        let shown = if tags.is_empty() {
            None
        } else {
            Some(&tags[..])
        };
        let body = object! {
            "node_id": self.identity.node_id, "tags": shown, "type": "set_tags_ok",
        };
        self.identity.tags = tags;
        Ok(Some(Reply::Json(Command::SetTags, body)))
    }

    pub(super) fn set_webhook(&mut self, text: &[u8]) -> Answer<'_> {
        if !text.is_empty() {
            url::check_webhook(text)?;
        }
        self.identity.webhook = String::from_utf8_lossy(text).into_owned();
        let body = object! {"webhook": &*self.identity.webhook};
        Ok(Some(Reply::Json(Command::SetWebhook, body)))
    }

    /// Takes the node out of the registry; the daemon itself goes on as before.
    pub(super) fn deregister(&mut self) -> Answer<'_> {
        self.identity.registered = false;
        self.networks.forget_node(self.identity.node_id);
        Ok(Some(Reply::Json(
            Command::Deregister,
            object! {"type": "deregister_ok"},
        )))
    }

    pub(super) fn rotate_key(&mut self) -> Answer<'_> {
        self.must_be_registered()
            .map_err(|text| format!("rotate_key: registry: registry: {text}"))?;
        let own = &mut self.identity;
        own.generation += 1;
        own.public_key = public_key(self.seed, own.node_id, own.generation);
        let body = object! {
            "address": own.address().to_string(), "node_id": own.node_id,
            "public_key": &*own.public_key, "type": "rotate_key_ok",
        };
        Ok(Some(Reply::Json(Command::RotateKey, body)))
    }

    pub(super) fn must_be_registered(&self) -> Result<(), String> {
        if self.identity.registered || self.lenient() {
            return Ok(());
        }
        Err(format!("node {}: node not found", self.identity.node_id))
    }
}
