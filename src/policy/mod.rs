//! Network policies: documents of rules that allow or deny connections, dials and datagrams.
//!
//! Documents are checked as the daemon checks them, with its texts. Match expressions are a subset of the
//! daemon's language (expr-lang): literals, names, operators, arrays, indexing, `?:`, and the functions `len`,
//! `has_tag` and `duration`. The rest of the language is refused with a text that says so.

mod document;
mod expr;

pub use document::Event;

use crate::go::{json, quote::quote};
use document::{ActionText, EVICT_WHERE};
use expr::{Outcome, Program, Scope};

/// What a match expression can ask about an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The port dialled or sent to (`port`).
    pub port: u16,
    /// The other node (`peer_id`).
    pub peer_id: u32,
    /// The network that the event belongs to (`network_id`).
    pub network_id: u16,
    /// The bytes of a datagram (`size`).
    pub size: u64,
    /// Which way a datagram goes, `in` or `out` (`direction`).
    pub direction: String,
    /// How many nodes the network has (`members`).
    pub members: u64,
    /// For how many seconds the peer has been known (`peer_age_s`).
    pub peer_age_s: f64,
    /// The peer's tags in the network (`peer_tags`).
    pub peer_tags: Vec<String>,
    /// The own node's tags in the network (`local_tags`).
    pub local_tags: Vec<String>,
}

/// A document that passed every check.
#[derive(Debug)]
pub struct Policy {
    text: String,
    rules: Vec<Rule>,
}

/// A rule that can decide something: one whose actions only log or tag is checked and then dropped.
#[derive(Debug)]
struct Rule {
    event: Event,
    condition: Program,
    denies: bool,
}

impl Policy {
    /// Checks a document and compiles its expressions.
    ///
    /// # Errors
    /// The daemon's text behind `managed policy set: `: from `parse policy: policy: ` or `compile policy: policy: ` on.
    pub fn parse(text: &[u8]) -> Result<Policy, String> {
        let sources =
            document::rules(text).map_err(|error| format!("parse policy: policy: {error}"))?;
        let mut rules = Vec::new();
        for source in sources {
            let rule = |error| {
                let name = quote(source.name.as_bytes());
                format!("compile policy: policy: rule {name} {error}")
            };
            let Some(event) = source.event() else {
                continue;
            };
            let condition = Program::compile(&source.condition, Scope::Event(event))
                .map_err(|error| rule(format!("match: {error}")))?;
            for (index, action) in source.actions.iter().enumerate() {
                check_condition(action).map_err(|error| rule(format!("action[{index}]{error}")))?;
            }
            let decides = |action: &&ActionText| matches!(&*action.kind, "allow" | "deny");
            if let Some(action) = source.actions.iter().find(decides) {
                rules.push(Rule {
                    event,
                    condition,
                    denies: action.kind == "deny",
                });
            }
        }
        let text = json::compact(text).map_err(|error| format!("parse policy: policy: {error}"))?;
        Ok(Policy { text, rules })
    }

    /// The document, compacted, with its own key order.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the policy forbids an event.
    ///
    /// The first rule for the event that matches and allows or denies decides, by the first such action it has;
    /// with none, the event is allowed. A rule whose expression fails (an index out of range) denies.
    pub fn denies(&self, event: Event, facts: &Facts) -> bool {
        for rule in self.rules.iter().filter(|rule| rule.event == event) {
            match rule.condition.run(facts) {
                Outcome::No => {}
                Outcome::Yes => return rule.denies,
                Outcome::Failed => return true,
            }
        }
        false
    }
}

/// Checks the expression that an `evict_where` action carries.
fn check_condition(action: &ActionText) -> Result<(), String> {
    if action.kind != EVICT_WHERE {
        return Ok(());
    }
    match action.condition.as_deref() {
        None | Some("") => Err(": evict_where match must be a string".to_string()),
        Some(condition) => Program::compile(condition, Scope::EvictWhere)
            .map(drop)
            .map_err(|error| format!(" evict_where match: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document of rules: event, expression, actions.
    fn document(rules: &[(&str, &str, &[&str])]) -> String {
        let rules: Vec<String> = rules
            .iter()
            .enumerate()
            .map(|(index, (on, condition, actions))| {
                let mut text = String::new();
                json::push_string(&mut text, condition);
                let actions: Vec<String> = actions
                    .iter()
                    .map(|kind| format!(r#"{{"type":"{kind}","params":{{"message":"m"}}}}"#))
                    .collect();
                let actions = actions.join(",");
                format!(r#"{{"name":"r{index}","on":"{on}","match":{text},"actions":[{actions}]}}"#)
            })
            .collect();
        format!(r#"{{"version":1,"rules":[{}]}}"#, rules.join(","))
    }

    #[test]
    #[rustfmt::skip]
    fn the_recorded_compile_errors() {
        for (condition, wanted) in [
            ("((", "unexpected token EOF (1:2)\n | ((\n | .^"),
            ("1+1", "expected bool, but got int"),
            ("nosuch == 1", "unknown name nosuch (1:1)\n | nosuch == 1\n | ^"),
        ] {
            let text = document(&[("connect", condition, &["allow"])]);
            let wanted = format!("compile policy: policy: rule \"r0\" match: {wanted}");
            assert_eq!(Policy::parse(text.as_bytes()).err(), Some(wanted));
        }
        let error = Policy::parse(b"{}").err();
        let wanted = "parse policy: policy: unsupported version 0 (want 1)";
        assert_eq!(error.as_deref(), Some(wanted));
    }

    #[test]
    fn the_text_is_compacted() {
        let text = br#"{ "version": 1, "rules": [ {"on":"dial", "name":"a<b", "match":"port == 80",
            "actions":[{"type":"deny"}]} ] }"#;
        let policy = Policy::parse(text).unwrap();
        let wanted = r#"{"version":1,"rules":[{"on":"dial","name":"a\u003cb","match":"port == 80","actions":[{"type":"deny"}]}]}"#;
        assert_eq!(policy.text(), wanted);
    }

    #[test]
    fn the_first_decision_counts() {
        let facts = Facts {
            port: 80,
            ..Facts::default()
        };
        for (rules, wanted) in [
            (&[("connect", "true", &["deny"][..])][..], true),
            (&[("dial", "true", &["deny"])], false),
            (&[("connect", "port == 81", &["deny"])], false),
            (
                &[
                    ("connect", "port == 80", &["allow"]),
                    ("connect", "true", &["deny"]),
                ],
                false,
            ),
            (
                &[
                    ("connect", "true", &["log"]),
                    ("connect", "true", &["deny"]),
                ],
                true,
            ),
            (&[("connect", "true", &["log", "deny", "allow"])], true),
            (&[("connect", "true", &["allow", "deny"])], false),
            (&[("connect", "peer_tags[5] == 'x'", &["allow"])], true),
        ] {
            let policy = Policy::parse(document(rules).as_bytes()).unwrap();
            assert_eq!(policy.denies(Event::Connect, &facts), wanted, "{rules:?}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn evict_where() {
        let policy = |param: &str| {
            let text = format!(
                r#"{{"version":1,"rules":[{{"name":"r","on":"cycle","match":"true",
                "actions":[{{"type":"evict_where","params":{{"match":{param}}}}}]}}]}}"#
            );
            Policy::parse(text.as_bytes()).err()
        };
        assert_eq!(
            policy("\"peer_age_s > 1 and has_tag(peer_tags, 'x')\""),
            None
        );
        let start = "compile policy: policy: rule \"r\" action[0]";
        for (param, wanted) in [
            ("1", ": evict_where match must be a string"),
            ("\"\"", ": evict_where match must be a string"),
            ("\"1\"", " evict_where match: expected bool, but got int"),
            ("\"port > 1\"", " evict_where match: unknown name port (1:1)\n | port > 1\n | ^"),
        ] {
            assert_eq!(policy(param), Some(format!("{start}{wanted}")));
        }
    }
}
