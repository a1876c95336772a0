//! What is printed when a run has failed: the last frames, the seed, and how to run it again.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::redacted::{redacted, tokens};
use crate::cli::ExecOptions;
use crate::log::one_line;

/// Prints the report on standard error; nobody who reads it is no error.
pub(super) fn print(how: &str, frames: Option<&str>, seed: u64, options: &ExecOptions) {
    let program = std::env::args_os().next();
    let program = program.unwrap_or_else(|| "mockpilot".into());
    let text = report(how, frames, seed, &program, options);
    let _ = io::stderr().write_all(&text);
}

fn report(
    how: &str,
    frames: Option<&str>,
    seed: u64,
    program: &OsStr,
    options: &ExecOptions,
) -> Vec<u8> {
    let how = one_line(how);
    let lost = frames.is_none();
    let frames = frames.unwrap_or_default();
    let mut text = match frames.lines().count() {
        0 if lost => format!("mockpilot: {how}; its frames are lost with the daemon\n"),
        0 => format!("mockpilot: {how}; no frames were exchanged\n"),
        1 => format!("mockpilot: {how}; the only frame:\n"),
        count => format!("mockpilot: {how}; the last {count} frames:\n"),
    }
    .into_bytes();
    text.extend_from_slice(frames.as_bytes());
    text.extend(format!("mockpilot: seed {seed}; to run it again:\n").into_bytes());
    for word in again(seed, program, options) {
        text.extend(quoted(&word));
        text.push(b' ');
    }
    text.pop();
    text.push(b'\n');
    text
}

/// The words of the line that runs it again.
fn again(seed: u64, program: &OsStr, options: &ExecOptions) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![program.into(), "exec".into()];
    if let Some(socket) = &options.socket {
        words.extend(["--socket".into(), socket.into()]);
    }
    if let Some(control) = &options.control {
        words.extend(["--control".into(), control.into()]);
    }
    if let Some(timeout) = options.timeout {
        words.extend(["--timeout".into(), duration(timeout).into()]);
    }
    let given = |option: &str| {
        let option = option.to_owned();
        let of = move |words: &&Vec<OsString>| words.first().is_some_and(|name| *name == *option);
        options.daemon.iter().filter(of)
    };
    let secrets = given("--journal-secrets").next().is_some();
    let known = tokens(given("--scenario").filter_map(|words| words.get(1)));
    for given in &options.daemon {
        match &given[..] {
            [name, _] if name == "--seed" => {}
            [name, scenario] if name == "--scenario" && !secrets => {
                words.extend([name.clone(), redacted(scenario, &known)]);
            }
            given => words.extend_from_slice(given),
        }
    }
    words.extend(["--seed".into(), seed.to_string().into(), "--".into()]);
    words.extend(options.command.iter().cloned());
    words
}

fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        whole if whole % 1000 == 0 => format!("{}s", whole / 1000),
        milliseconds => format!("{milliseconds}ms"),
    }
}

/// A word as a shell reads it.
fn quoted(word: &OsStr) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(byte);
    let bytes = word.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_vec();
    }
    let mut quoted = vec![b'\''];
    for &byte in bytes {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            byte => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn words_come_back_from_a_shell() {
        for word in [
            "",
            "a b",
            "it's",
            "$HOME `x` \\",
            "-n",
            "a\nb",
            "ä*?",
            "!",
            "~",
            "#",
        ] {
            let line = [b"printf %s. ", &quoted(OsStr::new(word))[..]].concat();
            let output = Command::new("/bin/sh")
                .arg("-c")
                .arg(OsStr::from_bytes(&line))
                .output()
                .unwrap();
            assert_eq!(output.stdout, format!("{word}.").into_bytes());
        }
        assert_eq!(quoted(OsStr::new("--log=/a/b_c.d")), b"--log=/a/b_c.d");
    }

    #[test]
    fn the_line_has_every_option_and_the_seed_once() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect();
        let mut options = ExecOptions {
            socket: Some("/s".into()),
            control: Some("/c".into()),
            timeout: Some(Duration::from_millis(1500)),
            daemon: [
                "--scenario {\"token\":\"t\"}",
                "--seed 7",
                "-v",
                "--scenario token.json",
                "--log /l",
            ]
            .map(words)
            .to_vec(),
            command: vec!["sh".into(), "-c".into(), "exit 1".into()],
        };
        let text = report(
            "sh exited with status 1",
            Some("{}\n{}\n"),
            9,
            "mp".as_ref(),
            &options,
        );
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "mockpilot: sh exited with status 1; the last 2 frames:\n{}\n{}\n\
             mockpilot: seed 9; to run it again:\n\
             mp exec --socket /s --control /c --timeout 1500ms --scenario \
             '{\"token\":\"<redacted>\"}' -v --scenario token.json --log /l --seed 9 -- sh -c 'exit 1'\n"
        );
        options.daemon.push(words("--journal-secrets"));
        let line = again(9, "mp".as_ref(), &options);
        assert!(line.contains(&"{\"token\":\"t\"}".into()), "{line:?}");
    }
}
