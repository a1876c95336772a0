//! Private directories. That of a run of `exec` is made by the daemon, and whoever is left removes it.

use std::fs::{self, DirBuilder, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::clause::clause;
use crate::daemon::endpoint::PATH_LIMIT;

/// The name of the daemon's socket in it.
const SOCKET: &str = "pilot.sock";

/// The name of its control socket.
const CONTROL: &str = "control.sock";

/// A directory that is removed with all it holds on drop, if it is there.
#[derive(Debug)]
pub(crate) struct PrivateDirectory(PathBuf);

/// Makes a directory with mode 0700: the umask may take away from what it is made with. One that cannot
/// have it is not left behind.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    let private = fs::set_permissions(path, Permissions::from_mode(0o700));
    private.inspect_err(|_| {
        let _ = fs::remove_dir(path);
    })
}

/// A fresh name among the temporary files, or, where they have no directory (an empty chroot), in the
/// working directory. The sockets' paths fit an address if that can be had.
pub(crate) fn fresh() -> PathBuf {
    let random = RandomState::new().build_hasher().finish();
    let name = format!("mockpilot-{random:016x}");
    let usual = std::env::temp_dir();
    let here = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let fits = |parent: &&PathBuf| {
        // The longer of the two.
        let socket = parent.join(&name).join(CONTROL);
        socket.is_absolute() && socket.as_os_str().len() <= PATH_LIMIT && parent.is_dir()
    };
    let parents = [usual.clone(), "/tmp".into(), here];
    let parent = parents.iter().find(fits).unwrap_or(&usual);
    parent.join(name)
}

impl PrivateDirectory {
    /// One that another process is going to make.
    pub(crate) fn foreseen() -> PrivateDirectory {
        PrivateDirectory(fresh())
    }

    /// Makes the directory with mode 0700.
    ///
    /// # Errors
    ///
    /// When it is there already, or cannot be made.
    pub(crate) fn create(path: &Path) -> io::Result<PrivateDirectory> {
        make(path)?;
        Ok(PrivateDirectory(path.to_path_buf()))
    }

    /// A fresh one of this process's own.
    ///
    /// # Errors
    ///
    /// The directory that cannot be made, and why.
    pub(crate) fn new() -> Result<PrivateDirectory, String> {
        let foreseen = PrivateDirectory::foreseen();
        match make(&foreseen.0) {
            Ok(()) => Ok(foreseen),
            Err(error) => Err(format!("{}: {}", foreseen.0.display(), clause(&error))),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join(SOCKET)
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.0.join(CONTROL)
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, TempDir};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_socket_fits_though_the_temporary_files_are_far_away() {
        const NAME: &str = "private::tests::a_socket_fits_though_the_temporary_files_are_far_away";
        if testing::role().is_some() {
            assert!(fresh().join(SOCKET).as_os_str().len() <= PATH_LIMIT);
            return;
        }
        let far = TempDir::new();
        let directory = far.path().join("x".repeat(100));
        fs::create_dir(&directory).unwrap();
        for directory in [&*directory, Path::new("")] {
            let mut child = testing::rerun(NAME, "child", "");
            let output = child.env("TMPDIR", directory).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    }

    #[test]
    fn only_its_owner_gets_in_and_nothing_stays() {
        let foreseen = PrivateDirectory::foreseen();
        let path = foreseen.path().to_path_buf();
        assert!(!path.exists());
        let made = PrivateDirectory::create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::write(made.socket(), "").unwrap();
        assert!(PrivateDirectory::create(&path).is_err());
        drop(made);
        assert!(!path.exists());
    }
}
