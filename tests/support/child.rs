//! A child's end, when its test is over.

use std::process::Child;

use super::poll;

const SIGTERM: i32 = 15;

/// Ends a child that may be running still: by SIGTERM, so that it leaves its coverage, else by force.
pub fn end(child: &mut Child) {
    if child.try_wait().ok().flatten().is_some() {
        return;
    }
    let _ = mockpilot::sys::kill(child.id(), SIGTERM);
    if poll(|| child.try_wait().ok().flatten()).is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
}
