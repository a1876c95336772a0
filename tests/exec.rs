//! `mockpilot exec` from outside.

mod support;

#[path = "exec/run.rs"]
mod run;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use run::{Run, Started, daemon_of, too_late, until_told};
use serde_json::Value;
use support::{Client, TempDir, poll};

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

#[test]
fn every_status_is_the_commands() {
    thread::scope(|scope| {
        for (script, status) in [
            ("exit 0", 0),
            ("exit 1", 1),
            ("exit 2", 2),
            ("exit 3", 3),
            ("exit 124", 124),
            ("exit 255", 255),
            ("kill -TERM $$", 143),
            ("kill -KILL $$", 137),
            ("kill -INT $$", 130),
        ] {
            scope.spawn(move || {
                let (got, _, complaint) = Run::shell(&["-q"], script).finish();
                assert_eq!(got, status, "{script}: {complaint}");
                assert_eq!(complaint.is_empty(), status == 0, "{script}: {complaint}");
            });
        }
    });
}

#[test]
fn what_cannot_be_started_has_its_own_statuses() {
    let directory = TempDir::new();
    let plain = directory.join("plain");
    let plain = plain.to_str().unwrap();
    // Not by this process: a child that another test starts has the open file for a moment too, and
    // what somebody may write to cannot be run.
    let shell = |script: &str| {
        Command::new("/bin/sh")
            .args(["-c", script, plain])
            .status()
            .unwrap()
    };
    assert!(shell("echo 'exit 5' >\"$0\"").success());
    for (name, status, text) in [
        ("/no/such/command", 127, "no such file or directory"),
        ("no-such-command", 127, "no such file or directory"),
        ("", 127, "no such file or directory"),
        ("/", 126, "permission denied"),
        (plain, 126, "permission denied"),
    ] {
        let (got, _, complaint) = Run::new(&["-q", "--", name]).finish();
        assert_eq!(got, status, "{name}: {complaint}");
        let expected = format!("mockpilot: {name}: cannot start: {text}\n");
        assert_eq!(complaint, expected);
    }
    // A script without `#!` is one all the same.
    assert!(shell("chmod 700 \"$0\"").success());
    assert_eq!(Run::new(&["-q", "--", plain]).finish().0, 5);
}

#[test]
fn misuse_and_a_daemon_that_cannot_run() {
    for words in [
        &["make"][..],
        &["--"],
        &[],
        &["--ready-fd", "1", "--", "true"],
    ] {
        let (status, _, complaint) = Run::new(words).finish();
        assert_eq!(status, 2, "{words:?}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    let directory = TempDir::new();
    let file = directory.join("f");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    let (status, output, complaint) = Run::new(&["--socket", file, "--", "echo", "ran"]).finish();
    assert_eq!(
        (status, output.as_str(), complaint.as_str()),
        (
            1,
            "",
            &*format!("mockpilot: {file}: exists and is not a socket\n")
        )
    );
}

#[test]
fn the_environment_names_the_daemon() {
    let script = "echo $PILOT_SOCKET; echo $MOCKPILOT_SOCKET; echo $MOCKPILOT_CONTROL; \
                  echo ${NOTIFY_SOCKET-none}; echo $KEPT; stat -c '%a %F' \"${PILOT_SOCKET%/*}\" \"$PILOT_SOCKET\"";
    let mut run = Run::shell(&[], script);
    run.command
        .env("NOTIFY_SOCKET", "/nobody")
        .env("MOCKPILOT_CONTROL", "/another")
        .env("PILOT_SOCKET", "/another")
        .env("KEPT", "kept");
    let temporary = run.temporary.path().to_path_buf();
    let (status, output, _) = run.finish();
    assert_eq!(status, 0);
    let lines: Vec<&str> = output.lines().collect();
    let socket = Path::new(lines[0]);
    assert_eq!(socket.parent().unwrap().parent(), Some(&*temporary));
    assert_eq!(lines[1], lines[0]);
    let control = socket.with_file_name("control.sock");
    assert_eq!(Some(lines[2]), control.to_str());
    assert_eq!(lines[3..5], ["none", "kept"]);
    assert_eq!(lines[5..], ["700 directory", "600 socket"]);
}

#[test]
fn a_socket_of_ones_own_choice_is_absolute_for_the_command() {
    let directory = TempDir::new();
    let mut run = Run::shell(
        &["--socket", "s"],
        "cd /; echo $PILOT_SOCKET; test -S \"$PILOT_SOCKET\"",
    );
    run.command.current_dir(directory.path());
    let (status, output, _) = run.finish();
    assert_eq!(status, 0);
    assert!(output.ends_with("/s\n"), "{output}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_long_temporary_directory_does_not_make_the_path_too_long() {
    let directory = TempDir::new();
    let long = directory.join(&"x".repeat(100));
    fs::create_dir(&long).unwrap();
    let mut run = Run::shell(&[], "echo $PILOT_SOCKET; test -S \"$PILOT_SOCKET\"");
    run.command.env("TMPDIR", &long);
    let (status, output, complaint) = run.finish();
    assert_eq!(status, 0, "{complaint}");
    let socket = PathBuf::from(output.trim_end());
    assert!(socket.starts_with("/tmp"), "{output}");
    assert!(!socket.parent().unwrap().exists());
}

#[cfg(target_os = "linux")]
#[test]
fn groups_and_limits() {
    // By the control socket: the log is written when the log's thread comes to it.
    let script = "group() { cut -d' ' -f5 /proc/$1/stat; }; \
         daemon=$(\"$0\" ctl ping | sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); ulimit -Sn; group $$; group $PPID; group $daemon; echo $daemon; \
         sed -n 's/Max open files *\\([0-9]*\\) *\\([0-9]*\\).*/\\1 \\2/p' /proc/$daemon/limits";
    let program = env!("CARGO_BIN_EXE_mockpilot");
    let output = Command::new("/bin/sh")
        .args(["-c", "ulimit -Sn 100; exec \"$0\" \"$@\"", program])
        .args(["exec", "-q", "--", "/bin/sh", "-c", script, program])
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    let [limit, own, execs, daemons, daemon, daemon_limits] = lines[..] else {
        panic!("{output}");
    };
    assert_eq!(limit, "100");
    assert_eq!(own, execs);
    assert_eq!(daemons, daemon);
    let (soft, hard) = daemon_limits.split_once(' ').unwrap();
    assert_eq!(soft, hard);
}

#[test]
fn time_runs_out() {
    let (status, _, complaint) =
        Run::new(&["-q", "--timeout", "100ms", "--", "sleep", "60"]).finish();
    assert_eq!(status, 124);
    assert!(
        complaint.contains("sleep timed out after 100ms"),
        "{complaint}"
    );
    let started = Instant::now();
    let (timeout, status, _) = too_late("trap '' TERM");
    assert_eq!(status, 124);
    assert!(started.elapsed() >= timeout + Duration::from_secs(2));
    // Who ends well after all was too late, and who is in time is not.
    let (_, status, output) = too_late("trap 'echo late; exit 0' TERM");
    assert_eq!((status, &*output), (124, "trapped\nlate\n"));
    assert_eq!(
        Run::shell(&["-q", "--timeout", "1h"], "exit 0").finish().0,
        0
    );
}

#[test]
fn signals_of_processes_are_passed_on() {
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let script = "trap 'echo HUP; exit 41' HUP; trap 'echo INT; exit 42' INT; \
                      trap 'echo TERM; exit 43' TERM; echo ready; while :; do sleep 0.02; done";
        let run = Run::shell(&["-q"], script).start();
        assert_eq!(run.line, "ready");
        run.signal(signal);
        let (status, output, _) = run.finish();
        let expected = match signal {
            SIGHUP => (41, "HUP\n"),
            SIGINT => (42, "INT\n"),
            _ => (43, "TERM\n"),
        };
        assert_eq!((status, output.as_str()), expected);
        // Whom it kills, and who does not care: the command decides.
        let run = Run::shell(&["-q"], "echo ready; exec sleep 60").start();
        run.signal(signal);
        assert_eq!(run.finish().0, 128 + signal);
        let script = "trap '' HUP INT TERM; echo ready; cat >/dev/null; exit 9";
        let run = Run::shell(&["-q"], script).start();
        run.signal(signal);
        run.signal(signal);
        assert_eq!(run.finish().0, 9);
    }
}

#[test]
fn a_failure_shows_the_last_frames_and_how_to_run_it_again() {
    let options = [
        "-q",
        "--seed",
        "7",
        "--seed",
        "8",
        "--client-budget",
        "64KiB",
    ];
    let run = Run::shell(&options, &until_told(3)).start();
    let mut client = Client::connect(Path::new(&run.line));
    for port in 0..30u16 {
        client.call_ok(0x01, &(2000 + port).to_be_bytes());
    }
    client.call_ok(0x13, b"unit");
    client.send(0x29, b"\0\x07\0\x50\0\x06s3crethello");
    client.recv();
    client.send(0x7E, b"");
    client.recv();
    drop(client);
    let (status, _, report) = run.finish();
    assert_eq!(status, 3);
    assert!(!report.contains("s3cret"), "{report}");
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines.len(), 23, "{report}");
    assert_eq!(
        lines[0],
        "mockpilot: /bin/sh exited with status 3; the last 20 frames:"
    );
    assert_eq!(lines[21], "mockpilot: seed 8; to run it again:");
    let (program, words) = lines[22].split_once(" exec ").unwrap();
    // Quoted where its path must be.
    assert_eq!(program.trim_matches('\''), env!("CARGO_BIN_EXE_mockpilot"));
    assert_eq!(
        words,
        "-q --client-budget 64KiB --seed 8 -- /bin/sh -c 'echo $PILOT_SOCKET; cat >/dev/null; exit 3'"
    );
    let frames: Vec<Value> = lines[1..21]
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let shown: Vec<String> = frames[14..]
        .iter()
        .map(|frame| {
            format!(
                "{} {}",
                frame["dir"].as_str().unwrap(),
                frame["cmd"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        shown[..3],
        ["in set_hostname", "out set_hostname_ok", "in broadcast"]
    );
    assert_eq!(shown[4..], ["in unknown", "out error"]);
    assert_eq!(frames[14]["fields"]["hostname"], "unit");
    assert_eq!(frames[15]["fields"]["hostname"], "unit");
    assert_eq!(frames[16]["fields"]["token"], "<redacted>");
    assert_eq!(frames[19]["fields"]["message"], "unknown command: 0x7E");
    for pair in frames.windows(2) {
        assert_eq!(pair[0]["client"], 1);
        // Events have numbers too.
        let seq = |frame: &Value| frame["seq"].as_u64().unwrap();
        assert!(seq(&pair[0]) < seq(&pair[1]));
    }
    let rerun = Command::new("/bin/sh")
        .args(["-c", lines[22]])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(rerun.status.code(), Some(3));
}

#[test]
fn tokens_of_a_scenario_are_not_in_the_line_that_runs_it_again() {
    let scenario = r#"{"node":{"hostname":"h","admin_token":"s3cret"}}"#;
    let options = ["-q", "--scenario", scenario, "--seed", "7"];
    let (status, _, report) = Run::shell(&options, "exit 1").finish();
    assert_eq!(status, 1);
    let shown =
        r#" -q --scenario '{"node":{"hostname":"h","admin_token":"<redacted>"}}' --seed 7 -- "#;
    assert!(report.contains(shown), "{report}");
    assert!(!report.contains("s3cret"), "{report}");
    let options = [&options[..], &["--journal-secrets"]].concat();
    let (_, _, report) = Run::shell(&options, "exit 1").finish();
    assert!(report.contains("s3cret"), "{report}");
}

#[test]
fn a_daemon_that_died_is_a_failure() {
    let directory = TempDir::new();
    let log = directory.join("log");
    let log = log.to_str().unwrap();
    for (status, expected) in [(0, 1), (7, 7)] {
        let found = daemon_of(log);
        let script = format!("{found}; kill -KILL $daemon; rm '{log}'; exit {status}");
        let (got, _, complaint) = Run::shell(&["--log", log], &script).finish();
        assert_eq!(got, expected, "{complaint}");
        assert!(
            complaint.starts_with("mockpilot: the daemon died: signal: 9"),
            "{complaint}"
        );
    }
}

#[test]
fn a_daemon_that_ended_as_asked_did_not_die() {
    let run = Run::shell(&["-q", "--exit-on-last-client"], &until_told(0)).start();
    let socket = PathBuf::from(&run.line);
    Client::connect(&socket).call_ok(0x21, &[]);
    poll(|| (!socket.exists()).then_some(())).expect("the daemon ends");
    assert_eq!(run.finish().0, 0);
}

#[test]
fn killed_runs_leave_no_daemon_and_no_directory() {
    let told = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let mut run = Run::shell(&[], &until_told(0)).start();
                Client::connect(Path::new(&run.line)).call_ok(0x21, &[]);
                run.signal(SIGKILL);
                run.child.wait().unwrap();
                // The command is nobody's to end but ours.
                drop(run.stdin.take());
                // It ends when the last who has it does, the daemon. That has 30 ms for its last line, on
                // a busy machine too few for one of them, but not for all.
                let mut log = String::new();
                let mut stderr = run.child.stderr.take().unwrap();
                stderr.read_to_string(&mut log).unwrap();
                let ended = log.lines().nth(1);
                let wanted = "mockpilot: ended: the lifeline is closed";
                assert!(ended.is_none_or(|line| line == wanted), "{log}");
                told.fetch_add(ended.iter().count(), Ordering::Relaxed);
                let left = fs::read_dir(run.run.temporary.path()).unwrap();
                assert_eq!(left.count(), 0);
            });
        }
    });
    assert!(told.into_inner() > 0, "no last line of twenty");
}

#[test]
fn many_at_once_do_not_meet() {
    let runs: Vec<Started> = (0..64)
        .map(|_| Run::shell(&["-q"], &until_told(0)).start())
        .collect();
    let mut clients: Vec<Client> = runs
        .iter()
        .map(|run| Client::connect(Path::new(&run.line)))
        .collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.call_ok(0x13, format!("run-{number}").as_bytes());
        client.call_ok(0x01, &[0, 80]);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let info = client.call_json(0x0D, &[]);
        assert_eq!(info["hostname"], format!("run-{number}"));
    }
    for run in runs {
        assert_eq!(run.finish().0, 0);
    }
}

#[test]
fn its_help_is_asked_for_in_three_ways() {
    let text = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mockpilot"));
        let output = command.args(words).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let help = text(&["exec", "--help"]);
    assert!(help.contains("Usage: mockpilot exec [OPTIONS] -- COMMAND [ARG...]"));
    assert_eq!(text(&["help", "exec"]), help);
    assert_eq!(text(&["exec", "-h", "--", "false"]), help);
}

#[test]
fn standard_input_and_output_are_those_of_exec() {
    let directory = TempDir::new();
    let scenario = directory.join("scenario.json");
    fs::write(&scenario, r#"{"expect":[{"on":"info"}]}"#).unwrap();
    let options = ["--scenario", "/dev/stdin", "--journal", "/dev/stdout"];
    let mut run = Run::shell(&[&["-q"], &options[..]].concat(), "exit 0");
    run.command.stdin(fs::File::open(&scenario).unwrap());
    let (status, journal, complaint) = run.finish();
    assert_eq!(status, 3, "{complaint}");
    assert!(complaint.contains(":1:12: info: expected at least 1, got 0"));
    assert!(complaint.contains(" --scenario /dev/stdin "), "{complaint}");
    let last: Value = serde_json::from_str(journal.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "stop");
}
