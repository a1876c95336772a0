//! Tokens of a match expression.

use super::{Fault, Op};
use crate::go::quote::quote;

/// A token and the character it starts at.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number's literal.
    Number(String),
    /// A string's text.
    Text(String),
    Name(String),
    /// An operator, a keyword, or a comma and its like.
    Operator(&'static str),
    Bracket(char),
    End,
}

impl Kind {
    /// The token as a parse error shows it.
    pub(super) fn shown(&self) -> String {
        let (kind, value) = match self {
            Kind::Number(literal) => ("Number", literal.clone()),
            Kind::Text(text) => ("String", text.clone()),
            Kind::Name(name) => ("Identifier", name.clone()),
            Kind::Operator(symbol) => ("Operator", symbol.to_string()),
            Kind::Bracket(bracket) => ("Bracket", bracket.to_string()),
            Kind::End => return "EOF".to_string(),
        };
        format!("{kind}({})", quote(value.as_bytes()))
    }
}

/// Longer ones before their beginnings.
const SYMBOLS: [&str; 27] = [
    "**", "&&", "!=", "==", "<=", ">=", "?.", "??", "||", "..", "#", ",", ":", ";", "%", "+", "-",
    "^", "*", "&", "!", "=", "<", ">", "?", "|", ".",
];

const KEYWORDS: [&str; 11] = [
    "in",
    "or",
    "and",
    "not",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "let",
    "if",
    "else",
];

/// Every token of `source`, the last being the end.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Fault> {
    let text: Vec<char> = source.chars().collect();
    let mut lexer = Lexer { text: &text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.blanks()?;
        let at = lexer.at;
        let Some(first) = lexer.peek(0) else {
            // The end is marked at the last character.
            let at = at.saturating_sub(1);
            let kind = Kind::End;
            tokens.push(Token { kind, at });
            return Ok(tokens);
        };
        let kind = lexer.token(first)?;
        tokens.push(Token { kind, at });
    }
}

struct Lexer<'a> {
    text: &'a [char],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn starts_with(&self, symbol: &str) -> bool {
        symbol
            .chars()
            .enumerate()
            .all(|(offset, character)| self.peek(offset) == Some(character))
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek(0).is_some_and(&wanted) {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    /// Passes over white space and comments.
    fn blanks(&mut self) -> Result<(), Fault> {
        loop {
            self.take_while(char::is_whitespace);
            if self.starts_with("//") {
                self.take_while(|character| character != '\n');
            } else if self.starts_with("/*") {
                self.at += 2;
                while !self.starts_with("*/") {
                    if self.at >= self.text.len() {
                        return Err(Fault::new(self.at, "unclosed comment"));
                    }
                    self.at += 1;
                }
                self.at += 2;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self, first: char) -> Result<Kind, Fault> {
        match first {
            '"' | '\'' => self.quoted(first),
            '`' => self.raw(),
            '0'..='9' => self.number(),
            '.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number(),
            '(' | ')' | '[' | ']' | '{' | '}' => {
                self.at += 1;
                Ok(Kind::Bracket(first))
            }
            '/' => {
                self.at += 1;
                Ok(Kind::Operator("/"))
            }
            '_' | '$' => Ok(self.name()),
            _ if first.is_alphabetic() => Ok(self.name()),
            _ => match SYMBOLS.iter().find(|symbol| self.starts_with(symbol)) {
                Some(symbol) => {
                    self.at += symbol.len();
                    Ok(Kind::Operator(symbol))
                }
                None => {
                    let code = u32::from(first);
                    let text = format!("unrecognized character: U+{code:04X} '{first}'");
                    Err(Fault::new(self.at, text))
                }
            },
        }
    }

    fn name(&mut self) -> Kind {
        let name = self.take_while(|character| {
            character == '_' || character == '$' || character.is_alphanumeric()
        });
        match KEYWORDS.iter().find(|keyword| **keyword == name) {
            Some(keyword) => Kind::Operator(keyword),
            None => Kind::Name(name),
        }
    }

    fn number(&mut self) -> Result<Kind, Fault> {
        let start = self.at;
        let radix = match (self.peek(0), self.peek(1)) {
            (Some('0'), Some('x')) => 16,
            (Some('0'), Some('o')) => 8,
            (Some('0'), Some('b')) => 2,
            _ => 10,
        };
        let digit = |character: char| character == '_' || character.is_digit(radix);
        if radix != 10 {
            self.at += 2;
        }
        self.take_while(digit);
        if radix == 10 {
            // Two points are a range, not a fraction.
            if self.peek(0) == Some('.') && self.peek(1) != Some('.') {
                self.at += 1;
                self.take_while(digit);
            }
            if matches!(self.peek(0), Some('e' | 'E')) {
                self.at += 1;
                if matches!(self.peek(0), Some('+' | '-')) {
                    self.at += 1;
                }
                self.take_while(digit);
            }
        }
        let glued = self
            .peek(0)
            .filter(|next| *next == '_' || *next == '$' || next.is_alphanumeric());
        let end = self.at + usize::from(glued.is_some());
        let literal: String = self.text[start..end].iter().collect();
        if glued.is_some() {
            let literal = quote(literal.as_bytes());
            return Err(Fault::new(self.at, format!("bad number syntax: {literal}")));
        }
        Ok(Kind::Number(literal))
    }

    fn raw(&mut self) -> Result<Kind, Fault> {
        self.at += 1;
        let text = self.take_while(|character| character != '`');
        if self.at >= self.text.len() {
            return Err(Fault::new(self.at, "literal not terminated"));
        }
        self.at += 1;
        Ok(Kind::Text(text))
    }

    fn quoted(&mut self, mark: char) -> Result<Kind, Fault> {
        let mut text = String::new();
        self.at += 1;
        loop {
            match self.peek(0) {
                None | Some('\n') => return Err(Fault::new(self.at, "literal not terminated")),
                Some('\\') => {
                    self.at += 1;
                    text.push(self.escape(mark)?);
                }
                Some(character) => {
                    self.at += 1;
                    if character == mark {
                        return Ok(Kind::Text(text));
                    }
                    text.push(character);
                }
            }
        }
    }

    fn escape(&mut self, mark: char) -> Result<char, Fault> {
        let simple = match self.peek(0) {
            Some('a') => '\x07',
            Some('b') => '\x08',
            Some('f') => '\x0c',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\x0b',
            Some('\\') => '\\',
            // Of the two quotes only the one around the literal.
            Some(character) if character == mark => mark,
            Some('x') => return self.code(1, 16, 2),
            Some('u') => return self.code(1, 16, 4),
            Some('U') => return self.code(1, 16, 8),
            Some('0'..='7') => return self.code(0, 8, 3),
            _ => return Err(Fault::new(self.at, "invalid char escape")),
        };
        self.at += 1;
        Ok(simple)
    }

    /// A character by its number of so many digits, behind so many letters.
    fn code(&mut self, letters: usize, radix: u32, digits: usize) -> Result<char, Fault> {
        self.at += letters;
        let mut code: u32 = 0;
        for _ in 0..digits {
            let digit = self
                .peek(0)
                .and_then(|character| character.to_digit(radix))
                .ok_or_else(|| Fault::new(self.at, "invalid char escape"))?;
            code = code.saturating_mul(radix).saturating_add(digit);
            self.at += 1;
        }
        // Three octal digits can say more than a byte holds.
        char::from_u32(code)
            .filter(|character| radix != 8 || u32::from(*character) < 256)
            .ok_or_else(|| Fault::new(self.at, "unable to unescape string"))
    }
}

/// A number's value, or what Go's conversion says against it.
pub(super) fn number(literal: &str) -> Result<Op, String> {
    let digits = literal.replace('_', "");
    let (kind, radix) = match digits.get(..2) {
        Some("0x") => ("hex", 16),
        Some("0o") => ("octal", 8),
        Some("0b") => ("binary", 2),
        _ if digits.contains(['.', 'e', 'E']) => {
            let problem = match digits.parse::<f64>() {
                Ok(number) if number.is_finite() => return Ok(Op::Float(number)),
                Ok(_) => "value out of range",
                Err(_) => "invalid syntax",
            };
            return Err(format!(
                "invalid float literal: strconv.ParseFloat: parsing {digits:?}: {problem}"
            ));
        }
        _ => ("integer", 10),
    };
    let magnitude = if radix == 10 { &digits } else { &digits[2..] };
    i64::from_str_radix(magnitude, radix)
        .map(Op::Int)
        .map_err(|error| {
            let problem = match error.kind() {
                std::num::IntErrorKind::PosOverflow => "value out of range",
                _ => "invalid syntax",
            };
            format!("invalid {kind} literal: strconv.ParseInt: parsing {digits:?}: {problem}")
        })
}

#[cfg(test)]
mod tests {
    use super::super::assert_errors;

    /// What the real `pilotctl policy validate` said.
    #[test]
    #[rustfmt::skip]
    fn lexical_errors() {
        assert_errors(&[
            ("\"\\x41\\n\\t\\\"\" == 'A", "literal not terminated (1:19)"),
            ("port == \"x", "literal not terminated (1:11)"),
            ("port == 0x", "invalid hex literal: strconv.ParseInt: parsing \"0x\": invalid syntax (1:10)"),
            ("port == 0b2", "bad number syntax: \"0b2\" (1:11)"),
            ("port == 0xg", "bad number syntax: \"0xg\" (1:11)"),
            ("1.x", "bad number syntax: \"1.x\" (1:3)"),
            ("1e+ == 1", "invalid float literal: strconv.ParseFloat: parsing \"1e+\": invalid syntax (1:5)"),
            ("1e5x", "bad number syntax: \"1e5x\" (1:4)"),
            ("\"a\\", "invalid char escape (1:4)"),
            ("\"\\u12\"", "invalid char escape (1:6)"),
            ("\"\\xZZ\"", "invalid char escape (1:4)"),
            ("\"\\400\"", "unable to unescape string (1:6)"),
            ("/* x", "unclosed comment (1:5)"),
            ("port /* a", "unclosed comment (1:10)"),
            ("a'b", "literal not terminated (1:4)"),
            ("port¬", "unrecognized character: U+00AC '¬' (1:5)"),
            ("\\", "unrecognized character: U+005C '\\' (1:1)"),
            ("~1", "unrecognized character: U+007E '~' (1:1)"),
            ("1 ~ 2", "unrecognized character: U+007E '~' (1:3)"),
            ("port == '\n'", "literal not terminated (1:10)"),
            ("\"abc", "literal not terminated (1:5)"),
            ("'abc", "literal not terminated (1:5)"),
            ("\"\\q\"", "invalid char escape (1:3)"),
            ("`abc", "literal not terminated (1:5)"),
            ("@", "unrecognized character: U+0040 '@' (1:1)"),
            ("1e == 1", "invalid float literal: strconv.ParseFloat: parsing \"1e\": invalid syntax (1:4)"),
            ("0xZ", "bad number syntax: \"0xZ\" (1:3)"),
            ("99999999999999999999", "invalid integer literal: strconv.ParseInt: parsing \"99999999999999999999\": value out of range (1:20)"),
            ("9223372036854775808 == 1", "invalid integer literal: strconv.ParseInt: parsing \"9223372036854775808\": value out of range (1:21)"),
            ("1abc", "bad number syntax: \"1a\" (1:2)"),
        ]);
    }
}
