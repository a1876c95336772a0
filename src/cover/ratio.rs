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
        let total = u128::from(self.total.max(1));
        let mut rest = 100 * u128::from(self.covered);
        let mut got = rest / total;
        for _ in 0..Percentage::DIGITS {
            rest = rest % total * 10;
            got = 10 * got + rest / total;
        }
        got < least.0
    }
}

/// A percentage from 0 to 100, in units of its last decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percentage(u128);

impl Percentage {
    /// Decimals; 100 with as many is the largest that the type can hold.
    const DIGITS: usize = 36;
    const ONE: u128 = 10u128.pow(Percentage::DIGITS as u32);

    /// Reads `90`, `.5` or `99.95%`; `None` if it is none, or has too many decimals.
    pub(crate) fn parse(text: &str) -> Option<Percentage> {
        let text = text.strip_suffix('%').unwrap_or(text);
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let none = whole.is_empty() && part.is_empty();
        if none || !digits(whole) || !digits(part) || part.len() > Percentage::DIGITS {
            return None;
        }
        let whole = format!("0{whole}").parse::<u128>().ok();
        let whole = whole.filter(|&whole| whole <= 100)?;
        let part: u128 = format!("{part:0<0$}", Percentage::DIGITS).parse().ok()?;
        let value = whole * Percentage::ONE + part;
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
        for (covered, total, equal, above) in [
            (2, 3, "66.66666666666666", "66.66666666666667"),
            (1, 16, "6.25", "6.250000000000000000000000000000000001"),
            (1, 200, ".5", "0.5000000000000000000000000000001%"),
            (5, 100, "5.", "5.0000000001"),
        ] {
            let (equal, above) = (percentage(equal), percentage(above));
            assert!(!ratio(covered, total).below(equal), "{covered}/{total}");
            assert!(ratio(covered, total).below(above), "{covered}/{total}");
        }
        assert!(ratio(u64::MAX - 1, u64::MAX).below(percentage("100%")));
        assert!(!ratio(u64::MAX, u64::MAX).below(percentage("100")));
        assert!(ratio(0, 0).below(percentage("0.1")));
        assert!(!ratio(0, 0).below(percentage("0")));
        for text in [
            "",
            "%",
            ".",
            ".%",
            "-1",
            "+1",
            "100.1",
            "101",
            "1e1",
            "100.000000000000000000000000000000000001",
            "0.1234567890123456789012345678901234567",
            "340282366920938463463374607431768211456",
        ] {
            assert_eq!(Percentage::parse(text), None, "{text}");
        }
    }
}
