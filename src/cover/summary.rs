//! How much of each file, and of each of its functions, was reached.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::data::{Coverage, Kind, LITERAL, Record};
use super::gosource;
use super::order::sorted;
use super::ratio::Ratio;

/// What is counted in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Statement,
    Line,
}

impl Unit {
    pub(super) const ALL: [Unit; 2] = [Unit::Statement, Unit::Line];

    pub(super) fn name(self) -> &'static str {
        match self {
            Unit::Statement => "statement",
            Unit::Line => "line",
        }
    }
}

/// A function; without a name and a line it stands for those that are not known.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: Option<String>,
    pub(super) line: u64,
    pub(super) ratio: Ratio,
}

/// A file.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) path: String,
    pub(super) unit: Unit,
    pub(super) ratio: Ratio,
    /// In the order of the source; empty unless asked for.
    pub(super) functions: Vec<Row>,
}

/// A summary of each file, by path; `coverage` must be folded.
pub(super) fn summaries(coverage: &Coverage, with_functions: bool) -> Vec<Summary> {
    let module = match with_functions {
        true => Module::here(),
        false => None,
    };
    let mut all = Vec::new();
    for records in coverage.files() {
        let of = |kind: Kind| {
            let start = records.partition_point(|record| record.kind < kind);
            let end = records.partition_point(|record| record.kind <= kind);
            &records[start..end]
        };
        let (blocks, lines) = (of(Kind::Block), of(Kind::Line));
        let file = records[0].file;
        let mut push = |unit, ratio, functions| {
            all.push(Summary {
                path: coverage.paths.shown(file).into_owned(),
                unit,
                ratio,
                functions,
            });
        };
        if !blocks.is_empty() {
            let functions = match with_functions {
                true => go_functions(coverage, blocks, module.as_ref()),
                false => Vec::new(),
            };
            push(Unit::Statement, ratio(blocks, 0), functions);
        }
        if blocks.len() < records.len() {
            let functions = match with_functions {
                true => lcov_functions(coverage, of(Kind::Function), lines),
                false => Vec::new(),
            };
            push(Unit::Line, ratio(lines, 1), functions);
        }
    }
    all
}

/// The sum over the files of one unit; `None` if nothing was counted in it.
pub(super) fn total(coverage: &Coverage, summaries: &[Summary], unit: Unit) -> Option<Ratio> {
    let met = match unit {
        Unit::Statement => coverage.mode.is_some(),
        Unit::Line => coverage.lines.is_some(),
    };
    let mut sum = Ratio::default();
    for Summary { ratio, .. } in summaries.iter().filter(|summary| summary.unit == unit) {
        sum.total = sum.total.saturating_add(ratio.total);
        sum.covered = sum.covered.saturating_add(ratio.covered);
    }
    met.then_some(sum)
}

/// Each record counts as its statements, or as `size` if that is not 0.
fn ratio<'a>(records: impl IntoIterator<Item = &'a Record>, size: u64) -> Ratio {
    let mut sum = Ratio::default();
    for record in records {
        let size = if size == 0 { record.extra } else { size };
        sum.add(size, record.count);
    }
    sum
}

fn go_functions(coverage: &Coverage, blocks: &[Record], module: Option<&Module>) -> Vec<Row> {
    let unnamed = blocks.iter().any(|block| block.function == 0);
    if unnamed && let Some(rows) = rows_of_source(coverage, blocks, module) {
        return rows;
    }
    let known = |block: &Record| match block.function {
        0 => None,
        number => Some(coverage.functions[number as usize - 1]),
    };
    let named: Vec<&Record> = blocks
        .iter()
        .filter(|block| block.function != LITERAL)
        .collect();
    // Those that are not known come last.
    let key = |at: usize| {
        let function = known(named[at]);
        (
            function.is_none(),
            function.map_or(0, |function| function.line),
            named[at].function,
        )
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut last = None;
    for at in sorted(named.len(), &|a, b| key(a).cmp(&key(b))) {
        let block = named[at as usize];
        if last.replace(block.function) != Some(block.function) {
            let function = known(block);
            rows.push(Row {
                name: function.map(|function| text(coverage, function.name)),
                line: function.map_or(0, |function| function.line),
                ratio: Ratio::default(),
            });
        }
        if let Some(row) = rows.last_mut() {
            row.ratio.add(block.extra, block.count);
        }
    }
    rows
}

fn rows_of_source(
    coverage: &Coverage,
    blocks: &[Record],
    module: Option<&Module>,
) -> Option<Vec<Row>> {
    let path = coverage.paths.original(blocks[0].file);
    let path = match path.first() {
        Some(b'.' | b'/') => PathBuf::from(std::ffi::OsStr::from_bytes(path)),
        _ => module?.file(path)?,
    };
    let extents = gosource::functions(&fs::read(path).ok()?)?;
    let rows = extents.into_iter().map(|extent| {
        // What a function has nothing of is before or behind it.
        let inside = |block: &&Record| {
            let [line, end_line, column, end_column] = block.place;
            (line, column) < extent.end && (end_line, end_column) > extent.start
        };
        let start = blocks.partition_point(|block| block.place[0] <= extent.end.0);
        Row {
            name: Some(String::from_utf8_lossy(&extent.name).into_owned()),
            line: extent.start.0,
            ratio: ratio(blocks[..start].iter().filter(inside), 0),
        }
    });
    Some(rows.collect())
}

/// A function has the lines up to the one that it says is its last, or to the next function.
fn lcov_functions(coverage: &Coverage, functions: &[Record], lines: &[Record]) -> Vec<Row> {
    let order = sorted(functions.len(), &|a, b| {
        functions[a].extra.cmp(&functions[b].extra)
    });
    let rows = order.iter().enumerate().map(|(index, &at)| {
        let function = &functions[at as usize];
        let mut later = order[index..].iter().map(|&at| &functions[at as usize]);
        let next = later.find(|next| next.extra > function.extra);
        let end = match (function.function, next) {
            (0, None) => u64::MAX,
            (0, Some(next)) => next.extra,
            (last, _) => u64::from(last) + 1,
        };
        let before = |line: u64| lines.partition_point(|record| record.place[0] < line);
        let own = lines
            .get(before(function.extra)..before(end))
            .unwrap_or_default();
        Row {
            name: Some(text(coverage, function.place[0] as u32)),
            line: function.extra,
            ratio: ratio(own, 1),
        }
    });
    rows.collect()
}

fn text(coverage: &Coverage, name: u32) -> String {
    String::from_utf8_lossy(coverage.names.text(name)).into_owned()
}

/// The Go module that the current directory is in.
struct Module {
    root: PathBuf,
    path: Vec<u8>,
}

impl Module {
    fn here() -> Option<Module> {
        let here = std::env::current_dir().ok()?;
        for root in here.ancestors() {
            if let Ok(text) = fs::read(root.join("go.mod")) {
                return Module::of(root, &String::from_utf8_lossy(&text));
            }
        }
        None
    }

    fn of(root: &Path, text: &str) -> Option<Module> {
        let path = text.lines().find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next()? == "module").then(|| words.next())?
        })?;
        Some(Module {
            root: root.to_path_buf(),
            path: path
                .as_bytes()
                .iter()
                .copied()
                .filter(|byte| !b"\"`".contains(byte))
                .collect(),
        })
    }

    fn file(&self, path: &[u8]) -> Option<PathBuf> {
        let rest = path.strip_prefix(&self.path[..])?.strip_prefix(b"/")?;
        Some(self.root.join(std::ffi::OsStr::from_bytes(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{gotext, lcov};
    use super::*;

    fn shown(summaries: &[Summary]) -> Vec<String> {
        let mut all = Vec::new();
        for summary in summaries {
            for row in &summary.functions {
                let Ratio { covered, total } = row.ratio;
                let name = row.name.as_deref().unwrap_or("?");
                all.push(format!(
                    "{}:{} {name} {covered}/{total}",
                    summary.path, row.line
                ));
            }
        }
        all
    }

    #[test]
    fn modules_by_their_file() {
        for (text, path) in [
            ("module a.b/c\n", Some("a.b/c")),
            ("// x\n\nmodule \"a.b/c\" // y\ngo 1.26\n", Some("a.b/c")),
            ("go 1.26\n", None),
            ("module", None),
        ] {
            let module = Module::of(Path::new("/r"), text);
            let found = module
                .as_ref()
                .map(|module| String::from_utf8_lossy(&module.path));
            assert_eq!(found.as_deref(), path, "{text}");
        }
        let module = Module::of(Path::new("/r"), "module m").unwrap();
        assert_eq!(module.file(b"m/x/y.go"), Some("/r/x/y.go".into()));
        assert_eq!(module.file(b"mx/y.go"), None);
    }

    #[test]
    fn functions_of_a_tracefile() {
        let mut coverage = Coverage::default();
        let text = "SF:a\nFN:2,f\nFN:2,f2\nFN:5,g\nFN:9,10,h\nDA:1,1\nDA:2,1\nDA:3,0\nDA:5,0\nDA:8,2\n\
                    DA:9,1\nDA:10,1\nDA:11,1\nend_of_record\n";
        lcov::read(&mut coverage, "i", text.as_bytes()).unwrap();
        coverage.fold().unwrap();
        let summaries = summaries(&coverage, true);
        let rows = ["a:2 f 1/2", "a:2 f2 1/2", "a:5 g 1/2", "a:9 h 2/2"];
        assert_eq!(shown(&summaries), rows);
        let sum = Ratio {
            covered: 6,
            total: 8,
        };
        assert_eq!(total(&coverage, &summaries, Unit::Line), Some(sum));
        assert_eq!(total(&coverage, &summaries, Unit::Statement), None);
    }

    #[test]
    fn functions_of_a_source() {
        let directory = crate::testing::TempDir::new();
        let source = directory.path().join("a.go");
        fs::write(
            &source,
            "package p\nfunc f() { a()\n}\nfunc g() { b() }; func h() { c() }\n",
        )
        .unwrap();
        let path = source.display();
        let text = format!(
            "mode: set\n{path}:2.12,3.1 1 1\n{path}:4.12,4.15 2 0\n{path}:4.30,4.34 3 1\nm/x.go:1.1,1.2 4 1\n"
        );
        let mut coverage = Coverage::default();
        gotext::read(&mut coverage, "p", text.as_bytes()).unwrap();
        coverage.fold().unwrap();
        let rows = [
            format!("{path}:2 f 1/1"),
            format!("{path}:4 g 0/2"),
            format!("{path}:4 h 3/3"),
            "m/x.go:0 ? 4/4".to_string(),
        ];
        assert_eq!(shown(&summaries(&coverage, true)), rows);
    }
}
