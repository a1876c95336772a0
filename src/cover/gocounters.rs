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
    let magic = file.bytes(4) == MAGIC;
    file.check(magic, 0, "no Go coverage counters");
    let version = file.number(4);
    file.check(version == 1, 4, "unknown version");
    let hash = file.bytes(16) == meta.hash;
    file.check(hash, 8, "not the counters of this meta-data");
    let flavour = file.number(1);
    file.check((1..=2).contains(&flavour), 24, "unknown flavour");
    let big_endian = file.number(1);
    file.check(big_endian <= 1, 25, "unknown byte order");
    file.bytes(6);
    // A process that was killed while it wrote left no footer.
    let footer = data.len().saturating_sub(FOOTER);
    let whole = footer >= file.at && data[footer..].starts_with(MAGIC);
    file.check(whole, data.len(), "cut off");
    file.sound()?;
    let number = |file: &mut Cursor<'_>| match (flavour, big_endian) {
        (2, _) => file.uleb(),
        (_, 0) => file.number(4) as u32,
        _ => (file.number(4) as u32).swap_bytes(),
    };
    let mut segments = 0;
    while file.left() > 0 {
        let functions = file.number(8);
        let strings = file.number(4);
        let arguments = file.number(4);
        file.bytes(strings as usize);
        file.bytes(arguments as usize);
        for _ in 0..functions {
            add_function(&mut file, meta, counts, &number)?;
        }
        segments += 1;
        let at = file.at;
        let magic = file.bytes(4) == MAGIC;
        file.bytes(4);
        let end = file.number(4) == segments;
        file.check(magic && end, at, "a segment without its end");
        file.bytes(4);
        file.sound()?;
    }
    Ok(())
}

fn add_function(
    file: &mut Cursor<'_>,
    meta: &Meta<'_>,
    counts: &mut [u64],
    number: &dyn Fn(&mut Cursor<'_>) -> u32,
) -> Result<(), Damage> {
    let at = file.at;
    let counters = number(file) as usize;
    let package = number(file) as usize;
    let function = number(file) as usize;
    file.sound()?;
    let package = meta.packages.get(package).map(|package| &package.functions);
    let Some(function) = package.and_then(|functions| functions.get(function)) else {
        return Err((at, "no such function"));
    };
    let expected = match meta.per_function {
        true => function.blocks.min(1),
        false => function.blocks,
    };
    file.check(
        counters == expected,
        at,
        "not as many counters as the function has",
    );
    let mut count = 0;
    for index in 0..function.blocks {
        if index < counters {
            count = u64::from(number(file));
        }
        let sum = &mut counts[function.first + index];
        *sum = match meta.mode {
            Mode::Set => u64::from(*sum | count != 0),
            _ => sum.saturating_add(count).min(MOST),
        };
    }
    file.sound()
}
