//! The evaluator against a naive one, in as many random cases as are asked for: `LOCKSTEP_CASES` says
//! how many questions are compared.

use crate::agreement::{Random, Tally, compare_on_a_model};

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how many cases are compared is said from outside"
)]
fn the_evaluator_agrees_with_a_naive_one() {
    let wanted = std::env::var("LOCKSTEP_CASES").ok();
    let wanted: usize = wanted.map_or(10_000, |it| it.parse().unwrap());
    let seed = std::env::var("LOCKSTEP_SEED").ok();
    let mut random = Random::new(&[], seed.map_or(20_261_122, |it| it.parse().unwrap()));
    let mut tally = Tally::default();
    while tally.cases < wanted {
        compare_on_a_model(&mut random, &mut tally);
    }
    let Tally { cases, counts } = tally;
    println!("{cases} cases: {counts:?}");
    assert_eq!(counts.len(), 14, "{counts:?}");
    for (name, count) in &counts {
        assert!(count * 100 / cases >= 5, "{name}: {count} of {cases}");
    }
    let yes = counts["yes"] * 100 / cases;
    assert!((30..=70).contains(&yes), "yes: {yes} %");
}
