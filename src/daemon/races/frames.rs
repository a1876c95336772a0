//! Frames that tell where they come from, and a reader that checks what arrives.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::daemon::outbox::Outbox;
use crate::threads::{self, JoinHandle, Mutex, UnixStream};

/// An outbox whose stream takes so many bytes before it blocks, and the client's end.
pub fn outbox(room: usize, write_timeout: Duration) -> (Arc<Outbox>, UnixStream) {
    let (near, far) = UnixStream::pair_with_room(room);
    (
        Arc::new(Outbox::new(Arc::new(near), write_timeout).unwrap()),
        far,
    )
}

/// The bytes of a frame of a source, by its number; each frame of a source has another length.
pub fn frame(source: u8, number: u8) -> Vec<u8> {
    let filling = usize::from(number % 3) * 2 + 1;
    let mut bytes = vec![0, 0, 0, filling as u8 + 2, source, number];
    bytes.resize(bytes.len() + filling, source ^ number);
    bytes
}

/// What has arrived: the numbers of each source's frames, in the order in which they came.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    pub of: BTreeMap<u8, Vec<u8>>,
    /// Bytes of a frame that was cut off by the end.
    pub cut: usize,
}

impl Arrived {
    /// Nothing of that source was lost, doubled or overtaken.
    pub fn all(&self, source: u8, count: u8) {
        let numbers: Vec<u8> = (0..count).collect();
        assert_eq!(self.of.get(&source), Some(&numbers), "source {source}");
    }

    /// Nothing of it was doubled or overtaken, and nothing lost but what comes behind the last that
    /// came.
    pub fn in_order(&self, source: u8) {
        let numbers = self.of.get(&source).map_or(&[][..], Vec::as_slice);
        let expected: Vec<u8> = (0..numbers.len() as u8).collect();
        assert_eq!(*numbers, expected, "source {source}");
    }
}

/// Reads until the end, or until so many frames have come, each of them whole.
pub fn read(far: &UnixStream, most: usize) -> Arrived {
    let (mut arrived, mut bytes, mut frames) = (Arrived::default(), Vec::new(), 0);
    let mut far = far;
    let mut piece = [0; 64];
    loop {
        while let [0, 0, 0, length, rest @ ..] = bytes.as_slice() {
            let length = usize::from(*length);
            let Some(body) = rest.get(..length) else {
                break;
            };
            let (source, number) = (body[0], body[1]);
            assert_eq!(
                [&[0, 0, 0, length as u8], body].concat(),
                frame(source, number)
            );
            arrived.of.entry(source).or_default().push(number);
            bytes.drain(..4 + length);
            frames += 1;
        }
        assert!(
            bytes.iter().zip([0; 3]).all(|(one, other)| *one == other),
            "{bytes:?}"
        );
        if frames >= most {
            assert_eq!(frames, most);
            return arrived;
        }
        match far.read(&mut piece).unwrap() {
            0 => {
                arrived.cut = bytes.len();
                return arrived;
            }
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// A thread with a result.
pub struct Doing<T> {
    thread: JoinHandle<()>,
    result: Arc<Mutex<Option<T>>>,
}

impl<T: Send + 'static> Doing<T> {
    pub fn start(name: &str, body: impl FnOnce() -> T + Send + 'static) -> Doing<T> {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let body = move || {
            let done = body();
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        };
        let thread = threads::start(name, 0, Box::new(body)).unwrap();
        Doing { thread, result }
    }

    pub fn result(self) -> T {
        self.thread.join().unwrap();
        let mut result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        result.take().expect("the thread has ended well")
    }
}

/// Waits for threads without a result.
pub fn all<const COUNT: usize>(threads: [Doing<()>; COUNT]) {
    threads.into_iter().for_each(Doing::result);
}

/// Reads in a thread of its own.
pub fn reading(far: UnixStream, most: usize) -> Doing<(Arrived, UnixStream)> {
    Doing::start("client", move || (read(&far, most), far))
}
