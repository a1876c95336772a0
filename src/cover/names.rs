//! Texts as numbers.

use std::collections::HashMap;
use std::rc::Rc;

/// Texts, each once, by the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Rc<[u8]>, u32>,
    texts: Vec<Rc<[u8]>>,
}

impl Names {
    pub(super) fn number(&mut self, text: &[u8]) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        let text: Rc<[u8]> = text.into();
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        number
    }

    pub(super) fn text(&self, number: u32) -> &[u8] {
        &self.texts[number as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_number() {
        let mut names = Names::default();
        for (text, number) in [("a", 0), ("b", 1), ("a", 0), ("", 2), ("b", 1)] {
            assert_eq!(names.number(text.as_bytes()), number);
            assert_eq!(names.text(number), text.as_bytes());
        }
    }
}
