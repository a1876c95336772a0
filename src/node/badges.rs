//! Verified-address badges and recovery enrollments. A genuine one cannot be made here: the real
//! issuer's key is pinned. Well-formed ones pass in the lenient profile.

use super::{Answer, Node};
use crate::go::json::object;
use crate::go::quote::quote;
use crate::wire::{Command, Reply};

impl Node {
    pub(super) fn submit_badge(&mut self, badge: &str, badge_sig: &str) -> Answer<'_> {
        if badge.is_empty() || badge_sig.is_empty() {
            return Err("submit_badge: badge and badge_sig required".to_owned());
        }
        // The registry looks for the node before it reads the badge.
        self.must_be_registered()
            .map_err(|text| format!("submit_badge: registry: {text}"))?;
        let (provider, kid) = check_badge(badge).map_err(|text| {
            format!(
                "submit_badge: registry: badge verification failed: badgeverify: malformed \
                 badge: {text}"
            )
        })?;
        if !self.lenient() {
            return Err(format!(
                "submit_badge: registry: badge verification failed: badgeverify: {}",
                unpinned(kid)
            ));
        }
        let body = object! {
            "node_id": self.identity.node_id, "provider": provider, "type": "submit_badge_ok",
        };
        Ok(Some(Reply::Json(Command::SubmitBadge, body)))
    }

    pub(super) fn enroll_recovery(&mut self, enrollment: &str, enrollment_sig: &str) -> Answer<'_> {
        if enrollment.is_empty() || enrollment_sig.is_empty() {
            return Err("enroll_recovery: enrollment and enrollment_sig required".to_owned());
        }
        let kid = check_enrollment(enrollment).map_err(|text| {
            format!("enroll_recovery: bad enrollment: badgeverify: malformed badge: {text}")
        })?;
        if !self.lenient() {
            return Err(format!(
                "enroll_recovery: registry: enrollment verification failed: badgeverify: {}",
                unpinned(kid)
            ));
        }
        let body = object! {"node_id": self.identity.node_id, "type": "enroll_recovery_ok"};
        Ok(Some(Reply::Json(Command::EnrollRecovery, body)))
    }
}

fn unpinned(kid: &str) -> String {
    format!(
        "no pinned issuer key for badge kid: kid={}",
        quote(kid.as_bytes())
    )
}

/// Checks `pilotbadge:v1:<node>:<provider>:<verified_at>:<exp>:<kid>:<subject>`; gives the
/// provider and the kid.
fn check_badge(badge: &str) -> Result<(&str, &str), String> {
    let fields: Vec<&str> = badge.split(':').collect();
    let &[prefix, version, node, provider, verified_at, exp, kid, _] = &fields[..] else {
        return Err(format!("want 8 fields, got {}", fields.len()));
    };
    if prefix != "pilotbadge" {
        return Err(format!("bad prefix {}", quote(prefix.as_bytes())));
    }
    check_version(version)?;
    number("node_id", "ParseUint", node, u64::from(u32::MAX))?;
    number("verified_at", "ParseInt", verified_at, i64::MAX as u64)?;
    number("exp", "ParseInt", exp, i64::MAX as u64)?;
    if provider.is_empty() {
        return Err("provider is required".to_owned());
    }
    if kid.is_empty() {
        return Err("kid is required".to_owned());
    }
    Ok((provider, kid))
}

/// Checks `pilotenroll:v1:<node>:<provider>:<commitment>:<issued_at>:<kid>`; gives the kid.
fn check_enrollment(enrollment: &str) -> Result<&str, String> {
    let fields: Vec<&str> = enrollment.split(':').collect();
    let &[prefix, version, node, provider, commitment, issued_at, kid] = &fields[..] else {
        return Err(format!("enrollment wants 7 fields, got {}", fields.len()));
    };
    if prefix != "pilotenroll" {
        return Err(format!(
            "not an enrollment (prefix {})",
            quote(prefix.as_bytes())
        ));
    }
    check_version(version)?;
    if [node, provider, commitment, issued_at, kid].contains(&"") {
        return Err("enrollment has empty required field".to_owned());
    }
    number("node_id", "ParseUint", node, u64::from(u32::MAX))?;
    number("issued_at", "ParseInt", issued_at, i64::MAX as u64)?;
    Ok(kid)
}

fn check_version(version: &str) -> Result<(), String> {
    if version == "v1" {
        return Ok(());
    }
    Err(format!("unsupported version {}", quote(version.as_bytes())))
}

/// Refuses what Go's strconv would not take as a number up to `max`, in its words.
fn number(field: &str, call: &str, text: &str, max: u64) -> Result<(), String> {
    let why = if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        "invalid syntax"
    } else if text.parse::<u64>().is_ok_and(|value| value <= max) {
        return Ok(());
    } else {
        "value out of range"
    };
    let text = quote(text.as_bytes());
    Err(format!("{field}: strconv.{call}: parsing {text}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn badges() {
        let good = "pilotbadge:v1:7:github:1:0:k1:me";
        assert_eq!(check_badge(good), Ok(("github", "k1")));
        for (bad, text) in [
            ("x", "want 8 fields, got 1"),
            ("badge:v1:7:g:1:0:k:", "bad prefix \"badge\""),
            ("pilotbadge:v2:7:g:1:0:k:", "unsupported version \"v2\""),
            (
                "pilotbadge:v1:x:g:1:0:k:",
                "node_id: strconv.ParseUint: parsing \"x\": invalid syntax",
            ),
            (
                "pilotbadge:v1:4294967296:g:1:0:k:",
                "node_id: strconv.ParseUint: parsing \"4294967296\": value out of range",
            ),
            ("pilotbadge:v1:7::1:0:k:", "provider is required"),
            ("pilotbadge:v1:7:g:1:0::", "kid is required"),
        ] {
            assert_eq!(check_badge(bad), Err(text.to_owned()));
        }
    }

    #[test]
    fn enrollments() {
        assert_eq!(check_enrollment("pilotenroll:v1:1:2:3:4:5"), Ok("5"));
        for (bad, text) in [
            ("x", "enrollment wants 7 fields, got 1"),
            (
                "enroll:v1:1:2:3:4:5",
                "not an enrollment (prefix \"enroll\")",
            ),
            ("pilotenroll:v9:1:2:3:4:5", "unsupported version \"v9\""),
            (
                "pilotenroll:v1:1::3:4:5",
                "enrollment has empty required field",
            ),
        ] {
            assert_eq!(check_enrollment(bad), Err(text.to_owned()));
        }
    }
}
