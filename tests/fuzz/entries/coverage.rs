//! The readers of coverage data, each alone, and what is made of what they read.

use std::fs;

use super::data::{Coverage, Kind, Record};
use super::order::sorted;
use super::paths::Paths;
use super::report::{By, json, table};
use super::summary::summaries;
use super::{gocounters, godir, gometa, gosource, gotext, tracefile};
use crate::private::PrivateDirectory;

/// Does with what was read all that can be done: what is written can be read again, and says the same.
pub(super) fn use_all(mut coverage: Coverage) {
    if coverage.inputs.is_empty() || coverage.fold().is_err() {
        return;
    }
    let summaries = summaries(&coverage, true);
    assert!(!table(&coverage, &summaries, By::Function).is_empty());
    let _: serde_json::Value = serde_json::from_str(&json(&coverage, &summaries)).unwrap();
    if coverage.lines.is_none() {
        let text = gotext::write(&coverage);
        let mut again = Coverage::default();
        gotext::read(&mut again, "again", &text).unwrap();
        again.fold().unwrap();
        assert!(lines(&gotext::write(&again)) == lines(&text));
    }
    // As many lines as are allowed take long and show nothing new.
    let span = |record: &Record| match record.kind {
        Kind::Block => record.place[1].saturating_sub(record.place[0]),
        _ => 0,
    };
    let lines_of_blocks = coverage.records.iter().map(span);
    let lines_of_blocks = lines_of_blocks.fold(0, u64::saturating_add);
    if (1 << 10..1 << 23).contains(&lines_of_blocks) {
        return;
    }
    if tracefile::blocks_to_lines(&mut coverage).is_ok() {
        let text = tracefile::write(&coverage);
        let mut again = Coverage::default();
        super::lcov::read(&mut again, "again", &text).unwrap();
        again.fold().unwrap();
        assert!(lines(&tracefile::write(&again)) == lines(&text));
    }
}

/// Lines in an order that does not depend on what was read first.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let order = sorted(lines.len(), &|a, b| lines[a].cmp(lines[b]));
    order.into_iter().map(|at| lines[at as usize]).collect()
}

type Read = fn(&mut Coverage, &str, &[u8]) -> Result<(), String>;

fn text(read: Read, input: &[u8]) {
    let mut coverage = Coverage::default();
    match read(&mut coverage, "p", input) {
        Ok(()) => use_all(coverage),
        Err(why) => assert!(why.starts_with("p:"), "{why}"),
    }
}

pub(crate) fn go_text(input: &[u8]) {
    text(gotext::read, input);
}

pub(crate) fn lcov(input: &[u8]) {
    text(super::lcov::read, input);
}

pub(crate) fn go_source(input: &[u8]) {
    let lines = 1 + input.iter().filter(|&&byte| byte == b'\n').count() as u64;
    for extent in gosource::functions(input).unwrap_or_default() {
        assert!(extent.start <= extent.end && extent.end.0 <= lines);
    }
}

pub(crate) fn go_meta(input: &[u8]) {
    match gometa::parse(input) {
        Ok(meta) => {
            assert!(meta.blocks.len() <= input.len());
            for function in meta.packages.iter().flat_map(|package| &package.functions) {
                assert!(function.first + function.blocks <= meta.blocks.len());
            }
        }
        Err((at, what)) => assert!(at <= input.len() && !what.is_empty()),
    }
}

/// Meta-data and counters, parted by what counters begin with.
fn parted(input: &[u8]) -> (&[u8], &[u8]) {
    let magic = gocounters::MAGIC;
    let at = input.windows(magic.len()).position(|part| part == magic);
    input.split_at(at.unwrap_or(input.len()))
}

pub(crate) fn go_counters(input: &[u8]) {
    let (meta, counters) = parted(input);
    let Ok(meta) = gometa::parse(meta) else {
        return;
    };
    let mut counts = vec![0; meta.blocks.len()];
    match gocounters::add(counters, &meta, &mut counts) {
        // The same again counts twice, or is the same.
        Ok(()) => {
            let once = counts.clone();
            gocounters::add(counters, &meta, &mut counts).unwrap();
            assert!(once.iter().zip(&counts).all(|(once, twice)| once <= twice));
        }
        Err((at, what)) => assert!(at <= counters.len() && !what.is_empty()),
    }
}

pub(crate) fn go_directory(input: &[u8]) {
    let (meta, counters) = parted(input);
    let hash: String = match meta.get(24..40) {
        Some(hash) => hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        None => "0".repeat(32),
    };
    let directory = PrivateDirectory::new().unwrap();
    let path = directory.path().to_path_buf();
    fs::write(path.join(format!("covmeta.{hash}")), meta).unwrap();
    if !counters.is_empty() {
        fs::write(path.join(format!("covcounters.{hash}.1.2")), counters).unwrap();
    }
    let mut coverage = Coverage::default();
    match godir::read(&mut coverage, &[(path, false)]) {
        Ok(lost) => {
            if lost.add(&mut coverage).is_ok() {
                use_all(coverage);
            }
        }
        Err(why) => assert!(why.contains(": "), "{why}"),
    }
}

/// Two texts, parted by a zero: what comes of them does not depend on their order.
pub(crate) fn merge(input: &[u8]) {
    let Some(at) = input.iter().position(|&byte| byte == 0) else {
        return;
    };
    let texts = [&input[..at], &input[at + 1..]];
    let merged = |order: [usize; 2]| {
        let mut coverage = Coverage::default();
        for at in order {
            let read = match texts[at].starts_with(gotext::START) {
                true => gotext::read,
                false => super::lcov::read,
            };
            read(&mut coverage, ["a", "b"][at], texts[at])?;
        }
        coverage.fold()?;
        Ok::<_, String>(coverage)
    };
    match (merged([0, 1]), merged([1, 0])) {
        (Ok(one), Ok(other)) => {
            let written = [gotext::write(&one), gotext::write(&other)];
            assert!(lines(&written[0]) == lines(&written[1]));
            let written = [tracefile::write(&one), tracefile::write(&other)];
            assert!(lines(&written[0]) == lines(&written[1]));
            use_all(one);
        }
        (Err(_), Err(_)) => {}
        (one, other) => panic!("{:?}, but {:?}", one.err(), other.err()),
    }
}

/// A glob and a path, parted by a zero, and what a plain look at them says.
pub(crate) fn globs(input: &[u8]) {
    let Some(at) = input.iter().position(|&byte| byte == 0) else {
        return;
    };
    let (glob, path) = (&input[..at], &input[at + 1..]);
    if path.is_empty() || input.len() > 64 {
        return;
    }
    let mut paths = Paths::default();
    paths.exclude.push(glob.to_vec());
    let left_out = paths.file(path).is_none();
    let mut steps = 1 << 16;
    if let Some(expected) = matches(glob, path, true, &mut steps) {
        assert_eq!(
            left_out,
            expected,
            "{:?} {:?}",
            glob.escape_ascii().to_string(),
            path.escape_ascii().to_string()
        );
    }
}

/// `None` when that takes too long; `begins`: a name begins here, in glob and path alike.
fn matches(glob: &[u8], path: &[u8], begins: bool, steps: &mut u32) -> Option<bool> {
    *steps = steps.checked_sub(1)?;
    let stars = glob.iter().take_while(|&&byte| byte == b'*').count();
    if stars > 0 {
        let rest = &glob[stars..];
        if begins
            && stars == 2
            && rest.first() == Some(&b'/')
            && matches(&rest[1..], path, true, steps)?
        {
            return Some(true);
        }
        for end in 0..=path.len() {
            // Behind a star no name begins, unless it is this very slash.
            if matches(rest, &path[end..], false, steps)? {
                return Some(true);
            }
            if stars < 2 && path.get(end) == Some(&b'/') {
                break;
            }
        }
        return Some(false);
    }
    let (Some((&wanted, rest)), Some((&byte, path))) = (glob.split_first(), path.split_first())
    else {
        return Some(glob.is_empty() && path.is_empty());
    };
    let fits = wanted == byte || (wanted == b'?' && byte != b'/');
    match fits {
        true => matches(rest, path, wanted == b'/', steps),
        false => Some(false),
    }
}
