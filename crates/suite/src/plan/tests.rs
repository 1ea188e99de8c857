//! The plan is a function of its inputs, and its names outlive changes elsewhere.

use std::collections::BTreeMap;

use authz::source::Source;
use jiff::Timestamp;
use proptest::prelude::*;

use super::{Phase, Plan, PlannedCell, is_allowed};
use crate::file::{Inputs, read_suite};
use crate::model::Suite;

const POLICY: &str = r#"
version: 1
types:
  user: { actions: { list: collection } }
  post:
    attributes: { owner: user, tenant: tenant }
    actions: { create: collection, read: instance, update: instance, delete: instance, audit: instance }
roles:
  viewer: { can: { post: [read] } }
  editor: { includes: [viewer], can: { post: [create, update] } }
tenants: { conceal: true }
rules:
  - name: owner
    permit: { post: [delete] }
    when: resource.owner == subject
  - name: office-hours
    deny: { post: [update] }
    when: "!within(now, '08:00', '18:00', 'UTC')"
"#;

/// Noon, when everything that depends on the time is allowed.
fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn read(suite: &str, policy: Option<&str>) -> Suite {
    let policy: Vec<Source> = policy
        .map(|text| Source::new("policy.yaml", text))
        .into_iter()
        .collect();
    let suite = Source::new("lockstep.yaml", suite);
    let inputs = Inputs {
        suite: &suite,
        policy: &policy,
        facts: &[],
        schemas: &[],
        documents: &[],
        chosen: None,
        environment: &|_| None,
        unset_is_mistake: true,
    };
    read_suite(&inputs).unwrap_or_else(|mistakes| {
        let sources: Vec<Source> = policy.iter().cloned().chain([suite.clone()]).collect();
        panic!("{}", authz::source::render(&mistakes, &sources, false))
    })
}

/// A suite of these actors and actions, in this order.
fn suite(actors: &[Actor], actions: &[&str]) -> Suite {
    let mut text = String::from(
        "version: 1\npolicy: policy/\ntargets: { api: { http: \"http://127.0.0.1:1\" } }\n\
         sessions: { key: { bearer: \"{{ actor.key }}\" } }\nactors:\n  anonymous: {}\n",
    );
    for actor in actors {
        text += &format!(
            "  {0}: {{ subject: \"user:{0}\", tenant: {1}, roles: [{2}], session: key, key: k-{0} }}\n",
            actor.name, actor.tenant, actor.role
        );
    }
    let names: Vec<&str> = actors.iter().map(|actor| actor.name.as_str()).collect();
    text += &format!(
        "resources:\n  post:\n    on: api\n    owners: [{}]\n    create: {{ POST: /posts, json: {{ t: \"{{{{ unique }}}}\" }}, id: $.id }}\n    \
         attributes: {{ owner: \"{{{{ owner.subject }}}}\", tenant: \"{{{{ owner.tenant }}}}\" }}\nactions:\n  post:\n",
        names.join(", ")
    );
    for action in actions {
        text += &match *action {
            "create" => "    create: { api: { POST: /posts } }\n".to_owned(),
            "read" => "    read: { api: { GET: \"/posts/{{ post.id }}\" } }\n".to_owned(),
            other => format!(
                "    {other}: {{ api: {{ POST: \"/posts/{{{{ post.id }}}}/{other}\" }} }}\n"
            ),
        };
    }
    read(&text, Some(POLICY))
}

#[derive(Debug, Clone)]
struct Actor {
    name: String,
    tenant: &'static str,
    role: &'static str,
}

fn actors() -> impl Strategy<Value = Vec<Actor>> {
    let role = prop_oneof![Just("viewer"), Just("editor")];
    let tenant = prop_oneof![Just("acme"), Just("globex")];
    prop::collection::vec((role, tenant), 1..6).prop_map(|kinds| {
        kinds
            .into_iter()
            .enumerate()
            .map(|(index, (role, tenant))| Actor {
                name: format!("actor{index}"),
                tenant,
                role,
            })
            .collect()
    })
}

fn actions() -> impl Strategy<Value = Vec<&'static str>> {
    let all = vec!["create", "read", "update", "delete", "audit"];
    prop::sample::subsequence(all.clone(), 1..=all.len()).prop_shuffle()
}

fn planned(suite: &Suite) -> Vec<PlannedCell> {
    let plan = Plan::new(suite, noon()).unwrap();
    plan.records(suite).collect()
}

/// What there is to say of each cell, by its name.
fn by_name(suite: &Suite) -> BTreeMap<String, String> {
    planned(suite)
        .into_iter()
        .map(|cell| {
            (
                cell.cell.clone(),
                format!("{:?} {:?}", cell.phase, cell.expected),
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn the_same_inputs_make_the_same_plan(actors in actors(), actions in actions()) {
        let first = planned(&suite(&actors, &actions));
        let second = planned(&suite(&actors, &actions));
        prop_assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }

    #[test]
    fn names_are_unique_and_those_of_others_stay(actors in actors(), actions in actions(), drop in any::<prop::sample::Index>()) {
        let whole = by_name(&suite(&actors, &actions));
        prop_assert_eq!(whole.len(), planned(&suite(&actors, &actions)).len());
        let mut fewer_actors = actors.clone();
        let dropped = fewer_actors.remove(drop.index(actors.len())).name;
        if !fewer_actors.is_empty() {
            let part = by_name(&suite(&fewer_actors, &actions));
            for (name, said) in &part {
                prop_assert_eq!(whole.get(name).map(|said| strip(said)), Some(strip(said)), "{}", name);
            }
            for name in whole.keys().filter(|name| !part.contains_key(*name)) {
                prop_assert!(name.contains(&dropped), "{} is gone without {}", name, dropped);
            }
        }
        let mut fewer_actions = actions.clone();
        let dropped = fewer_actions.remove(drop.index(actions.len()));
        if !fewer_actions.is_empty() {
            let part = by_name(&suite(&actors, &fewer_actions));
            for name in whole.keys().filter(|name| !part.contains_key(*name)) {
                let gone = format!("post.{dropped}");
                prop_assert!(name.contains(&gone), "{} is gone without {}", name, gone);
            }
        }
    }

    #[test]
    fn a_new_name_changes_only_the_cells_that_bear_it(actors in actors(), actions in actions(), pick in any::<prop::sample::Index>()) {
        let whole = by_name(&suite(&actors, &actions));
        let mut renamed_actors = actors.clone();
        let index = pick.index(actors.len());
        let old = actors[index].name.clone();
        renamed_actors[index].name = "renamed".to_owned();
        let renamed = by_name(&suite(&renamed_actors, &actions));
        prop_assert_eq!(whole.len(), renamed.len());
        for name in whole.keys() {
            prop_assert!(renamed.contains_key(&name.replace(&old, "renamed")), "{}", name);
        }
    }

    #[test]
    fn a_control_is_allowed_and_comes_before(actors in actors(), actions in actions()) {
        let suite = suite(&actors, &actions);
        let plan = Plan::new(&suite, noon()).unwrap();
        for (index, cell) in plan.cells.iter().enumerate() {
            for &control in &cell.controls {
                prop_assert!(is_allowed(&plan.cells[control]));
                prop_assert!(control < index || is_allowed(cell));
                prop_assert!(control != index);
            }
        }
        let phases: Vec<Phase> = plan.cells.iter().map(|cell| cell.phase).collect();
        prop_assert!(phases.is_sorted());
    }

    #[test]
    fn a_part_of_a_plan_has_everything_that_it_counts_beside(actors in actors(), actions in actions(), pick in any::<prop::sample::Index>()) {
        let suite = suite(&actors, &actions);
        let whole = Plan::new(&suite, noon()).unwrap();
        let index = pick.index(whole.cells.len());
        let name = whole.name(&suite, index);
        let controls: Vec<String> = whole.cells[index].controls.iter().map(|&c| whole.name(&suite, c)).collect();
        let part = whole.select(&suite, std::slice::from_ref(&name));
        let names: Vec<String> = (0..part.cells.len()).map(|cell| part.name(&suite, cell)).collect();
        let found = names.iter().position(|other| *other == name);
        prop_assert!(found.is_some());
        let found: Vec<String> = part.cells[found.unwrap()].controls.iter().map(|&c| names[c].clone()).collect();
        prop_assert_eq!(found, controls);
    }
}

proptest! {
    #[test]
    fn every_cell_is_in_some_shard_with_its_controls(actors in actors(), actions in actions(), count in 1..9_u8) {
        let suite = suite(&actors, &actions);
        let whole = Plan::new(&suite, noon()).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for number in 1..=count {
            let shard = format!("{number}/{count}").parse().unwrap();
            let part = Plan::new(&suite, noon()).unwrap().shard(&suite, shard);
            for (index, cell) in part.cells.iter().enumerate() {
                let name = part.name(&suite, index);
                let original = whole.cells.iter().position(|cell| super::name(&suite, cell.actor, cell.trial) == name);
                let controls = |plan: &Plan, controls: &[usize]| -> Vec<String> {
                    controls.iter().map(|&control| plan.name(&suite, control)).collect()
                };
                // What is here only as a control may count beside fewer of its own kind.
                let all = controls(&whole, &whole.cells[original.unwrap()].controls);
                let here = controls(&part, &cell.controls);
                prop_assert!(here.iter().all(|control| all.contains(control)));
                if !is_allowed(cell) {
                    prop_assert_eq!(here, all);
                }
                seen.insert(name);
            }
        }
        prop_assert_eq!(seen.len(), whole.cells.len());
    }
}

/// Places in the file move when lines come and go; nothing else may.
fn strip(said: &str) -> String {
    said.split("place").next().unwrap().to_owned()
}

fn actor(name: &str, tenant: &'static str, role: &'static str) -> Actor {
    Actor {
        name: name.to_owned(),
        tenant,
        role,
    }
}

#[test]
fn plan_of_a_small_suite() {
    let actors = [
        actor("editor", "acme", "editor"),
        actor("viewer", "acme", "viewer"),
        actor("outsider", "globex", "editor"),
    ];
    let suite = suite(&actors, &["create", "read", "update", "delete", "audit"]);
    let lines: Vec<String> = planned(&suite)
        .into_iter()
        .map(|cell| {
            let expected = cell.expected.denial.unwrap_or(cell.expected.what);
            let control = cell.control.unwrap_or_else(|| "-".to_owned());
            let place = cell
                .expected
                .place
                .map_or_else(String::new, |place| place.to_string());
            format!(
                "{:<32} {:<16} {:<28} {place:<17} {}",
                cell.cell, expected, control, cell.expected.reason
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_depends_on_the_time_is_planned_for_that_time() {
    let suite = suite(&[actor("editor", "acme", "editor")], &["update"]);
    let expected = |time: &str| {
        let plan = Plan::new(&suite, time.parse().unwrap()).unwrap();
        let cells: Vec<PlannedCell> = plan.records(&suite).collect();
        let cell = cells
            .iter()
            .find(|cell| cell.cell == "editor/post.update/editor");
        cell.unwrap().expected.what.clone()
    };
    assert_eq!(expected("2026-11-22T17:59:59Z"), "allow");
    assert_eq!(expected("2026-11-22T18:00:00Z"), "deny");
}

#[test]
fn a_table_alone_says_which_cells_there_are() {
    let suite = read(
        r#"
version: 1
targets: { api: { http: "http://127.0.0.1:1" } }
sessions: { key: { bearer: "{{ actor.key }}" } }
actors: { anonymous: {}, editor: { session: key, key: secret }, viewer: { session: key, key: other } }
resources: { post: { on: api, owners: [editor], create: { POST: /posts }, id: $.id } }
actions: { post: { read: { api: { GET: "/posts/{{ post.id }}" } }, list: { api: { GET: /posts } } } }
expect: |
  action               anonymous  editor
  post.read of editor  401        allow
"#
        .replace("create: { POST: /posts }, id: $.id", "create: { POST: /posts, id: $.id }")
        .as_str(),
        None,
    );
    let names: Vec<String> = planned(&suite).into_iter().map(|cell| cell.cell).collect();
    assert_eq!(
        names,
        ["editor/post.read/editor", "anonymous/post.read/editor"]
    );
}

#[test]
fn policy_and_table_must_agree() {
    let text = r#"
version: 1
policy: policy/
targets: { api: { http: "http://127.0.0.1:1" } }
sessions: { key: { bearer: "{{ actor.key }}" } }
actors: { anonymous: {}, viewer: { subject: "user:v", tenant: acme, roles: [viewer], session: key, key: other } }
actions: { post: { create: { api: { POST: /posts } } } }
expect: |
  action       anonymous  viewer
  post.create  403        allow
"#;
    let suite = read(text, Some(POLICY));
    let mistakes = Plan::new(&suite, noon()).unwrap_err();
    let sources = [Source::new("lockstep.yaml", text)];
    insta::assert_snapshot!(authz::source::render(&mistakes, &sources, false));
}

/// Without `rows`, any one row that is reached would count as done.
#[test]
fn what_is_decided_row_by_row_needs_rows() {
    let text = r#"
version: 1
policy: policy/
targets: { db: { postgres: "postgres://db.test/shop" } }
actors: { vera: { subject: "user:vera", tenant: acme, roles: [ROLE] } }
actions: { post: { read: { db: { select: posts } }, create: { db: { insert: posts, values: { id: 1 } } } } }
"#;
    let told = text.replace("ROLE", "viewer");
    let mistakes = Plan::new(&read(&told, Some(POLICY)), noon()).unwrap_err();
    let sources = [Source::new("lockstep.yaml", &told)];
    insta::assert_snapshot!(authz::source::render(&mistakes, &sources, false));
    // Nobody is permitted anything, whatever rows there are.
    let nobody = text.replace(", roles: [ROLE]", "");
    let plan = Plan::new(&read(&nobody, Some(POLICY)), noon());
    assert_eq!(plan.unwrap().cells.len(), 2);
}
