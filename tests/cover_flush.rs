//! `mockpilot cover run` and data that is not written by itself, or not to its end.

mod support;

#[path = "cover/programs.rs"]
mod programs;
#[path = "cover/run.rs"]
mod run;

use std::fs;

use programs::{build, clang, functions, program, ran};
use run::cover;
use support::TempDir;

#[test]
#[ignore = "needs go, clang and llvm: make cover runs it"]
fn a_profile_that_was_cut_off_is_named_and_the_others_count() {
    let directory = TempDir::new();
    let [built, out, kept] = ["levels", "out.json", "kept"].map(|name| directory.join(name));
    let built = built.to_str().unwrap();
    let source = program("levels.c");
    let flags = ["-fprofile-instr-generate", "-fcoverage-mapping"];
    let clang = clang();
    build(
        "/",
        &[&[clang.as_str(), &source, "-o", built], &flags[..]].concat(),
    );
    // Level three leaves a profile of its own, and then loses its end.
    let script = format!(
        "{built} exit; cd $GOCOVERDIR; mkdir whole; mv *.profraw whole; {built} level_three exit; \
         set -- *.profraw; head -c 300 $1 >cut; mv cut $1; mv whole/* .; rmdir whole; exit 0"
    );
    let words = [
        "run",
        "--keep",
        kept.to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
        "--object",
        built,
        "--",
        "sh",
        "-c",
        &script,
    ];
    let (status, _, complaint) = cover(&words);
    assert_eq!(status, 0, "{complaint}");
    let (before, after) = complaint.split_once(".profraw: ").expect(&complaint);
    assert!(before.contains(kept.to_str().unwrap()), "{complaint}");
    assert!(after.contains("passed over"), "{complaint}");
    assert!(ran(&functions(&out), "level_two"), "{complaint}");
    // Named as an input it is damaged.
    let words = ["report", "--object", built, kept.to_str().unwrap()];
    assert_eq!(cover(&words).0, 1);
}

#[test]
#[ignore = "needs go, clang and llvm: make cover runs it"]
fn a_go_library_in_a_c_program_writes_when_it_is_told_to() {
    let directory = TempDir::new();
    let root = env!("CARGO_MANIFEST_DIR");
    let flush = fs::read_to_string(format!("{root}/tests/c/flush_coverage.go")).unwrap();
    let twice = "package main\n\nimport \"C\"\n\n//export Twice\nfunc Twice(n C.int) C.int {\n\t\
                 return 2 * n\n}\n\n//export Never\nfunc Never() {\n\tprintln()\n}\n\nfunc main() {}\n";
    let module = directory.join("lib");
    fs::create_dir(&module).unwrap();
    for (name, text) in [
        ("go.mod", "module example.test/twice\n\ngo 1.20\n"),
        ("flush.go", &flush),
        ("twice.go", twice),
    ] {
        fs::write(module.join(name), text).unwrap();
    }
    let library = directory.join("libtwice.so");
    let library = library.to_str().unwrap();
    build(
        module.to_str().unwrap(),
        &[
            "go",
            "build",
            "-buildmode=c-shared",
            "-cover",
            "-covermode=atomic",
            "-o",
            library,
            ".",
        ],
    );
    let source = directory.join("main.c");
    let text = "int Twice(int); void PilotFlushCoverage(void) __attribute__((weak));\n\
                int main(int count, char **words) { (void)words; int all = Twice(2) != 4;\n\
                if (count > 1 && PilotFlushCoverage) PilotFlushCoverage(); return all; }\n";
    fs::write(&source, text).unwrap();
    let built = directory.join("main");
    let (built, source) = (built.to_str().unwrap(), source.to_str().unwrap());
    build("/", &["cc", source, library, "-o", built]);
    let out = directory.join("out.json");
    let words = ["run", "-o", out.to_str().unwrap(), "--", built];
    let (status, _, complaint) = cover(&words);
    assert_eq!(status, 1, "{complaint}");
    assert!(complaint.contains("no coverage data at all"), "{complaint}");
    let (status, table, complaint) = cover(&[&words[..], &["flush"]].concat());
    assert_eq!(status, 0, "{table}{complaint}");
    let functions = functions(&out);
    for (name, reached) in [("Twice", true), ("Never", false)] {
        assert_eq!(ran(&functions, name), reached, "{functions:?}");
    }
}
