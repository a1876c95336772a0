//! What a current registry says where the recorded one said `request failed`, or where a stand-in
//! stood for it. Source: REGISTRY.md, sections 1 to 3.

use super::talk::Finding;

const FAILED: &str = "request failed";

/// By case, what stands for `request failed`.
const TEXTS: &[(&str, &str)] = &[
    (
        "resolve/resolve-alpha-self",
        r#"hostname "alpha" not found"#,
    ),
    ("resolve/resolve-unknown", r#"hostname "nosuch" not found"#),
    ("resolve/resolve-nul", r#"hostname "be\x00ta" not found"#),
    ("resolve/resolve-invalid-utf8", r#"hostname "��" not found"#),
    ("resolve/resolve-long", LONG_HOSTNAME),
    ("resolve/resolve-upper", r#"hostname "BETA" not found"#),
    (
        "hostname/set-taken",
        r#"hostname "beta" already in use by node 2"#,
    ),
    ("hostname/set-space", BAD_HOSTNAME),
    (
        "hostname/set-64chars",
        "invalid hostname: hostname too long (max 63 chars)",
    ),
    ("hostname/set-leading-hyphen", BAD_HOSTNAME),
    ("hostname/set-trailing-hyphen", BAD_HOSTNAME),
    ("hostname/set-underscore", BAD_HOSTNAME),
    ("hostname/set-dot", BAD_HOSTNAME),
    ("hostname/set-utf8", BAD_HOSTNAME),
    (
        "hostname/resolve-alpha-after-clear",
        r#"hostname "alpha" not found"#,
    ),
    (
        "tags/upper",
        r#"tag "WEB" must be lowercase alphanumeric with hyphens"#,
    ),
    (
        "tags/space",
        r#"tag "a b" must be lowercase alphanumeric with hyphens"#,
    ),
    ("tags/empty-tag", "empty tag not allowed"),
    (
        "tags/long-tag-33",
        r#"tag "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" too long (max 32 chars)"#,
    ),
    (
        "submit-badge/both-garbage",
        "badge verification failed: badgeverify: malformed badge: want 8 fields, got 1",
    ),
    ("prefer-direct/unknown-node", "node 4242: node not found"),
    ("prefer-direct/zero", "node 0: node not found"),
    ("network/join-1-no-token", "network 1: network not found"),
    ("network/join-1-token", "network 1: network not found"),
    ("network/join-0", "cannot join the backbone network"),
    ("network/join-unknown", "network 99: network not found"),
    ("network/leave-0", "cannot leave the backbone network"),
    ("network/leave-99", "network 99: network not found"),
    ("network/members-99", "network 99: network not found"),
    ("network/invite-99", "network 99: network not found"),
    ("network/respond-99-accept", "network 99: network not found"),
    ("network/respond-99-reject", "network 99: network not found"),
    ("network/respond-99-flag2", "network 99: network not found"),
    ("managed/tags-get", "network 1: network not found"),
    ("managed/tags-set", "network 1: network not found"),
    ("broadcast/net1-admin", "network 1: network not found"),
    ("broadcast/net99-admin", "network 99: network not found"),
    ("deregister/resolve-self", r#"hostname "alpha" not found"#),
    ("deregister/set-hostname-after", "node 1: node not found"),
    ("deregister/set-tags-after", "node 1: node not found"),
    ("deregister/visibility-after", "node 1: node not found"),
    ("deregister/rotate-after", "node 1: node not found"),
    (
        "handshake-flow/a-sends-to-unknown",
        "node 4242: node not found",
    ),
    ("handshake-flow/a-sends-to-0", "node 0: node not found"),
    (
        "dial/a-dials-unknown-node-4242",
        "node 4242: node not found",
    ),
    ("dial/a-dials-node-0", "node 0: node not found"),
    (
        "dial/a-dials-broadcast-node",
        "node 4294967295: node not found",
    ),
    ("datagram/confirm-unknown-node", "node 4242: node not found"),
    ("datagram/confirm-node-0", "node 0: node not found"),
    ("private-node/a-dials-c-no-trust", "node 3: node not found"),
    ("private-node/confirm-c-no-trust", "node 3: node not found"),
    (
        "pipeline/registry-then-local",
        r#"hostname "nosuch" not found"#,
    ),
];

const BAD_HOSTNAME: &str = "invalid hostname: hostname must be lowercase alphanumeric with hyphens, \
                            start/end with alphanumeric";

/// Of 300 letters x.
const LONG_HOSTNAME: &str = concat!(
    r#"hostname ""#,
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    r#"" not found"#
);

/// By case, what stands for the stand-in's whole answer.
const STAND_IN: &[(&str, &str)] = &[
    (
        "net2/invite-b-to-2",
        "network invite: registry: enterprise feature: requires enterprise network",
    ),
    (
        "net2/b-respond-3-again",
        "network respond-invite: registry: no pending invite for node 2 to network 3",
    ),
    (
        "net2/b-respond-2-reject",
        "network respond-invite: registry: enterprise feature: requires enterprise network",
    ),
    (
        "badge2/submit-badge-ok",
        "submit_badge: registry: badge verification failed: badgeverify: malformed badge: want 8 fields, got 1",
    ),
];

/// Whether the recorded text is the old registry's and ours is the current one's.
pub fn explains_text(f: &Finding) -> bool {
    let text = |v: &serde_json::Value| v.as_str().map(str::to_owned);
    let (Some(recorded), Some(got)) = (text(&f.mismatch.recorded), text(&f.mismatch.got)) else {
        return false;
    };
    let Some(prefix) = recorded.strip_suffix(FAILED) else {
        return false;
    };
    let texts = TEXTS.iter().filter(|(case, _)| *case == f.case);
    let mut texts = texts.map(|(_, text)| format!("{prefix}{text}"));
    ["text", "json.resolve_error"].contains(&&*f.mismatch.field) && texts.any(|text| text == got)
}

/// Whether the recorded answer is the stand-in's and ours is what a current registry says.
pub fn explains_stand_in(f: &Finding) -> bool {
    let body = match &*f.mismatch.field {
        "command" => &f.mismatch.got["body"],
        "text" => &f.mismatch.got,
        _ => return false,
    };
    STAND_IN
        .iter()
        .any(|(case, text)| *case == f.case && body == text)
}
