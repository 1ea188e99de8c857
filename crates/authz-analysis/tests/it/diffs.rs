//! The effective difference of two policies: what it says is so, and all of it is said.

use std::collections::BTreeSet;

use authz::source::Source;
use authz::{Credential, Facts, Policy, Request, SubjectFacts, no_context, read_policy};
use authz_analysis::diff::{Answer, Change, Diff, Limits, Side, Who, diff};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::conformance::now;
use crate::random::Random;

pub(crate) fn policy(text: &str) -> Policy {
    let read = read_policy(&[Source::new("policy.yaml", text)]);
    read.unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

/// The difference; where there are more requests than this, by cases.
pub(crate) fn compare(old: &Policy, new: &Policy, enumerated_max: usize) -> Diff {
    let side = |policy| Side {
        policy,
        facts: Facts::none(),
    };
    let limits = Limits {
        enumerated_max,
        ..Limits::default()
    };
    diff(side(old), side(new), now(), limits)
}

/// Questions that a condition may ask, with the attributes that they read.
const QUESTIONS: [(&str, &[&str]); 14] = [
    ("resource.owner == subject", &["owner"]),
    ("resource.owner != subject", &["owner"]),
    ("resource.kind == \"secret\"", &["kind"]),
    ("resource.kind in [\"secret\", \"public\"]", &["kind"]),
    ("has(resource.kind)", &["kind"]),
    ("resource.size > 1", &["size"]),
    ("resource.size <= 2", &["size"]),
    ("resource.size > subject.level", &["size", "level"]),
    ("subject.level == 2", &["level"]),
    ("has(subject.level)", &["level"]),
    ("tenant == \"acme\"", &[]),
    ("claims.mfa", &["mfa"]),
    ("resource.open", &["open"]),
    ("within(now, \"08:00\", \"18:00\", \"UTC\")", &["now"]),
];

fn condition(random: &mut Random, known: &BTreeSet<&str>, depth: usize) -> String {
    let usable: Vec<&str> = QUESTIONS
        .iter()
        .filter(|(_, reads)| reads.iter().all(|it| known.contains(it)))
        .map(|(text, _)| *text)
        .collect();
    let part = |random: &mut Random| condition(random, known, depth + 1);
    match random.below(if depth > 1 { 4 } else { 8 }) {
        0..=3 => (*random.pick(&usable)).to_owned(),
        4 => format!("!({})", part(random)),
        5 => format!("({}) && ({})", part(random), part(random)),
        6 => format!("({}) || ({})", part(random), part(random)),
        _ => format!(
            "({}) ? ({}) : ({})",
            part(random),
            part(random),
            part(random)
        ),
    }
}

fn actions(random: &mut Random) -> Vec<&'static str> {
    let all = ["read", "write", "create"];
    all.into_iter().filter(|_| random.chance(40)).collect()
}

/// A small policy over these attributes.
fn random_policy(random: &mut Random, known: &BTreeSet<&str>) -> String {
    let mut roles = Map::new();
    for role in ["anyone", "signed-in", "reader", "writer"] {
        if role.len() != 6 && !random.chance(15) {
            continue;
        }
        let mut said = json!({ "can": { "doc": actions(random) } });
        if role == "writer" && roles.contains_key("reader") && random.chance(40) {
            said["includes"] = json!(["reader"]);
        }
        if role.len() == 6 && random.chance(15) {
            said["across_tenants"] = json!(true);
        }
        roles.insert(role.to_owned(), said);
    }
    let rules: Vec<Json> = (0..random.below(4))
        .map(|number| {
            let effect = if random.chance(60) { "permit" } else { "deny" };
            let mut actions = actions(random);
            actions.push("read");
            actions.sort_unstable();
            actions.dedup();
            let mut rule = json!({ "name": format!("rule-{number}"), effect: { "doc": actions } });
            if random.chance(80) {
                rule["when"] = json!(condition(random, known, 0));
            }
            rule
        })
        .collect();
    let algorithms = [
        "deny-overrides",
        "permit-overrides",
        "first-applicable",
        "only-one-applicable",
    ];
    let mut policy = json!({
        "version": 1,
        "types": {
            "user": { "attributes": { "level": "int" } },
            "doc": {
                "attributes": { "owner": "user", "kind": "string", "size": "int", "open": "bool", "tenant": "tenant" },
                "actions": { "read": "instance", "write": "instance", "create": "collection" },
            },
        },
        "roles": roles,
        "rules": rules,
        "combine": random.pick(&algorithms),
    });
    if known.contains("tenants") && random.chance(80) {
        policy["tenants"] = json!({ "conceal": random.chance(50) });
    }
    policy.to_string()
}

/// Either some value of this name or none.
pub(crate) type Choices = Vec<(&'static str, Vec<Option<Json>>)>;

pub(crate) fn products(choices: &Choices) -> Vec<Map<String, Json>> {
    let mut all = vec![Map::new()];
    for (name, values) in choices {
        all = all
            .iter()
            .flat_map(|known| {
                values.iter().map(move |value| {
                    let mut known = known.clone();
                    known.extend(value.clone().map(|it| ((*name).to_owned(), it)));
                    known
                })
            })
            .collect();
    }
    all
}

/// More requests than can be told apart: who asks, about what, and when.
struct World {
    who: Vec<SubjectFacts>,
    what: Vec<Map<String, Json>>,
    when: Vec<Timestamp>,
}

fn world(known: &BTreeSet<&str>) -> World {
    let some = |values: &[Json]| -> Vec<Option<Json>> {
        values.iter().cloned().map(Some).chain([None]).collect()
    };
    let if_known = |name: &str, values: Vec<Option<Json>>| match known.contains(name) {
        true => values,
        false => vec![None],
    };
    let numbers = some(&[json!(1), json!(2), json!(3)]);
    let owners = some(&[json!("user:me"), json!("user:you")]);
    let kinds = some(&[json!("secret"), json!("public"), json!("x")]);
    let bools = some(&[json!(true), json!(false)]);
    let tenants = some(&[json!("acme"), json!("globex")]);
    let what = products(&vec![
        ("owner", if_known("owner", owners)),
        ("kind", if_known("kind", kinds)),
        ("size", if_known("size", numbers.clone())),
        ("open", if_known("open", bools.clone())),
        ("tenant", if_known("tenants", tenants)),
    ]);
    let hours: &[&str] = match known.contains("now") {
        true => &["07:59:59", "08:00:00", "17:59:59", "18:00:00", "23:00:00"],
        false => &["12:00:00"],
    };
    let at = |hour: &&str| format!("2026-11-23T{hour}Z").parse().unwrap();
    let levels = products(&vec![("level", if_known("level", numbers))]);
    let claims = products(&vec![("mfa", if_known("mfa", bools))]);
    let nobody = (None, Map::new());
    let me = levels
        .into_iter()
        .map(|it| (Some("user:me".to_owned()), it));
    let people: Vec<_> = me.chain([nobody]).collect();
    let roles: [&[&str]; 4] = [&[], &["reader"], &["writer"], &["reader", "writer"]];
    let mut who = vec![SubjectFacts::default()];
    for roles in roles {
        for tenant in [Some("acme"), Some("globex"), None] {
            for (reference, attributes) in &people {
                who.extend(claims.iter().map(|claims| SubjectFacts {
                    reference: reference.clone(),
                    signed_in: true,
                    tenant: tenant.map(str::to_owned),
                    roles: roles.iter().map(|it| (*it).to_owned()).collect(),
                    attributes: attributes.clone(),
                    credential: Credential {
                        claims: claims.clone(),
                        ..Credential::default()
                    },
                }));
            }
        }
    }
    World {
        who,
        what,
        when: hours.iter().map(at).collect(),
    }
}

/// Every request that two policies answer differently: who, to do what, and the answers.
fn all_differences(policies: [&Policy; 2], world: &World) -> Vec<(Who, &'static str, [Answer; 2])> {
    let mut found = Vec::new();
    for facts in &world.who {
        let subjects = policies.map(|it| it.subject(facts.clone()).unwrap());
        for (action, id) in [("read", Some("1")), ("write", Some("1")), ("create", None)] {
            for attributes in &world.what {
                let resources = policies.map(|it| it.resource("doc", id, attributes).unwrap());
                for &now in &world.when {
                    let answers = [0, 1].map(|at| {
                        let decision = policies[at].decide(&Request {
                            subject: &subjects[at],
                            action,
                            resource: &resources[at],
                            now,
                            facts: Facts::none(),
                            context: no_context(),
                        });
                        Answer::of(&decision)
                    });
                    if answers[0] != answers[1] {
                        found.push((who(facts), action, answers));
                    }
                }
            }
        }
    }
    found
}

pub(crate) fn who(facts: &SubjectFacts) -> Who {
    match (facts.signed_in, facts.roles.as_slice()) {
        (false, _) => Who::Visitor,
        (true, []) => Who::NoRole,
        (true, [one]) => Who::Role(one.clone()),
        (true, more) => Who::Roles(more.to_vec()),
    }
}

/// Every difference that a request shows is told, for each role by itself; what cannot be decided
/// is told where nothing else is.
pub(crate) fn missing(found: &Diff, who: &Who, action: &str, [old, new]: [Answer; 2]) -> bool {
    let of_action = |change: Change| {
        found.lines.iter().any(move |line| {
            let is_me = line.who.contains(who) || matches!(who, Who::Roles(_));
            line.change == change && line.actions.iter().any(|it| it == action) && is_me
        })
    };
    let change = match (old, new) {
        (_, Answer::Allow) => Change::Widening,
        (Answer::Allow, _) => Change::Narrowing,
        _ => Change::Other,
    };
    let is_doubtful = old == Answer::Undecided || new == Answer::Undecided;
    let plainer = is_doubtful && (of_action(Change::Widening) || of_action(Change::Narrowing));
    !of_action(change) && !plainer
}

#[test]
fn the_difference_is_that_of_brute_force() {
    is_that_of_brute_force(usize::MAX);
}

#[test]
fn the_difference_by_cases_is_that_of_brute_force() {
    is_that_of_brute_force(0);
}

fn is_that_of_brute_force(enumerated_max: usize) {
    let (mut equal, mut different) = (0, 0);
    for seed in 0..1_000 {
        let random = &mut Random::new(seed);
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let mut names = vec!["owner", "kind", "size", "level", "mfa", "open", "now"];
        for _ in 0..2 {
            known.insert(names.remove(random.below(names.len())));
        }
        if random.chance(40) {
            known.insert("tenants");
        }
        let old = random_policy(random, &known);
        let new = match random.chance(70) {
            true => turned(random, &old, &known),
            false => random_policy(random, &known),
        };
        let (old_policy, new_policy) = (policy(&old), policy(&new));
        let found = compare(&old_policy, &new_policy, enumerated_max);
        let told = || {
            format!(
                "{seed}\n{old}\n{new}\n{}",
                authz_analysis::diff::text(&found)
            )
        };
        assert!(found.bounds.is_empty(), "{}", told());
        for line in &found.lines {
            let answers = (
                line.example.asked_of(&old_policy),
                line.example.asked_of(&new_policy),
            );
            assert_eq!(answers, (line.old.answer, line.new.answer), "{}", told());
            assert_ne!(answers.0, answers.1, "{}", told());
        }
        let all = all_differences([&old_policy, &new_policy], &world(&known));
        for (who, action, answers) in &all {
            let is_told = !missing(&found, who, action, *answers);
            assert!(is_told, "{who} {action}: {answers:?}\n{}", told());
        }
        let any = !all.is_empty();
        assert_eq!(any, !found.lines.is_empty(), "{}", told());
        if any { different += 1 } else { equal += 1 }
    }
    assert!(
        equal > 50 && different > 500,
        "{equal} equal, {different} different"
    );
}

/// The policy with one small thing turned.
fn turned(random: &mut Random, text: &str, known: &BTreeSet<&str>) -> String {
    let mut policy: Json = serde_json::from_str(text).unwrap();
    let rules = policy["rules"].as_array_mut().unwrap();
    if rules.is_empty() || random.chance(20) {
        policy["combine"] =
            json!(random.pick(&["deny-overrides", "permit-overrides", "first-applicable"]));
    } else {
        let at = random.below(rules.len());
        match random.below(3) {
            0 => drop(rules.remove(at)),
            1 => rules[at]["when"] = json!(condition(random, known, 0)),
            _ => rules.swap(0, at),
        }
    }
    policy.to_string()
}
