use super::*;
use crate::testing::{self, TempDir};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::thread;

fn listen(path: &Path) -> Arc<UnixListener> {
    Arc::new(UnixListener::bind(path).unwrap())
}

#[test]
fn serves_until_stopped_and_refuses_afterwards() {
    let directory = TempDir::new();
    let path = directory.path().join("s");
    let acceptor = Acceptor::new(listen(&path)).unwrap();
    thread::scope(|scope| {
        let (served, serving) = mpsc::channel();
        let running = scope.spawn(|| {
            acceptor.run(
                |text| panic!("{text}"),
                move |client| {
                    served.send(client).unwrap();
                    Ok(())
                },
            )
        });
        let mut client = UnixStream::connect(&path).unwrap();
        let mut server = serving.recv().unwrap();
        server.write_all(b"k").unwrap();
        client.read_exact(&mut [0]).unwrap();
        acceptor.stop();
        acceptor.stop();
        running.join().unwrap().unwrap();
        assert!(serving.recv().is_err());
    });
    let refused = UnixStream::connect(&path).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    acceptor
        .run(|text| panic!("{text}"), |_| panic!("a client"))
        .unwrap();
}

#[test]
fn a_stop_ends_a_pause() {
    let directory = TempDir::new();
    let acceptor = Acceptor::new(listen(&directory.path().join("s"))).unwrap();
    acceptor.stop();
    acceptor.pause();
    assert!(*hold(&acceptor.stopping));
}

#[test]
fn a_socket_that_does_not_listen_is_fatal() {
    let (one, _other) = UnixStream::pair().unwrap();
    let listener = UnixListener::from(OwnedFd::from(one));
    let acceptor = Acceptor::new(Arc::new(listener)).unwrap();
    let error = acceptor
        .run(|text| panic!("{text}"), |_| panic!("a client"))
        .unwrap_err();
    assert_eq!(error.raw_os_error(), Some(EINVAL));
}

#[test]
fn verdicts() {
    let of = |code| verdict(&io::Error::from_raw_os_error(code));
    assert_eq!(of(4), Verdict::Again);
    assert_eq!(
        verdict(&ErrorKind::ConnectionAborted.into()),
        Verdict::Again
    );
    assert_eq!(verdict(&ErrorKind::OutOfMemory.into()), Verdict::Later);
    assert_eq!(of(1), Verdict::Later);
    for code in [EBADF, EINVAL, ENOTSOCK] {
        assert_eq!(of(code), Verdict::Never);
    }
}

#[test]
fn one_warning_a_burst() {
    let mut burst = Burst::default();
    let start = Instant::now();
    assert!(burst.begins_at(start));
    assert!(!burst.begins_at(start + BURST_GAP));
    assert!(!burst.begins_at(start + BURST_GAP * 2));
    assert!(burst.begins_at(start + BURST_GAP * 4));
}

/// The daemon of the two tests below: takes all descriptors, says so, gives them back when told,
/// and reports its warnings at the end.
fn starve(path: &Path, with_spare: bool) {
    let listener = listen(path);
    let mut hogs = Vec::new();
    let mut eat = || {
        while let Some(hog) = take_spare() {
            hogs.push(hog);
        }
        hogs.pop()
    };
    let acceptor = if with_spare {
        let acceptor = Acceptor::new(listener).unwrap();
        eat();
        hogs.extend(take_spare());
        acceptor
    } else {
        drop(eat());
        Acceptor::new(listener).unwrap()
    };
    assert_eq!(hold(&acceptor.spare).is_some(), with_spare);
    let mut warnings = Vec::new();
    thread::scope(|scope| {
        let running = scope.spawn(|| {
            acceptor.run(
                |text| {
                    warnings.push(text.to_string());
                    if !with_spare {
                        println!("\nfull");
                    }
                },
                |mut client| client.write_all(b"k"),
            )
        });
        if with_spare {
            println!("\nfull");
        }
        io::stdin().read_exact(&mut [0]).unwrap();
        hogs.clear();
        println!("\nfree");
        let _ = io::stdin().read(&mut [0]);
        acceptor.stop();
        running.join().unwrap().unwrap();
    });
    println!("\nwarned: {}", warnings.join("; "));
}

fn start_starving(test: &str, path: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = testing::rerun(test, path, "ulimit -n 40; ")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn line_with(text: &str, output: &mut impl BufRead) -> String {
    output
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with(text))
        .unwrap()
}

#[test]
fn out_of_descriptors_clients_are_closed_and_later_ones_served() {
    const NAME: &str =
        "daemon::acceptor::tests::out_of_descriptors_clients_are_closed_and_later_ones_served";
    if let Some(path) = testing::role() {
        return starve(Path::new(&path), true);
    }
    let directory = TempDir::new();
    let path = directory.path().join("s");
    let (mut child, mut output) = start_starving(NAME, &path);
    line_with("full", &mut output);
    for _ in 0..5 {
        let mut client = UnixStream::connect(&path).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"f").unwrap();
    line_with("free", &mut output);
    for _ in 0..5 {
        let mut client = UnixStream::connect(&path).unwrap();
        client.read_exact(&mut [0]).unwrap();
    }
    drop(stdin);
    assert_eq!(
        line_with("warned", &mut output),
        "warned: out of descriptors: new clients are closed at once"
    );
    output.lines().for_each(drop);
    assert!(child.wait().unwrap().success());
}

#[test]
fn without_a_spare_clients_wait() {
    const NAME: &str = "daemon::acceptor::tests::without_a_spare_clients_wait";
    if let Some(path) = testing::role() {
        return starve(Path::new(&path), false);
    }
    let directory = TempDir::new();
    let path = directory.path().join("s");
    let (mut child, mut output) = start_starving(NAME, &path);
    line_with("full", &mut output);
    let mut client = UnixStream::connect(&path).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"f").unwrap();
    client.read_exact(&mut [0]).unwrap();
    drop(stdin);
    assert_eq!(
        line_with("warned", &mut output),
        "warned: out of descriptors: new clients have to wait"
    );
    output.lines().for_each(drop);
    assert!(child.wait().unwrap().success());
}
