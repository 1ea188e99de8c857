//! Systems that say several kinds of no in one form.

use suite::file::{Inputs, read_suite};
use suite::plan::Plan;

use authz::source::Source;
use jiff::Timestamp;

const POLICY: &str = r#"
version: 1
types: { user: {}, note: { actions: { read: instance }, attributes: { owner: user } } }
rules: [ { name: own, permit: { note: [read] }, when: resource.owner == subject } ]
"#;

const SUITE: &str = r#"
version: 1
policy: policy/
targets:
  api:
    http: http://127.0.0.1:1
    denies: { unauthenticated: [ { status: 401 }, { status: 404 } ], forbidden: [ { status: 403 }, { status: 404 } ] }
sessions: { token: { bearer: "{{ actor.key }}" } }
actors:
  anonymous: {}
  ann: { session: token, subject: "user:ann", key: a }
  ben: { session: token, subject: "user:ben", key: b }
resources:
  note: { on: api, owners: [ann], id: "{{ owner.key }}", attributes: { owner: "{{ owner.subject }}" } }
actions: { note: { read: { api: { GET: "/notes/{{ note.id }}" } } } }
expect: |
  action            anonymous  ann    ben
  note.read of ann  ANONYMOUS  allow  BEN
"#;

/// What is wrong with a table that expects these statuses.
fn mistakes(anonymous: &str, ben: &str) -> Vec<String> {
    let text = SUITE.replace("ANONYMOUS", anonymous).replace("BEN", ben);
    let suite = read_suite(&Inputs {
        suite: &Source::new("lockstep.yaml", &text),
        policy: &[Source::new("policy.yaml", POLICY)],
        facts: &[],
        schemas: &[],
        documents: &[],
        chosen: None,
        environment: &|_| None,
        unset_is_mistake: true,
    });
    let suite = suite.unwrap();
    let mistakes = Plan::new(&suite, Timestamp::UNIX_EPOCH).err();
    let mistakes = mistakes.into_iter().flatten();
    mistakes.map(|mistake| mistake.message).collect()
}

#[test]
fn a_status_in_the_table_may_be_any_kind_that_is_declared_for_it() {
    assert_eq!(mistakes("404", "404"), Vec::<String>::new());
    assert_eq!(mistakes("401", "403"), Vec::<String>::new());
}

#[test]
fn a_status_of_another_kind_disagrees_with_the_policy() {
    let forbidden = "the table expects a denial (forbidden), the policy a denial (unauthenticated)";
    assert_eq!(mistakes("403", "404"), [forbidden]);
    let unauthenticated =
        "the table expects a denial (unauthenticated), the policy a denial (forbidden)";
    assert_eq!(mistakes("404", "401"), [unauthenticated]);
}
