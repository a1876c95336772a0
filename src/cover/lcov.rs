//! LCOV tracefiles, as lcov 1 and 2 and LLVM write them.

use super::data::{Coverage, Kind, MOST, Record};
use super::gotext::{lines, number};

/// Records that carry nothing to add: what they sum up is counted afresh, or has no place in the result.
const PASSED: [&str; 12] = [
    "TN", "VER", "LF", "LH", "FNF", "FNH", "BRF", "BRH", "MCDC", "MCF", "MCH", "FNX",
];

/// Whether a text begins as a tracefile does.
pub(super) fn recognised(text: &[u8]) -> bool {
    let first = lines(text)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    [&b"TN:"[..], b"SF:", b"#", b"VER:"]
        .iter()
        .any(|start| first.starts_with(start))
}

/// What the records of a section refer to.
struct Section {
    /// `None` when the file does not count.
    file: Option<u32>,
    path: String,
    /// The functions of lcov 2: index, line, last line.
    indexed: Vec<[u64; 3]>,
}

/// Adds the tracefile `text`.
///
/// # Errors
///
/// `NAME:LINE` and what is wrong there.
pub(super) fn read(coverage: &mut Coverage, name: &str, text: &[u8]) -> Result<(), String> {
    let input = coverage.input(name);
    coverage.lines.get_or_insert(input);
    let mut section = None;
    let (mut unknown, mut sections) = (false, false);
    let mut count = 0;
    for line in lines(text) {
        count += 1;
        sections |= section.is_some();
        match read_line(coverage, &mut section, input, line) {
            Ok(true) => {}
            Ok(false) if unknown => {}
            Ok(false) => {
                unknown = true;
                let kind = line.split(|&byte| byte == b':').next().unwrap_or_default();
                let why = format!("unknown record {:?}", String::from_utf8_lossy(kind));
                coverage.skip(format!("{name}:{count}"), &why);
            }
            Err(why) => return Err(format!("{name}:{count}: {why}")),
        }
    }
    match section {
        Some(section) => Err(format!(
            "{name}:{count}: cut off, {} has no end_of_record",
            section.path
        )),
        None if sections => Ok(()),
        None => {
            coverage.inputs.pop();
            coverage.lines = coverage.lines.filter(|&first| first != input);
            coverage.skip(name, "no coverage data in it");
            Ok(())
        }
    }
}

/// Reads one line; gives whether the record is known.
fn read_line(
    coverage: &mut Coverage,
    section: &mut Option<Section>,
    input: u32,
    line: &[u8],
) -> Result<bool, String> {
    if line.is_empty() || line[0] == b'#' {
        return Ok(true);
    }
    if line == b"end_of_record" {
        return match section.take() {
            Some(_) => Ok(true),
            None => Err("end_of_record outside a section".to_string()),
        };
    }
    let colon = line.iter().position(|&byte| byte == b':').unwrap_or(0);
    let (kind, rest) = (&line[..colon], &line[colon..]);
    if !(2..8).contains(&colon) || !kind.iter().all(u8::is_ascii_uppercase) {
        return Err("no record of a tracefile".to_string());
    }
    let kind = std::str::from_utf8(kind).unwrap_or_default();
    let rest = &rest[1..];
    if kind == "SF" {
        if let Some(open) = section {
            return Err(format!("{} has no end_of_record", open.path));
        }
        if rest.is_empty() {
            return Err("no file name".to_string());
        }
        *section = Some(Section {
            file: coverage.paths.file(rest),
            path: String::from_utf8_lossy(rest).into_owned(),
            indexed: Vec::new(),
        });
        return Ok(true);
    }
    if PASSED.contains(&kind) {
        return Ok(true);
    }
    if !["DA", "FN", "FNDA", "FNL", "FNA", "BRDA"].contains(&kind) {
        return Ok(false);
    }
    let Some(section) = section else {
        return Err(format!("{kind} outside a section"));
    };
    let record = Record {
        file: section.file.unwrap_or_default(),
        kind: Kind::Function,
        place: [0; 4],
        extra: 0,
        count: 0,
        function: 0,
        input,
    };
    match read_record(coverage, section, kind, rest, record) {
        None => Err(format!("bad {kind}")),
        Some(Some(record)) if section.file.is_some() => coverage.add(record).map(|()| true),
        Some(_) => Ok(true),
    }
}

/// Reads what is behind `KIND:` into a record, if it makes one; `None` when it is malformed.
fn read_record(
    coverage: &mut Coverage,
    section: &mut Section,
    kind: &str,
    rest: &[u8],
    mut record: Record,
) -> Option<Option<Record>> {
    let (first, mut rest) = split(rest)?;
    let exact = number(first);
    match kind {
        "DA" => {
            // A checksum may follow.
            let hits = split(rest).map_or(rest, |(hits, _)| hits);
            record.kind = Kind::Line;
            record.place[0] = exact?;
            record.count = hit(hits)?;
        }
        "FN" => {
            record.extra = exact?;
            if let Some((end, name)) = last_line_first(rest) {
                record.function = last_line(end);
                rest = name;
            }
            record.place[0] = name(coverage, rest)?;
        }
        "FNDA" => {
            record.count = hit(first)?;
            record.place[0] = name(coverage, rest)?;
        }
        "FNL" => {
            let (line, end) = split(rest).unwrap_or((rest, b"0"));
            section.indexed.push([exact?, number(line)?, number(end)?]);
            return Some(None);
        }
        "FNA" => {
            let index = exact?;
            let (hits, text) = split(rest)?;
            let direct = usize::try_from(index)
                .ok()
                .and_then(|at| section.indexed.get(at));
            let found = match direct {
                Some(found) if found[0] == index => found,
                _ => section.indexed.iter().find(|found| found[0] == index)?,
            };
            record.extra = found[1];
            record.function = last_line(found[2]);
            record.count = hit(hits)?;
            record.place[0] = name(coverage, text)?;
        }
        _ => {
            record.kind = Kind::Branch;
            record.place[0] = exact?;
            let (block, branch) = split(rest)?;
            let comma = branch.iter().rposition(|&byte| byte == b',')?;
            let (branch, taken) = (&branch[..comma], &branch[comma + 1..]);
            let plain = block.strip_prefix(b"e");
            let exception = u64::from(plain.is_some());
            record.place[1] = 2 * number(plain.unwrap_or(block))? + exception;
            match number(branch) {
                Some(number) => record.place[2] = number,
                // lcov 2 may give an expression in place of a number.
                None => record.place[3] = 1 + name(coverage, branch)?,
            }
            if taken != b"-" {
                record.extra = 1;
                record.count = hit(taken)?;
            }
        }
    }
    Some(Some(record))
}

/// What is before and behind the first comma.
fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == b',')?;
    Some((&text[..at], &text[at + 1..]))
}

/// A function's last line and its name, where the line is given: a name may begin like one.
pub(super) fn last_line_first(text: &[u8]) -> Option<(u64, &[u8])> {
    let (end, name) = split(text)?;
    Some((number(end)?, name))
}

/// A count; one that is too large is as large as can be.
fn hit(digits: &[u8]) -> Option<u64> {
    let large = digits.len() > 18 && digits.iter().all(u8::is_ascii_digit);
    number(digits).or(large.then_some(MOST))
}

fn name(coverage: &mut Coverage, text: &[u8]) -> Option<u64> {
    (!text.is_empty()).then(|| u64::from(coverage.names.number(text)))
}

fn last_line(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}
