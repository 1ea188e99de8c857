//! The total of a listing: it must not count what its reader may not see.
//!
//! A total may be greater than the number of items shown, because there are other pages. Whether
//! it counts what is hidden shows only in how it moves while hidden things are made.

use super::{Answer, captured};
use crate::model::CaptureSource;

/// The total that an answer states, if that is a whole number. O(size of the answer).
pub fn total(source: &CaptureSource, answer: &Answer) -> Option<u64> {
    let value = captured(source, answer)?;
    let of_text = || value.as_str()?.trim().parse().ok();
    value.as_u64().or_else(of_text)
}

/// A total looked at twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Whether something was made in between; else nothing was.
    pub made: bool,
    /// The total before.
    pub from: u64,
    /// The total after.
    pub to: u64,
}

/// How a total moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// Not at all.
    Still,
    /// It rises whenever something is made, and never else.
    WithMade,
    /// Otherwise: somebody else makes and removes things, or it is late.
    ByItself,
}

/// How a total moved. O(steps).
pub fn movement(steps: &[Step]) -> Movement {
    let is_still = |step: &Step| step.from == step.to;
    let rises = |step: &Step| step.to > step.from;
    if steps.iter().all(is_still) {
        return Movement::Still;
    }
    match steps.iter().all(|step| {
        if step.made {
            rises(step)
        } else {
            is_still(step)
        }
    }) {
        true => Movement::WithMade,
        false => Movement::ByItself,
    }
}

#[cfg(test)]
mod tests {
    use super::{Movement, Step, movement};

    #[test]
    fn movements() {
        let step = |made: bool, from: u64, to: u64| Step { made, from, to };
        let cases = [
            (vec![step(false, 3, 3), step(true, 3, 3)], Movement::Still),
            (
                vec![step(false, 3, 3), step(true, 3, 4)],
                Movement::WithMade,
            ),
            (
                vec![step(false, 3, 4), step(true, 4, 5)],
                Movement::ByItself,
            ),
            (
                vec![step(false, 3, 4), step(true, 4, 4)],
                Movement::ByItself,
            ),
            (
                vec![step(false, 3, 3), step(true, 3, 2)],
                Movement::ByItself,
            ),
            (
                vec![step(true, 3, 4), step(false, 4, 4), step(true, 4, 4)],
                Movement::ByItself,
            ),
        ];
        for (steps, expected) in cases {
            assert_eq!(movement(&steps), expected, "{steps:?}");
        }
    }
}
