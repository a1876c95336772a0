//! The accept loop: it outlives a full descriptor table and ends when another thread says so.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::endpoint::Endpoint;

/// How long to leave the system alone where trying again at once would fail again.
const PAUSE: Duration = Duration::from_millis(50);

/// Troubles of one kind that are less than this apart are one burst, and get one warning.
const BURST_GAP: Duration = Duration::from_secs(1);

const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
const EBADF: i32 = 9;
const EINVAL: i32 = 22;
const ENOTSOCK: i32 = if cfg!(target_os = "linux") { 88 } else { 38 };

/// Accepts clients until it is stopped.
#[derive(Debug)]
pub struct Acceptor {
    listener: Arc<UnixListener>,
    waker: Waker,
    /// A client that was accepted before us.
    early: Mutex<Option<UnixStream>>,
    /// Given up to accept and close a client that there is no descriptor for.
    spare: Mutex<Option<File>>,
    stopping: Mutex<bool>,
    stopped: Condvar,
}

/// What ends a blocked accept.
#[derive(Debug)]
enum Waker {
    /// The listening socket once more, as the type that can be shut down; made beforehand, since a
    /// stop may come when no descriptor is left.
    Shutdown(UnixStream),
    /// A shutdown would hit every process that listens on the socket, so the daemon becomes its own
    /// last client. Where that fails, the name being gone, the thread stays blocked until the process
    /// ends. A time-out on the socket instead would be every listener's, and take a client away from
    /// them in each of its rounds.
    Connect(SocketAddr),
}

impl Acceptor {
    /// An acceptor for the endpoint's listener. One of our own is shut down by [`Acceptor::stop`], so
    /// that later connects are refused; an inherited one goes on listening for the others that have it.
    ///
    /// # Errors
    ///
    /// When the socket cannot be duplicated: the process is out of descriptors.
    pub fn of(endpoint: &Endpoint) -> io::Result<Acceptor> {
        let listener = Arc::clone(endpoint.listener());
        let Some(inherited) = endpoint.inherited() else {
            return Acceptor::new(listener);
        };
        let waker = Waker::Connect(inherited.address.clone());
        let early = hold(&inherited.early).take();
        Ok(Acceptor::waking(listener, waker, early))
    }

    fn new(listener: Arc<UnixListener>) -> io::Result<Acceptor> {
        let copy = UnixStream::from(OwnedFd::from(listener.try_clone()?));
        Ok(Acceptor::waking(listener, Waker::Shutdown(copy), None))
    }

    fn waking(listener: Arc<UnixListener>, waker: Waker, early: Option<UnixStream>) -> Acceptor {
        Acceptor {
            listener,
            waker,
            early: Mutex::new(early),
            spare: Mutex::new(take_spare()),
            stopping: Mutex::new(false),
            stopped: Condvar::new(),
        }
    }

    /// Hands each client to `serve` until [`Acceptor::stop`] is called. A client for which there is no
    /// descriptor is accepted and closed; `warn` gets one line for each burst of trouble.
    ///
    /// # Errors
    ///
    /// When the listener is unfit to accept from: closed, or not listening.
    pub fn run(
        &self,
        mut warn: impl FnMut(&str),
        mut serve: impl FnMut(UnixStream),
    ) -> io::Result<()> {
        let mut out_of_descriptors = Burst::default();
        let mut other_trouble = Burst::default();
        if let Some(client) = hold(&self.early).take() {
            serve(client);
        }
        while !*hold(&self.stopping) {
            match self.accept() {
                // Whoever was let in while the stop came in gets an end-of-file.
                Ok(_) if *hold(&self.stopping) => {}
                Ok(Accepted::Client(client)) => serve(client),
                Ok(Accepted::Refused) => {
                    if out_of_descriptors.begins() {
                        warn("out of descriptors: new clients are closed at once");
                    }
                }
                Ok(Accepted::Nobody) => {
                    if out_of_descriptors.begins() {
                        warn("out of descriptors: new clients have to wait");
                    }
                    self.pause();
                }
                Err(_) if *hold(&self.stopping) => {}
                Err(error) => match verdict(&error) {
                    Verdict::Again => {}
                    Verdict::Later => {
                        if other_trouble.begins() {
                            warn(&format!("cannot accept a client: {error}"));
                        }
                        self.pause();
                    }
                    Verdict::Never => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Makes [`Acceptor::run`] return, at once where it waits for a client. Repeatable, from any thread.
    pub fn stop(&self) {
        if std::mem::replace(&mut *hold(&self.stopping), true) {
            return;
        }
        self.stopped.notify_all();
        match &self.waker {
            Waker::Shutdown(listener) => {
                let _ = listener.shutdown(Shutdown::Both);
            }
            Waker::Connect(address) => {
                let address = address.clone();
                // In a thread: connect waits for room in a full backlog.
                let _ = thread::Builder::new()
                    .name("wake".into())
                    .spawn(move || UnixStream::connect_addr(&address));
            }
        }
    }

    fn accept(&self) -> io::Result<Accepted> {
        let accepted = match self.listener.accept() {
            // Somebody who has the socket too made it so.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.listener.set_nonblocking(false)?;
                self.listener.accept()
            }
            accepted => accepted,
        };
        let mut spare = hold(&self.spare);
        match accepted {
            Ok((client, _)) => {
                if spare.is_none() {
                    *spare = take_spare();
                }
                return Ok(Accepted::Client(client));
            }
            Err(error) if !is_exhaustion(&error) => return Err(error),
            Err(_) => {}
        }
        if spare.take().is_none() {
            *spare = take_spare();
            // With a spare again the next round is the one that can do something.
            return Ok(Accepted::Nobody);
        }
        // The system fails before it looks for a client, so this may wait for one for long. If there
        // is room by then the client is served after all.
        let accepted = self.listener.accept();
        *spare = take_spare();
        match accepted {
            Ok((client, _)) if spare.is_some() => Ok(Accepted::Client(client)),
            Ok((client, _)) => {
                drop(client);
                *spare = take_spare();
                Ok(Accepted::Refused)
            }
            Err(error) if is_exhaustion(&error) => Ok(Accepted::Nobody),
            Err(error) => Err(error),
        }
    }

    /// Waits a little, or until the stop.
    fn pause(&self) {
        let stopping = hold(&self.stopping);
        let _ = self
            .stopped
            .wait_timeout_while(stopping, PAUSE, |stopping| !*stopping);
    }
}

/// What one accept came to.
enum Accepted {
    Client(UnixStream),
    /// A client came and was closed for want of a descriptor.
    Refused,
    /// Not even that could be done.
    Nobody,
}

/// When to call accept again after a failure.
#[derive(Debug, PartialEq)]
enum Verdict {
    Again,
    Later,
    Never,
}

fn verdict(error: &io::Error) -> Verdict {
    match (error.kind(), error.raw_os_error()) {
        (ErrorKind::Interrupted | ErrorKind::ConnectionAborted, _) => Verdict::Again,
        (ErrorKind::Unsupported, _) | (_, Some(EBADF | EINVAL | ENOTSOCK)) => Verdict::Never,
        _ => Verdict::Later,
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// A descriptor on the one thing that even an empty chroot has.
fn take_spare() -> Option<File> {
    File::open("/").ok()
}

/// A panic elsewhere does not make a flag or a spare descriptor wrong.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the first trouble of a burst from the others.
#[derive(Default)]
struct Burst {
    last: Option<Instant>,
}

impl Burst {
    fn begins(&mut self) -> bool {
        self.begins_at(Instant::now())
    }

    fn begins_at(&mut self, now: Instant) -> bool {
        let last = self.last.replace(now);
        last.is_none_or(|last| now.duration_since(last) > BURST_GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, TempDir};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::path::Path;
    use std::process::{Child, ChildStdout, Stdio};
    use std::sync::mpsc;

    fn listen(path: &Path) -> Arc<UnixListener> {
        Arc::new(UnixListener::bind(path).unwrap())
    }

    #[test]
    fn serves_until_stopped_and_refuses_afterwards() {
        let directory = TempDir::new();
        let path = directory.path().join("s");
        let acceptor = Acceptor::new(listen(&path)).unwrap();
        thread::scope(|scope| {
            let (served, serving) = mpsc::channel();
            let running = scope.spawn(|| {
                acceptor.run(
                    |text| panic!("{text}"),
                    move |client| served.send(client).unwrap(),
                )
            });
            let mut client = UnixStream::connect(&path).unwrap();
            let mut server = serving.recv().unwrap();
            server.write_all(b"k").unwrap();
            client.read_exact(&mut [0]).unwrap();
            acceptor.stop();
            acceptor.stop();
            running.join().unwrap().unwrap();
            assert!(serving.recv().is_err());
        });
        let refused = UnixStream::connect(&path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        acceptor
            .run(|text| panic!("{text}"), |_| panic!("a client"))
            .unwrap();
    }

    #[test]
    fn a_stop_ends_a_pause() {
        let directory = TempDir::new();
        let acceptor = Acceptor::new(listen(&directory.path().join("s"))).unwrap();
        acceptor.stop();
        acceptor.pause();
        assert!(*hold(&acceptor.stopping));
    }

    #[test]
    fn a_socket_that_does_not_listen_is_fatal() {
        let (one, _other) = UnixStream::pair().unwrap();
        let listener = UnixListener::from(OwnedFd::from(one));
        let acceptor = Acceptor::new(Arc::new(listener)).unwrap();
        let error = acceptor
            .run(|text| panic!("{text}"), |_| panic!("a client"))
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(EINVAL));
    }

    #[test]
    fn verdicts() {
        let of = |code| verdict(&io::Error::from_raw_os_error(code));
        assert_eq!(of(4), Verdict::Again);
        assert_eq!(
            verdict(&ErrorKind::ConnectionAborted.into()),
            Verdict::Again
        );
        assert_eq!(verdict(&ErrorKind::OutOfMemory.into()), Verdict::Later);
        assert_eq!(of(1), Verdict::Later);
        for code in [EBADF, EINVAL, ENOTSOCK] {
            assert_eq!(of(code), Verdict::Never);
        }
    }

    #[test]
    fn one_warning_a_burst() {
        let mut burst = Burst::default();
        let start = Instant::now();
        assert!(burst.begins_at(start));
        assert!(!burst.begins_at(start + BURST_GAP));
        assert!(!burst.begins_at(start + BURST_GAP * 2));
        assert!(burst.begins_at(start + BURST_GAP * 4));
    }

    /// The daemon of the two tests below: takes all descriptors, says so, gives them back when told,
    /// and reports its warnings at the end.
    fn starve(path: &Path, with_spare: bool) {
        let listener = listen(path);
        let mut hogs = Vec::new();
        let mut eat = || {
            while let Some(hog) = take_spare() {
                hogs.push(hog);
            }
            hogs.pop()
        };
        let acceptor = if with_spare {
            let acceptor = Acceptor::new(listener).unwrap();
            eat();
            hogs.extend(take_spare());
            acceptor
        } else {
            drop(eat());
            Acceptor::new(listener).unwrap()
        };
        assert_eq!(hold(&acceptor.spare).is_some(), with_spare);
        let mut warnings = Vec::new();
        thread::scope(|scope| {
            let running = scope.spawn(|| {
                acceptor.run(
                    |text| {
                        warnings.push(text.to_string());
                        if !with_spare {
                            println!("\nfull");
                        }
                    },
                    |mut client| client.write_all(b"k").unwrap(),
                )
            });
            if with_spare {
                println!("\nfull");
            }
            io::stdin().read_exact(&mut [0]).unwrap();
            hogs.clear();
            println!("\nfree");
            let _ = io::stdin().read(&mut [0]);
            acceptor.stop();
            running.join().unwrap().unwrap();
        });
        println!("\nwarned: {}", warnings.join("; "));
    }

    fn start_starving(test: &str, path: &Path) -> (Child, BufReader<ChildStdout>) {
        let mut child = testing::rerun(test, path, "ulimit -n 40; ")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        (child, output)
    }

    fn line_with(text: &str, output: &mut impl BufRead) -> String {
        output
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with(text))
            .unwrap()
    }

    #[test]
    fn out_of_descriptors_clients_are_closed_and_later_ones_served() {
        const NAME: &str =
            "daemon::acceptor::tests::out_of_descriptors_clients_are_closed_and_later_ones_served";
        if let Some(path) = testing::role() {
            return starve(Path::new(&path), true);
        }
        let directory = TempDir::new();
        let path = directory.path().join("s");
        let (mut child, mut output) = start_starving(NAME, &path);
        line_with("full", &mut output);
        for _ in 0..5 {
            let mut client = UnixStream::connect(&path).unwrap();
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"f").unwrap();
        line_with("free", &mut output);
        for _ in 0..5 {
            let mut client = UnixStream::connect(&path).unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
        drop(stdin);
        assert_eq!(
            line_with("warned", &mut output),
            "warned: out of descriptors: new clients are closed at once"
        );
        output.lines().for_each(drop);
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn without_a_spare_clients_wait() {
        const NAME: &str = "daemon::acceptor::tests::without_a_spare_clients_wait";
        if let Some(path) = testing::role() {
            return starve(Path::new(&path), false);
        }
        let directory = TempDir::new();
        let path = directory.path().join("s");
        let (mut child, mut output) = start_starving(NAME, &path);
        line_with("full", &mut output);
        let mut client = UnixStream::connect(&path).unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"f").unwrap();
        client.read_exact(&mut [0]).unwrap();
        drop(stdin);
        assert_eq!(
            line_with("warned", &mut output),
            "warned: out of descriptors: new clients have to wait"
        );
        output.lines().for_each(drop);
        assert!(child.wait().unwrap().success());
    }
}
