//! Go's coverage directories: which files belong together, and what they count.

use std::fs;
use std::path::{Path, PathBuf};

use super::cursor::Damage;
use super::data::{Coverage, Function, Kind, LITERAL, Record};
use super::{base, gocounters, gometa, why};

/// Hexadecimal digits of the hash in the files' names.
const HASH: usize = 32;

const META: &str = "covmeta.";
const COUNTERS: &str = "covcounters.";

/// A program's meta-data and the counters that its processes left, in whatever directory.
#[derive(Debug)]
struct Pod {
    hash: String,
    meta: Option<PathBuf>,
    counters: Vec<PathBuf>,
    /// Its directory has been named as one without counters.
    named: bool,
}

/// What is left to do once it is known whether there is anything to count.
#[derive(Debug, Default)]
pub(super) struct Lost(Vec<PathBuf>);

/// Adds what the processes that wrote to `directories` counted, and gives the programs that left no
/// counters at all. A directory that is said to hold something else need not hold any of this.
///
/// # Errors
///
/// The file, the offset and what is wrong there.
pub(super) fn read(
    coverage: &mut Coverage,
    directories: &[(PathBuf, bool)],
) -> Result<Lost, String> {
    let mut pods = Vec::new();
    for (directory, other) in directories {
        list(coverage, directory, *other, &mut pods)?;
    }
    let mut lost = Lost::default();
    for pod in pods {
        match pod.meta {
            Some(meta) if pod.counters.is_empty() => {
                if !pod.named {
                    name_lost(coverage, &meta)?;
                }
                lost.0.push(meta);
            }
            Some(meta) => read_pod(coverage, &meta, &pod.counters)?,
            None => {
                for orphan in &pod.counters {
                    let why = format!("counters without their meta-data, {META}{}", pod.hash);
                    coverage.skip(orphan, &why);
                }
            }
        }
    }
    Ok(lost)
}

impl Lost {
    /// Adds the code of these programs as not run, where its counts can be added to the others.
    ///
    /// # Errors
    ///
    /// As for [`read`].
    pub(super) fn add(self, coverage: &mut Coverage) -> Result<(), String> {
        for meta in self.0 {
            read_pod(coverage, &meta, &[])?;
        }
        Ok(())
    }
}

fn list(
    coverage: &mut Coverage,
    directory: &Path,
    other: bool,
    pods: &mut Vec<Pod>,
) -> Result<(), String> {
    let mut counters = false;
    let mut found = Vec::new();
    for path in super::list(directory)? {
        let name = base(&path);
        let (hash, is_meta) = match (name.strip_prefix(META), name.strip_prefix(COUNTERS)) {
            (Some(hash), _) => (hash, true),
            (_, Some(rest)) => match rest.split_once('.') {
                Some((hash, _)) => (hash, false),
                None => continue,
            },
            _ => {
                if name
                    .strip_prefix("tmp.")
                    .is_some_and(|name| name.starts_with(COUNTERS))
                {
                    let why = "cut off, its process was killed while it wrote";
                    coverage.skip(path, why);
                }
                continue;
            }
        };
        let digits = hash.bytes().all(|b| b.is_ascii_hexdigit());
        let metadata = fs::metadata(&path).map_err(|error| why(&path, &error))?;
        if hash.len() != HASH || !digits || !metadata.is_file() {
            continue;
        }
        if metadata.len() == 0 {
            coverage.skip(path, "empty");
            continue;
        }
        let at = match pods.iter().position(|pod| pod.hash == hash) {
            Some(at) => at,
            None => {
                pods.push(Pod {
                    hash: hash.to_string(),
                    meta: None,
                    counters: Vec::new(),
                    named: false,
                });
                pods.len() - 1
            }
        };
        if !is_meta {
            pods[at].counters.push(path);
            counters = true;
        } else if pods[at].meta.is_none() {
            pods[at].meta = Some(path);
            found.push(at);
        }
    }
    if !counters && !other {
        coverage.skip(directory, "no counters of a Go program");
        for at in found {
            pods[at].named = true;
        }
    }
    Ok(())
}

/// Says which program it was that left no counters.
fn name_lost(coverage: &mut Coverage, path: &Path) -> Result<(), String> {
    let data = fs::read(path).map_err(|error| why(path, &error))?;
    let meta = gometa::parse(&data).map_err(|damage| damaged(path, damage))?;
    // The packages are in the order of their initialisation: main comes last.
    let main = meta
        .packages
        .last()
        .map_or(&b"?"[..], |package| package.path);
    let why = format!(
        "no counters, a process of {} ended without writing them",
        String::from_utf8_lossy(main)
    );
    coverage.skip(path, &why);
    Ok(())
}

fn damaged(path: &Path, (offset, what): Damage) -> String {
    format!("{}: offset {offset}: {what}", path.display())
}

fn read_pod(coverage: &mut Coverage, path: &Path, counters: &[PathBuf]) -> Result<(), String> {
    let data = fs::read(path).map_err(|error| why(path, &error))?;
    let meta = gometa::parse(&data).map_err(|damage| damaged(path, damage))?;
    let hash = base(path);
    let said: String = meta.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    if hash.strip_prefix(META) != Some(&said) {
        return Err(damaged(path, (24, "another hash than in the name")));
    }
    let mut counts = vec![0; meta.blocks.len()];
    for path in counters {
        let data = fs::read(path).map_err(|error| why(path, &error))?;
        gocounters::add(&data, &meta, &mut counts).map_err(|damage| damaged(path, damage))?;
    }
    let name = path.to_string_lossy();
    let input = coverage.input(&name);
    match coverage.count_as(meta.mode, input) {
        Err(_) if counters.is_empty() => return Ok(()),
        counted => counted.map_err(|why| format!("{name}: offset {}: {why}", gometa::MODE))?,
    }
    for package in &meta.packages {
        for function in &package.functions {
            let Some(file) = coverage.paths.file(function.file) else {
                continue;
            };
            coverage.paths.set_package(file, package.path);
            let blocks = function.first..function.first + function.blocks;
            let number = if function.literal {
                LITERAL
            } else if let Some(first) = meta.blocks[blocks.clone()].first() {
                let name = coverage.names.number(function.name);
                let line = first[0].into();
                coverage.functions.push(Function { name, line });
                coverage.functions.len() as u32
            } else {
                continue;
            };
            for at in blocks {
                let [line, column, end_line, end_column, statements] =
                    meta.blocks[at].map(u64::from);
                coverage.add(Record {
                    file,
                    kind: Kind::Block,
                    place: [line, end_line, column, end_column],
                    extra: statements,
                    count: counts[at],
                    function: number,
                    input,
                })?;
            }
        }
    }
    Ok(())
}
