//! Where the functions of a Go source file begin and end, as `go tool cover` finds them.

/// A function with a body. Lines and columns, in bytes, count from 1; the end is behind the last brace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) name: Vec<u8>,
    pub(super) start: (u64, u64),
    pub(super) end: (u64, u64),
}

/// A token, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a [u8]),
    /// A number, string or rune.
    Literal,
    Sign(u8),
    /// The end of a statement: a semicolon, or a line's end where Go puts one.
    End,
}

/// The functions of a file, in order; `None` when it is no Go source that ends well.
pub(super) fn functions(source: &[u8]) -> Option<Vec<Extent>> {
    let mut scanner = Scanner {
        source,
        at: 0,
        line: 1,
        line_start: 0,
        ends: false,
    };
    let mut found = Vec::new();
    let mut depth = 0usize;
    let mut fresh = true;
    loop {
        let Some(token) = scanner.next()? else {
            return (depth == 0).then_some(found);
        };
        let starts = std::mem::replace(&mut fresh, token == Token::End);
        match token {
            Token::Sign(b'(' | b'[' | b'{') => depth += 1,
            Token::Sign(b')' | b']' | b'}') => depth = depth.checked_sub(1)?,
            Token::Word(b"func") if depth == 0 && starts => {
                let start = scanner.position(4);
                let (name, body) = scanner.declaration()?;
                if body {
                    found.push(Extent {
                        name: name.to_vec(),
                        start,
                        end: scanner.position(0),
                    });
                }
                fresh = !body;
            }
            _ => {}
        }
    }
}

struct Scanner<'a> {
    source: &'a [u8],
    at: usize,
    line: u64,
    line_start: usize,
    /// Whether the last token lets a line's end be the end of a statement.
    ends: bool,
}

impl<'a> Scanner<'a> {
    /// The place `back` bytes before what is read next.
    fn position(&self, back: usize) -> (u64, u64) {
        (self.line, (self.at - back - self.line_start + 1) as u64)
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.source.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The rest of a function's declaration: its name, and whether it has a body. What follows is read
    /// up to the body's end, or to the end of the statement.
    fn declaration(&mut self) -> Option<(&'a [u8], bool)> {
        let mut name: Option<&'a [u8]> = None;
        let mut depth = 0usize;
        // Braces that hold a type, not the body.
        let mut of_type = false;
        loop {
            let token = self.next()?;
            match token {
                None | Some(Token::End) if depth == 0 => return Some((name?, false)),
                None => return None,
                Some(Token::Word(word)) if depth == 0 && name.is_none() => name = Some(word),
                Some(Token::Sign(b'{')) if depth == 0 && !of_type => {
                    self.skip_body()?;
                    return Some((name?, true));
                }
                Some(Token::Sign(b'(' | b'[' | b'{')) => depth += 1,
                Some(Token::Sign(b')' | b']' | b'}')) => depth = depth.checked_sub(1)?,
                _ => {}
            }
            of_type = matches!(token, Some(Token::Word(b"struct" | b"interface")));
        }
    }

    fn skip_body(&mut self) -> Option<()> {
        let mut depth = 1;
        while depth > 0 {
            match self.next()?? {
                Token::Sign(b'{') => depth += 1,
                Token::Sign(b'}') => depth -= 1,
                _ => {}
            }
        }
        Some(())
    }

    /// The next token, `Some(None)` at the end of the file, `None` where something has no end.
    fn next(&mut self) -> Option<Option<Token<'a>>> {
        loop {
            let byte = self.peek(0);
            if self.at >= self.source.len() {
                return Some(None);
            }
            match (byte, self.peek(1)) {
                (b'\n', _) => {
                    self.newline();
                    if std::mem::take(&mut self.ends) {
                        return Some(Some(Token::End));
                    }
                }
                (b'/', b'/') => {
                    while self.at < self.source.len() && self.peek(0) != b'\n' {
                        self.at += 1;
                    }
                }
                (b'/', b'*') => {
                    let line = self.line;
                    self.at += 2;
                    self.skip_until(b"*/")?;
                    if self.line > line && std::mem::take(&mut self.ends) {
                        return Some(Some(Token::End));
                    }
                }
                (b' ' | b'\t' | b'\r', _) => self.at += 1,
                _ => break,
            }
        }
        let token = self.token()?;
        self.ends = match token {
            // Only these four of the keywords may end a statement.
            Token::Word(b"break" | b"continue" | b"fallthrough" | b"return") => true,
            Token::Word(word) => !matches!(
                word,
                b"func"
                    | b"struct"
                    | b"interface"
                    | b"map"
                    | b"chan"
                    | b"var"
                    | b"const"
                    | b"type"
                    | b"import"
                    | b"package"
            ),
            Token::Literal => true,
            Token::Sign(sign) => b")]}".contains(&sign),
            Token::End => false,
        };
        Some(Some(token))
    }

    fn token(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        let byte = self.peek(0);
        self.at += 1;
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        match byte {
            b';' => return Some(Token::End),
            b'`' => self.skip_until(b"`")?,
            b'"' | b'\'' => loop {
                match self.peek(0) {
                    b'\n' | 0 => return None,
                    b'\\' => self.at += 2,
                    other => {
                        self.at += 1;
                        if other == byte {
                            break;
                        }
                    }
                }
            },
            b'+' | b'-' if self.peek(0) == byte => {
                // Behind ++ and -- a statement ends too.
                self.at += 1;
                return Some(Token::Literal);
            }
            _ if word(byte) => {
                while word(self.peek(0)) {
                    self.at += 1;
                }
                if !byte.is_ascii_digit() {
                    return Some(Token::Word(&self.source[start..self.at]));
                }
            }
            _ => return Some(Token::Sign(byte)),
        }
        Some(Token::Literal)
    }

    fn skip_until(&mut self, end: &[u8]) -> Option<()> {
        while !self.source.get(self.at..)?.starts_with(end) {
            match self.source.get(self.at)? {
                b'\n' => self.newline(),
                _ => self.at += 1,
            }
        }
        self.at += end.len();
        Some(())
    }

    fn newline(&mut self) {
        self.at += 1;
        self.line += 1;
        self.line_start = self.at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Option<String> {
        let all = functions(source.as_bytes())?;
        let shown = all.iter().map(|f| {
            let name = String::from_utf8_lossy(&f.name).into_owned();
            let ((a, b), (c, d)) = (f.start, f.end);
            format!("{name} {a}.{b},{c}.{d}")
        });
        Some(shown.collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn functions_of_every_shape() {
        for (source, expected) in [
            ("", ""),
            ("package p\nfunc f() {}\n", "f 2.1,2.12"),
            (
                "package p; func f() {}; func g() {\n}",
                "f 1.12,1.23; g 1.25,2.2",
            ),
            ("func (t *T[P]) m() (a, b int) {\n\treturn\n}", "m 1.1,3.2"),
            ("func F[T interface{ M() }, U any](t T) {}", "F 1.1,1.42"),
            (
                "func f(x struct{ a int }) interface{ M() } { }",
                "f 1.1,1.47",
            ),
            ("func f() func(int) struct{} { return nil }", "f 1.1,1.43"),
            ("func asm(x int) int\nfunc g() {}", "g 2.1,2.12"),
            ("func asm() struct{}\nfunc g() {}", "g 2.1,2.12"),
            ("func asm() (\n\tx int,\n)\nfunc g() {}", "g 4.1,4.12"),
            ("var f = func() {}\nfunc g() {}", "g 2.1,2.12"),
            ("var f =\nfunc() {}\nfunc g() {}", "g 3.1,3.12"),
            (
                "type F func(int) G[int]\nvar x func()\nfunc g() {}",
                "g 3.1,3.12",
            ),
            ("var (\n\tx = 1\n)\nfunc g() {}", "g 4.1,4.12"),
            (
                "func f() { s := \"}\\\"\" + `}\n}` + string('}') + string('\\'') }",
                "f 1.1,2.34",
            ),
            (
                "// func a() {\n/* func b() {\n*/ func c() {} // }",
                "c 3.4,3.15",
            ),
            ("func f() {} /*\n*/ func g() {}", "f 1.1,1.12; g 2.4,2.15"),
            (
                "var a = b /* x */ / c\nfunc é() { func() { }() }",
                "é 2.1,2.27",
            ),
            ("var a = 0x1F\nfunc g() { x++\n}", "g 2.1,3.2"),
            ("func\nf() {}", "f 1.1,2.7"),
            ("\u{feff}package p\r\nfunc f() {\r\n}\r\n", "f 2.1,3.2"),
            (
                "func (T) m() { switch x := y.(type) { case struct{}: } }",
                "m 1.1,1.57",
            ),
        ] {
            assert_eq!(found(source).as_deref(), Some(expected), "{source}");
        }
    }

    #[test]
    fn what_does_not_end_is_no_source() {
        for source in [
            "func f() {",
            "var a = \"x",
            "var a = 'x\n'",
            "`",
            "/* ",
            "func f(",
            ")",
            "func f() { \"\\",
        ] {
            assert_eq!(found(source), None, "{source}");
        }
    }

    #[test]
    fn every_beginning_of_a_source_ends() {
        let source = "package p\nfunc (t T) f(x struct{}) { s := \"}\\\"\" + `}` + string('}') }\n/* */ var x = 1\n";
        for end in 0..source.len() {
            let _ = functions(&source.as_bytes()[..end]);
        }
    }
}
