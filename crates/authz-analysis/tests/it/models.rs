//! Policies over relation models of which one relation differs: what does not follow from it is
//! compared exactly, and the rest is told with the relation.

use authz::source::Source;
use authz::{Facts, Policy, read_policy};
use authz_analysis::diff::{Diff, Limits, Side, diff};

use crate::conformance::now;

const MODEL: &str = "\
model
  schema 1.1
type user
type folder
  relations
    define viewer: [user]
type doc
  relations
    define parent: [folder]
    define editor: [user]
    define viewer: [user] or editor or viewer from parent
";

fn policy(model: &str, writer: &str) -> Policy {
    let text = format!(
        "version: 1\ntypes: {{ user: {{}}, folder: {{}}, doc: {{ actions: {{ read: instance, write: instance }} }} }}\n\
         relations: model.fga\nrelated: {{ doc: {{ read: viewer, write: editor }} }}\nroles: {{ clerk: {{ can: {{ doc: [{writer}] }} }} }}\n"
    );
    let sources = [
        Source::new("policy.yaml", &text),
        Source::new("model.fga", model),
    ];
    read_policy(&sources).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

fn compare(old: &Policy, new: &Policy) -> Diff {
    let side = |policy| Side {
        policy,
        facts: Facts::none(),
    };
    diff(side(old), side(new), now(), Limits::default())
}

fn actions(found: &Diff) -> Vec<&str> {
    let lines = found.lines.iter();
    lines
        .flat_map(|it| &it.actions)
        .map(String::as_str)
        .collect()
}

#[test]
fn only_what_follows_from_a_relation_that_differs_is_bounded() {
    let old = policy(MODEL, "");
    let without = MODEL.replace(" or viewer from parent", "");
    let found = compare(&old, &policy(&without, ""));
    assert_eq!(actions(&found), ["read"]);
    let bound =
        "read doc: relations differ (doc#viewer): only small sets of relationships were tried";
    assert_eq!(found.bounds, [bound]);
    // What the role may do is another matter, and the relation beside it is the same.
    let found = compare(&old, &policy(&without, "write"));
    assert_eq!(actions(&found), ["write", "read"]);
    assert_eq!(found.bounds, [bound]);
}

#[test]
fn a_relation_further_away_is_named_and_one_that_nothing_asks_for_is_not() {
    let old = policy(MODEL, "");
    let folder = MODEL.replacen("define viewer: [user]", "define viewer: [user, user:*]", 1);
    let found = compare(&old, &policy(&folder, ""));
    assert!(
        found.bounds[0].contains("(folder#viewer)"),
        "{:?}",
        found.bounds
    );
    let more = MODEL.replacen(
        "define viewer: [user]",
        "define viewer: [user]\n    define owner: [user]",
        1,
    );
    let found = compare(&old, &policy(&more, ""));
    assert!(found.is_equal(), "{:?}", found.bounds);
}
