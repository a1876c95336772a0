//! The control socket and `ctl`, from outside.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Binary, DEADLINE, TempDir, poll};

/// A daemon with a control socket `c` beside its own.
fn start() -> (Binary, PathBuf) {
    let daemon = Binary::start(&["--control", "c"]);
    let control = daemon.directory().join("c");
    (daemon, control)
}

fn ctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mockpilot"));
    command
        .arg("ctl")
        .env_remove("MOCKPILOT_CONTROL")
        .stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> (i32, String, String) {
    told(command.output().unwrap())
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output.status.code().unwrap_or(-1), out, err)
}

/// What `ctl` answers, which must be a line, and its status that of the answer.
fn ask(control: &Path, words: &[&str]) -> Value {
    let (status, out, err) = output(ctl().env("MOCKPILOT_CONTROL", control).args(words));
    assert_eq!(err, "", "{words:?}");
    assert_eq!(out.find('\n'), Some(out.len() - 1), "{out:?}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status, i32::from(answer["ok"] != true), "{out}");
    answer
}

struct Talk(BufReader<UnixStream>);

impl Talk {
    fn new(control: &Path) -> Talk {
        let stream = UnixStream::connect(control).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Talk(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn answer(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }
}

#[test]
fn it_comes_and_goes_with_the_daemon() {
    let (mut daemon, control) = start();
    let mode = fs::metadata(&control).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut talk = Talk::new(&control);
    talk.send("{\"verb\":\"ping\"}\n");
    assert_eq!(talk.answer()["pid"], daemon.pid());
    assert!(daemon.terminate().success());
    assert_eq!(talk.line(), "");
    assert_eq!(fs::read_dir(daemon.directory()).unwrap().count(), 0);
}

#[test]
fn ping_and_state() {
    let (daemon, control) = start();
    let ping = ask(&control, &["ping"]);
    assert_eq!(ping["pid"], daemon.pid());
    assert_eq!(ping["version"], env!("CARGO_PKG_VERSION"));
    assert!(ping["uptime_ms"].is_u64());
    let state = ask(&control, &["state", "{}"]);
    assert_eq!(state["state"]["hostname"], "mock-daemon");
    assert!(ask(&control, &["clients"])["clients"].is_array());
    assert!(ask(&control, &["rules"])["rules"].is_array());
    assert_eq!(ask(&control, &["verify"])["failures"], Value::Array(vec![]));
    assert!(ask(&control, &["journal", "{\"since\":0}"])["entries"].is_array());
    assert_eq!(
        ask(&control, &["drop", "{\"client\":\"all\"}"])["dropped"],
        0
    );
    let nobody = ask(&control, &["drop", "{\"client\": 7}"]);
    assert_eq!(nobody["ok"], false);
    assert!(nobody["error"].as_str().unwrap().contains('7'), "{nobody}");
}

#[test]
fn every_verb_has_a_twin_and_help() {
    let (daemon, control) = start();
    let (_, help, _) = output(ctl().arg("--help"));
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Verbs"))
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with(char::is_alphabetic))
        .filter_map(|line| line.split(' ').next())
        .collect();
    let contract = [
        "ping",
        "state",
        "clients",
        "rule_add",
        "rule_remove",
        "rules",
        "push",
        "await",
        "expect",
        "verify",
        "reset",
        "drop",
        "journal",
        "stop",
    ];
    assert_eq!(verbs, contract);
    for verb in contract {
        if verb != "stop" {
            // Answered by the daemon, for want of a key where it needs one.
            let answer = ask(&control, &[verb]);
            let missing = answer["error"]
                .as_str()
                .is_some_and(|e| e.contains("missing"));
            assert!(answer["ok"] == true || missing, "{verb}: {answer}");
        }
    }
    drop(daemon);
}

/// An arrival is no frame, but an entry of the journal like one.
#[test]
fn an_arrival_that_was_before_is_awaited_by_its_entry() {
    let (daemon, control) = start();
    let _client = UnixStream::connect(daemon.socket()).unwrap();
    let first = ask(&control, &["await", "{\"on\":\"connect\"}"]);
    assert_eq!(first["seq"], 1);
    let again = ask(&control, &["await", "{\"on\":\"connect\",\"since\":0}"]);
    assert_eq!(again["seq"], 1);
    let wanted = "{\"on\":\"connect\",\"since\":1,\"timeout\":\"1ms\"}";
    assert_eq!(ask(&control, &["await", wanted])["ok"], false);
}

#[test]
fn mistakes_are_answered_and_the_connection_stays() {
    let (_daemon, control) = start();
    let mut talk = Talk::new(&control);
    for (request, why) in [
        ("{\"verb\":", "unexpected end"),
        ("{\"verb\":\"stat\"}", "did you mean \\\"state\\\"?"),
        (
            "{\"verb\":\"await\",\"on\":\"dial\",\"timout\":\"1s\"}",
            "did you mean \\\"timeout\\\"?",
        ),
        ("{\"verb\":\"drop\",\"client\":true}", "client: expected"),
        ("{\"verb\":\"push\"}", "push: missing"),
    ] {
        talk.send(&format!("{request}\n"));
        let line = talk.line();
        assert!(
            line.starts_with("{\"ok\":false,\"error\":\"") && line.contains(why),
            "{line}"
        );
    }
    talk.send(&"x".repeat(3 << 20));
    assert!(talk.line().contains("over the limit of 1048576 bytes"));
    talk.send("\n\n{\"verb\":\"ping\"}\n{\"verb\":\"rules\"}\n{\"verb\":\"nix\"}\n");
    assert!(talk.answer()["pid"].is_u64());
    assert!(talk.answer()["rules"].is_array());
    assert_eq!(talk.answer()["ok"], false);
}

#[test]
fn misuse_of_ctl() {
    for (words, why) in [
        (
            &["ping"][..],
            "neither --control nor MOCKPILOT_CONTROL is set",
        ),
        (&[][..], "no verb given"),
        (&["--control", "c", "pnig"][..], "did you mean ping?"),
        (
            &["--control", "c", "push", "[]"][..],
            "expected an object, got []",
        ),
        (&["--control", "c", "push", "{"][..], "not JSON"),
        (&["--control", "c", "push", "{}", "x"][..], "\"x\""),
    ] {
        let (status, out, err) = output(ctl().env("MOCKPILOT_CONTROL", "").args(words));
        assert_eq!((status, &*out), (2, ""), "{words:?}");
        assert!(err.starts_with("mockpilot: ") && err.contains(why), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn no_daemon_is_a_failure() {
    let directory = TempDir::new();
    let missing = directory.join("c");
    let (status, out, err) = output(ctl().arg("--control").arg(&missing).arg("ping"));
    assert_eq!((status, &*out), (1, ""));
    let path = missing.display();
    assert_eq!(
        err,
        format!("mockpilot: {path}: no such file or directory\n")
    );

    let listener = UnixListener::bind(&missing).unwrap();
    let closing = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // Read, so that the client sees an end and not a reset.
        BufReader::new(stream)
            .read_line(&mut String::new())
            .unwrap();
    });
    let (status, out, err) = output(ctl().arg("--control").arg(&missing).arg("ping"));
    assert_eq!((status, &*out), (1, ""));
    assert_eq!(
        err,
        format!("mockpilot: {path}: closed without an answer, is it a control socket?\n")
    );
    closing.join().unwrap();

    let (mut daemon, control) = start();
    daemon.signal("KILL");
    daemon.wait();
    let (status, _, err) = output(ctl().arg("--control").arg(&control).arg("ping"));
    assert_eq!(status, 1);
    let path = control.display();
    assert_eq!(err, format!("mockpilot: {path}: connection refused\n"));
}

#[test]
fn ping_waits_for_a_daemon() {
    let directory = TempDir::new();
    let control = directory.join("c");
    // A dead socket refuses until the daemon takes its place.
    drop(UnixListener::bind(&control).unwrap());
    let waiting = ctl()
        .args(["ping", "--wait", "60s"])
        .env("MOCKPILOT_CONTROL", &control)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let daemon = Binary::launch_in(directory, &["--control", "c"]);
    let (status, out, err) = told(waiting.wait_with_output().unwrap());
    assert_eq!((status, &*err), (0, ""));
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["pid"], daemon.pid());

    let nowhere = daemon.directory().join("x/c");
    let before = Instant::now();
    let mut command = ctl();
    command.arg("--control").arg(&nowhere);
    let (status, _, err) = output(command.args(["ping", "--wait", "100ms"]));
    assert_eq!(status, 1);
    assert!(err.ends_with("no such file or directory\n"), "{err}");
    assert!(before.elapsed() >= Duration::from_millis(100));
}

#[test]
fn ping_does_not_wait_for_ever_for_an_answer() {
    let directory = TempDir::new();
    let control = directory.join("c");
    let _silent = UnixListener::bind(&control).unwrap();
    let mut command = ctl();
    command.arg("--control").arg(&control);
    let (status, _, err) = output(command.args(["ping", "--wait", "50ms"]));
    assert_eq!(status, 1);
    assert!(err.ends_with("c: no answer\n"), "{err}");
}

#[test]
fn stop_is_an_end_as_asked() {
    let (mut daemon, control) = start();
    let mut client = daemon.connect();
    client.call_ok(0x21, &[]);
    assert_eq!(ask(&control, &["stop"])["ok"], true);
    assert!(daemon.wait().success());
    client.recv_eof();
    assert_eq!(fs::read_dir(daemon.directory()).unwrap().count(), 0);
    let said = daemon.stderr();
    assert!(
        said.ends_with("ended: stopped over the control socket\n"),
        "{said}"
    );
}

/// Threads of the daemon that serve a control client.
fn control_threads(daemon: &Binary) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("control ")).count()
}

#[test]
#[cfg(target_os = "linux")]
fn clients_that_are_killed_leave_nothing() {
    let (daemon, control) = start();
    // Processes that have a connection each, and nobody else has it.
    let mut holders: Vec<_> = (0..5)
        .map(|_| {
            let mut talk = Talk::new(&control);
            talk.send("{\"verb\":\"ping\"}\n{\"verb\":\"stop\"");
            assert_eq!(talk.answer()["pid"], daemon.pid());
            let stream = OwnedFd::from(talk.0.into_inner());
            Command::new("sleep")
                .arg("60")
                .stdin(stream)
                .spawn()
                .unwrap()
        })
        .collect();
    assert_eq!(control_threads(&daemon), 5);
    for holder in &mut holders {
        holder.kill().unwrap();
        holder.wait().unwrap();
    }
    let none = || (control_threads(&daemon) == 0).then_some(());
    assert_eq!(poll(none), Some(()));
    assert_eq!(ask(&control, &["ping"])["pid"], daemon.pid());
}

#[test]
fn a_path_in_use_is_refused() {
    let (daemon, control) = start();
    let path = control.to_str().unwrap();
    let mut second = Binary::launch(&["--control", path]);
    assert_eq!(second.wait().code(), Some(1));
    let said = second.stderr();
    assert!(said.contains("c: in use by a running process"), "{said}");
    assert_eq!(fs::read_dir(second.directory()).unwrap().count(), 0);
    // The same socket twice, in two spellings.
    let mut both = Binary::launch(&["--control", "./s"]);
    assert_eq!(both.wait().code(), Some(1));
    assert_eq!(fs::read_dir(both.directory()).unwrap().count(), 0);
    assert_eq!(ask(&control, &["ping"])["pid"], daemon.pid());
}

#[test]
fn the_ready_line_names_it() {
    let directory = TempDir::new();
    let mut daemon = Binary::launch_in(directory, &["--control", "c", "--ready-fd", "1"]);
    daemon.wait_for_socket();
    let line = poll(|| daemon.stdout().lines().next().map(str::to_owned)).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["control"], "c");
    assert!(daemon.terminate().success());
}

#[test]
fn exec_has_one_and_tells_its_command() {
    let exec = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mockpilot"));
        command.arg("exec").args(words).stdin(Stdio::null());
        command
    };
    let program = env!("CARGO_BIN_EXE_mockpilot");
    let script = "\"$0\" ctl ping && echo $MOCKPILOT_CONTROL";
    let words = ["-q", "--", "/bin/sh", "-c", script, program];
    let (status, out, err) = output(&mut exec(&words));
    assert_eq!((status, &*err), (0, ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("{\"ok\":true,\"pid\":"), "{out}");
    assert!(lines[1].ends_with("/control.sock"), "{out}");
    assert!(!Path::new(lines[1]).exists());

    let directory = TempDir::new();
    let given = [&["--control", "c"], &words[..]].concat();
    let (status, out, _) = output(exec(&given).current_dir(directory.path()));
    assert_eq!(status, 0);
    let path = directory.path().canonicalize().unwrap().join("c");
    assert_eq!(out.lines().nth(1), path.to_str(), "{out}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let (_daemon, control) = start();
    let script = "\"$0\" ctl ping | true";
    let mut shell = Command::new("/bin/sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_mockpilot")])
        .env("MOCKPILOT_CONTROL", &control)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stderr = shell.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert!(shell.wait().unwrap().success());
    assert_eq!(said, "");
}
