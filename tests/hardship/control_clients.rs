//! Control clients that are killed: in the middle of a line, of an answer, of an await.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use serde_json::json;

use super::confined::Confined;
use super::support::{end_in_time, poll};

/// Sends as much of this as the daemon takes, hands the connection to a process that nobody else shares
/// it with, and kills that.
fn killed_after(daemon: &Confined, text: &[u8], is_at_it: impl Fn() -> bool) {
    let mut stream = UnixStream::connect(daemon.path("c")).unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut rest = text;
    while let Ok(count @ 1..) = stream.write(rest) {
        rest = &rest[count..];
    }
    stream.set_nonblocking(false).unwrap();
    let mut sleeper = Command::new("sleep")
        .arg("60")
        .stdin(OwnedFd::from(stream))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(poll(|| is_at_it().then_some(())), Some(()));
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

#[test]
fn nothing_of_them_is_left_and_no_half_line_is_done() {
    let mut daemon = Confined::after("", &[]);
    let mut client = daemon.settled();
    // Much to tell, so that an answer does not fit in the socket.
    for _ in 0..2000 {
        client.call_ok(0x21, &[]);
    }
    let mut steering = daemon.talk();
    steering.done(json!({"verb": "ping"}));
    let before = (daemon.threads(), daemon.descriptors());
    let has_come = || daemon.threads() > before.0;

    let add = r#"{"verb":"rule_add","scoped":true,"rule":{"name":"r","on":"info","error":"no"}}"#;
    let long = format!("{{\"verb\":\"{}", "x".repeat(900_000));
    let stop = r#"{"verb":"stop"}"#;
    let with_rule = format!("{add}\n{{\"verb\":\"drop\",\"client\":\"all\"");
    for text in [&stop[..stop.len() - 1], "{\"verb\":\"reset", &long] {
        killed_after(&daemon, text.as_bytes(), has_come);
        daemon.is_back_at(before);
    }
    killed_after(&daemon, with_rule.as_bytes(), || {
        let mut other = daemon.talk();
        let rules = other.done(json!({"verb": "rules"}));
        !rules["rules"].as_array().unwrap().is_empty()
    });
    let unread = "{\"verb\":\"journal\"}\n".repeat(3);
    killed_after(&daemon, unread.as_bytes(), has_come);
    daemon.is_back_at(before);
    let awaiting = "{\"verb\":\"await\",\"on\":\"dial\",\"timeout\":\"60s\"}\n{\"verb\":\"st";
    killed_after(&daemon, awaiting.as_bytes(), has_come);
    daemon.is_back_at(before);

    let rules = steering.done(json!({"verb": "rules"}));
    assert_eq!(rules["rules"], json!([]));
    client.call_ok(0x0D, &[]);
    let clients = steering.done(json!({"verb": "clients"}));
    assert_eq!(clients["clients"][0]["requests"], 2002);
    assert_eq!(daemon.terminate().0, Some(0));
    daemon.says_no_more();
}

/// What nobody reads does not keep the daemon either.
#[test]
fn unread_answers_and_awaits_do_not_delay_the_end() {
    end_in_time(1, || {
        let mut daemon = Confined::after("", &[]);
        let mut client = daemon.settled();
        for _ in 0..2000 {
            client.call_ok(0x21, &[]);
        }
        let mut others = Vec::new();
        for text in [
            "{\"verb\":\"journal\"}\n".repeat(3),
            "{\"verb\":\"await\",\"on\":\"dial\",\"timeout\":\"60s\"}\n".to_owned(),
            "{\"verb\":".to_owned(),
        ] {
            let mut stream = UnixStream::connect(daemon.path("c")).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            others.push(stream);
        }
        others[0].read_exact(&mut [0]).unwrap();
        let (status, took) = daemon.terminate();
        assert_eq!(status, Some(0));
        took
    });
}
