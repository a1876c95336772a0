//! Which name a mistyped one was meant to be.

/// The candidate that `typed` is most likely meant to be, if one is near enough.
pub(crate) fn nearest<'a>(
    typed: &str,
    candidates: &mut dyn Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = typed.chars().count();
    let mut tolerated = length / 3 + 1;
    let mut found = None;
    for candidate in candidates {
        // The lengths alone may be too far apart, and a key of a scenario may have a million letters.
        if candidate.chars().count().abs_diff(length) >= tolerated {
            continue;
        }
        let distance = distance(typed, candidate);
        if distance < tolerated {
            tolerated = distance;
            found = Some(candidate);
        }
    }
    found
}

/// Edits between two words, where swapping two neighbours is one edit.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let change = usize::from(from[i - 1] != to[j - 1]);
            let mut best = (last[j - 1] + change).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("socket", "socket", 0),
            ("sokcet", "socket", 1),
            ("scket", "socket", 1),
            ("", "abc", 3),
            ("abc", "", 3),
            ("client-budge", "client-budget", 1),
            ("é", "e", 1),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
        assert_eq!(nearest("vq", &mut ["v", "q"].into_iter()), None);
        assert_eq!(
            nearest("sed", &mut ["socket", "seed"].into_iter()),
            Some("seed")
        );
    }
}
