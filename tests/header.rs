//! tests/c/mockpilot.h: its self-test, compiled strictly and run under the sanitizers.

mod support;

use std::process::Command;

use support::{TempDir, compile};

#[test]
fn the_c_header_keeps_its_word() {
    std::thread::scope(|scope| {
        for flags in [
            ["-std=c99", "-pedantic", "-O3", "-DNDEBUG"],
            [
                "-std=c99",
                "-pedantic",
                "-g",
                "-fsanitize=address,undefined",
            ],
        ] {
            scope.spawn(move || compiled_and_run(&flags));
        }
    });
}

fn compiled_and_run(flags: &[&str]) {
    let directory = TempDir::new();
    let program = directory.join("mockpilot_test");
    compile(flags, "c/mockpilot_test.c", &program);
    let run = Command::new(&program)
        .arg(env!("CARGO_BIN_EXE_mockpilot"))
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    let log = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{flags:?}\n{output}{log}");
    assert!(output.ends_with(" passed, 0 failed\n"), "{output}");
}
