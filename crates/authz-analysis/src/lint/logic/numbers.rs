//! Comparisons of one number with several constants: whether there is a number for which they come
//! to just these.

use std::collections::BTreeSet;

use authz::condition::{Leaf, Size};

use super::{Case, Truth};

/// From here on not every whole number is one of 64 bits with a point.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// How a number stands to a constant, or does not.
struct Constraint {
    /// None for "equal".
    size: Option<Size>,
    constant: f64,
    truth: Truth,
}

impl Constraint {
    fn suits(&self, number: f64) -> bool {
        let found = match self.size {
            None => number == self.constant,
            Some(Size::Less) => number < self.constant,
            Some(Size::LessOrEqual) => number <= self.constant,
            Some(Size::Greater) => number > self.constant,
            Some(Size::GreaterOrEqual) => number >= self.constant,
        };
        Some(found) == self.truth
    }

    /// Whether what is compared can only be a number if this comes to what it does.
    fn needs_number(&self) -> bool {
        match self.size {
            None => self.truth == Some(true),
            Some(_) => self.truth.is_some(),
        }
    }
}

/// Whether for all that is compared by size there is something that does what the case says.
pub(super) fn are_possible(case: &Case<'_>) -> bool {
    let ordered = case.iter().filter_map(|(leaf, _)| leaf.order.as_ref());
    let what: BTreeSet<&str> = ordered.map(|it| it.what.as_str()).collect();
    what.into_iter().all(|what| is_possible(what, case))
}

fn is_possible(what: &str, case: &Case<'_>) -> bool {
    let read = case.iter().filter_map(|(leaf, truth)| {
        let (size, constant) = comparison(leaf, what)?;
        let constant = constant.parse::<f64>().ok();
        Some(constant.map(|constant| Constraint {
            size,
            constant,
            truth: *truth,
        }))
    });
    // Texts, and numbers too large to be told apart, can come to anything.
    let Some(constraints) = read.collect::<Option<Vec<Constraint>>>() else {
        return true;
    };
    let is_exact = constraints.iter().all(|it| it.constant.abs() < EXACT_MAX);
    if !is_exact || !constraints.iter().any(Constraint::needs_number) {
        return true;
    }
    let suits = |number: f64| constraints.iter().all(|it| it.suits(number));
    match of_calendar(what) {
        Some(last) => (0..=last).any(|number| suits(f64::from(number))),
        None => candidates(&constraints).into_iter().any(suits),
    }
}

fn comparison<'l>(leaf: &'l Leaf, what: &str) -> Option<(Option<Size>, &'l str)> {
    let order = leaf.order.as_ref().filter(|it| it.what == what);
    let order = order.map(|it| (Some(it.size), it.constant.as_str()));
    let equals = leaf.equals.as_ref().filter(|it| it.0 == what);
    order.or(equals.map(|it| (None, it.1.as_str())))
}

/// The constants, numbers beside and between them, and what is no number.
fn candidates(constraints: &[Constraint]) -> Vec<f64> {
    let mut constants: Vec<f64> = constraints.iter().map(|it| it.constant).collect();
    constants.sort_by(f64::total_cmp);
    let between = constants.iter().zip(constants.iter().skip(1));
    let mut all: Vec<f64> = between.map(|(a, b)| f64::midpoint(*a, *b)).collect();
    all.extend(constants.first().map(|it| it - 1.0));
    all.extend(constants.last().map(|it| it + 1.0));
    all.extend(constants);
    all.push(f64::NAN);
    all
}

/// The last number that a part of a date or of a time of day can be; all begin with 0 (a day of the
/// month, counted from 1, only looks larger by that).
fn of_calendar(what: &str) -> Option<u16> {
    let (_, call) = what.rsplit_once(". get")?;
    let (name, arguments) = call.split_once(' ')?;
    let is_last = arguments.starts_with('(') && arguments.find(')')? + 1 == arguments.len();
    let last = match name {
        "Hours" => 23,
        "Minutes" | "Seconds" => 59,
        "Milliseconds" => 999,
        "DayOfWeek" => 6,
        "DayOfMonth" => 30,
        "Date" => 31,
        "Month" => 11,
        "DayOfYear" => 365,
        _ => return None,
    };
    is_last.then_some(last)
}
