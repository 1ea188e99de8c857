//! What is taken out of an example is named: a test by the mutants that it alone noticed, a rule or
//! grant by the lints that something else now rests on nothing. That the difference names it stands
//! in `mutants`, that coverage does in `coverage`.

use std::collections::BTreeSet;
use std::fs;

use authz::source::Source;
use authz::{Facts, read_policy};
use authz_analysis::lint::{Inputs, lint};
use authz_analysis::mutate::{Judged, Operator, Verdict, mutants};

use crate::coverage::taken_apart;
use crate::mutants::{examples, judged, tests};

/// The name of a test: its first line is `- name: NAME`.
fn name(test: &str) -> &str {
    let first = test.lines().next().unwrap_or_default();
    let name = first.split_once("name:").map(|(_, name)| name.trim());
    name.unwrap_or_default().trim_matches('"')
}

#[test]
fn without_a_test_the_mutants_survive_that_it_alone_noticed() {
    let (mut removed, mut named) = (0, 0);
    for (folder, sources) in examples() {
        let text = fs::read_to_string(folder.join("policy.test.yaml")).unwrap();
        let all = mutants(&sources);
        let before = judged(&sources, &all, tests(&folder, &sources, &text));
        let (head, each) = taken_apart(&text);
        // Each example gives some of its tests, so that all of them are through in time.
        for at in (0..each.len()).step_by(3) {
            let prefix = format!("{}: ", name(&each[at]));
            let is_alone = |it: &&(_, &Judged)| {
                let tests = &it.1.tests;
                !tests.is_empty() && tests.iter().all(|test| test.starts_with(&prefix))
            };
            let alone: Vec<_> = all.iter().zip(&before).collect();
            let alone = alone.iter().filter(is_alone).map(|(it, _)| (*it).clone());
            let alone: Vec<_> = alone.collect();
            let mut others = each.clone();
            others.remove(at);
            let without = format!("{head}{}", others.concat());
            let after = judged(&sources, &alone, tests(&folder, &sources, &without));
            for it in after {
                assert_ne!(it.verdict, Verdict::Killed, "{prefix}{}", it.what);
                let is_told = it.verdict == Verdict::Survived;
                assert_eq!(it.suggestion.is_some(), is_told, "{prefix}{}", it.what);
                named += usize::from(is_told);
            }
            removed += 1;
        }
    }
    assert!(
        removed > 20 && named > 20,
        "{removed} tests, {named} mutants"
    );
}

/// What lint finds, in words.
fn found(sources: &[Source]) -> BTreeSet<String> {
    let policy = read_policy(sources).unwrap();
    let report = lint(&Inputs {
        policy: &policy,
        sources,
        facts: Facts::none(),
        facts_sources: &[],
    });
    let findings = report.unwrap().findings.into_iter();
    findings
        .map(|it| format!("{}: {}", it.lint.name(), it.message))
        .collect()
}

#[test]
fn what_rests_on_nothing_without_a_rule_or_grant_is_told() {
    let taken_out = [
        Operator::DropRule,
        Operator::NarrowGrant,
        Operator::NarrowRule,
        Operator::DropInclude,
        Operator::DropRelated,
    ];
    let mut told = String::new();
    for (folder, sources) in examples() {
        let before = found(&sources);
        let example = folder.file_name().unwrap().to_str().unwrap();
        for mutant in mutants(&sources) {
            if !taken_out.contains(&mutant.operator) {
                continue;
            }
            let after = found(&mutant.sources);
            let new: Vec<_> = after
                .difference(&before)
                .map(|it| format!("  {it}\n"))
                .collect();
            if !new.is_empty() {
                told += &format!("{example}: {}\n{}", mutant.what, new.concat());
            }
        }
    }
    insta::assert_snapshot!("lint_of_what_is_taken_out", told);
}
