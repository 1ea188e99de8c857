//! The difference of random pairs of policies against brute force over a world that nobody made up
//! for them: claims of all types, users of several types whom flags name, resources to which
//! attributes refer, relationships beside shares, tenants under another name, large numbers, and
//! the clock.

use authz::source::Source;
use authz::{
    Credential, Facts, Policy, Request, SubjectFacts, no_context, read_facts, read_policy,
};
use authz_analysis::diff::{Answer, Diff, Who};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::diffs::{Choices, compare, missing, products, who};
use crate::random::Random;

const MODEL: &str =
    "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n";

/// What two policies are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Theme {
    Claims,
    Flags,
    References,
    Numbers,
    Texts,
    Tenants,
    Clock,
}

const THEMES: [Theme; 7] = [
    Theme::Claims,
    Theme::Flags,
    Theme::References,
    Theme::Numbers,
    Theme::Texts,
    Theme::Tenants,
    Theme::Clock,
];

impl Theme {
    /// What conditions may ask.
    fn questions(self) -> &'static [&'static str] {
        match self {
            Self::Claims => &[
                "claims.x == resource.size",
                "claims.x == 'admin'",
                "claims.x != 'admin'",
                "claims.x == true",
                "claims.x == 7",
                "claims.x == null",
                "has(claims.x)",
                "claims.x > 2",
                "claims.x < 3",
            ],
            Self::Flags => &["flag('f')", "flag('g')", "resource.owner == subject"],
            Self::References => &[
                "resource == subject.home",
                "resource != subject.home",
                "resource == resource.next",
                "resource.owner == subject",
                "resource.owner == subject.boss",
                "has(subject.home)",
            ],
            Self::Numbers => &[
                "resource.score > 1e17",
                "resource.score < -1e17",
                "resource.score == 0.0",
                "resource.score <= 1e17",
            ],
            Self::Texts => &[
                "resource.kind in ['one', 'two', 'three', 'four', 'five']",
                "resource.kind == 'six'",
                "has(resource.kind)",
                "resource.kind == ''",
            ],
            Self::Tenants => &[
                "tenant in ['acme', 'globex', 'initech', 'umbrella', 'hooli']",
                "tenant == 'acme'",
                "resource.whose == tenant",
                "resource.whose == 'acme'",
                "resource.kind == tenant",
            ],
            Self::Clock => &[
                "now.getHours() >= 17",
                "now.getHours('Asia/Tokyo') == 3",
                "now.getMinutes() > 40",
                "now.getDayOfWeek() in [0, 6]",
                "within(now, '09:00', '17:00', 'UTC') == false",
            ],
        }
    }
}

fn condition(random: &mut Random, themes: &[Theme]) -> String {
    let theme = *random.pick(themes);
    let one = (*random.pick(theme.questions())).to_owned();
    match random.below(6) {
        0..=2 => one,
        3 => format!("!({one})"),
        4 => format!("({one}) && ({})", condition(random, themes)),
        _ => format!("({one}) || ({})", condition(random, themes)),
    }
}

fn random_policy(random: &mut Random, themes: &[Theme], is_related: bool) -> Json {
    let rules: Vec<Json> = (0..=random.below(3))
        .map(|number| {
            let effect = if random.chance(65) { "permit" } else { "deny" };
            let mut rule = json!({ "name": format!("rule-{number}"), effect: { "doc": ["read"] } });
            if random.chance(90) {
                rule["when"] = json!(condition(random, themes));
            }
            rule
        })
        .collect();
    let users = ["user:me", "user:you", "service:ci", "service:bot"];
    let mut flag = || {
        let named = users.into_iter().filter(|_| random.chance(30));
        json!({ "users": named.collect::<Vec<_>>() })
    };
    let mut policy = json!({
        "version": 1,
        "types": {
            "user": { "attributes": { "home": "doc", "boss": "user" } },
            "service": {},
            "doc": {
                "attributes": { "owner": "user", "next": "doc", "kind": "string", "size": "int", "score": "double", "whose": "tenant" },
                "actions": { "read": "instance" },
            },
        },
        "flags": { "f": flag(), "g": flag() },
        "roles": { "reader": { "can": if random.chance(30) { json!({ "doc": ["read"] }) } else { json!({}) } } },
        "rules": rules,
    });
    if is_related || themes.contains(&Theme::Tenants) {
        policy["tenants"] = json!({});
    }
    if is_related {
        policy["relations"] = json!("model.fga");
        policy["related"] = json!({ "doc": { "read": "viewer" } });
        policy["shares"] = json!({ "may_grant": { "doc": ["read"] } });
    }
    policy
}

/// The policy with one small thing turned.
fn turned(random: &mut Random, old: &Json, themes: &[Theme]) -> Json {
    let mut new = old.clone();
    let other = random_policy(random, themes, false);
    let rules = new["rules"].as_array_mut().unwrap();
    let at = random.below(rules.len());
    match random.below(5) {
        0 => drop(rules.remove(at)),
        1 | 2 => rules[at]["when"] = json!(condition(random, themes)),
        3 => new["flags"] = other["flags"].clone(),
        _ => new["roles"] = other["roles"].clone(),
    }
    new
}

fn read(policy: &Json) -> Policy {
    let text = policy.to_string();
    let sources = [
        Source::new("policy.yaml", &text),
        Source::new("model.fga", MODEL),
    ];
    let used = if policy["relations"].is_null() { 1 } else { 2 };
    read_policy(&sources[..used]).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

/// Everything that is asked.
struct World {
    who: Vec<SubjectFacts>,
    /// Which resource, and what is known of it.
    what: Vec<(&'static str, Map<String, Json>)>,
    when: Vec<Timestamp>,
    /// Relationships and shares.
    facts: Vec<String>,
}

/// The values where they matter, and none.
fn values(matters: bool, all: &[Json]) -> Vec<Option<Json>> {
    let some = all.iter().filter(|_| matters).cloned().map(Some);
    some.chain([None]).collect()
}

impl World {
    fn of(themes: &[Theme], is_related: bool) -> Self {
        let has = |theme| themes.contains(&theme);
        let has_tenants = is_related || has(Theme::Tenants);
        let owners = [json!("user:me"), json!("user:you")];
        let docs = [json!("doc:a"), json!("doc:me")];
        let tenants = ["acme", "hooli", "zeta"];
        let attributes = products(&vec![
            (
                "owner",
                values(has(Theme::References) || has(Theme::Flags), &owners),
            ),
            ("next", values(has(Theme::References), &docs)),
            (
                "kind",
                values(
                    has(Theme::Texts) || has(Theme::Tenants),
                    &["one", "five", "six", "seven", "", "acme"].map(Json::from),
                ),
            ),
            ("size", values(has(Theme::Claims), &[json!(1), json!(7)])),
            (
                "score",
                values(
                    has(Theme::Numbers),
                    &[-2e17, -1e17, 0.0, 3.5, 1e17, 2e17].map(Json::from),
                ),
            ),
            ("whose", values(has_tenants, &tenants.map(Json::from))),
        ]);
        let ids = if has(Theme::References) || is_related {
            &["a", "me"][..]
        } else {
            &["a"]
        };
        let what = ids
            .iter()
            .flat_map(|id| attributes.iter().map(|it| (*id, it.clone())));
        Self {
            what: what.collect(),
            who: askers(themes, if has_tenants { &tenants } else { &[] }),
            when: instants(has(Theme::Clock)),
            facts: facts(is_related),
        }
    }
}

fn askers(themes: &[Theme], tenants: &[&str]) -> Vec<SubjectFacts> {
    let has = |theme| themes.contains(&theme);
    let of_users: Choices = vec![
        (
            "home",
            values(has(Theme::References), &[json!("doc:a"), json!("doc:me")]),
        ),
        ("boss", values(has(Theme::References), &[json!("user:you")])),
    ];
    let x = [
        json!(1),
        json!(7),
        json!(2.5),
        json!(true),
        json!(false),
        json!("admin"),
        json!("else"),
        json!(null),
    ];
    let claims = products(&vec![("x", values(has(Theme::Claims), &x))]);
    let mut people: Vec<(Option<&str>, Map<String, Json>)> = vec![(None, Map::new())];
    for of_user in products(&of_users) {
        people.extend(["user:me", "user:you"].map(|it| (Some(it), of_user.clone())));
    }
    people.extend(["service:ci", "service:bot"].map(|it| (Some(it), Map::new())));
    let tenants = tenants.iter().map(|it| Some((*it).to_owned()));
    let tenants: Vec<Option<String>> = tenants.chain([None]).collect();
    let mut all = vec![SubjectFacts::default()];
    for roles in [vec![], vec!["reader".to_owned()]] {
        for tenant in &tenants {
            for (reference, attributes) in &people {
                all.extend(claims.iter().map(|claims| SubjectFacts {
                    reference: reference.map(str::to_owned),
                    signed_in: true,
                    tenant: tenant.clone(),
                    roles: roles.clone(),
                    attributes: attributes.clone(),
                    credential: Credential {
                        claims: claims.clone(),
                        ..Credential::default()
                    },
                }));
            }
        }
    }
    all
}

fn instants(reads_clock: bool) -> Vec<Timestamp> {
    let (days, clocks): (&[&str], &[&str]) = match reads_clock {
        true => (
            &["2026-11-21", "2026-11-22", "2026-11-25"],
            &["03:10", "08:45", "12:00", "16:59", "18:41", "18:10"],
        ),
        false => (&["2026-11-22"], &["12:00"]),
    };
    let days = days.iter();
    let texts = days.flat_map(|day| clocks.iter().map(move |it| format!("{day}T{it}:00Z")));
    texts.map(|it| it.parse().unwrap()).collect()
}

fn facts(is_related: bool) -> Vec<String> {
    let mut all = vec![String::new()];
    if is_related {
        let related = "relationships: ['doc:a#viewer@user:me']\n";
        let shared = "shares: [{ resource: 'doc:a', with: acme, permission: read }]\n";
        all.extend([
            related.to_owned(),
            shared.to_owned(),
            format!("{related}{shared}"),
        ]);
    }
    all
}

/// The first request of each kind that two policies answer differently, in words. In the new one
/// the attribute of the tenant may have another name.
fn all_differences(
    policies: [&Policy; 2],
    world: &World,
    renamed: &str,
) -> Vec<(Who, [Answer; 2], String)> {
    let mut found: Vec<(Who, [Answer; 2], String)> = Vec::new();
    let facts: Vec<[Facts; 2]> = world
        .facts
        .iter()
        .map(|text| policies.map(|it| read_facts(it, &[Source::new("facts", text)]).unwrap()))
        .collect();
    let what = world.what.iter().map(|(id, attributes)| {
        let mut in_new = attributes.clone();
        if let Some(whose) = in_new.remove("whose") {
            in_new.insert(renamed.to_owned(), whose);
        }
        let resource = |at: usize, it: &Map<String, Json>| {
            let read = policies[at].resource("doc", Some(id), it);
            read.unwrap()
        };
        ([resource(0, attributes), resource(1, &in_new)], attributes)
    });
    let what: Vec<_> = what.collect();
    for asker in &world.who {
        let subjects = policies.map(|it| it.subject(asker.clone()).unwrap());
        for (resources, attributes) in &what {
            for &now in &world.when {
                for facts in &facts {
                    let answers = [0, 1].map(|at| {
                        Answer::of(&policies[at].decide(&Request {
                            subject: &subjects[at],
                            action: "read",
                            resource: &resources[at],
                            now,
                            facts: &facts[at],
                            context: no_context(),
                        }))
                    });
                    let is_known =
                        |it: &(Who, [Answer; 2], String)| it.0 == who(asker) && it.1 == answers;
                    if answers[0] != answers[1] && !found.iter().any(is_known) {
                        let told = format!("{asker:?} {:?} {attributes:?} {now}", resources[0]);
                        found.push((who(asker), answers, told));
                    }
                }
            }
        }
    }
    found
}

fn told(seed: u64, old: &Json, new: &Json, found: &Diff) -> String {
    format!(
        "{seed}\n{old}\n{new}\n{}",
        authz_analysis::diff::text(found)
    )
}

#[test]
fn whatever_a_world_shows_is_told() {
    let mut different = 0;
    for seed in 0..160 {
        let random = &mut Random::new(seed);
        let mut themes = [*random.pick(&THEMES), *random.pick(&THEMES)];
        let is_related = random.chance(25);
        if is_related {
            themes[1] = themes[0];
        }
        let old = random_policy(random, &themes, is_related);
        let mut new = turned(random, &old, &themes);
        let mut renamed = "whose";
        if random.chance(25) {
            renamed = "of";
            let text = new.to_string();
            let text = text
                .replace("\"whose\"", "\"of\"")
                .replace("resource.whose", "resource.of");
            new = serde_json::from_str(&text).unwrap();
        }
        let policies = [&read(&old), &read(&new)];
        let by_cases = if random.chance(50) { 0 } else { usize::MAX };
        let found = compare(policies[0], policies[1], by_cases);
        let told = || told(seed, &old, &new, &found);
        // Clocks of two zones, or days and hours of both; relations are the same.
        let is_bounded = !found.bounds.is_empty();
        assert!(!is_bounded || themes.contains(&Theme::Clock), "{}", told());
        for line in &found.lines {
            let answers = policies.map(|it| line.example.asked_of(it));
            assert_eq!(answers, [line.old.answer, line.new.answer], "{}", told());
        }
        let all = all_differences(policies, &World::of(&themes, is_related), renamed);
        for (who, answers, request) in &all {
            let is_told = !missing(&found, who, "read", *answers);
            assert!(
                is_told || is_bounded,
                "{who}: {answers:?} {request}\n{}",
                told()
            );
        }
        different += usize::from(!all.is_empty() && !is_bounded);
    }
    assert!(different > 60, "{different}");
}
