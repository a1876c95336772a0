//! The modes of what is made, whatever the umask.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::daemon::{Daemon, in_shell};
use super::steered::mockpilot;
use super::support::{Client, TempDir, poll};

pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Everything in a directory, with its mode.
fn listing(directory: &Path) -> Vec<(String, u32)> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                mode(&entry.path()),
            )
        })
        .collect();
    found.sort();
    found
}

fn named(names: &[(&str, u32)]) -> Vec<(String, u32)> {
    names
        .iter()
        .map(|(name, mode)| (name.to_string(), *mode))
        .collect()
}

#[test]
fn sockets_journal_and_log_are_their_owners() {
    for umask in ["000", "022", "077", "177"] {
        let directory = TempDir::new();
        let script =
            "umask $2; cd \"$1\"; exec \"$0\" -socket s --control c --journal j --log l -v";
        let shell = in_shell(script, &[directory.path().to_str().unwrap(), umask]).spawn();
        let mut daemon = Daemon(shell.unwrap());
        let socket = directory.join("s");
        poll(|| socket.exists().then_some(())).expect("a socket");
        let wanted = named(&[("c", 0o600), ("j", 0o600), ("l", 0o600), ("s", 0o600)]);
        Client::connect(&socket).call_ok(0x21, &[]);
        assert_eq!(listing(directory.path()), wanted, "umask {umask}");
        for name in ["s", "c"] {
            let found = fs::symlink_metadata(directory.join(name)).unwrap();
            assert!(found.file_type().is_socket());
            assert_eq!(found.uid(), fs::metadata(directory.path()).unwrap().uid());
        }
        assert_eq!(daemon.terminate().0, 0);
        let left = named(&[("j", 0o600), ("l", 0o600)]);
        assert_eq!(listing(directory.path()), left, "umask {umask}");
    }
}

/// Who made the file said who may read it.
#[test]
fn a_file_that_is_there_keeps_its_mode() {
    let directory = TempDir::new();
    for name in ["j", "l"] {
        fs::write(directory.join(name), "").unwrap();
        fs::set_permissions(directory.join(name), Permissions::from_mode(0o644)).unwrap();
    }
    let script = "cd \"$1\"; exec \"$0\" -socket s --journal j --log l";
    let shell = in_shell(script, &[directory.path().to_str().unwrap()]).spawn();
    let mut daemon = Daemon(shell.unwrap());
    let socket = directory.join("s");
    poll(|| socket.exists().then_some(())).expect("a socket");
    Client::connect(&socket).call_ok(0x21, &[]);
    assert_eq!(daemon.terminate().0, 0);
    assert_eq!(
        listing(directory.path()),
        named(&[("j", 0o644), ("l", 0o644)])
    );
    for name in ["j", "l"] {
        assert!(fs::metadata(directory.join(name)).unwrap().len() > 0);
    }
}

/// `mockpilot WORDS…` under a umask, its temporary files in `temporary`.
fn under(umask: &str, temporary: &Path, words: &[&str]) -> Output {
    let script = "umask $1; shift; exec \"$0\" \"$@\"";
    Command::new("/bin/sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_mockpilot"), umask])
        .args(words)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn the_private_directories_are_their_owners() {
    let script = "cd \"${PILOT_SOCKET%/*}\" && stat -c '%a %F %n' . *";
    let wanted = "700 directory .\n600 socket control.sock\n600 socket pilot.sock\n";
    for umask in ["000", "077", "177"] {
        let temporary = TempDir::new();
        let output = under(
            umask,
            temporary.path(),
            &["exec", "--", "/bin/sh", "-c", script],
        );
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, wanted, "umask {umask}");
        let script = "stat -c '%a %F' \"$GOCOVERDIR\"";
        let output = under(
            umask,
            temporary.path(),
            &["cover", "run", "--", "/bin/sh", "-c", script],
        );
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, "700 directory\n", "umask {umask}");
        assert_eq!(listing(temporary.path()), []);
    }
}

/// A report is for whomever the user's umask lets read it; the umask of COMMAND is the user's too.
#[test]
fn coverage_is_written_as_the_umask_says() {
    let data = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/cover/fixtures/one.textfmt"
    );
    for (umask, expected) in [("000", 0o666), ("027", 0o640), ("077", 0o600)] {
        let directory = TempDir::new();
        let out = directory.join("out.cov");
        let out = out.to_str().unwrap();
        let output = under(
            umask,
            directory.path(),
            &["cover", "merge", "-o", out, data],
        );
        assert!(output.status.success(), "{output:?}");
        assert_eq!(listing(directory.path()), named(&[("out.cov", expected)]));
        let output = under(
            umask,
            directory.path(),
            &["exec", "--", "/bin/sh", "-c", "umask"],
        );
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            said.trim_end().trim_start_matches("0o").parse(),
            umask.parse::<u32>()
        );
    }
}

#[test]
fn a_merge_that_fails_leaves_nothing() {
    let directory = TempDir::new();
    let (bad, out) = (directory.join("bad.info"), directory.join("out.info"));
    fs::write(&bad, "SF:a\nDA:x\n").unwrap();
    let words = [
        "cover",
        "merge",
        "-o",
        out.to_str().unwrap(),
        bad.to_str().unwrap(),
    ];
    assert_eq!(mockpilot(&words).0, 1);
    assert_eq!(listing(directory.path()).len(), 1);
}
