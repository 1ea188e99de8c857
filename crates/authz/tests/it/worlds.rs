//! The joined decision against a second one, written from its description: random small worlds of
//! tenants, roles, relations, shares, scopes, claims, flags and rules, decided with sets and loops on
//! the raw data. Residuals and listings have to agree with the decisions, too.

use std::collections::{BTreeMap, BTreeSet};

use authz::language::print_policy;
use authz::source::{Source, render};
use authz::{
    Credential, Facts, Inquiry, Outcome, Policy, Reference, Request, Resource, Subject,
    SubjectFacts, no_context, read_facts, read_policy,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

const MODEL: &str = "\
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define viewer: [user, group#member]
type document
  relations
    define parent: [folder]
    define banned: [user]
    define editor: [user, user with in_region]
    define viewer: ([user, user:*] or editor or viewer from parent) but not banned
condition in_region(region: string) {
  region == 'eu'
}
";
const USERS: [&str; 3] = ["ann", "ben", "cat"];
const DOCUMENTS: [&str; 3] = ["d0", "d1", "d2"];
const TENANTS: [&str; 2] = ["acme", "globex"];
const ROLES: [&str; 3] = ["low", "mid", "top"];
const ACTIONS: [&str; 3] = ["read", "update", "delete"];
const SCOPES: [&str; 3] = ["s0", "s1", "unknown"];
const ALGORITHMS: [&str; 4] = [
    "deny-overrides",
    "permit-overrides",
    "first-applicable",
    "only-one-applicable",
];
/// The instant at which shares, relationships and credentials end, and the question's choices.
const END: &str = "2027-01-01T00:00:00Z";
const NOW: [&str; 2] = ["2026-12-31T23:59:59Z", END];

#[derive(Debug, Clone)]
struct World {
    algorithm: usize,
    /// Without the section there is no gate.
    tenants: bool,
    /// By role: what it can, whether across tenants. A later role includes those before it, where
    /// `includes` says so.
    roles: Vec<(BTreeSet<usize>, bool)>,
    includes: bool,
    /// By action: the relation that carries it, 0 viewer and 1 editor.
    related: BTreeMap<usize, usize>,
    /// Effect, actions, condition.
    rules: Vec<(bool, BTreeSet<usize>, usize)>,
    /// What the two known scopes cover.
    scopes: Vec<BTreeSet<usize>>,
    /// The actions that need the claim `mfa`.
    claims: BTreeSet<usize>,
    may_share: BTreeSet<usize>,
    flag: FlagData,
    relationships: BTreeSet<(usize, usize, usize, bool)>,
    /// Document, tenant, action, whether it ends.
    shares: BTreeSet<(usize, usize, usize, bool)>,
    /// By user and tenant: roles.
    assigned: BTreeSet<(usize, usize, usize)>,
    /// By document: owner, tenant, whether it is locked. Each may be unknown.
    documents: Vec<(Option<usize>, Option<usize>, Option<bool>)>,
}

#[derive(Debug, Clone)]
struct FlagData {
    default: bool,
    users: BTreeSet<usize>,
    roles: BTreeSet<usize>,
    tenants: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
struct Question {
    user: Option<usize>,
    tenant: usize,
    document: usize,
    action: usize,
    now: usize,
    scopes: Option<BTreeSet<usize>>,
    mfa: bool,
    org: Option<usize>,
    revoked: bool,
    ends: bool,
}

/// The facts that may be: `relationship(kind, object, subject)` as text.
fn relationship(kind: usize, object: usize, subject: usize) -> String {
    let user = USERS[subject];
    let group = subject % 2;
    let folder = object % 2;
    let document = DOCUMENTS[object];
    match kind {
        0 => format!("group:g{folder}#member@user:{user}"),
        1 => format!("group:g{folder}#member@group:g{group}#member"),
        2 => format!("folder:f{folder}#viewer@user:{user}"),
        3 => format!("folder:f{folder}#viewer@group:g{group}#member"),
        4 => format!("document:{document}#parent@folder:f{group}"),
        5 => format!("document:{document}#banned@user:{user}"),
        6 => format!("document:{document}#editor@user:{user}"),
        7 => format!("document:{document}#viewer@user:{user}"),
        8 => format!("document:{document}#viewer@user:*"),
        // Its context is never given.
        _ => format!("document:{document}#editor@user:{user}[in_region]"),
    }
}

/// What a condition comes to; none if it has no value.
type ByHand = fn(&World, &Question) -> Condition;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Condition {
    Is(bool),
    Absent,
    Error,
}

fn known(value: Option<bool>) -> Condition {
    value.map_or(Condition::Error, Condition::Is)
}

const CONDITIONS: [(&str, ByHand); 6] = [
    ("true", |_, _| Condition::Is(true)),
    ("resource.owner == subject", |world, q| {
        let owner = world.documents[q.document].0;
        q.user.map_or(Condition::Absent, |user| {
            known(owner.map(|owner| owner == user))
        })
    }),
    ("flag('f')", |world, q| Condition::Is(flag_is_on(world, q))),
    ("resource.locked", |world, q| {
        known(world.documents[q.document].2)
    }),
    ("claims.org == tenant", |_, q| match q.user {
        None => Condition::Absent,
        Some(_) => known(q.org.map(|org| org == q.tenant)),
    }),
    (
        "flag('f') || resource.locked && tenant == 'acme'",
        |world, q| {
            let of_acme = match q.user {
                None => Condition::Absent,
                Some(_) => Condition::Is(q.tenant == 0),
            };
            let both = match (known(world.documents[q.document].2), of_acme) {
                (Condition::Is(false), _) | (_, Condition::Is(false)) => Condition::Is(false),
                (Condition::Absent, _) | (_, Condition::Absent) => Condition::Absent,
                (Condition::Error, _) | (_, Condition::Error) => Condition::Error,
                _ => Condition::Is(true),
            };
            if flag_is_on(world, q) {
                Condition::Is(true)
            } else {
                both
            }
        },
    ),
];

/// The roles of the user in the tenant of the question, with what they include.
fn roles(world: &World, q: &Question, keep: impl Fn(usize) -> bool) -> BTreeSet<usize> {
    let Some(user) = q.user else {
        return BTreeSet::new();
    };
    let mut held: BTreeSet<usize> = (0..ROLES.len())
        .filter(|&role| world.assigned.contains(&(user, q.tenant, role)))
        .collect();
    if world.includes {
        let below: Vec<usize> = held.iter().flat_map(|&role| 0..role).collect();
        held.extend(below);
    }
    held.retain(|&role| keep(role));
    if world.includes {
        let below: Vec<usize> = held.iter().flat_map(|&role| 0..role).collect();
        held.extend(below);
    }
    held
}

fn flag_is_on(world: &World, q: &Question) -> bool {
    let flag = &world.flag;
    let held = roles(world, q, |_| true);
    flag.default
        || q.user
            .is_some_and(|user| flag.users.contains(&user) || flag.tenants.contains(&q.tenant))
        || held.iter().any(|role| flag.roles.contains(role))
}

/// Whether the relation holds, by fixed points over the facts that are not over.
fn relation_holds(world: &World, q: &Question, relation: usize) -> Option<bool> {
    let Some(user) = q.user else {
        return Some(false);
    };
    let facts = world.relationships.iter();
    let facts: BTreeSet<String> = facts
        .filter(|it| !(it.3 && q.now == 1))
        .map(|&(kind, object, subject, _)| relationship(kind, object, subject))
        .collect();
    let has = |fact: String| facts.contains(&fact);
    let user = format!("user:{}", USERS[user]);
    let mut member = [false; 2];
    for _ in 0..3 {
        for group in 0..2 {
            member[group] |= has(format!("group:g{group}#member@{user}"))
                || (0..2).any(|other| {
                    member[other] && has(format!("group:g{group}#member@group:g{other}#member"))
                });
        }
    }
    let sees_folder = |folder: usize| {
        has(format!("folder:f{folder}#viewer@{user}"))
            || (0..2).any(|group| {
                member[group] && has(format!("folder:f{folder}#viewer@group:g{group}#member"))
            })
    };
    let document = format!("document:{}", DOCUMENTS[q.document]);
    let edits = has(format!("{document}#editor@{user}"));
    let may_edit = has(format!("{document}#editor@{user}[in_region]"));
    let with_doubt = |yes: bool| if yes || !may_edit { Some(yes) } else { None };
    if relation == 1 {
        return with_doubt(edits);
    }
    let sees = has(format!("{document}#viewer@{user}"))
        || has(format!("{document}#viewer@user:*"))
        || edits
        || (0..2).any(|folder| {
            has(format!("{document}#parent@folder:f{folder}")) && sees_folder(folder)
        });
    match has(format!("{document}#banned@{user}")) {
        true => Some(false),
        false => with_doubt(sees),
    }
}

/// The outcome in a word, by the order that the policy promises.
fn expected(world: &World, q: &Question) -> &'static str {
    if q.user.is_some() {
        if q.revoked || (q.ends && q.now == 1) {
            return "deny";
        }
        if let Some(scopes) = &q.scopes {
            let covered = |&scope: &usize| scope < 2 && world.scopes[scope].contains(&q.action);
            if !scopes.iter().any(covered) {
                return "deny";
            }
        }
        if world.claims.contains(&q.action) && !q.mfa {
            return "deny";
        }
    }
    let mut foreign = false;
    if world.tenants && q.user.is_some() {
        let Some(tenant) = world.documents[q.document].1 else {
            return "indeterminate";
        };
        let shared = world.may_share.contains(&q.action)
            && [false, true].iter().any(|&ends| {
                let share = (q.document, q.tenant, q.action, ends);
                world.shares.contains(&share) && !(ends && q.now == 1)
            });
        foreign = tenant != q.tenant && !shared;
    }
    let held = roles(world, q, |role| !foreign || world.roles[role].1);
    let mut said = Vec::new();
    if held
        .iter()
        .any(|&role| world.roles[role].0.contains(&q.action))
    {
        said.push("P");
    }
    if let (false, true, Some(&relation)) =
        (foreign, q.user.is_some(), world.related.get(&q.action))
    {
        said.push(match relation_holds(world, q, relation) {
            Some(true) => "P",
            Some(false) => "N",
            None => "IP",
        });
    }
    for (permits, actions, condition) in &world.rules {
        if !actions.contains(&q.action) || (*permits && foreign) {
            continue;
        }
        said.push(match (CONDITIONS[*condition].1(world, q), permits) {
            (Condition::Is(true), true) => "P",
            (Condition::Is(true), false) => "D",
            (Condition::Is(false) | Condition::Absent, _) => "N",
            (Condition::Error, true) => "IP",
            (Condition::Error, false) => "ID",
        });
    }
    combined(ALGORITHMS[world.algorithm], &said)
}

/// XACML 3.0, appendix C, down to what a decision tells.
fn combined(algorithm: &str, said: &[&str]) -> &'static str {
    let has = |what: &str| said.contains(&what);
    let outcome = |value: &str| match value {
        "P" => "permit",
        "D" | "N" => "deny",
        _ => "indeterminate",
    };
    match algorithm {
        "deny-overrides" if has("D") => "deny",
        "deny-overrides" if has("ID") => "indeterminate",
        "permit-overrides" | "deny-overrides" if has("P") => "permit",
        "permit-overrides" if has("IP") => "indeterminate",
        "permit-overrides" if has("D") => "deny",
        "permit-overrides" | "deny-overrides" if has("ID") || has("IP") => "indeterminate",
        "first-applicable" => said
            .iter()
            .find(|value| **value != "N")
            .map_or("deny", |value| outcome(value)),
        "only-one-applicable" => match said {
            [] => "deny",
            [one] => outcome(one),
            _ => "indeterminate",
        },
        _ => "deny",
    }
}

fn policy_of(world: &World) -> Policy {
    let names = |actions: &BTreeSet<usize>| -> Vec<&str> {
        actions.iter().map(|&action| ACTIONS[action]).collect()
    };
    let of_documents = |actions: &BTreeSet<usize>| json!({ "document": names(actions) });
    let role = |(index, (can, across)): (usize, &(BTreeSet<usize>, bool))| {
        let includes: &[&str] = if world.includes { &ROLES[..index] } else { &[] };
        let role =
            json!({ "can": of_documents(can), "across_tenants": across, "includes": includes });
        (ROLES[index].to_owned(), role)
    };
    let rules = world.rules.iter().enumerate();
    let rules = rules.map(|(index, (permits, actions, condition))| {
        let effect = if *permits { "permit" } else { "deny" };
        json!({ "name": format!("r{index}"), effect: of_documents(actions), "when": CONDITIONS[*condition].0 })
    });
    let related = world.related.iter();
    let related = related.map(|(&action, &relation)| {
        (
            ACTIONS[action].to_owned(),
            json!(["viewer", "editor"][relation]),
        )
    });
    let claims = world.claims.iter();
    let claims = claims.map(|&action| (ACTIONS[action].to_owned(), json!({ "mfa": true })));
    let pick = |names: &[&str], which: &BTreeSet<usize>| -> Vec<String> {
        which.iter().map(|&index| names[index].to_owned()).collect()
    };
    let users: Vec<String> = pick(&USERS, &world.flag.users);
    let users: Vec<String> = users.iter().map(|name| format!("user:{name}")).collect();
    let mut file = json!({
        "version": 1,
        "types": {
            "user": {},
            "document": {
                "actions": { "read": "instance", "update": "instance", "delete": "instance" },
                "attributes": { "owner": "user", "tenant": "tenant", "locked": "bool" },
            },
        },
        "roles": world.roles.iter().enumerate().map(role).collect::<Map<_, _>>(),
        "combine": ALGORITHMS[world.algorithm],
        "relations": "model.fga",
        "related": { "document": related.collect::<Map<_, _>>() },
        "rules": rules.collect::<Vec<_>>(),
        "scopes": { "s0": of_documents(&world.scopes[0]), "s1": of_documents(&world.scopes[1]) },
        "claims": { "document": claims.collect::<Map<_, _>>() },
        "shares": { "may_grant": of_documents(&world.may_share) },
        "flags": { "f": {
            "default": world.flag.default,
            "users": users,
            "roles": pick(&ROLES, &world.flag.roles),
            "tenants": pick(&TENANTS, &world.flag.tenants),
        } },
    });
    if world.tenants {
        file["tenants"] = json!({});
    }
    read_with_model(&file.to_string())
}

fn read_with_model(text: &str) -> Policy {
    let sources = [
        Source::new("policy.yaml", text),
        Source::new("model.fga", MODEL),
    ];
    read_policy(&sources)
        .unwrap_or_else(|mistakes| panic!("{}", render(&mistakes, &sources, false)))
}

fn facts_of(world: &World, policy: &Policy) -> Facts {
    let mut subjects = json!({});
    for &(user, tenant, role) in &world.assigned {
        let roles = &mut subjects[format!("user:{}", USERS[user])]["roles"][TENANTS[tenant]];
        match roles {
            Value::Array(roles) => roles.push(json!(ROLES[role])),
            none => *none = json!([ROLES[role]]),
        }
    }
    let mut resources = json!({});
    for (name, (owner, tenant, locked)) in DOCUMENTS.iter().zip(&world.documents) {
        let attributes = &mut resources[format!("document:{name}")]["attributes"];
        *attributes = json!({});
        if let Some(owner) = owner {
            attributes["owner"] = json!(format!("user:{}", USERS[*owner]));
        }
        if let Some(tenant) = tenant {
            attributes["tenant"] = json!(TENANTS[*tenant]);
        }
        if let Some(locked) = locked {
            attributes["locked"] = json!(locked);
        }
    }
    let relationships = world.relationships.iter();
    let relationships = relationships.map(|&(kind, object, subject, ends)| {
        let text = relationship(kind, object, subject);
        if ends {
            format!("{text}[expiration:{END}]")
        } else {
            text
        }
    });
    let shares = world.shares.iter();
    let shares = shares.filter(|it| world.may_share.contains(&it.2));
    let shares = shares.map(|&(document, tenant, action, ends)| {
        let mut share = json!({ "resource": format!("document:{}", DOCUMENTS[document]), "with": TENANTS[tenant], "permission": ACTIONS[action] });
        if ends {
            share["until"] = json!(END);
        }
        share
    });
    let file = json!({
        "subjects": subjects,
        "resources": resources,
        "relationships": relationships.collect::<Vec<_>>(),
        "shares": shares.collect::<Vec<_>>(),
    });
    let sources = [Source::new("facts.yaml", &file.to_string())];
    read_facts(policy, &sources)
        .unwrap_or_else(|mistakes| panic!("{}", render(&mistakes, &sources, false)))
}

fn subject_of(policy: &Policy, facts: &Facts, q: &Question) -> Subject {
    let mut claims = Map::new();
    if q.mfa {
        claims.insert("mfa".to_owned(), json!(true));
    }
    if let Some(org) = q.org {
        claims.insert("org".to_owned(), json!(TENANTS[org]));
    }
    let scopes = q.scopes.as_ref();
    let scopes = scopes.map(|it| it.iter().map(|&scope| SCOPES[scope].into()).collect());
    let given = SubjectFacts {
        reference: q.user.map(|user| format!("user:{}", USERS[user])),
        signed_in: q.user.is_some(),
        tenant: q.user.map(|_| TENANTS[q.tenant].to_owned()),
        credential: Credential {
            revoked: q.revoked,
            valid_from: None,
            valid_until: q.ends.then(|| END.parse().unwrap()),
            scopes,
            claims,
        },
        ..SubjectFacts::default()
    };
    policy.subject(facts.complete(given)).unwrap()
}

fn document_of(policy: &Policy, facts: &Facts, index: usize) -> Resource {
    let reference = Reference::new("document", DOCUMENTS[index]);
    let attributes = facts.attributes_of(&reference).unwrap();
    policy
        .resource("document", Some(DOCUMENTS[index]), attributes)
        .unwrap()
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Permit => "permit",
        Outcome::Deny(_) => "deny",
        Outcome::Indeterminate => "indeterminate",
    }
}

/// What is wrong with the answers to one question, if anything.
fn disagreement(policy: &Policy, facts: &Facts, world: &World, q: &Question) -> Option<String> {
    let subject = subject_of(policy, facts, q);
    let now = NOW[q.now].parse().unwrap();
    let resource = document_of(policy, facts, q.document);
    let request = Request {
        subject: &subject,
        action: ACTIONS[q.action],
        resource: &resource,
        now,
        facts,
        context: no_context(),
    };
    let decision = policy.decide(&request);
    let wanted = expected(world, q);
    if word(decision.outcome) != wanted {
        return Some(format!("{decision:?} instead of {wanted}"));
    }
    if policy.account(&request).decision != decision {
        return Some("the account tells of another decision".to_owned());
    }
    let inquiry = Inquiry {
        subject: &subject,
        action: request.action,
        type_name: "document",
        now,
        facts,
        context: no_context(),
    };
    let residual = policy.residual(inquiry).unwrap();
    if residual.permits(&resource) != (wanted == "permit") {
        return Some(format!(
            "the residual says otherwise than {wanted}: {:?}",
            residual.filter()
        ));
    }
    let listing = policy.list_resources(&inquiry, None, usize::MAX).unwrap();
    let listed = listing.items.contains(resource.reference().unwrap());
    let undecided = listing
        .undecided
        .iter()
        .any(|it| Some(&it.0) == resource.reference());
    let said = if listed {
        "permit"
    } else if undecided {
        "indeterminate"
    } else {
        "deny"
    };
    (said != wanted).then(|| format!("the listing says {said} instead of {wanted}"))
}

fn some_of(count: usize, most: usize) -> impl Strategy<Value = BTreeSet<usize>> {
    prop::collection::btree_set(0..count, 0..=most)
}

fn worlds() -> impl Strategy<Value = World> {
    let policy = (
        0..4_usize,
        prop::bool::weighted(0.5),
        prop::collection::vec((some_of(3, 2), prop::bool::weighted(0.3)), 3),
        any::<bool>(),
        prop::collection::btree_map(0..3_usize, 0..2_usize, 1..4),
        prop::collection::vec((any::<bool>(), some_of(3, 2), 0..CONDITIONS.len()), 0..4),
        prop::collection::vec(some_of(3, 3), 2),
        prop::collection::btree_set(0..3_usize, 0..2),
    );
    let limits = (
        some_of(3, 3),
        prop::bool::weighted(0.2),
        some_of(3, 1),
        some_of(3, 1),
        some_of(2, 1),
    );
    let facts = (
        prop::collection::btree_set(
            (
                0..10_usize,
                0..3_usize,
                0..3_usize,
                prop::bool::weighted(0.2),
            ),
            8..30,
        ),
        prop::collection::btree_set((0..3_usize, 0..2_usize, 0..3_usize, any::<bool>()), 0..6),
        prop::collection::btree_set((0..3_usize, 0..2_usize, 0..3_usize), 2..12),
        prop::collection::vec(
            (
                prop::option::weighted(0.8, 0..3_usize),
                prop::option::weighted(0.9, 0..2_usize),
                prop::option::weighted(0.7, any::<bool>()),
            ),
            3,
        ),
    );
    (policy, limits, facts).prop_map(|(policy, limits, facts)| {
        let (algorithm, tenants, roles, includes, related, rules, scopes, claims) = policy;
        let (may_share, default, users, named, of_tenants) = limits;
        let (relationships, shares, assigned, documents) = facts;
        // Of two facts with the same ends the later one counts: keep the lasting one only.
        let mut ends = BTreeMap::new();
        for (kind, object, subject, over) in relationships {
            let text = relationship(kind, object, subject);
            let text = text.split('[').next().unwrap().to_owned();
            ends.insert(text, (kind, object, subject, over));
        }
        World {
            algorithm,
            tenants,
            roles,
            includes,
            related,
            rules,
            scopes,
            claims,
            may_share,
            flag: FlagData {
                default,
                users,
                roles: named,
                tenants: of_tenants,
            },
            relationships: ends.into_values().collect(),
            shares,
            assigned,
            documents,
        }
    })
}

fn questions() -> impl Strategy<Value = Question> {
    let who = (
        prop::option::weighted(0.9, 0..3_usize),
        0..2_usize,
        0..3_usize,
        0..3_usize,
        0..2_usize,
    );
    let credential = (
        prop::option::weighted(0.15, some_of(3, 2)),
        prop::bool::weighted(0.8),
        prop::option::weighted(0.6, 0..2_usize),
        prop::bool::weighted(0.03),
        prop::bool::weighted(0.15),
    );
    (who, credential).prop_map(|(who, credential)| {
        let (user, tenant, document, action, now) = who;
        let (scopes, mfa, org, revoked, ends) = credential;
        Question {
            user,
            tenant,
            document,
            action,
            now,
            scopes,
            mfa,
            org,
            revoked,
            ends,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_worlds_are_decided_as_the_reference_says(
        world in worlds(),
        questions in prop::collection::vec(questions(), 20),
    ) {
        let policy = policy_of(&world);
        let printed = print_policy(&policy);
        let policy = read_with_model(&printed);
        prop_assert_eq!(printed, print_policy(&policy));
        let facts = facts_of(&world, &policy);
        for question in questions {
            let wrong = disagreement(&policy, &facts, &world, &question);
            prop_assert_eq!(wrong, None, "{:?}", question);
        }
    }
}

#[test]
fn the_random_worlds_are_not_all_alike() {
    let mut runner = TestRunner::deterministic();
    let mut counts = BTreeMap::new();
    for _ in 0..4_000 {
        let world = worlds().new_tree(&mut runner).unwrap().current();
        let question = questions().new_tree(&mut runner).unwrap().current();
        *counts.entry(expected(&world, &question)).or_insert(0) += 1;
        let relation = world.related.get(&question.action);
        if relation.is_some_and(|&it| relation_holds(&world, &question, it) == Some(true)) {
            *counts.entry("by relation").or_insert(0) += 1;
        }
    }
    for (what, least) in [
        ("permit", 600),
        ("deny", 1_000),
        ("indeterminate", 200),
        ("by relation", 300),
    ] {
        let count = counts.get(what).copied().unwrap_or(0);
        assert!(count >= least, "{what}: {counts:?}");
    }
}
