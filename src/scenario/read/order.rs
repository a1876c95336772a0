//! The one sort of the reader. The library's sorts are made anew for every type that is sorted, and
//! each of them is larger than the rest of a file.

use std::cmp::Ordering;

/// The numbers below `count` in their order by `compare`; equal ones stay as they are.
pub(super) fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..count).collect();
    let mut merged = sorted.clone();
    let mut run = 1;
    while run < count {
        for start in (0..count).step_by(2 * run) {
            let middle = count.min(start + run);
            let end = count.min(start + 2 * run);
            let (mut left, mut right) = (start, middle);
            for slot in &mut merged[start..end] {
                let from_left = right == end
                    || left < middle && compare(sorted[left], sorted[right]) != Ordering::Greater;
                let next = if from_left { &mut left } else { &mut right };
                *slot = sorted[*next];
                *next += 1;
            }
        }
        std::mem::swap(&mut sorted, &mut merged);
        run *= 2;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_library_sorts() {
        for count in 0..70 {
            let values: Vec<usize> = (0..count).map(|at| at * 37 % 11).collect();
            let mut wanted: Vec<usize> = (0..count).collect();
            wanted.sort_by_key(|at| values[*at]);
            assert_eq!(order(count, &|a, b| values[a].cmp(&values[b])), wanted);
        }
    }
}
