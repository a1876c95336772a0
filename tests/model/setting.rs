//! What a run starts from: the profile, the scenario, and the rule that the model has wrong on purpose.

use serde_json::{Value, json};

pub const OWN: u32 = 42;
/// A listed peer with services.
pub const BETA: u32 = 2;
/// A private one.
pub const GAMMA: u32 = 3;
/// One that takes its time.
pub const SLOW: u32 = 5;
/// One that is not listed and has asked for trust.
pub const ASKING: u32 = 9;
/// One that nobody has listed.
pub const STRANGER: u32 = 4242;
pub const EVERYBODY: u32 = u32::MAX;

/// Unix seconds at which the daemon's time stands, and the same in words.
pub const CLOCK: u64 = 1_800_000_000;
pub const CLOCK_TEXT: &str = "2027-01-15T08:00:00Z";

pub const TOKEN: &str = "s3cret";
pub const JOIN_TOKEN: &str = "letmein";

/// A rule that the model has wrong on purpose, to see that a run finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Closing an open stream gives its owner one 09, not two.
    CloseOnce,
    /// The ports of a client that has gone stay bound.
    PortsStay,
    /// A datagram reaches every client but its sender.
    NoLoop,
}

const WRONGS: [(Wrong, &str); 3] = [
    (Wrong::CloseOnce, "close-once"),
    (Wrong::PortsStay, "ports-stay"),
    (Wrong::NoLoop, "no-loop"),
];

/// What a run starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub lenient: bool,
    /// Whether an admin token is configured.
    pub token: bool,
    /// Whether a dial that hangs does so for the whole run.
    pub patient: bool,
    pub clients: usize,
    pub wrong: Option<Wrong>,
}

impl Setting {
    pub fn line(&self) -> String {
        let wrong = WRONGS.iter().find(|(wrong, _)| Some(*wrong) == self.wrong);
        format!(
            "setting profile={} token={} patient={} clients={} wrong={}",
            self.profile(),
            self.token,
            self.patient,
            self.clients,
            wrong.map_or("none", |(_, name)| name),
        )
    }

    pub fn read(line: &str) -> Option<Setting> {
        let mut values = line
            .strip_prefix("setting ")?
            .split(' ')
            .map(|word| word.split_once('='));
        let mut value = |key: &str| values.next()?.filter(|(k, _)| *k == key).map(|(_, v)| v);
        Some(Setting {
            lenient: value("profile")? == "lenient",
            token: value("token")?.parse().ok()?,
            patient: value("patient")?.parse().ok()?,
            clients: value("clients")?.parse().ok()?,
            wrong: value("wrong").map(|name| {
                let wrong = WRONGS.iter().find(|(_, n)| *n == name);
                wrong.map(|(wrong, _)| *wrong)
            })?,
        })
    }

    pub fn profile(&self) -> &'static str {
        if self.lenient { "lenient" } else { "faithful" }
    }

    pub fn scenario(&self) -> Value {
        let mut node = json!({"node_id": OWN, "hostname": "unit", "tags": ["ci"]});
        if self.token {
            node["admin_token"] = TOKEN.into();
        }
        json!({
            "version": 1, "profile": self.profile(), "clock": CLOCK,
            "dial_timeout": if self.patient { "1h" } else { "1ms" },
            "node": node,
            "peers": [
                {"node_id": BETA, "hostname": "beta", "services": {
                    "80": "echo", "9": "discard", "13": {"say": "hello\n"},
                    "99": "refuse", "98": "hang", "5001": "refuse"}},
                {"node_id": GAMMA, "hostname": "gamma", "public": false, "trusted": false,
                 "services": {"80": "echo"}},
                {"node_id": SLOW, "hostname": "epsilon", "latency": "1ms",
                 "services": {"80": "echo", "99": "refuse", "13": {"say": "hello\n"}}},
            ],
            "networks": [
                {"id": 7, "name": "lab", "join_rule": "token", "token": JOIN_TOKEN, "members": [BETA]},
                {"id": 8, "name": "open", "members": [BETA, 78]},
                {"id": 9, "name": "guests", "join_rule": "invite", "enterprise": true,
                 "members": [BETA]},
                {"id": 10, "name": "run", "managed": true, "members": [OWN, BETA]},
                {"id": 11, "name": "ours", "join_rule": "invite", "enterprise": true,
                 "members": [BETA, OWN]},
            ],
            "pending": [{"node_id": ASKING, "justification": "hi <&>"}],
            "invites": [{"network_id": 9, "inviter_id": BETA}],
        })
    }
}
