//! Time stamps and durations as Go prints them.

const DAY: u64 = 86_400;

/// A moment in UTC, such as `2026-11-21T20:26:07Z`; `unix_secs` counts from 1970.
pub fn rfc3339(unix_secs: u64) -> String {
    let (year, month, day) = civil(unix_secs / DAY);
    let (hours, minutes, seconds) = clock(unix_secs % DAY);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}Z")
}

/// A duration of whole seconds, such as `5m0s` or `277h46m40s`.
pub fn duration(secs: u64) -> String {
    match clock(secs) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn clock(secs: u64) -> (u64, u64, u64) {
    (secs / 3600, secs / 60 % 60, secs % 60)
}

/// Year, month and day of a number of days since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years are counted from March, so that the leap day is a year's last; 719,468 days lie between March of
    // the year 0 and 1970, 146,097 in each era of 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, carry) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (era * 400 + year_of_era + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (secs, wanted) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_795_292_767, "2026-11-21T20:26:07Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(secs), wanted);
        }
        rfc3339(u64::MAX);
    }

    #[test]
    fn durations() {
        for (secs, wanted) in [
            (0, "0s"),
            (1, "1s"),
            (59, "59s"),
            (60, "1m0s"),
            (300, "5m0s"),
            (3600, "1h0m0s"),
            (3661, "1h1m1s"),
            (1_000_000, "277h46m40s"),
        ] {
            assert_eq!(duration(secs), wanted);
        }
    }
}
