//! Static types: every step gets one, and what does not fit is refused with the daemon's text.

use super::parse::FUNCTIONS;
use super::{Binary, Fact, Fault, Op, Scope, Step, Unary, fact};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Bool,
    Int,
    Float,
    Str,
    Nil,
    /// A fact's list of strings.
    Strings,
    /// A literal array; `Any` when its elements differ.
    List(&'static Type),
    /// Known at run time only.
    Any,
}

impl Type {
    /// The type as the daemon names it.
    fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float64",
            Type::Str => "string",
            Type::Nil | Type::Any => "unknown",
            Type::Strings => "[]string",
            Type::List(_) => "[]interface {}",
        }
    }

    fn may_be(self, wanted: Type) -> bool {
        self == wanted || self == Type::Any
    }

    fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::Float | Type::Any)
    }

    fn is_list(self) -> bool {
        matches!(self, Type::Strings | Type::List(_) | Type::Any)
    }

    /// The type of an array's elements when they all have this one.
    fn shared(self) -> &'static Type {
        match self {
            Type::Bool => &Type::Bool,
            Type::Int => &Type::Int,
            Type::Float => &Type::Float,
            Type::Str => &Type::Str,
            Type::Strings => &Type::Strings,
            Type::Nil | Type::List(_) | Type::Any => &Type::Any,
        }
    }

    fn element(self) -> Type {
        match self {
            Type::Strings => Type::Str,
            Type::List(element) => *element,
            _ => Type::Any,
        }
    }

    /// Whether values of both types can be compared for equality.
    fn compares_with(self, other: Type) -> bool {
        self == other
            || matches!(self, Type::Nil)
            || matches!(other, Type::Nil)
            || (self.is_number() && other.is_number())
            || (self.is_list() && other.is_list())
            || self == Type::Any
            || other == Type::Any
    }
}

/// A value that a step leaves, and where its expression is.
#[derive(Clone, Copy)]
struct Typed {
    kind: Type,
    at: usize,
}

/// Checks the types of a program and resolves its names.
pub(super) fn check(steps: &mut [Step], scope: Scope) -> Result<(), Fault> {
    let mut stack: Vec<Typed> = Vec::new();
    let mut divided_by_zero = None;
    for index in 0..steps.len() {
        let (before, rest) = steps.split_at_mut(index);
        let Some(step) = rest.first_mut() else { break };
        let at = step.at;
        let kind = match &mut step.op {
            Op::Nil => Type::Nil,
            Op::Bool(_) => Type::Bool,
            Op::Int(_) => Type::Int,
            Op::Float(_) => Type::Float,
            Op::Str(_) => Type::Str,
            Op::Fact(known) => fact_type(*known),
            Op::Name(name) => {
                let known = fact(name, scope).ok_or_else(|| unknown(name, at))?;
                step.op = Op::Fact(known);
                fact_type(known)
            }
            Op::Callee(name) => {
                if !FUNCTIONS.contains(&&**name) {
                    let known = fact(name, scope).ok_or_else(|| unknown(name, at))?;
                    let kind = fact_type(known).name();
                    return Err(Fault::new(at, format!("{kind} is not callable")));
                }
                continue;
            }
            Op::Call(name, count) => {
                let arguments = stack.split_off(stack.len().saturating_sub(*count));
                call(name, &arguments, at)?
            }
            Op::Array(count) => {
                let elements = stack.split_off(stack.len().saturating_sub(*count));
                let first = elements.first().map_or(Type::Any, |first| first.kind);
                let same = elements.iter().all(|element| element.kind == first);
                Type::List(if same { first.shared() } else { &Type::Any })
            }
            Op::Unary(unary) => {
                let operand = pop(&mut stack);
                unary_type(*unary, operand.kind, at)?
            }
            Op::Binary(binary) => {
                if let (Binary::Remainder, [.., left, right]) = (*binary, &*before)
                    && let (Op::Int(_), Op::Int(0)) = (&left.op, &right.op)
                {
                    let fault = || Fault::new(at, "integer divide by zero");
                    divided_by_zero.get_or_insert_with(fault);
                }
                let right = pop(&mut stack).kind;
                let left = pop(&mut stack).kind;
                binary_type(*binary, left, right, at)?
            }
            Op::Condition => {
                let condition = pop(&mut stack);
                stack.push(condition);
                if !condition.kind.may_be(Type::Bool) {
                    let kind = condition.kind.name();
                    let text = format!("non-bool expression (type {kind}) used as condition");
                    return Err(Fault::new(condition.at, text));
                }
                continue;
            }
            Op::Choose => {
                let otherwise = pop(&mut stack).kind;
                let then = pop(&mut stack).kind;
                pop(&mut stack);
                chosen(then, otherwise)
            }
            Op::Index => {
                let index = pop(&mut stack);
                let base = pop(&mut stack).kind;
                element(base, index, at)?
            }
            Op::Member(name) => {
                let base = pop(&mut stack).kind;
                let text = match base {
                    Type::Any => return Err(Fault::unsupported(at, "a field")),
                    Type::Strings | Type::List(_) => return Err(bad_index(Type::Str, at)),
                    other => format!("type {} has no field {name}", other.name()),
                };
                return Err(Fault::new(at, text));
            }
        };
        stack.push(Typed { kind, at });
    }
    let result = pop(&mut stack).kind;
    if !result.may_be(Type::Bool) {
        let text = format!("expected bool, but got {}", result.name());
        return Err(Fault { text, at: None });
    }
    // The daemon folds constants last, and only then finds this one.
    divided_by_zero.map_or(Ok(()), Err)
}

fn pop(stack: &mut Vec<Typed>) -> Typed {
    let nothing = Typed {
        kind: Type::Any,
        at: 0,
    };
    stack.pop().unwrap_or(nothing)
}

fn unknown(name: &str, at: usize) -> Fault {
    Fault::new(at, format!("unknown name {name}"))
}

fn fact_type(fact: Fact) -> Type {
    match fact {
        Fact::Direction => Type::Str,
        Fact::PeerAge | Fact::LastSeen => Type::Float,
        Fact::PeerTags | Fact::LocalTags => Type::Strings,
        _ => Type::Int,
    }
}

fn unary_type(unary: Unary, operand: Type, at: usize) -> Result<Type, Fault> {
    let fits = match unary {
        Unary::Minus | Unary::Plus => operand.is_number(),
        Unary::Bang | Unary::Not | Unary::Negate => operand.may_be(Type::Bool),
    };
    match (fits, unary) {
        (true, Unary::Minus | Unary::Plus) => Ok(operand),
        (true, _) => Ok(Type::Bool),
        (false, _) => {
            let (symbol, kind) = (unary.symbol(), operand.name());
            let text = format!("invalid operation: {symbol} (mismatched type {kind})");
            Err(Fault::new(at, text))
        }
    }
}

fn binary_type(binary: Binary, left: Type, right: Type, at: usize) -> Result<Type, Fault> {
    use Binary::*;
    let both = |wanted| left.may_be(wanted) && right.may_be(wanted);
    let numbers = left.is_number() && right.is_number();
    let result = match binary {
        Or(_) | And(_) if both(Type::Bool) => Some(Type::Bool),
        Equal | Unequal if left.compares_with(right) => Some(Type::Bool),
        Less | LessOrEqual | Greater | GreaterOrEqual if numbers || both(Type::Str) => {
            Some(Type::Bool)
        }
        In if right.is_list() => {
            let element = right.element();
            if left != Type::Nil && !left.compares_with(element) {
                let (left, element) = (left.name(), element.name());
                let text = format!("cannot use {left} as type {element} in array");
                return Err(Fault::new(at, text));
            }
            Some(Type::Bool)
        }
        Contains | StartsWith | EndsWith if both(Type::Str) => Some(Type::Bool),
        Add if left == Type::Any && right == Type::Any => Some(Type::Any),
        Add if both(Type::Str) => Some(Type::Str),
        Add | Subtract | Multiply if numbers => Some(match (left, right) {
            (Type::Int, Type::Int) => Type::Int,
            (Type::Any, _) | (_, Type::Any) => Type::Any,
            _ => Type::Float,
        }),
        Divide | Power(_) if numbers => Some(Type::Float),
        Remainder if both(Type::Int) => Some(Type::Int),
        _ => None,
    };
    result.ok_or_else(|| {
        let (symbol, left, right) = (binary.symbol(), left.name(), right.name());
        let text = format!("invalid operation: {symbol} (mismatched types {left} and {right})");
        Fault::new(at, text)
    })
}

fn chosen(then: Type, otherwise: Type) -> Type {
    match (then, otherwise) {
        (Type::Nil, other) | (other, Type::Nil) => other,
        (Type::List(_), Type::List(_)) if then != otherwise => Type::List(&Type::Any),
        _ if then == otherwise => then,
        _ => Type::Any,
    }
}

fn element(base: Type, index: Typed, at: usize) -> Result<Type, Fault> {
    if !base.is_list() {
        let (base, index) = (base.name(), index.kind.name());
        let text = format!("type {base}[{index}] is undefined");
        return Err(Fault::new(at, text));
    }
    if !index.kind.may_be(Type::Int) {
        return Err(bad_index(index.kind, index.at));
    }
    Ok(base.element())
}

fn bad_index(kind: Type, at: usize) -> Fault {
    let kind = kind.name();
    let text = format!("array elements can only be selected using an integer (got {kind})");
    Fault::new(at, text)
}

fn call(name: &str, arguments: &[Typed], at: usize) -> Result<Type, Fault> {
    let (wanted, result): (&[Type], Type) = match name {
        "has_tag" => (&[Type::Strings, Type::Str], Type::Bool),
        "duration" => (&[Type::Str], Type::Float),
        _ => return length(arguments, at),
    };
    let many = match arguments.len().cmp(&wanted.len()) {
        std::cmp::Ordering::Less => Some("not enough"),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some("too many"),
    };
    if let Some(many) = many {
        return Err(Fault::new(at, format!("{many} arguments to call {name}")));
    }
    for (argument, wanted) in arguments.iter().zip(wanted) {
        let (kind, wanted_name) = (argument.kind.name(), wanted.name());
        let text = match argument.kind {
            Type::Any => continue,
            kind if kind == *wanted => continue,
            Type::Nil => format!("cannot use nil as argument (type {wanted_name}) to call {name}"),
            // The space at the end is the daemon's.
            _ => format!("cannot use {kind} as argument (type {wanted_name}) to call {name} "),
        };
        return Err(Fault::new(argument.at, text));
    }
    Ok(result)
}

fn length(arguments: &[Typed], at: usize) -> Result<Type, Fault> {
    let text = match arguments {
        [argument] => match argument.kind {
            kind if kind.is_list() || kind == Type::Str => return Ok(Type::Int),
            Type::Nil => "invalid argument for len (type %!s(<nil>))".to_string(),
            other => format!("invalid argument for len (type {})", other.name()),
        },
        _ => {
            let got = arguments.len();
            format!("invalid number of arguments (expected 1, got {got})")
        }
    };
    Err(Fault::new(at, text))
}

#[cfg(test)]
mod tests {
    use super::super::assert_errors;

    /// What the real `pilotctl policy validate` said.
    #[test]
    #[rustfmt::skip]
    fn type_errors() {
        assert_errors(&[
            ("port in [true]", "cannot use int as type bool in array (1:6)"),
            ("not \"a\" in peer_tags", "invalid operation: not (mismatched type string) (1:1)"),
            ("port not in port", "invalid operation: in (mismatched types int and int) (1:10)"),
            ("nil < nil", "invalid operation: < (mismatched types unknown and unknown) (1:5)"),
            ("nil and true", "invalid operation: and (mismatched types unknown and bool) (1:5)"),
            ("-nil", "invalid operation: - (mismatched type unknown) (1:1)"),
            ("nil ? true : false", "non-bool expression (type unknown) used as condition (1:1)"),
            ("len(nil)", "invalid argument for len (type %!s(<nil>)) (1:1)"),
            ("peer_tags contains \"a\"", "invalid operation: contains (mismatched types []string and string) (1:11)"),
            ("\"a\" [0]", "type string[int] is undefined (1:5)"),
            ("(port)[0]", "type int[int] is undefined (1:7)"),
            ("a contains b", "unknown name a (1:1)"),
            (" + 1", "expected bool, but got int"),
            ("port ==\n\n  nosuch", "unknown name nosuch (3:3)"),
            ("port == 1 and\n nosuch == 2 and\n true", "unknown name nosuch (2:2)"),
            ("1.5", "expected bool, but got float64"),
            ("\"x\"", "expected bool, but got string"),
            ("[1]", "expected bool, but got []interface {}"),
            ("[\"a\"]", "expected bool, but got []interface {}"),
            ("[1,\"a\"]", "expected bool, but got []interface {}"),
            ("port", "expected bool, but got int"),
            ("true ? 1 : 2", "expected bool, but got int"),
            ("port + 1", "expected bool, but got int"),
            ("port % 2", "expected bool, but got int"),
            ("port ^ 2", "expected bool, but got float64"),
            ("port - 1.5", "expected bool, but got float64"),
            ("+port", "expected bool, but got int"),
            ("!1", "invalid operation: ! (mismatched type int) (1:1)"),
            ("!port", "invalid operation: ! (mismatched type int) (1:1)"),
            ("\"a\" + 1", "invalid operation: + (mismatched types string and int) (1:5)"),
            ("\"a\" - \"b\"", "invalid operation: - (mismatched types string and string) (1:5)"),
            ("port == \"a\"", "invalid operation: == (mismatched types int and string) (1:6)"),
            ("true == 1", "invalid operation: == (mismatched types bool and int) (1:6)"),
            ("port < \"a\"", "invalid operation: < (mismatched types int and string) (1:6)"),
            ("true < false", "invalid operation: < (mismatched types bool and bool) (1:6)"),
            ("port and true", "invalid operation: and (mismatched types int and bool) (1:6)"),
            ("1 or true", "invalid operation: or (mismatched types int and bool) (1:3)"),
            ("true && \"a\"", "invalid operation: && (mismatched types bool and string) (1:6)"),
            ("\"a\" in [1]", "cannot use string as type int in array (1:5)"),
            ("port in port", "invalid operation: in (mismatched types int and int) (1:6)"),
            ("\"a\" in \"abc\"", "invalid operation: in (mismatched types string and string) (1:5)"),
            ("port contains \"a\"", "invalid operation: contains (mismatched types int and string) (1:6)"),
            ("has_tag(peer_tags)", "not enough arguments to call has_tag (1:1)"),
            ("has_tag(peer_tags, 1)", "cannot use int as argument (type string) to call has_tag  (1:20)"),
            ("has_tag(\"a\", \"x\")", "cannot use string as argument (type []string) to call has_tag  (1:9)"),
            ("has_tag([], \"x\")", "cannot use []interface {} as argument (type []string) to call has_tag  (1:9)"),
            ("duration(\"1h\")", "expected bool, but got float64"),
            ("duration(1) > 5", "cannot use int as argument (type string) to call duration  (1:10)"),
            ("len(port)", "invalid argument for len (type int) (1:1)"),
            ("len(\"a\")", "expected bool, but got int"),
            ("len(1,2)", "invalid number of arguments (expected 1, got 2) (1:1)"),
            ("foo.bar", "unknown name foo (1:1)"),
            ("port[0]", "type int[int] is undefined (1:5)"),
            ("peer_tags[0]", "expected bool, but got string"),
            ("peer_tags[1.5]", "array elements can only be selected using an integer (got float64) (1:11)"),
            ("\"abc\"[0]", "type string[int] is undefined (1:6)"),
            ("peer_tags.x", "array elements can only be selected using an integer (got string) (1:11)"),
            ("not 1 == 1", "invalid operation: not (mismatched type int) (1:1)"),
            ("$", "unknown name $ (1:1)"),
            ("a$b", "unknown name a$b (1:1)"),
            ("port ? true : false", "non-bool expression (type int) used as condition (1:1)"),
            ("\"a\".b", "type string has no field b (1:5)"),
            ("has_tag()", "not enough arguments to call has_tag (1:1)"),
            ("1 + true", "invalid operation: + (mismatched types int and bool) (1:3)"),
            ("peer_tags + peer_tags", "invalid operation: + (mismatched types []string and []string) (1:11)"),
            ("-true", "invalid operation: - (mismatched type bool) (1:1)"),
            ("[1] + [2]", "invalid operation: + (mismatched types []interface {} and []interface {}) (1:5)"),
            ("peer_tags in peer_tags", "cannot use []string as type string in array (1:11)"),
            ("port in nil", "invalid operation: in (mismatched types int and unknown) (1:6)"),
            ("1 startsWith 1", "invalid operation: startsWith (mismatched types int and int) (1:3)"),
            ("! port == 1", "invalid operation: ! (mismatched type int) (1:1)"),
            ("é", "unknown name é (1:1)"),
            ("\"é\" + port", "invalid operation: + (mismatched types string and int) (1:5)"),
            ("port +\n\"a\"", "invalid operation: + (mismatched types int and string) (1:6)"),
            ("\"é\" == nosuch", "unknown name nosuch (1:8)"),
            ("[1,2,nosuch]", "unknown name nosuch (1:6)"),
            ("[true]", "expected bool, but got []interface {}"),
            ("[nil]", "expected bool, but got []interface {}"),
            ("1%0 == 1", "integer divide by zero (1:2)"),
            ("port % 1.5 == 0", "invalid operation: % (mismatched types int and float64) (1:6)"),
        ]);
    }
}
