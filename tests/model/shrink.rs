//! A failing run, made small: steps are left out as long as a fresh daemon still fails, and what is
//! left is written as lines that can be run again.

use std::fmt::Write as _;

use super::figures::Tally;
use super::session::{Failure, Outcome, run};
use super::setting::Setting;
use super::step::Step;

/// Fresh daemons that shrinking may take.
const TRIES: usize = 600;

/// Runs these steps on a fresh daemon, with every client looked at after every step.
pub fn replay(setting: Setting, steps: &[Step]) -> Outcome {
    let mut steps = steps.iter();
    run(setting, true, &mut Tally::default(), &mut |_| {
        steps.next().cloned()
    })
}

/// The same failure with fewer steps: the failure of the shortest run that was found. One that does
/// not come again is given back as it is.
pub fn shrink(setting: Setting, failure: Failure) -> Failure {
    let mut tries = 0;
    let mut attempt = |steps: &[Step]| {
        tries += 1;
        if tries > TRIES {
            None
        } else {
            replay(setting, steps).err()
        }
    };
    let Some(mut best) = attempt(&failure.steps) else {
        let text = format!("{}\n  (it did not come again)", failure.text);
        return Failure { text, ..failure };
    };
    best = leave_out(best, &mut attempt);
    // A step that means the newest stream needs no others beside it.
    for at in 0..best.steps.len() {
        let plainer = best.steps.get(at).and_then(Step::plainer);
        if let Some(plainer) = plainer {
            let mut steps = best.steps.clone();
            steps[at] = plainer;
            best = attempt(&steps).unwrap_or(best);
        }
    }
    leave_out(best, &mut attempt)
}

/// Leaves out ever smaller pieces as long as what is left fails.
fn leave_out(failure: Failure, attempt: &mut dyn FnMut(&[Step]) -> Option<Failure>) -> Failure {
    let mut best = failure;
    let mut piece = best.steps.len().div_ceil(2);
    loop {
        let (mut at, mut smaller) = (0, false);
        while at < best.steps.len() && best.steps.len() > 1 {
            let end = (at + piece).min(best.steps.len());
            let rest = [&best.steps[..at], &best.steps[end..]].concat();
            match attempt(&rest) {
                Some(found) => {
                    best = found;
                    smaller = true;
                }
                None => at = end,
            }
        }
        if piece == 1 && !smaller {
            return best;
        }
        piece = piece.div_ceil(2).min(best.steps.len()).max(1);
    }
}

/// A failure as text that [`read`] understands.
pub fn write(setting: Setting, failure: &Failure) -> String {
    let mut text = String::new();
    for line in failure.text.lines() {
        let _ = writeln!(text, "# {line}");
    }
    let _ = writeln!(text, "{}", setting.line());
    for step in &failure.steps {
        let _ = writeln!(text, "{}", step.line());
    }
    text
}

/// The setting and the steps of a text.
///
/// # Errors
/// The line that is neither.
pub fn read(text: &str) -> Result<(Setting, Vec<Step>), String> {
    let mut lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().unwrap_or("");
    let setting = Setting::read(first).ok_or_else(|| format!("not a setting: {first:?}"))?;
    let steps = lines.map(Step::read).collect::<Result<_, _>>()?;
    Ok((setting, steps))
}
