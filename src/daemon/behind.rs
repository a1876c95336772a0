//! Frames that go out piece by piece, and those that wait behind them.

use std::collections::VecDeque;
use std::time::Duration;

/// What waits behind a slow frame, that frame first.
#[derive(Debug, Default)]
pub struct Behind {
    segments: VecDeque<Segment>,
    /// Bytes that have not gone out.
    bytes: usize,
}

/// Bytes that go out together, or in pieces.
#[derive(Debug)]
struct Segment {
    bytes: Vec<u8>,
    /// How many have gone out.
    gone: usize,
    /// How large a piece is and how often one goes; `None` for all at once.
    pace: Option<(usize, Duration)>,
}

impl Segment {
    fn new(bytes: Vec<u8>, pace: Option<(usize, Duration)>) -> Segment {
        let gone = 0;
        Segment { bytes, gone, pace }
    }
}

impl Behind {
    /// Whether nothing is slow.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Bytes that have not gone out.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether a piece of the first slow frame has gone out, and not yet all of it.
    pub fn has_begun(&self) -> bool {
        self.segments.front().is_some_and(|front| front.gone > 0)
    }

    /// Adds a frame that goes out in pieces.
    pub fn add_slow(&mut self, frame: Vec<u8>, piece: usize, every: Duration) {
        self.bytes += frame.len();
        let pace = Some((piece, every));
        self.segments.push_back(Segment::new(frame, pace));
    }

    /// Adds a frame that goes out behind all that is there.
    pub fn add(&mut self, frame: Vec<u8>) {
        self.bytes += frame.len();
        match self.segments.back_mut() {
            Some(last) if last.pace.is_none() => last.bytes.extend_from_slice(&frame),
            _ => self.segments.push_back(Segment::new(frame, None)),
        }
    }

    /// Moves the next piece to what waits, and all behind the last one up to the next slow frame;
    /// gives when the piece after it is due, `None` when nothing is slow any more.
    pub fn step(&mut self, waiting: &mut Vec<u8>) -> Option<Duration> {
        let before = waiting.len();
        let next = self.move_piece(waiting);
        self.bytes -= waiting.len() - before;
        next
    }

    fn move_piece(&mut self, waiting: &mut Vec<u8>) -> Option<Duration> {
        let front = self.segments.front_mut()?;
        let (size, every) = front.pace.unwrap_or((usize::MAX, Duration::ZERO));
        let end = front.bytes.len().min(front.gone.saturating_add(size));
        waiting.extend_from_slice(&front.bytes[front.gone..end]);
        front.gone = end;
        if end < front.bytes.len() {
            return Some(every);
        }
        self.segments.pop_front();
        while self.segments.front().is_some_and(|s| s.pace.is_none())
            && let Some(next) = self.segments.pop_front()
        {
            waiting.extend_from_slice(&next.bytes);
        }
        // The next slow frame keeps the distance of the one before it.
        self.segments.front().map(|_| every)
    }

    /// Moves all that has not gone out to what waits.
    pub fn finish(&mut self, waiting: &mut Vec<u8>) {
        for segment in self.segments.drain(..) {
            waiting.extend_from_slice(&segment.bytes[segment.gone..]);
        }
        self.bytes = 0;
    }

    /// Moves the rest of a slow frame that has begun to go out to what waits, and drops all others.
    pub fn finish_begun(&mut self, waiting: &mut Vec<u8>) {
        if let Some(begun) = self.segments.front().filter(|front| front.gone > 0) {
            waiting.extend_from_slice(&begun.bytes[begun.gone..]);
        }
        *self = Behind::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(5);

    #[test]
    fn others_wait_for_the_last_piece() {
        let (mut behind, mut waiting) = (Behind::default(), b"0".to_vec());
        behind.add_slow(b"abcde".to_vec(), 2, EVERY);
        behind.add(b"12".to_vec());
        behind.add(b"3".to_vec());
        behind.add_slow(b"xy".to_vec(), 1, EVERY);
        behind.add(b"4".to_vec());
        assert_eq!(behind.len(), 11);
        let (mut seen, mut left) = (Vec::new(), 12);
        loop {
            let next = behind.step(&mut waiting);
            left -= waiting.len();
            assert_eq!(behind.len(), left);
            seen.push(String::from_utf8(std::mem::take(&mut waiting)).unwrap());
            if next.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["0ab", "cd", "e123", "x", "y4"]);
        assert!(behind.is_empty());
        assert_eq!(behind.len(), 0);
    }

    #[test]
    fn only_what_has_begun_is_finished() {
        let (mut behind, mut waiting) = (Behind::default(), Vec::new());
        behind.add_slow(b"abc".to_vec(), 1, EVERY);
        behind.add(b"later".to_vec());
        behind.step(&mut waiting);
        behind.finish_begun(&mut waiting);
        assert_eq!((&*waiting, behind.len()), (&b"abc"[..], 0));
        behind.add_slow(b"abc".to_vec(), 1, EVERY);
        behind.finish_begun(&mut waiting);
        assert_eq!((&*waiting, behind.len()), (&b"abc"[..], 0));
    }
}
