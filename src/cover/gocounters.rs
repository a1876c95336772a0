//! The counters that one Go process left.

use super::cursor::{Cursor, Damage};
use super::data::{MOST, Mode};
use super::gometa::Meta;

pub(super) const MAGIC: &[u8] = b"\0cwm";

const FOOTER: usize = 16;

/// Adds a covcounters file to `counts`, of which there is one for each block of `meta`. It is not to be
/// used any more after an error.
///
/// # Errors
///
/// Where the file is damaged, and how.
pub(super) fn add(data: &[u8], meta: &Meta<'_>, counts: &mut [u64]) -> Result<(), Damage> {
    let mut file = Cursor::new(data);
    if file.bytes(4)? != MAGIC {
        return Err((0, "no Go coverage counters"));
    }
    if file.number(4)? != 1 {
        return Err((4, "unknown version"));
    }
    if file.bytes(16)? != meta.hash {
        return Err((8, "not the counters of this meta-data"));
    }
    let raw = match file.number(1)? {
        1 => true,
        2 => false,
        _ => return Err((24, "unknown flavour")),
    };
    let big_endian = match file.number(1)? {
        0 => false,
        1 => true,
        _ => return Err((25, "unknown byte order")),
    };
    file.bytes(6)?;
    // A process that was killed while it wrote left no footer.
    if data.len() < file.at + FOOTER || &data[data.len() - FOOTER..][..4] != MAGIC {
        return Err((data.len(), "cut off"));
    }
    let mut segments = 0;
    while file.left() > 0 {
        let functions = file.number(8)?;
        let strings = file.number(4)?;
        let arguments = file.number(4)?;
        file.bytes(strings as usize)?;
        file.bytes(arguments as usize)?;
        for _ in 0..functions {
            add_function(&mut file, meta, counts, &mut |file| match raw {
                false => file.uleb(),
                true => file.number(4).map(|value| match big_endian {
                    true => (value as u32).swap_bytes(),
                    false => value as u32,
                }),
            })?;
        }
        segments += 1;
        let at = file.at;
        let magic = file.bytes(4)?;
        file.bytes(4)?;
        if magic != MAGIC || file.number(4)? != segments {
            return Err((at, "a segment without its end"));
        }
        file.bytes(4)?;
    }
    Ok(())
}

fn add_function(
    file: &mut Cursor<'_>,
    meta: &Meta<'_>,
    counts: &mut [u64],
    number: &mut dyn FnMut(&mut Cursor<'_>) -> Result<u32, Damage>,
) -> Result<(), Damage> {
    let at = file.at;
    let counters = number(file)? as usize;
    let package = number(file)? as usize;
    let function = number(file)? as usize;
    let package = meta.packages.get(package).ok_or((at, "no such package"))?;
    let function = package
        .functions
        .get(function)
        .ok_or((at, "no such function"))?;
    let expected = match meta.per_function {
        true => function.blocks.min(1),
        false => function.blocks,
    };
    if counters != expected {
        return Err((at, "not as many counters as the function has"));
    }
    let mut count = 0;
    for index in 0..function.blocks {
        if index < counters {
            count = u64::from(number(file)?);
        }
        let sum = &mut counts[function.first + index];
        *sum = match meta.mode {
            Mode::Set => u64::from(*sum | count != 0),
            _ => sum.saturating_add(count).min(MOST),
        };
    }
    Ok(())
}
