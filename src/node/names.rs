//! Rules about hostnames and tags, with the registry's texts.

use crate::go::quote::quote;

const RESERVED: [&str; 3] = ["localhost", "backbone", "broadcast"];

/// Longest hostname or network name, in bytes. Source: registry.
const HOSTNAME_MAX: usize = 63;

/// Longest tag, in bytes. Source: registry.
const TAG_MAX: usize = 32;

/// Most tags of a node that the daemon takes. Source: the real daemon.
pub const TAGS_MAX: usize = 3;

/// Most tags of a network's member. Source: registry.
const MEMBER_TAGS_MAX: usize = 10;

/// Checks a hostname that is not empty.
///
/// # Errors
/// The registry's text.
pub fn check_hostname(name: &str) -> Result<(), String> {
    if name.len() > HOSTNAME_MAX {
        return Err("invalid hostname: hostname too long (max 63 chars)".to_owned());
    }
    if !is_label(name) {
        return Err(
            "invalid hostname: hostname must be lowercase alphanumeric with hyphens, \
                    start/end with alphanumeric"
                .to_owned(),
        );
    }
    if RESERVED.contains(&name) {
        return Err(format!(
            "invalid hostname: hostname {} is reserved",
            quote(name.as_bytes())
        ));
    }
    Ok(())
}

/// Checks a network's name.
///
/// # Errors
/// The registry's text.
pub fn check_network_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("network name required".to_owned());
    }
    if name.len() > HOSTNAME_MAX {
        return Err("network name too long (max 63 chars)".to_owned());
    }
    if !is_label(name) {
        return Err(
            "network name must be lowercase alphanumeric with hyphens, start/end with alphanumeric"
                .to_owned(),
        );
    }
    if name == "backbone" {
        return Err("network name \"backbone\" is reserved".to_owned());
    }
    Ok(())
}

/// A node's tags as the registry keeps them: one leading `#` stripped, later duplicates dropped.
///
/// # Errors
/// The registry's text for the first tag that breaks a rule.
pub fn normalise_tags(tags: &[String]) -> Result<Vec<String>, String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        let tag = tag.strip_prefix('#').unwrap_or(tag);
        if !kept.iter().any(|k| k == tag) {
            kept.push(tag.to_owned());
        }
    }
    for tag in &kept {
        if tag.is_empty() {
            return Err("empty tag not allowed".to_owned());
        }
        if tag.len() > TAG_MAX {
            return Err(format!(
                "tag {} too long (max 32 chars)",
                quote(tag.as_bytes())
            ));
        }
        check_tag_form(tag)?;
    }
    Ok(kept)
}

/// Checks a member's tags, which are kept as they are.
///
/// # Errors
/// The registry's text.
pub fn check_member_tags(tags: &[String]) -> Result<(), String> {
    if tags.len() > MEMBER_TAGS_MAX {
        return Err("too many member tags (max 10)".to_owned());
    }
    for tag in tags {
        if tag.is_empty() {
            return Err("empty tag not allowed".to_owned());
        }
        check_tag_form(tag)?;
    }
    Ok(())
}

fn check_tag_form(tag: &str) -> Result<(), String> {
    if is_label(tag) && tag.len() <= TAG_MAX {
        return Ok(());
    }
    Err(format!(
        "tag {} must be lowercase alphanumeric with hyphens",
        quote(tag.as_bytes())
    ))
}

/// Lower-case letters, digits and hyphens, no hyphen at either end.
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostnames() {
        for good in ["a", "123", "a-b", &"a".repeat(63)] {
            assert_eq!(check_hostname(good), Ok(()), "{good}");
        }
        for (bad, text) in [
            (&*"a".repeat(64), "hostname too long"),
            ("-a", "must be lowercase"),
            ("a-", "must be lowercase"),
            ("A", "must be lowercase"),
            ("a.b", "must be lowercase"),
            ("é", "must be lowercase"),
            ("localhost", "hostname \"localhost\" is reserved"),
        ] {
            let error = check_hostname(bad).expect_err(bad);
            assert!(error.contains(text), "{bad}: {error}");
        }
    }

    #[test]
    fn tags_are_stripped_and_their_duplicates_dropped() {
        let tags = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        assert_eq!(normalise_tags(&tags(&["#web"])), Ok(tags(&["web"])));
        assert_eq!(
            normalise_tags(&tags(&["a", "#a", "b"])),
            Ok(tags(&["a", "b"]))
        );
        assert!(normalise_tags(&tags(&[&"a".repeat(32)])).is_ok());
        for (bad, text) in [
            ("", "empty tag not allowed"),
            ("#", "empty tag not allowed"),
            (
                "WEB",
                "tag \"WEB\" must be lowercase alphanumeric with hyphens",
            ),
            (
                "a b",
                "tag \"a b\" must be lowercase alphanumeric with hyphens",
            ),
        ] {
            assert_eq!(normalise_tags(&tags(&[bad])), Err(text.to_owned()));
        }
        let long = normalise_tags(&tags(&[&"a".repeat(33)])).unwrap_err();
        assert!(long.ends_with("too long (max 32 chars)"), "{long}");
        assert!(check_member_tags(&tags(&["a", "a"])).is_ok());
        assert!(check_member_tags(&tags(&["#a"])).is_err());
        assert!(check_member_tags(&vec!["a".to_owned(); 11]).is_err());
    }
}
