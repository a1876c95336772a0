//! The meta-data of a Go program with coverage: its functions and their blocks.

use super::cursor::{Cursor, Damage};
use super::data::Mode;

pub(super) const MAGIC: &[u8] = b"\0cvm";

/// Where a file says how its program counted.
pub(super) const MODE: usize = 48;

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
    let magic = header.bytes(4) == MAGIC;
    header.check(magic, 0, "no Go coverage meta-data");
    let version = header.number(4);
    header.check(version == 1, 4, "unknown version");
    let length = header.number(8);
    let what = "cut off, or not of the length that it says";
    header.check(length == data.len() as u64, 8, what);
    let packages = header.number(8);
    let hash = header.bytes(16);
    header.number(8);
    let mode = header.number(1);
    header.check((1..=3).contains(&mode), MODE, "unknown counter mode");
    let granularity = header.number(1);
    header.check(
        (1..=2).contains(&granularity),
        MODE + 1,
        "unknown granularity",
    );
    header.bytes(6);
    let room = header.left() as u64 / 16;
    header.check(packages <= room, 16, "more packages than there is room for");
    header.sound()?;
    let mut meta = Meta {
        hash,
        mode: Mode::NAMES[mode as usize - 1].1,
        per_function: granularity == 2,
        packages: Vec::new(),
        blocks: Vec::new(),
    };
    let mut offsets = header;
    header.bytes(8 * packages as usize);
    let mut room = data.len() as u64;
    for _ in 0..packages {
        let at = offsets.at;
        let length = header.number(8);
        // Packages that overlap would be read over and over.
        header.check(length <= room, at, "packages overlap");
        header.sound()?;
        room -= length;
        read_package(file.part(offsets.number(8), length), &mut meta)?;
    }
    Ok(meta)
}

fn read_package<'a>(package: Cursor<'a>, meta: &mut Meta<'a>) -> Result<(), Damage> {
    package.sound()?;
    let start = package.at;
    let mut header = package;
    header.bytes(8);
    let path = header.number(4);
    header.bytes(28);
    let functions = header.number(4);
    let mut offsets = header;
    let room = offsets.left() as u64 / 4;
    header.check(
        functions <= room,
        header.at,
        "more functions than there is room for",
    );
    header.bytes(4 * functions as usize);
    let mut strings: Vec<&[u8]> = Vec::new();
    for _ in 0..header.uleb() {
        let length = header.uleb() as usize;
        strings.push(header.bytes(length));
        header.sound()?;
    }
    header.sound()?;
    let string = |index: u64, at: usize| -> Result<&'a [u8], Damage> {
        let text = strings.get(index as usize).copied().unwrap_or_default();
        // Neither text format could hold a line's end.
        if text.is_empty() || text.iter().any(|byte| b"\n\r".contains(byte)) {
            return Err((at, "no name"));
        }
        Ok(text)
    };
    let mut room = package.left() / BLOCK;
    let mut found = Package {
        path: string(path, start + 8)?,
        functions: Vec::new(),
    };
    for _ in 0..functions {
        let at = offsets.at;
        let mut place = package;
        place.bytes(offsets.number(4) as usize);
        let blocks = place.uleb() as usize;
        let name = place.uleb();
        let file = place.uleb();
        place.check(blocks <= room, at, "more blocks than there is room for");
        place.sound()?;
        room -= blocks;
        let first = meta.blocks.len();
        for _ in 0..blocks {
            let mut block = Block::default();
            for number in &mut block {
                *number = place.uleb();
            }
            meta.blocks.push(block);
        }
        let literal = place.uleb() != 0;
        place.sound()?;
        found.functions.push(Function {
            name: string(name.into(), at)?,
            file: string(file.into(), at)?,
            literal,
            first,
            blocks,
        });
    }
    meta.packages.push(found);
    Ok(())
}
