//! A daemon's memory over time, and whether that is flat.

use std::fmt::Write as _;

use super::process::Sample;

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// What the fitted line may rise over the last two thirds.
    pub rise_kib: u64,
    /// What may be left over what it was after the first third, when all clients have gone.
    pub rest_kib: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub rise_kib: f64,
    pub bytes_per_request: f64,
    /// The mean of the first tenth behind the first third.
    pub settled_kib: f64,
    pub end_kib: u64,
}

/// The samples of one daemon, and what it was before its clients came and after they left.
pub struct Curve {
    pub before: Sample,
    pub samples: Vec<Sample>,
    pub after: Sample,
}

impl Curve {
    fn last_two_thirds(&self) -> &[Sample] {
        &self.samples[self.samples.len() / 3..]
    }

    /// What the line of least squares rises over the last two thirds.
    pub fn found(&self) -> Found {
        let window = self.last_two_thirds();
        let count = window.len() as f64;
        let mean = |of: &dyn Fn(&Sample) -> f64| window.iter().map(of).sum::<f64>() / count;
        let (x, y) = (
            |s: &Sample| s.at.as_secs_f64(),
            |s: &Sample| s.rss_kib as f64,
        );
        let (mean_x, mean_y) = (mean(&x), mean(&y));
        let covariance = mean(&|s| (x(s) - mean_x) * (y(s) - mean_y));
        let variance = mean(&|s| (x(s) - mean_x).powi(2));
        let slope = if variance > 0.0 {
            covariance / variance
        } else {
            0.0
        };
        let (first, last) = (window[0], window[window.len() - 1]);
        let rise_kib = slope * (x(&last) - x(&first));
        let requests = (last.requests - first.requests).max(1) as f64;
        let settled = &window[..window.len().div_ceil(10)];
        Found {
            rise_kib,
            bytes_per_request: rise_kib * 1024.0 / requests,
            settled_kib: settled.iter().map(y).sum::<f64>() / settled.len() as f64,
            end_kib: self.after.rss_kib,
        }
    }

    /// Names what is not flat.
    pub fn verdict(&self, bounds: Bounds) -> Result<Found, String> {
        if self.samples.len() < 6 {
            return Err(format!(
                "{} samples are too few to judge",
                self.samples.len()
            ));
        }
        let found = self.found();
        let Found {
            rise_kib,
            settled_kib,
            end_kib,
            ..
        } = found;
        if rise_kib > bounds.rise_kib as f64 {
            return Err(format!(
                "memory rises by {rise_kib:.0} KiB over the last two thirds, {} are allowed ({:.3} bytes \
                 a request)",
                bounds.rise_kib, found.bytes_per_request
            ));
        }
        if end_kib as f64 > settled_kib + bounds.rest_kib as f64 {
            return Err(format!(
                "{end_kib} KiB are left when all clients have gone, {settled_kib:.0} were in use after \
                 the first third and {} more are allowed",
                bounds.rest_kib
            ));
        }
        for (what, before, after) in [
            ("threads", self.before.threads, self.after.threads),
            (
                "descriptors",
                self.before.descriptors,
                self.after.descriptors,
            ),
        ] {
            if before != after {
                return Err(format!(
                    "{after} {what} when all clients have gone, {before} before"
                ));
            }
        }
        Ok(found)
    }

    /// A plot of the memory, 100 columns of mean values.
    pub fn plot(&self) -> String {
        const COLUMNS: usize = 100;
        const ROWS: usize = 16;
        let most = self
            .samples
            .iter()
            .map(|s| s.rss_kib)
            .max()
            .unwrap_or(1)
            .max(1);
        let count = self.samples.len();
        let columns: Vec<u64> = (0..COLUMNS.min(count))
            .map(|column| {
                let at = |column: usize| column * count / COLUMNS.min(count);
                let part = &self.samples[at(column)..at(column + 1)];
                part.iter().map(|s| s.rss_kib).sum::<u64>() / part.len() as u64
            })
            .collect();
        let mut text = String::new();
        for row in (1..=ROWS as u64).rev() {
            let level = most * row / ROWS as u64;
            let floor = most * (2 * row - 1) / (2 * ROWS as u64);
            let line: String = columns
                .iter()
                .map(|c| if *c >= floor { '#' } else { ' ' })
                .collect();
            let _ = writeln!(text, "{level:>8} KiB |{}", line.trim_end());
        }
        let seconds = self.samples.last().map_or(0.0, |s| s.at.as_secs_f64());
        let _ = writeln!(text, "{:>12} +{}", "", "-".repeat(columns.len()));
        let _ = writeln!(
            text,
            "{:>14}0 s{:>width$.0} s",
            "",
            seconds,
            width = columns.len().saturating_sub(5)
        );
        text
    }

    pub fn csv(&self) -> String {
        let mut text = "seconds,requests,rss_kib,pss_kib,threads,descriptors\n".to_owned();
        for s in &self.samples {
            let seconds = s.at.as_secs_f64();
            let _ = writeln!(
                text,
                "{seconds:.1},{},{},{},{},{}",
                s.requests, s.rss_kib, s.pss_kib, s.threads, s.descriptors
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const BOUNDS: Bounds = Bounds {
        rise_kib: 2048,
        rest_kib: 4096,
    };

    /// Half an hour in 600 samples that wobble by up to 3 MiB, and climb to 40 MiB in the first fifth.
    fn curve(leak: impl Fn(f64) -> f64) -> Curve {
        let sample = |nth: u64| {
            let done = nth as f64 / 600.0;
            let wobble = nth * 7919 % 3072;
            Sample {
                at: Duration::from_secs(nth * 3),
                requests: nth * 30_000,
                rss_kib: (40_960.0 * (done * 5.0).min(1.0) + leak(done)) as u64 + wobble,
                threads: 40,
                descriptors: 70,
                ..Sample::default()
            }
        };
        let quiet = Sample {
            threads: 4,
            descriptors: 9,
            rss_kib: 39_000,
            ..Sample::default()
        };
        Curve {
            before: quiet,
            samples: (0..600).map(sample).collect(),
            after: quiet,
        }
    }

    #[test]
    fn a_flat_curve_is_flat() {
        let found = curve(|_| 0.0).verdict(BOUNDS).unwrap();
        assert!(found.rise_kib.abs() < 200.0, "{found:?}");
        assert!(curve(|done| -9000.0 * done).verdict(BOUNDS).is_ok());
    }

    #[test]
    fn a_leak_of_a_byte_in_four_requests_is_none_that_passes() {
        // 18 million requests: 0.25 bytes each are 4.4 MiB, of which two thirds are in the window.
        let leaking = curve(|done| 4400.0 * done);
        let error = leaking.verdict(BOUNDS).unwrap_err();
        assert!(error.starts_with("memory rises by 29"), "{error}");
        assert!(error.contains("(0.2"), "{error}");
    }

    #[test]
    fn what_is_left_counts() {
        let mut curve = curve(|_| 0.0);
        curve.after.rss_kib = 48_000;
        assert!(
            curve
                .verdict(BOUNDS)
                .unwrap_err()
                .starts_with("48000 KiB are left")
        );
        curve.after = curve.before;
        curve.after.threads += 1;
        let error = curve.verdict(BOUNDS).unwrap_err();
        assert_eq!(error, "5 threads when all clients have gone, 4 before");
        curve.after = curve.before;
        curve.after.descriptors += 1;
        assert!(
            curve
                .verdict(BOUNDS)
                .unwrap_err()
                .starts_with("10 descriptors")
        );
        curve.samples.truncate(5);
        assert!(curve.verdict(BOUNDS).is_err());
    }

    #[test]
    fn the_plot_has_a_column_for_every_hundredth() {
        let plot = curve(|_| 0.0).plot();
        assert_eq!(plot.lines().count(), 18);
        let filled = |row: usize| plot.lines().nth(row).unwrap_or("").matches('#').count();
        assert_eq!((filled(15), filled(8)), (100, 91), "{plot}");
    }

    #[test]
    fn a_run_that_ends_early_has_its_figures_too() {
        let mut curve = curve(|_| 0.0);
        for samples in (0..8).rev() {
            curve.samples.truncate(samples);
            assert_eq!(curve.plot().lines().count(), 18);
            if samples > 0 {
                assert!(curve.found().settled_kib.is_finite());
            }
        }
    }
}
