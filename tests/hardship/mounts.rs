//! Disks without room, and disks that nothing can be written to: mounts in a name space of their own.

use std::process::Command;

use serde_json::json;

use super::confined::{Confined, has_no_gap};
use super::support::TempDir;

/// How to get a name space here: as root, or as an ordinary user who is root in another one.
fn unshare() -> &'static str {
    let mut ways = ["unshare -m", "unshare -rm"].into_iter();
    let way = ways.find(|way| {
        let script = format!("{way} sh -c 'mount -t tmpfs x /mnt' 2>/dev/null");
        let status = Command::new("/bin/sh").args(["-c", &script]).status();
        status.unwrap().success()
    });
    way.expect("not permitted: a name space with mounts of its own")
}

/// Runs a script in a directory in which `small` is a file system with these options. `$0` is the program.
fn with_mount(options: &str, script: &str) -> (TempDir, Command) {
    let unshare = unshare();
    let directory = TempDir::new();
    std::fs::create_dir(directory.join("small")).unwrap();
    let mut command = Command::new("/bin/sh");
    let outer = format!("exec {unshare} /bin/sh -c \"$1\" \"$0\"");
    let inner = format!("mount -t tmpfs -o {options} x small || exit 99\n{script}");
    command
        .args(["-c", &outer, env!("CARGO_BIN_EXE_mockpilot"), &inner])
        .current_dir(directory.path());
    (directory, command)
}

#[test]
fn without_room_for_the_journal_it_is_kept_in_memory() {
    let script = "exec \"$0\" -socket s --control c --journal small/j -v --log small/l";
    let (directory, mut command) = with_mount("size=64k", script);
    let mut daemon = Confined::run(directory, &mut command);
    let mut client = daemon.connect();
    for _ in 0..600 {
        client.call_ok(0x21, &[]);
    }
    let mut steering = daemon.talk();
    let kept = steering.done(json!({"verb": "journal", "since": 0}));
    let kept = kept["entries"].as_array().unwrap();
    has_no_gap(kept);
    assert!(kept.len() > 1200, "{}", kept.len());
    assert_eq!(daemon.terminate().0, Some(1));
    // The log has no room either; the reason of the status is told all the same.
    daemon.says_once("mockpilot: small/j: the journal is incomplete: no space left on device\n");
}

#[test]
fn without_room_for_a_private_directory_exec_says_so_and_leaves_nothing() {
    let script = "TMPDIR=$PWD/small \"$0\" exec -q -- echo ran; echo \"$?\"; ls -A small";
    let mut ran = 0;
    // The root of the file system takes one of them.
    for files in 1..10 {
        let options = format!("size=64k,nr_inodes={files}");
        let (_directory, mut command) = with_mount(&options, script);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (told, said) = (text(output.stdout), text(output.stderr));
        if told == "ran\n0\n" {
            ran += 1;
            continue;
        }
        assert_eq!(told, "1\n", "{files}: {said}");
        assert_eq!(said.lines().count(), 1, "{files}: {said}");
        assert!(
            said.starts_with("mockpilot: /") && said.ends_with(": no space left on device\n"),
            "{files}: {said}"
        );
    }
    assert!((1..9).contains(&ran), "{ran} of 9 run");
}

#[test]
fn what_nothing_can_be_written_to_is_told_at_the_start() {
    for (words, why) in [
        ("-socket small/s", "small: cannot create a directory in it"),
        (
            "-socket s --control small/c",
            "small: cannot create a directory in it",
        ),
        (
            "-socket s --journal small/j",
            "small/j: cannot keep a journal",
        ),
        ("-socket s --log small/l", "small/l: cannot open the log"),
    ] {
        let script = format!("exec \"$0\" {words}");
        let (directory, mut command) = with_mount("ro", &script);
        let mut daemon = Confined::run(directory, &mut command);
        assert_eq!(daemon.end(), Some(1), "{words}");
        let expected = format!("mockpilot: {why}: read-only file system\n");
        assert_eq!(daemon.said(), expected);
        assert_eq!(daemon.names(), ["small"]);
    }
}
