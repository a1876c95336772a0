//! The commands beside `serve`, and what is asked for in several ways.

use super::*;

#[test]
fn execs_daemon_gets_its_options_in_order_and_another_control_socket() {
    let line = "exec --scenario {} -journal=j --scenario=b --control c --journal-raw -- x";
    let Ok(Invocation::Exec(options)) = outcome(line) else {
        panic!();
    };
    let given: Vec<_> = options.daemon.concat();
    assert_eq!(
        given,
        words("--scenario {} --journal j --scenario b --journal-raw")
    );
    assert_eq!(options.control, Some("c".into()));
}

#[test]
fn the_other_commands() {
    let sent = |request: &str| CtlOptions {
        request: format!("{request}\n"),
        ..CtlOptions::default()
    };
    let ping = || sent("{\"verb\":\"ping\"}");
    for (line, expected) in [
        ("ctl ping", Invocation::Ctl(ping())),
        (
            "ctl -control=c ping -wait 2s",
            Invocation::Ctl(CtlOptions {
                control: Some("c".into()),
                wait: Some(Duration::from_secs(2)),
                ..ping()
            }),
        ),
        (
            "ctl drop {\"client\":1}",
            Invocation::Ctl(sent("{\"verb\":\"drop\",\"client\":1}")),
        ),
        ("check a {} -- -b", Invocation::Check(words("a {} -b"))),
        ("explain a 00", Invocation::Explain("a".into(), "00".into())),
        ("decode", Invocation::Decode(DecodeOptions::default())),
        (
            "decode f -hex --from daemon",
            Invocation::Decode(DecodeOptions {
                file: Some("f".into()),
                hex: true,
                from_daemon: true,
                ..DecodeOptions::default()
            }),
        ),
        (
            "decode --from=daemon --from client",
            Invocation::Decode(DecodeOptions::default()),
        ),
    ] {
        assert_eq!(outcome(line), Ok(expected), "{line}");
    }
}

#[test]
fn misuses_of_the_other_commands() {
    for (line, text) in [
        ("ctk", "unknown command \"ctk\", did you mean ctl?"),
        ("deocde", "unknown command \"deocde\", did you mean decode?"),
        ("ctl", "no verb given, try mockpilot ctl --help"),
        ("ctl pign", "unknown verb \"pign\", did you mean ping?"),
        ("ctl frobnicate", "unknown verb \"frobnicate\""),
        ("ctl ping {} x", "unexpected argument \"x\""),
        ("ctl reset --wait 2s", "reset: only ping takes --wait"),
        (
            "ctl ping --wait 0s",
            "--wait: must be more than zero, got \"0s\"",
        ),
        (
            "ctl --control= ping",
            "--control: expected a path, got \"\"",
        ),
        ("ctl --hex ping", "unknown option --hex"),
        ("ctl push []", "JSON of push: expected an object, got []"),
        (
            "ctl push {",
            "JSON of push: not JSON: unexpected end of JSON input",
        ),
        (
            "ctl ping {\"verb\":\"stop\"}",
            "JSON of ping: verb: duplicate key, expected it once",
        ),
        ("check", "no scenario given, try mockpilot check --help"),
        ("check --hex a", "unknown option --hex"),
        ("explain", "no scenario given, try mockpilot explain --help"),
        (
            "explain a",
            "no request given, try mockpilot explain --help",
        ),
        ("explain a b c", "unexpected argument \"c\""),
        ("decode a b", "unexpected argument \"b\""),
        (
            "decode --from me",
            "--from: expected client or daemon, got \"me\"",
        ),
        (
            "decode --hexx",
            "unknown option --hexx, did you mean --hex?",
        ),
        (
            "-socket p -control p",
            "--socket and --control: the same path, p",
        ),
        (
            "exec --socket p --control p -- x",
            "--socket and --control: the same path, p",
        ),
        (
            "-socket p --scenario=",
            "--scenario: expected a file or JSON, got \"\"",
        ),
        (
            "-socket p --journal=",
            "--journal: expected a path, got \"\"",
        ),
        (
            "-socket p --journal-raw=1",
            "option --journal-raw takes no value, got \"1\"",
        ),
        (
            "-socket p --scenraio x",
            "unknown option --scenraio, did you mean --scenario?",
        ),
    ] {
        assert_eq!(misuse(line), text, "{line}");
    }
}

#[test]
fn asked_for_texts() {
    use Invocation::{Help, Version};
    for (line, expected) in [
        ("--help", Help(Topic::Main)),
        ("-help", Help(Topic::Main)),
        ("-h", Help(Topic::Main)),
        ("-v --help --bogus", Help(Topic::Main)),
        ("help", Help(Topic::Main)),
        ("help help", Help(Topic::Main)),
        ("help serve", Help(Topic::Serve)),
        ("help --help", Help(Topic::Main)),
        ("serve --help", Help(Topic::Serve)),
        ("serve -h", Help(Topic::Serve)),
        ("exec --help", Help(Topic::Exec)),
        ("exec -seed 1 -h -- x", Help(Topic::Exec)),
        ("help exec", Help(Topic::Exec)),
        ("help ctl", Help(Topic::Ctl)),
        ("ctl -h", Help(Topic::Ctl)),
        ("ctl ping --help", Help(Topic::Ctl)),
        ("check a --help", Help(Topic::Check)),
        ("explain --help", Help(Topic::Explain)),
        ("decode -help", Help(Topic::Decode)),
        ("serve --socket p -help", Help(Topic::Serve)),
        ("--version", Version),
        ("-version", Version),
    ] {
        assert_eq!(outcome(line), Ok(expected), "{line}");
    }
}
