//! The journal's file: a regular one, a FIFO or another process's end of a pipe.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How long to leave a descriptor alone that somebody made non-blocking and that is full.
const RETRY: Duration = Duration::from_millis(1);

/// Bytes that go to a pipe at once: more could be taken in part, and nobody would know.
const PIECE: usize = 4096;

/// Where lines go.
#[derive(Debug)]
pub(super) enum Output {
    /// An open file.
    Open(File),
    /// A FIFO, which is opened when somebody reads it.
    Fifo(PathBuf),
}

impl Output {
    /// Opens what is at `path`, or a new file with mode 0600. The standard streams are used as they
    /// are: some cannot be opened.
    pub fn of(path: &Path) -> io::Result<Output> {
        let standard = match path.to_str() {
            Some("/dev/stdout") => Some(io::stdout().as_fd().try_clone_to_owned()?),
            Some("/dev/stderr") => Some(io::stderr().as_fd().try_clone_to_owned()?),
            _ => None,
        };
        if let Some(descriptor) = standard {
            return Ok(Output::Open(descriptor.into()));
        }
        if fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
            return Ok(Output::Fifo(path.to_path_buf()));
        }
        open(path).map(Output::Open)
    }

    /// The open file; waits for a FIFO's reader.
    pub fn ready(self) -> io::Result<File> {
        match self {
            Output::Open(file) => Ok(file),
            Output::Fifo(path) => open(&path),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    // A line that an earlier daemon, killed, has left unfinished is not to spoil the next.
    let mut last = *b"\n";
    if let Some(end) = file.metadata()?.len().checked_sub(1) {
        let _ = File::open(path).and_then(|earlier| earlier.read_at(&mut last, end));
    }
    if last != *b"\n" {
        write(&file, b"\n", &mut |_| {})?;
    }
    Ok(file)
}

/// Writes lines out, and makes sure that they can still be found. Where somebody reads what is written,
/// that goes in pieces, and `took` learns how much of it was taken.
pub(super) fn write(
    mut file: &File,
    mut lines: &[u8],
    took: &mut dyn FnMut(usize),
) -> io::Result<()> {
    let all = lines;
    let piece = match file.metadata()?.is_file() {
        true => usize::MAX,
        false => PIECE,
    };
    while !lines.is_empty() {
        match file.write(&lines[..lines.len().min(piece)]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                lines = &lines[count..];
                if piece == PIECE {
                    took(count);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => {
                take_back(file, &all[..all.len() - lines.len()]);
                return Err(error);
            }
        }
    }
    let found = file.metadata()?;
    if found.is_file() && found.nlink() == 0 {
        return Err(io::Error::other("the file was deleted"));
    }
    Ok(())
}

/// Takes the start of a line whose rest has no room out of a file, unless something follows it there.
fn take_back(mut file: &File, written: &[u8]) {
    let whole = written.iter().rposition(|byte| *byte == b'\n');
    let start = written.len() - whole.map_or(0, |end| end + 1);
    if start > 0
        && let Ok(found) = file.metadata()
        && found.is_file()
        && file.stream_position().is_ok_and(|at| at == found.len())
    {
        // Where this fails, the next daemon ends the line.
        let _ = file.set_len(found.len() - start as u64);
    }
}

/// Lets a thread that waits for a FIFO's reader go on.
pub(super) fn release(path: &Path) {
    // A FIFO that is opened for both waits for nobody.
    let _ = OpenOptions::new().read(true).write(true).open(path);
}
