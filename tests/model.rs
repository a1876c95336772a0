//! Random operations by several clients, checked step by step against a plain model of PROTOCOL.md.
//!
//! `make model` runs long: MOCKPILOT_STEPS, MOCKPILOT_SEED. A run that fails is made small, printed,
//! and written to a file that `MOCKPILOT_REPLAY=FILE make model` runs again.

#[path = "model/campaign.rs"]
mod campaign;
#[path = "model/codec.rs"]
mod codec;
#[path = "model/credentials.rs"]
mod credentials;
#[path = "model/datagrams.rs"]
mod datagrams;
#[path = "model/figures.rs"]
mod figures;
#[path = "model/generate.rs"]
mod generate;
#[path = "model/identity.rs"]
mod identity;
#[path = "model/link.rs"]
mod link;
#[path = "model/listings.rs"]
mod listings;
#[path = "model/managed.rs"]
mod managed;
#[path = "model/networks.rs"]
mod networks;
#[path = "model/pushes.rs"]
mod pushes;
#[path = "model/requests.rs"]
mod requests;
#[path = "model/services.rs"]
mod services;
#[path = "model/session.rs"]
mod session;
#[path = "model/setting.rs"]
mod setting;
#[path = "model/shrink.rs"]
mod shrink;
#[path = "model/step.rs"]
mod step;
#[path = "model/streaming.rs"]
mod streaming;
#[path = "model/streams.rs"]
mod streams;
mod support;
#[path = "model/trust.rs"]
mod trust;
#[path = "model/verdict.rs"]
mod verdict;
#[path = "model/world.rs"]
mod world;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use campaign::{campaign, session};
use figures::Tally;
use session::Failure;
use setting::{Setting, Wrong};
use step::Step;
use support::{asked, figures};

/// The steps of a short run.
const SHORT: u64 = 20_000;

/// Makes a failure small and writes it down: what to say of it, and its file.
fn told(name: &str, setting: Setting, failure: Failure) -> (String, PathBuf) {
    let (before, failure) = (failure.steps.len(), shrink::shrink(setting, failure));
    let (steps, text) = (failure.steps.len(), shrink::write(setting, &failure));
    let file = figures(&format!("model-{name}.steps"));
    std::fs::write(&file, &text).unwrap();
    let quoted = file.display().to_string().replace('\'', r"'\''");
    let again = format!("MOCKPILOT_REPLAY='{quoted}' make model");
    let said = format!(
        "the daemon is not as the model says; {before} steps shrunk to {steps}:\n{text}again: {again}"
    );
    (said, file)
}

fn replay_file(file: &str) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (setting, steps) = shrink::read(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    if let Err(failure) = shrink::replay(setting, &steps) {
        let last = failure.steps.last().map(Step::line).unwrap_or_default();
        panic!(
            "{file}: step {}, {last}\n{}",
            failure.steps.len(),
            failure.text
        );
    }
    println!("{file}: {} steps, all as the model says", steps.len());
}

#[test]
fn random_operations_are_as_the_model_says() {
    if let Ok(file) = std::env::var("MOCKPILOT_REPLAY") {
        return replay_file(&file);
    }
    let seed = asked("MOCKPILOT_SEED").unwrap_or(1);
    let asked = asked("MOCKPILOT_STEPS");
    let steps = asked.unwrap_or(SHORT);
    println!("seed {seed}, {steps} steps");
    let start = Instant::now();
    let (tally, failure) = campaign(seed, steps);
    let took = start.elapsed();
    let finding = failure.map(|(setting, failure)| told(&seed.to_string(), setting, failure).0);
    if asked.is_some() {
        let file = figures("model.txt");
        std::fs::write(&file, tally.report(seed, took, finding.as_deref())).unwrap();
        println!("figures: {}", file.display());
    }
    if let Some(finding) = finding {
        panic!("seed {seed}: {finding}");
    }
    assert!(tally.sum() >= steps, "{} steps", tally.sum());
    // With fewer steps some kinds are too rare for that.
    if steps >= SHORT {
        assert_eq!(
            tally.always_refused(),
            [""; 0] as [&str; 0],
            "kinds that come to nothing"
        );
    }
}

/// A run with a model that has a rule wrong: its failure.
fn caught(wrong: Wrong) -> (Setting, Failure) {
    let setting = Setting {
        lenient: true,
        token: false,
        patient: true,
        clients: 3,
        wrong: Some(wrong),
    };
    let failure = session(setting, 5, 2000, &mut Tally::default());
    (setting, failure.expect_err("the wrong rule is found out"))
}

/// The first line that tells what was expected.
fn expected(text: &str) -> &str {
    let found = text.lines().find(|line| line.contains("expected "));
    let line = found.unwrap_or_else(|| panic!("what was expected: {text}"));
    line.trim_start_matches("# ")
}

#[test]
fn a_wrong_rule_is_found_and_made_small() {
    for (wrong, most) in [
        (Wrong::CloseOnce, 2),
        (Wrong::NoLoop, 1),
        (Wrong::PortsStay, 3),
    ] {
        let (setting, failure) = caught(wrong);
        let name = format!("{wrong:?}'s {}", std::process::id());
        let (said, file) = told(&name, setting, failure);
        let written = std::fs::read_to_string(&file).unwrap();
        let (read, steps) = shrink::read(&written).unwrap();
        assert_eq!(read, setting);
        assert!(steps.len() <= most, "{said}");
        // The file again, as the message says, in a process of its own.
        let (_, again) = said.rsplit_once("again: ").unwrap();
        let name = "random_operations_are_as_the_model_says";
        let suite = format!(r#""$0" {name} --exact --nocapture"#);
        let again = Command::new("/bin/sh")
            .args(["-c", &again.replace("make model", &suite)])
            .arg(std::env::current_exe().unwrap())
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&[again.stdout, again.stderr].concat()).into_owned();
        assert!(!again.status.success(), "{output}");
        assert!(output.contains(expected(&said)), "{said}\n{output}");
        // With the rule put right, the same steps are as the model says.
        let right = Setting {
            wrong: None,
            ..setting
        };
        shrink::replay(right, &steps).unwrap_or_else(|failure| panic!("{failure:?}"));
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn steps_are_read_as_they_are_written() {
    let mut chance = support::Chance(3);
    let setting = generate::setting(&mut chance, false);
    let mut world = world::World::new(setting);
    (0..setting.clients).for_each(|slot| world.come(slot));
    for _ in 0..2000 {
        let step = generate::step(&mut chance, &world);
        assert_eq!(Step::read(&step.line()), Ok(step));
    }
    assert!(Step::read("3 dial u16:x").is_err());
    assert!(shrink::read("1 dial").is_err());
    assert_eq!(Setting::read(&setting.line()), Some(setting));
}
