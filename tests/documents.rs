//! The documents say what the program does, and the tree keeps its own rules.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn files_under(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found
}

fn help(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(args)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Options as a help text or a table of the README introduces them: at the start of a line.
fn options(text: &str, start: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix(start))
        .filter(|line| line.starts_with('-'))
        .map(|line| {
            let word = line.split(['`', ' ', ',', '=', '[']).next().unwrap();
            word.to_owned()
        })
        .collect();
    found.sort();
    found
}

const COMMANDS: [&str; 9] = [
    "serve",
    "exec",
    "ctl",
    "check",
    "explain",
    "decode",
    "cover run",
    "cover merge",
    "cover report",
];

/// The help text on one of them.
fn help_on(command: &str) -> String {
    let words: Vec<&str> = ["help"].into_iter().chain(command.split(' ')).collect();
    help(&words)
}

#[test]
fn the_readme_has_every_command_and_verb() {
    let readme = read("README.md");
    for command in COMMANDS {
        let line = format!("\n    mockpilot {command} ");
        assert!(readme.contains(&line), "{command}");
    }
    let text = help(&["ctl", "--help"]);
    let verbs = text.lines().skip_while(|line| !line.starts_with("Verbs"));
    let verbs = verbs.skip(1).take_while(|line| !line.is_empty());
    let verbs: Vec<&str> = verbs
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(verbs.len() >= 14, "{verbs:?}");
    for verb in verbs {
        assert!(readme.contains(&format!("\n| `{verb}")), "{verb}");
    }
}

#[test]
fn the_readme_has_the_options_of_the_help() {
    let readme = options(&read("README.md"), "| `");
    let mut helped = Vec::new();
    for command in COMMANDS {
        helped.extend(options(&help_on(command), "  "));
    }
    helped.sort();
    helped.dedup();
    assert!(helped.len() >= 10, "{helped:?}");
    assert_eq!(readme, helped);
}

#[test]
fn help_fits_a_terminal() {
    for command in COMMANDS.into_iter().chain(["cover", "help"]) {
        let text = help_on(command);
        assert!(text.lines().count() >= 10, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() < 80, "{line}");
        }
    }
}

#[test]
fn the_version_has_a_changelog_heading() {
    let heading = format!("## {}", env!("CARGO_PKG_VERSION"));
    assert!(
        read("CHANGELOG.md")
            .lines()
            .any(|l| l.starts_with(&heading))
    );
    assert!(help(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_make_target_is_listed_and_every_one_named_exists() {
    let makefile = read("Makefile");
    let targets: Vec<&str> = makefile
        .lines()
        .filter(|l| !l.starts_with(['\t', '#', '.', ' ']) && l.contains(": "))
        .chain(makefile.lines().filter(|l| l.ends_with(':')))
        .filter_map(|l| l.split(':').next())
        .filter(|t| t.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        .collect();
    let listed = Command::new("make")
        .current_dir(root())
        .output()
        .expect("make");
    let listed = String::from_utf8(listed.stdout).unwrap();
    for target in &targets {
        let line = format!("  {target} ");
        assert!(listed.contains(&line), "make does not list {target}");
    }
    for named in read("README.md").split("`make ").skip(1) {
        let target = named.split(['`', ' ']).next().unwrap();
        assert!(targets.contains(&target), "README.md names make {target}");
    }
}

#[test]
fn only_one_file_is_unsafe() {
    let word = ["un", "safe"].concat();
    for path in files_under("src", "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let uses = text
            .lines()
            .filter(|l| !l.trim_start().starts_with("//"))
            .filter(|l| {
                l.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|w| w == word)
            })
            .count();
        let allowed = path.ends_with("src/sys.rs");
        assert!(allowed || uses == 0, "{}: {uses} uses", path.display());
    }
}

#[test]
fn there_are_four_dependencies() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[dependencies]").nth(1).unwrap();
    let names: Vec<&str> = section
        .lines()
        .take_while(|l| !l.starts_with('['))
        .filter_map(|l| l.split_once(" = "))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["byteorder", "lexopt", "serde_json", "signal-hook"]);
}

#[test]
fn the_readmes_scenario_is_one() {
    let readme = read("README.md");
    let start = readme.find("    {\"rules\": [").expect("a scenario");
    let end = start + readme[start..].find("\n\n").unwrap();
    let explain = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args([
            "explain",
            readme[start..end].trim(),
            "03 0000 00000002 0051",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(explain.stdout).unwrap();
    assert!(text.ends_with("applies: rule \"rules[2]\"\n"), "{text}");
}

#[test]
fn no_file_is_a_book() {
    for folder in ["src", "tests"] {
        for path in files_under(folder, "rs") {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 450, "{} has {lines} lines", path.display());
        }
    }
}
