//! Expectations.

use super::keys;
use super::reader::Reader;
use super::text::{Content, Id};
use crate::scenario::{Expectation, Times, Wanted};

impl Reader {
    pub fn expectation(&mut self, id: Id) -> Option<Expectation> {
        if !self.object(id, keys::EXPECTATION) {
            return None;
        }
        let Some(list) = self.get(id, "in_order") else {
            let times = match self.get(id, "times") {
                Some(times) => self.times(times),
                None => Some(Times { min: 1, max: None }),
            };
            let wanted = self.wanted(id);
            return Some(Expectation::Count(wanted?, times?));
        };
        for key in ["on", "when", "times"] {
            if let Some(member) = self.get(id, key) {
                self.wrong(member, "beside \"in_order\", expected it without");
            }
        }
        let mut steps = Vec::new();
        let items = self.list(list, "a list of requests");
        if items.is_empty() && matches!(self.content(list), Content::List(_)) {
            self.wrong(list, "an empty list, expected a request in it");
        }
        for item in items {
            steps.extend(self.step(item));
        }
        Some(Expectation::InOrder {
            place: self.place(id),
            steps,
        })
    }

    /// An object with `on` and `when` and no other key.
    pub fn step(&mut self, id: Id) -> Option<Wanted> {
        match self.object(id, keys::WANTED) {
            true => self.wanted(id),
            false => None,
        }
    }

    fn times(&mut self, id: Id) -> Option<Times> {
        if !matches!(self.content(id), Content::Object(_)) {
            if !matches!(self.content(id), Content::Number(_)) {
                self.expected(id, "a number, or an object with min and max");
                return None;
            }
            let times = self.whole(id, "a whole number", 0, u64::MAX)?;
            return Some(Times {
                min: times,
                max: Some(times),
            });
        }
        if !self.object(id, keys::TIMES) {
            return None;
        }
        let ends = ["min", "max"].map(|key| self.get(id, key));
        if ends == [None, None] {
            self.wrong(id, "neither min nor max, expected one of them");
            return None;
        }
        let [min, max] = ends.map(|id| self.whole(id?, "a whole number", 0, u64::MAX));
        let min = min.unwrap_or(0);
        if let Some(max) = max
            && min > max
        {
            self.wrong_fmt(
                id,
                format_args!("min {min} is over max {max}, expected the smaller one first"),
            );
        }
        Some(Times { min, max })
    }
}
