//! Two documents that differ, as far as a message has room for them.

/// Characters of a document that are shown (our choice): most policies have fewer.
const ROOM: usize = 1000;

/// Of these, those in front of the difference in one that is longer.
const BEFORE: usize = 100;

/// Both texts whole, or of both the part in which the first difference is.
pub(super) fn contrasted(one: &str, other: &str) -> (String, String) {
    let pairs = || one.chars().zip(other.chars());
    let from = match pairs().position(|(one, other)| one != other) {
        // The one goes on where the other ends.
        None if one != other => pairs().count(),
        at => at.unwrap_or(0),
    };
    let long = |text: &str| text.chars().nth(ROOM).is_some();
    let from = match long(one) || long(other) {
        true => from.saturating_sub(BEFORE),
        false => 0,
    };
    (part(one, from), part(other, from))
}

fn part(text: &str, from: usize) -> String {
    let mut rest = text.chars().skip(from);
    let mut part = String::from(if from > 0 { "…" } else { "" });
    part.extend(rest.by_ref().take(ROOM));
    part.extend(rest.next().map(|_| '…'));
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_is_always_there() {
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(contrasted("1", "[2]"), pair("1", "[2]"));
        let short = "é".repeat(ROOM - 1);
        let (one, other) = pair(&format!("{short}1"), &format!("{short}2"));
        assert_eq!(contrasted(&one, &other), pair(&one, &other));
        let (one, other) = pair(&format!("é{one}"), &format!("é{other}"));
        let before = "é".repeat(BEFORE);
        let wanted = pair(&format!("…{before}1"), &format!("…{before}2"));
        assert_eq!(contrasted(&one, &other), wanted);
        assert_eq!(contrasted(&one, &one[..one.len() - 1]).0, wanted.0);
        let behind = "é".repeat(ROOM - 1);
        let (one, other) = pair(&format!("1{short}{short}"), "2");
        assert_eq!(contrasted(&one, &other), pair(&format!("1{behind}…"), "2"));
        // Only their tokens differ.
        assert_eq!(contrasted(&one, &one).1, format!("1{behind}…"));
    }
}
