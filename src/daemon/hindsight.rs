//! What came before somebody asked for it, out of the journal's memory.

use super::hub::{Hub, State};
use crate::scenario::matching::Asked;
use crate::threads::MutexGuard;
use crate::wire::decode;

/// Entries that are looked at while everybody waits (our choice): about a millisecond's worth of the
/// largest that are kept.
const LITTLE: u64 = 100;

impl Hub {
    /// Shows a `fresh` counter all requests and arrivals since the last reset, or behind entry `since` of
    /// the journal, that are remembered: nearly all of them while others are served. The lock is held
    /// from the last of them on, so that nothing falls between them and what comes next.
    pub(super) fn look_back<T>(
        &self,
        since: Option<u64>,
        fresh: &dyn Fn() -> T,
        look: &dyn Fn(&mut T, &Asked<'_>, u64),
    ) -> (MutexGuard<'_, State>, T) {
        loop {
            let reset_at = self.state().play.reset_at;
            let (mut counter, mut seen) = (fresh(), since.unwrap_or(reset_at));
            let mut visit = |asked: &Asked<'_>, seq| look(&mut counter, asked, seq);
            let mut least = u64::MAX;
            loop {
                let before = seen;
                seen = self.each_request(before, &mut visit);
                let came = seen - before;
                // Who adds entries as fast as they are looked at is never caught up with.
                if came <= LITTLE || came > least / 2 {
                    break;
                }
                least = came;
            }
            let state = self.state();
            if since.is_some() || state.play.reset_at == reset_at {
                self.each_request(seen, &mut visit);
                return (state, counter);
            }
        }
    }

    /// Shows every request and arrival behind an entry that is still remembered; gives the last entry
    /// that there was.
    fn each_request(&self, since: u64, visit: &mut dyn FnMut(&Asked<'_>, u64)) -> u64 {
        let Some(journal) = &self.hooks.journal else {
            return since;
        };
        journal.requests(since, &mut |seq, client, frame| match frame {
            Some(frame) => visit(&Asked::request(client, frame, &decode(frame)), seq),
            None => visit(&Asked::arrival(client), seq),
        })
    }
}
