//! A socket file that is taken away from under a live daemon.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;

use super::confined::{Confined, is_served};
use super::support::{Client, TempDir};

/// A daemon whose sockets are in the directory `d`.
fn in_a_directory() -> Confined {
    let directory = TempDir::new();
    fs::create_dir(directory.join("d")).unwrap();
    // The sockets that are waited for are links to those.
    let setting = "ln -s d/s s; ln -s d/c c\nexec \"$0\" -socket d/s --control d/c";
    Confined::after_in(directory, setting, &[])
}

#[test]
fn clients_are_served_on_and_what_took_the_name_stays() {
    for other in ["nothing", "a file", "a socket", "a directory", "a daemon"] {
        let mut daemon = in_a_directory();
        let mut client = daemon.settled();
        let mut steering = daemon.talk();
        let (socket, control) = (daemon.path("d/s"), daemon.path("d/c"));
        fs::remove_file(&socket).unwrap();
        fs::remove_file(&control).unwrap();
        let mut second = None;
        let mut listener = None;
        match other {
            "a file" => fs::write(&socket, "mine").unwrap(),
            "a socket" => listener = Some(UnixListener::bind(&socket).unwrap()),
            "a directory" => fs::create_dir(&socket).unwrap(),
            "a daemon" => {
                let directory = TempDir::new();
                let setting = format!("ln -s '{0}' s; exec \"$0\" -socket '{0}'", socket.display());
                second = Some(Confined::after_in(directory, &setting, &[]));
            }
            _ => {}
        }
        let identity = || fs::symlink_metadata(&socket).map(|found| found.ino()).ok();
        let before = identity();
        assert_eq!(before.is_some(), other != "nothing");
        assert!(is_served(&mut client), "{other}");
        steering.done(serde_json::json!({"verb": "ping"}));
        assert_eq!(daemon.terminate().0, Some(0), "{other}");
        client.recv_eof();
        assert_eq!(identity(), before, "{other}");
        if let Some(mut second) = second {
            assert!(is_served(&mut Client::connect(&socket)));
            assert_eq!(second.terminate().0, Some(0));
            assert_eq!(identity(), None);
        }
        drop(listener);
        daemon.says_no_more();
    }
}

#[test]
fn a_directory_that_is_removed_or_moved() {
    for moved in [false, true] {
        let mut daemon = in_a_directory();
        let mut client = daemon.settled();
        if moved {
            fs::rename(daemon.path("d"), daemon.path("e")).unwrap();
        } else {
            fs::remove_dir_all(daemon.path("d")).unwrap();
        }
        assert!(is_served(&mut client));
        assert_eq!(daemon.terminate().0, Some(0));
        client.recv_eof();
        daemon.says_no_more();
    }
}
