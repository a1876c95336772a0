//! A listening socket that the harness made before it started the daemon: no client can come too early.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Endpoint, Origin};
use crate::threads::{Mutex, UnixListener, UnixStream};

/// What is known of an inherited socket.
#[derive(Debug)]
pub struct Inherited {
    /// A connect to this reaches it, unless its path was taken away.
    pub address: SocketAddr,
    /// A client that came before the daemon.
    pub early: Mutex<Option<UnixStream>>,
}

impl Endpoint {
    /// Listens on an inherited socket. Its name is never taken away, and the harness may go on using
    /// its own copy; it is made blocking for both.
    ///
    /// # Errors
    ///
    /// When it is no Unix stream socket, or does not listen.
    pub fn inherit(descriptor: OwnedFd) -> io::Result<Endpoint> {
        let not_listening = |what: &str| io::Error::new(ErrorKind::InvalidInput, what.to_owned());
        let listener = UnixListener::from(descriptor);
        let address = listener
            .local_addr()
            .map_err(|_| not_listening("not a Unix socket"))?;
        if is_stream(&listener) == Some(false) {
            return Err(not_listening("not a stream socket"));
        }
        listener.set_nonblocking(true)?;
        let accepted = listener.accept();
        listener.set_nonblocking(false)?;
        let early = match accepted {
            Ok((client, _)) => {
                client.set_nonblocking(false)?;
                Some(client)
            }
            Err(error) if may_listen(&error) => None,
            Err(_) => return Err(not_listening("not a listening stream socket")),
        };
        Ok(Endpoint {
            listener: Arc::new(listener),
            path: shown(&address),
            origin: Origin::Inherited(Inherited {
                address,
                early: Mutex::new(early),
            }),
        })
    }
}

/// Whether a failed accept speaks of the moment and not of the socket: EINVAL (not listening) and
/// EOPNOTSUPP (datagrams) are of the other kind.
fn may_listen(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::Unsupported
    )
}

/// What the kernel's list says of the socket, where there is one: accept works on sockets of
/// sequenced packets too, but they keep the ends of the packets.
fn is_stream(listener: &UnixListener) -> Option<bool> {
    let copy = listener.as_fd().try_clone_to_owned().ok()?;
    let inode = fs::File::from(copy).metadata().ok()?.ino().to_string();
    let list = fs::read("/proc/net/unix").ok()?;
    list.split(|&byte| byte == b'\n').find_map(|line| {
        let line = String::from_utf8_lossy(line);
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        (columns.get(6) == Some(&inode.as_str())).then(|| columns.get(4) == Some(&"0001"))
    })
}

/// A socket's path; of an abstract name what service managers write, and nothing where it has none.
fn shown(address: &SocketAddr) -> PathBuf {
    if let Some(path) = address.as_pathname() {
        return path.to_path_buf();
    }
    abstract_name(address).unwrap_or_default().into()
}

#[cfg(target_os = "linux")]
fn abstract_name(address: &SocketAddr) -> Option<OsString> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStringExt;
    let name = address.as_abstract_name()?;
    Some(OsString::from_vec([b"@", name].concat()))
}

#[cfg(not(target_os = "linux"))]
fn abstract_name(_: &SocketAddr) -> Option<OsString> {
    None
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn a_listening_socket_is_taken_with_the_client_that_waits() {
        let directory = TempDir::new();
        let path = directory.path().join("s");
        let harness = UnixListener::bind(&path).unwrap();
        let copy = || OwnedFd::from(harness.try_clone().unwrap());
        let early = |endpoint: &Endpoint| {
            let inherited = endpoint.inherited().unwrap();
            inherited.early.lock().unwrap().is_some()
        };
        let endpoint = Endpoint::inherit(copy()).unwrap();
        assert!(!early(&endpoint));
        assert_eq!(endpoint.path(), path);
        let _client = UnixStream::connect(&path).unwrap();
        assert!(early(&Endpoint::inherit(copy()).unwrap()));
        endpoint.withdraw();
        drop(endpoint);
        assert_eq!(directory.names(), ["s"]);
    }

    #[test]
    fn anything_else_is_refused() {
        let directory = TempDir::new();
        let datagram = UnixDatagram::bind(directory.path().join("d")).unwrap();
        let (stream, _other) = UnixStream::pair().unwrap();
        let internet = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = fs::File::open("/").unwrap();
        for (descriptor, text) in [
            (OwnedFd::from(datagram), "not a stream socket"),
            (stream.into(), "not a listening stream socket"),
            (internet.into(), "not a Unix socket"),
            (file.into(), "not a Unix socket"),
        ] {
            let refused = Endpoint::inherit(descriptor).unwrap_err();
            assert_eq!(refused.to_string(), text);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn abstract_names_are_shown_with_an_at_sign() {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("mockpilot-unit-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let endpoint = Endpoint::inherit(listener.into()).unwrap();
        assert_eq!(endpoint.path().to_str().unwrap(), format!("@{name}"));
    }
}
