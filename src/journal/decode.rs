//! `mockpilot decode`: frames from a file as lines of the journal.

#[cfg(any(all(test, not(shuttle)), fuzzing))]
#[path = "../../tests/fuzz/entries/journal.rs"]
pub(crate) mod fuzzing;
mod hex;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::entry::Entry;
use super::{Direction, Options};
use crate::clause::clause;
use crate::cli::complain;
use crate::wire::command::PUSHES;
use crate::wire::frame::{Ending, FrameReader, MAX_LENGTH, PREFIX};
use hex::HexDigits;

/// Bytes of lines that are written at once.
const BATCH: usize = 64 << 10;

/// What is to be decoded, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Where the frames are; `None` or `-` for the standard input.
    pub file: Option<PathBuf>,
    /// They are hex digits, with white space anywhere between them.
    pub hex: bool,
    /// The daemon sent them.
    pub from_daemon: bool,
    /// All data is shown, not its first 64 bytes.
    pub raw: bool,
    /// Tokens are shown.
    pub secrets: bool,
}

/// Why there are no more lines.
enum Trouble {
    /// The frames end as they should not.
    Input(String),
    /// The lines cannot be written.
    Output(io::Error),
}

/// Prints a line for each frame on the standard output and gives the exit status: 1 when the input
/// cannot be read to its end, is cut off or is none, which is said on standard error.
pub fn decode(options: &DecodeOptions) -> ExitCode {
    let file = options
        .file
        .as_deref()
        .filter(|path| *path != Path::new("-"));
    let name = match file {
        Some(path) => path.display().to_string(),
        None => "standard input".to_owned(),
    };
    let source: io::Result<Box<dyn Read>> = match file {
        Some(path) => File::open(path).map(|file| Box::new(file) as _),
        None => Ok(Box::new(io::stdin().lock())),
    };
    let printed = match source {
        Ok(source) => print(source, options, &mut io::stdout().lock()),
        Err(error) => Err(Trouble::Input(clause(&error))),
    };
    let why = match printed {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Trouble::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(Trouble::Output(error)) => format!("standard output: {}", clause(&error)),
        Err(Trouble::Input(why)) => format!("{name}: {why}"),
    };
    complain(&why);
    ExitCode::FAILURE
}

/// Decodes all of `source`. Lines are held back only while more input is at hand.
fn print(
    source: Box<dyn Read>,
    options: &DecodeOptions,
    output: &mut dyn Write,
) -> Result<(), Trouble> {
    let taken = Cell::new(0);
    let source: Box<dyn Read> = if options.hex {
        Box::new(HexDigits::new(source))
    } else {
        source
    };
    let mut reader = FrameReader::new(Counted {
        source,
        taken: &taken,
    });
    let mut output = BufWriter::with_capacity(BATCH, output);
    let mut seq = 0;
    let ending = loop {
        match reader.buffered() {
            Ok(Some(frame)) => {
                seq += 1;
                let line = Entry {
                    seq,
                    direction: Some(direction(options, frame.code)),
                    code: frame.code,
                    length: frame.payload.len(),
                    payload: frame.payload,
                    ..Entry::default()
                }
                .line(Options {
                    raw: options.raw,
                    secrets: options.secrets,
                });
                writeln!(output, "{line}").map_err(Trouble::Output)?;
            }
            Ok(None) => {
                output.flush().map_err(Trouble::Output)?;
                if let Err(ending) = reader.fill() {
                    break ending;
                }
            }
            Err(ending) => break ending,
        }
    };
    output.flush().map_err(Trouble::Output)?;
    let taken: u64 = taken.get();
    let why = match ending {
        Ending::Clean => return Ok(()),
        Ending::Cut(bytes) => {
            let (missing, of) = match reader.wanted() {
                0 => (PREFIX - bytes, " of its length"),
                wanted => (wanted - bytes, ""),
            };
            let at = taken - bytes as u64;
            format!("the frame at offset {at} is cut off: {missing} bytes{of} are missing")
        }
        Ending::TooLong(length) => {
            let at = taken - reader.unread() as u64;
            format!("the frame at offset {at} has {length} bytes, over the limit of {MAX_LENGTH}")
        }
        Ending::Broken(error) => clause(&error),
    };
    Err(Trouble::Input(why))
}

/// Which way a frame went. Of a `close_ok` one cannot tell: it counts as a reply.
fn direction(options: &DecodeOptions, code: u8) -> Direction {
    match PUSHES.iter().find(|push| push.code == code) {
        _ if !options.from_daemon => Direction::In,
        Some(push) if push.name != "close_ok" => Direction::Push,
        _ => Direction::Out,
    }
}

/// Counts the bytes that come from a source.
struct Counted<'a> {
    source: Box<dyn Read>,
    taken: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.taken.set(self.taken.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
