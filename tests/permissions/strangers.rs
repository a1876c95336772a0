//! Nobody but the user that runs the daemon gets in.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::modes::mode;
use super::steered::Steered;
use super::support::TempDir;

/// The user that owns nothing.
const NOBODY: u32 = 65_534;

/// A directory that everybody can look into, with a copy of the program: the built one may be where
/// others cannot go.
fn open_house() -> (TempDir, std::path::PathBuf) {
    let house = TempDir::new();
    let program = house.join("mockpilot");
    // By a process of its own: a program that is open for writing, in a child of another test too, does
    // not run.
    let copied = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_mockpilot"))
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    for path in [house.path(), &program] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    (house, program)
}

/// What a process of another user gets at a socket: status and complaint.
fn stranger(program: &Path, socket: &Path) -> (Option<i32>, String) {
    let output = Command::new(program)
        .args(["ctl", "--control", socket.to_str().unwrap(), "ping"])
        .current_dir("/")
        // Where a program built with coverage may write.
        .env("LLVM_PROFILE_FILE", "/dev/null")
        .stdin(Stdio::null())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn another_user_cannot_connect() {
    let steered = Steered::start(&[]);
    let parent = steered.daemon.directory();
    fs::set_permissions(parent, Permissions::from_mode(0o755)).unwrap();
    let own = fs::metadata(parent).unwrap().uid();
    for socket in [steered.daemon.socket(), &steered.control] {
        assert_eq!(mode(socket), 0o600);
        assert_eq!(fs::symlink_metadata(socket).unwrap().uid(), own);
        if own == 0 {
            let (house, program) = open_house();
            let (status, said) = stranger(&program, socket);
            assert_eq!(status, Some(1), "{said}");
            assert!(said.contains("permission denied"), "{said}");
            drop(house);
        } else {
            // Without another user to try it with: that the mode is what counts on this system.
            fs::set_permissions(socket, Permissions::from_mode(0o000)).unwrap();
            let refused = UnixStream::connect(socket).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
            fs::set_permissions(socket, Permissions::from_mode(0o600)).unwrap();
            UnixStream::connect(socket).unwrap();
        }
    }
    if own == 0 {
        // It was the mode that kept the stranger out.
        fs::set_permissions(&steered.control, Permissions::from_mode(0o666)).unwrap();
        let (house, program) = open_house();
        assert_eq!(
            stranger(&program, &steered.control),
            (Some(0), String::new())
        );
        drop(house);
    }
}

/// Nor is another user told where the sockets of `exec` are: the directory is the owner's alone.
#[test]
fn another_user_cannot_look_into_a_private_directory() {
    let (house, program) = open_house();
    let own = fs::metadata(house.path()).unwrap().uid();
    let temporary = house.join("t");
    fs::create_dir(&temporary).unwrap();
    fs::set_permissions(&temporary, Permissions::from_mode(0o1777)).unwrap();
    // The socket is given to all, and still nobody else comes to it.
    let script = "chmod 666 \"$MOCKPILOT_CONTROL\"; echo \"$MOCKPILOT_CONTROL\"; cat";
    let mut run = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
        .args(["exec", "--", "/bin/sh", "-c", script])
        .env("TMPDIR", &temporary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(run.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    let socket = Path::new(line.trim_end());
    let private = socket.parent().unwrap();
    assert_eq!((mode(private), mode(socket)), (0o700, 0o666));
    if own == 0 {
        let (status, said) = stranger(&program, socket);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("permission denied"), "{said}");
    } else {
        fs::set_permissions(private, Permissions::from_mode(0o000)).unwrap();
        let refused = UnixStream::connect(socket).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        fs::set_permissions(private, Permissions::from_mode(0o700)).unwrap();
    }
    drop(run.stdin.take());
    assert!(run.wait().unwrap().success());
    assert!(!private.exists());
}
