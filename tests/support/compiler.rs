//! The C compiler.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Builds `tests/SOURCE` with `$CC`; a warning is as bad as an error.
pub fn compile<F: AsRef<OsStr>>(flags: &[F], source: &str, output: &Path) {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let compiled = Command::new(&compiler)
        .args(["-Wall", "-Wextra", "-Werror"])
        .args(flags)
        .arg("-o")
        .arg(output)
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests")
                .join(source),
        )
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", compiler.display()));
    let complaint = String::from_utf8_lossy(&compiled.stderr);
    assert!(
        compiled.status.success(),
        "{compiler:?} {source}\n{complaint}"
    );
}
