//! Match expressions: compiled to a list of steps for a stack, so that neither compiling nor running recurses.

mod check;
mod eval;
mod lex;
mod parse;

use super::document::Event;

pub(super) use eval::Outcome;

/// The longest expression taken, in bytes (our own limit; the daemon has none but that on nodes).
const MAX_LENGTH: usize = 64 << 10;

/// A compiled expression of type bool.
#[derive(Debug)]
pub(super) struct Program {
    steps: Vec<Step>,
}

/// Where an expression stands, which decides the names it can use.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    /// A rule's `match`.
    Event(Event),
    /// The `match` of an `evict_where` action.
    EvictWhere,
}

impl Program {
    /// Compiles `source`.
    ///
    /// # Errors
    /// The daemon's text behind `match: `; of several lines when a place in the expression is to blame.
    pub(super) fn compile(source: &str, scope: Scope) -> Result<Program, String> {
        if source.len() > MAX_LENGTH {
            let length = source.len();
            return Err(format!(
                "an expression of {length} bytes is not supported by the mock (at most {MAX_LENGTH})"
            ));
        }
        let locate = |fault: Fault| fault.locate(source);
        let tokens = lex::tokens(source).map_err(locate)?;
        let mut steps = parse::parse(tokens).map_err(locate)?;
        check::check(&mut steps, scope).map_err(locate)?;
        Ok(Program { steps })
    }
}

/// What is wrong with an expression, and at which character.
#[derive(Debug)]
struct Fault {
    text: String,
    at: Option<usize>,
}

impl Fault {
    fn new(at: usize, text: impl Into<String>) -> Fault {
        Fault {
            text: text.into(),
            at: Some(at),
        }
    }

    fn unsupported(at: usize, what: &str) -> Fault {
        Fault::new(at, format!("{what} is not supported by the mock"))
    }

    /// The text with the line at fault and a mark under the place.
    fn locate(self, source: &str) -> String {
        let Some(at) = self.at else {
            return self.text;
        };
        let (mut line, mut column, mut start) = (1, 0, 0);
        for (byte, character) in source.char_indices().take(at) {
            column += 1;
            if character == '\n' {
                (line, column, start) = (line + 1, 0, byte + 1);
            }
        }
        let shown = source[start..].split('\n').next().unwrap_or_default();
        let shown = shown.replace('\t', " ");
        let dots = ".".repeat(column);
        let text = self.text;
        format!("{text} ({line}:{})\n | {shown}\n | {dots}^", column + 1)
    }
}

/// One step of a program, and the character of the expression that it comes from.
#[derive(Debug)]
struct Step {
    op: Op,
    at: usize,
}

/// What a step does to the stack of values.
#[derive(Debug)]
enum Op {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    /// A name that the check has not resolved yet.
    Name(String),
    Fact(Fact),
    /// Checks, before the arguments, that a name can be called; does nothing at run time.
    Callee(String),
    /// Calls with so many arguments.
    Call(String, usize),
    /// Makes an array of so many values.
    Array(usize),
    Unary(Unary),
    Binary(Binary),
    /// Checks, before the branches, that a condition is one; does nothing at run time.
    Condition,
    /// Condition, then, else.
    Choose,
    Index,
    Member(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unary {
    Minus,
    Plus,
    Bang,
    Not,
    /// The `not` of `not in`, which is not checked on its own.
    Negate,
}

impl Unary {
    fn symbol(self) -> &'static str {
        match self {
            Unary::Minus => "-",
            Unary::Plus => "+",
            Unary::Bang => "!",
            Unary::Not | Unary::Negate => "not",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binary {
    /// Spelt as given, for error texts: `or` or `||`.
    Or(&'static str),
    /// `and` or `&&`.
    And(&'static str),
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Contains,
    StartsWith,
    EndsWith,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    /// `**` or `^`.
    Power(&'static str),
}

impl Binary {
    fn symbol(self) -> &'static str {
        match self {
            Binary::Or(spelt) | Binary::And(spelt) | Binary::Power(spelt) => spelt,
            Binary::Equal => "==",
            Binary::Unequal => "!=",
            Binary::Less => "<",
            Binary::LessOrEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterOrEqual => ">=",
            Binary::In => "in",
            Binary::Contains => "contains",
            Binary::StartsWith => "startsWith",
            Binary::EndsWith => "endsWith",
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Remainder => "%",
        }
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    Port,
    PeerId,
    NetworkId,
    Size,
    Direction,
    Members,
    PeerAge,
    PeerTags,
    LocalTags,
    /// Facts about upkeep, which never runs here.
    CycleNumber,
    PeerCount,
    LastSeen,
}

/// The name, type and scopes of every fact.
fn fact(name: &str, scope: Scope) -> Option<Fact> {
    use Event::*;
    let found = match name {
        "port" => Fact::Port,
        "peer_id" => Fact::PeerId,
        "network_id" => Fact::NetworkId,
        "size" => Fact::Size,
        "direction" => Fact::Direction,
        "members" => Fact::Members,
        "peer_age_s" => Fact::PeerAge,
        "peer_tags" => Fact::PeerTags,
        "local_tags" => Fact::LocalTags,
        "cycle_num" => Fact::CycleNumber,
        "peer_count" => Fact::PeerCount,
        "last_seen" => Fact::LastSeen,
        _ => return None,
    };
    let known = match (found, scope) {
        (Fact::PeerId, _) => true,
        (Fact::PeerTags | Fact::PeerAge | Fact::LastSeen, Scope::EvictWhere) => true,
        (Fact::LastSeen, _) | (_, Scope::EvictWhere) => false,
        (Fact::NetworkId | Fact::LocalTags, Scope::Event(_)) => true,
        (Fact::Members, Scope::Event(event)) => event != Leave,
        (Fact::PeerTags | Fact::PeerAge, Scope::Event(event)) => !matches!(event, Join | Leave),
        (Fact::Port, Scope::Event(event)) => matches!(event, Connect | Dial | Datagram),
        (Fact::Size | Fact::Direction, Scope::Event(event)) => event == Datagram,
        (Fact::CycleNumber | Fact::PeerCount, Scope::Event(event)) => event == Cycle,
    };
    known.then_some(found)
}

/// Asserts the error of each expression in a rule about datagrams, without the lines that mark the place.
#[cfg(test)]
fn assert_errors(table: &[(&str, &str)]) {
    for (source, wanted) in table {
        let error = Program::compile(source, Scope::Event(Event::Datagram)).err();
        let shown = error
            .as_deref()
            .and_then(|error| error.split("\n | ").next());
        assert_eq!(shown, Some(*wanted), "{source}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATAGRAM: Scope = Scope::Event(Event::Datagram);

    #[test]
    #[rustfmt::skip]
    fn the_place_is_marked() {
        for (source, wanted) in [
            ("((", "unexpected token EOF (1:2)\n | ((\n | .^"),
            (" ", "unexpected token EOF (1:1)\n |  \n | ^"),
            ("port ==\n\n  nosuch", "unknown name nosuch (3:3)\n |   nosuch\n | ..^"),
            ("port ==  \n", "unexpected token EOF (1:10)\n | port ==  \n | .........^"),
            ("\"é\" == nosuch", "unknown name nosuch (1:8)\n | \"é\" == nosuch\n | .......^"),
            ("\t(", "unexpected token EOF (1:2)\n |  (\n | .^"),
            ("'a\nb'", "literal not terminated (1:3)\n | 'a\n | ..^"),
        ] {
            let error = Program::compile(source, DATAGRAM).err();
            assert_eq!(error.as_deref(), Some(wanted), "{source}");
        }
    }

    #[test]
    fn names_of_each_event() {
        use Event::*;
        for (name, events) in [
            ("port", &[Connect, Dial, Datagram][..]),
            ("peer_id", &[Connect, Dial, Datagram, Join, Leave, Cycle]),
            ("network_id", &[Connect, Dial, Datagram, Join, Leave, Cycle]),
            ("local_tags", &[Connect, Dial, Datagram, Join, Leave, Cycle]),
            ("members", &[Connect, Dial, Datagram, Join, Cycle]),
            ("peer_tags", &[Connect, Dial, Datagram, Cycle]),
            ("peer_age_s", &[Connect, Dial, Datagram, Cycle]),
            ("size", &[Datagram]),
            ("direction", &[Datagram]),
            ("cycle_num", &[Cycle]),
            ("peer_count", &[Cycle]),
            ("last_seen", &[]),
            ("nosuch", &[]),
        ] {
            for event in [Connect, Dial, Datagram, Join, Leave, Cycle] {
                let known = fact(name, Scope::Event(event)).is_some();
                assert_eq!(known, events.contains(&event), "{name} {event:?}");
            }
            let known = ["peer_id", "peer_tags", "peer_age_s", "last_seen"].contains(&name);
            assert_eq!(fact(name, Scope::EvictWhere).is_some(), known, "{name}");
        }
    }

    #[test]
    fn hostile_expressions_on_a_small_stack() {
        let run = || {
            for (source, compiles) in [
                (
                    format!("{}true{}", "(".repeat(30_000), ")".repeat(30_000)),
                    true,
                ),
                ("!".repeat(9_000) + "true", true),
                ("!".repeat(60_000) + "true", false),
                ("(".repeat(60_000), false),
                ("[".repeat(60_000), false),
                ("true?".repeat(10_000), false),
                ("true?true:".repeat(2_000) + "true", true),
                ("true and ".repeat(7_000) + "true", false),
                (format!("port in [{}1]", "1,".repeat(20_000)), false),
                ("2**".repeat(2_000) + "2 > 1", true),
                ("true ".repeat(20_000), false),
            ] {
                let program = Program::compile(&source, DATAGRAM);
                assert_eq!(program.is_ok(), compiles, "{}", &source[..20]);
                if let Ok(program) = program {
                    program.run(&Default::default());
                }
            }
        };
        let thread = std::thread::Builder::new().stack_size(128 << 10);
        thread.spawn(run).unwrap().join().unwrap();
    }
}
