//! What a long run is asked for, and where it leaves its figures.

use std::path::{Path, PathBuf};

/// The number in a variable of the environment, where there is one.
pub fn asked(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}

/// The path of a file among the figures.
pub fn figures(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/figures");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}
