//! The evaluator against a second one, written from the description of the policy and not from
//! the code: it works on the raw data, with sets and loops, and knows no language. Random
//! policies and requests must be decided alike, with the same reason. The fuzz target `decisions` is
//! made of this file too.

use std::collections::BTreeSet;

use authz::{Denial, Facts, Outcome, ReasonKind, Request, SubjectFacts, no_context};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use crate::decisions::policy;

const ROLES: [&str; 7] = ["anyone", "signed-in", "a", "b", "c", "d", "e"];
const TYPES: [&str; 2] = ["post", "note"];
/// The actions of each type; the first is on the collection.
const ACTIONS: [[&str; 3]; 2] = [["list", "read", "update"], ["write", "read", "purge"]];
const PEOPLE: [&str; 3] = ["user:vera", "user:oscar", "user:ada"];
const TENANTS: [&str; 2] = ["acme", "globex"];

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Found {
    Yes,
    No,
    /// There is no session, or no instance, to ask about.
    Absent,
    Failed,
}

#[derive(Debug, Clone)]
struct RoleData {
    includes: BTreeSet<usize>,
    can: BTreeSet<(usize, usize)>,
    across: bool,
}

#[derive(Debug, Clone)]
struct RuleData {
    permits: bool,
    targets: BTreeSet<(usize, usize)>,
    condition: usize,
}

#[derive(Debug, Clone)]
struct PolicyData {
    roles: Vec<RoleData>,
    rules: Vec<RuleData>,
    /// None without the section; else whether it conceals.
    tenants: Option<bool>,
}

#[derive(Debug, Clone)]
struct Question {
    signed_in: bool,
    person: Option<usize>,
    tenant: Option<usize>,
    roles: BTreeSet<usize>,
    suspended: Option<bool>,
    level: Option<i64>,
    object: usize,
    action: usize,
    has_id: bool,
    owner: Option<usize>,
    of_tenant: Option<usize>,
    flag: Option<bool>,
    divisor: Option<i64>,
    hour: i64,
}

/// A condition by hand.
type ByHand = fn(&Question) -> Found;

/// Conditions as text, and the same by hand.
const CONDITIONS: [(&str, ByHand); 11] = [
    ("true", |_| Found::Yes),
    ("resource.owner == subject", |q| {
        if !q.signed_in || (q.owner.is_none() && q.action == 0) {
            return Found::Absent;
        }
        match (q.person, q.owner) {
            (Some(person), Some(owner)) => found(person == owner),
            _ => Found::Failed,
        }
    }),
    ("subject.suspended", |q| {
        of_person(q, Some(q.suspended.unwrap_or(false)))
    }),
    ("subject.level > 3", |q| {
        of_person(q, q.level.map(|level| level > 3))
    }),
    ("resource.flag", |q| of_resource(q, q.flag)),
    ("resource.flag || subject.level > 3", |q| {
        either(
            of_resource(q, q.flag),
            of_person(q, q.level.map(|level| level > 3)),
        )
    }),
    ("!has(resource.owner)", |q| found(q.owner.is_none())),
    ("6 / resource.divisor > 2", |q| {
        let ratio = q
            .divisor
            .filter(|&divisor| divisor != 0)
            .map(|divisor| 6 / divisor > 2);
        if q.divisor == Some(0) {
            Found::Failed
        } else {
            of_resource(q, ratio)
        }
    }),
    ("tenant == 'acme'", |q| match q.tenant {
        _ if !q.signed_in => Found::Absent,
        None => Found::Failed,
        Some(tenant) => found(tenant == 0),
    }),
    ("within(now, '22:00', '06:00', 'UTC')", |q| {
        found(q.hour >= 22 || q.hour < 6)
    }),
    ("action in ['read', 'list'] && resource.flag", |q| {
        let named = ["read", "list"].contains(&ACTIONS[q.object][q.action]);
        if named {
            of_resource(q, q.flag)
        } else {
            Found::No
        }
    }),
];

fn found(holds: bool) -> Found {
    if holds { Found::Yes } else { Found::No }
}

fn of_person(q: &Question, known: Option<bool>) -> Found {
    match known {
        _ if !q.signed_in => Found::Absent,
        _ if q.person.is_none() => Found::Failed,
        None => Found::Failed,
        Some(holds) => found(holds),
    }
}

fn of_resource(q: &Question, known: Option<bool>) -> Found {
    match known {
        Some(holds) => found(holds),
        None if q.action == 0 => Found::Absent,
        None => Found::Failed,
    }
}

fn either(a: Found, b: Found) -> Found {
    let is = |wanted| a == wanted || b == wanted;
    let order = [Found::Yes, Found::Absent, Found::Failed];
    order.into_iter().find(|&it| is(it)).unwrap_or(Found::No)
}

/// The outcome and the reason, in words.
fn expected(policy: &PolicyData, q: &Question) -> String {
    let gated = policy.tenants.is_some() && q.signed_in && q.object == 0;
    if gated && q.of_tenant.is_none() && q.action != 0 {
        return "indeterminate -".to_owned();
    }
    let foreign = gated && q.of_tenant.is_some() && q.of_tenant != q.tenant;
    let mut permits = Vec::new();
    if role_permits(policy, q, foreign) {
        permits.push("role".to_owned());
    }
    let (mut denies, mut could_permit, mut could_deny) = (Vec::new(), Vec::new(), Vec::new());
    for (index, rule) in policy.rules.iter().enumerate() {
        let applies = rule.targets.contains(&(q.object, q.action));
        if !applies || (rule.permits && foreign) {
            continue;
        }
        let name = format!("rule-{index}");
        match (CONDITIONS[rule.condition].1(q), rule.permits) {
            (Found::Yes, true) => permits.push(name),
            (Found::Yes, false) => denies.push(name),
            (Found::Failed, true) => could_permit.push(name),
            (Found::Failed, false) => could_deny.push(name),
            _ => {}
        }
    }
    let denial = match policy.tenants {
        _ if !q.signed_in => "unauthenticated",
        Some(true) if foreign => "concealed",
        _ => "forbidden",
    };
    let default = if foreign { "tenant" } else { "default" };
    if let Some(first) = denies.first() {
        format!("{denial} {first}")
    } else if let Some(first) = could_deny.first() {
        format!("indeterminate {first}")
    } else if let Some(first) = permits.first() {
        format!("permit {first}")
    } else if let Some(first) = could_permit.first() {
        format!("indeterminate {first}")
    } else {
        format!("{denial} {default}")
    }
}

fn role_permits(policy: &PolicyData, q: &Question, foreign: bool) -> bool {
    let mut roles: BTreeSet<usize> = BTreeSet::from([0]);
    if q.signed_in {
        roles.insert(1);
        roles.extend(&q.roles);
    }
    let mut held = closure(policy, roles);
    if foreign {
        // Of what is held, only what comes from a role that crosses.
        held.retain(|&role| policy.roles[role].across);
        held = closure(policy, held);
    }
    let mut granted = held.iter().map(|&role| &policy.roles[role].can);
    granted.any(|can| can.contains(&(q.object, q.action)))
}

fn closure(policy: &PolicyData, mut roles: BTreeSet<usize>) -> BTreeSet<usize> {
    loop {
        let included = roles
            .iter()
            .flat_map(|&role| policy.roles[role].includes.clone());
        let more: BTreeSet<usize> = included.chain(roles.clone()).collect();
        if more == roles {
            return roles;
        }
        roles = more;
    }
}

/// The policy as a user would write it, in JSON, which is YAML.
fn written(policy: &PolicyData) -> String {
    let attributes = json!({ "owner": "user", "flag": "bool", "divisor": "int" });
    let mut of_post = attributes.clone();
    of_post["tenant"] = json!("tenant");
    let actions = |index: usize| {
        let [first, rest @ ..] = ACTIONS[index];
        let mut actions = json!({ first: "collection" });
        rest.iter()
            .for_each(|name| actions[name] = json!("instance"));
        actions
    };
    let roles = policy.roles.iter().zip(ROLES).map(|(role, name)| {
        let includes: Vec<&str> = role.includes.iter().map(|&index| ROLES[index]).collect();
        let role = json!({ "includes": includes, "can": targets(&role.can), "across_tenants": role.across });
        (name.to_owned(), role)
    });
    let rules = policy.rules.iter().enumerate().map(|(index, rule)| {
        let effect = if rule.permits { "permit" } else { "deny" };
        let condition = CONDITIONS[rule.condition].0;
        json!({ "name": format!("rule-{index}"), effect: targets(&rule.targets), "when": condition })
    });
    let mut file = json!({
        "version": 1,
        "types": {
            "user": { "attributes": { "suspended": { "type": "bool", "default": false }, "level": "int" } },
            "post": { "actions": actions(0), "attributes": of_post },
            "note": { "actions": actions(1), "attributes": attributes },
        },
        "roles": roles.collect::<Map<String, Value>>(),
        "rules": rules.collect::<Vec<Value>>(),
    });
    if let Some(conceal) = policy.tenants {
        file["tenants"] = json!({ "conceal": conceal });
    }
    file.to_string()
}

fn targets(pairs: &BTreeSet<(usize, usize)>) -> Value {
    let mut targets = json!({});
    for (index, name) in TYPES.iter().enumerate() {
        let actions = pairs.iter().filter(|(object, _)| *object == index);
        let actions: Vec<&str> = actions.map(|&(_, action)| ACTIONS[index][action]).collect();
        if !actions.is_empty() {
            targets[name] = json!(actions);
        }
    }
    targets
}

fn decided(policy: &authz::Policy, q: &Question) -> String {
    let mut of_subject = Map::new();
    if q.person.is_some() {
        insert(&mut of_subject, "suspended", q.suspended);
        insert(&mut of_subject, "level", q.level);
    }
    let mut of_resource = Map::new();
    insert(
        &mut of_resource,
        "owner",
        q.owner.map(|index| PEOPLE[index]),
    );
    insert(&mut of_resource, "flag", q.flag);
    insert(&mut of_resource, "divisor", q.divisor);
    if q.object == 0 {
        insert(
            &mut of_resource,
            "tenant",
            q.of_tenant.map(|index| TENANTS[index]),
        );
    }
    let subject = SubjectFacts {
        reference: q.person.map(|index| PEOPLE[index].to_owned()),
        signed_in: q.signed_in,
        tenant: q.tenant.map(|index| TENANTS[index].to_owned()),
        roles: q.roles.iter().map(|&role| ROLES[role].to_owned()).collect(),
        attributes: of_subject,
        ..SubjectFacts::default()
    };
    let resource = policy.resource(TYPES[q.object], q.has_id.then_some("7"), &of_resource);
    let decision = policy.decide(&Request {
        subject: &policy.subject(subject).unwrap(),
        action: ACTIONS[q.object][q.action],
        resource: &resource.unwrap(),
        now: jiff::Timestamp::from_second(q.hour * 3600 + 1800).unwrap(),
        facts: Facts::none(),
        context: no_context(),
    });
    let outcome = match decision.outcome {
        Outcome::Permit => "permit",
        Outcome::Deny(Denial::Unauthenticated) => "unauthenticated",
        Outcome::Deny(Denial::Forbidden) => "forbidden",
        Outcome::Deny(Denial::Concealed) => "concealed",
        Outcome::Indeterminate => "indeterminate",
    };
    let reason = match decision.reason.kind {
        ReasonKind::Role { .. } => "role".to_owned(),
        ReasonKind::Rule { name } => name,
        ReasonKind::Relation { relation } => relation,
        ReasonKind::Credential { .. } => "credential".to_owned(),
        ReasonKind::Tenant => "tenant".to_owned(),
        ReasonKind::Default => "default".to_owned(),
        ReasonKind::Indeterminate { rule, .. } => rule.unwrap_or_else(|| "-".to_owned()),
    };
    format!("{outcome} {reason}")
}

fn insert<T: Into<Value>>(map: &mut Map<String, Value>, key: &str, value: Option<T>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}

fn pairs(min: usize) -> impl Strategy<Value = BTreeSet<(usize, usize)>> {
    prop::collection::btree_set((0..2_usize, 0..3_usize), min..4)
}

/// A role includes only later ones, so there is no cycle, and no reserved one.
fn role(index: usize) -> impl Strategy<Value = RoleData> {
    let later: Vec<usize> = (index.max(1) + 1..ROLES.len()).collect();
    let most = later.len().min(2);
    let includes = prop::sample::subsequence(later, 0..=most);
    (includes, pairs(0), prop::bool::weighted(0.2)).prop_map(move |(includes, can, across)| {
        RoleData {
            // The reserved roles grant little, or every request would be permitted.
            can: if index < 2 {
                can.into_iter().take(1).collect()
            } else {
                can
            },
            includes: if index < 2 {
                BTreeSet::new()
            } else {
                includes.into_iter().collect()
            },
            across,
        }
    })
}

fn rule() -> impl Strategy<Value = RuleData> {
    let rule = (any::<bool>(), pairs(1), 0..CONDITIONS.len());
    rule.prop_map(|(permits, targets, condition)| RuleData {
        permits,
        targets,
        condition,
    })
}

#[cfg(test)]
fn policies() -> impl Strategy<Value = PolicyData> {
    let roles: Vec<_> = (0..ROLES.len()).map(role).collect();
    let rules = prop::collection::vec(rule(), 0..4);
    let tenants = prop::option::weighted(0.8, any::<bool>());
    (roles, rules, tenants).prop_map(|(roles, rules, tenants)| PolicyData {
        roles,
        rules,
        tenants,
    })
}

fn questions() -> impl Strategy<Value = Question> {
    let often = |count: usize| prop::option::weighted(0.8, 0..count);
    let subject = (
        prop::bool::weighted(0.8),
        often(3),
        often(2),
        prop::collection::btree_set(2..ROLES.len(), 0..3),
        prop::option::of(any::<bool>()),
        prop::option::of(0..6_i64),
    );
    let resource = (
        0..2_usize,
        0..3_usize,
        any::<bool>(),
        often(3),
        often(2),
        prop::option::of(any::<bool>()),
        prop::option::of(0..4_i64),
    );
    (subject, resource, 0..24_i64).prop_map(|(subject, resource, hour)| {
        let (signed_in, person, tenant, roles, suspended, level) = subject;
        let (object, action, has_id, owner, of_tenant, flag, divisor) = resource;
        Question {
            signed_in,
            person,
            tenant,
            roles,
            suspended,
            level,
            object,
            action,
            has_id,
            owner,
            of_tenant,
            flag,
            divisor,
            hour,
        }
    })
}

/// What a part of the input of a fuzzer chooses: four bytes each, so that a changed byte changes one
/// part and leaves the others. (proptest can take all its choices from outside, but comes to no end
/// where they run out.)
fn chosen<T>(bytes: &[u8], part: usize, strategy: &impl Strategy<Value = T>) -> T {
    let mut seed = [0_u8; 32];
    seed[31] = u8::try_from(part).unwrap();
    let of_part = bytes.chunks(4).nth(part).unwrap_or_default();
    seed[..of_part.len()].copy_from_slice(of_part);
    let choices = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), choices);
    strategy.new_tree(&mut runner).unwrap().current()
}

/// Each role, the tenants, each rule and each question from a part of its own.
fn chosen_by(bytes: &[u8]) -> (PolicyData, Vec<Question>) {
    let mut part = 0;
    let mut next = || {
        part += 1;
        part - 1
    };
    let roles = (0..ROLES.len()).map(|index| chosen(bytes, next(), &role(index)));
    let roles = roles.collect();
    let tenants = chosen(bytes, next(), &prop::option::weighted(0.8, any::<bool>()));
    let rules = (0..3).filter_map(|_| chosen(bytes, next(), &prop::option::weighted(0.7, rule())));
    let data = PolicyData {
        roles,
        rules: rules.collect(),
        tenants,
    };
    let questions = (0..6).map(|_| chosen(bytes, next(), &questions()));
    (data, questions.collect())
}

/// Compares on the policy and the requests that the bytes choose. Panics where the two do not agree.
pub(crate) fn compare_bytes(bytes: &[u8]) {
    let (data, questions) = chosen_by(bytes);
    let policy = policy(&written(&data));
    for question in questions {
        let (decided, expected) = (decided(&policy, &question), expected(&data, &question));
        assert_eq!(decided, expected, "{question:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_policies_are_decided_as_the_reference_says(
        data in policies(),
        questions in prop::collection::vec(questions(), 20),
    ) {
        let policy = policy(&written(&data));
        for question in questions {
            prop_assert_eq!(decided(&policy, &question), expected(&data, &question), "{:?}", question);
        }
    }
}

#[test]
fn policies_made_as_for_the_fuzz_target_are_decided_so_too() {
    for byte in 0..100_u8 {
        compare_bytes(&vec![byte; usize::from(byte)]);
    }
}

#[test]
fn a_byte_of_the_fuzz_target_changes_one_part() {
    let bytes: Vec<u8> = (0..80).collect();
    let (data, questions) = chosen_by(&bytes);
    for at in 0..68 {
        let mut changed = bytes.clone();
        changed[at] ^= 0x80;
        let (data_then, questions_then) = chosen_by(&changed);
        let roles = data.roles.iter().zip(&data_then.roles);
        let roles = roles.filter(|(a, b)| format!("{a:?}") != format!("{b:?}"));
        let asked = questions.iter().zip(&questions_then);
        let asked = asked.filter(|(a, b)| format!("{a:?}") != format!("{b:?}"));
        let is_rest = format!("{:?}{:?}", data.rules, data.tenants)
            != format!("{:?}{:?}", data_then.rules, data_then.tenants);
        let changes = roles.count() + asked.count() + usize::from(is_rest);
        assert!(changes <= 1, "{at}: {changes}");
        // A question has many places where another choice shows.
        assert!(at < 44 || changes == 1, "{at}");
    }
}

#[test]
fn the_random_requests_meet_every_kind_of_answer() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    for _ in 0..2_000 {
        let data = policies().new_tree(&mut runner).unwrap().current();
        let question = questions().new_tree(&mut runner).unwrap().current();
        let answer = expected(&data, &question);
        met.insert(answer.split("-").next().unwrap().to_owned());
    }
    let wanted = [
        "concealed rule",
        "concealed tenant",
        "forbidden default",
        "forbidden rule",
        "forbidden tenant",
        "indeterminate ",
        "indeterminate rule",
        "permit role",
        "permit rule",
        "unauthenticated default",
        "unauthenticated rule",
    ];
    assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}
