//! Nobody but the user that runs the daemon gets in.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::modes::mode;
use super::steered::Steered;
use super::support::{TempDir, can_become};

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

/// What a command gets that looks at a socket: status and complaint.
fn looked(command: &mut Command, socket: &Path) -> (Option<i32>, String) {
    let output = command
        .args(["ctl", "--control", socket.to_str().unwrap(), "ping"])
        .current_dir("/")
        // Where a program built with coverage may write.
        .env("LLVM_PROFILE_FILE", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

/// What a process of another user gets.
fn stranger(program: &Path, socket: &Path) -> (Option<i32>, String) {
    looked(Command::new(program).uid(NOBODY).gid(NOBODY), socket)
}

/// Asserts that a socket is not for others, as `private` is closed to them, itself or its directory.
fn is_not_for_others(socket: &Path, private: &Path) {
    let (_house, program) = open_house();
    let (status, said) = if can_become(NOBODY) {
        stranger(&program, socket)
    } else {
        // Without another user to try it with: that the mode is what counts on this system, also for
        // root of a name space, in one below that knows nobody.
        let before = fs::metadata(private).unwrap();
        let mut command = Command::new(&program);
        if before.uid() == 0 {
            command = Command::new("unshare");
            command.arg("-U").arg(&program);
        }
        fs::set_permissions(private, Permissions::from_mode(0o000)).unwrap();
        let refused = looked(&mut command, socket);
        fs::set_permissions(private, before.permissions()).unwrap();
        UnixStream::connect(socket).unwrap();
        refused
    };
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("permission denied"), "{said}");
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
        is_not_for_others(socket, socket);
    }
    if can_become(NOBODY) {
        // It was the mode that kept the stranger out.
        fs::set_permissions(&steered.control, Permissions::from_mode(0o666)).unwrap();
        let (_house, program) = open_house();
        let (status, said) = stranger(&program, &steered.control);
        assert_eq!((status, &*said), (Some(0), ""));
    }
}

/// Nor is another user told where the sockets of `exec` are: the directory is the owner's alone.
#[test]
fn another_user_cannot_look_into_a_private_directory() {
    let (house, _) = open_house();
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
    is_not_for_others(socket, private);
    drop(run.stdin.take());
    assert!(run.wait().unwrap().success());
    assert!(!private.exists());
}
