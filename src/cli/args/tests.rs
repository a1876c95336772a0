use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use super::super::ParentChoice;
use super::super::values::MAX_DURATION_MS;
use super::*;
use crate::node::Profile;

mod commands;

fn words(line: &str) -> Vec<OsString> {
    line.split(' ')
        .filter(|word| !word.is_empty())
        .map(OsString::from)
        .collect()
}

fn outcome(line: &str) -> Result<Invocation, String> {
    parse(words(line)).map_err(|misuse| misuse.to_string())
}

/// The options that `serve --socket p` with `line` behind it sets.
fn served(line: &str) -> ServeOptions {
    match outcome(&format!("serve --socket p {line}")) {
        Ok(Invocation::Serve(options)) => options,
        other => panic!("{line}: {other:?}"),
    }
}

fn misuse(line: &str) -> String {
    outcome(line).expect_err(line)
}

fn minimal() -> ServeOptions {
    ServeOptions {
        socket: Some("p".into()),
        ..ServeOptions::default()
    }
}

#[test]
fn every_spelling_of_an_option_is_taken() {
    for line in [
        "-socket p",
        "--socket p",
        "-socket=p",
        "--socket=p",
        "serve -socket p",
        "serve --socket p",
        "serve -socket=p",
        "serve --socket=p",
        "serve --socket p --",
        "-socket x -socket p",
    ] {
        assert_eq!(outcome(line), Ok(Invocation::Serve(minimal())), "{line}");
    }
}

#[test]
fn a_value_may_look_like_anything() {
    for (line, socket) in [
        ("-socket -v", "-v"),
        ("--socket -v", "-v"),
        ("--socket --", "--"),
        ("-socket=-socket=x", "-socket=x"),
        ("--socket==", "="),
        ("-socket -", "-"),
    ] {
        let expected = ServeOptions {
            socket: Some(socket.into()),
            ..ServeOptions::default()
        };
        assert_eq!(outcome(line), Ok(Invocation::Serve(expected)), "{line}");
    }
}

#[test]
fn every_option_is_stored() {
    assert_eq!(
        served(
            "-profile faithful --seed=18446744073709551615 -max-clients 3 --write-timeout 250ms \
             -client-budget=64KiB --log /l -v -exit-with-parent --ready-fd 0 -lifeline-fd=2147483647 \
             --exit-on-last-client -scenario a --scenario={} --journal j -journal-raw \
             --journal-secrets -control=c"
        ),
        ServeOptions {
            socket: Some("p".into()),
            listen_fd: None,
            ready_fd: Some(0),
            lifeline_fd: Some(i32::MAX),
            exit_with_parent: Some(ParentChoice::Found),
            exit_on_last_client: true,
            private_directory: None,
            scenarios: vec!["a".into(), "{}".into()],
            journal: Some("j".into()),
            journal_raw: true,
            journal_secrets: true,
            control: Some("c".into()),
            profile: Some(Profile::Faithful),
            seed: Some(u64::MAX),
            max_clients: 3,
            write_timeout: Duration::from_millis(250),
            client_budget: 64 << 10,
            log: Some("/l".into()),
            verbosity: Verbosity::Verbose,
        }
    );
    assert_eq!(served("-v -q").verbosity, Verbosity::Quiet);
    assert_eq!(served("-q -v").verbosity, Verbosity::Verbose);
    assert_eq!(served("-seed 0 -seed 7").seed, Some(7));
}

#[test]
fn units() {
    for (text, milliseconds) in [
        ("1ms", 1),
        ("2s", 2000),
        ("1m", 60_000),
        ("1h", 3_600_000),
        ("010s", 10_000),
        ("1000000h", MAX_DURATION_MS),
    ] {
        let options = served(&format!("--write-timeout {text}"));
        assert_eq!(options.write_timeout, Duration::from_millis(milliseconds));
    }
    for (text, bytes) in [
        ("1", 1),
        ("1K", 1024),
        ("1KiB", 1024),
        ("2M", 2 << 20),
        ("2MiB", 2 << 20),
    ] {
        let options = served(&format!("--client-budget {text}"));
        assert_eq!(options.client_budget, bytes);
    }
}

#[test]
fn the_defaults_are_those_of_the_help() {
    let stated: Vec<String> = SERVE
        .iter()
        .filter(|row| !matches!(row.key, Key::Profile | Key::Seed))
        .filter_map(|row| Some(format!("{} {}", row.spelled(), row.default?)))
        .collect();
    assert_eq!(stated.len(), 3);
    assert_eq!(served(&stated.join(" ")), minimal());
    assert_eq!(served(""), minimal());
}

#[test]
fn a_parent_may_be_named() {
    let of = |line| served(line).exit_with_parent;
    assert_eq!(of("--exit-with-parent"), Some(ParentChoice::Found));
    assert_eq!(of("-exit-with-parent=7"), Some(ParentChoice::Named(7)));
    assert_eq!(of("--exit-with-parent --seed 1"), Some(ParentChoice::Found));
}

#[test]
fn nothing_behind_the_separator_is_looked_at() {
    let Ok(Invocation::Exec(options)) = outcome(
        "exec -socket=p --timeout 2s -seed 7 -v --client-budget=1K -exit-on-last-client -- -- --seed x",
    ) else {
        panic!();
    };
    let given: Vec<String> = options
        .daemon
        .iter()
        .map(|words| words.join(OsStr::new(" ")).into_string().unwrap())
        .collect();
    assert_eq!(
        given,
        [
            "--seed 7",
            "-v",
            "--client-budget 1K",
            "--exit-on-last-client"
        ]
    );
    assert_eq!(options.command, ["--", "--seed", "x"]);
    assert_eq!(options.socket, Some("p".into()));
    assert_eq!(options.timeout, Some(Duration::from_secs(2)));
    assert_eq!(
        misuse("serve --socket p -- -socket"),
        "unexpected argument \"-socket\""
    );
}

#[test]
fn misuses_name_the_place_and_the_value() {
    for (line, text) in [
        ("", "no command given, try mockpilot --help"),
        ("sevre", "unknown command \"sevre\", did you mean serve?"),
        ("bogus", "unknown command \"bogus\""),
        ("-", "unknown command \"-\""),
        ("help bogus", "unknown command \"bogus\""),
        ("help serve x", "unexpected argument \"x\""),
        ("serve", "option --socket is required"),
        ("serve --", "option --socket is required"),
        ("--", "option --socket is required"),
        ("-v", "option --socket is required"),
        ("serve -socket p x", "unexpected argument \"x\""),
        ("serve -socket p -- -v", "unexpected argument \"-v\""),
        ("serve --socket", "option --socket needs a value (PATH)"),
        ("serve -socket", "option --socket needs a value (PATH)"),
        ("serve --socket=", "--socket: expected a path, got \"\""),
        ("serve -socket=", "--socket: expected a path, got \"\""),
        ("serve --log=", "--log: expected a path, got \"\""),
        (
            "serve --sokcet p",
            "unknown option --sokcet, did you mean --socket?",
        ),
        (
            "-sokcet p",
            "unknown option --sokcet, did you mean --socket?",
        ),
        ("serve --version", "unknown option --version"),
        ("-socket p -vq", "unknown option --vq"),
        ("-socket p --v", "unknown option --v, did you mean -v?"),
        ("-socket p -x", "unknown option -x"),
        ("-socket p -x=1", "unknown option -x"),
        ("-socket p -=1", "unknown option --"),
        ("-socket p --=1", "unknown option --"),
        ("-socket p -v=1", "option -v takes no value, got \"1\""),
        ("-socket p -h=", "option -h takes no value, got \"\""),
        (
            "-socket p --help=1",
            "option --help takes no value, got \"1\"",
        ),
        (
            "-socket p -help=1",
            "option --help takes no value, got \"1\"",
        ),
        ("-socket p --timeout 1s", "unknown option --timeout"),
        (
            "-socket p --private-directory x",
            "unknown option --private-directory",
        ),
        (
            "-socket p --listen-fd 3",
            "options --socket and --listen-fd exclude each other",
        ),
        (
            "--listen-fd 3 --lifeline-fd 4 --ready-fd 4",
            "--ready-fd and --lifeline-fd: the same descriptor, 4",
        ),
        (
            "--listen-fd 0 --lifeline-fd 0",
            "--listen-fd and --lifeline-fd: the same descriptor, 0",
        ),
        (
            "-socket p --ready-fd -1",
            "--ready-fd: expected a whole number, got \"-1\"",
        ),
        (
            "-socket p --ready-fd 2147483648",
            "--ready-fd: too large, got \"2147483648\"",
        ),
        (
            "-socket p --lifeline-fd x",
            "--lifeline-fd: expected a whole number, got \"x\"",
        ),
        (
            "-socket p --exit-with-parent=0",
            "--exit-with-parent: must be more than zero, got \"0\"",
        ),
        (
            "-socket p --exit-with-parent=",
            "--exit-with-parent: expected a whole number, got \"\"",
        ),
        (
            "-socket p --exit-with-parent=4294967297",
            "--exit-with-parent: too large, got \"4294967297\"",
        ),
        (
            "-socket p --exit-with-parent 7",
            "unexpected argument \"7\"",
        ),
        ("exec", "no command to run, it goes behind --"),
        ("exec --", "no command to run behind --"),
        (
            "exec make check",
            "unexpected argument \"make\", COMMAND goes behind --",
        ),
        ("exec --ready-fd 3 -- x", "unknown option --ready-fd"),
        (
            "exec --exit-with-parent -- x",
            "unknown option --exit-with-parent",
        ),
        (
            "exec --timeout 0s -- x",
            "--timeout: must be more than zero, got \"0s\"",
        ),
        (
            "exec --seed -1 -- x",
            "--seed: expected a whole number, got \"-1\"",
        ),
        ("-seed -1", "--seed: expected a whole number, got \"-1\""),
        ("-seed +1", "--seed: expected a whole number, got \"+1\""),
        ("-seed=", "--seed: expected a whole number, got \"\""),
        (
            "-seed 18446744073709551616",
            "--seed: too large, got \"18446744073709551616\"",
        ),
        (
            "-max-clients 0",
            "--max-clients: must be more than zero, got \"0\"",
        ),
        (
            "-max-clients 1K",
            "--max-clients: expected a whole number, got \"1K\"",
        ),
        (
            "-max-clients 99999999999999999999",
            "--max-clients: too large, got \"99999999999999999999\"",
        ),
        (
            "-write-timeout 0s",
            "--write-timeout: must be more than zero, got \"0s\"",
        ),
        (
            "-write-timeout 10",
            "--write-timeout: expected a duration such as 250ms, 2s or 1m, got \"10\"",
        ),
        (
            "-write-timeout s",
            "--write-timeout: expected a duration such as 250ms, 2s or 1m, got \"s\"",
        ),
        (
            "-write-timeout 1000001h",
            "--write-timeout: too large, got \"1000001h\"",
        ),
        (
            "-write-timeout 18446744073709551615h",
            "--write-timeout: too large, got \"18446744073709551615h\"",
        ),
        (
            "-client-budget 0K",
            "--client-budget: must be more than zero, got \"0K\"",
        ),
        (
            "-client-budget 1GB",
            "--client-budget: expected bytes such as 65536, 64KiB or 1MiB, got \"1GB\"",
        ),
        (
            "-client-budget 18446744073709551615K",
            "--client-budget: too large, got \"18446744073709551615K\"",
        ),
    ] {
        assert_eq!(misuse(line), text, "{line}");
    }
    let why = "strict".parse::<Profile>().unwrap_err();
    assert_eq!(misuse("-profile strict"), format!("--profile: {why}"));
}

#[test]
fn paths_need_not_be_utf_8_and_other_values_must() {
    let raw = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let path = raw(b"/tmp/\xff");
    for line in [
        vec![raw(b"-socket"), path.clone()],
        vec![raw(b"-socket=/tmp/\xff")],
        vec![raw(b"--socket=/tmp/\xff")],
        vec![raw(b"serve"), raw(b"--socket"), path.clone()],
    ] {
        match parse(line) {
            Ok(Invocation::Serve(options)) => assert_eq!(options.socket, Some(path.clone().into())),
            other => panic!("{other:?}"),
        }
    }
    for (word, text) in [
        (&b"-seed=\xff"[..], "--seed: not UTF-8, got \"\\xFF\""),
        (b"--\xff", "unknown option --\u{fffd}"),
        (b"-\xff", "unknown option -\u{fffd}"),
        (b"-\xffa", "unknown option --\u{fffd}a"),
        (b"\xff", "unknown command \"\u{fffd}\""),
        (b"--a\nb", "unknown option --a\\nb"),
    ] {
        assert_eq!(parse([raw(word)]).unwrap_err().to_string(), text);
    }
}

/// Every short sequence of nasty words ends in a result, with one line of text if it is a misuse.
#[test]
fn no_sequence_of_words_is_too_odd() {
    let vocabulary = [
        "serve",
        "exec",
        "help",
        "-",
        "--",
        "-=",
        "--=",
        "=",
        "",
        "-v",
        "-vq",
        "-v=",
        "-h=",
        "-socket",
        "--socket=p",
        "--help",
        "-\n",
        "-seed=1",
        "é",
        "-é",
        "-éé",
        "--é=é",
    ];
    for a in vocabulary {
        for b in vocabulary {
            for c in vocabulary {
                let line = [a, b, c].map(OsString::from);
                if let Err(misuse) = parse(line) {
                    let text = misuse.to_string();
                    assert!(!text.is_empty() && text.lines().count() == 1, "{text:?}");
                }
            }
        }
    }
}
