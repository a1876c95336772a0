//! LLVM's raw profiles, read by LLVM's own tools.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::data::Coverage;
use super::order::sorted;
use super::{base, has, lcov, list, why};
use crate::cli::complain;
use crate::log::one_line;
use crate::private::PrivateDirectory;

/// What the names of raw profiles end in.
pub(super) const RAW: &str = "profraw";

/// Raw profiles that one command line takes (our choice, far below the system's limit).
const BATCH: usize = 500;

/// How messages of llvm-cov about a file that is no object with coverage data end.
const NO_DATA: [&str; 3] = [
    "no coverage data found",
    "not recognized as a valid object file",
    "No such file or directory",
];

/// The programs that raw profiles may be of.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) named: Vec<PathBuf>,
    /// The command that was run, which may be no such program.
    pub(super) tried: Option<PathBuf>,
    /// Whether a profile may be cut off, as that of a process that was killed while it wrote.
    pub(super) cut_off: bool,
}

impl Objects {
    pub(super) fn none(&self) -> bool {
        self.named.is_empty() && self.tried.is_none()
    }
}

/// Whether a file begins as a raw profile, of 64 or of 32 bits and of either byte order.
pub(super) fn recognised(start: &[u8]) -> bool {
    let mut start = start.to_vec();
    if start.first() == Some(&0x81) {
        start.reverse();
    }
    matches!(&start[..], b"\xfflprofr\x81" | b"\xfflprofR\x81")
}

/// Adds the lines, functions and branches of `objects` as `raw` counted them.
///
/// # Errors
///
/// When no pair of tools reads the data: what was tried, and what it said.
pub(super) fn read(
    coverage: &mut Coverage,
    raw: &[PathBuf],
    objects: &Objects,
) -> Result<(), String> {
    let mut shown = raw[0].to_string_lossy().into_owned();
    if raw.len() > 1 {
        shown += &format!(" and {} more", raw.len() - 1);
    }
    let scratch = PrivateDirectory::new()?;
    let mut said = Vec::new();
    for tools in tools(scratch.path()) {
        match tools.export(scratch.path(), raw, objects) {
            Ok(export) => {
                for object in export.without_data {
                    coverage.skip(&object, "no coverage data in it");
                }
                for (profile, reason) in export.damaged {
                    coverage.skip(&profile, &reason);
                }
                match export.tracefile {
                    Some(text) => lcov::read(coverage, &shown, &text)?,
                    None => {
                        coverage.skip(&shown, "no object with their coverage data, see --object")
                    }
                }
                return Ok(());
            }
            Err(text) => said.push(text),
        }
    }
    // Whoever knows the version knows what is wrong.
    if let Some(text) = said.iter().find(|text| !has(text.as_bytes(), b"version")) {
        return Err(text.clone());
    }
    if said.is_empty() {
        said.push("nothing, there is no llvm-profdata with its llvm-cov".to_string());
    }
    Err(format!(
        "{shown}: no LLVM tool reads it: tried {}; install those of the compiler's version: \
         rustup component add llvm-tools, or the package llvm-N",
        said.join("; ")
    ))
}

struct Export {
    /// `None` when no object has data.
    tracefile: Option<Vec<u8>>,
    without_data: Vec<PathBuf>,
    /// Profiles that could not be read, and why.
    damaged: Vec<(String, String)>,
}

/// llvm-profdata and llvm-cov.
struct Tools {
    profdata: PathBuf,
    cov: PathBuf,
}

impl Tools {
    fn export(&self, scratch: &Path, raw: &[PathBuf], objects: &Objects) -> Result<Export, String> {
        let (merged, damaged) = self.merge(scratch, raw, objects.cut_off)?;
        let mut profile = OsString::from("-instr-profile=");
        profile.push(&merged);
        let export = |objects: &[&PathBuf], more: Option<&str>| {
            let mut command = Command::new(&self.cov);
            command
                .args(["export", "-format=lcov"])
                .arg(&profile)
                .args(more);
            for (index, object) in objects.iter().enumerate() {
                if index > 0 {
                    command.arg("-object");
                }
                command.arg(plain(object));
            }
            output(scratch, &mut command)
        };
        let mut without_data = Vec::new();
        let mut with_data: Vec<&PathBuf> = Vec::new();
        for object in objects.named.iter().chain(&objects.tried) {
            // An object that is given twice would count twice.
            let file = fs::canonicalize(object).ok();
            if with_data
                .iter()
                .any(|known| fs::canonicalize(known).ok() == file)
            {
                continue;
            }
            // llvm-cov says so of the first object alone.
            match export(&[object], Some("-summary-only")) {
                Ok(_) => with_data.push(object),
                Err(text)
                    if !NO_DATA
                        .iter()
                        .any(|end| has(text.as_bytes(), end.as_bytes())) =>
                {
                    return Err(text);
                }
                Err(_) if objects.tried.as_ref() == Some(object) => {}
                Err(_) => without_data.push(object.clone()),
            }
        }
        let tracefile = match with_data.is_empty() {
            true => None,
            false => {
                let (text, warnings) = export(&with_data, None)?;
                for warning in warnings.lines() {
                    complain(&one_line(&format!("{}: {warning}", self.cov.display())));
                }
                Some(text)
            }
        };
        Ok(Export {
            tracefile,
            without_data,
            damaged,
        })
    }

    fn merge(
        &self,
        scratch: &Path,
        raw: &[PathBuf],
        cut_off: bool,
    ) -> Result<(PathBuf, Vec<(String, String)>), String> {
        let mut merged: Option<PathBuf> = None;
        let mut damaged = Vec::new();
        for (index, batch) in raw.chunks(BATCH).enumerate() {
            let next = scratch.join(format!("{}.profdata", index % 2));
            let mut command = Command::new(&self.profdata);
            command.args(["merge", "-o"]).arg(&next).args(&merged);
            command.args(cut_off.then_some("-failure-mode=all"));
            command.args(batch.iter().map(|path| plain(path)));
            let (_, warnings) = output(scratch, &mut command)?;
            for warning in warnings.lines() {
                match warning
                    .strip_prefix("warning: ")
                    .and_then(|warning| warning.split_once(": "))
                {
                    // Newer tools may read it.
                    Some((_, why)) if has(why.as_bytes(), b"version") => {
                        return Err(format!("{}: {why}", self.profdata.display()));
                    }
                    Some((profile, why)) => damaged.push((profile.into(), why.into())),
                    None => {}
                }
            }
            merged = Some(next);
        }
        match merged {
            Some(merged) => Ok((merged, damaged)),
            None => Err("no raw profile".to_string()),
        }
    }
}

/// A path that is not taken for an option.
fn plain(path: &Path) -> PathBuf {
    match path.as_os_str().as_encoded_bytes().first() {
        Some(b'-') => Path::new(".").join(path),
        _ => path.to_path_buf(),
    }
}

/// Runs a tool; gives what it prints and what it warns of, or else, with its path, what it says first.
fn output(scratch: &Path, command: &mut Command) -> Result<(Vec<u8>, String), String> {
    let program = PathBuf::from(command.get_program());
    let streams = [scratch.join("stdout"), scratch.join("stderr")];
    let mut run = || -> io::Result<_> {
        command
            .stdin(Stdio::null())
            .stdout(File::create(&streams[0])?);
        let status = command.stderr(File::create(&streams[1])?).status()?;
        Ok((status, fs::read(&streams[0])?, fs::read(&streams[1])?))
    };
    let (status, printed, said) = run().map_err(|error| why(&program, &error))?;
    let said = String::from_utf8_lossy(&said).trim().to_string();
    if status.success() {
        return Ok((printed, said));
    }
    let first = said.lines().next().unwrap_or("failed without a word");
    let first = first
        .strip_prefix("warning: ")
        .or(first.strip_prefix("error: "))
        .unwrap_or(first);
    Err(format!("{}: {first}", program.display()))
}

/// The pairs of tools to try: the Rust toolchain's own, then those on PATH, the plain names first and
/// then the newest.
fn tools(scratch: &Path) -> Vec<Tools> {
    let mut found = Vec::new();
    let sysroot = output(scratch, Command::new("rustc").args(["--print", "sysroot"]));
    if let Ok((sysroot, _)) = sysroot {
        let sysroot = String::from_utf8_lossy(&sysroot);
        let targets = list(&Path::new(sysroot.trim()).join("lib/rustlib"));
        for target in targets.unwrap_or_default() {
            pair(&target.join("bin"), "", &mut found);
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versioned: Vec<(u32, PathBuf)> = Vec::new();
    for directory in std::env::split_paths(&path) {
        pair(&directory, "", &mut found);
        for file in list(&directory).unwrap_or_default() {
            if let Some(version) = version(&base(&file)) {
                versioned.push((version, directory.clone()));
            }
        }
    }
    for at in sorted(versioned.len(), &|a, b| versioned[b].0.cmp(&versioned[a].0)) {
        let (version, directory) = &versioned[at as usize];
        pair(directory, &format!("-{version}"), &mut found);
    }
    found
}

fn version(name: &str) -> Option<u32> {
    name.strip_prefix("llvm-profdata-")?.parse().ok()
}

fn pair(directory: &Path, suffix: &str, found: &mut Vec<Tools>) {
    let [profdata, cov] =
        ["llvm-profdata", "llvm-cov"].map(|name| directory.join(format!("{name}{suffix}")));
    // The same tools have several names, and /bin is /usr/bin.
    let known =
        |tools: &Tools| fs::canonicalize(&tools.profdata).ok() == fs::canonicalize(&profdata).ok();
    if profdata.is_file() && cov.is_file() && !found.iter().any(known) {
        found.push(Tools { profdata, cov });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_profiles_by_their_first_bytes() {
        for (start, expected) in [
            (&b"\x81rforpl\xff"[..], true),
            (b"\x81Rforpl\xff", true),
            (b"\xfflprofr\x81", true),
            (b"\xfflprofR\x81", true),
            (b"\xfflprofi\x81", false),
            (b"\x81rforpl", false),
            (b"", false),
        ] {
            assert_eq!(recognised(start), expected, "{start:?}");
        }
    }

    #[test]
    fn versions_of_tools() {
        for (name, expected) in [
            ("llvm-profdata-19", Some(19)),
            ("llvm-profdata", None),
            ("llvm-profdata-19.1", None),
            ("llvm-cov-19", None),
        ] {
            assert_eq!(version(name), expected);
        }
    }
}
