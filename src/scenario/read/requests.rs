//! Which requests: `on`, and the conditions on their fields.

use super::keys;
use super::reader::{Reader, some_of};
use super::text::{Content, Id};
use super::values::MAX_DATA;
use crate::nearest::nearest;
use crate::scenario::{Condition, Expected, Test, Wanted};
use crate::wire::Address;
use crate::wire::field::{FieldType, field_type};
use crate::wire::kind::{Kind, Kinds};

const ON: &str = "a command name, a list of them or \"*\"";

/// What `on` names.
#[derive(Clone, Debug, Default)]
pub(super) struct On {
    pub kinds: Kinds,
    pub any: bool,
    pub name: String,
}

impl Reader {
    /// An object's `on`; `None` after a mistake.
    pub fn on(&mut self, object: Id) -> Option<On> {
        let id = self.need(object, "on", ON)?;
        let names = match self.content(id) {
            Content::List(names) => names.clone(),
            Content::Text(text) if &**text == "*" => {
                return Some(On {
                    kinds: Kinds::requests(),
                    any: true,
                    name: "*".to_owned(),
                });
            }
            Content::Text(_) => vec![id],
            _ => {
                self.expected(id, ON);
                return None;
            }
        };
        if names.is_empty() {
            self.wrong(id, "an empty list, expected a command name in it");
            return None;
        }
        let mut on = On::default();
        let mut good = true;
        for id in names {
            let Content::Text(name) = self.content(id) else {
                self.expected(id, "a command name");
                good = false;
                continue;
            };
            match Kinds::named(name) {
                Some(kinds) => {
                    on.kinds = on.kinds.union(kinds);
                    if !on.name.is_empty() {
                        on.name.push_str(", ");
                    }
                    on.name.push_str(name);
                }
                None => {
                    let near = nearest(name, &mut Kinds::names());
                    let shown = self.shown(id);
                    let text = match near {
                        _ if &*shown == "\"*\"" => "\"*\" in a list, expected it alone".to_owned(),
                        Some(near) => format!("unknown command {shown}, did you mean {near:?}?"),
                        None => format!("unknown command {shown}, expected one such as \"dial\""),
                    };
                    self.wrong(id, &text);
                    good = false;
                }
            }
        }
        good.then_some(on)
    }

    /// An object's `on` and `when`; `None` after a mistake in `on`.
    pub fn wanted(&mut self, object: Id) -> Option<Wanted> {
        let on = self.on(object);
        let when = self.when(object, on.as_ref());
        let on = on?;
        Some(Wanted {
            place: self.place(object),
            on: on.kinds,
            name: on.name,
            when,
        })
    }

    /// An object's `when`: conditions on fields of requests that `on` names.
    pub fn when(&mut self, object: Id, on: Option<&On>) -> Vec<Condition> {
        let Some(id) = self.get(object, "when") else {
            return Vec::new();
        };
        if !matches!(self.content(id), Content::Object(_)) {
            self.expected(id, "an object with fields of the request");
        }
        let mut conditions = Vec::new();
        for member in self.members(id) {
            let field: Box<str> = self.tree.key(member).into();
            let Some(kind) = self.field(member, &field, on) else {
                continue;
            };
            if let Some(test) = self.test(member, &field, kind) {
                conditions.push(Condition { field, test });
            }
        }
        conditions
    }

    /// The type of a field that some named request has.
    fn field(&mut self, id: Id, field: &str, on: Option<&On>) -> Option<FieldType> {
        let all;
        let on = match on {
            Some(on) => on,
            None => {
                all = On {
                    kinds: Kinds::requests(),
                    ..On::default()
                };
                &all
            }
        };
        let mut known: Vec<&str> = Vec::new();
        for kind in on.kinds.iter().filter(|kind| *kind != Kind::CONNECT) {
            for name in kind.fields().iter().chain(&["malformed"]) {
                if !known.contains(name) {
                    known.push(name);
                }
            }
        }
        if known.contains(&field) {
            return field_type(field);
        }
        let text = match nearest(field, &mut known.iter().copied()) {
            Some(near) => format!("unknown field, did you mean {near:?}?"),
            None if known.is_empty() => format!("{} has no fields, expected none", on.name),
            // A family or everything has more fields than anybody reads.
            None if known.len() > 8 => "unknown field, expected one of the request".to_owned(),
            None => format!(
                "{} has no such field, expected {}",
                on.name,
                some_of(&known, "or")
            ),
        };
        self.wrong(id, &text);
        None
    }

    fn test(&mut self, id: Id, field: &str, kind: FieldType) -> Option<Test> {
        let operator = match self.content(id) {
            Content::Object(members) => {
                let key = |at: usize| members.get(at).map_or("", |id: &Id| self.tree.key(*id));
                match kind {
                    // A document may have any key; a policy has never one of these alone.
                    FieldType::Json => members.len() == 1 && matches!(key(0), "not" | "in"),
                    FieldType::Data | FieldType::Secret => !members
                        .iter()
                        .any(|id| keys::DATA.contains(&self.tree.key(*id))),
                    _ => true,
                }
            }
            _ => false,
        };
        if !operator {
            return self.value(id, field, kind).map(Test::Equal);
        }
        if !self.object(id, keys::TEST) {
            return None;
        }
        let parts = self.members(id);
        let Some(first) = parts.first().copied() else {
            self.wrong_fmt(
                id,
                format_args!("no operator, expected {}", some_of(keys::TEST, "or")),
            );
            return None;
        };
        let key = self.tree.key(first).to_owned();
        let range = |key: &str| matches!(key, "min" | "max");
        for other in &parts[1..] {
            if !(range(&key) && range(self.tree.key(*other))) {
                self.wrong(*other, &format!("beside {key:?}, expected one operator"));
                return None;
            }
        }
        match &*key {
            "not" => self.value(first, field, kind).map(Test::Not),
            "in" => {
                let items = self.list(first, "a list of values");
                if items.is_empty() && matches!(self.content(first), Content::List(_)) {
                    self.wrong(first, "an empty list, expected a value in it");
                }
                let mut values = Vec::new();
                for item in items {
                    values.extend(self.value(item, field, kind));
                }
                Some(Test::In(values))
            }
            "min" | "max" => self.range(id, field, kind),
            "contains" | "starts_with" => self.part(first, field, kind),
            _ => None,
        }
    }

    fn range(&mut self, id: Id, field: &str, kind: FieldType) -> Option<Test> {
        let ends = ["min", "max"].map(|key| self.get(id, key));
        if kind != FieldType::Number {
            for end in ends.into_iter().flatten() {
                self.wrong_fmt(
                    end,
                    format_args!("{field} is no number, expected min and max for numbers only"),
                );
            }
            return None;
        }
        let [min, max] = ends.map(|end| match self.value(end?, field, kind) {
            Some(Expected::Number(number)) => Some(number),
            _ => None,
        });
        if let (Some(low), Some(high)) = (min, max)
            && low > high
        {
            self.wrong_fmt(
                id,
                format_args!("min {low} is over max {high}, expected the smaller one first"),
            );
        }
        Some(Test::Range(min, max))
    }

    fn part(&mut self, id: Id, field: &str, kind: FieldType) -> Option<Test> {
        let starts = self.tree.key(id) == "starts_with";
        let part = match kind {
            FieldType::Text => self.name(id)?.into_bytes(),
            FieldType::List if !starts => self.text(id)?.into_bytes(),
            FieldType::Data | FieldType::Secret => {
                let data = self.data(id, MAX_DATA)?;
                if data.is_empty() {
                    self.wrong(id, "no bytes, expected some");
                    return None;
                }
                data
            }
            _ => {
                let what = if starts {
                    "text or data"
                } else {
                    "text, data or a list"
                };
                let key = if starts { "starts_with" } else { "contains" };
                self.wrong_fmt(
                    id,
                    format_args!("{field} is not {what}, expected {key} for that only"),
                );
                return None;
            }
        };
        Some(match starts {
            true => Test::StartsWith(part.into()),
            false => Test::Contains(part.into()),
        })
    }

    /// A value of the field's type.
    fn value(&mut self, id: Id, field: &str, kind: FieldType) -> Option<Expected> {
        Some(match kind {
            FieldType::Number if field == "max_skew_secs" => {
                let number = match self.content(id) {
                    Content::Number(literal) => literal.parse::<f64>().ok(),
                    _ => None,
                };
                let Some(number) = number.filter(|number| number.is_finite()) else {
                    self.expected(id, "a number");
                    return None;
                };
                Expected::Number(number)
            }
            FieldType::Number => {
                let high = match field {
                    "port" | "network" | "network_id" => u16::MAX.into(),
                    "command" => u8::MAX.into(),
                    "bytes" => MAX_DATA as u64,
                    _ => u32::MAX.into(),
                };
                Expected::Number(self.whole(id, "a number", 0, high)? as f64)
            }
            FieldType::Flag => Expected::Flag(self.flag(id)?),
            FieldType::Text => {
                let mut text = self.text(id)?;
                if field == "address" {
                    let Ok(address) = text.parse::<Address>() else {
                        self.expected(id, "an address such as \"1:0001.0002.0003\"");
                        return None;
                    };
                    text = address.to_string();
                }
                Expected::Bytes(text.into_bytes().into())
            }
            FieldType::Data | FieldType::Secret => Expected::Bytes(self.data(id, MAX_DATA)?.into()),
            FieldType::List => {
                if matches!(self.content(id), Content::Null) {
                    return Some(Expected::List(None));
                }
                let mut texts = Vec::new();
                for item in self.list(id, "a list of strings, or null") {
                    texts.extend(self.text(item));
                }
                Expected::List(Some(texts))
            }
            FieldType::Json => Expected::Json(self.json(id)?),
        })
    }
}
