//! The keys of every object of a scenario, for the reader, its suggestions and the reference. `comment` is a key
//! of each.

macro_rules! objects {
    ($( $object:ident $name:literal $($key:literal)*; )*) => {
        $( pub(super) const $object: &[&str] = &[$($key),*]; )*

        /// All objects in the order of the reference, with what it calls them.
        #[cfg(test)]
        pub(super) const OBJECTS: &[(&str, &[&str])] = &[$(($name, $object)),*];
    };
}

objects! {
    SCENARIO "scenario" "version" "profile" "seed" "dial_timeout" "clock" "node" "peers" "networks"
        "pending" "invites" "rules" "timeline" "expect" "unexpected";
    NODE "node" "node_id" "hostname" "tags" "admin_token" "public";
    PEER "peer" "node_id" "hostname" "public" "trusted" "latency" "services";
    SERVICE "service" "say";
    NETWORK "network" "id" "name" "join_rule" "token" "members" "managed" "enterprise";
    PENDING "pending" "node_id" "justification";
    INVITE "invite" "network_id" "inviter_id";
    RULE "rule" "name" "on" "client" "when" "skip" "times" "scope" "state" "then" "delay" "reply"
        "patch" "error" "payload" "fault" "push";
    TEST "test" "not" "in" "min" "max" "contains" "starts_with";
    DATA "data" "base64" "hex" "repeat" "bytes";
    DELAY "delay" "min" "max";
    FAULT "fault" "truncate" "slow" "length" "command" "stall";
    SLOW "slow" "bytes" "every";
    PUSH "push" "recv_from" "accept" "recv" "close" "raw" "peer" "after" "to";
    RECV_FROM "recv_from" "from" "to_port" "data";
    ACCEPT "accept" "port" "from" "service" "say";
    RECV "recv" "conn" "data";
    CLOSE "close" "conn";
    RAW "raw" "command" "data";
    ACT "act" "node_id" "does" "justification" "network_id";
    SERIES "timeline" "at" "on" "when" "after" "every" "count" "push";
    EXPECTATION "expectation" "on" "when" "times" "in_order";
    TIMES "times" "min" "max";
    WANTED "step" "on" "when";
}

/// Faults that are a word.
pub(super) const FAULTS: &[&str] = &[
    "no_reply",
    "close",
    "duplicate",
    "garbage",
    "refuse",
    "reset",
];

/// What a listed peer does on a port, beside saying something.
pub(super) const SERVICES: &[&str] = &["echo", "discard", "refuse", "hang"];

/// What an accepted peer does.
pub(super) const ACCEPTED: &[&str] = &["echo", "discard"];

/// Who gets a push, beside a client's number.
pub(super) const TO: &[&str] = &["binder", "all", "requester"];

/// What a peer does to the node.
pub(super) const ACTS: &[&str] = &[
    "handshake",
    "approve",
    "reject",
    "revoke",
    "invite",
    "leave",
];

/// How strict the node is.
pub(super) const PROFILES: &[&str] = &["lenient", "faithful"];

/// What becomes of a request that no expectation names.
pub(super) const UNEXPECTED: &[&str] = &["ignore", "fail"];

/// Whose matches and state count.
pub(super) const SCOPES: &[&str] = &["daemon", "client"];

/// Who may join a network.
pub(super) const JOIN_RULES: &[&str] = &["open", "token", "invite"];
