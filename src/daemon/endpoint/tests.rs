use super::*;
use crate::testing::{self, TempDir};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::sync::{Barrier, mpsc};
use std::thread;

fn refusal(path: &Path) -> String {
    Endpoint::publish(path).unwrap_err().to_string()
}

/// A socket file that nobody listens on any more.
fn leave_dead_socket(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    until_dead(path);
}

/// Waits out the children of other tests: between fork and exec they have copies of every descriptor.
fn until_dead(path: &Path) {
    loop {
        match UnixStream::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
            _ => thread::yield_now(),
        }
    }
}

#[test]
fn publishes_withdraws_and_leaves_nothing() {
    let directory = TempDir::new();
    let path = directory.path().join("s");
    let endpoint = Endpoint::publish(&path).unwrap();
    assert_eq!(endpoint.path(), path);
    assert_eq!(directory.names(), ["s"]);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);

    let client = UnixStream::connect(&path).unwrap();
    drop(endpoint.listener().accept().unwrap());
    assert_eq!((&client).read(&mut [0]).unwrap(), 0);

    endpoint.withdraw();
    assert_eq!(directory.names(), [""; 0]);
    leave_dead_socket(&path);
    endpoint.withdraw();
    drop(endpoint);
    assert_eq!(directory.names(), ["s"]);
}

#[test]
fn drop_withdraws_what_is_still_ours_only() {
    let directory = TempDir::new();
    let path = directory.path().join("s");
    drop(Endpoint::publish(&path).unwrap());
    assert_eq!(directory.names(), [""; 0]);

    let endpoint = Endpoint::publish(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let successor = Endpoint::publish(&path).unwrap();
    drop(endpoint);
    UnixStream::connect(&path).unwrap();
    drop(successor);
    assert_eq!(directory.names(), [""; 0]);
}

#[test]
fn never_touches_what_is_not_a_socket() {
    let directory = TempDir::new();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("file"), "mine").unwrap();
    fs::create_dir(at("folder")).unwrap();
    leave_dead_socket(&at("dead"));
    symlink(at("nowhere"), at("dangling")).unwrap();
    symlink(at("dead"), at("to-dead")).unwrap();
    let before = directory.names();
    for name in ["file", "folder", "dangling", "to-dead"] {
        let path = at(name);
        assert_eq!(
            refusal(&path),
            format!("{}: exists and is not a socket", path.display())
        );
    }
    assert_eq!(directory.names(), before);
    assert_eq!(fs::read(at("file")).unwrap(), b"mine");
}

#[test]
fn leaves_the_living_alone() {
    let directory = TempDir::new();
    let path = directory.path().join("s");
    let in_use = format!("{}: in use by a running process", path.display());

    let endpoint = Endpoint::publish(&path).unwrap();
    assert_eq!(refusal(&path), in_use);
    drop(endpoint);

    // Of another kind: the connect fails, but is not refused.
    let datagrams = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    assert_eq!(refusal(&path), in_use);
    drop(datagrams);
    until_dead(&path);
    assert_eq!(directory.names(), ["s"]);
    Endpoint::publish(&path).unwrap();
}

#[test]
fn reclaims_the_dead() {
    let directory = TempDir::new();
    let path = directory.path().join("s");
    leave_dead_socket(&path);
    let endpoint = Endpoint::publish(&path).unwrap();
    UnixStream::connect(&path).unwrap();
    assert_eq!(directory.names(), ["s"]);
    drop(endpoint);
}

#[test]
fn reclaims_only_what_was_looked_at() {
    let directory = TempDir::new();
    let path = directory.path().join("s");
    leave_dead_socket(&path);
    let dead = occupant(&path).unwrap().unwrap();
    let endpoint = {
        fs::remove_file(&path).unwrap();
        Endpoint::publish(&path).unwrap()
    };
    reclaim(&path, &dead).unwrap();
    assert_eq!(directory.names(), ["s"]);
    drop(endpoint);
    reclaim(&path, &dead).unwrap();
}

#[test]
fn bad_places_are_named() {
    let directory = TempDir::new();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("file"), "").unwrap();
    for parent in ["none", "file"] {
        assert_eq!(
            refusal(&at(parent).join("s")),
            format!("{}: no such directory", at(parent).display())
        );
    }
    for name in ["", "/", "a/", "a/.", "a/..", ".", "a\0b"] {
        let path = Path::new(name);
        assert_eq!(
            refusal(path),
            format!("{}: cannot name a socket", path.display())
        );
    }
    assert_eq!(directory.names(), ["file"]);
}

/// A path of exactly `length` bytes in a directory of its own below `parent`.
fn path_of(length: usize, parent: &Path, name: &str) -> PathBuf {
    let padding = length - parent.as_os_str().len() - name.len() - 2;
    let directory = parent.join("d".repeat(padding));
    fs::create_dir(&directory).unwrap();
    let path = directory.join(name);
    assert_eq!(path.as_os_str().len(), length);
    path
}

#[test]
fn exactly_the_limit_works_and_one_more_is_named() {
    let directory = TempDir::new();
    let path = path_of(PATH_LIMIT, directory.path(), "s");
    let endpoint = Endpoint::publish(&path).unwrap();
    UnixStream::connect(&path).unwrap();
    let parent = path.parent().unwrap();
    assert_eq!(fs::read_dir(parent).unwrap().count(), 1);
    drop(endpoint);
    assert_eq!(fs::read_dir(parent).unwrap().count(), 0);

    let path = path_of(PATH_LIMIT + 1, directory.path(), "s");
    assert_eq!(
        refusal(&path),
        format!(
            "{}: path of {} bytes is over the limit of {PATH_LIMIT}",
            path.display(),
            PATH_LIMIT + 1
        )
    );
}

#[test]
fn every_way_of_binding_a_long_path_works() {
    let directory = TempDir::new();
    let path = path_of(PATH_LIMIT, directory.path(), "s");
    let staging = Staging::create(path.parent().unwrap()).unwrap();
    assert!(UnixListener::bind(staging.socket()).is_err());
    if cfg!(target_os = "linux") {
        drop(staging.bind_by_descriptor().unwrap());
        fs::remove_file(staging.socket()).unwrap();
    }
    let temporary = directory.path().join("t");
    fs::create_dir(&temporary).unwrap();
    let listener = staging.bind_by_symlink(&temporary).unwrap();
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    fs::rename(staging.socket(), &path).unwrap();
    UnixStream::connect(&path).unwrap();
    drop((listener, staging));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn without_hard_links_a_rename_does_it_but_never_over_anything() {
    let directory = TempDir::new();
    let name = directory.path().join("s");
    let refuse = |_: &Path, _: &Path| Err(ErrorKind::PermissionDenied.into());

    let staging = Staging::create(directory.path()).unwrap();
    let _listener = staging.listen().unwrap();
    place(&staging.socket(), &name, &name, refuse).unwrap();
    UnixStream::connect(&name).unwrap();
    drop(staging);
    assert_eq!(directory.names(), ["s"]);

    let staging = Staging::create(directory.path()).unwrap();
    let _second = staging.listen().unwrap();
    // A stranger comes between the look and the rename, and again and again.
    let taken = directory.path().join("taken");
    let stranger = |_: &Path, to: &Path| {
        fs::write(to, "mine")?;
        Err(ErrorKind::PermissionDenied.into())
    };
    let error = place(&staging.socket(), &taken, &taken, stranger).unwrap_err();
    assert!(matches!(error, EndpointError::NotASocket { .. }), "{error}");
    assert_eq!(fs::read(&taken).unwrap(), b"mine");

    let other = directory.path().join("other");
    let broken = |_: &Path, _: &Path| Err(ErrorKind::StorageFull.into());
    let error = place(&staging.socket(), &other, &other, broken).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("other: cannot publish: "), "{text}");
    drop(staging);
    assert_eq!(directory.names(), ["s", "taken"]);
}

#[test]
fn a_name_that_comes_and_goes_is_taken_in_the_end() {
    let directory = TempDir::new();
    let name = directory.path().join("s");
    let staging = Staging::create(directory.path()).unwrap();
    let _listener = staging.listen().unwrap();
    let always = |_: &Path, _: &Path| Err(ErrorKind::AlreadyExists.into());
    let error = place(&staging.socket(), &name, &name, always).unwrap_err();
    assert!(matches!(error, EndpointError::InUse { .. }), "{error}");
}

#[test]
fn a_lock_that_is_never_given_back_is_an_error() {
    let directory = TempDir::new();
    let holder = File::open(directory.path()).unwrap();
    holder.lock().unwrap();
    let mine = File::open(directory.path()).unwrap();
    let error = lock(&mine, Duration::from_millis(5)).unwrap_err();
    assert_eq!(error.to_string(), "held by another process for 5ms");

    // A withdrawal goes on without the lock.
    drop(holder);
    let endpoint = Endpoint::publish(&directory.path().join("s")).unwrap();
    mine.lock().unwrap();
    endpoint.withdraw();
    assert_eq!(directory.names(), [""; 0]);
}

#[test]
fn of_racing_threads_one_wins() {
    for dead in [false, true] {
        let directory = TempDir::new();
        let path = directory.path().join("s");
        if dead {
            leave_dead_socket(&path);
        }
        let barrier = Barrier::new(16);
        let outcomes: Vec<_> = thread::scope(|scope| {
            let racers: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        Endpoint::publish(&path)
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect()
        });
        UnixStream::connect(&path).unwrap();
        assert_eq!(directory.names(), ["s"]);
        let lost: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().err()).collect();
        assert_eq!(lost.len(), 15, "{lost:?}");
        let all_in_use = lost
            .iter()
            .all(|error| matches!(error, EndpointError::InUse { .. }));
        assert!(all_in_use, "{lost:?}");
        drop(outcomes);
        assert_eq!(directory.names(), [""; 0]);
    }
}

#[test]
fn of_racing_processes_one_wins() {
    const NAME: &str = "daemon::endpoint::tests::of_racing_processes_one_wins";
    if let Some(path) = testing::role() {
        match Endpoint::publish(Path::new(&path)) {
            Ok(_endpoint) => {
                println!("won");
                let _ = io::stdin().read(&mut [0]);
            }
            Err(error) => println!("lost: {error}"),
        }
        return;
    }
    let directory = TempDir::new();
    let path = directory.path().join("s");
    leave_dead_socket(&path);
    let mut racers: Vec<_> = (0..6)
        .map(|_| {
            testing::rerun(NAME, &path, "")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    // A line of each says how it ended; the winner lives until its stdin ends.
    let mut outputs: Vec<_> = racers
        .iter_mut()
        .map(|racer| BufReader::new(racer.stdout.take().unwrap()).lines())
        .collect();
    let ends: Vec<_> = outputs
        .iter_mut()
        .map(|lines| {
            lines
                .map_while(Result::ok)
                .find(|line| line.ends_with("won") || line.contains("lost: "))
                .unwrap()
        })
        .collect();
    UnixStream::connect(&path).unwrap();
    assert_eq!(directory.names(), ["s"]);
    let won = ends.iter().filter(|end| end.ends_with("won")).count();
    assert_eq!(won, 1, "{ends:?}");
    for (mut racer, output) in racers.into_iter().zip(outputs) {
        drop(racer.stdin.take());
        output.for_each(drop);
        assert!(racer.wait().unwrap().success());
    }
    assert_eq!(directory.names(), [""; 0]);
}

#[test]
fn who_connects_at_first_sight_is_never_refused() {
    let directory = TempDir::new();
    let path = |round: u32| directory.path().join(round.to_string());
    thread::scope(|scope| {
        let (seen, sightings) = mpsc::channel();
        // Dropped when the publishing side fails, so that the watcher ends too.
        let (publishing, published) = mpsc::channel::<()>();
        scope.spawn(move || {
            for round in 0..200 {
                while fs::symlink_metadata(path(round)).is_err() {
                    if published.try_recv() == Err(mpsc::TryRecvError::Disconnected) {
                        return;
                    }
                    thread::yield_now();
                }
                let _ = seen.send(UnixStream::connect(path(round)).map(drop));
            }
        });
        for round in 0..200 {
            let endpoint = Endpoint::publish(&path(round)).unwrap();
            sightings.recv().unwrap().unwrap();
            assert_eq!(directory.names(), [round.to_string()]);
            drop(endpoint);
        }
        drop(publishing);
    });
}
