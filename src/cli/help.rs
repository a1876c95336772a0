//! The help texts.

use super::options::{COMMANDS, EXEC, MAIN, Row, SERVE};
use super::{Topic, cover};

/// Longest line of a help text.
const COLUMNS: usize = 79;

const MAIN_HEAD: &str = "\
mockpilot stands in for the Pilot Protocol daemon on its local Unix socket.

Usage: mockpilot serve --socket PATH [OPTIONS]
       mockpilot -socket PATH [OPTIONS]      the same
       mockpilot exec [OPTIONS] -- COMMAND [ARG...]
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
A SIGTERM, SIGINT or SIGHUP that a process sends is passed on to COMMAND. When
COMMAND fails, the last 20 frames, the seed and a line that runs it again are
printed.

Usage: mockpilot exec [OPTIONS] -- COMMAND [ARG...]
";

const NOTES: &str = "
Long options take one dash or two, and their value after = or a space. Of an
option that is given twice the last counts. DUR is 250ms, 2s, 1m or 1h; BYTES
is a number alone or with K, KiB, M or MiB (K is KiB, 1024 bytes).
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
            let commands: Vec<(String, String)> = COMMANDS
                .iter()
                .map(|&(name, about)| (name.to_string(), about.to_string()))
                .collect();
            format!(
                "{MAIN_HEAD}\nCommands:\n{}\nOptions (those of serve: mockpilot serve --help):\n{}{STATUSES}",
                columns(&commands),
                options(MAIN)
            )
        }
        Topic::Serve => format!(
            "{SERVE_HEAD}\nOptions:\n{}{NOTES}{STATUSES}",
            options(SERVE)
        ),
        Topic::Exec => format!(
            "{EXEC_HEAD}\nOptions:\n{}{NOTES}{EXEC_STATUSES}",
            options(EXEC)
        ),
        Topic::Cover(action) => cover::help(action),
    }
}

pub(super) fn options(rows: &[Row]) -> String {
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
            "--socket --listen-fd --profile --seed --ready-fd --exit-with-parent --lifeline-fd \
             --exit-on-last-client --max-clients --write-timeout --client-budget --log -v -q -h --help"
        );
    }

    #[test]
    fn lines_stay_under_80_columns_and_end() {
        for topic in [Topic::Main, Topic::Serve, Topic::Exec] {
            let text = help(topic);
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
            for line in text.lines() {
                assert!(line.len() <= COLUMNS, "{} columns: {line}", line.len());
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn the_main_help_lists_every_command() {
        let text = help(Topic::Main);
        for (name, about) in COMMANDS {
            assert!(text.contains(&format!("\n  {name:5}  {about}\n")), "{name}");
        }
    }
}
