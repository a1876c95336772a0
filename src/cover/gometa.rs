//! The meta-data of a Go program with coverage: its functions and their blocks.

use super::cursor::{Cursor, Damage};
use super::data::Mode;

pub(super) const MAGIC: &[u8] = b"\0cvm";

/// Bytes that a block takes at least.
const BLOCK: usize = 5;

/// A block: line, column, end line, end column, statements.
pub(super) type Block = [u32; 5];

/// A function and its place among the blocks.
#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) name: &'a [u8],
    pub(super) file: &'a [u8],
    pub(super) literal: bool,
    pub(super) first: usize,
    pub(super) blocks: usize,
}

#[derive(Debug)]
pub(super) struct Package<'a> {
    pub(super) path: &'a [u8],
    pub(super) functions: Vec<Function<'a>>,
}

/// A covmeta file.
#[derive(Debug)]
pub(super) struct Meta<'a> {
    pub(super) hash: &'a [u8],
    pub(super) mode: Mode,
    /// One counter a function, not one a block.
    pub(super) per_function: bool,
    pub(super) packages: Vec<Package<'a>>,
    pub(super) blocks: Vec<Block>,
}

/// Takes a covmeta file apart.
///
/// # Errors
///
/// Where it is damaged, and how.
pub(super) fn parse(data: &[u8]) -> Result<Meta<'_>, Damage> {
    let file = Cursor::new(data);
    let mut header = file;
    if header.bytes(4)? != MAGIC {
        return Err((0, "no Go coverage meta-data"));
    }
    if header.number(4)? != 1 {
        return Err((4, "unknown version"));
    }
    if header.number(8)? != data.len() as u64 {
        return Err((8, "cut off, or not of the length that it says"));
    }
    let packages = header.number(8)?;
    let hash = header.bytes(16)?;
    header.number(8)?;
    let mode = match header.number(1)? {
        1 => Mode::Set,
        2 => Mode::Count,
        3 => Mode::Atomic,
        _ => return Err((48, "unknown counter mode")),
    };
    let per_function = match header.number(1)? {
        1 => false,
        2 => true,
        _ => return Err((49, "unknown granularity")),
    };
    header.bytes(6)?;
    if packages > header.left() as u64 / 16 {
        return Err((16, "more packages than there is room for"));
    }
    let mut meta = Meta {
        hash,
        mode,
        per_function,
        packages: Vec::new(),
        blocks: Vec::new(),
    };
    let mut offsets = file.part(header.at as u64, 8 * packages)?;
    let mut lengths = file.part(header.at as u64 + 8 * packages, 8 * packages)?;
    let mut room = data.len() as u64;
    for _ in 0..packages {
        let at = offsets.at;
        let length = lengths.number(8)?;
        // Packages that overlap would be read over and over.
        room = room.checked_sub(length).ok_or((at, "packages overlap"))?;
        let part = file.part(offsets.number(8)?, length)?;
        read_package(part, &mut meta)?;
    }
    Ok(meta)
}

fn read_package<'a>(package: Cursor<'a>, meta: &mut Meta<'a>) -> Result<(), Damage> {
    let start = package.at as u64;
    let mut header = package;
    header.bytes(8)?;
    let path = header.number(4)?;
    header.bytes(28)?;
    let functions = header.number(4)?;
    let mut offsets = header;
    if functions > offsets.left() as u64 / 4 {
        return Err(offsets.damage("more functions than there is room for"));
    }
    header.bytes(4 * functions as usize)?;
    let strings = read_strings(&mut header)?;
    let string = |index: u64, at: usize| -> Result<&'a [u8], Damage> {
        let found = usize::try_from(index)
            .ok()
            .and_then(|index| strings.get(index));
        let text = found.copied().ok_or((at, "no such string"))?;
        // Neither text format could hold it.
        if text.is_empty() || text.iter().any(|byte| b"\n\r".contains(byte)) {
            return Err((at, "no name"));
        }
        Ok(text)
    };
    let mut room = package.left() / BLOCK;
    let mut found = Package {
        path: string(path, start as usize + 8)?,
        functions: Vec::new(),
    };
    for _ in 0..functions {
        let at = offsets.at;
        let offset = offsets.number(4)?;
        let mut place = package;
        place.bytes(usize::try_from(offset).map_err(|_| (at, "a place outside the file"))?)?;
        let blocks = place.uleb()? as usize;
        room = room
            .checked_sub(blocks)
            .ok_or((at, "more blocks than there is room for"))?;
        let name = string(u64::from(place.uleb()?), place.at)?;
        let file = string(u64::from(place.uleb()?), place.at)?;
        let first = meta.blocks.len();
        for _ in 0..blocks {
            let mut block = Block::default();
            for number in &mut block {
                *number = place.uleb()?;
            }
            meta.blocks.push(block);
        }
        let literal = place.uleb()? != 0;
        found.functions.push(Function {
            name,
            file,
            literal,
            first,
            blocks,
        });
    }
    meta.packages.push(found);
    Ok(())
}

fn read_strings<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<&'a [u8]>, Damage> {
    let mut strings = Vec::new();
    for _ in 0..cursor.uleb()? {
        let length = cursor.uleb()? as usize;
        strings.push(cursor.bytes(length)?);
    }
    Ok(strings)
}
