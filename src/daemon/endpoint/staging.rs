//! Where a socket comes to life before it gets its name.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{ATTEMPTS, EndpointError, PATH_LIMIT};
use crate::private;
use crate::threads::UnixListener;

/// The private directory beside the final name in which the socket comes to life; gone on drop.
pub(super) struct Staging {
    directory: PathBuf,
}

impl Staging {
    pub(super) fn create(parent: &Path) -> Result<Staging, EndpointError> {
        let create = |name: OsString| {
            let directory = parent.join(name);
            private::make(&directory)?;
            Ok(Staging { directory })
        };
        with_fresh_name(create).map_err(EndpointError::system(parent, "create a directory in it"))
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.join("s")
    }

    pub(super) fn listen(&self) -> Result<UnixListener, EndpointError> {
        let socket = self.socket();
        let listener = self
            .bind(&socket)
            .map_err(EndpointError::system(&socket, "listen"))?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600))
            .map_err(EndpointError::system(&socket, "set its mode"))?;
        Ok(listener)
    }

    fn bind(&self, socket: &Path) -> io::Result<UnixListener> {
        if socket.as_os_str().len() <= PATH_LIMIT {
            return UnixListener::bind(socket);
        }
        self.bind_by_descriptor()
            .or_else(|_| self.bind_by_symlink(&std::env::temp_dir()))
    }

    /// A way to a longer path than a socket address can hold, where there is a /proc.
    pub(super) fn bind_by_descriptor(&self) -> io::Result<UnixListener> {
        let directory = File::open(&self.directory)?;
        UnixListener::bind(format!("/proc/self/fd/{}/s", directory.as_raw_fd()))
    }

    /// The other way: a short symlink in a directory with a short name.
    pub(super) fn bind_by_symlink(&self, temporary: &Path) -> io::Result<UnixListener> {
        let target = std::path::absolute(&self.directory)?;
        let link = with_fresh_name(|name| {
            let link = temporary.join(name);
            std::os::unix::fs::symlink(&target, &link)?;
            Ok(link)
        })?;
        let bound = UnixListener::bind(link.join("s"));
        let _ = fs::remove_file(&link);
        bound
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.socket());
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Calls `create` with random names until one is free.
pub(super) fn with_fresh_name<T>(
    mut create: impl FnMut(OsString) -> io::Result<T>,
) -> io::Result<T> {
    let mut attempts = ATTEMPTS;
    loop {
        let random = RandomState::new().build_hasher().finish();
        attempts -= 1;
        match create(format!(".mockpilot-{random:016x}").into()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempts > 0 => {}
            outcome => return outcome,
        }
    }
}
