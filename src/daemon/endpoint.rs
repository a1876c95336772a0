//! The listening socket and the path it is published under: nothing is ever replaced, and the path
//! appears only once a connect succeeds.

mod inherited;
mod staging;

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use inherited::Inherited;
use staging::Staging;

use crate::clause::clause;
use crate::mailbox::Mailbox;
use crate::threads::{self, Instant, UnixListener, UnixStream};

/// Longest path of a socket in bytes: `sun_path` without its closing NUL.
pub const PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// A socket that neither answers nor refuses for this long belongs to someone alive (our choice).
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// Patience with other starts in the same directory: several may probe a silent socket in turn.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// A stop must not wait for a start: it has 200 ms for everything.
const WITHDRAW_LOCK_TIMEOUT: Duration = Duration::from_millis(50);

/// How often the name may be taken and vanish again before that counts as taken.
const ATTEMPTS: usize = 16;

/// The step that finds out who has a name.
const UNKNOWN: &str = "see whether it is in use";

/// Why a path could not be published; the text names the path.
#[derive(Debug)]
pub enum EndpointError {
    /// The path does not fit the system's socket addresses.
    TooLong {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path ends in something that cannot name a socket: a slash, `.`, `..`, a NUL byte.
    BadName {
        /// The path asked for.
        path: PathBuf,
    },
    /// The directory that is to hold the socket is not there.
    NoDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// Something that is not a socket has the name: a file, a directory, a symlink.
    NotASocket {
        /// The path asked for.
        path: PathBuf,
    },
    /// A socket has the name and somebody listens, or nobody can tell.
    InUse {
        /// The path asked for.
        path: PathBuf,
    },
    /// The system refused a step.
    System {
        /// What the step was about.
        place: PathBuf,
        /// The step, as in `cannot <step>`.
        step: &'static str,
        /// What the system said.
        cause: io::Error,
    },
}

impl EndpointError {
    fn system<'a>(place: &'a Path, step: &'static str) -> impl FnOnce(io::Error) -> Self + 'a {
        move |cause| EndpointError::System {
            place: place.to_path_buf(),
            step,
            cause,
        }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { path } => write!(
                f,
                "{}: path of {} bytes is over the limit of {PATH_LIMIT}",
                path.display(),
                path.as_os_str().len()
            ),
            Self::BadName { path } => write!(f, "{}: cannot name a socket", path.display()),
            Self::NoDirectory { directory } => {
                write!(f, "{}: no such directory", directory.display())
            }
            Self::NotASocket { path } => {
                write!(f, "{}: exists and is not a socket", path.display())
            }
            Self::InUse { path } => write!(f, "{}: in use by a running process", path.display()),
            Self::System { place, step, cause } => {
                write!(f, "{}: cannot {step}: {}", place.display(), clause(cause))
            }
        }
    }
}

impl std::error::Error for EndpointError {}

/// A listening socket and the name it has in the file system; dropping it takes the name away.
#[derive(Debug)]
pub struct Endpoint {
    listener: Arc<UnixListener>,
    path: PathBuf,
    origin: Origin,
}

/// Where the listening socket comes from.
#[derive(Debug)]
enum Origin {
    Published(Name),
    /// Another process made it and may go on listening.
    Inherited(Inherited),
}

/// A name that we gave to a socket.
#[derive(Debug)]
struct Name {
    /// Where the path led at the start, whatever the working directory is by now.
    absolute: PathBuf,
    parent: File,
    identity: (u64, u64),
    withdrawn: AtomicBool,
}

impl Endpoint {
    /// Binds a socket, listens, and gives it the name `path` with mode 0600. A connect succeeds from
    /// the moment the name is there.
    ///
    /// A dead socket of that name is reclaimed; anything else is left alone.
    ///
    /// # Errors
    ///
    /// Every variant of [`EndpointError`]; nothing is left behind then.
    pub fn publish(path: &Path) -> Result<Endpoint, EndpointError> {
        let (directory, name) = split(path)?;
        let absolute = std::path::absolute(path);
        let absolute = absolute.map_err(EndpointError::system(path, "find the way to it"))?;
        let parent = open_directory(directory)?;
        // Before anything is created, and outside the lock: the usual refusal costs nobody anything.
        occupant(path)?;

        let staging = Staging::create(directory)?;
        let listener = staging.listen()?;
        let staged = staging.socket();
        let identity = fs::symlink_metadata(&staged)
            .map(|found| (found.dev(), found.ino()))
            .map_err(EndpointError::system(&staged, "inspect"))?;

        lock(&parent, LOCK_TIMEOUT).map_err(EndpointError::system(directory, "lock"))?;
        let placed = place(&staged, &directory.join(name), path, |from, to| {
            fs::hard_link(from, to)
        });
        // The staging directory goes before the lock does, so that an orderly start leaves no trace
        // that a later one under the same lock could see.
        drop(staging);
        let _ = parent.unlock();
        placed?;
        Ok(Endpoint {
            listener: Arc::new(listener),
            path: path.to_path_buf(),
            origin: Origin::Published(Name {
                absolute,
                parent,
                identity,
                withdrawn: AtomicBool::new(false),
            }),
        })
    }

    /// The listening socket, to be shared with whoever accepts.
    pub fn listener(&self) -> &Arc<UnixListener> {
        &self.listener
    }

    /// The path as it was asked for, or that an inherited socket is bound to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of a socket that other processes may listen on too; `None` for one of our own.
    pub fn inherited(&self) -> Option<&Inherited> {
        match &self.origin {
            Origin::Published(_) => None,
            Origin::Inherited(inherited) => Some(inherited),
        }
    }

    /// Takes the name away if it still means this socket; an inherited one's name is not ours. Call it
    /// before the listener stops accepting: while the socket answers, no other start reclaims the
    /// name. Repeatable.
    pub fn withdraw(&self) {
        if let Origin::Published(name) = &self.origin {
            name.withdraw();
        }
    }
}

impl Name {
    fn withdraw(&self) {
        if self.withdrawn.swap(true, Ordering::SeqCst) {
            return;
        }
        let locked = lock(&self.parent, WITHDRAW_LOCK_TIMEOUT).is_ok();
        // As long as the listener is open its inode number is not given to another file.
        if let Ok(found) = fs::symlink_metadata(&self.absolute)
            && (found.dev(), found.ino()) == self.identity
        {
            let _ = fs::remove_file(&self.absolute);
        }
        if locked {
            let _ = self.parent.unlock();
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// Takes a path apart without the clean-up of `Path`, which would read `a/.` as `a`.
fn split(path: &Path) -> Result<(&Path, &OsStr), EndpointError> {
    let bytes = path.as_os_str().as_bytes();
    let (directory, name) = match bytes.iter().rposition(|&byte| byte == b'/') {
        Some(0) => (&b"/"[..], &bytes[1..]),
        Some(slash) => (&bytes[..slash], &bytes[slash + 1..]),
        None => (&b"."[..], bytes),
    };
    if matches!(name, b"" | b"." | b"..") || bytes.contains(&0) {
        let path = path.to_path_buf();
        return Err(EndpointError::BadName { path });
    }
    if bytes.len() > PATH_LIMIT {
        let path = path.to_path_buf();
        return Err(EndpointError::TooLong { path });
    }
    let directory = Path::new(OsStr::from_bytes(directory));
    Ok((directory, OsStr::from_bytes(name)))
}

fn open_directory(directory: &Path) -> Result<File, EndpointError> {
    let missing = || EndpointError::NoDirectory {
        directory: directory.to_path_buf(),
    };
    // Looked at first: opening a FIFO would wait for its other end.
    match fs::metadata(directory) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(missing()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(missing());
        }
        Err(cause) => return Err(EndpointError::system(directory, "inspect")(cause)),
    }
    File::open(directory).map_err(EndpointError::system(directory, "open"))
}

/// Locks a directory, waiting at most `patience`: anyone who can read it can hold its lock for ever.
fn lock(directory: &File, patience: Duration) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        match directory.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                threads::sleep(Duration::from_millis(2));
            }
            Err(TryLockError::WouldBlock) => {
                let held = format!("held by another process for {patience:?}");
                return Err(io::Error::new(ErrorKind::TimedOut, held));
            }
        }
    }
}

/// Gives the staged socket its final name; to be called with the parent directory locked. `shown` is
/// the final name as the user wrote it.
fn place(
    staged: &Path,
    name: &Path,
    shown: &Path,
    link: impl Fn(&Path, &Path) -> io::Result<()>,
) -> Result<(), EndpointError> {
    for _ in 0..ATTEMPTS {
        let dead = occupant(shown)?;
        if let Some(dead) = dead {
            reclaim(shown, &dead)?;
        }
        match link(staged, name) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) if refuses_hard_links(&error) => {
                let seen = fs::symlink_metadata(name).map_err(|error| error.kind());
                if matches!(seen, Err(ErrorKind::NotFound)) {
                    return fs::rename(staged, name)
                        .map_err(EndpointError::system(shown, "publish"));
                }
            }
            Err(cause) => return Err(EndpointError::system(shown, "publish")(cause)),
        }
    }
    Err(EndpointError::InUse {
        path: shown.to_path_buf(),
    })
}

/// What the file systems and kernels without hard links (of sockets) say: EPERM, EOPNOTSUPP, ENOSYS,
/// EMLINK, EXDEV, EACCES.
fn refuses_hard_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::Unsupported
            | ErrorKind::TooManyLinks
            | ErrorKind::CrossesDevices
    )
}

/// What has the name: nothing, or a dead socket. Everything else is an error.
fn occupant(path: &Path) -> Result<Option<Metadata>, EndpointError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(EndpointError::system(path, "inspect")(cause)),
    };
    if !found.file_type().is_socket() {
        let path = path.to_path_buf();
        return Err(EndpointError::NotASocket { path });
    }
    let failure = probe(path).map_err(EndpointError::system(path, UNKNOWN))?;
    match failure.as_ref().map(io::Error::kind) {
        Some(ErrorKind::ConnectionRefused) => Ok(Some(found)),
        Some(ErrorKind::NotFound) => Ok(None),
        Some(ErrorKind::PermissionDenied) => Err(EndpointError::System {
            place: path.to_path_buf(),
            step: UNKNOWN,
            cause: ErrorKind::PermissionDenied.into(),
        }),
        _ => Err(EndpointError::InUse {
            path: path.to_path_buf(),
        }),
    }
}

/// Connects in a thread of its own, since a full backlog blocks for ever, and tells how that failed;
/// `None` if it did not, or gave no answer.
fn probe(path: &Path) -> io::Result<Option<io::Error>> {
    let answer = Mailbox::new();
    let (answered, path) = (answer.clone(), path.to_path_buf());
    let connect = move || answer.put(UnixStream::connect(path).err());
    threads::start("probe", threads::ROOMY, Box::new(connect))?;
    Ok(answered.take(PROBE_TIMEOUT).flatten())
}

/// Removes the dead socket that was looked at, unless something else has its name by now. The change
/// time tells a successor that got the same inode number.
fn reclaim(path: &Path, dead: &Metadata) -> Result<(), EndpointError> {
    let same = |found: &Metadata| {
        (found.dev(), found.ino()) == (dead.dev(), dead.ino())
            && (found.ctime(), found.ctime_nsec()) == (dead.ctime(), dead.ctime_nsec())
    };
    match fs::symlink_metadata(path) {
        Ok(found) if same(&found) => match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(EndpointError::system(path, "remove the dead socket")(error))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests;
