//! Whether there are other users than this one.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::TempDir;

/// Whether a process can become this user and give files to it: it must be root, and where it is root of
/// a name space alone, that must know the user.
pub fn can_become(user: u32) -> bool {
    let own = fs::metadata(TempDir::new().path()).unwrap().uid();
    own == 0 && ["uid_map", "gid_map"].iter().all(|map| knows(map, user))
}

/// Every user is known where there are no such maps.
fn knows(map: &str, user: u32) -> bool {
    let Ok(map) = fs::read_to_string(format!("/proc/self/{map}")) else {
        return true;
    };
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().map(|n| n.parse().unwrap());
        let [first, _, count]: [u32; 3] = std::array::from_fn(|_| numbers.next().unwrap());
        (first..first.saturating_add(count)).contains(&user)
    })
}
