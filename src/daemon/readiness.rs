//! How a harness learns that connects succeed: a line on a descriptor, and a service manager's socket.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// How long a service manager may take to make room for a message (our choice): less than a stop may
/// take.
const NOTIFY_TIMEOUT: Duration = Duration::from_millis(50);

/// The descriptor of `--ready-fd`; it is closed with this.
#[derive(Debug)]
pub struct ReadyLine(File);

impl ReadyLine {
    /// A line to be written to `descriptor`.
    ///
    /// # Errors
    ///
    /// When it cannot be written to.
    pub fn new(descriptor: OwnedFd) -> io::Result<ReadyLine> {
        let mut file = File::from(descriptor);
        // Writing nothing fails at once where writing something would.
        let _ = file.write(&[])?;
        Ok(ReadyLine(file))
    }

    /// The number of the descriptor.
    pub fn number(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Says that connects succeed, and closes.
    ///
    /// # Errors
    ///
    /// When the descriptor cannot be written to. That nobody reads is no error.
    pub fn started(self, socket: &Path, control: Option<&Path>, seed: u64) -> io::Result<()> {
        let text = |path: &Path| Value::from(path.to_string_lossy());
        let line = format!(
            "{{\"socket\":{},\"control\":{},\"pid\":{},\"seed\":{seed}}}\n",
            text(socket),
            control.map_or(Value::Null, text),
            std::process::id(),
        );
        self.write(&line)
    }

    /// Says why there is no daemon, and closes.
    pub fn failed(self, why: &str) {
        // Standard error says it too.
        let _ = self.write(&format!("{{\"error\":{}}}\n", Value::from(why)));
    }

    fn write(mut self, line: &str) -> io::Result<()> {
        match self.0.write_all(line.as_bytes()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }
}

/// The service manager that `NOTIFY_SOCKET` names.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notifier {
    /// The one that the environment names, if it names one.
    ///
    /// # Errors
    ///
    /// When its address is none.
    pub fn from_environment() -> io::Result<Option<Notifier>> {
        match std::env::var_os("NOTIFY_SOCKET") {
            Some(name) if !name.is_empty() => Notifier::new(&name).map(Some),
            _ => Ok(None),
        }
    }

    fn new(name: &OsString) -> io::Result<Notifier> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => abstract_address(name)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => {
                let expected = "expected an absolute path or @NAME";
                return Err(io::Error::new(ErrorKind::InvalidInput, expected));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(NOTIFY_TIMEOUT))?;
        Ok(Notifier { socket, address })
    }

    /// Sends one assignment, such as `READY=1`.
    ///
    /// # Errors
    ///
    /// When it does not arrive.
    pub fn tell(&self, assignment: &str) -> io::Result<()> {
        let sent = self
            .socket
            .send_to_addr(assignment.as_bytes(), &self.address);
        sent.map(drop)
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
    Err(ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::io::Read;

    fn line_of(write: impl FnOnce(ReadyLine)) -> String {
        let (mut reader, writer) = io::pipe().unwrap();
        write(ReadyLine::new(writer.into()).unwrap());
        let mut line = String::new();
        reader.read_to_string(&mut line).unwrap();
        line
    }

    #[test]
    fn one_line_and_the_end() {
        let pid = std::process::id();
        let socket = Path::new("/t/a\"b");
        assert_eq!(
            line_of(|ready| ready.started(socket, None, 7).unwrap()),
            format!("{{\"socket\":\"/t/a\\\"b\",\"control\":null,\"pid\":{pid},\"seed\":7}}\n")
        );
        assert_eq!(
            line_of(|ready| {
                let control = Path::new("/c");
                ready.started(socket, Some(control), u64::MAX).unwrap();
            }),
            format!(
                "{{\"socket\":\"/t/a\\\"b\",\"control\":\"/c\",\"pid\":{pid},\"seed\":18446744073709551615}}\n"
            )
        );
        assert_eq!(
            line_of(|ready| ready.failed("/t: in use")),
            "{\"error\":\"/t: in use\"}\n"
        );
    }

    #[test]
    fn nobody_that_reads_is_no_error_and_a_reading_end_is_one() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let ready = ReadyLine::new(writer.into()).unwrap();
        ready.started(Path::new("/s"), None, 1).unwrap();
        let (reader, _writer) = io::pipe().unwrap();
        assert!(ReadyLine::new(reader.into()).is_err());
    }

    #[test]
    fn a_service_manager_is_told() {
        let directory = TempDir::new();
        let path = directory.path().join("n");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(&path.into_os_string()).unwrap();
        notifier.tell("READY=1").unwrap();
        let mut got = [0; 64];
        let length = manager.recv(&mut got).unwrap();
        assert_eq!(&got[..length], b"READY=1");
        drop(manager);
        assert!(notifier.tell("STOPPING=1").is_err());
        for odd in ["relative", "", "vsock:1:2"] {
            assert!(Notifier::new(&odd.into()).is_err());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_name_is_an_address_too() {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("mockpilot-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let notifier = Notifier::new(&format!("@{name}").into()).unwrap();
        notifier.tell("READY=1").unwrap();
        let mut got = [0; 64];
        assert_eq!(manager.recv(&mut got).unwrap(), 7);
    }
}
