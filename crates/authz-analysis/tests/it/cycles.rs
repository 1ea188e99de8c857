//! Witnesses where groups are members of one another, folders lie in one another and exclusions run
//! along both: what is told turns the denial, nothing smaller does, and hardly any search gives up.

use authz::source::{Source, render};
use authz::{
    Facts, Outcome, Policy, Relationship, SubjectFacts, no_context, read_facts, read_policy,
};
use authz_analysis::witness::{Fact, Question, explain};
use serde_json::{Map, json};

use crate::random::Random;

const MODEL: &str = "\
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define banned: [user, group#member] or banned from parent
    define viewer: ([user, group#member] or viewer from parent) but not banned
type document
  relations
    define parent: [folder]
    define approved: [group#member]
    define viewer: viewer from parent and approved
";

fn policy() -> Policy {
    let text = json!({
        "version": 1,
        "types": { "user": {}, "document": { "actions": { "read": "instance" } } },
        "relations": "model.fga",
        "related": { "document": { "read": "viewer" } },
    });
    let text = text.to_string();
    let sources = [
        Source::new("policy.yaml", &text),
        Source::new("model.fga", MODEL),
    ];
    read_policy(&sources).unwrap_or_else(|it| panic!("{}", render(&it, &sources, false)))
}

/// Every relationship between three groups, three folders, two users and a document.
fn universe() -> Vec<String> {
    let (groups, folders) = (["g0", "g1", "g2"], ["f0", "f1", "f2"]);
    let users = ["user:ann", "user:ben"].map(str::to_owned);
    let members = groups.map(|it| format!("group:{it}#member"));
    let subjects: Vec<String> = users.into_iter().chain(members.clone()).collect();
    let mut all = Vec::new();
    for subject in &subjects {
        all.extend(groups.map(|it| format!("group:{it}#member@{subject}")));
        for relation in ["viewer", "banned"] {
            all.extend(folders.map(|it| format!("folder:{it}#{relation}@{subject}")));
        }
    }
    for folder in folders {
        all.extend(folders.map(|it| format!("folder:{it}#parent@folder:{folder}")));
        all.push(format!("document:d#parent@folder:{folder}"));
    }
    all.extend(members.iter().map(|it| format!("document:d#approved@{it}")));
    all
}

fn facts(policy: &Policy, relationships: &[&String]) -> Facts {
    let text = json!({ "relationships": relationships }).to_string();
    let sources = [Source::new("facts.yaml", &text)];
    read_facts(policy, &sources).unwrap_or_else(|it| panic!("{}", render(&it, &sources, false)))
}

fn question<'a>(policy: &'a Policy, facts: &'a Facts) -> Question<'a> {
    Question {
        policy,
        facts,
        subject: SubjectFacts {
            reference: Some("user:ann".to_owned()),
            signed_in: true,
            ..SubjectFacts::default()
        },
        action: "read",
        type_name: "document",
        id: Some("d"),
        attributes: Map::new(),
        now: crate::conformance::now(),
        context: no_context(),
    }
}

fn permits(question: &Question<'_>, more: &[&Relationship]) -> bool {
    let policy = question.policy;
    let facts = question.facts.with_changed(policy, more, &[]).unwrap();
    let request = authz::Request {
        subject: &policy.subject(question.subject.clone()).unwrap(),
        action: question.action,
        resource: &policy.resource("document", Some("d"), &Map::new()).unwrap(),
        now: question.now,
        facts: &facts,
        context: question.context,
    };
    policy.decide(&request).outcome == Outcome::Permit
}

#[test]
fn round_a_cycle_the_search_comes_to_its_end() {
    let (policy, all) = (policy(), universe());
    let single: Vec<Relationship> = all.iter().map(|it| it.parse().unwrap()).collect();
    let (mut denials, mut sizes, mut unproven) = (0, [0; 5], 0);
    for seed in 0..120 {
        let mut random = Random::new(seed);
        let density = random.below(30);
        let some: Vec<&String> = all.iter().filter(|_| random.chance(density)).collect();
        let facts = facts(&policy, &some);
        let question = question(&policy, &facts);
        if permits(&question, &[]) {
            continue;
        }
        denials += 1;
        let why = explain(&question, false).unwrap();
        let size = why.witnesses.first().map_or(0, |it| it.facts.len());
        sizes[size] += 1;
        unproven += usize::from(size == 0 && !why.is_complete);
        for witness in &why.witnesses {
            let facts = witness.facts.iter().map(|fact| match fact {
                Fact::Relationship(fact) => fact,
                other => panic!("{other}"),
            });
            let facts: Vec<&Relationship> = facts.collect();
            for chosen in 0..1_usize << size {
                let part = facts.iter().enumerate();
                let part = part.filter(|(index, _)| chosen >> index & 1 == 1);
                let part: Vec<&Relationship> = part.map(|(_, fact)| *fact).collect();
                let turns = permits(&question, &part);
                assert_eq!(turns, part.len() == size, "{part:?} of {witness:?}");
            }
        }
        if size == 1 {
            continue;
        }
        let found = single.iter().find(|fact| permits(&question, &[fact]));
        assert_eq!(
            found, None,
            "{seed}: {some:#?} told {:?}, complete {}",
            why.witnesses, why.is_complete
        );
        if size == 2 || seed % 3 > 0 {
            continue;
        }
        let mut pairs = single.iter().enumerate();
        let found = pairs.find_map(|(index, one)| {
            let mut others = single[..index].iter();
            others
                .find(|two| permits(&question, &[one, two]))
                .map(|two| (one, two))
        });
        assert_eq!(
            found, None,
            "{seed}: {some:#?} told {:?}, complete {}",
            why.witnesses, why.is_complete
        );
    }
    let of_each = sizes.iter().filter(|&&count| count >= 3).count();
    assert!(denials >= 100 && of_each >= 4, "{denials} {sizes:?}");
    assert!(unproven * 20 < denials, "{unproven} of {denials} gave up");
}
