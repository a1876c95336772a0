//! Replays what the real daemon 1.18.0 was recorded to answer against this one, and accounts for
//! every field that differs.

mod support;

#[path = "replay/book.rs"]
mod book;
#[path = "replay/compare.rs"]
mod compare;
#[path = "replay/differences.rs"]
mod differences;
#[path = "replay/elsewhere.rs"]
mod elsewhere;
#[path = "replay/normalised.rs"]
mod normalised;
#[path = "replay/plan.rs"]
mod plan;
#[path = "replay/recording.rs"]
mod recording;
#[path = "replay/registry.rs"]
mod registry;
#[path = "replay/rules.rs"]
mod rules;
#[path = "replay/scenes.rs"]
mod scenes;
#[path = "replay/sends.rs"]
mod sends;
#[path = "replay/sha256.rs"]
mod sha256;
#[path = "replay/table.rs"]
mod table;
#[path = "replay/talk.rs"]
mod talk;
#[path = "replay/worlds.rs"]
mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mockpilot::node::Profile;

use differences::DIFFERENCES;
use elsewhere::ELSEWHERE;
use normalised::NORMALISED;
use plan::Scene;
use recording::Exchange;
use rules::Rule;
use scenes::SCENES;
use talk::{Finding, Talk, Tally};

const RECORDINGS: &str = include_str!("fixtures/recordings.jsonl");

fn all_scenes() -> impl Iterator<Item = &'static Scene> {
    SCENES.iter().chain(ELSEWHERE)
}

fn recordings() -> Vec<Exchange> {
    RECORDINGS.lines().map(Exchange::parse).collect()
}

#[test]
fn the_real_daemons_answers() {
    let recordings = recordings();
    let unplanned: Vec<String> = recordings
        .iter()
        .filter(|x| all_scenes().filter(|scene| scene.takes(x)).count() != 1)
        .map(|x| format!("{} {}/{} [{}]", x.session, x.group, x.case, x.client))
        .collect();
    assert_eq!(unplanned, [""; 0], "in no scene, or in more than one");
    let sum = replay_all(&recordings);
    let mut counts: BTreeMap<&str, Covered> = BTreeMap::new();
    let mut unexplained = String::new();
    for finding in &sum.findings {
        match explain(finding) {
            Some(rule) => counts.entry(rule.name).or_default().add(finding),
            None => report(&mut unexplained, finding),
        }
    }
    let table = table::write(&sum, &summary(&sum, &counts), explain);
    println!("{table}");
    let miscounted: Vec<String> = NORMALISED
        .iter()
        .chain(DIFFERENCES)
        .filter_map(|rule| miscount(rule, counts.get(rule.name)))
        .collect();
    assert!(
        unexplained.is_empty(),
        "nobody decided on this:{unexplained}"
    );
    assert_eq!(
        miscounted, [""; 0],
        "rules that cover less or more than they should"
    );
}

/// What a rule covered.
#[derive(Default)]
struct Covered {
    count: usize,
    cases: BTreeSet<String>,
}

impl Covered {
    fn add(&mut self, finding: &Finding) {
        self.count += 1;
        self.cases.insert(finding.case.clone());
    }
}

/// Every scene in the faithful profile, and what both must agree on in the lenient one, side by side.
fn replay_all(recordings: &[Exchange]) -> Tally {
    let jobs: Vec<(&Scene, Profile)> = all_scenes()
        .flat_map(|scene| [(scene, Profile::Faithful), (scene, Profile::Lenient)])
        .filter(|(scene, profile)| *profile == Profile::Faithful || !scene.lenient.is_empty())
        .collect();
    let mut sum = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = jobs
            .into_iter()
            .map(|(scene, profile)| scope.spawn(move || replay(scene, profile, recordings)))
            .collect();
        for thread in threads {
            let tally = thread.join().expect("a scene came to its end");
            sum.replayed.extend(tally.replayed);
            sum.frames += tally.frames;
            sum.fields += tally.fields;
            sum.elsewhere += tally.elsewhere;
            sum.findings.extend(tally.findings);
        }
    });
    sum
}

fn replay(scene: &Scene, profile: Profile, recordings: &[Exchange]) -> Tally {
    let mut talk = Talk::new(scene, profile);
    for x in recordings {
        let wanted = match profile {
            Profile::Faithful => scene.takes(x),
            Profile::Lenient => scene.takes_leniently(x),
        };
        if wanted {
            talk.replay(x);
        }
    }
    talk.finish()
}

fn explain(finding: &Finding) -> Option<&'static Rule> {
    NORMALISED
        .iter()
        .chain(DIFFERENCES)
        .find(|rule| (rule.covers)(finding))
}

/// A difference that somebody decided on must be there, wherever it was decided.
fn miscount(rule: &Rule, covered: Option<&Covered>) -> Option<String> {
    let count = covered.map_or(0, |covered| covered.count);
    let good = match rule.times {
        Some(times) => count == times,
        None => count > 0,
    };
    (!good).then(|| format!("{}: {count}, not {:?}", rule.name, rule.times))
}

fn report(out: &mut String, finding: &Finding) {
    let Finding {
        scene,
        profile,
        case,
        client,
        sent,
        mismatch,
        ..
    } = finding;
    let _ = write!(
        out,
        "\n\nscene {scene:?} ({profile}), {case}, client {client}\n  sent {sent}\n  {}\n    recorded \
         {}\n    got      {}",
        mismatch.field, mismatch.recorded, mismatch.got
    );
}

fn summary(sum: &Tally, counts: &BTreeMap<&str, Covered>) -> String {
    let mut text = format!(
        "{} exchanges replayed, {} frames and {} fields compared, {} frames at other daemons' clients",
        sum.replayed.len(),
        sum.frames,
        sum.fields,
        sum.elsewhere
    );
    for (title, rules) in [
        ("normalised", NORMALISED),
        ("different on purpose", DIFFERENCES),
    ] {
        let _ = write!(text, "\n{title}:");
        for rule in rules {
            let covered = counts.get(rule.name);
            let count = covered.map_or(0, |covered| covered.count);
            let _ = write!(text, "\n  {count:5} {}: {}", rule.name, rule.authority);
            let cases = covered.iter().flat_map(|covered| &covered.cases);
            let cases: Vec<&str> = cases.take(12).map(String::as_str).collect();
            if !cases.is_empty() && title != "normalised" {
                let _ = write!(text, "\n        in {}", cases.join(", "));
            }
        }
    }
    text
}
