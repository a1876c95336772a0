//! Signed request envelopes: made here, and verified here. Texts: recorded.

use std::time::Duration;

use super::{Answer, Ids, Node, Table};
use crate::go::json::object;
use crate::go::quote::quote;
use crate::go::sha256::{hex, sha256};
use crate::go::{base64, time};
use crate::wire::{Address, Command, Reply};

const DOMAIN: &str = "pilot-req-v1";

/// How old an envelope may be where the request does not say, in seconds.
const DEFAULT_SKEW: u64 = 300;

/// Keys that were looked up before: those found, with the generation that was current then, and
/// those not found.
#[derive(Debug, Default)]
pub struct KeyCache {
    found: Table<u32, u32>,
    missing: Ids,
    nonces: u64,
}

/// A parsed envelope.
struct Envelope {
    signer: Address,
    timestamp: u64,
}

impl Node {
    pub(super) fn sign_envelope(
        &mut self,
        audience: &str,
        body_hash: &str,
        body_b64: &str,
        nonce: &str,
        now: Duration,
    ) -> Answer<'_> {
        let refused = |text: &str| format!("sign_envelope: {text}");
        if audience.is_empty() {
            return Err(refused("audience required"));
        }
        let body_hash = match (body_hash.is_empty(), body_b64.is_empty()) {
            (true, true) => return Err(refused("body_hash or body_b64 required")),
            (false, false) => {
                return Err(refused("body_hash and body_b64 are mutually exclusive"));
            }
            (false, true) => body_hash.to_owned(),
            (true, false) => {
                let body = base64::decode(body_b64.as_bytes())
                    .map_err(|e| refused(&format!("body_b64 not base64: {e}")))?;
                hex(&sha256(&[&body]))
            }
        };
        let nonce = match nonce {
            "" => self.fresh_nonce(),
            given => given.to_owned(),
        };
        check_nonce(&nonce)
            .and_then(|()| check_hash(&body_hash))
            .and_then(|()| check_audience(audience))
            .map_err(|e| refused(&e))?;
        let address = self.identity.address();
        let secs = self.clock.unix_secs(now);
        let signer = address.hex();
        let envelope = format!("{DOMAIN}|{signer}|{secs}|{nonce}|{body_hash}|{audience}");
        let signature = self.signature(&envelope, self.identity.generation);
        let body = object! {
            "address": address.to_string(), "envelope": envelope,
            "signature": base64::encode(&signature), "type": "sign_envelope_ok",
        };
        Ok(Some(Reply::Json(Command::SignEnvelope, body)))
    }

    fn fresh_nonce(&mut self) -> String {
        self.keys.nonces += 1;
        let digest = sha256(&[
            b"nonce",
            &self.seed.to_be_bytes(),
            &self.keys.nonces.to_be_bytes(),
        ]);
        hex(&digest[..8])
    }

    /// The node's signature with its key of a generation: deterministic, of a real one's length.
    fn signature(&self, envelope: &str, generation: u32) -> [u8; 64] {
        let mut signature = [0; 64];
        for (half, out) in signature.chunks_mut(32).enumerate() {
            out.copy_from_slice(&sha256(&[
                b"signature",
                &[half as u8],
                &self.seed.to_be_bytes(),
                &self.identity.node_id.to_be_bytes(),
                &generation.to_be_bytes(),
                envelope.as_bytes(),
            ]));
        }
        signature
    }

    pub(super) fn verify_envelope(
        &mut self,
        envelope: &str,
        signature: &str,
        max_skew_secs: f64,
        check_standing: bool,
        now: Duration,
    ) -> Answer<'_> {
        if envelope.is_empty() || signature.is_empty() {
            return Err("verify_envelope: envelope and signature required".to_owned());
        }
        let body = match self.verify(envelope, signature, max_skew_secs, now) {
            Err(reason) => object! {
                "reason": reason, "type": "verify_envelope_ok", "valid": false,
            },
            Ok((signer, via)) => {
                let mut body = object! {
                    "address": signer.to_string(), "node_id": signer.node,
                    "trusted": self.trust.listed(signer.node) && signer.node != self.identity.node_id, "type": "verify_envelope_ok",
                    "valid": true, "verified_via": via,
                };
                if check_standing {
                    body["network_member"] = true.into();
                }
                body
            }
        };
        Ok(Some(Reply::Json(Command::VerifyEnvelope, body)))
    }

    /// In the real daemon's order: fields, time, key, signature.
    fn verify(
        &mut self,
        text: &str,
        signature: &str,
        max_skew_secs: f64,
        now: Duration,
    ) -> Result<(Address, &'static str), String> {
        let envelope = parse(text)?;
        let skew = match max_skew_secs as u64 {
            0 => DEFAULT_SKEW,
            secs => secs.min(i64::MAX as u64 / 1_000_000_000),
        };
        if self.clock.unix_secs(now).abs_diff(envelope.timestamp) > skew {
            let window = time::duration(skew);
            return Err(format!(
                "reqsig: envelope timestamp outside ±{window} window"
            ));
        }
        let node = envelope.signer.node;
        let (generation, via) = self.look_up_key(node)?;
        let signature = base64::decode(signature.as_bytes())
            .map_err(|e| format!("reqsig: signature not base64: {e}"))?;
        let own = node == self.identity.node_id;
        // The real daemon goes on with the key that it looked up first, even when its own was
        // rotated since; the lenient profile takes whatever this daemon signed.
        let generations = if self.lenient() {
            0..=self.identity.generation
        } else {
            generation..=generation
        };
        let signed = generations
            .into_iter()
            .any(|g| self.signature(text, g)[..] == signature[..]);
        if !own || !signed {
            return Err("reqsig: signature verification failed".to_owned());
        }
        Ok((envelope.signer, via))
    }

    fn look_up_key(&mut self, node: u32) -> Result<(u32, &'static str), String> {
        if let Some(generation) = self.keys.found.get(node) {
            return Ok((*generation, "cache"));
        }
        let own = node == self.identity.node_id;
        if !self.exists(node) || (own && self.must_be_registered().is_err()) {
            let why = if self.keys.missing.insert(node, ()) {
                format!("lookup node {node}: registry: node {node}: node not found")
            } else {
                "peer pubkey unresolved (negatively cached)".to_owned()
            };
            return Err(format!("public key for node {node} unavailable: {why}"));
        }
        let generation = if own { self.identity.generation } else { 0 };
        self.keys.found.insert(node, generation);
        Ok((generation, "registry"))
    }
}

fn parse(text: &str) -> Result<Envelope, String> {
    let fields: Vec<&str> = text.split('|').collect();
    let &[domain, address, timestamp, nonce, body_hash, audience] = &fields[..] else {
        return Err(format!("reqsig: want 6 fields, got {}", fields.len()));
    };
    if domain != DOMAIN {
        return Err(format!("reqsig: bad domain {}", quote(domain.as_bytes())));
    }
    if address.len() != 12 || !is_lower_hex(address) {
        return Err("reqsig: address must be 12 lowercase hex chars".to_owned());
    }
    if timestamp.is_empty() || !timestamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err("reqsig: timestamp: non-digit".to_owned());
    }
    let timestamp = timestamp
        .parse()
        .map_err(|_| "reqsig: timestamp: out of range".to_owned())?;
    check_nonce(nonce)?;
    check_hash(body_hash)?;
    check_audience(audience)?;
    let number = u64::from_str_radix(address, 16).unwrap_or(0);
    Ok(Envelope {
        signer: Address::new((number >> 32) as u16, number as u32),
        timestamp,
    })
}

fn check_nonce(nonce: &str) -> Result<(), String> {
    if nonce.len() == 16 && is_lower_hex(nonce) {
        return Ok(());
    }
    Err("reqsig: nonce must be 16 lowercase hex chars".to_owned())
}

fn check_hash(hash: &str) -> Result<(), String> {
    if hash.len() == 64 && is_lower_hex(hash) {
        return Ok(());
    }
    Err("reqsig: body hash must be 64 lowercase hex chars".to_owned())
}

fn check_audience(audience: &str) -> Result<(), String> {
    if audience.is_empty() || audience.len() > 64 {
        return Err("reqsig: audience must be 1-64 chars".to_owned());
    }
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    if audience.bytes().all(fine) {
        return Ok(());
    }
    Err("reqsig: audience must match [a-z0-9.-]".to_owned())
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
