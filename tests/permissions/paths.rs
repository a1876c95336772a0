//! Symlinks and open directories where the daemon's own things are to be.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};

use super::daemon::{self, Daemon, use_once};
use super::modes::mode;
use super::steered::mockpilot;
use super::support::{Binary, TempDir};

#[test]
fn a_symlink_is_not_a_place_for_a_socket() {
    let directory = TempDir::new();
    let at = |name: &str| directory.join(name);
    fs::write(at("file"), "mine").unwrap();
    drop(UnixListener::bind(at("dead")).unwrap());
    for target in ["nowhere", "file", "dead"] {
        let link = at(&format!("to-{target}"));
        symlink(at(target), &link).unwrap();
        let place = link.to_str().unwrap();
        let free = at("free");
        let free = free.to_str().unwrap();
        for words in [
            &["-socket", place][..],
            &["-socket", free, "--control", place],
            &["exec", "--socket", place, "--", "true"],
            &["exec", "--control", place, "--", "true"],
        ] {
            let (status, out, said) = mockpilot(words);
            let wanted = format!("mockpilot: {place}: exists and is not a socket\n");
            assert_eq!((status, &*out, &*said), (1, "", &*wanted), "{words:?}");
        }
        assert_eq!(fs::read_link(&link).unwrap(), at(target));
    }
    assert!(!at("nowhere").exists() && !at("free").exists() && at("dead").exists());
    assert_eq!(fs::read_to_string(at("file")).unwrap(), "mine");
}

/// The daemon of `exec` makes its directory, and takes none that is there.
#[test]
fn what_is_there_is_no_private_directory() {
    let directory = TempDir::new();
    let (bait, link) = (directory.join("bait"), directory.join("link"));
    fs::create_dir(&bait).unwrap();
    fs::write(bait.join("file"), "mine").unwrap();
    symlink(&bait, &link).unwrap();
    for place in [&bait, &link] {
        let socket = place.join("pilot.sock");
        let daemon = Command::new(env!("CARGO_BIN_EXE_mockpilot"))
            .args(["daemon-of-exec", "--lifeline-fd", "0", "--ready-fd", "1"])
            .args(["--private-directory", place.to_str().unwrap()])
            .args(["--socket", socket.to_str().unwrap()])
            .stdin(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(daemon.status.code(), Some(1));
        let said = String::from_utf8(daemon.stderr).unwrap();
        assert!(said.contains("cannot create it: file exists"), "{said}");
        assert_eq!(fs::read_dir(&bait).unwrap().count(), 1);
    }
    assert_eq!(fs::read_to_string(bait.join("file")).unwrap(), "mine");
}

/// The parent directory is the caller's choice: what is made in an open one is closed all the same.
#[test]
fn in_an_open_directory_the_socket_is_closed() {
    for open in [0o777, 0o770, 0o1777] {
        let directory = TempDir::new();
        fs::set_permissions(directory.path(), Permissions::from_mode(open)).unwrap();
        let mut daemon = Binary::launch_in(directory, &["--control", "c", "--journal", "j"]);
        daemon.wait_for_socket();
        let at = |name: &str| daemon.directory().join(name);
        for name in ["s", "c", "j"] {
            assert_eq!(mode(&at(name)), 0o600, "{name} in {open:o}");
        }
        assert_eq!(fs::read_dir(daemon.directory()).unwrap().count(), 3);
        assert_eq!(mode(daemon.directory()), open);
        assert!(daemon.terminate().success());
    }
}

/// A name that has become somebody else's by the end is left to them.
#[test]
fn at_the_end_only_the_own_socket_goes() {
    let mut daemon = Binary::start(&["--control", "c"]);
    let control = daemon.directory().join("c");
    let precious = daemon.directory().join("precious");
    fs::write(&precious, "mine").unwrap();
    fs::remove_file(&control).unwrap();
    symlink(&precious, &control).unwrap();
    let socket = daemon.socket().to_path_buf();
    fs::remove_file(&socket).unwrap();
    let other = UnixListener::bind(&socket).unwrap();
    assert!(daemon.terminate().success());
    assert_eq!(fs::read_to_string(&control).unwrap(), "mine");
    assert_eq!(fs::read_link(&control).unwrap(), precious);
    UnixStream::connect(&socket).unwrap();
    drop(other);
}

/// An inherited socket is as open as its maker made it, and stays where it is.
#[test]
fn an_inherited_socket_is_the_callers() {
    let directory = TempDir::new();
    let path = directory.join("s");
    let listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let listener = std::os::fd::OwnedFd::from(listener);
    let mut command = daemon::mockpilot();
    command.args(["serve", "--listen-fd", "0", "--exit-on-last-client"]);
    let mut daemon = Daemon::spawn(command.stdin(listener));
    use_once(&path);
    assert_eq!(daemon.end().0, 0);
    assert_eq!(mode(&path), 0o666);
}
