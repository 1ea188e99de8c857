//! Random small worlds: a policy with tenants, roles, relations, shares, a flag and rules, and facts
//! for it. Made from numbers, so that a world that shows a fault can be made again.

use authz::source::{Source, render};
use authz::{Facts, Policy, SubjectFacts, no_context, read_facts, read_policy};
use authz_analysis::witness::Question;
use serde_json::{Value as Json, json};

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
    define approved: [user, group#member]
    define editor: [user, user with in_region]
    define viewer: ([user:*] or editor or viewer from parent) but not banned
    define publisher: viewer and approved
condition in_region(region: string) {
  region == 'eu'
}
";
const USERS: [&str; 3] = ["ann", "ben", "cat"];
const DOCUMENTS: [&str; 3] = ["d0", "d1", "d2"];
const TENANTS: [&str; 2] = ["acme", "globex"];
pub(crate) const ROLES: [&str; 3] = ["low", "mid", "top"];
const ACTIONS: [&str; 3] = ["read", "update", "publish"];
const RELATIONS: [&str; 3] = ["viewer", "editor", "publisher"];
const ALGORITHMS: [&str; 4] = [
    "deny-overrides",
    "permit-overrides",
    "first-applicable",
    "only-one-applicable",
];
const CONDITIONS: [&str; 5] = [
    "resource.owner == subject",
    "resource.locked",
    "flag('f')",
    "subject.department == resource.department",
    "resource.locked && tenant == 'acme'",
];
pub(crate) const NOW: &str = "2026-11-23T12:00:00Z";

/// Numbers by SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators").
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn some<'a>(&mut self, items: &[&'a str], percent: usize) -> Vec<&'a str> {
        let items = items.iter().filter(|_| self.chance(percent));
        items.copied().collect()
    }
}

/// A policy and facts.
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) facts: Facts,
}

pub(crate) fn world(random: &mut Random) -> World {
    let text = policy(random).to_string();
    let sources = [
        Source::new("policy.yaml", &text),
        Source::new("model.fga", MODEL),
    ];
    let policy =
        read_policy(&sources).unwrap_or_else(|it| panic!("{}", render(&it, &sources, false)));
    let sources = [Source::new(
        "facts.yaml",
        &facts(random, &policy).to_string(),
    )];
    let facts = read_facts(&policy, &sources)
        .unwrap_or_else(|it| panic!("{}", render(&it, &sources, false)));
    World { policy, facts }
}

fn policy(random: &mut Random) -> Json {
    let of_documents = |actions: Vec<&str>| json!({ "document": actions });
    let includes = random.chance(50);
    let mut roles = json!({});
    for (index, name) in ROLES.iter().enumerate() {
        let below: &[&str] = if includes { &ROLES[..index] } else { &[] };
        roles[name] = json!({
            "can": of_documents(random.some(&ACTIONS, 25)),
            "across_tenants": random.chance(30),
            "includes": below,
        });
    }
    let mut related = json!({});
    for action in random.some(&ACTIONS, 70) {
        related[action] = json!(random.pick(&RELATIONS));
    }
    let rules: Vec<Json> = (0..random.below(4))
        .map(|index| {
            let effect = *random.pick(&["permit", "deny"]);
            let when = *random.pick(&CONDITIONS);
            json!({ "name": format!("r{index}"), effect: of_documents(random.some(&ACTIONS, 50)), "when": when })
        })
        .collect();
    let mut file = json!({
        "version": 1,
        "types": {
            "user": { "attributes": { "department": "string" } },
            "document": {
                "actions": { "read": "instance", "update": "instance", "publish": "instance" },
                "attributes": { "owner": "user", "tenant": "tenant", "locked": "bool", "department": "string" },
            },
        },
        "roles": roles,
        "combine": ALGORITHMS[if random.chance(60) { 0 } else { random.below(4) }],
        "relations": "model.fga",
        "related": { "document": related },
        "rules": rules,
        "shares": { "may_grant": of_documents(random.some(&ACTIONS, 60)) },
        "flags": { "f": { "roles": random.some(&ROLES, 30) } },
    });
    if random.chance(60) {
        file["tenants"] = json!({});
    }
    file
}

/// Every relationship that there could be, but for conditions.
pub(crate) fn relationships() -> Vec<String> {
    let mut all = Vec::new();
    for (a, b) in [("g0", "g1"), ("g1", "g0"), ("g0", "g0"), ("g1", "g1")] {
        all.push(format!("group:{a}#member@group:{b}#member"));
    }
    for user in USERS {
        all.extend(["g0", "g1"].map(|it| format!("group:{it}#member@user:{user}")));
        all.extend(["f0", "f1"].map(|it| format!("folder:{it}#viewer@user:{user}")));
        for relation in ["banned", "approved", "editor"] {
            all.extend(DOCUMENTS.map(|it| format!("document:{it}#{relation}@user:{user}")));
        }
    }
    for group in ["g0", "g1"] {
        all.extend(["f0", "f1"].map(|it| format!("folder:{it}#viewer@group:{group}#member")));
        all.extend(DOCUMENTS.map(|it| format!("document:{it}#approved@group:{group}#member")));
    }
    for document in DOCUMENTS {
        all.extend(["f0", "f1"].map(|it| format!("document:{document}#parent@folder:{it}")));
        all.push(format!("document:{document}#viewer@user:*"));
    }
    all
}

fn facts(random: &mut Random, policy: &Policy) -> Json {
    let mut subjects = json!({});
    for user in USERS {
        let known = &mut subjects[format!("user:{user}")];
        for tenant in TENANTS {
            known["roles"][tenant] = json!(random.some(&ROLES, 20));
        }
        if random.chance(50) {
            known["attributes"]["department"] = json!(random.pick(&["news", "legal"]));
        }
    }
    let mut resources = json!({});
    for document in DOCUMENTS {
        let mut attributes = json!({});
        if random.chance(70) {
            attributes["owner"] = json!(format!("user:{}", random.pick(&USERS)));
        }
        if random.chance(95) {
            attributes["tenant"] = json!(random.pick(&TENANTS));
        }
        if random.chance(70) {
            attributes["locked"] = json!(random.chance(50));
        }
        if random.chance(50) {
            attributes["department"] = json!(random.pick(&["news", "legal"]));
        }
        resources[format!("document:{document}")] = json!({ "attributes": attributes });
    }
    let density = random.below(20);
    let all = relationships();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut relationships: Vec<String> = random
        .some(&all, density)
        .into_iter()
        .map(Into::into)
        .collect();
    let has = |fact: &str| relationships.iter().any(|it| it == fact);
    if random.chance(30) && !has("document:d0#editor@user:ann") {
        // Its context is never given.
        relationships.push("document:d0#editor@user:ann[in_region]".to_owned());
    }
    let shares: Vec<Json> = ACTIONS
        .iter()
        .filter(|action| policy.may_share("document", action))
        .filter_map(|action| {
            let (document, with) = (*random.pick(&DOCUMENTS), *random.pick(&TENANTS));
            let share = json!({ "resource": format!("document:{document}"), "with": with, "permission": action });
            random.chance(60).then_some(share)
        })
        .collect();
    json!({
        "subjects": subjects,
        "resources": resources,
        "relationships": relationships,
        "shares": shares,
    })
}

pub(crate) fn question<'a>(world: &'a World, random: &mut Random) -> Question<'a> {
    let document = *random.pick(&DOCUMENTS);
    let reference = authz::Reference::new("document", document);
    let given = SubjectFacts {
        reference: Some(format!("user:{}", random.pick(&USERS))),
        signed_in: true,
        tenant: Some((*random.pick(&TENANTS)).to_owned()),
        ..SubjectFacts::default()
    };
    Question {
        policy: &world.policy,
        facts: &world.facts,
        subject: world.facts.complete(given),
        action: ACTIONS[random.below(ACTIONS.len())],
        type_name: "document",
        id: Some(document),
        attributes: world.facts.attributes_of(&reference).unwrap().clone(),
        now: NOW.parse().unwrap(),
        context: no_context(),
    }
}
