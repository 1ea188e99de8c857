//! Policies whose conditions ask so much that not every request can be tried: they are compared all
//! the same, and exactly.

use std::ops::Range;

use authz::{Facts, Policy};
use authz_analysis::diff::{Diff, Limits, Side, diff};

use crate::conformance::now;
use crate::diffs::policy;
use crate::random::Random;

/// How many attributes a document has; each question is about one of them.
const ATTRIBUTES: usize = 20;

/// A policy with these rules; each has an effect and a condition.
fn with_rules(rules: &[(&str, String)]) -> String {
    let attributes: Vec<String> = (0..ATTRIBUTES)
        .map(|number| match number % 4 {
            0 => format!("a{number}: bool"),
            1 => format!("a{number}: int"),
            2 => format!("a{number}: user"),
            _ => format!("a{number}: string"),
        })
        .collect();
    let rules: Vec<String> = rules
        .iter()
        .enumerate()
        .map(|(at, (effect, when))| {
            format!(
                "  - {{ name: rule-{at}, {effect}: {{ doc: [read] }}, when: {} }}\n",
                serde_json::json!(when)
            )
        })
        .collect();
    format!(
        "version: 1\ntypes:\n  user: {{}}\n  doc: {{ attributes: {{ {} }}, actions: {{ read: instance }} }}\nroles:\n  boss: {{ can: {{ doc: [read] }} }}\n  clerk: {{}}\nrules:\n{}",
        attributes.join(", "),
        rules.concat()
    )
}

/// A question about an attribute.
fn question(number: usize) -> String {
    match number % 4 {
        0 => format!("resource.a{number}"),
        1 => format!("resource.a{number} > 3"),
        2 => format!("resource.a{number} == subject"),
        _ => format!("resource.a{number} in ['x', 'y']"),
    }
}

fn compare(old: &Policy, new: &Policy) -> Diff {
    let side = |policy| Side {
        policy,
        facts: Facts::none(),
    };
    diff(side(old), side(new), now(), Limits::default())
}

/// The texts are compared; of a difference, both policies confirm the example.
fn is_equal(old: &str, new: &str) -> bool {
    let (old, new) = (policy(old), policy(new));
    let found = compare(&old, &new);
    assert_eq!(found.bounds, Vec::<String>::new());
    for line in &found.lines {
        let answers = (line.example.asked_of(&old), line.example.asked_of(&new));
        assert_eq!(
            answers,
            (line.old.answer, line.new.answer),
            "{}",
            line.example
        );
        assert_ne!(answers.0, answers.1);
    }
    found.lines.is_empty()
}

/// Any of these pairs of questions.
fn pairs(which: Range<usize>) -> String {
    let pairs = which.map(|it| (question(2 * it), question(2 * it + 1)));
    let pairs: Vec<String> = pairs.map(|(a, b)| format!("({a} && {b})")).collect();
    pairs.join(" || ")
}

#[test]
fn twenty_questions_are_compared_exactly() {
    let all = pairs(0..10);
    let old = with_rules(&[("permit", all.clone())]);
    let (first, rest) = (pairs(0..2), pairs(2..10));
    // The same in other words.
    let equal = [
        with_rules(&[("permit", format!("{rest} || {first}"))]),
        with_rules(&[("permit", format!("!(!({rest}) && !({first}))"))]),
        with_rules(&[
            ("permit", all.clone()),
            ("permit", format!("{rest} || {first}")),
        ]),
    ];
    for new in equal {
        assert!(is_equal(&old, &new), "{new}");
    }
    // In two rules it is not the same to a visitor: what is about nobody says nothing, and what
    // else has no value cannot be said.
    let two = with_rules(&[("permit", rest.clone()), ("permit", first)]);
    assert!(!is_equal(&old, &two));
    let last = question(ATTRIBUTES - 1);
    let different = [
        with_rules(&[("permit", rest)]),
        with_rules(&[("permit", all.replace(&last, &format!("!({last})")))]),
        with_rules(&[
            ("permit", all.clone()),
            ("deny", format!("{last} && resource.a1 == 7")),
        ]),
        with_rules(&[("permit", all.replace("a9 > 3", "a9 > 4"))]),
    ];
    for new in different {
        assert!(!is_equal(&old, &new), "{new}");
        assert!(!is_equal(&new, &old), "{new}");
    }
}

/// A condition of all questions, in an order and joined as it comes.
fn any_condition(random: &mut Random) -> String {
    let mut left: Vec<usize> = (0..ATTRIBUTES).collect();
    let mut text = String::new();
    while !left.is_empty() {
        let asked = question(left.remove(random.below(left.len())));
        let asked = match random.chance(30) {
            true => format!("!({asked})"),
            false => asked,
        };
        text = match (text.is_empty(), random.chance(50)) {
            (true, _) => asked,
            (false, true) => format!("({text}) && {asked}"),
            (false, false) => format!("({text}) || {asked}"),
        };
    }
    text
}

#[test]
fn whatever_twenty_questions_are_joined_by_they_equal_themselves_and_not_their_contrary() {
    for seed in 0..12 {
        let condition = any_condition(&mut Random::new(seed));
        let old = with_rules(&[("permit", condition.clone())]);
        let twice = with_rules(&[("permit", format!("!(!({condition}))"))]);
        assert!(is_equal(&old, &twice), "{condition}");
        let contrary = with_rules(&[("permit", format!("!({condition})"))]);
        assert!(!is_equal(&old, &contrary), "{condition}");
    }
}
