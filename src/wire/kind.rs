//! What a request is called: its command, or what is left of one that no row of the table has.

use super::command::{Command, TABLE};
use super::decode::Decoded;

/// A kind of request that rules, expectations and the journal can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(u8);

/// Names beside those of the table: requests of an unknown byte, those of a family whose
/// sub-command is unknown or missing, and a client's arrival.
const OTHERS: [&str; 5] = ["unknown", "handshake", "network", "managed", "connect"];

const ROWS: u8 = TABLE.len() as u8;

impl Kind {
    /// A request whose byte no command has.
    pub const UNKNOWN: Kind = Kind(ROWS);
    /// A client's arrival.
    pub const CONNECT: Kind = Kind(ROWS + OTHERS.len() as u8 - 1);
    /// How many kinds there are; [`index`](Self::index) stays below it.
    pub const COUNT: usize = TABLE.len() + OTHERS.len();

    /// The kind of a decoded frame, malformed ones included.
    #[inline]
    pub fn of(decoded: &Decoded<'_>) -> Kind {
        match decoded {
            Ok(request) => request.command().into(),
            Err(malformed) => Kind::of_name(malformed.name),
        }
    }

    fn of_name(name: &str) -> Kind {
        if let Some(command) = Command::named(name) {
            return command.into();
        }
        let family = name.split('.').next().unwrap_or(name);
        let other = OTHERS.iter().position(|other| *other == family);
        other.map_or(Kind::UNKNOWN, |at| Kind(ROWS + at as u8))
    }

    /// A number below [`COUNT`](Self::COUNT), for tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The command, for kinds that are one.
    pub fn command(self) -> Option<Command> {
        TABLE.get(self.index()).map(|row| row.command)
    }

    /// The kind's name.
    pub fn name(self) -> &'static str {
        match TABLE.get(self.index()) {
            Some(row) => row.name,
            None => OTHERS[self.index() - TABLE.len()],
        }
    }

    /// Names of the fields that a well-formed request of this kind has.
    pub fn fields(self) -> &'static [&'static str] {
        match self.command() {
            Some(command) => command.row().fields,
            None if self == Kind::UNKNOWN => &["command", "bytes"],
            None => &[],
        }
    }

    /// Every kind, requests first.
    pub fn all() -> impl Iterator<Item = Kind> {
        (0..Kind::COUNT as u8).map(Kind)
    }
}

impl From<Command> for Kind {
    fn from(command: Command) -> Kind {
        Kind(command as u8)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u64);

const _: () = assert!(Kind::COUNT <= 64);

impl Kinds {
    /// Every request; a client's arrival is none.
    pub fn requests() -> Kinds {
        Kind::all().filter(|kind| *kind != Kind::CONNECT).collect()
    }

    /// The kinds that a name stands for: one, or a whole family. `None` when nothing has the name.
    pub fn named(name: &str) -> Option<Kinds> {
        let kinds: Kinds = Kind::all()
            .filter(|kind| {
                let own = kind.name();
                own == name || (own.starts_with(name) && own[name.len()..].starts_with('.'))
            })
            .collect();
        (!kinds.is_empty()).then_some(kinds)
    }

    /// Every name that [`named`](Self::named) knows, in the order of the table.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Kind::all().map(Kind::name)
    }

    /// The names of the set, families by theirs; `*` for every request.
    pub fn text(self) -> String {
        if self == Kinds::requests() {
            return "*".to_owned();
        }
        let mut names: Vec<&str> = Vec::new();
        for kind in self.iter() {
            let name = kind.name();
            let family = name.split('.').next().unwrap_or(name);
            let whole = Kinds::named(family).filter(|all| all.union(self) == self);
            let name = whole.map_or(name, |_| family);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(", ")
    }

    /// Whether a kind is in the set.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind.0) != 0
    }

    /// Whether no kind is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in either set.
    pub fn union(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// The kinds in the set.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::all().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Kinds {
        Kinds(kinds.into_iter().fold(0, |set, kind| set | 1 << kind.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::decode;
    use crate::wire::frame::Frame;

    fn kind_of(code: u8, payload: &[u8]) -> &'static str {
        Kind::of(&decode(Frame { code, payload })).name()
    }

    #[test]
    fn what_cannot_be_decoded_keeps_its_name() {
        assert_eq!(kind_of(0x01, &[0, 80]), "bind");
        assert_eq!(kind_of(0x01, &[0]), "bind");
        assert_eq!(kind_of(0x7E, &[]), "unknown");
        assert_eq!(kind_of(0x0F, &[]), "handshake");
        assert_eq!(kind_of(0x23, &[5, 9, 0, 0]), "managed");
    }

    #[test]
    fn families_name_all_their_sub_commands() {
        let family = Kinds::named("handshake").unwrap();
        assert_eq!(family.iter().count(), 8);
        assert!(family.contains(Command::HandshakeWait.into()));
        assert_eq!(Kinds::named("bind").unwrap().iter().count(), 1);
        assert_eq!(Kinds::named("handshak"), None);
        assert_eq!(Kinds::named("send").unwrap().iter().count(), 1);
        assert!(!Kinds::requests().contains(Kind::CONNECT));
        let bind = Kinds::named("bind").unwrap();
        assert_eq!(family.union(bind).text(), "bind, handshake");
        assert_eq!(
            Kinds::named("handshake.wait").unwrap().text(),
            "handshake.wait"
        );
        assert_eq!(Kinds::requests().text(), "*");
    }
}
