//! `mockpilot check`: the mistakes of scenario files.

use std::ffi::OsString;
use std::process::ExitCode;

use super::read::{Source, load};
use crate::clause::clause;
use crate::cli::{complain, print_stdout};

/// Prints every mistake of every file, each file on its own, and nothing where there is none.
///
/// Gives the exit status: 1 when there is a mistake, or standard output cannot be written to.
pub fn check(files: &[OsString]) -> ExitCode {
    let mistakes = mistakes(files);
    if mistakes.is_empty() {
        return ExitCode::SUCCESS;
    }
    if let Err(error) = print_stdout(&mistakes.join("\n")) {
        complain(&format!("standard output: {}", clause(&error)));
    }
    ExitCode::FAILURE
}

fn mistakes(files: &[OsString]) -> Vec<String> {
    let of = |file: &OsString| load(&[Source::of(file)]).err().unwrap_or_default();
    files.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn every_file_is_checked_on_its_own() {
        let directory = TempDir::new();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.into_os_string()
        };
        let good = write(
            "good.json",
            r#"{"seed":1,"rules":[{"name":"a","on":"dial"}]}"#,
        );
        let same = write(
            "same.json",
            r#"{"seed":2,"rules":[{"name":"a","on":"dial"}]}"#,
        );
        assert_eq!(mistakes(&[good.clone(), same]), [""; 0]);
        let bad = write("bad.json", "{\"sed\":1,\n\"rules\":[{\"on\":\"dail\"}]}");
        let broken = write("broken.json", "{");
        let missing = directory.path().join("missing.json").into_os_string();
        let found = mistakes(&[bad, good, broken, missing]);
        let start = directory.path().to_str().unwrap();
        assert_eq!(
            found,
            [
                format!("{start}/bad.json:1:2: sed: unknown key, did you mean \"seed\"?"),
                format!(
                    "{start}/bad.json:2:11: rules[0].on: unknown command \"dail\", did you mean \"dial\"?"
                ),
                format!("{start}/broken.json:1:2: expected a key, got the end"),
                format!("{start}/missing.json: cannot read: no such file or directory"),
            ]
        );
    }
}
