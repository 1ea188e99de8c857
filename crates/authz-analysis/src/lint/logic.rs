//! Whether one condition implies another, by trying all that their leaves can come to. A leaf may
//! be true, false or without a value, as `&&` and `||` of CEL have it (language definition, section
//! "Logical Operators"), so that what is found holds whatever fails.

mod numbers;

use std::collections::BTreeSet;

use authz::condition::{Leaf, Proposition};

/// With more leaves nothing is said: each one makes three times as many cases.
const LEAVES_MAX: usize = 7;

/// What a proposition comes to; none without a value.
type Truth = Option<bool>;

/// What each leaf comes to, in one case; sorted by the leaves.
type Case<'a> = [(&'a Leaf, Truth)];

/// Whether it holds in no case at all.
pub(super) fn never_holds(proposition: &Proposition) -> bool {
    all_cases(&[proposition], |case| {
        truth(proposition, case) != Some(true)
    })
}

/// Whether `conclusion` holds in every case in which `premise` does.
pub(super) fn implies(premise: &Proposition, conclusion: &Proposition) -> bool {
    if *conclusion == Proposition::Constant(true) {
        return true;
    }
    // What the premise does not ask about can come to anything.
    let (asked, needed) = (leaves(premise), leaves(conclusion));
    if !needed.is_subset(&asked) && !needed.is_empty() && !shares_subject(&asked, &needed) {
        return false;
    }
    all_cases(&[premise, conclusion], |case| {
        truth(premise, case) != Some(true) || truth(conclusion, case) == Some(true)
    })
}

/// Whether some leaf that only the second has compares what one of the first compares, too.
fn shares_subject(asked: &BTreeSet<&Leaf>, needed: &BTreeSet<&Leaf>) -> bool {
    let subject = |leaf: &&Leaf| {
        let equals = leaf.equals.as_ref().map(|it| &it.0);
        equals.or(leaf.order.as_ref().map(|it| &it.what)).cloned()
    };
    let asked: BTreeSet<String> = asked.iter().filter_map(subject).collect();
    needed
        .iter()
        .filter_map(subject)
        .any(|it| asked.contains(&it))
}

/// Whether something is so in every case that there can be; with too many cases it is not known to
/// be.
fn all_cases(propositions: &[&Proposition], mut is_so: impl FnMut(&Case<'_>) -> bool) -> bool {
    let leaves: BTreeSet<&Leaf> = propositions.iter().flat_map(|it| leaves(it)).collect();
    let mut case: Vec<(&Leaf, Truth)> = leaves.into_iter().map(|it| (it, None)).collect();
    if case.len() > LEAVES_MAX {
        return false;
    }
    let values = [Some(true), Some(false), None];
    let cases = case.iter().fold(1_usize, |cases, _| cases * values.len());
    (0..cases).all(|mut number| {
        for (_, truth) in &mut case {
            *truth = values.get(number % values.len()).copied().flatten();
            number /= values.len();
        }
        !(is_possible(&case) && numbers::are_possible(&case)) || is_so(&case)
    })
}

/// Nothing equals two constants, and of what is compared with several, all comparisons have a value
/// or none has.
fn is_possible(case: &Case<'_>) -> bool {
    let compared = || {
        let compared = case.iter().zip(0..);
        compared.filter_map(|((leaf, truth), at)| Some((&leaf.equals.as_ref()?.0, truth, at)))
    };
    compared().all(|(what, truth, at)| {
        let mut same = compared().filter(|(other, _, place)| *other == what && *place > at);
        same.all(|(_, other, _)| {
            truth.is_some() == other.is_some() && !(*truth == Some(true) && *other == Some(true))
        })
    })
}

fn leaves(proposition: &Proposition) -> BTreeSet<&Leaf> {
    match proposition {
        Proposition::Constant(_) => BTreeSet::new(),
        Proposition::Leaf(leaf) => BTreeSet::from([leaf]),
        Proposition::Not(inner) => leaves(inner),
        Proposition::And(parts) | Proposition::Or(parts) => parts.iter().flat_map(leaves).collect(),
        Proposition::Conditional(parts) => parts.iter().flat_map(leaves).collect(),
    }
}

fn truth(proposition: &Proposition, case: &Case<'_>) -> Truth {
    match proposition {
        Proposition::Constant(value) => Some(*value),
        Proposition::Leaf(leaf) => {
            let at = case.binary_search_by(|it| it.0.cmp(leaf)).ok()?;
            case.get(at)?.1
        }
        Proposition::Not(inner) => truth(inner, case).map(|it| !it),
        Proposition::And(parts) => joined(parts, false, case),
        Proposition::Or(parts) => joined(parts, true, case),
        Proposition::Conditional(parts) => {
            let [condition, yes, no] = &**parts;
            match truth(condition, case)? {
                true => truth(yes, case),
                false => truth(no, case),
            }
        }
    }
}

fn joined(parts: &[Proposition], decides: bool, case: &Case<'_>) -> Truth {
    let mut joined = Some(!decides);
    for part in parts {
        match truth(part, case) {
            Some(value) if value == decides => return Some(decides),
            Some(_) => {}
            None => joined = None,
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use authz::condition::{Proposition, proposition};

    use super::{implies, never_holds};

    fn read(text: &str) -> Proposition {
        proposition(text).unwrap()
    }

    #[test]
    fn implications_are_found_whatever_fails() {
        let cases = [
            ("a && b", "a", true),
            ("a", "a && b", false),
            ("a && !b", "!(b || !a)", true),
            ("a == 'x'", "a != 'y'", true),
            ("a != 'y'", "a == 'x'", false),
            ("n > 5", "n > 3", true),
            ("n > 3", "n > 5", false),
            ("n == 7", "n >= 7.0", true),
            ("n < 3", "n != 5", true),
            ("n > 5", "m > 3", false),
            // Where `b` fails, the second has no value.
            ("a", "a && (b || !b)", false),
            ("a ? b : c", "b || c", true),
            ("a", "true", true),
            ("true", "a", false),
        ];
        for (premise, conclusion, expected) in cases {
            let found = implies(&read(premise), &read(conclusion));
            assert_eq!(found, expected, "{premise} => {conclusion}");
        }
    }

    #[test]
    fn what_never_holds_is_found() {
        for text in [
            "false",
            "a && !a",
            "a == 'x' && a == 'y'",
            "(a ? false : a) && b",
            "n > 5 && n < 3",
            "n > 5 && 5 > n",
            "n >= 5 && n <= 5 && n != 5",
            "n == 4 && n > 4.5",
            "now.getHours() > 17 && now.getHours() < 9",
            "now.getHours('Europe/Berlin') >= 25",
            "now.getHours() > 8 && now.getHours() < 9",
        ] {
            assert!(never_holds(&read(text)), "{text}");
        }
        for text in [
            "a",
            "a == 'x' && b == 'y'",
            "a || !a",
            "n > 5 || n < 3",
            "n > 5 && m < 3",
            "n > 5 && n < 6",
            "n >= 5 && n <= 5",
            "n == 5 && n > 4.5",
            "n > 'a' && n < 'b'",
            // It may be no number at all.
            "!(n > 5) && !(n <= 5)",
            "n > 9007199254740992 && n < 9007199254740994",
            "now.getHours() > 17 || now.getHours() < 9",
            "now.getHours('UTC') < 9 && now.getHours('Europe/Berlin') > 9",
        ] {
            assert!(!never_holds(&read(text)), "{text}");
        }
    }
}
