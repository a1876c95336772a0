//! Files that are written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::why;
use crate::sys;

/// Whether a file could be there at all: what a long run is to write must not fail for that at its end.
///
/// # Errors
///
/// The directory and what is wrong with it.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let parent = parent(path);
    match fs::metadata(&parent) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(format!("{}: not a directory", parent.display())),
        Err(error) => Err(why(&parent, &error)),
    }
}

/// Writes a file. What stood there before stays until the new one is whole; a device, a pipe or
/// what is open already is written to as it is.
///
/// # Errors
///
/// The file and what is wrong with it.
pub(super) fn write(path: &Path, data: &[u8]) -> Result<(), String> {
    if let Some(open) = sys::named_descriptor(path) {
        let written = open.and_then(|open| File::from(open).write_all(data));
        return written.map_err(|error| why(path, &error));
    }
    let written = match fs::metadata(path) {
        Ok(found) if !found.is_file() => OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(data)),
        Ok(found) => fs::canonicalize(path)
            .and_then(|target| replace(&target, data, Some(found.permissions()))),
        Err(_) => replace(path, data, None),
    };
    written.map_err(|error| why(path, &error))
}

fn replace(path: &Path, data: &[u8], mode: Option<fs::Permissions>) -> io::Result<()> {
    let random = RandomState::new().build_hasher().finish();
    let staged = parent(path).join(format!(".mockpilot-{random:016x}"));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&staged)?;
    let written = file
        .write_all(data)
        .and_then(|()| match mode {
            Some(mode) => file.set_permissions(mode),
            None => Ok(()),
        })
        .and_then(|()| fs::rename(&staged, path));
    if written.is_err() {
        let _ = fs::remove_file(&staged);
    }
    written
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_was_there_is_replaced_whole() {
        let directory = TempDir::new();
        let path = directory.path().join("f");
        write(&path, b"one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = directory.path().join("l");
        symlink(&path, &link).unwrap();
        write(&link, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(directory.names(), ["f", "l"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let directory = TempDir::new();
        let path = directory.path().join("d");
        fs::create_dir(&path).unwrap();
        let shown = path.display();
        assert_eq!(write(&path, b"x"), Err(format!("{shown}: is a directory")));
        let missing = path.join("x/y");
        assert!(check(&missing).is_err() && write(&missing, b"x").is_err());
        check(&path.join("y")).unwrap();
        check(Path::new("y")).unwrap();
        write(Path::new("/dev/null"), b"x").unwrap();
        assert_eq!(directory.names(), ["d"]);
    }
}
