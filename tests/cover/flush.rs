//! `mockpilot cover run` and data that is not written by itself, or not to its end.

use std::fs;

use crate::programs::{build, clang, functions, program, ran};
use crate::run::cover;
use crate::support::TempDir;

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
    let module = directory.join("module");
    fs::create_dir(&module).unwrap();
    for (path, text) in [
        ("module/go.mod", "module example.test/pilot\n\ngo 1.20\n"),
        (
            "module/main.go",
            "package main\n\nimport \"C\"\n\n//export FreeString\nfunc FreeString(s *C.char) {}\n\n\
             //export Never\nfunc Never() {\n\tprintln()\n}\n\n//export Twice\n\
             func Twice(n C.int) C.int {\n\treturn 2 * n\n}\n\nfunc main() {}\n",
        ),
        (
            "main.c",
            "#include \"coverage.h\"\n#include <libpilot.h>\nint main(int count, char **words) {\n\
             (void)words; return Twice(2) != 4 || (count > 1 && !coverage_flush()); }\n",
        ),
    ] {
        fs::write(directory.join(path), text).unwrap();
    }
    let folder = directory.path().to_str().unwrap();
    let [library, built, source, out] =
        ["libpilot.so", "main", "main.c", "out.json"].map(|name| format!("{folder}/{name}"));
    let module = module.to_str().unwrap();
    let words = "go build -buildmode=c-shared -cover -o";
    let words: Vec<&str> = words.split(' ').chain([&*library, "."]).collect();
    build(module, &words);
    let harness = format!("{}/tests/c", env!("CARGO_MANIFEST_DIR"));
    let [headers, flush] = [format!("-I{harness}"), format!("{harness}/coverage.c")];
    let also = format!("-I{folder}");
    build(
        "/",
        &[
            "cc", "-o", &built, &headers, &also, &source, &flush, &library, "-ldl",
        ],
    );
    let words = ["run", "-o", &out, "--", &built];
    let (status, _, complaint) = cover(&words);
    assert_eq!(status, 1, "{complaint}");
    assert!(complaint.contains("no coverage data at all"), "{complaint}");
    let (status, table, complaint) = cover(&[&words[..], &["flush"]].concat());
    assert_eq!(status, 0, "{table}{complaint}");
    let functions = functions(out.as_ref());
    for (name, reached) in [("Twice", true), ("Never", false)] {
        assert_eq!(ran(&functions, name), reached, "{functions:?}");
    }
}
