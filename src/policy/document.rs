//! The policy document: decoding and the checks that come before any expression is looked at.

use std::collections::HashSet;

use crate::go::json::{Event as Token, Mismatch, Reader, find_key, unquote};
use crate::go::quote::quote;

/// The daemon's name for each event, in the order of [`Event`].
const EVENTS: [(&str, Event); 6] = [
    ("connect", Event::Connect),
    ("dial", Event::Dial),
    ("datagram", Event::Datagram),
    ("join", Event::Join),
    ("leave", Event::Leave),
    ("cycle", Event::Cycle),
];

/// Every action, with the parameters of which it needs one.
const ACTIONS: [(&str, &[&str]); 11] = [
    ("allow", &[]),
    ("deny", &[]),
    ("evict", &[]),
    ("log", &["message"]),
    ("tag", &["add", "remove"]),
    ("webhook", &["event"]),
    ("prune", &["count"]),
    ("fill", &["count"]),
    ("prune_trust", &["percent"]),
    ("fill_trust", &["target"]),
    (EVICT_WHERE, &["match"]),
];

/// The one action whose parameter is an expression.
pub(super) const EVICT_WHERE: &str = "evict_where";

/// What a rule can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection comes in.
    Connect,
    /// A connection goes out.
    Dial,
    /// A datagram is sent or received.
    Datagram,
    /// A peer joined the network.
    Join,
    /// A peer left the network.
    Leave,
    /// The managed network's periodic upkeep.
    Cycle,
}

/// A rule as the document has it.
#[derive(Debug, Default)]
pub(super) struct RuleText {
    pub(super) name: String,
    pub(super) on: String,
    pub(super) condition: String,
    pub(super) actions: Vec<ActionText>,
}

impl RuleText {
    /// The event that the rule is about, if its name is one.
    pub(super) fn event(&self) -> Option<Event> {
        let known = EVENTS.iter().find(|(name, _)| *name == self.on);
        known.map(|(_, event)| *event)
    }
}

/// An action as the document has it; of its parameters only the names, and the text of `match`, matter.
#[derive(Debug, Default)]
pub(super) struct ActionText {
    pub(super) kind: String,
    pub(super) params: Vec<String>,
    pub(super) condition: Option<String>,
}

/// The rules of a document that passed every check but that of its expressions.
///
/// # Errors
/// The daemon's text behind `parse policy: policy: `.
pub(super) fn rules(text: &[u8]) -> Result<Vec<RuleText>, String> {
    let mut decoder = Decoder {
        reader: Reader::new(text).map_err(invalid)?,
        mismatch: Mismatch::default(),
    };
    let (version, rules) = decoder.document();
    decoder.mismatch.finish(()).map_err(invalid)?;
    if version != 1 {
        return Err(format!("unsupported version {version} (want 1)"));
    }
    if rules.is_empty() {
        return Err("at least one rule is required".to_string());
    }
    let mut names = HashSet::new();
    for (index, rule) in rules.iter().enumerate() {
        if rule.name.is_empty() {
            return Err(format!("rule[{index}]: name is required"));
        }
        let name = quote(rule.name.as_bytes());
        if !names.insert(&rule.name) {
            return Err(format!("duplicate rule name {name}"));
        }
        check_rule(rule).map_err(|error| format!("rule {name}{error}"))?;
    }
    Ok(rules)
}

fn invalid(error: String) -> String {
    format!("invalid JSON: {error}")
}

fn check_rule(rule: &RuleText) -> Result<(), String> {
    if rule.event().is_none() {
        let event = quote(rule.on.as_bytes());
        return Err(format!(": unknown event type {event}"));
    }
    if rule.condition.is_empty() {
        return Err(": match expression is required".to_string());
    }
    if rule.actions.is_empty() {
        return Err(": at least one action is required".to_string());
    }
    for (index, action) in rule.actions.iter().enumerate() {
        let kind = &action.kind;
        let Some((_, needed)) = ACTIONS.iter().find(|(name, _)| name == kind) else {
            let kind = quote(kind.as_bytes());
            return Err(format!(" action[{index}]: unknown action type {kind}"));
        };
        let given = |name: &&str| action.params.iter().any(|param| param == name);
        if !needed.is_empty() && !needed.iter().any(given) {
            let needed: Vec<String> = needed.iter().map(|name| format!("'{name}'")).collect();
            let needed = needed.join(" or ");
            return Err(format!(" action[{index}]: {kind} requires {needed} param"));
        }
    }
    Ok(())
}

struct Decoder<'a> {
    reader: Reader<'a>,
    mismatch: Mismatch,
}

impl<'a> Decoder<'a> {
    fn document(&mut self) -> (i64, Vec<RuleText>) {
        let (mut version, mut rules) = (0, Vec::new());
        match self.reader.next() {
            Some(Token::BeginObject) => {}
            Some(Token::Null) | None => return (version, rules),
            Some(other) => {
                self.mismatch.value(&other, "policylang.PolicyDocument");
                return (version, rules);
            }
        }
        while let Some((key, value)) = self.member(&["version", "rules", "config"]) {
            match key {
                Some(0) => self.version(&value, &mut version),
                Some(1) => {
                    rules = self.list(&value, "PolicyDocument.rules", "Rule", Decoder::rule);
                }
                Some(_) => {
                    if !matches!(value, Token::Null | Token::BeginObject) {
                        self.misfit(&value, "PolicyDocument.config", "map[string]interface {}");
                    }
                    self.reader.pass(&value);
                }
                None => self.reader.pass(&value),
            }
        }
        (version, rules)
    }

    fn version(&mut self, value: &Token, version: &mut i64) {
        match value {
            Token::Null => {}
            Token::Number(literal) => match literal.parse() {
                Ok(number) => *version = number,
                Err(_) => {
                    let got = format!("number {literal}");
                    self.mismatch.field(&got, "PolicyDocument.version", "int");
                }
            },
            other => {
                self.misfit(other, "PolicyDocument.version", "int");
                self.reader.pass(other);
            }
        }
    }

    fn rule(&mut self) -> RuleText {
        let mut rule = RuleText::default();
        while let Some((key, value)) = self.member(&["name", "on", "match", "actions"]) {
            match key {
                Some(0) => self.text(&value, &mut rule.name, "Rule.rules.name", "string"),
                Some(1) => self.text(&value, &mut rule.on, "Rule.rules.on", "string"),
                Some(2) => self.text(&value, &mut rule.condition, "Rule.rules.match", "string"),
                Some(_) => {
                    rule.actions =
                        self.list(&value, "Rule.rules.actions", "Action", Decoder::action);
                }
                None => self.reader.pass(&value),
            }
        }
        rule
    }

    fn action(&mut self) -> ActionText {
        let mut action = ActionText::default();
        while let Some((key, value)) = self.member(&["type", "params"]) {
            let path = "Action.rules.actions";
            match key {
                Some(0) => {
                    let path = format!("{path}.type");
                    self.text(&value, &mut action.kind, &path, "policylang.ActionType");
                }
                Some(_) => match value {
                    Token::BeginObject => self.params(&mut action),
                    Token::Null => action.params.clear(),
                    other => {
                        let path = format!("{path}.params");
                        self.misfit(&other, &path, "map[string]interface {}");
                        self.reader.pass(&other);
                    }
                },
                None => self.reader.pass(&value),
            }
        }
        action
    }

    fn params(&mut self, action: &mut ActionText) {
        while let Some(Token::Key(key)) = self.reader.next() {
            let Some(value) = self.reader.next() else {
                return;
            };
            let name = unquote(key);
            if name == "match" {
                action.condition = match value {
                    Token::String(literal) => Some(unquote(literal)),
                    _ => None,
                };
            }
            action.params.push(name);
            self.reader.pass(&value);
        }
    }

    /// The next member of an object: which of `names` its key means, and the start of its value.
    fn member(&mut self, names: &[&str]) -> Option<(Option<usize>, Token<'a>)> {
        match self.reader.next() {
            Some(Token::Key(key)) => {
                let key = find_key(&unquote(key), names.iter().copied());
                Some((key, self.reader.next()?))
            }
            _ => None,
        }
    }

    fn text(&mut self, value: &Token, slot: &mut String, path: &str, go_type: &str) {
        match value {
            Token::Null => {}
            Token::String(literal) => *slot = unquote(literal),
            other => {
                self.misfit(other, path, go_type);
                self.reader.pass(other);
            }
        }
    }

    fn list<T: Default>(
        &mut self,
        value: &Token,
        path: &str,
        element: &str,
        decode: fn(&mut Self) -> T,
    ) -> Vec<T> {
        let mut list = Vec::new();
        match value {
            Token::BeginArray => {}
            Token::Null => return list,
            other => {
                self.misfit(other, path, &format!("[]policylang.{element}"));
                self.reader.pass(other);
                return list;
            }
        }
        while let Some(token) = self.reader.next() {
            match token {
                Token::EndArray => break,
                Token::BeginObject => list.push(decode(self)),
                Token::Null => list.push(T::default()),
                other => {
                    self.misfit(&other, path, &format!("policylang.{element}"));
                    self.reader.pass(&other);
                    list.push(T::default());
                }
            }
        }
        list
    }

    fn misfit(&mut self, got: &Token, path: &str, go_type: &str) {
        self.mismatch.field(got.kind(), path, go_type);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        rules(text.as_bytes()).err().unwrap_or_default()
    }

    #[test]
    #[rustfmt::skip]
    fn document_errors() {
        let cannot = |rest: &str| format!("invalid JSON: json: cannot unmarshal {rest}");
        for (text, wanted) in [
            ("", "invalid JSON: unexpected end of JSON input".to_string()),
            ("nope", "invalid JSON: invalid character 'o' in literal null (expecting 'u')".to_string()),
            ("{}", "unsupported version 0 (want 1)".to_string()),
            ("null", "unsupported version 0 (want 1)".to_string()),
            (r#"{"version":-1}"#, "unsupported version -1 (want 1)".to_string()),
            (r#"{"version":1,"rules":null}"#, "at least one rule is required".to_string()),
            (r#"{"VERSION":1,"Rules":[],"x":{}}"#, "at least one rule is required".to_string()),
            (r#"{"version":1,"rules":[null]}"#, "rule[0]: name is required".to_string()),
            ("[]", cannot("array into Go value of type policylang.PolicyDocument")),
            ("true", cannot("bool into Go value of type policylang.PolicyDocument")),
            (r#"{"version":"1"}"#, cannot("string into Go struct field PolicyDocument.version of type int")),
            (r#"{"version":1.5}"#, cannot("number 1.5 into Go struct field PolicyDocument.version of type int")),
            (
                r#"{"config":[1],"rules":1}"#,
                cannot("array into Go struct field PolicyDocument.config of type map[string]interface {}", )),
            (
                r#"{"rules":{}}"#,
                cannot("object into Go struct field PolicyDocument.rules of type []policylang.Rule", )),
            (r#"{"rules":[1]}"#, cannot("number into Go struct field PolicyDocument.rules of type policylang.Rule")),
            (r#"{"rules":[{"name":1}]}"#, cannot("number into Go struct field Rule.rules.name of type string")),
            (r#"{"rules":[{"match":true}]}"#, cannot("bool into Go struct field Rule.rules.match of type string")),
            (
                r#"{"rules":[{"actions":{}}]}"#,
                cannot("object into Go struct field Rule.rules.actions of type []policylang.Action", )),
            (r#"{"rules":[{"actions":[[]]}]}"#, cannot("array into Go struct field Rule.rules.actions of type policylang.Action")),
            (
                r#"{"rules":[{"actions":[{"type":1}]}]}"#,
                cannot("number into Go struct field Action.rules.actions.type of type policylang.ActionType", )),
            (
                r#"{"rules":[{"actions":[{"params":[]}]}]}"#,
                cannot("array into Go struct field Action.rules.actions.params of type map[string]interface {}", )),
        ] {
            assert_eq!(error(text), wanted, "{text}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn rule_errors() {
        let rule = |name, on, condition, actions| {
            format!(r#"{{"name":"{name}","on":"{on}","match":"{condition}","actions":{actions}}}"#)
        };
        let allow = r#"[{"type":"allow"}]"#;
        for (rule, wanted) in [
            (rule("r1", "zzz", "", "[]"), r#"rule "r1": unknown event type "zzz""#),
            (rule("r1", "join", "", "[]"), r#"rule "r1": match expression is required"#),
            (rule("r1", "leave", "x", "[]"), r#"rule "r1": at least one action is required"#),
            (rule("r1", "dial", "x", "null"), r#"rule "r1": at least one action is required"#),
            (rule("r1", "dial", "x", "[null]"), r#"rule "r1" action[0]: unknown action type """#),
            (rule("r1", "cycle", "x", r#"[{"type":"allow"},{"type":"log"}]"#), r#"rule "r1" action[1]: log requires 'message' param"#),
            (rule("r1", "cycle", "x", r#"[{"type":"tag","params":{"x":1}}]"#), r#"rule "r1" action[0]: tag requires 'add' or 'remove' param"#),
            (
                rule(
                    "r1",
                    "cycle",
                    "x",
                    r#"[{"type":"tag","params":{"add":null}}]"#,
                ),
                "",
            ),
            (rule("r1", "cycle", "x", r#"[{"type":"prune_trust"}]"#), r#"rule "r1" action[0]: prune_trust requires 'percent' param"#),
            (rule("r1", "connect", "((", allow), ""),
            (
                format!("{0},{0}", rule("r1", "connect", "x", allow)),
                r#"duplicate rule name "r1""#,
            ),
        ] {
            let text = format!(r#"{{"version":1,"rules":[{rule}]}}"#);
            assert_eq!(error(&text), wanted, "{text}");
        }
    }

    #[test]
    fn decoded_rules() {
        let text = br#"{"version":1,"config":{"cycle":"24h"},"rules":[{"name":"r","on":"cycle","match":"true",
            "actions":[{"type":"evict_where","params":{"a":{"match":1},"match":"x"}},{"type":"deny"}]}]}"#;
        let rules = rules(text).unwrap();
        assert_eq!(rules[0].event(), Some(Event::Cycle));
        assert_eq!(rules[0].condition, "true");
        assert_eq!(rules[0].actions[0].params, ["a", "match"]);
        assert_eq!(rules[0].actions[0].condition.as_deref(), Some("x"));
        assert_eq!(rules[0].actions[1].kind, "deny");
    }
}
