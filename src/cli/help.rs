//! The help texts.

use super::options::{ALONE, COMMANDS, CTL, DECODE, EXEC, MAIN, Row, SERVE};
use super::{Topic, cover};
use crate::control::verbs;

/// Longest line of a help text.
const COLUMNS: usize = 79;

const MAIN_HEAD: &str = "\
mockpilot stands in for the Pilot Protocol daemon on its local Unix socket.

Usage: mockpilot serve --socket PATH [OPTIONS]
       mockpilot -socket PATH [OPTIONS]      the same
       mockpilot exec [OPTIONS] -- COMMAND [ARG...]
       mockpilot ctl [--control PATH] VERB [JSON]
       mockpilot check SCENARIO...
       mockpilot explain SCENARIO HEX
       mockpilot decode [FILE] [OPTIONS]
       mockpilot cover run|merge|report ...
       mockpilot help [COMMAND]
";

const SERVE_HEAD: &str = "\
Runs a daemon on a Unix socket until SIGTERM, SIGINT or SIGHUP; a second
signal leaves at once. Nothing but a dead socket is ever replaced by PATH.
NOTIFY_SOCKET in the environment gets READY=1 and STOPPING=1.

Usage: mockpilot serve --socket PATH [OPTIONS]
       mockpilot serve --listen-fd N [OPTIONS]
";

const EXEC_HEAD: &str = "\
Runs COMMAND against a daemon of its own, which it finds by PILOT_SOCKET (and
MOCKPILOT_SOCKET) in its environment, and stops the daemon when COMMAND ends.
MOCKPILOT_CONTROL is the daemon's control socket, where mockpilot ctl finds it.
A SIGTERM, SIGINT or SIGHUP that a process sends is passed on to COMMAND. When
COMMAND fails, the last 20 frames, the seed and a line that runs it again are
printed.

Usage: mockpilot exec [OPTIONS] -- COMMAND [ARG...]
";

const CTL_HEAD: &str = "\
Sends a request to the control socket of a running daemon: VERB, and the keys
of JSON, an object. The answer is printed as one line of JSON.

Usage: mockpilot ctl [--control PATH] VERB [JSON]
       mockpilot ctl [--control PATH] ping [--wait DUR]

Verbs, and their keys (those in brackets may be left out):
";

const CTL_STATUSES: &str = "
NAMES is a command's name or a list of them, DUR a string such as \"5s\". A
scoped rule goes with the connection that added it: with this command's end.

Exit status:
  0      done
  1      refused (the answer's ok is false), or no daemon answers
  2      misuse of the command line
";

const CHECK_HEAD: &str = "\
Looks for mistakes in scenario files, and prints each one on a line of its own.
Text that starts with { is a scenario itself.

Usage: mockpilot check SCENARIO...
";

const CHECK_STATUSES: &str = "
Exit status:
  0      no mistakes
  1      mistakes, or a file that cannot be read
  2      misuse of the command line
";

const EXPLAIN_HEAD: &str = "\
Tells, rule by rule, whether a request matches, or the first field that does
not, and which rule would apply: for the first client, in the start state, with
nothing counted yet. HEX is one frame with or without its length prefix.

Usage: mockpilot explain SCENARIO HEX
";

const EXPLAIN_STATUSES: &str = "
Exit status:
  0      a rule would apply
  1      none would, or the scenario or the frame has mistakes
  2      misuse of the command line
";

const DECODE_HEAD: &str = "\
Prints frames as lines of JSON, in the journal's form. They come from FILE, or
from standard input.

Usage: mockpilot decode [FILE] [OPTIONS]
";

const DECODE_STATUSES: &str = "
Exit status:
  0      every frame was printed
  1      the last frame is cut off, or the input cannot be read
  2      misuse of the command line
";

const NOTES: &str = "
Long options take one dash or two, and their value after = or a space. Of an
option that is given twice the last counts, but of --scenario all do. DUR is
250ms, 2s, 1m or 1h; BYTES is a number alone or with K, KiB, M or MiB (K is
KiB, 1024 bytes).
";

const STATUSES: &str = "
Exit status:
  0      ended as asked
  1      could not run
  2      misuse of the command line
  3      a scenario's expectations were not met
  128+N  left at once on a second signal, N
";

const EXEC_STATUSES: &str = "
Exit status: that of COMMAND, or
  124    COMMAND took longer than --timeout
  126    COMMAND cannot be started
  127    there is no such COMMAND
  128+N  COMMAND was killed by signal N
When COMMAND succeeded, or did not run:
  1      the daemon could not run, or died
  2      misuse of the command line
  3      a scenario's expectations were not met
";

/// The help text on `topic`, in lines of less than 80 columns, with a newline at its end.
pub fn help(topic: Topic) -> String {
    match topic {
        Topic::Main => {
            let commands: Vec<_> = COMMANDS
                .iter()
                .map(|&(name, _, about)| (name.to_string(), about.to_string()))
                .collect();
            let head = format!("{MAIN_HEAD}\nCommands:\n{}", columns(&commands));
            let title = "Options (those of serve: mockpilot serve --help)";
            page(&head, title, MAIN, &[STATUSES])
        }
        Topic::Serve => page(SERVE_HEAD, OPTIONS, SERVE, &[NOTES, STATUSES]),
        Topic::Exec => page(EXEC_HEAD, OPTIONS, EXEC, &[NOTES, EXEC_STATUSES]),
        Topic::Ctl => {
            let verbs: Vec<_> = verbs::TABLE
                .iter()
                .map(|verb| {
                    let keys = verb.keys_shown();
                    (verb.name.to_string(), format!("{}\n{keys}", verb.about))
                })
                .collect();
            let head = CTL_HEAD.to_owned() + &columns(&verbs);
            page(&head, OPTIONS, CTL, &[CTL_STATUSES])
        }
        Topic::Check => page(CHECK_HEAD, OPTIONS, ALONE, &[CHECK_STATUSES]),
        Topic::Explain => page(EXPLAIN_HEAD, OPTIONS, ALONE, &[EXPLAIN_STATUSES]),
        Topic::Decode => page(DECODE_HEAD, OPTIONS, DECODE, &[DECODE_STATUSES]),
        Topic::Cover(action) => cover::help(action),
    }
}

pub(super) const OPTIONS: &str = "Options";

pub(super) fn page(head: &str, title: &str, rows: &[Row], rest: &[&str]) -> String {
    format!("{head}\n{title}:\n{}{}", options(rows), rest.concat())
}

fn options(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.heading().len()).max();
    let room = COLUMNS.saturating_sub(width.unwrap_or_default() + 4);
    let mut entries = Vec::new();
    for row in rows {
        let mut about = row.about.to_string();
        if let Some(value) = row.default {
            let default = format!("(default: {value})");
            let last = about.lines().last().unwrap_or_default();
            let fits = last.len() + 1 + default.len() <= room;
            about.push(if fits { ' ' } else { '\n' });
            about += &default;
        }
        entries.push((row.heading(), about));
    }
    columns(&entries)
}

/// Two columns; the lines of the second one stay below each other.
pub(super) fn columns(entries: &[(String, String)]) -> String {
    let width = entries.iter().map(|(left, _)| left.len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for (left, right) in entries {
        let mut left = left.as_str();
        for line in right.lines() {
            text += &format!("  {left:width$}  {line}\n");
            left = "";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `-x` and `--xyz` that starts a line of a text, `-h, --help` being two.
    fn listed(text: &str) -> Vec<String> {
        text.lines()
            .filter_map(|line| line.strip_prefix("  -"))
            .flat_map(|line| {
                let names = format!("-{line}");
                let names = names.split("  ").next().unwrap().to_string();
                let names: Vec<String> = names
                    .split(", ")
                    .map(|name| name.split([' ', '[']).next().unwrap().to_string())
                    .collect();
                names
            })
            .collect()
    }

    #[test]
    fn the_help_lists_every_option_and_nothing_else() {
        for (topic, rows) in [
            (Topic::Main, MAIN),
            (Topic::Serve, SERVE),
            (Topic::Exec, EXEC),
            (Topic::Ctl, CTL),
            (Topic::Check, ALONE),
            (Topic::Explain, ALONE),
            (Topic::Decode, DECODE),
            (Topic::Cover(None), ALONE),
        ] {
            let known: Vec<String> = rows
                .iter()
                .flat_map(|row| {
                    let short = row.short.map(|short| format!("-{short}"));
                    short.into_iter().chain([row.spelled()])
                })
                .collect();
            assert_eq!(listed(&help(topic)), known);
        }
        assert_eq!(
            listed(&help(Topic::Serve)).join(" "),
            "--socket --listen-fd --scenario --profile --seed --journal --journal-raw \
             --journal-secrets --control --ready-fd --exit-with-parent --lifeline-fd \
             --exit-on-last-client --max-clients --write-timeout --client-budget --log -v -q -h --help"
        );
    }

    #[test]
    fn lines_stay_under_80_columns_and_end() {
        for &(_, topic, _) in COMMANDS.iter() {
            let text = help(topic);
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
            for line in text.lines() {
                assert!(line.len() <= COLUMNS, "{} columns: {line}", line.len());
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn the_help_of_ctl_has_every_verb_and_its_keys() {
        let text = help(Topic::Ctl);
        for verb in verbs::TABLE {
            let about = verb.about.lines().next().unwrap();
            assert!(
                text.contains(&format!("\n  {:11}  {about}\n", verb.name)),
                "{}",
                verb.name
            );
            assert!(text.contains(&verb.keys_shown()), "{}", verb.name);
        }
    }

    #[test]
    fn the_main_help_lists_every_command() {
        let text = help(Topic::Main);
        for (name, _, about) in COMMANDS {
            assert!(text.contains(&format!("\n  {name:7}  {about}\n")), "{name}");
        }
    }
}
