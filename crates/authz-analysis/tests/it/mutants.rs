//! Mutants of policies: which there are, who notices them, and that what is said of those that nobody
//! notices is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use authz::source::Source;
use authz::{Facts, read_policy};
use authz_analysis::diff::{Limits, Side, diff};
use authz_analysis::mutate::{
    Judge, Judged, Mutant, Operator, Oracles, TestFile, Verdict, mutants, score,
};

use crate::conformance::now;
use crate::coverage::taken_apart;

/// A policy with something of everything that can be mistaken.
const EVERYTHING: &str = "\
version: 1
types:
  user: { attributes: { level: int } }
  doc:
    attributes: { owner: user, tenant: tenant, kind: string }
    actions: { list: collection, read: instance, write: instance }
roles:
  reader: { can: { doc: [list, read] } }
  writer:
    includes: [reader]
    can:
      doc:
        - write
  boss: { across_tenants: true, includes: [writer], can: { doc: [\"*\"] } }
tenants: { conceal: true }
combine: first-applicable
scopes:
  \"read\": { doc: [list, read] }
claims: { doc: { write: { mfa: true } } }
flags:
  beta: { roles: [boss], rollout: 10, default: false }
shares: { may_grant: { doc: [read] } }
rules:
  - name: secret
    deny: { doc: [read] }
    when: resource.kind == \"secret\" && !flag('beta')
  - name: own
    permit: { doc: [read, write] }
    when: >-
      resource.owner == subject
";

fn one(text: &str) -> Vec<Source> {
    vec![Source::new("policy.yaml", text)]
}

fn told(mutants: &[Mutant]) -> String {
    let mut text = String::new();
    for it in mutants {
        text += &format!("{:?}: {} ({})\n", it.operator, it.what, it.place);
        text.extend(it.before.iter().map(|line| format!("- {line}\n")));
        text.extend(it.after.iter().map(|line| format!("+ {line}\n")));
    }
    text
}

#[test]
fn every_part_of_a_policy_is_mistaken_in_turn() {
    insta::assert_snapshot!("mutants", told(&mutants(&one(EVERYTHING))));
}

#[test]
fn every_operand_of_a_model_is_mistaken_in_turn() {
    let (_, sources) = example("patterns/folder-sharing");
    insta::assert_snapshot!("mutants_of_a_model", told(&mutants(&sources)));
    let zed = "definition user {}\ndefinition folder {\n  relation owner: user\n  relation banned: user\n  permission view = owner - banned\n}\ndefinition doc {\n  relation parent: folder\n  relation viewer: user | user:*\n  permission view = viewer + parent->view\n}\n";
    let policy = "version: 1\ntypes: { user: {}, doc: { actions: { read: instance } } }\nrelations: model.zed\nrelated: { doc: { read: view } }\n";
    let sources = [
        Source::new("policy.yaml", policy),
        Source::new("model.zed", zed),
    ];
    insta::assert_snapshot!("mutants_of_a_schema", told(&mutants(&sources)));
}

/// The folder and the files of an example's policy.
fn example(folder: &str) -> (PathBuf, Vec<Source>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../suites")
        .join(folder);
    let names = ["policy.yaml", "model.fga"].into_iter();
    let names = names.filter(|it| folder.join(it).is_file());
    let read = |it: &str| Source::new(it, &fs::read_to_string(folder.join(it)).unwrap());
    let sources = names.map(read).collect();
    (folder, sources)
}

pub(crate) fn examples() -> Vec<(PathBuf, Vec<Source>)> {
    let patterns = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/patterns");
    let folders = fs::read_dir(patterns).unwrap().map(|it| it.unwrap().path());
    let mut names: Vec<String> = folders
        .filter(|it| it.is_dir())
        .map(|it| format!("patterns/{}", it.file_name().unwrap().to_str().unwrap()))
        .collect();
    names.push("demo/policy".to_owned());
    names.sort();
    names.iter().map(|it| example(it)).collect()
}

/// What changes nothing when it is gone: the flag `search` is on for all.
const REDUNDANT: &str = "feature-flags: rule `search-is-out`";

#[test]
fn whatever_rule_or_grant_is_taken_from_an_example_the_difference_names_it() {
    let mut count = 0;
    for (folder, sources) in examples() {
        let old = read_policy(&sources).unwrap();
        for mutant in mutants(&sources) {
            let is_gone = [
                Operator::DropRule,
                Operator::NarrowGrant,
                Operator::NarrowRule,
                Operator::DropRelated,
            ];
            if !is_gone.contains(&mutant.operator) {
                continue;
            }
            let side = |policy| Side {
                policy,
                facts: Facts::none(),
            };
            let found = diff(side(&old), side(&mutant.policy), now(), Limits::default());
            let name = format!(
                "{}: {}",
                folder.file_name().unwrap().to_str().unwrap(),
                mutant.what
            );
            assert_eq!(
                found.lines.is_empty(),
                name.starts_with(REDUNDANT),
                "{name}"
            );
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

/// The tests of an example with the files that they may name.
fn tests(folder: &Path, sources: &[Source], text: &str) -> TestFile {
    let mut files: Vec<(String, Source)> = sources
        .iter()
        .map(|it| (it.name().to_owned(), it.clone()))
        .collect();
    if let Ok(facts) = fs::read_to_string(folder.join("facts.yaml")) {
        files.push(("facts.yaml".to_owned(), Source::new("facts.yaml", &facts)));
    }
    TestFile {
        source: Source::new("policy.test.yaml", text),
        files,
    }
}

fn judged(sources: &[Source], mutants: &[Mutant], tests: TestFile) -> Vec<Judged> {
    let oracles = Oracles {
        rows: &|_, _| Vec::new(),
        tests: &[tests],
        cells: &|_| Vec::new(),
        now: now(),
    };
    let policy = read_policy(sources).unwrap();
    let judge = Judge::new(&policy, sources, oracles);
    mutants.iter().map(|it| judge.judge(it)).collect()
}

#[test]
fn what_is_proposed_for_a_survivor_kills_it() {
    let (mut pasted, mut told) = (0, String::new());
    for (folder, sources) in examples() {
        let text = fs::read_to_string(folder.join("policy.test.yaml")).unwrap();
        let all = mutants(&sources);
        let before = judged(&sources, &all, tests(&folder, &sources, &text));
        let name = folder.file_name().unwrap().to_str().unwrap();
        told += &format!(
            "{name}: {:?}, {} %\n",
            score(&before),
            score(&before).percent()
        );
        for (mutant, it) in all.iter().zip(&before) {
            assert_eq!(
                it.example.is_some(),
                it.verdict == Verdict::Survived,
                "{}",
                it.what
            );
            let proposed = it
                .suggestion
                .as_ref()
                .filter(|it| it.starts_with("  - name"));
            let Some(proposed) = proposed else { continue };
            let more = format!("{}\n{proposed}", text.trim_end());
            let after = judged(
                &sources,
                std::slice::from_ref(mutant),
                tests(&folder, &sources, &more),
            );
            assert_eq!(after[0].verdict, Verdict::Killed, "{}\n{proposed}", it.what);
            let test = proposed.split('"').nth(1).unwrap();
            let tells = |it: &String| it.starts_with(test) || it.ends_with("it cannot be run");
            assert!(
                after[0].tests.iter().any(tells),
                "{proposed}: {:?}",
                after[0].tests
            );
            pasted += 1;
        }
    }
    assert!(pasted > 20, "{pasted}");
    insta::assert_snapshot!("patterns", told);
}

/// The name of a test: its first line is `- name: NAME`.
fn name_of(test: &str) -> &str {
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
            let prefix = format!("{}: ", name_of(&each[at]));
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

#[test]
fn what_only_rows_can_tell_is_not_counted() {
    let text = "version: 1\ntypes: { user: {}, doc: { actions: { read: instance, write: instance } } }\n\
                roles:\n  reader: { can: { doc: [read] } }\n  writer: { can: { doc: [write] } }\n";
    let sources = one(text);
    let policy = read_policy(&sources).unwrap();
    let of_writing = |_: &str, action: &str| match action {
        "write" => vec!["cell".to_owned()],
        _ => Vec::new(),
    };
    let oracles = Oracles {
        tests: &[],
        cells: &|_| Vec::new(),
        rows: &of_writing,
        now: now(),
    };
    let judge = Judge::new(&policy, &sources, oracles);
    let judged: Vec<Judged> = mutants(&sources).iter().map(|it| judge.judge(it)).collect();
    let score = score(&judged);
    assert!(score.rows > 0 && score.survived > 0, "{score:?}");
    for it in &judged {
        let is_about_writing = it.what.contains("`write`");
        let is_by_rows = it.verdict == Verdict::Rows;
        assert_eq!(is_by_rows, is_about_writing, "{} {:?}", it.what, it.verdict);
        assert_eq!(
            is_by_rows,
            it.bounds.iter().any(|why| why.contains("`cell`"))
        );
    }
}

#[test]
fn a_share_is_proposed_for_the_facts_of_a_test() {
    let text = "version: 1\ntenants: {}\ntypes: { user: {}, doc: { attributes: { tenant: tenant }, actions: { read: instance } } }\n\
                roles:\n  reader: { can: { doc: [read] } }\nshares: { may_grant: { doc: [read] } }\n";
    let (sources, policy) = (one(text), read_policy(&one(text)).unwrap());
    let oracles = Oracles {
        tests: &[],
        cells: &|_| Vec::new(),
        rows: &|_, _| Vec::new(),
        now: now(),
    };
    let judge = Judge::new(&policy, &sources, oracles);
    let all = mutants(&sources);
    let of_shares = all.iter().find(|it| it.operator == Operator::ChangeShares);
    let proposed = judge.judge(of_shares.unwrap()).suggestion.unwrap();
    assert!(
        proposed.contains("shares: [{ resource: \"doc:1\", with: acme, permission: read }]"),
        "{proposed}"
    );
    assert!(proposed.contains("\n  - name: "), "{proposed}");
}

#[test]
fn what_changes_nothing_is_equivalent_and_what_cannot_be_searched_is_unknown() {
    let text = "version: 1\ntypes: { user: {}, doc: { attributes: { title: string }, actions: { read: instance } } }\n\
                roles:\n  reader: { can: { doc: [read] } }\n  writer: { includes: [reader], can: { doc: [read] } }\n";
    let verdicts = |text: &str| {
        let sources = one(text);
        let all = mutants(&sources);
        let none = TestFile {
            source: Source::new("a.test.yaml", "tests: []"),
            files: vec![("policy.yaml".to_owned(), sources[0].clone())],
        };
        let judged = judged(&sources, &all, none).into_iter();
        judged
            .map(|it| (it.what, it.verdict))
            .collect::<BTreeSet<_>>()
    };
    let found = verdicts(text);
    for (what, verdict) in [
        ("role `writer` has no `read` of `doc`", Verdict::Equivalent),
        (
            "role `writer` does not include `reader`",
            Verdict::Equivalent,
        ),
        ("role `reader` has no `read` of `doc`", Verdict::Survived),
    ] {
        assert!(found.contains(&(what.to_owned(), verdict)), "{found:?}");
    }
    let opaque = format!(
        "{text}rules:\n  - name: long\n    deny: {{ doc: [read] }}\n    when: resource.title.size() > 100 && resource.title.size() > 200\n"
    );
    let found = verdicts(&opaque);
    let weaker = (
        "rule `long`: operand 1 of `&&` is dropped".to_owned(),
        Verdict::Unknown,
    );
    assert!(found.contains(&weaker), "{found:?}");
}
