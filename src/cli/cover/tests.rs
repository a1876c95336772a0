use super::*;

fn outcome(line: &str) -> Result<Invocation, String> {
    let words = line.split_ascii_whitespace().map(OsString::from);
    crate::cli::parse(words).map_err(|misuse| misuse.to_string())
}

fn parsed(line: &str) -> CoverOptions {
    match outcome(line) {
        Ok(Invocation::Cover(options)) => options,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn every_option_is_stored() {
    let options = parsed(
        "cover run -o a.json --object b -object=c --fail-under 66.7 --exclude x --exclude y \
         --strip-prefix p --by function --keep k -- -c -o",
    );
    let expected = CoverOptions {
        action: Action::Run,
        inputs: Vec::new(),
        command: vec!["-c".into(), "-o".into()],
        output: Some("a.json".into()),
        format: Some(Format::Json),
        objects: vec!["b".into(), "c".into()],
        fail_under: Percentage::parse("66.7"),
        exclude: vec!["x".into(), "y".into()],
        strip_prefix: vec!["p".into()],
        by: By::Function,
        keep: Some("k".into()),
    };
    assert_eq!(options, expected);
    let options = parsed("cover merge a -o=x --format go b -- -o");
    assert_eq!(options.inputs, ["a", "b", "-o"].map(PathBuf::from));
    assert_eq!(options.format, Some(Format::Go));
    assert_eq!(parsed("cover merge a").format, None);
    assert_eq!(parsed("cover report a").action, Action::Report);
}

#[test]
fn names_say_the_format() {
    for (name, format) in [
        ("a.out", Format::Go),
        ("a.cov", Format::Go),
        ("a.txt", Format::Go),
        ("a.lcov", Format::Lcov),
        ("a.info", Format::Lcov),
        ("a.json", Format::Json),
    ] {
        assert_eq!(
            parsed(&format!("cover merge -o {name} x")).format,
            Some(format)
        );
    }
}

#[test]
fn misuses() {
    for (line, text) in [
        ("cover", "no command given, try mockpilot cover --help"),
        (
            "cover mrege",
            "unknown command cover \"mrege\", did you mean merge?",
        ),
        ("cover x", "unknown command cover \"x\""),
        ("cover merge", "no inputs given"),
        ("cover report", "no inputs given"),
        ("cover run", "no command to run, it goes behind --"),
        ("cover run --", "no command to run behind --"),
        (
            "cover run make",
            "unexpected argument \"make\", COMMAND goes behind --",
        ),
        ("cover merge --keep x y", "unknown option --keep"),
        ("cover merge --by file y", "unknown option --by"),
        (
            "cover merge -o a.xml b",
            "-o: the name of \"a.xml\" says no format, give one with --format",
        ),
        (
            "cover merge -o out b",
            "-o: the name of \"out\" says no format, give one with --format",
        ),
        (
            "cover merge --format xml b",
            "--format: expected go, lcov or json, got \"xml\"",
        ),
        (
            "cover report --format go b",
            "--format: nothing to write, OUT goes behind -o",
        ),
        (
            "cover report --by line b",
            "--by: expected file or function, got \"line\"",
        ),
        (
            "cover report --fail-under 101 b",
            "--fail-under: expected a percentage from 0 to 100, got \"101\"",
        ),
        (
            "cover report --obejct b",
            "unknown option --obejct, did you mean --object?",
        ),
        ("cover report -o", "option -o needs a value (OUT)"),
    ] {
        assert_eq!(outcome(line), Err(text.to_string()), "{line}");
    }
}

#[test]
fn help_is_asked_for_in_several_ways() {
    for (line, action) in [
        ("cover --help", None),
        ("help cover", None),
        ("cover run -h", Some(Action::Run)),
        ("help cover merge", Some(Action::Merge)),
        ("cover report --help x", Some(Action::Report)),
    ] {
        assert_eq!(
            outcome(line),
            Ok(Invocation::Help(Topic::Cover(action))),
            "{line}"
        );
        let text = help(action);
        assert!(
            text.lines()
                .all(|line| line.len() < 80 && line == line.trim_end()),
            "{text}"
        );
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
    }
    let text = help(Some(Action::Run));
    assert!(text.ends_with("when it succeeded:\n  1      there is no data, or it is damaged\n  2      misuse of the command line\n  3      a total is below --fail-under\n"), "{text}");
}
