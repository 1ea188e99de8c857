//! Witnesses where the model makes them harder: what SpiceDB has beyond OpenFGA, several facts at
//! once, cycles, exclusions, and many facts. Golden: what is told of each question.

use std::fmt::Write as _;

use authz::source::{Source, render};
use authz::{Facts, Policy, SubjectFacts, no_context, read_facts, read_policy};
use authz_analysis::witness::{Question, Why, explain};
use serde_json::{Map, json};

const ZED: &str = "\
use expiration
use self

caveat small(size int, most int) { size < most }

definition user {}

definition group {
  relation member: user | group#member
}

definition space {
  relation parent: space
  relation owner: user with expiration
  relation guest: user with small
  relation reader: user | group#member
  relation approver: group#member
  relation banned: user
  permission whole = parent.all(read)
  permission read = (reader + owner + guest) - banned
  permission approve = read & approver
  permission near = self
  permission none = nil
}
";

const FACTS: [&str; 9] = [
    "group:staff#member@user:ann",
    "group:board#member@user:ben",
    "group:ring#member@group:loop#member",
    "group:loop#member@group:ring#member",
    "space:a#reader@group:staff#member",
    "space:b#banned@user:ann",
    "space:c#parent@space:a",
    "space:c#parent@space:d",
    "space:b#approver@group:board#member",
];

fn policy() -> Policy {
    let of = ["whole", "read", "approve", "near", "none"];
    let actions: Map<_, _> = of
        .iter()
        .map(|it| ((*it).to_owned(), json!("instance")))
        .collect();
    let related: Map<_, _> = of.iter().map(|it| ((*it).to_owned(), json!(it))).collect();
    let text = json!({
        "version": 1,
        "types": { "user": {}, "space": { "actions": actions } },
        "relations": "schema.zed",
        "related": { "space": related },
    });
    let sources = [
        Source::new("policy.yaml", &text.to_string()),
        Source::new("schema.zed", ZED),
    ];
    read_policy(&sources).unwrap_or_else(|it| panic!("{}", render(&it, &sources, false)))
}

fn facts(policy: &Policy, relationships: &[String]) -> Facts {
    let text = json!({ "relationships": relationships }).to_string();
    let sources = [Source::new("facts.yaml", &text)];
    read_facts(policy, &sources).unwrap_or_else(|it| panic!("{}", render(&it, &sources, false)))
}

fn why(policy: &Policy, facts: &Facts, question: &str) -> Why {
    let mut words = question.split(' ');
    let (subject, action) = (words.next().unwrap(), words.next().unwrap());
    let (type_name, id) = words.next().unwrap().split_once(':').unwrap();
    let question = Question {
        policy,
        facts,
        subject: SubjectFacts {
            reference: Some(subject.to_owned()),
            signed_in: true,
            ..SubjectFacts::default()
        },
        action,
        type_name,
        id: Some(id),
        attributes: Map::new(),
        now: crate::conformance::now(),
        context: no_context(),
    };
    explain(&question, true).unwrap()
}

#[test]
fn what_is_missing_is_told_whatever_the_model_asks_for() {
    let policy = policy();
    let facts = facts(&policy, &FACTS.map(str::to_owned));
    let mut shown = String::new();
    for question in [
        "user:cat read space:a",
        "user:ann read space:b",
        "user:ann whole space:c",
        "user:cat whole space:c",
        "user:cat whole space:new",
        "user:ann approve space:a",
        "user:cat approve space:b",
        "user:ben approve space:b",
        "user:ann approve space:c",
        "user:ann none space:a",
        "user:ann near space:a",
        "user:ann read space:a",
    ] {
        let why = why(&policy, &facts, question);
        let _ = writeln!(shown, "{question}");
        for witness in &why.witnesses {
            let facts: Vec<String> = witness.facts.iter().map(ToString::to_string).collect();
            let _ = writeln!(shown, "  + {}", facts.join(" + "));
        }
        for path in &why.paths {
            let facts: Vec<String> = path.facts.iter().map(ToString::to_string).collect();
            let _ = writeln!(shown, "  by {}", facts.join(", "));
        }
        for obstacle in &why.obstacles {
            let _ = writeln!(shown, "  ! {}", obstacle.text);
        }
        let _ = writeln!(shown, "  complete: {}", why.is_complete);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_search_that_is_ended_by_its_bounds_says_so() {
    let policy = policy();
    // Far more ways than are kept: every reader of ninety spaces through ninety groups.
    let spaces = (0..90).map(|it| format!("space:c#parent@space:s{it}"));
    let groups = (0..90).map(|it| format!("space:a#reader@group:g{it}#member"));
    let members = (0..90).map(|it| format!("group:g{it}#member@group:staff#member"));
    let one = ["group:staff#member@user:ann".to_owned()];
    let all: Vec<String> = spaces.chain(groups).chain(members).chain(one).collect();
    let facts = facts(&policy, &all);
    // Ninety spaces all have to be read: no four facts do.
    let why_not = why(&policy, &facts, "user:cat whole space:c");
    assert!(why_not.witnesses.is_empty());
    let ways = why(&policy, &facts, "user:ann read space:a");
    assert_eq!((ways.paths.len(), ways.is_complete), (90, true));
    let one_more = (0..20).map(|it| format!("group:g{it}#member@user:ann"));
    let all: Vec<String> = all.into_iter().chain(one_more).collect();
    let more = facts_and_ways(&policy, &all);
    assert_eq!(more, (100, false));
}

fn facts_and_ways(policy: &Policy, relationships: &[String]) -> (usize, bool) {
    let facts = facts(policy, relationships);
    let ways = why(policy, &facts, "user:ann read space:a");
    (ways.paths.len(), ways.is_complete)
}

/// Five hundred groups, and a relation that follows from two others: two facts are missing.
#[test]
fn among_many_groups_what_is_missing_is_found() {
    let policy = policy();
    let members = (0..500).map(|it| format!("group:g{it}#member@user:u{}", it % 50));
    let readers = (0..500).map(|it| format!("space:s{}#reader@group:g{it}#member", it % 40));
    let all: Vec<String> = members.chain(readers).collect();
    let facts = facts(&policy, &all);
    let why = why(&policy, &facts, "user:u0 approve space:s0");
    let first = why.witnesses.first().unwrap();
    assert_eq!(first.facts.len(), 1, "{first:?}");
    let why = crate::ways::why(&policy, &facts, "user:stranger approve space:s0");
    let first = why.witnesses.first().unwrap();
    assert_eq!(first.facts.len(), 2, "{first:?}");
}
