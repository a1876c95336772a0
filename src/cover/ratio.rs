//! What share of a whole was reached.

/// Statements or lines that ran, of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ratio {
    pub(super) covered: u64,
    pub(super) total: u64,
}

impl Ratio {
    /// Counts `size` statements or lines, which ran if `count` is not 0.
    pub(super) fn add(&mut self, size: u64, count: u64) {
        self.total = self.total.saturating_add(size);
        if count > 0 {
            self.covered = self.covered.saturating_add(size);
        }
    }

    /// As Go prints it, whose arithmetic this is: one decimal; of nothing, 0.0%.
    pub(super) fn percent(self) -> String {
        format!(
            "{:.1}%",
            100.0 * self.covered as f64 / self.total.max(1) as f64
        )
    }

    /// Whether it is below a percentage. Exact, however close.
    pub(super) fn below(self, least: Percentage) -> bool {
        let wanted = u128::from(least.0) * u128::from(self.total.max(1));
        u128::from(self.covered) * u128::from(100 * Percentage::ONE) < wanted
    }
}

/// A percentage from 0 to 100, in thousand millionths of one per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percentage(u64);

impl Percentage {
    const DIGITS: usize = 9;
    const ONE: u64 = 1_000_000_000;

    /// Reads `90`, `66.7` or `99.95%`; `None` if it is none, or has more than nine decimals.
    pub(crate) fn parse(text: &str) -> Option<Percentage> {
        let text = text.strip_suffix('%').unwrap_or(text);
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > Percentage::DIGITS {
            return None;
        }
        let mut scale = Percentage::ONE;
        for _ in 0..part.len() {
            scale /= 10;
        }
        let whole = whole.parse::<u64>().ok().filter(|&whole| whole <= 100)?;
        let value = whole * Percentage::ONE + part.parse::<u64>().ok()? * scale;
        (value <= 100 * Percentage::ONE).then_some(Percentage(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(covered: u64, total: u64) -> Ratio {
        Ratio { covered, total }
    }

    #[test]
    fn printed_as_go_prints() {
        for (covered, total, text) in [
            (0, 0, "0.0%"),
            (0, 7, "0.0%"),
            (7, 7, "100.0%"),
            (1, 3, "33.3%"),
            (2, 3, "66.7%"),
            (1, 16, "6.2%"),
            (3, 16, "18.8%"),
            (1, 2000, "0.1%"),
            (3, 2000, "0.1%"),
            (9999, 10_000, "100.0%"),
        ] {
            assert_eq!(ratio(covered, total).percent(), text);
        }
    }

    #[test]
    fn compared_exactly() {
        let percentage = |text| Percentage::parse(text).unwrap();
        // 66.65 prints as 66.7 and 2/3 is less than 66.67.
        assert!(ratio(1333, 2000).below(percentage("66.7")));
        assert!(ratio(2, 3).below(percentage("66.67")));
        assert!(!ratio(2, 3).below(percentage("66.666666666")));
        assert!(!ratio(9, 10).below(percentage("90")));
        assert!(!ratio(9, 10).below(percentage("90.000")));
        assert!(ratio(u64::MAX - 1, u64::MAX).below(percentage("100%")));
        assert!(!ratio(u64::MAX, u64::MAX).below(percentage("100")));
        assert!(ratio(0, 0).below(percentage("0.1")));
        assert!(!ratio(0, 0).below(percentage("0")));
        for text in [
            "",
            "%",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "100.1",
            "101",
            "1e1",
            "0.1234567891",
        ] {
            assert_eq!(Percentage::parse(text), None, "{text}");
        }
    }
}
