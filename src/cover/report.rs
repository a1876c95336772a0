//! The table that `go tool cover -func` prints, for every format, and the JSON of the same.

use std::fmt::Write;

use super::data::Coverage;
use super::ratio::Ratio;
use super::summary::{Summary, Unit, total};
use crate::go::json::push_string;
use crate::log::one_line;

/// What the lines of a report are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum By {
    #[default]
    File,
    Function,
}

/// The table, with a total for each unit.
pub(super) fn table(coverage: &Coverage, summaries: &[Summary], by: By) -> String {
    let mut rows: Vec<[String; 3]> = Vec::new();
    for summary in summaries {
        let path = one_line(&summary.path);
        match by {
            By::File => {
                let Ratio { covered, total } = summary.ratio;
                let of = format!("{covered}/{total}");
                rows.push([format!("{path}:"), of, summary.ratio.percent()]);
            }
            By::Function => {
                for row in &summary.functions {
                    let (place, name) = match &row.name {
                        Some(name) => (format!("{path}:{}:", row.line), one_line(name).into()),
                        None => (format!("{path}:"), "unknown".to_string()),
                    };
                    rows.push([place, name, row.ratio.percent()]);
                }
            }
        }
    }
    for unit in Unit::ALL {
        if let Some(sum) = total(coverage, summaries, unit) {
            rows.push([
                "total:".into(),
                format!("({}s)", unit.name()),
                sum.percent(),
            ]);
        }
    }
    let width = |column: usize| {
        let widest = rows.iter().map(|row| row[column].chars().count()).max();
        widest.unwrap_or(0) / 8 * 8 + 8
    };
    let widths = [width(0), width(1)];
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            text += cell;
            for _ in 0..(width - cell.chars().count()).div_ceil(8) {
                text.push('\t');
            }
        }
        text += &row[2];
        text.push('\n');
    }
    text
}

/// The JSON form; the summaries must have their functions.
pub(super) fn json(coverage: &Coverage, summaries: &[Summary]) -> String {
    let mut out = String::from("{\"version\":1,\"files\":[");
    for (index, summary) in summaries.iter().enumerate() {
        separate(&mut out, index);
        out += "\n{\"path\":";
        push_string(&mut out, &summary.path);
        let _ = write!(out, ",\"unit\":\"{}\",", summary.unit.name());
        push_ratio(&mut out, summary.ratio);
        out += ",\"functions\":[";
        let known = summary
            .functions
            .iter()
            .filter_map(|row| Some((row.name.as_ref()?, row)));
        for (index, (name, row)) in known.enumerate() {
            separate(&mut out, index);
            out += "{\"name\":";
            push_string(&mut out, name);
            let _ = write!(out, ",\"line\":{},", row.line);
            push_ratio(&mut out, row.ratio);
            out.push('}');
        }
        out += "]}";
    }
    out += "\n],";
    let totals = Unit::ALL.map(|unit| Some((unit, total(coverage, summaries, unit)?)));
    if let [Some((_, only)), None] | [None, Some((_, only))] = totals {
        out += "\"total\":{";
        push_ratio(&mut out, only);
        out += "},";
    }
    out += "\"totals\":{";
    for (index, (unit, sum)) in totals.into_iter().flatten().enumerate() {
        separate(&mut out, index);
        let _ = write!(out, "\"{}\":{{", unit.name());
        push_ratio(&mut out, sum);
        out.push('}');
    }
    out += "},\"skipped\":[";
    for (index, skipped) in coverage.skipped.iter().enumerate() {
        separate(&mut out, index);
        out += "{\"path\":";
        push_string(&mut out, &skipped.path);
        out += ",\"reason\":";
        push_string(&mut out, &skipped.reason);
        out.push('}');
    }
    out += "]}\n";
    out
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

fn push_ratio(out: &mut String, ratio: Ratio) {
    let _ = write!(
        out,
        "\"covered\":{},\"total\":{}",
        ratio.covered, ratio.total
    );
}

#[cfg(test)]
mod tests {
    use super::super::summary::summaries;
    use super::super::{gotext, lcov};
    use super::*;
    use serde_json::json;

    fn coverage(texts: &[&str]) -> Coverage {
        let mut coverage = Coverage::default();
        for text in texts {
            match text.starts_with("mode") {
                true => gotext::read(&mut coverage, "a", text.as_bytes()).unwrap(),
                false => lcov::read(&mut coverage, "b", text.as_bytes()).unwrap(),
            }
        }
        coverage.fold().unwrap();
        coverage
    }

    const GO: &str = "mode: set\nm/é.go:1.1,2.2 2 1\nm/long/name/of/file.go:1.1,2.2 1 0\n";
    const LCOV: &str = "SF:x.c\nFN:1,f\nDA:1,1\nend_of_record\n";

    #[test]
    fn tables_line_up_as_gos() {
        let coverage = coverage(&[GO, LCOV]);
        let summaries = summaries(&coverage, false);
        assert_eq!(
            table(&coverage, &summaries, By::File),
            "m/long/name/of/file.go:\t0/1\t\t0.0%\nm/é.go:\t\t\t2/2\t\t100.0%\nx.c:\t\t\t1/1\t\t100.0%\n\
             total:\t\t\t(statements)\t66.7%\ntotal:\t\t\t(lines)\t\t100.0%\n"
        );
    }

    #[test]
    fn functions_that_are_not_known_are_listed() {
        let coverage = coverage(&[GO, LCOV]);
        let text = table(&coverage, &summaries(&coverage, true), By::Function);
        assert!(text.contains("m/é.go:\t\t\tunknown\t\t100.0%\n"), "{text}");
        assert!(text.contains("x.c:1:\t\t\tf\t\t100.0%\n"), "{text}");
    }

    #[test]
    fn json_has_every_key() {
        let parsed = |coverage: &Coverage| -> serde_json::Value {
            serde_json::from_str(&json(coverage, &summaries(coverage, true))).unwrap()
        };
        let mut both = coverage(&[GO, LCOV]);
        both.skip("p\"", "why");
        let told = parsed(&both);
        assert_eq!(told["version"], 1);
        assert_eq!(
            told["files"][2],
            json!({"path": "x.c", "unit": "line", "covered": 1, "total": 1,
                   "functions": [{"name": "f", "line": 1, "covered": 1, "total": 1}]})
        );
        assert!(told.get("total").is_none());
        assert_eq!(
            told["totals"],
            json!({"statement": {"covered": 2, "total": 3}, "line": {"covered": 1, "total": 1}})
        );
        assert_eq!(told["skipped"], json!([{"path": "p\"", "reason": "why"}]));
        let told = parsed(&coverage(&["mode: set\n"]));
        assert_eq!(told["total"], json!({"covered": 0, "total": 0}));
        assert_eq!(
            told["totals"],
            json!({"statement": {"covered": 0, "total": 0}})
        );
    }
}
