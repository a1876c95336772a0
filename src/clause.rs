//! What the system says, as the end of a message of ours.

use std::io;

/// An error of the system as a lower-case clause without its number; any other as it is.
pub fn clause(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(number) = error.raw_os_error() else {
        return text;
    };
    let text = text
        .strip_suffix(&format!(" (os error {number})"))
        .unwrap_or(&text);
    let mut letters = text.chars();
    match letters.next() {
        // An abbreviation such as "RPC struct is bad" keeps its letters.
        Some(first) if !letters.as_str().starts_with(|c: char| c.is_uppercase()) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_end_a_line_of_ours() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(clause(&missing), "no such file or directory");
        assert_eq!(clause(&io::Error::other("Own words")), "Own words");
        let odd = io::Error::from_raw_os_error(99_999);
        assert!(clause(&odd).starts_with("unknown error"), "{odd}");
    }
}
