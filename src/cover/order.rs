//! One stable sort for everything that is sorted here: the library's would be compiled for each type.

use std::cmp::Ordering;

/// The indices of `count` things in order, equal ones as they were.
pub(super) fn sorted(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    let mut spare = order.clone();
    let mut width = 1;
    while width < count {
        let mut start = 0;
        while start + width < count {
            let end = count.min(start + 2 * width);
            merge(&mut order[start..end], width, &mut spare, compare);
            start = end;
        }
        width *= 2;
    }
    order
}

/// Merges two sorted halves, of which the first has `middle` elements.
fn merge(
    part: &mut [u32],
    middle: usize,
    spare: &mut [u32],
    compare: &dyn Fn(usize, usize) -> Ordering,
) {
    let before = |a: u32, b: u32| compare(a as usize, b as usize) != Ordering::Greater;
    // What is in order already costs one look.
    if before(part[middle - 1], part[middle]) {
        return;
    }
    let first = &mut spare[..middle];
    first.copy_from_slice(&part[..middle]);
    let (mut left, mut right, mut at) = (0, middle, 0);
    while left < middle {
        if right < part.len() && !before(first[left], part[right]) {
            part[at] = part[right];
            right += 1;
        } else {
            part[at] = first[left];
            left += 1;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_librarys() {
        let mut state = 1u32;
        for count in [0, 1, 2, 3, 7, 64, 1000] {
            let values: Vec<u32> = (0..count)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state >> 26
                })
                .collect();
            let order = sorted(values.len(), &|a, b| values[a].cmp(&values[b]));
            let mut expected: Vec<u32> = (0..count).collect();
            expected.sort_by_key(|&at| values[at as usize]);
            assert_eq!(order, expected);
        }
    }
}
