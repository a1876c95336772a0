//! What was counted: one list of records for every format, in which the same place is one record.

use std::cmp::Ordering;
use std::path::Path;

use super::names::Names;
use super::order::sorted;
use super::paths::Paths;

/// The most that a count can be; it stays there. Source: the contract.
pub(super) const MOST: u64 = i64::MAX as u64;

/// Records that may be added before they are first put together (our choice).
const FIRST_FOLD: usize = 1 << 16;

/// What a record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A block of Go statements. Its place: start line, end line, start column, end column, which is
    /// Go's own order; `extra`: its statements; `function`: one more than its index among
    /// [`Coverage::functions`], 0 where it is not known, or [`LITERAL`].
    Block,
    /// A line. Its place: the line.
    Line,
    /// A branch. Its place: line, twice the block (and 1 for an exception), number, and the name where
    /// it has one in place of a number; `extra`: 1 if it was ever evaluated.
    Branch,
    /// A function of an LCOV section. Its place: its name; `extra`: its line; `function`: its last line.
    Function,
}

/// In place of a function: a literal outside every function.
pub(super) const LITERAL: u32 = u32::MAX;

/// One count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) file: u32,
    pub(super) kind: Kind,
    pub(super) place: [u64; 4],
    pub(super) extra: u64,
    pub(super) count: u64,
    pub(super) function: u32,
    /// Index among [`Coverage::inputs`].
    pub(super) input: u32,
}

impl Record {
    fn order(&self, other: &Record) -> Ordering {
        (self.file, self.kind)
            .cmp(&(other.file, other.kind))
            .then_with(|| self.place.cmp(&other.place))
    }
}

/// How Go counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Set,
    Count,
    Atomic,
}

impl Mode {
    /// By name, as in Go's texts.
    pub(super) const NAMES: [(&str, Mode); 3] = [
        ("set", Mode::Set),
        ("count", Mode::Count),
        ("atomic", Mode::Atomic),
    ];

    pub(super) fn name(self) -> &'static str {
        Mode::NAMES[self as usize].0
    }
}

/// A function that the meta-data of a Go program names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    pub(super) name: u32,
    /// Where its first block starts.
    pub(super) line: u64,
}

/// Something that could not be used and was passed over.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) path: String,
    pub(super) reason: String,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) records: Vec<Record>,
    /// Records at the front that are in order, each place once.
    folded: usize,
    pub(super) paths: Paths,
    /// Names of functions, packages and branches.
    pub(super) names: Names,
    pub(super) functions: Vec<Function>,
    /// The inputs that records come from, as messages name them.
    pub(super) inputs: Vec<String>,
    /// How Go counted, and the input that said so first.
    pub(super) mode: Option<(Mode, u32)>,
    /// The first input that counted lines.
    pub(super) lines: Option<u32>,
    pub(super) skipped: Vec<Skipped>,
}

impl Coverage {
    /// Makes `name` the input that the next records come from.
    pub(super) fn input(&mut self, name: &str) -> u32 {
        self.inputs.push(name.to_owned());
        self.inputs.len() as u32 - 1
    }

    /// Passes an input over; `reason` is a clause.
    pub(super) fn skip(&mut self, path: impl AsRef<Path>, reason: &str) {
        self.skip_path(path.as_ref(), reason);
    }

    fn skip_path(&mut self, path: &Path, reason: &str) {
        self.skipped.push(Skipped {
            path: path.to_string_lossy().into_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Notes how an input counted.
    ///
    /// # Errors
    ///
    /// When an earlier one counted in a way that cannot be added to it.
    pub(super) fn count_as(&mut self, mode: Mode, input: u32) -> Result<(), String> {
        match self.mode {
            Some((before, first)) if (before == Mode::Set) != (mode == Mode::Set) => Err(format!(
                "mode {}, but {} in {}",
                mode.name(),
                before.name(),
                self.inputs[first as usize]
            )),
            // What counts atomically counts.
            Some((Mode::Atomic | Mode::Set, _)) => Ok(()),
            Some((_, first)) => {
                self.mode = Some((mode, first));
                Ok(())
            }
            None => {
                self.mode = Some((mode, input));
                Ok(())
            }
        }
    }

    /// Adds a count.
    ///
    /// # Errors
    ///
    /// As for [`Coverage::fold`].
    pub(super) fn add(&mut self, record: Record) -> Result<(), String> {
        if self.records.len() >= FIRST_FOLD.max(2 * self.folded) {
            self.fold()?;
        }
        self.records.push(record);
        Ok(())
    }

    /// Puts the records in order and adds up those of the same place.
    ///
    /// # Errors
    ///
    /// When two inputs, which the text names, cannot be added.
    pub(super) fn fold(&mut self) -> Result<(), String> {
        let records = &self.records;
        let order = sorted(records.len(), &|a, b| records[a].order(&records[b]));
        let mut folded: Vec<Record> = Vec::with_capacity(self.folded.max(order.len() / 2));
        for at in order {
            let next = self.records[at as usize];
            match folded.last_mut() {
                Some(last) if last.order(&next) == Ordering::Equal => {
                    *last = self.sum(*last, next)?
                }
                _ => folded.push(next),
            }
        }
        self.folded = folded.len();
        self.records = folded;
        Ok(())
    }

    fn sum(&self, mut a: Record, b: Record) -> Result<Record, String> {
        let mut or = false;
        match a.kind {
            Kind::Block if a.extra != b.extra => {
                let [line, end_line, column, end_column] = a.place;
                return Err(format!(
                    "{}: {}:{line}.{column},{end_line}.{end_column}: {} statements, but {} in {}",
                    self.inputs[b.input as usize],
                    self.paths.shown(a.file),
                    b.extra,
                    a.extra,
                    self.inputs[a.input as usize],
                ));
            }
            Kind::Block => or = matches!(self.mode, Some((Mode::Set, _))),
            // Where one knows no line the other's counts.
            Kind::Function if a.extra == 0 || b.extra == 0 => a.extra |= b.extra,
            Kind::Function => a.extra = a.extra.min(b.extra),
            Kind::Line => {}
            Kind::Branch => a.extra |= b.extra,
        }
        a.function = a.function.max(b.function);
        a.count = match or {
            true => a.count | b.count,
            false => a.count.saturating_add(b.count).min(MOST),
        };
        Ok(a)
    }

    /// The records of each file, which must be folded, by path.
    pub(super) fn files(&self) -> Vec<&[Record]> {
        let mut files: Vec<&[Record]> = Vec::new();
        let mut start = 0;
        for at in 1..=self.records.len() {
            if at == self.records.len() || self.records[at].file != self.records[start].file {
                files.push(&self.records[start..at]);
                start = at;
            }
        }
        let path = |at: usize| self.paths.path(files[at][0].file);
        let order = sorted(files.len(), &|a, b| path(a).cmp(path(b)));
        order.into_iter().map(|at| files[at as usize]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(line: u64, extra: u64, count: u64, input: u32) -> Record {
        Record {
            file: 0,
            kind: Kind::Block,
            place: [line, line, 1, 9],
            extra,
            count,
            function: 0,
            input,
        }
    }

    fn coverage(mode: Mode) -> Coverage {
        let mut coverage = Coverage::default();
        for name in ["a", "b"] {
            let input = coverage.input(name);
            coverage.count_as(mode, input).unwrap();
        }
        coverage.paths.file(b"x.go");
        coverage
    }

    #[test]
    fn counts_stay_at_the_most() {
        let mut coverage = coverage(Mode::Count);
        for count in [MOST - 1, 1, 1, MOST, MOST] {
            coverage.add(block(1, 1, count, 0)).unwrap();
        }
        coverage.fold().unwrap();
        assert_eq!(coverage.records.len(), 1);
        assert_eq!(coverage.records[0].count, MOST);
    }

    #[test]
    fn sets_are_ored() {
        let mut coverage = coverage(Mode::Set);
        for (line, count) in [(1, 1), (2, 0), (1, 1), (2, 0), (3, 0), (3, 1)] {
            coverage.add(block(line, 1, count, 0)).unwrap();
        }
        coverage.fold().unwrap();
        let counts: Vec<u64> = coverage.records.iter().map(|r| r.count).collect();
        assert_eq!(counts, [1, 0, 1]);
    }

    #[test]
    fn conflicts_name_both_inputs_and_the_place() {
        let mut one = coverage(Mode::Count);
        one.add(block(3, 2, 1, 0)).unwrap();
        one.add(block(3, 4, 1, 1)).unwrap();
        assert_eq!(
            one.fold(),
            Err("b: x.go:3.1,3.9: 4 statements, but 2 in a".to_string())
        );
        let mut one = coverage(Mode::Count);
        one.count_as(Mode::Atomic, 1).unwrap();
        assert_eq!(one.mode, Some((Mode::Atomic, 0)));
        assert_eq!(
            one.count_as(Mode::Set, 1),
            Err("mode set, but atomic in a".to_string())
        );
    }

    #[test]
    fn many_records_of_few_places_take_little_room() {
        let mut coverage = coverage(Mode::Count);
        for round in 0..1_000_000u64 {
            coverage.add(block(round % 1000, 1, 1, 0)).unwrap();
        }
        assert!(coverage.records.capacity() <= 4 * FIRST_FOLD);
        coverage.fold().unwrap();
        assert!(coverage.records.iter().all(|record| record.count == 1000));
    }
}
