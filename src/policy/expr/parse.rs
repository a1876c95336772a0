//! From tokens to steps in the order of their execution: operators wait on a stack until their operands are out.

use super::lex::{Kind, Token, number};
use super::{Binary, Fault, Op, Step, Unary};

/// How many nodes an expression may have (the daemon's own limit).
const MAX_NODES: usize = 10_000;

/// Functions of the language that are left out here.
#[rustfmt::skip]
const LEFT_OUT: [&str; 68] = [
    "all", "none", "any", "one", "filter", "map", "find", "findIndex", "findLast", "findLastIndex",
    "count", "sum", "groupBy", "sortBy", "reduce", "type", "abs", "ceil", "floor", "round", "int",
    "float", "string", "trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "splitAfter",
    "replace", "repeat", "join", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "max", "min",
    "mean", "median", "toJSON", "fromJSON", "toBase64", "fromBase64", "now", "date", "timezone",
    "first", "last", "get", "take", "keys", "values", "toPairs", "fromPairs", "reverse", "uniq",
    "concat", "flatten", "sort", "bitand", "bitor", "bitxor", "bitnand", "bitshl", "bitshr", "$env",
];

/// The functions that are there.
pub(super) const FUNCTIONS: [&str; 3] = ["len", "has_tag", "duration"];

/// What waits for an operand or for its end.
enum Pending {
    Prefix(Unary),
    Infix(Binary),
    Group,
    Array(usize),
    Index,
    Call(String, usize),
    /// `?`, waiting for `:`.
    Then,
    /// `:`, waiting for the end of the expression.
    Else,
}

/// The steps of an expression.
pub(super) fn parse(tokens: Vec<Token>) -> Result<Vec<Step>, Fault> {
    let mut parser = Parser {
        tokens,
        next: 0,
        steps: Vec::new(),
        pending: Vec::new(),
        in_array: false,
    };
    // Whether an operand that can be indexed has just ended; none while one is awaited.
    let mut operand: Option<bool> = None;
    loop {
        operand = match operand {
            None => parser.operand()?,
            Some(indexable) => match parser.operator(indexable)? {
                Next::Operand => None,
                Next::Operator => Some(true),
                Next::End => return Ok(parser.steps),
            },
        };
    }
}

enum Next {
    Operand,
    Operator,
    End,
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    steps: Vec<Step>,
    pending: Vec<(Pending, usize)>,
    /// Whether an array has begun and not ended.
    in_array: bool,
}

impl Parser {
    /// Takes the next token; the last one, the end, is given again and again.
    fn take(&mut self) -> (Kind, usize) {
        let last = self.tokens.len().saturating_sub(1);
        let Some(token) = self.tokens.get_mut(self.next.min(last)) else {
            return (Kind::End, 0);
        };
        self.next += 1;
        (std::mem::replace(&mut token.kind, Kind::End), token.at)
    }

    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    /// Where the next token starts, which is the place that the daemon blames for some faults.
    fn next_at(&self) -> usize {
        let token = self.tokens.get(self.next).or(self.tokens.last());
        token.map_or(0, |token| token.at)
    }

    fn push(&mut self, op: Op, at: usize) -> Result<(), Fault> {
        if self.steps.len() >= MAX_NODES {
            let text = "compilation failed: expression exceeds maximum allowed nodes";
            return Err(Fault::new(self.next_at(), text));
        }
        self.steps.push(Step { op, at });
        Ok(())
    }

    /// Takes an operand, or something that begins one; returns whether it can be indexed if it is complete.
    fn operand(&mut self) -> Result<Option<bool>, Fault> {
        let (kind, at) = self.take();
        match kind {
            Kind::Number(literal) => {
                let op = number(&literal).map_err(|error| Fault::new(self.next_at(), error))?;
                self.push(op, at)?;
                Ok(Some(false))
            }
            Kind::Text(text) => self.push(Op::Str(text), at).map(|()| Some(true)),
            Kind::Name(name) => self.name(name, at),
            Kind::Operator(symbol) => {
                let unary = match symbol {
                    "-" => Unary::Minus,
                    "+" => Unary::Plus,
                    "!" => Unary::Bang,
                    "not" => Unary::Not,
                    "let" | "if" => return Err(unsupported(at, symbol)),
                    ":" if matches!(self.pending.last(), Some((Pending::Then, _))) => {
                        return Err(unsupported(at, "?:"));
                    }
                    _ => return Err(unexpected(&kind, at)),
                };
                self.pending.push((Pending::Prefix(unary), at));
                Ok(None)
            }
            Kind::Bracket('(') => {
                self.pending.push((Pending::Group, at));
                Ok(None)
            }
            Kind::Bracket('[') => {
                if self.in_array {
                    return Err(Fault::unsupported(at, "an array inside an array"));
                }
                self.in_array = true;
                self.pending.push((Pending::Array(0), at));
                Ok(None)
            }
            Kind::Bracket('{') => Err(Fault::unsupported(at, "a map")),
            // An empty list, or one that ends in a comma.
            Kind::Bracket(bracket @ (')' | ']')) => match (self.pending.last(), bracket) {
                (Some((Pending::Array(_), _)), ']') | (Some((Pending::Call(..), _)), ')') => {
                    self.close(0, &kind, at).map(Some)
                }
                _ => Err(unexpected(&kind, at)),
            },
            Kind::Bracket(_) | Kind::End => Err(unexpected(&kind, at)),
        }
    }

    fn name(&mut self, name: String, at: usize) -> Result<Option<bool>, Fault> {
        let op = match &*name {
            "true" => Op::Bool(true),
            "false" => Op::Bool(false),
            "nil" => Op::Nil,
            _ if LEFT_OUT.contains(&&*name) => return Err(unsupported(at, &name)),
            _ if self.peek() == Some(&Kind::Bracket('(')) => {
                self.take();
                self.push(Op::Callee(name.clone()), at)?;
                self.pending.push((Pending::Call(name, 0), at));
                // A comma may end a list of arguments, but not begin it.
                return match self.peek() {
                    Some(Kind::Operator(",")) => {
                        let (kind, at) = self.take();
                        Err(unexpected(&kind, at))
                    }
                    _ => Ok(None),
                };
            }
            _ if FUNCTIONS.contains(&&*name) => {
                return Err(Fault::unsupported(at, "a function that is not called"));
            }
            _ => Op::Name(name),
        };
        let indexable = matches!(op, Op::Name(_));
        self.push(op, at)?;
        Ok(Some(indexable))
    }

    /// Takes what may follow an operand.
    fn operator(&mut self, indexable: bool) -> Result<Next, Fault> {
        let (kind, at) = self.take();
        match kind {
            Kind::End => {
                self.finish_operators()?;
                match self.pending.is_empty() {
                    true => Ok(Next::End),
                    false => Err(unexpected(&kind, at)),
                }
            }
            Kind::Bracket('[') if indexable => {
                self.pending.push((Pending::Index, at));
                Ok(Next::Operand)
            }
            Kind::Bracket(')' | ']') => {
                self.finish_operators()?;
                self.close(1, &kind, at).map(|_| Next::Operator)
            }
            Kind::Operator("." | "?.") if indexable => {
                let (name, at) = self.take();
                let Kind::Name(name) = name else {
                    return Err(unexpected(&name, at));
                };
                self.push(Op::Member(name), at)?;
                Ok(Next::Operator)
            }
            Kind::Operator("?") => {
                self.reduce(0)?;
                self.push(Op::Condition, at)?;
                self.pending.push((Pending::Then, at));
                Ok(Next::Operand)
            }
            Kind::Operator(":") => {
                self.finish_operators()?;
                match self.pending.last_mut() {
                    Some((pending @ Pending::Then, _)) => *pending = Pending::Else,
                    Some((Pending::Index, _)) => return Err(Fault::unsupported(at, "a slice")),
                    _ => return Err(unexpected(&kind, at)),
                }
                Ok(Next::Operand)
            }
            Kind::Operator(",") => {
                self.finish_operators()?;
                match self.pending.last_mut() {
                    Some((Pending::Array(count) | Pending::Call(_, count), _)) => *count += 1,
                    _ => return Err(unexpected(&kind, at)),
                }
                Ok(Next::Operand)
            }
            Kind::Operator(symbol @ ("|" | "??" | ".." | ";" | "matches")) => {
                Err(unsupported(at, symbol))
            }
            Kind::Operator("not") => {
                let (negated, at) = self.take();
                match &negated {
                    Kind::Operator("matches") => Err(unsupported(at, "matches")),
                    Kind::Operator("in" | "contains" | "startsWith" | "endsWith") => {
                        self.infix(&negated, at, true)
                    }
                    _ => Err(unexpected(&negated, at)),
                }
            }
            Kind::Operator(_) => self.infix(&kind, at, false),
            _ => Err(unexpected(&kind, at)),
        }
    }

    fn infix(&mut self, kind: &Kind, at: usize, negated: bool) -> Result<Next, Fault> {
        let Some(binary) = binary(kind) else {
            return Err(unexpected(kind, at));
        };
        // What binds as tightly and came first is complete, but for the one operator that joins to the right.
        let reach = precedence(binary) + u8::from(matches!(binary, Binary::Power(_)));
        self.reduce(reach + 1)?;
        let last = self.pending.last().map(|(pending, _)| pending);
        if is_order(binary) && matches!(last, Some(Pending::Infix(last)) if is_order(*last)) {
            // The daemon reads `a < b < c` as `a < b and b < c`.
            return Err(Fault::unsupported(at, "a chain of comparisons"));
        }
        self.reduce(reach)?;
        if negated {
            self.pending.push((Pending::Prefix(Unary::Negate), at));
        }
        self.pending.push((Pending::Infix(binary), at));
        Ok(Next::Operand)
    }

    /// Moves the waiting operators that bind at least as tightly as `reach` to the steps.
    fn reduce(&mut self, reach: u8) -> Result<(), Fault> {
        while let Some(&(ref pending, at)) = self.pending.last() {
            let (op, tightness) = match *pending {
                Pending::Prefix(unary) => (Op::Unary(unary), tightness(unary)),
                Pending::Infix(binary) => (Op::Binary(binary), precedence(binary)),
                _ => return Ok(()),
            };
            if tightness < reach {
                return Ok(());
            }
            self.pending.pop();
            self.push(op, at)?;
        }
        Ok(())
    }

    /// Moves every waiting operator up to the nearest bracket or `?` to the steps.
    fn finish_operators(&mut self) -> Result<(), Fault> {
        self.reduce(0)?;
        while let Some(&(Pending::Else, at)) = self.pending.last() {
            self.pending.pop();
            self.push(Op::Choose, at)?;
            self.reduce(0)?;
        }
        Ok(())
    }

    /// Ends a bracket; `more` is 1 when an element stands before its end, 0 behind a comma or in an empty one.
    fn close(&mut self, more: usize, kind: &Kind, at: usize) -> Result<bool, Fault> {
        match (self.pending.pop(), kind) {
            (Some((Pending::Group, _)), Kind::Bracket(')')) => {}
            (Some((Pending::Array(count), at)), Kind::Bracket(']')) => {
                self.in_array = false;
                self.push(Op::Array(count + more), at)?;
            }
            (Some((Pending::Index, at)), Kind::Bracket(']')) => self.push(Op::Index, at)?,
            (Some((Pending::Call(name, count), at)), Kind::Bracket(')')) => {
                self.push(Op::Call(name, count + more), at)?;
            }
            _ => return Err(unexpected(kind, at)),
        }
        Ok(true)
    }
}

fn unexpected(kind: &Kind, at: usize) -> Fault {
    Fault::new(at, format!("unexpected token {}", kind.shown()))
}

fn unsupported(at: usize, symbol: &str) -> Fault {
    Fault::unsupported(at, &format!("{symbol:?}"))
}

fn binary(kind: &Kind) -> Option<Binary> {
    let &Kind::Operator(symbol) = kind else {
        return None;
    };
    Some(match symbol {
        "or" | "||" => Binary::Or(symbol),
        "and" | "&&" => Binary::And(symbol),
        "==" => Binary::Equal,
        "!=" => Binary::Unequal,
        "<" => Binary::Less,
        "<=" => Binary::LessOrEqual,
        ">" => Binary::Greater,
        ">=" => Binary::GreaterOrEqual,
        "in" => Binary::In,
        "contains" => Binary::Contains,
        "startsWith" => Binary::StartsWith,
        "endsWith" => Binary::EndsWith,
        "+" => Binary::Add,
        "-" => Binary::Subtract,
        "*" => Binary::Multiply,
        "/" => Binary::Divide,
        "%" => Binary::Remainder,
        "**" | "^" => Binary::Power(symbol),
        _ => return None,
    })
}

fn is_order(binary: Binary) -> bool {
    use Binary::*;
    matches!(binary, Less | LessOrEqual | Greater | GreaterOrEqual)
}

fn precedence(binary: Binary) -> u8 {
    use Binary::*;
    match binary {
        Or(_) => 10,
        And(_) => 15,
        Add | Subtract => 30,
        Multiply | Divide | Remainder => 60,
        Power(_) => 100,
        _ => 20,
    }
}

fn tightness(unary: Unary) -> u8 {
    match unary {
        Unary::Minus | Unary::Plus => 90,
        Unary::Bang | Unary::Not => 50,
        Unary::Negate => 20,
    }
}

#[cfg(test)]
mod tests {
    use super::super::assert_errors;

    /// What the real `pilotctl policy validate` said.
    #[test]
    #[rustfmt::skip]
    fn syntax_errors() {
        assert_errors(&[
            ("nil[0]", "unexpected token Bracket(\"[\") (1:4)"),
            ("true)", "unexpected token Bracket(\")\") (1:5)"),
            ("port \"d\"", "unexpected token String(\"d\") (1:6)"),
            ("has_tag(peer_tags \"a\")", "unexpected token String(\"a\") (1:19)"),
            ("peer_tags[0](1)", "unexpected token Bracket(\"(\") (1:13)"),
            ("peer_tags[0", "unexpected token EOF (1:11)"),
            ("}", "unexpected token Bracket(\"}\") (1:1)"),
            ("port == 1 ? ", "unexpected token EOF (1:12)"),
            ("port not", "unexpected token EOF (1:8)"),
            ("in [1]", "unexpected token Operator(\"in\") (1:1)"),
            ("port contains", "unexpected token EOF (1:13)"),
            ("else", "unexpected token Operator(\"else\") (1:1)"),
            ("1 == 1 and in", "unexpected token Operator(\"in\") (1:12)"),
            ("&& true", "unexpected token Operator(\"&&\") (1:1)"),
            ("^1", "unexpected token Operator(\"^\") (1:1)"),
            ("!", "unexpected token EOF (1:1)"),
            ("= 1", "unexpected token Operator(\"=\") (1:1)"),
            ("(port == 1\r\n) nosuch", "unexpected token Identifier(\"nosuch\") (2:3)"),
            ("port ==  \n", "unexpected token EOF (1:10)"),
            ("\t(", "unexpected token EOF (1:2)"),
            ("(\n", "unexpected token EOF (1:2)"),
            ("port == 1 port", "unexpected token Identifier(\"port\") (1:11)"),
            ("== 1", "unexpected token Operator(\"==\") (1:1)"),
            ("1)", "unexpected token Bracket(\")\") (1:2)"),
            ("[1,", "unexpected token EOF (1:3)"),
            ("#", "unexpected token Operator(\"#\") (1:1)"),
            ("1.2.3", "unexpected token Number(\".3\") (1:4)"),
            ("true ? true", "unexpected token EOF (1:11)"),
            ("port == 1 || ", "unexpected token EOF (1:13)"),
            ("true.x", "unexpected token Operator(\".\") (1:5)"),
            ("-", "unexpected token EOF (1:1)"),
            (",", "unexpected token Operator(\",\") (1:1)"),
            ("port,port", "unexpected token Operator(\",\") (1:5)"),
            ("port <=> 1", "unexpected token Operator(\">\") (1:8)"),
            ("port <> 1", "unexpected token Operator(\">\") (1:7)"),
            ("/ 1", "unexpected token Operator(\"/\") (1:1)"),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn left_out() {
        assert_errors(&[
            ("true ?: false", "\"?:\" is not supported by the mock (1:7)"),
            ("true ?? false", "\"??\" is not supported by the mock (1:6)"),
            ("port in 1..3", "\"..\" is not supported by the mock (1:10)"),
            ("'a' matches 'b'", "\"matches\" is not supported by the mock (1:5)"),
            ("all(peer_tags, # == 'a')", "\"all\" is not supported by the mock (1:1)"),
            ("let x = 1; true", "\"let\" is not supported by the mock (1:1)"),
            ("peer_tags[0:1]", "a slice is not supported by the mock (1:12)"),
            ("{}", "a map is not supported by the mock (1:1)"),
            ("[[1]] == nil", "an array inside an array is not supported by the mock (1:2)"),
            ("1 < 2 < 3", "a chain of comparisons is not supported by the mock (1:7)"),
            ("len == 1", "a function that is not called is not supported by the mock (1:1)"),
        ]);
    }
}
