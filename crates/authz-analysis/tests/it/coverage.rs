//! Coverage: what tests exercise, told in every form, and what goes with a test that is removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use authz::source::{Source, render};
use authz_analysis::coverage::{self, Coverage};
use authz_analysis::policy_tests;

use crate::conformance::now;

/// The texts of the files of an example, by their names.
type Files = BTreeMap<String, String>;

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let named = entries.filter(|it| it.is_file()).map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    named.collect()
}

/// What the tests exercise.
fn cover(tests: &str, files: &Files) -> Coverage {
    let source = Source::new("policy.test.yaml", tests);
    let load = &mut |name: &str| {
        let text = files.get(name).ok_or("there is no such file")?;
        Ok(Source::new(name, text))
    };
    let mut coverage = Coverage::default();
    let report = policy_tests::run_noting(&source, load, now(), Some(&mut coverage));
    let report = report.unwrap_or_else(|it| panic!("{}", render(&it.mistakes, &it.sources, false)));
    assert_eq!(report.failed().count(), 0, "{report:#?}");
    coverage
}

/// The numbers of the parts that are exercised.
fn exercised(coverage: &Coverage) -> BTreeSet<usize> {
    let parts = coverage.parts().enumerate();
    let exercised = parts.filter(|(_, (_, exercised))| *exercised);
    exercised.map(|(number, _)| number).collect()
}

/// What stands before the tests, and each test.
pub(crate) fn taken_apart(tests: &str) -> (String, Vec<String>) {
    let mut head = String::new();
    let mut each: Vec<String> = Vec::new();
    for line in tests.lines().map(|line| format!("{line}\n")) {
        if line.starts_with("  - name:") {
            each.push(line);
        } else {
            each.last_mut().unwrap_or(&mut head).push_str(&line);
        }
    }
    (head, each)
}

/// The examples with tests, by their names.
fn examples() -> Vec<(String, Files)> {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
    let patterns = fs::read_dir(suites.join("patterns")).unwrap();
    let patterns = patterns.map(|it| it.unwrap().path());
    let mut folders: Vec<_> = patterns.filter(|it| it.is_dir()).collect();
    folders.push(suites.join("demo/policy"));
    folders.sort();
    let named = folders.into_iter().map(|folder| {
        let name = folder.strip_prefix(&suites).unwrap().display().to_string();
        (name, files(&folder))
    });
    named.collect()
}

#[test]
fn a_removed_test_takes_exactly_the_parts_with_it_that_it_alone_exercised() {
    let mut with_loss = 0;
    for (name, files) in examples() {
        let (head, tests) = taken_apart(&files["policy.test.yaml"]);
        let of = |tests: &[String]| {
            let tests = tests.concat();
            exercised(&cover(&format!("{head}{tests}"), &files))
        };
        let all = of(&tests);
        let each: Vec<BTreeSet<usize>> = tests
            .iter()
            .map(|it| of(std::slice::from_ref(it)))
            .collect();
        for (index, own) in each.iter().enumerate() {
            let mut others = tests.clone();
            others.remove(index);
            let lost: BTreeSet<usize> = match others.is_empty() {
                true => all.clone(),
                false => all.difference(&of(&others)).copied().collect(),
            };
            let elsewhere = each.iter().enumerate().filter(|(at, _)| *at != index);
            let elsewhere: BTreeSet<usize> = elsewhere.flat_map(|(_, it)| it.clone()).collect();
            let alone: BTreeSet<usize> = own.difference(&elsewhere).copied().collect();
            assert_eq!(lost, alone, "{name}: {}", tests[index]);
            with_loss += usize::from(!lost.is_empty());
        }
    }
    assert!(with_loss > 25, "{with_loss}");
}

#[test]
fn the_shares_of_the_examples_are_these() {
    let told = examples().into_iter().map(|(name, files)| {
        let coverage = cover(&files["policy.test.yaml"], &files);
        format!("== {name}\n{}\n", coverage::render(&coverage))
    });
    insta::assert_snapshot!("coverage_of_examples", told.collect::<String>());
}

const POLICY: &str = r#"version: 1
types:
  user: {}
  post:
    actions: { read: instance, edit: instance }
    attributes: { owner: user, draft: bool, size: int }
roles:
  editor: { can: { post: [edit] } }
rules:
  - name: small
    permit: { post: ["*"] }
    when: >
      resource.owner == subject &&
      (resource.draft ? resource.size < 10 || !(resource.size > 20) : true)
"#;

fn small(tests: &str) -> Coverage {
    let files = Files::from([("policy.yaml".to_owned(), POLICY.to_owned())]);
    cover(tests, &files)
}

/// The operands that came to something, in words.
fn operands(tests: &str) -> Vec<String> {
    let coverage = small(tests);
    let parts = coverage.parts().filter(|(_, exercised)| *exercised);
    let texts = parts.map(|(part, _)| part.text.clone());
    texts
        .filter(|it| it.ends_with(" is true") || it.ends_with(" is false"))
        .collect()
}

fn asking(attributes: &str, expected: &str) -> String {
    format!(
        "tests:\n  - name: one\n    given: {{ subject: \"user:a\", resource: {{ post: {{ {attributes} }} }} }}\n    {expected}: [read]\n"
    )
}

#[test]
fn what_stands_behind_the_operand_that_decides_is_not_exercised() {
    let of_another = asking("owner: \"user:b\", draft: true, size: 1", "deny");
    assert_eq!(
        operands(&of_another),
        ["`resource.owner == subject` is false"]
    );
    let first = operands(&asking("owner: \"user:a\", draft: true, size: 1", "allow"));
    let conditional =
        "`(resource.draft ? resource.size < 10 || !(resource.size > 20) : true)` is true";
    let either = "`resource.size < 10 || !(resource.size > 20)` is true";
    let expected = [
        "`resource.owner == subject` is true",
        conditional,
        "`resource.draft` is true",
        either,
        "`resource.size < 10` is true",
    ];
    assert_eq!(first, expected);
    let second = operands(&asking("owner: \"user:a\", draft: true, size: 15", "allow"));
    assert!(
        second.contains(&"`!(resource.size > 20)` is true".to_owned()),
        "{second:?}"
    );
    // The other branch is a literal, which cannot be false: it is nothing to exercise.
    let other = operands(&asking("owner: \"user:a\", draft: false", "allow"));
    assert_eq!(
        other,
        [expected[0], conditional, "`resource.draft` is false"]
    );
}

#[test]
fn what_a_grant_made_superfluous_is_not_exercised() {
    let tests = "tests:\n  - name: one\n    given: { subject: \"user:a\", roles: [editor], resource: { post: { owner: \"user:a\" } } }\n    allow: [edit]\n";
    assert_eq!(operands(tests), Vec::<String>::new());
    let coverage = small(tests);
    let total = coverage.total();
    assert_eq!(
        (total.exercised, total.percent()),
        (2, Some(2 * 100 / total.parts))
    );
}

#[test]
fn nothing_to_exercise_is_not_everything_exercised() {
    let empty = Coverage::default();
    assert!(!empty.total().reaches(1) && empty.total().reaches(0));
    assert!(coverage::render(&empty).starts_with("coverage cannot be said"));
}

#[test]
fn it_is_told_as_text_as_json_and_as_marked_source() {
    let coverage = small(&asking("owner: \"user:a\", draft: true, size: 1", "allow"));
    insta::assert_snapshot!("coverage_text", coverage::render(&coverage));
    insta::assert_snapshot!("coverage_marked", coverage::marked(&coverage));
    let json = coverage::as_json(&coverage);
    insta::assert_snapshot!(
        "coverage_json",
        serde_json::to_string_pretty(&json).unwrap()
    );
}

#[test]
fn store_files_and_validation_files_exercise_their_models() {
    let store = "model: |\n  model\n    schema 1.1\n  type user\n  type doc\n    relations\n      define owner: [user]\n      define banned: [user]\n      define viewer: ([user, user:*] or owner) but not banned\ntests:\n  - name: one\n    tuples:\n      - { user: user:ann, relation: owner, object: doc:1 }\n      - { user: user:bob, relation: banned, object: doc:1 }\n    check:\n      - { user: user:ann, object: doc:1, assertions: { owner: true } }\n      - { user: user:bob, object: doc:1, assertions: { viewer: false } }\n    list_objects:\n      - { user: user:ann, type: doc, assertions: { viewer: [doc:1] } }\n";
    let validation = "schema: |\n  definition user {}\n  definition doc {\n    relation owner: user\n    relation member: user\n    permission both = owner & member\n    permission any = owner + member\n  }\nrelationships: |\n  doc:1#owner@user:ann\n  doc:1#member@user:bob\nassertions:\n  assertTrue: [\"doc:1#any@user:ann\"]\n  assertFalse: [\"doc:1#both@user:ann\"]\n";
    let none = Files::new();
    let told = [store, validation]
        .map(|it| coverage::marked(&cover(it, &none)) + &coverage::render(&cover(it, &none)));
    insta::assert_snapshot!("coverage_of_models", told.join("\n"));
}

const CONDITIONED: &str = "model: |
  model
    schema 1.1
  type user
  type doc
    relations
      define member: [user]
      define viewer: [user with open_at] and member
  condition open_at(hour: int) {
    hour > 8 && hour < 18
  }
tuples:
  - { user: user:ann, relation: viewer, object: doc:1, condition: { name: open_at } }
  - { user: user:ann, relation: member, object: doc:1 }
tests:
";

/// What is exercised by a question with this context.
fn conditioned(context: &str, expected: bool) -> Vec<String> {
    let test = format!(
        "  - name: one\n    check:\n      - {{ user: user:ann, object: doc:1, context: {{ {context} }}, assertions: {{ viewer: {expected} }} }}\n"
    );
    let coverage = cover(&format!("{CONDITIONED}{test}"), &Files::new());
    let parts = coverage.parts().filter(|(_, exercised)| *exercised);
    parts.map(|(part, _)| part.text.clone()).collect()
}

#[test]
fn conditions_of_relationships_have_operands_too() {
    let of = |text: &str| format!("`{text}` of condition `open_at` is");
    let late = conditioned("hour: 20", false);
    let expected = [
        "`viewer` of doc is asked for".to_owned(),
        "`viewer` of doc fails for want of what is written".to_owned(),
        format!("{} true", of("hour > 8")),
        format!("{} false", of("hour < 18")),
    ];
    assert_eq!(late, expected);
    let by_day = conditioned("hour: 10", true);
    assert!(
        by_day.contains(&format!("{} true", of("hour < 18"))),
        "{by_day:?}"
    );
    assert!(
        by_day.contains(&"`viewer` of doc holds by `member`".to_owned()),
        "{by_day:?}"
    );
}
