//! What coverage and lint say when a rule, a grant or a relation's action is taken from an example. Golden:
//! what lint finds then, and found not before.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use authz::source::Source;
use authz::{Facts, read_facts, read_policy};
use authz_analysis::coverage::Coverage;
use authz_analysis::lint::{Inputs, lint};
use authz_analysis::mutate::{Mutant, Operator, mutants};
use authz_analysis::policy_tests;

use crate::conformance::now;
use crate::mutants::examples;

const REMOVALS: [Operator; 4] = [
    Operator::DropRule,
    Operator::NarrowGrant,
    Operator::NarrowRule,
    Operator::DropRelated,
];

/// How often each part is there, by its text.
fn parts(folder: &Path, sources: &[Source]) -> BTreeMap<String, usize> {
    let tests = std::fs::read_to_string(folder.join("policy.test.yaml")).unwrap();
    let tests = Source::new("policy.test.yaml", &tests);
    let mut coverage = Coverage::default();
    let load = &mut |name: &str| {
        let known = sources.iter().find(|source| source.name() == name).cloned();
        let read = || {
            Some(Source::new(
                name,
                &std::fs::read_to_string(folder.join(name)).ok()?,
            ))
        };
        known.or_else(read).ok_or_else(|| "no such file".to_owned())
    };
    // The tests fail, which is as it should be; some ask for what is no more, and are refused.
    let ran = policy_tests::run_noting(&tests, load, now(), Some(&mut coverage));
    let mut parts = BTreeMap::new();
    for (part, _) in coverage.parts().filter(|_| ran.is_ok()) {
        *parts.entry(part.text.clone()).or_default() += 1;
    }
    parts
}

/// What lint finds, without places: these move.
fn findings(folder: &Path, sources: &[Source]) -> Vec<String> {
    let policy = read_policy(sources).unwrap();
    let facts = std::fs::read_to_string(folder.join("facts.yaml"));
    let facts: Vec<Source> = facts
        .iter()
        .map(|it| Source::new("facts.yaml", it))
        .collect();
    let known = read_facts(&policy, &facts).unwrap_or_else(|_| Facts::none().clone());
    let inputs = Inputs {
        policy: &policy,
        sources,
        facts: &known,
        facts_sources: &facts,
    };
    let found = lint(&inputs).unwrap().findings.into_iter();
    found
        .map(|it| format!("{}: {}", it.lint.name(), it.message))
        .collect()
}

fn name(folder: &Path, mutant: &Mutant) -> String {
    let example = folder.file_name().unwrap().to_str().unwrap();
    format!("{example}: {}", mutant.what)
}

#[test]
fn what_is_taken_out_is_missing_from_coverage_and_lint_tells_what_it_leaves_behind() {
    let (mut told, mut count) = (String::new(), 0);
    for (folder, sources) in examples() {
        let (all, before) = (parts(&folder, &sources), findings(&folder, &sources));
        assert!(!all.is_empty(), "{}", folder.display());
        for mutant in mutants(&sources) {
            if !REMOVALS.contains(&mutant.operator) {
                continue;
            }
            let name = name(&folder, &mutant);
            let left = parts(&folder, &mutant.sources);
            let fewer = all
                .iter()
                .filter(|(text, count)| left.get(*text).unwrap_or(&0) < count);
            let fewer: Vec<&String> = fewer.map(|(text, _)| text).collect();
            let more = left
                .iter()
                .find(|(text, count)| all.get(*text).unwrap_or(&0) < count);
            // What carries an action is no part of coverage: the relation is there still.
            let is_part = mutant.operator != Operator::DropRelated;
            if !left.is_empty() && is_part {
                assert!(!fewer.is_empty(), "{name}: coverage has all parts still");
                assert_eq!(more, None, "{name}");
                count += 1;
            }
            let new = findings(&folder, &mutant.sources).into_iter();
            for finding in new.filter(|it| !before.contains(it)) {
                let _ = writeln!(told, "{name}\n  {finding}");
            }
        }
    }
    assert!(count > 30, "{count}");
    insta::assert_snapshot!("lint_of_removals", told);
}
