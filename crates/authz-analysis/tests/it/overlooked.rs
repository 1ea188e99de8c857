//! Requests that a change decides otherwise and that are easily overlooked when a small world is
//! made up: for each, a test that the new policy passes and the old one does not, and the line
//! that the difference must have.

use authz::source::Source;
use authz::{Policy, read_policy};
use authz_analysis::diff::Change;
use authz_analysis::policy_tests;

use crate::conformance::now;
use crate::diffs::compare;

/// Rules with one that permits to read posts.
macro_rules! permits {
    ($when:literal) => {
        concat!(
            "rules: [{ name: a, permit: { post: [read] }, when: \"",
            $when,
            "\" }]\n"
        )
    };
}

/// The same for folders.
macro_rules! folders {
    ($when:literal) => {
        concat!(
            "rules: [{ name: a, permit: { folder: [read] }, when: \"",
            $when,
            "\" }]\n"
        )
    };
}

/// The same for posts, beside a flag for these users.
macro_rules! flagged {
    ($users:literal, $when:literal) => {
        concat!(
            "flags: { f: { users: ",
            $users,
            " } }\nrules: [{ name: a, permit: { post: [read] }, when: \"",
            $when,
            "\" }]\n"
        )
    };
}

/// What stands before the rules of both policies, which part in the rest.
struct Case {
    name: &'static str,
    both: &'static str,
    old: &'static str,
    new: &'static str,
    /// The request, as `given` of a test has it; none where no one text is right for both.
    given: &'static str,
    /// Relationships and shares beside it.
    facts: &'static str,
}

const NONE: Case = Case {
    name: "",
    both: "",
    old: "",
    new: "",
    given: "",
    facts: "",
};

const POST: &str = "types:\n  user: {}\n  post: { actions: { read: instance }, attributes: { level: int, name: string, score: double } }\n";
const HOMES: &str = "types:\n  user: { attributes: { home: folder, manager: user }, actions: { read: instance } }\n  folder: { actions: { read: instance }, attributes: { owner: user, next: folder } }\n";
const FLAGGED: &str = "types:\n  user: {}\n  service: {}\n  post: { actions: { read: instance }, attributes: { owner: user } }\n";
const TENANTS: &str = "tenants: {}\ntypes:\n  user: {}\n  post: { actions: { read: instance }, attributes: { name: string, tenant: tenant } }\n";
const SHARED: &str = "tenants: {}\ntypes:\n  user: {}\n  post: { actions: { read: instance }, attributes: { tenant: tenant } }\nroles: { member: { can: {} } }\nrelations: model.fga\nrelated: { post: { read: viewer } }\nshares: { may_grant: { post: [read] } }\n";
const MODEL: &str =
    "model\n  schema 1.1\ntype user\ntype post\n  relations\n    define viewer: [user]\n";

const CASES: &[Case] = &[
    Case {
        name: "a claim is compared with a number and with a text",
        both: POST,
        old: permits!("claims.x == resource.level"),
        new: permits!("claims.x == resource.level || claims.x == 'admin'"),
        given: "{ subject: 'user:a', claims: { x: admin }, resource: { post: { level: 1 } } }",
        ..NONE
    },
    Case {
        name: "a claim is compared with constants of two types",
        both: POST,
        old: permits!("claims.x == 7"),
        new: permits!("claims.x == 7 || claims.x == 'admin'"),
        given: "{ subject: 'user:a', claims: { x: admin }, resource: { post: {} } }",
        ..NONE
    },
    Case {
        name: "a claim is compared with a tenant, and with a number",
        both: TENANTS,
        old: permits!("claims.x == tenant"),
        new: permits!("claims.x == tenant || claims.x == 3"),
        given: "{ subject: 'user:a', tenant: acme, claims: { x: 3 }, resource: { post: { tenant: acme } } }",
        ..NONE
    },
    Case {
        name: "a claim is neither true nor false",
        both: POST,
        old: permits!("claims.x == true"),
        new: permits!("has(claims.x) && claims.x != false"),
        given: "{ subject: 'user:a', claims: { x: yes-please }, resource: { post: {} } }",
        ..NONE
    },
    Case {
        name: "a claim lies between two whole numbers",
        both: POST,
        old: permits!("false"),
        new: permits!("claims.x > 2 && claims.x < 3"),
        given: "{ subject: 'user:a', claims: { x: 2.5 }, resource: { post: {} } }",
        ..NONE
    },
    Case {
        name: "a claim may be null",
        both: POST,
        old: permits!("false"),
        new: permits!("claims.x == null"),
        given: "{ subject: 'user:a', claims: { x: null }, resource: { post: {} } }",
        ..NONE
    },
    Case {
        name: "a flag names a user of another type",
        both: FLAGGED,
        old: flagged!("['user:vera']", "flag('f')"),
        new: flagged!("['user:vera', 'service:ci']", "flag('f')"),
        given: "{ subject: 'service:ci', resource: { post: {} } }",
        ..NONE
    },
    Case {
        name: "whom a flag names owns the resource",
        both: FLAGGED,
        old: flagged!("['user:vera']", "false"),
        new: flagged!("['user:vera']", "flag('f') && resource.owner == subject"),
        given: "{ subject: 'user:vera', resource: { post: { owner: 'user:vera' } } }",
        ..NONE
    },
    Case {
        name: "the resource is what an attribute of the subject refers to",
        both: HOMES,
        old: "",
        new: folders!("has(subject.home) && resource == subject.home"),
        given: "{ subject: 'user:bob', attributes: { home: 'folder:bob' }, resource: { folder: { id: bob } } }",
        ..NONE
    },
    Case {
        name: "the resource is another user to whom an attribute refers",
        both: HOMES,
        old: "",
        new: "rules: [{ name: a, permit: { user: [read] }, when: \"has(subject.manager) && resource == subject.manager && resource != subject\" }]\n",
        given: "{ subject: 'user:bob', attributes: { manager: 'user:eve' }, resource: { user: { id: eve } } }",
        ..NONE
    },
    Case {
        name: "the resource is what an attribute of it refers to",
        both: HOMES,
        old: "",
        new: folders!("has(resource.next) && resource == resource.next"),
        given: "{ subject: 'user:bob', resource: { folder: { id: a, next: 'folder:a' } } }",
        ..NONE
    },
    Case {
        name: "something is related and shared",
        both: SHARED,
        old: "rules: [{ name: never-across, deny: { post: [read] }, when: resource.tenant != tenant }]\n",
        new: "",
        given: "{ subject: 'user:bob', tenant: acme, roles: [member], relationships: ['post:1#viewer@user:bob'], resource: { post: { id: '1', tenant: globex } } }",
        facts: "shares: [{ resource: 'post:1', with: acme, permission: read }]\n",
    },
    Case {
        name: "the attribute of the tenant has another name",
        both: "tenants: {}\n",
        old: "types: { user: {}, post: { actions: { read: instance }, attributes: { org: string, tenant: tenant } } }\nroles: { viewer: { can: {} } }\n",
        new: "types: { user: {}, post: { actions: { read: instance }, attributes: { org: tenant } } }\nroles: { viewer: { can: { post: [read] } } }\n",
        given: "{ subject: 'user:a', tenant: acme, roles: [viewer], resource: { post: { org: acme } } }",
        ..NONE
    },
    Case {
        name: "the attribute of the tenant has a name that was not there",
        both: "tenants: {}\n",
        old: "types: { user: {}, post: { actions: { read: instance }, attributes: { tenant: tenant } } }\nroles: { viewer: { can: {} } }\n",
        new: "types: { user: {}, post: { actions: { read: instance }, attributes: { org: tenant } } }\nroles: { viewer: { can: { post: [read] } } }\n",
        ..NONE
    },
    Case {
        name: "a large number",
        both: POST,
        old: permits!("false"),
        new: permits!("resource.score > 1e17"),
        given: "{ subject: 'user:a', resource: { post: { score: 2e17 } } }",
        ..NONE
    },
    Case {
        name: "a number beyond all whole ones",
        both: POST,
        old: permits!("false"),
        new: permits!("resource.score < -1e300"),
        given: "{ subject: 'user:a', resource: { post: { score: -2e300 } } }",
        ..NONE
    },
    Case {
        name: "a number between two neighbours but one",
        both: POST,
        old: permits!("false"),
        new: permits!("resource.score > 1e17 && resource.score < 1.0000000000000003e17"),
        given: "{ subject: 'user:a', resource: { post: { score: 1.0000000000000002e17 } } }",
        ..NONE
    },
    Case {
        name: "the largest whole number",
        both: POST,
        old: permits!("false"),
        new: permits!("resource.level > 9223372036854775806"),
        given: "{ subject: 'user:a', resource: { post: { level: 9223372036854775807 } } }",
        ..NONE
    },
    Case {
        name: "a text that is none of those that tests usually have",
        both: POST,
        old: permits!("resource.name in ['one', 'two', 'three', 'four', 'five']"),
        new: permits!("has(resource.name)"),
        given: "{ subject: 'user:a', resource: { post: { name: six } } }",
        ..NONE
    },
    Case {
        name: "a tenant that is none of those that tests usually have",
        both: TENANTS,
        old: permits!("tenant in ['acme', 'globex', 'initech', 'umbrella', 'hooli']"),
        new: permits!("true"),
        given: "{ subject: 'user:a', tenant: other, resource: { post: { tenant: other } } }",
        ..NONE
    },
    Case {
        name: "an empty text that is compared with a tenant",
        both: TENANTS,
        old: permits!("resource.name == tenant"),
        new: permits!("resource.name == tenant || resource.name == ''"),
        given: "{ subject: 'user:a', tenant: acme, resource: { post: { name: '', tenant: acme } } }",
        ..NONE
    },
    Case {
        name: "an hour later",
        both: POST,
        old: permits!("now.getHours() >= 18"),
        new: permits!("now.getHours() >= 17"),
        given: "{ subject: 'user:a', at: '2026-11-22T17:30:00Z', resource: { post: {} } }",
        ..NONE
    },
    Case {
        name: "an hour and a minute of a zone",
        both: POST,
        old: permits!("false"),
        new: permits!("now.getHours('Asia/Kolkata') == 3 && now.getMinutes('Asia/Kolkata') > 57"),
        given: "{ subject: 'user:a', at: '2026-11-22T22:28:00Z', resource: { post: {} } }",
        ..NONE
    },
    Case {
        name: "a day of the week",
        both: POST,
        old: permits!("now.getDayOfWeek() in [1, 2, 3, 4, 5]"),
        new: permits!("now.getDayOfWeek() in [1, 2, 3, 4, 5, 6]"),
        given: "{ subject: 'user:a', at: '2026-11-28T12:00:00Z', resource: { post: {} } }",
        ..NONE
    },
    Case {
        name: "a time of day is compared with false",
        both: POST,
        old: permits!("false"),
        new: permits!("within(now, '08:00', '24:00', 'UTC') == false"),
        given: "{ subject: 'user:a', at: '2026-11-22T03:00:00Z', resource: { post: {} } }",
        ..NONE
    },
];

fn policy(text: &str) -> Policy {
    let sources = [
        Source::new("policy.yaml", text),
        Source::new("model.fga", MODEL),
    ];
    let used = if text.contains("model.fga") { 2 } else { 1 };
    read_policy(&sources[..used]).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

impl Case {
    fn text(&self, changed: &str) -> String {
        format!("version: 1\n{}{changed}", self.both)
    }

    /// Whether the request is allowed.
    fn allows(&self, policy: &str) -> bool {
        let expected = format!(
            "facts: facts.yaml\ntests:\n  - {{ name: it, given: {}, allow: [read] }}\n",
            self.given
        );
        let load = &mut |name: &str| {
            let text = match name {
                "policy.yaml" => policy,
                "model.fga" => MODEL,
                _ if self.facts.is_empty() => "subjects: {}\n",
                _ => self.facts,
            };
            Ok(Source::new(name, text))
        };
        let report = policy_tests::run(&Source::new("it.test.yaml", &expected), load, now());
        let report = report.unwrap_or_else(|broken| panic!("{}: {:#?}", self.name, broken));
        report.failed().count() == 0
    }
}

#[test]
fn what_a_change_allows_is_told_in_both_directions() {
    let mut wrong = String::new();
    for case in CASES {
        let texts = [case.text(case.old), case.text(case.new)];
        if !case.given.is_empty() {
            let [before, after] = texts.each_ref().map(|it| case.allows(it));
            assert_eq!((before, after), (false, true), "{}", case.name);
        }
        let [old, new] = texts.each_ref().map(|it| policy(it));
        for (found, change) in [
            (compare(&old, &new, usize::MAX), Change::Widening),
            (compare(&new, &old, usize::MAX), Change::Narrowing),
            (compare(&old, &new, 0), Change::Widening),
        ] {
            if found.of(change).count() == 0 || !found.bounds.is_empty() {
                wrong += &format!(
                    "{}: {change:?}\n{}\n",
                    case.name,
                    authz_analysis::diff::text(&found)
                );
            }
        }
    }
    assert_eq!(wrong, "");
}

/// Types with an attribute that rules ask of subjects, and the types of those who ask in examples.
#[test]
fn what_is_acted_on_does_not_ask_where_somebody_else_may() {
    let cases = [
        ("user: { attributes: { level: int } }", vec!["user"]),
        (
            "user: {}, service: { attributes: { level: int } }",
            vec!["service"],
        ),
        ("user: {}", vec!["post"]),
    ];
    for (types, expected) in cases {
        let text = |when: &str| {
            format!(
                "version: 1\ntypes: {{ {types}, post: {{ actions: {{ read: instance }}, attributes: {{ level: int }} }} }}\nrules: [{{ name: a, permit: {{ post: [read] }}, when: \"{when}\" }}]\n"
            )
        };
        let [old, new] = ["false", "subject.level == 3"].map(|it| policy(&text(it)));
        let found = compare(&old, &new, usize::MAX);
        let askers = found.of(Change::Widening);
        let askers = askers.filter_map(|line| line.example.subject.clone());
        let types: Vec<String> = askers
            .map(|it| it.split(':').next().unwrap().to_owned())
            .collect();
        assert_eq!(types, expected, "{types:?}");
    }
}
