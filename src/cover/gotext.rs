//! Go's text profiles: `mode: count`, then `FILE:LINE.COL,ENDLINE.ENDCOL STATEMENTS COUNT` a block.

use std::io::Write;

use super::data::{Coverage, Kind, MOST, Mode, Record};
use super::order::sorted;

/// How a text profile begins.
pub(super) const START: &[u8] = b"mode:";

/// Adds the profile `text`.
///
/// # Errors
///
/// `NAME:LINE` and what is wrong there.
pub(super) fn read(coverage: &mut Coverage, name: &str, text: &[u8]) -> Result<(), String> {
    let input = coverage.input(name);
    for (index, line) in lines(text).enumerate() {
        let read = match index {
            0 => read_mode(coverage, line, input),
            _ => read_block(coverage, line, input),
        };
        read.map_err(|why| format!("{name}:{}: {why}", index + 1))?;
    }
    Ok(())
}

/// The lines of a text, without their ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|&byte| byte == b'\n').map(|line| {
        let end = line.iter().rposition(|&byte| byte != b'\r');
        &line[..end.map_or(0, |at| at + 1)]
    })
}

/// A number of decimal digits alone; `None` if it is none or more than [`MOST`].
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (!digits.is_empty() && value <= MOST).then_some(value)
}

fn read_mode(coverage: &mut Coverage, line: &[u8], input: u32) -> Result<(), String> {
    let name = line.strip_prefix(b"mode: ").unwrap_or_default();
    let known = Mode::NAMES.iter().find(|known| known.0.as_bytes() == name);
    match known {
        Some(&(_, mode)) => coverage.count_as(mode, input),
        None => Err("expected mode: set, count or atomic".to_string()),
    }
}

fn read_block(coverage: &mut Coverage, line: &[u8], input: u32) -> Result<(), String> {
    let mut rest = line;
    // A path may hold any of the separators, so they are looked for from the end.
    let mut back = |separator: u8, what: &str| {
        let at = rest.iter().rposition(|&byte| byte == separator);
        let value = at.and_then(|at| number(&rest[at + 1..]));
        rest = &rest[..at.unwrap_or(0)];
        value.ok_or_else(|| format!("bad {what}, expected FILE:LINE.COL,LINE.COL STATEMENTS COUNT"))
    };
    let count = back(b' ', "count")?;
    let statements = back(b' ', "number of statements")?;
    let end_column = back(b'.', "end column")?;
    let end_line = back(b',', "end line")?;
    let column = back(b'.', "column")?;
    let start_line = back(b':', "line")?;
    // A tracefile could not hold a name that ends like a line.
    if rest.is_empty() || rest.ends_with(b"\r") {
        return Err("no file name".to_string());
    }
    let Some(file) = coverage.paths.file(rest) else {
        return Ok(());
    };
    coverage.add(Record {
        file,
        kind: Kind::Block,
        place: [start_line, end_line, column, end_column],
        extra: statements,
        count,
        function: 0,
        input,
    })
}

/// The folded blocks as a text profile, in the order of `go tool covdata textfmt`.
pub(super) fn write(coverage: &Coverage) -> Vec<u8> {
    let mode = coverage.mode.map_or(Mode::Set, |(mode, _)| mode);
    let mut out = format!("mode: {}\n", mode.name()).into_bytes();
    let files = coverage.files();
    let key = |at: usize| coverage.paths.go_order(files[at][0].file);
    for at in sorted(files.len(), &|a, b| key(a).cmp(&key(b))) {
        for record in files[at as usize] {
            if record.kind != Kind::Block {
                continue;
            }
            let [line, end_line, column, end_column] = record.place;
            out.extend_from_slice(coverage.paths.path(record.file));
            // Writing to memory does not fail.
            let _ = writeln!(
                out,
                ":{line}.{column},{end_line}.{end_column} {} {}",
                record.extra, record.count
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> Result<String, String> {
        let mut coverage = Coverage::default();
        for (index, text) in texts.iter().enumerate() {
            read(&mut coverage, &format!("{index}.out"), text.as_bytes())?;
        }
        coverage.fold()?;
        Ok(String::from_utf8(write(&coverage)).unwrap())
    }

    #[test]
    fn what_go_accepts() {
        for (text, expected) in [
            ("mode: set", "mode: set\n"),
            (
                "mode: set\r\na:1.2,3.4 0 1\r\n",
                "mode: set\na:1.2,3.4 0 1\n",
            ),
            (
                "mode: count\na b:c,d.go:1.2,3.4 5 6",
                "mode: count\na b:c,d.go:1.2,3.4 5 6\n",
            ),
            (
                "mode: atomic\na:1.2,3.4 5 9223372036854775807\na:1.2,3.4 5 1\n",
                "mode: atomic\na:1.2,3.4 5 9223372036854775807\n",
            ),
            (
                "mode: set\na:1.2,3.4 5 1\na:1.2,3.4 5 0\n",
                "mode: set\na:1.2,3.4 5 1\n",
            ),
        ] {
            assert_eq!(merged(&[text]), Ok(expected.to_string()), "{text:?}");
        }
    }

    #[test]
    fn what_go_refuses() {
        let form = "expected FILE:LINE.COL,LINE.COL STATEMENTS COUNT";
        for (text, place, what) in [
            (
                "mode: ",
                1,
                "expected mode: set, count or atomic".to_string(),
            ),
            (
                "mode: none\n",
                1,
                "expected mode: set, count or atomic".to_string(),
            ),
            ("mode: set\n\n", 2, format!("bad count, {form}")),
            ("mode: set\nmode: set\n", 2, format!("bad count, {form}")),
            (
                "mode: set\na:1.2,3.4 5 -1\n",
                2,
                format!("bad count, {form}"),
            ),
            (
                "mode: set\na:1.2,3.4 5 +1\n",
                2,
                format!("bad count, {form}"),
            ),
            (
                "mode: set\na:1.2,3.4 5 9223372036854775808\n",
                2,
                format!("bad count, {form}"),
            ),
            (
                "mode: set\na:1.2,3.4  1\n",
                2,
                format!("bad number of statements, {form}"),
            ),
            (
                "mode: set\na:1.2,3. 5 1\n",
                2,
                format!("bad end column, {form}"),
            ),
            (
                "mode: set\na:1.2,x.4 5 1\n",
                2,
                format!("bad end line, {form}"),
            ),
            ("mode: set\na:1,3.4 5 1\n", 2, format!("bad column, {form}")),
            ("mode: set\na1.2,3.4 5 1\n", 2, format!("bad line, {form}")),
            ("mode: set\n:1.2,3.4 5 1\n", 2, "no file name".to_string()),
        ] {
            assert_eq!(
                merged(&[text]),
                Err(format!("0.out:{place}: {what}")),
                "{text:?}"
            );
        }
        assert_eq!(
            merged(&["mode: set\n", "mode: count\n"]),
            Err("1.out:1: mode count, but set in 0.out".to_string())
        );
        assert_eq!(
            merged(&["mode: set\na:1.2,3.4 5 1\n", "mode: set\na:1.2,3.4 6 1\n"]),
            Err("1.out: a:1.2,3.4: 6 statements, but 5 in 0.out".to_string())
        );
    }

    #[test]
    fn the_order_is_gos() {
        let text = "mode: set\nm/a.go:2.1,3.1 1 1\nm/a.go:1.5,9.1 1 1\nm/a.go:1.9,2.1 1 1\n\
                    m-x/z.go:1.1,1.2 1 1\nm/b/a.go:1.1,1.2 1 1\nm/z.go:10.1,11.1 1 1\n";
        let expected = "mode: set\nm/a.go:1.9,2.1 1 1\nm/a.go:1.5,9.1 1 1\nm/a.go:2.1,3.1 1 1\n\
                        m/z.go:10.1,11.1 1 1\nm-x/z.go:1.1,1.2 1 1\nm/b/a.go:1.1,1.2 1 1\n";
        assert_eq!(merged(&[text]).unwrap(), expected);
    }
}
