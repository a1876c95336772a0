//! Values of options: paths, numbers, sizes, durations.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use super::options::Row;
use super::{Misuse, ParentChoice};

/// Longest duration taken, in milliseconds, about 114 years: clocks can still count it (our choice).
pub(super) const MAX_DURATION_MS: u64 = 1_000_000 * 3_600_000;

pub(super) fn bad(row: &Row, why: &str, value: &OsStr) -> Misuse {
    Misuse::new(format!("{}: {why}, got {value:?}", row.spelled()))
}

pub(super) fn path(row: &Row, value: OsString) -> Result<PathBuf, Misuse> {
    if value.is_empty() {
        return Err(bad(row, "expected a path", &value));
    }
    Ok(value.into())
}

/// A scenario: a file, or its own text.
pub(super) fn scenario(row: &Row, value: OsString) -> Result<OsString, Misuse> {
    match value.is_empty() {
        true => Err(bad(row, "expected a file or JSON", &value)),
        false => Ok(value),
    }
}

pub(super) fn text<'a>(row: &Row, value: &'a OsStr) -> Result<&'a str, Misuse> {
    value.to_str().ok_or_else(|| bad(row, "not UTF-8", value))
}

pub(super) fn number(row: &Row, value: &OsStr) -> Result<u64, Misuse> {
    let (digits, unit) = split_unit(text(row, value)?);
    if digits.is_empty() || !unit.is_empty() {
        return Err(bad(row, "expected a whole number", value));
    }
    digits.parse().map_err(|_| bad(row, "too large", value))
}

pub(super) fn descriptor(row: &Row, value: &OsStr) -> Result<i32, Misuse> {
    i32::try_from(number(row, value)?).map_err(|_| bad(row, "too large", value))
}

pub(super) fn parent(row: &Row, value: &OsStr) -> Result<ParentChoice, Misuse> {
    if value.is_empty() {
        return Ok(ParentChoice::Found);
    }
    // The kernel counts processes in a signed number.
    match i32::try_from(number(row, value)?).map(i32::unsigned_abs) {
        Ok(0) => Err(bad(row, "must be more than zero", value)),
        Ok(pid) => Ok(ParentChoice::Named(pid)),
        Err(_) => Err(bad(row, "too large", value)),
    }
}

/// What a suffix multiplies a number of bytes by.
pub(super) const BYTE_UNITS: &[(&str, u64)] = &[
    ("K", 1 << 10),
    ("KiB", 1 << 10),
    ("M", 1 << 20),
    ("MiB", 1 << 20),
];

/// What a suffix multiplies a number of milliseconds by.
const TIME_UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

pub(super) fn count(row: &Row, value: &OsStr, units: &[(&str, u64)]) -> Result<usize, Misuse> {
    let expected = if units.is_empty() {
        "expected a whole number"
    } else {
        "expected bytes such as 65536, 64KiB or 1MiB"
    };
    let (digits, unit) = split_unit(text(row, value)?);
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => 1,
        None => return Err(bad(row, expected, value)),
    };
    let product = scale(row, value, expected, digits, factor)?;
    usize::try_from(product).map_err(|_| bad(row, "too large", value))
}

pub(super) fn duration(row: &Row, value: &OsStr) -> Result<Duration, Misuse> {
    let expected = "expected a duration such as 250ms, 2s or 1m";
    let (digits, unit) = split_unit(text(row, value)?);
    let Some((_, factor)) = TIME_UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(bad(row, expected, value));
    };
    match scale(row, value, expected, digits, *factor)? {
        product if product > MAX_DURATION_MS => Err(bad(row, "too large", value)),
        product => Ok(Duration::from_millis(product)),
    }
}

/// The digits at the start and what follows them.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn scale(
    row: &Row,
    value: &OsStr,
    expected: &str,
    digits: &str,
    factor: u64,
) -> Result<u64, Misuse> {
    if digits.is_empty() {
        return Err(bad(row, expected, value));
    }
    let product = digits.parse::<u64>().ok();
    match product.and_then(|number| number.checked_mul(factor)) {
        None => Err(bad(row, "too large", value)),
        Some(0) => Err(bad(row, "must be more than zero", value)),
        Some(product) => Ok(product),
    }
}
