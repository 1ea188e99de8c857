//! `lockstep policy mutate`: which mistakes in a policy nobody would notice, and that those of which
//! it says that the suite would notice them are noticed by a run.

use std::collections::{BTreeMap, BTreeSet};

use demo::Fault;
use serde_json::Value;
use testkit::Project;

use crate::support::{Sample, demo_suite, lockstep};

const POLICY: &str = "\
version: 1
types:
  user: {}
  post: { attributes: { owner: user }, actions: { read: instance, delete: instance } }
roles:
  viewer: { can: { post: [read] } }
  editor: { includes: [viewer], can: { post: [read] } }
rules:
  - name: own-posts
    permit: { post: [delete] }
    when: resource.owner == subject
";
const TESTS: &str = "\
tests:
  - name: viewers read
    given: { subject: \"user:vic\", roles: [viewer], resource: { post: { owner: \"user:vera\" } } }
    allow: [read]
    deny: [delete]
";

fn mutate(project: &Project, arguments: &[&str]) -> (Option<i32>, String) {
    let all = [
        &["policy", "mutate", "--at", "2026-11-23T12:00:00Z"],
        arguments,
    ]
    .concat();
    let finished = lockstep(project.path(), &all).run();
    (finished.code, finished.stdout + &finished.stderr)
}

#[test]
fn the_manual_of_mutate() {
    let (code, told) = mutate(&Project::empty(), &["--help"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!("help_policy_mutate", told);
}

#[test]
fn survivors_are_told_with_the_test_that_would_notice_them() {
    let project = Project::new([
        ("policy/policy.yaml", POLICY),
        ("policy/a.test.yaml", TESTS),
    ]);
    let (code, told) = mutate(&project, &[]);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!("policy_mutate", told);
    let (code, _) = mutate(&project, &["--min-killed", "20"]);
    assert_eq!(code, Some(0));
}

#[test]
fn where_nothing_could_notice_anything_it_is_a_mistake() {
    let failing = TESTS.replace("deny: [delete]", "deny: [read]");
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[("policy.yaml", POLICY)], "no tests and no suite"),
        (
            &[("policy.yaml", POLICY), ("a.test.yaml", &failing)],
            "fail without any mutant",
        ),
        (
            &[("policy.yaml", "roles: 1"), ("a.test.yaml", TESTS)],
            "policy.yaml:1",
        ),
    ];
    for (files, expected) in cases {
        let project = Project::new(files.iter().copied());
        let (code, told) = mutate(&project, &[]);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn tests_notice_mutants_however_the_policy_is_spelled() {
    let project = Project::new([
        ("policy/policy.yaml", POLICY),
        ("policy/a.test.yaml", TESTS),
    ]);
    let last = |told: &str| told.lines().last().unwrap().to_owned();
    let (_, plain) = mutate(&project, &["--policy", "policy", "policy/a.test.yaml"]);
    let whole = project.path().join("policy");
    let (_, spelled) = mutate(
        &project,
        &["--policy", whole.to_str().unwrap(), "policy/a.test.yaml"],
    );
    assert!(!plain.contains(" 0 % killed"), "{plain}");
    assert_eq!(last(&plain), last(&spelled));
}

#[test]
fn tests_of_a_copy_are_refused() {
    let store = "model: |\n  model\n    schema 1.1\n  type user\n  type doc\n    relations\n      define viewer: [user]\n\
                 tests:\n  - name: a\n    check: [{ user: 'user:a', object: 'doc:1', assertions: { viewer: false } }]\n";
    let project = Project::new([
        ("policy/policy.yaml", POLICY),
        ("policy/a.test.yaml", TESTS),
        ("copy/policy.yaml", POLICY),
        ("copy/a.test.yaml", TESTS),
        ("store.fga.yaml", store),
    ]);
    for tests in ["copy/a.test.yaml", "store.fga.yaml"] {
        let (code, told) = mutate(&project, &["--policy", "policy", tests]);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains("do not exercise this policy"), "{told}");
    }
}

/// Every mutant of the sample's policy, by what was done.
fn mutants_of_the_sample() -> (Value, BTreeMap<String, Value>) {
    let suite = demo_suite();
    let project = Project::empty();
    let (_, told) = mutate(&project, &["--suite", &suite, "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}"));
    let all = told["mutants"].as_array().unwrap().iter();
    let named = all.map(|it| (it["what"].as_str().unwrap().to_owned(), it.clone()));
    let named = named.collect();
    (told, named)
}

#[test]
fn the_suite_of_the_sample_kills_nine_mutants_of_ten() {
    let (told, _) = mutants_of_the_sample();
    assert!(told["percent"].as_u64().unwrap() >= 90, "{}", told["score"]);
    assert!(
        told["score"]["by_plan"].as_u64().unwrap() >= 50,
        "{}",
        told["score"]
    );
    assert_eq!(told["score"]["unknown"], 0);
}

#[test]
fn what_the_plan_claims_to_notice_a_run_notices_when_the_system_behaves_so() {
    let (_, mutants) = mutants_of_the_sample();
    // A mutant, the fault that is this behaviour, and the cells in which the fault goes less far.
    let cases = [
        (
            "role `viewer` has `delete` of `post`",
            Fault::OpenPrivilegedVerb,
            "-",
        ),
        (
            "role `editor` has `delete` of `post`",
            Fault::OpenPrivilegedVerb,
            "-",
        ),
        (
            "rule `own-posts-can-be-deleted` has no condition",
            Fault::OpenPrivilegedVerb,
            "anonymous/",
        ),
        (
            "role `signed-in` has `update` of `profile`",
            Fault::SilentCrossOwnerWrite,
            "-",
        ),
        (
            "rule `own-profile` has no condition",
            Fault::SilentCrossOwnerWrite,
            "anonymous/",
        ),
        (
            "role `viewer` counts for other tenants",
            Fault::ReadForeign,
            "/post.list",
        ),
    ];
    let mut runs: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (what, fault, except) in cases {
        let findings = runs.entry(fault.name()).or_insert_with(|| {
            let report = Sample::start(&[fault]).test(&[], &[]);
            report.findings().into_keys().collect()
        });
        let cells = mutants[what]["cells"].as_array().unwrap().iter();
        let cells: BTreeSet<String> = cells
            .map(|it| it.as_str().unwrap().to_owned())
            .filter(|it| !it.contains(except))
            .collect();
        assert!(!cells.is_empty(), "{what}: {:?}", mutants[what]);
        assert!(
            cells.is_subset(findings),
            "{what}: {cells:?} of {findings:?}"
        );
    }
}
