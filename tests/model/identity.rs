//! What the node says of itself: name, visibility, tags, webhook, registration, key.

use serde_json::{Value, json};

use super::codec::{Cursor, address_text};
use super::setting::{BETA, GAMMA, OWN, SLOW};
use super::world::{Expected, Refusal, World};

/// The names of listed peers.
const NAMES: [(&str, u32); 3] = [("beta", BETA), ("gamma", GAMMA), ("epsilon", SLOW)];

const FORM: &str = "must be lowercase alphanumeric with hyphens";

/// A name or tag of a-z, 0-9 and inner hyphens.
fn is_label(text: &str, longest: usize) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let edges = text.starts_with('-') || text.ends_with('-');
    !text.is_empty() && text.len() <= longest && text.bytes().all(fine) && !edges
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let text = match name {
        "localhost" | "backbone" | "broadcast" => format!("hostname \"{name}\" is reserved"),
        _ if name.len() > 63 => "hostname too long (max 63 chars)".to_owned(),
        _ if !is_label(name, 63) => format!("hostname {FORM}, start/end with alphanumeric"),
        _ => return Ok(()),
    };
    Err(format!("invalid hostname: {text}"))
}

/// The texts of a JSON list, or the decoder's words.
pub fn text_list(bytes: &[u8]) -> Result<Vec<String>, Refusal> {
    let unmarshal = |what: &str, into: &str| {
        format!("json: cannot unmarshal {what} into Go value of type {into}")
    };
    match serde_json::from_slice(bytes) {
        Ok(Value::Null) => Ok(Vec::new()),
        Ok(Value::Object(_)) => Err(unmarshal("object", "[]string")),
        Ok(Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.clone()),
                _ => Err(unmarshal("number", "string")),
            })
            .collect(),
        Ok(_) => panic!("the model does not know what Go says to {bytes:?}"),
        Err(_) if bytes.ends_with(b"]x") => {
            Err("invalid character 'x' after top-level value".to_owned())
        }
        Err(_) => Err("unexpected end of JSON input".to_owned()),
    }
}

/// A node's tags as they are kept.
fn node_tags(tags: &[String]) -> Result<Vec<String>, Refusal> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        let tag = tag.strip_prefix('#').unwrap_or(tag).to_owned();
        if !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    for tag in &kept {
        check_tag(tag)?;
    }
    Ok(kept)
}

/// One tag of a node. A network's members' have no text for their length.
fn check_tag(tag: &str) -> Result<(), Refusal> {
    if tag.len() > 32 {
        return Err(format!("tag \"{tag}\" too long (max 32 chars)"));
    }
    check_member_tag(tag)
}

pub fn check_member_tag(tag: &str) -> Result<(), Refusal> {
    match tag {
        "" => Err("empty tag not allowed".to_owned()),
        _ if is_label(tag, 32) => Ok(()),
        _ => Err(format!("tag \"{tag}\" {FORM}")),
    }
}

impl World {
    pub fn resolve(&mut self, slot: usize, payload: Cursor) {
        let name = payload.text();
        if name.is_empty() {
            return self.refuse(slot, "resolve_hostname: missing hostname");
        }
        let own = (self.registered || self.lenient()) && self.hostname == name;
        let listed = NAMES.iter().find(|(listed, _)| *listed == name);
        let (node, public) = match listed {
            _ if own => (OWN, self.public),
            Some((_, node)) => (*node, *node != GAMMA),
            None if self.lenient() && check_name(&name).is_ok() => {
                self.label("a made-up peer");
                return self.out.push((slot, Expected::MadeUp(name)));
            }
            None => {
                let text = format!("resolve_hostname: registry: hostname \"{name}\" not found");
                return self.refuse(slot, &text);
            }
        };
        self.label(if own { "own" } else { "a listed peer" });
        let body = json!({"address": address_text((0, node)), "hostname": name, "node_id": node,
                          "public": public, "type": "resolve_hostname_ok"});
        self.body(slot, 0x12, body);
    }

    /// What the registry refuses to a node that has left it.
    pub fn must_be_registered(&self) -> Result<(), Refusal> {
        match self.registered || self.lenient() {
            true => Ok(()),
            false => Err(format!("node {OWN}: node not found")),
        }
    }

    pub fn set_hostname(&mut self, slot: usize, payload: Cursor) {
        let name = payload.text();
        let taken = NAMES.iter().find(|(listed, _)| *listed == name);
        let checked = if name.is_empty() {
            Ok(())
        } else {
            check_name(&name)
        };
        let checked = checked
            .and_then(|()| self.must_be_registered())
            .and_then(|()| match taken {
                Some((_, node)) => {
                    Err(format!("hostname \"{name}\" already in use by node {node}"))
                }
                None => Ok(()),
            });
        if let Err(text) = checked {
            return self.refuse(slot, &format!("set_hostname: registry: {text}"));
        }
        let body = json!({"hostname": name, "node_id": OWN, "type": "set_hostname_ok"});
        self.label(if name.is_empty() { "cleared" } else { "set" });
        self.hostname = name;
        self.body(slot, 0x14, body);
    }

    pub fn set_visibility(&mut self, slot: usize, mut payload: Cursor) {
        let Some(value) = payload.u8() else {
            return self.refuse(slot, "set_visibility: missing value");
        };
        if let Err(text) = self.must_be_registered() {
            return self.refuse(slot, &format!("set_visibility: registry: {text}"));
        }
        self.public = value == 1;
        let word = if self.public { "public" } else { "private" };
        self.label(word);
        let body = json!({"node_id": OWN, "type": "set_visibility_ok", "visibility": word});
        self.body(slot, 0x16, body);
    }

    pub fn deregister(&mut self, slot: usize) {
        self.label(if self.registered { "ok" } else { "again" });
        self.registered = false;
        self.networks.forget_own();
        self.body(slot, 0x18, json!({"type": "deregister_ok"}));
    }

    pub fn set_tags(&mut self, slot: usize, payload: Cursor) {
        let tags = match text_list(payload.0) {
            Ok(tags) if tags.len() > 3 => {
                return self.refuse(slot, "set_tags: maximum 3 tags allowed");
            }
            Ok(tags) => tags,
            Err(text) => return self.refuse(slot, &format!("set_tags: invalid JSON: {text}")),
        };
        let checked = node_tags(&tags).and_then(|tags| self.must_be_registered().map(|()| tags));
        match checked {
            Ok(tags) => {
                let shown = if tags.is_empty() {
                    Value::Null
                } else {
                    json!(tags)
                };
                self.label(if tags.is_empty() { "cleared" } else { "set" });
                self.tags = tags;
                let body = json!({"node_id": OWN, "tags": shown, "type": "set_tags_ok"});
                self.body(slot, 0x1A, body);
            }
            Err(text) => self.refuse(slot, &format!("set_tags: registry: {text}")),
        }
    }

    pub fn set_webhook(&mut self, slot: usize, payload: Cursor) {
        let url = payload.text();
        let refusal = match &*url {
            "ftp://h/" => "URL must use http or https scheme, got \"ftp\"",
            "plain" => "URL must use http or https scheme, got \"\"",
            "::::" => "invalid URL: parse \"::::\": missing protocol scheme",
            "http://" => "URL must have a host",
            "http://a b/" => {
                "invalid URL: parse \"http://a b/\": invalid character \" \" in host name"
            }
            "http://169.254.169.254/" => "URL cannot target link-local address 169.254.169.254",
            _ => {
                self.label(if url.is_empty() { "turned off" } else { "set" });
                let body = json!({"webhook": url});
                self.webhook = url;
                return self.body(slot, 0x1C, body);
            }
        };
        self.refuse(slot, refusal);
    }

    pub fn rotate_key(&mut self, slot: usize) {
        if let Err(text) = self.must_be_registered() {
            return self.refuse(slot, &format!("rotate_key: registry: registry: {text}"));
        }
        self.key += 1;
        let body = json!({"address": address_text((0, OWN)), "node_id": OWN,
                          "public_key": self.key_of(OWN), "type": "rotate_key_ok"});
        self.body(slot, 0x26, body);
    }

    pub fn prefer_direct(&mut self, slot: usize, mut payload: Cursor) {
        let node = match (payload.0.len(), payload.u32()) {
            (4, Some(node)) => node,
            _ => return self.refuse(slot, "prefer_direct: payload must be 4 bytes (node_id)"),
        };
        let had = self.tunnels.contains(&node);
        let error = self.reach(node).err().unwrap_or_default();
        if error.is_empty() {
            self.touch(node);
        }
        self.label(match (had, error.is_empty()) {
            (true, _) => "had a tunnel",
            (false, true) => "pushed",
            (false, false) => "not found",
        });
        let body = json!({"had_tunnel": had, "node_id": node, "pila_pushed": error.is_empty(),
                          "resolve_error": error, "was_relay_active": false,
                          "was_relay_pinned": false});
        self.body(slot, 0x2E, body);
    }
}
