//! Differences that somebody decided on, with who says so.

use mockpilot::node::Profile;
use serde_json::json;

use super::registry;
use super::rules::{Rule, field_ends, gone, got, in_request_order, is_rfc3339, new, replied};

/// Differences on purpose.
pub const DIFFERENCES: &[Rule] = &[
    Rule {
        name: "registry-texts",
        authority: "REGISTRY.md 3: the current registry's text for `registry: request failed`",
        times: Some(72),
        covers: |f| registry::explains_text(f),
    },
    Rule {
        name: "old-registry-refused",
        authority: "REGISTRY.md 3: a current registry takes what the old one did not know",
        times: Some(6),
        covers: |f| {
            let taken = [
                "rotate/rotate",
                "rotate/rotate-extra",
                "network/poll",
                "network/members-0",
            ];
            let recorded = f.mismatch.recorded["body"].as_str().unwrap_or("");
            f.mismatch.field == "command"
                && taken.contains(&&*f.case)
                && recorded.ends_with("registry: request failed")
                && replied(f)
        },
    },
    Rule {
        name: "rotated-key",
        authority: "PROTOCOL.md 25: after a rotation, which the old registry refused, a new envelope \
                    does not verify",
        times: Some(6),
        covers: |f| {
            let as_told = match &*f.mismatch.field {
                "json.valid" => got(f) == false,
                "json.reason" => new(f) && got(f) == "reqsig: signature verification failed",
                "json.address" | "json.node_id" | "json.trusted" | "json.verified_via" => gone(f),
                _ => false,
            };
            f.case == "verify-envelope/new-envelope-after-rotate" && as_told
        },
    },
    Rule {
        name: "tags-deduplicated",
        authority: "REGISTRY.md 2: duplicates dropped",
        times: Some(2),
        covers: |f| f.case == "tags/dup" && f.mismatch.field == "json.tags.len()" && got(f) == 1,
    },
    Rule {
        name: "network-list-row-keys",
        authority: "REGISTRY.md 3: `created` and `enterprise` in every row, `members` never",
        times: Some(39),
        covers: |f| {
            f.mismatch.field.starts_with("json.networks[")
                && ((field_ends(f, "].created") && new(f) && got(f).is_u64())
                    || (field_ends(f, "].enterprise") && new(f) && got(f).is_boolean())
                    || (field_ends(f, "].members") && gone(f)))
        },
    },
    Rule {
        name: "member-row-keys",
        authority: "REGISTRY.md 3: `last_seen`, `public` and `role` in the rows of list_nodes",
        times: Some(10),
        covers: |f| {
            let as_told = match f.mismatch.field.rsplit("].").next() {
                Some("last_seen") => is_rfc3339(got(f)),
                Some("public") => got(f) == true,
                Some("role") => got(f) == "member",
                Some("real_addr") => got(f).is_string(),
                _ => false,
            };
            f.mismatch.field.starts_with("json.nodes[") && new(f) && as_told
        },
    },
    Rule {
        name: "member-order",
        authority: "REGISTRY.md 3: order of joining; our b is in network 1 from the start",
        times: Some(8),
        covers: |f| {
            let swapped = match &*f.mismatch.field {
                "json.nodes[0].address" => got(f) == "1:0001.0000.0002",
                "json.nodes[1].address" => got(f) == "1:0001.0000.0001",
                "json.nodes[0].hostname" => got(f) == "beta",
                "json.nodes[1].hostname" => got(f) == "alpha",
                "json.nodes[0].node_id" => got(f) == 2,
                "json.nodes[1].node_id" => got(f) == 1,
                "json.nodes[0].real_addr" => got(f) == "127.0.0.1:4002",
                "json.nodes[1].real_addr" => got(f) == "127.0.0.1:4001",
                _ => false,
            };
            f.case == "net2/members-1" && swapped
        },
    },
    Rule {
        name: "invite-without-status",
        authority: "PRODUCT.md 3: an invite's reply has a status only when it is already_invited",
        times: Some(1),
        covers: |f| {
            f.case.starts_with("net2/invite-")
                && f.mismatch.field == "json.status"
                && f.mismatch.recorded == "invited"
                && gone(f)
        },
    },
    Rule {
        name: "stand-in-registry",
        authority: "REGISTRY.md 3: the recorded stand-in took what a current registry refuses, or had a \
                    text of its own",
        times: Some(4),
        covers: |f| registry::explains_stand_in(f),
    },
    Rule {
        name: "member-tags-cleared",
        authority: "REGISTRY.md 3: clearing member tags answers null",
        times: Some(1),
        covers: |f| {
            f.case == "managed2/tags-set-empty"
                && f.mismatch.field == "json.tags"
                && f.mismatch.got.is_null()
        },
    },
    Rule {
        name: "member-tags-of-all",
        authority: "REGISTRY.md 3: target 0 answers `members`, and neither tags nor target",
        times: Some(3),
        covers: |f| {
            let as_told = match &*f.mismatch.field {
                "json.members" => new(f) && *got(f) == json!({"1": [], "2": ["web", "prod"]}),
                "json.tags" | "json.target_node_id" => gone(f),
                _ => false,
            };
            f.case == "managed2/tags-get-node-0" && as_told
        },
    },
    Rule {
        name: "no-pinned-key",
        authority: "PROTOCOL.md 0.3: a well-formed enrollment is refused in the faithful profile",
        times: Some(1),
        covers: |f| {
            f.case == "enroll3/prefix-pilotenroll:v1"
                && f.mismatch.field == "command"
                && f.mismatch.got["body"]
                    == "enroll_recovery: registry: enrollment verification failed: badgeverify: no \
                        pinned issuer key for badge kid: kid=\"5\""
        },
    },
    Rule {
        name: "two-daemons-in-one",
        authority: "the ports that b's clients have bound are our one daemon's: 6000 and 6100",
        times: Some(8),
        covers: |f| {
            f.scene == "2 streams"
                && f.mismatch.field == "json.ports"
                && f.mismatch.recorded == 4
                && f.mismatch.got == 6
        },
    },
    Rule {
        name: "hanging-dial-text",
        authority: "PROTOCOL.md 0.3: a dial that hangs ends after dial_timeout with the real text",
        times: Some(2),
        covers: |f| {
            f.mismatch.field == "text"
                && f.mismatch.recorded == "dial timeout: key exchange with peer did not complete"
                && f.mismatch.got == "dial timeout"
        },
    },
    Rule {
        name: "replies-in-request-order",
        authority: "PROTOCOL.md 0.3: replies go out in request order, but for those that wait",
        times: Some(10),
        covers: |f| f.mismatch.field == "order" && in_request_order(f),
    },
    Rule {
        name: "stream-ids-without-gaps",
        authority: "PRODUCT.md 3: stream ids count up from 1, none is spent on the daemon's own streams",
        times: Some(62),
        covers: |f| f.mismatch.field == "stream id" && f.mismatch.got["next"] == true,
    },
    Rule {
        name: "small-chunks-not-joined",
        authority: "PROTOCOL.md 06: boundaries are not kept, and joining small chunks was a race",
        times: Some(2),
        covers: |f| {
            f.case == "stream/a-sends-20-small-frames-back-to-back"
                && f.mismatch.field == "chunks"
                && *got(f) == json!(vec![3; 20])
        },
    },
    Rule {
        name: "lenient-keeps-chunks",
        authority: "PROTOCOL.md 0.3: a stream keeps the sender's chunks in the lenient profile",
        times: Some(9),
        covers: |f| {
            f.profile == Profile::Lenient
                && f.mismatch.field == "chunks"
                && f.mismatch
                    .got
                    .as_array()
                    .is_some_and(|sizes| sizes.len() == 1)
        },
    },
    Rule {
        name: "lenient-rebind",
        authority: "PROTOCOL.md 0.3: rebinding by the client that holds the port succeeds leniently",
        times: Some(2),
        covers: |f| {
            let cases = [
                "bind/bind-5000-again-same-client",
                "pipeline/20-mixed-local",
            ];
            f.profile == Profile::Lenient
                && cases.contains(&&*f.case)
                && f.mismatch.field == "command"
                && replied(f)
        },
    },
];
