//! How often something is tried, and what came of it, for the file of `make faults`.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use super::support::asked;

/// Rounds: `few`, unless the environment says otherwise.
pub fn rounds(few: usize) -> usize {
    asked("MOCKPILOT_ROUNDS").map_or(few, |rounds| rounds as usize)
}

/// Writes down a line, behind the others of the run that began the file and named it.
pub fn note(line: &str) {
    println!("{line}");
    let Some(path) = std::env::var_os("MOCKPILOT_FAULTS") else {
        return;
    };
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The shortest, the median and the longest of times.
pub fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let of = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
    format!(
        "min {} median {} max {} ms of {}",
        of(times[0]),
        of(times[times.len() / 2]),
        of(times[times.len() - 1]),
        times.len()
    )
}
