//! No network, no shell, no file but those named: what a run asks of the system, watched.

#[path = "witness.rs"]
mod witness;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use super::steered::Talk;
use super::support::{Client, DEADLINE, poll};
use witness::Court;

const BINARY: &str = env!("CARGO_BIN_EXE_mockpilot");

/// Every request that the recordings hold, one after the other.
fn requests() -> Vec<u8> {
    let recordings = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/recordings.jsonl"
    );
    let text = fs::read_to_string(recordings).unwrap();
    let mut frames = Vec::new();
    let mut count = 0;
    for line in text.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let Some(hex) = exchange["send"].as_str() else {
            continue;
        };
        let digits = hex.as_bytes().chunks(2).map(|two| {
            let two = std::str::from_utf8(two).ok()?;
            u8::from_str_radix(two, 16).ok()
        });
        let bytes: Option<Vec<u8>> = digits.collect();
        if let Some([code, payload @ ..]) = bytes.as_deref() {
            frames.extend(Client::frame(*code, payload));
            count += 1;
        }
    }
    assert!(count > 300, "{count} requests");
    frames
}

/// What a scenario can do at most, in one.
fn scenario() -> Value {
    let datagram = json!({"recv_from": {"from": "0:0000.0000.0002:1", "to_port": 9, "data": "d"}});
    json!({
        "node": {"admin_token": "t"},
        "peers": [{"node_id": 2, "hostname": "beta", "services": {"13": {"say": "hello"}}}],
        "rules": [
            {"on": "connect", "push": [datagram]},
            {"on": "info", "times": 3, "fault": "garbage"},
            {"on": "health", "times": 3, "delay": "1ms"},
            {"on": "resolve_hostname", "reply": {"file": "/etc/passwd", "url": "http://127.0.0.1:80/"}},
        ],
        "timeline": [{"at": "1ms", "every": "5ms", "count": 9, "push": [datagram]}],
    })
}

/// Talks to the daemon until it has seen everything.
fn keep_busy(court: &Court, webhook: &TcpListener) {
    let socket = court.work().join("s");
    poll(|| socket.exists().then_some(())).expect("a socket");
    let mut talk = Talk::new(&court.work().join("c"));
    let stream = UnixStream::connect(&socket).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let mut said = Vec::new();
        // The faults may end it anyhow.
        let _ = reader.read_to_end(&mut said);
        said.len()
    });
    let url = format!("http://{}/hook", webhook.local_addr().unwrap());
    let mut writer = &stream;
    writer
        .write_all(&Client::frame(0x1B, url.as_bytes()))
        .unwrap();
    let _ = writer.write_all(&requests());
    let _ = stream.shutdown(std::net::Shutdown::Write);
    assert!(reading.join().unwrap() > 50_000);

    // Two clients whose stream joins them, for the control socket to do its worst to.
    let (mut one, mut two) = (Client::connect(&socket), Client::connect(&socket));
    for client in [&mut one, &mut two] {
        client.quiet();
    }
    let pid = talk.done(json!({"verb": "ping"}))["pid"].as_u64().unwrap();
    only_unix_sockets(pid);
    for (verb, keys) in [
        ("state", json!({})),
        ("clients", json!({})),
        (
            "rule_add",
            json!({"rule": {"on": "bind", "payload": "/etc/shadow"}}),
        ),
        (
            "push",
            json!({"push": {"raw": {"command": 99, "data": "`id`; $(id)"}}}),
        ),
        (
            "await",
            json!({"on": "health", "since": 0, "timeout": "1s"}),
        ),
        ("expect", json!({"expect": {"on": "health", "times": 0}})),
        ("verify", json!({})),
        ("rules", json!({})),
        ("journal", json!({"since": 0})),
        ("reset", json!({})),
        ("drop", json!({"client": "all"})),
        ("stop", json!({})),
    ] {
        let mut request = keys;
        request["verb"] = verb.into();
        let answer = talk.ask(request);
        assert!(answer["ok"] == true || verb == "verify", "{verb}: {answer}");
    }
    assert_eq!(talk.line(), "");
}

/// Every socket that a process holds is in the system's list of Unix sockets.
fn only_unix_sockets(pid: u64) {
    let list = fs::read_to_string("/proc/net/unix").unwrap();
    let known: Vec<&str> = list
        .lines()
        .filter_map(|l| l.split_whitespace().nth(6))
        .collect();
    let mut sockets = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let Ok(target) = fs::read_link(entry.unwrap().path()) else {
            continue;
        };
        let target = target.to_string_lossy().into_owned();
        if let Some(inode) = target
            .strip_prefix("socket:[")
            .and_then(|t| t.strip_suffix(']'))
        {
            assert!(known.contains(&inode), "{target}");
            sockets += 1;
        }
    }
    // The two that listen, those of three connections.
    assert!(sockets >= 5, "{sockets}");
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_busy_daemon_keeps_to_itself() {
    let court = Court::new();
    let webhook = TcpListener::bind("127.0.0.1:0").unwrap();
    webhook.set_nonblocking(true).unwrap();
    let [s, c, j, l] = ["s", "c", "j", "l"].map(|name| court.file(name));
    let scenario = scenario().to_string();
    let words = [
        "-socket",
        &s,
        "--control",
        &c,
        "--journal",
        &j,
        "--log",
        &l,
        "-v",
        "--scenario",
        &scenario,
    ];
    let run = court.run(&words, || keep_busy(&court, &webhook));
    // The expectation that the control client added.
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(webhook.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(names(&court.work()), ["j", "l"]);
    assert_eq!(names(&court.temporary()), [""; 0]);
    run.is_modest();
    assert_eq!(run.programs(), [BINARY]);
    let work = court.work();
    let work = work.display();
    let mut wanted: Vec<String> = [
        "mkdir W/.mockpilot-*",
        "chmod W/.mockpilot-*",
        "chmod W/.mockpilot-*/s",
        "link W/s",
        "link W/c",
        "unlink W/.mockpilot-*/s",
        "unlink W/.mockpilot-*",
        "unlink W/s",
        "unlink W/c",
        "write W/j",
        "write W/l",
    ]
    .map(|call| call.replace('W', &work.to_string()))
    .into();
    wanted.sort();
    assert_eq!(run.touched().into_iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn exec_runs_itself_and_the_command() {
    let court = Court::new();
    for (command, ran) in [
        (&["/bin/true"][..], &["/bin/true"][..]),
        // What the command says it is: nothing of it is for a shell to read.
        (&["/bin/echo", "$(id)", "`id`", "; id"], &["/bin/echo"]),
    ] {
        let words = [&["exec", "--"], command].concat();
        let run = court.run(&words, || {});
        assert_eq!(run.status, 0, "{}", run.stderr);
        let said = command[1..].join(" ");
        assert_eq!(run.stdout.trim_end(), said);
        run.is_modest();
        assert_eq!(names(&court.work()), [""; 0]);
        assert_eq!(names(&court.temporary()), [""; 0]);
        assert_eq!(run.programs(), [&[BINARY, BINARY], ran].concat());
        let temporary = court.temporary();
        for call in run.touched() {
            let private = format!(" {}/mockpilot-*", temporary.display());
            assert!(call.contains(&private), "{call}");
        }
    }
}

/// A script without `#!` is for a shell, as every shell has it.
#[test]
fn a_script_that_names_no_interpreter_is_given_to_sh() {
    let court = Court::new();
    let script = court.file("script");
    fs::write(&script, "exit 7\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, mode).unwrap();
    let run = court.run(&["exec", "-q", "--", &script], || {});
    assert_eq!(run.status, 7, "{}", run.stderr);
    assert_eq!(run.programs(), [BINARY, BINARY, &script, "/bin/sh"]);
}

#[test]
fn cover_run_runs_the_command() {
    let court = Court::new();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cover/fixtures/one");
    let out = court.file("out.cov");
    let copy = r#"/bin/cp "$0"/cov* "$GOCOVERDIR""#;
    let words = [
        "cover", "run", "-o", &out, "--", "/bin/sh", "-c", copy, data,
    ];
    let run = court.run(&words, || {});
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stdout.contains("total:"), "{}", run.stdout);
    run.is_modest();
    assert_eq!(names(&court.work()), ["out.cov"]);
    assert_eq!(names(&court.temporary()), [""; 0]);
    assert_eq!(run.programs(), [BINARY, "/bin/sh", "/bin/cp"]);
    let staged = format!("{}/.mockpilot-*", court.work().display());
    let private = format!("{}/mockpilot-*", court.temporary().display());
    for call in run.touched() {
        let known = [&*out, &staged].iter().any(|path| call.ends_with(path));
        assert!(call.contains(&private) || known, "{call}");
    }
}

#[test]
fn the_other_commands_write_nothing() {
    let court = Court::new();
    let data = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/cover/fixtures/one.textfmt"
    );
    let frames = court.file("frames");
    fs::write(&frames, Client::frame(0x0D, b"")).unwrap();
    for words in [
        &["check", "{\"rules\":[]}"][..],
        &["explain", "{\"rules\":[{\"on\":\"info\"}]}", "0d"],
        &["decode", &frames],
        &["cover", "merge", data],
        &["cover", "report", data],
        &["--help"],
    ] {
        let run = court.run(words, || {});
        assert_eq!(run.status, 0, "{words:?}: {}", run.stderr);
        run.is_modest();
        assert_eq!(names(&court.work()), ["frames"]);
        assert_eq!(run.programs(), [BINARY]);
        let touched = run.touched();
        assert!(touched.is_empty(), "{words:?}: {touched:?}");
    }
}
