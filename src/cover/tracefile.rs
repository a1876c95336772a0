//! What was counted as an LCOV tracefile, blocks of Go statements as lines.

use std::io::Write;

use super::data::{Coverage, Kind, LITERAL, Record};
use super::lcov::last_line_first;
use super::order::sorted;

/// Most lines that blocks may span in all; sources of that size are not written (our choice).
const MOST_LINES: u64 = 1 << 22;

/// Adds the lines that the folded blocks span, each with the largest count of its blocks, and the
/// functions that are known, and folds.
///
/// # Errors
///
/// When blocks span more lines than sources have.
pub(super) fn blocks_to_lines(coverage: &mut Coverage) -> Result<(), String> {
    let mut made: Vec<Record> = Vec::new();
    let mut left = MOST_LINES;
    let mut met = vec![false; coverage.functions.len()];
    for records in coverage.files() {
        let mut lines: Vec<(u64, u64)> = Vec::new();
        for record in records {
            if record.kind != Kind::Block {
                continue;
            }
            let [line, end_line, _, end_column] = record.place;
            // A block that ends before the first column of a line has nothing of that line.
            let last = match end_column {
                0 | 1 => end_line.saturating_sub(1).max(line),
                _ => end_line.max(line),
            };
            left = left
                .checked_sub((last - line).saturating_add(1))
                .ok_or_else(|| {
                    let path = coverage.paths.shown(record.file);
                    format!("{path}:{line}: blocks of too many lines for a tracefile, {last}")
                })?;
            for line in line..=last {
                lines.push((line, record.count));
            }
            if record.function != 0
                && record.function != LITERAL
                && !std::mem::replace(&mut met[record.function as usize - 1], true)
            {
                let function = coverage.functions[record.function as usize - 1];
                made.push(Record {
                    kind: Kind::Function,
                    place: [function.name.into(), 0, 0, 0],
                    extra: function.line,
                    function: 0,
                    ..*record
                });
            }
        }
        let mut before = None;
        let order = |a: usize, b: usize| {
            let (a, b) = (lines[a], lines[b]);
            a.0.cmp(&b.0).then(b.1.cmp(&a.1))
        };
        for at in sorted(lines.len(), &order) {
            let (line, count) = lines[at as usize];
            if before.replace(line) != Some(line) {
                made.push(Record {
                    kind: Kind::Line,
                    place: [line, 0, 0, 0],
                    extra: 0,
                    count,
                    function: 0,
                    ..records[0]
                });
            }
        }
    }
    for record in made {
        coverage.add(record)?;
    }
    coverage.fold()
}

/// The folded lines, functions and branches as a tracefile.
pub(super) fn write(coverage: &Coverage) -> Vec<u8> {
    let mut out = Vec::new();
    for records in coverage.files() {
        let of = |kind: Kind| records.iter().filter(move |record| record.kind == kind);
        let path = coverage.paths.path(records[0].file);
        put(&mut out, &[b"TN:\nSF:", path, b"\n"]);
        let functions: Vec<&Record> = of(Kind::Function).collect();
        let name = |record: &Record| coverage.names.text(record.place[0] as u32);
        let order = sorted(functions.len(), &|a, b| {
            let (a, b) = (functions[a], functions[b]);
            (a.extra.cmp(&b.extra)).then_with(|| name(a).cmp(name(b)))
        });
        for &at in &order {
            let record = functions[at as usize];
            // Whose line is unknown has its count alone, as lcov leaves it.
            if record.extra == 0 {
                continue;
            }
            let plain = last_line_first(name(record)).is_none();
            let _ = match record.function {
                0 if plain => write!(out, "FN:{},", record.extra),
                end => write!(out, "FN:{},{end},", record.extra),
            };
            put(&mut out, &[name(record), b"\n"]);
        }
        for &at in &order {
            let record = functions[at as usize];
            let _ = write!(out, "FNDA:{},", record.count);
            put(&mut out, &[name(record), b"\n"]);
        }
        sums(&mut out, "FN", &mut of(Kind::Function));
        for record in of(Kind::Branch) {
            let [line, block, number, named] = record.place;
            let exception = if block % 2 == 1 { "e" } else { "" };
            let _ = write!(out, "BRDA:{line},{exception}{},", block / 2);
            match named {
                0 => drop(write!(out, "{number}")),
                named => put(&mut out, &[coverage.names.text(named as u32 - 1)]),
            }
            let _ = match record.extra {
                0 => writeln!(out, ",-"),
                _ => writeln!(out, ",{}", record.count),
            };
        }
        sums(&mut out, "BR", &mut of(Kind::Branch));
        for record in of(Kind::Line) {
            let _ = writeln!(out, "DA:{},{}", record.place[0], record.count);
        }
        let lines = sums(&mut out, "L", &mut of(Kind::Line));
        if lines == 0 {
            put(&mut out, &[b"LF:0\nLH:0\n"]);
        }
        put(&mut out, &[b"end_of_record\n"]);
    }
    out
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Writes how many there are, and how many of them ran, if there are any.
fn sums(out: &mut Vec<u8>, kind: &str, records: &mut dyn Iterator<Item = &Record>) -> u64 {
    let (mut found, mut hit) = (0, 0);
    for record in records {
        found += 1;
        hit += u64::from(record.count > 0);
    }
    if found > 0 {
        let _ = writeln!(out, "{kind}F:{found}\n{kind}H:{hit}");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{gotext, lcov};
    use super::*;

    fn merged(texts: &[&str]) -> Result<String, String> {
        let mut coverage = Coverage::default();
        for (index, text) in texts.iter().enumerate() {
            let name = format!("{index}.info");
            match text.starts_with("mode") {
                true => gotext::read(&mut coverage, &name, text.as_bytes())?,
                false => lcov::read(&mut coverage, &name, text.as_bytes())?,
            }
        }
        coverage.fold()?;
        blocks_to_lines(&mut coverage)?;
        Ok(String::from_utf8(write(&coverage)).unwrap())
    }

    #[test]
    fn everything_is_added() {
        let a = "TN:a\nSF:/x y,z.c\nFN:3,f(int, char)\nFN:9,20,g\nFNDA:1,f(int, char)\nFNDA:0,g\nFNF:2\n\
                 FNH:1\nBRDA:4,0,0,-\nBRDA:4,0,1,-\nBRDA:4,e0,0,1\nBRDA:4,0,a < b, c,2\nDA:3,1,sum\n\
                 DA:4,0\nLF:2\nLH:1\nend_of_record\n";
        let b = "# lcov 2\nSF:/x y,z.c\r\nVER:1\nFNL:0,3\nFNL:7,9,20\nFNA:0,2,f(int, char)\nFNA:7,5,g\n\
                 BRDA:4,0,0,-\nBRDA:4,0,1,0\nMCDC:4,2,t,1,0,x\nDA:4,9223372036854775807\nDA:5,18446744073709551615\n\
                 DA:4,1\nend_of_record\n";
        let expected = "TN:\nSF:/x y,z.c\nFN:3,f(int, char)\nFN:9,20,g\nFNDA:3,f(int, char)\nFNDA:5,g\n\
                        FNF:2\nFNH:2\nBRDA:4,0,0,-\nBRDA:4,0,a < b, c,2\nBRDA:4,0,1,0\nBRDA:4,e0,0,1\n\
                        BRF:4\nBRH:2\nDA:3,1\nDA:4,9223372036854775807\nDA:5,9223372036854775807\nLF:3\nLH:3\n\
                        end_of_record\n";
        assert_eq!(merged(&[a, b]).unwrap(), expected);
        assert_eq!(merged(&[&format!("{a}{b}")]).unwrap(), expected);
        assert_eq!(
            merged(&["SF:a\nFN:1,f\nend_of_record"]).unwrap(),
            "TN:\nSF:a\nFN:1,f\nFNDA:0,f\nFNF:1\nFNH:0\nLF:0\nLH:0\nend_of_record\n"
        );
    }

    #[test]
    fn a_function_without_a_line_is_given_none() {
        let counted = "SF:a\nFNDA:3,g\nFN:2,f\nFNDA:1,f\nend_of_record\n";
        let expected =
            "TN:\nSF:a\nFN:2,f\nFNDA:3,g\nFNDA:1,f\nFNF:2\nFNH:2\nLF:0\nLH:0\nend_of_record\n";
        assert_eq!(merged(&[counted]).unwrap(), expected);
        let known = merged(&[counted, "SF:a\nFN:7,g\nend_of_record\n"]).unwrap();
        assert!(known.contains("FN:7,g\n"), "{known}");
    }

    #[test]
    fn what_is_no_tracefile() {
        for (text, why) in [
            ("SF:a\nDA:1,2\n", "2: cut off, a has no end_of_record"),
            ("SF:a\nDA:1,2\nend_of_rec", "3: no record of a tracefile"),
            ("SF:a\nSF:b\n", "2: a has no end_of_record"),
            ("end_of_record\n", "1: end_of_record outside a section"),
            ("TN:\nDA:1,2\n", "2: DA outside a section"),
            ("SF:\n", "1: no file name"),
            ("SF:a\nDA:1\n", "2: bad DA"),
            ("SF:a\nDA:1,-1\n", "2: bad DA"),
            ("SF:a\nDA:x,1\n", "2: bad DA"),
            ("SF:a\nFN:1,\n", "2: bad FN"),
            ("SF:a\nFNDA:1\n", "2: bad FNDA"),
            ("SF:a\nFNA:1,2,f\n", "2: bad FNA"),
            ("SF:a\nBRDA:1,0,0\n", "2: bad BRDA"),
            ("SF:a\nda:1,2\n", "2: no record of a tracefile"),
        ] {
            assert_eq!(merged(&[text]), Err(format!("0.info:{why}")), "{text:?}");
        }
    }

    #[test]
    fn a_record_of_another_tool_is_named_and_passed_over() {
        let mut coverage = Coverage::default();
        let text = "SF:a\nBA:1,2\nBA:2,2\nDA:1,2\nend_of_record\n";
        lcov::read(&mut coverage, "i", text.as_bytes()).unwrap();
        assert_eq!(coverage.skipped.len(), 1);
        assert_eq!(coverage.skipped[0].path, "i:2");
        assert_eq!(coverage.skipped[0].reason, "unknown record \"BA\"");
    }

    #[test]
    fn blocks_become_lines() {
        let go = "mode: count\nm/a.go:3.14,5.3 2 4\nm/a.go:5.3,7.1 1 0\nm/a.go:9.1,9.1 0 0\n";
        assert_eq!(
            merged(&[go, "SF:m/a.go\nDA:6,2\nend_of_record\n"]).unwrap(),
            "TN:\nSF:m/a.go\nDA:3,4\nDA:4,4\nDA:5,4\nDA:6,2\nDA:9,0\nLF:5\nLH:4\nend_of_record\n"
        );
        let huge = "mode: set\na.go:1.1,9223372036854775807.9 1 1\n";
        assert_eq!(
            merged(&[huge]),
            Err(
                "a.go:1: blocks of too many lines for a tracefile, 9223372036854775807".to_string()
            )
        );
        let backwards = "mode: set\na.go:0.0,0.0 1 1\na.go:7.1,2.9 1 1\n";
        assert!(merged(&[backwards]).unwrap().contains("DA:7,1\n"));
    }
}
