//! tests/c/mockpilot.h: its self-test, compiled strictly and run under the sanitizers.

mod support;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use support::TempDir;

#[test]
fn the_c_header_keeps_its_word() {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        eprintln!("skipped: no C compiler");
        return;
    }
    std::thread::scope(|scope| {
        for flags in [
            &["-O3", "-DNDEBUG"][..],
            &["-g", "-fsanitize=address,undefined"],
        ] {
            scope.spawn(|| compiled_and_run(&compiler, flags));
        }
    });
}

fn compiled_and_run(compiler: &OsStr, flags: &[&str]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/mockpilot_test.c");
    let directory = TempDir::new();
    let program = directory.join("mockpilot_test");
    let compiled = Command::new(compiler)
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"])
        .args(flags)
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{flags:?}\n{complaint}");
    let run = Command::new(&program)
        .arg(env!("CARGO_BIN_EXE_mockpilot"))
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    let log = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{flags:?}\n{output}{log}");
    assert!(output.ends_with(" passed, 0 failed\n"), "{output}");
}
