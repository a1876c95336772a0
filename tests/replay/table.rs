//! The table of all cases beside their recordings: `parity.txt` among the build's files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::rules::Rule;
use super::talk::{Finding, Replayed, Tally};

/// What became of one case.
enum Verdict {
    Equal,
    /// By the name of each rule, in how many fields.
    Explained(BTreeMap<&'static str, usize>),
    Unexplained(usize),
}

/// Writes the table, with the summary behind it, and gives its last lines.
pub fn write(sum: &Tally, summary: &str, explain: fn(&Finding) -> Option<&'static Rule>) -> String {
    let mut text = String::new();
    let (mut equal, mut explained, mut unexplained) = (0, 0, 0);
    for x in &sum.replayed {
        let verdict = judge(x, &sum.findings, explain);
        let _ = write!(
            text,
            "{:>2} {:8} {:64} {:5} {:>4}  ",
            x.session,
            x.profile.to_string(),
            x.case,
            x.client,
            x.fields
        );
        let _ = match verdict {
            Verdict::Equal => {
                equal += 1;
                writeln!(text, "equal")
            }
            Verdict::Explained(rules) => {
                explained += 1;
                let rules = rules
                    .iter()
                    .map(|(name, count)| format!("{name} ({count})"));
                let rules: Vec<String> = rules.collect();
                writeln!(text, "explained: {}", rules.join(", "))
            }
            Verdict::Unexplained(fields) => {
                unexplained += 1;
                writeln!(text, "UNEXPLAINED in {fields} fields")
            }
        };
    }
    let counts = format!(
        "{} cases: {equal} equal, {explained} explained, {unexplained} unexplained",
        sum.replayed.len()
    );
    let end = format!("{summary}\n{counts}\n");
    let head = " # profile  case, client, fields compared, verdict\n";
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("parity.txt");
    let _ = fs::write(place, format!("{head}{text}\n{end}"));
    end
}

fn judge(
    x: &Replayed,
    findings: &[Finding],
    explain: fn(&Finding) -> Option<&'static Rule>,
) -> Verdict {
    let mut rules = BTreeMap::new();
    let mut unexplained = 0;
    for finding in findings {
        let here =
            finding.scene == x.scene && finding.profile == x.profile && finding.case == x.case;
        if !here {
            continue;
        }
        match explain(finding) {
            Some(rule) => *rules.entry(rule.name).or_default() += 1,
            None => unexplained += 1,
        }
    }
    match (unexplained, rules.is_empty()) {
        (0, true) => Verdict::Equal,
        (0, false) => Verdict::Explained(rules),
        (fields, _) => Verdict::Unexplained(fields),
    }
}
