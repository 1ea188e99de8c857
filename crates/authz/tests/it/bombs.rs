//! What could run away in a policy or in its facts ends with an explicit limit, and without the
//! stack, the time or the memory that it asks for. How much of both it takes, the benchmark `bombs`
//! says, which is made of this file too.

use authz::source::{Source, render};
use authz::{Facts, Outcome, Policy, Request, SubjectFacts, no_context, read_facts, read_policy};
use serde_json::{Map, Value, json};

const MODEL: &str = "\
model
  schema 1.1
type user
type folder
  relations
    define parent: [folder]
    define viewer: [user, folder#viewer] or viewer from parent
";

fn policy(rules: &Value) -> Result<Policy, String> {
    let text = json!({
        "version": 1,
        "types": {
            "user": {},
            "folder": { "actions": { "read": "instance" }, "attributes": { "name": "string" } },
        },
        "relations": "model.fga",
        "related": { "folder": { "read": "viewer" } },
        "rules": rules,
    });
    let sources = [
        Source::new("policy.yaml", &text.to_string()),
        Source::new("model.fga", MODEL),
    ];
    read_policy(&sources).map_err(|mistakes| render(&mistakes, &[], false))
}

fn facts(policy: &Policy, relationships: &[String]) -> Facts {
    let text = json!({ "relationships": relationships }).to_string();
    let sources = [Source::new("facts.yaml", &text)];
    read_facts(policy, &sources).unwrap()
}

/// Whether ann may read the folder of this id, and why.
fn asked(policy: &Policy, facts: &Facts, (id, name): (&str, &str)) -> (Outcome, String) {
    let subject = SubjectFacts {
        reference: Some("user:ann".to_owned()),
        signed_in: true,
        ..SubjectFacts::default()
    };
    let attributes: Map<String, Value> = Map::from_iter([("name".to_owned(), json!(name))]);
    let decision = policy.decide(&Request {
        subject: &policy.subject(subject).unwrap(),
        action: "read",
        resource: &policy.resource("folder", Some(id), &attributes).unwrap(),
        now: jiff::Timestamp::UNIX_EPOCH,
        facts,
        context: no_context(),
    });
    (decision.outcome, decision.reason.text)
}

/// All of them, each with what it is called.
pub(crate) const BOMBS: [(&str, fn()); 8] = [
    ("chain of 100,000 parents", || chain("parent@folder:", "")),
    ("chain of 100,000 usersets", || {
        chain("viewer@folder:", "#viewer");
    }),
    ("union of 10,000 groups", union),
    ("64 KiB of parentheses", || {
        parentheses(32 << 10, "at most 16384")
    }),
    ("4 KiB of parentheses", || parentheses(8 << 9, "deep")),
    ("six nested macros", macros),
    ("(a+)+$", pattern),
    ("aliases of aliases", aliases),
];

/// A rule that permits under a condition.
fn rule(when: &str) -> Value {
    json!([{ "name": "bomb", "permit": { "folder": ["read"] }, "when": when }])
}

#[test]
fn a_bomb_ends_with_a_limit() {
    for (name, bomb) in BOMBS {
        println!("{name}");
        bomb();
    }
}

/// Too long, and never a yes.
fn chain(link: &str, userset: &str) {
    let policy = policy(&json!([])).unwrap();
    let mut chain: Vec<String> = (0..100_000)
        .map(|index| format!("folder:f{index}#{link}f{}{userset}", index + 1))
        .collect();
    chain.push("folder:f100000#viewer@user:ann".to_owned());
    let facts = facts(&policy, &chain);
    let (outcome, why) = asked(&policy, &facts, ("f0", ""));
    assert_eq!(outcome, Outcome::Indeterminate, "{why}");
    assert!(why.contains("too long"), "{why}");
    // Near the end it is short enough.
    let (outcome, why) = asked(&policy, &facts, ("f99990", ""));
    assert_eq!(outcome, Outcome::Permit, "{why}");
}

/// Looked at whole.
fn union() {
    let policy = policy(&json!([])).unwrap();
    let mut wide: Vec<String> = (0..10_000)
        .map(|index| format!("folder:root#viewer@folder:f{index}#viewer"))
        .collect();
    wide.push("folder:f9999#viewer@user:ann".to_owned());
    wide.push("folder:other#viewer@user:ben".to_owned());
    let facts = facts(&policy, &wide);
    assert_eq!(asked(&policy, &facts, ("root", "")).0, Outcome::Permit);
    let (outcome, _) = asked(&policy, &facts, ("other", ""));
    assert!(matches!(outcome, Outcome::Deny(_)));
}

/// A mistake, by their number or by their depth.
fn parentheses(count: usize, limit: &str) {
    let deep = format!("{}true{}", "(".repeat(count), ")".repeat(count));
    let told = policy(&rule(&deep)).map(drop).unwrap_err();
    assert!(told.contains(limit), "{told}");
}

/// They end with the steps that one evaluation has.
fn macros() {
    let list = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]";
    let names = ["a", "b", "c", "d", "e", "f"];
    let bomb = names
        .iter()
        .rfold("a + b + c + d + e + f > 0".to_owned(), |inner, name| {
            format!("{list}.all({name}, {inner})")
        });
    let policy = policy(&rule(&bomb)).unwrap();
    let (outcome, why) = asked(&policy, Facts::none(), ("1", ""));
    assert_eq!(outcome, Outcome::Indeterminate, "{why}");
    assert!(why.contains("steps"), "{why}");
}

/// A pattern that backtracks elsewhere takes no time here.
fn pattern() {
    let policy = policy(&rule("resource.name.matches('(a+)+$')")).unwrap();
    let name = format!("{}!", "a".repeat(50_000));
    let (outcome, why) = asked(&policy, Facts::none(), ("1", &name));
    assert!(matches!(outcome, Outcome::Deny(_)), "{why}");
    let (outcome, why) = asked(&policy, Facts::none(), ("1", "aaa"));
    assert_eq!(outcome, Outcome::Permit, "{why}");
}

/// Counted in policies and in facts.
fn aliases() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (from, to) in ["ab", "bc", "cd", "de", "ef", "fg"].map(|it| it.split_at(1)) {
        let ten = vec![format!("*{from}"); 10].join(", ");
        text.push_str(&format!("{to}: &{to} [{ten}]\n"));
    }
    let source = [Source::new("bomb.yaml", &text)];
    let told = render(&read_policy(&source).map(drop).unwrap_err(), &source, false);
    assert!(told.contains("aliases counted"), "{told}");
    let policy = policy(&json!([])).unwrap();
    let told = read_facts(&policy, &source).map(drop).unwrap_err();
    assert!(render(&told, &source, false).contains("aliases counted"));
}
