//! Expand: what a relation of an object follows from, one step deep.

use std::sync::Arc;

use authz::language::{openfga, spicedb};
use authz::resolution::{Engine, Member, Tree};
use authz::source::Source;
use authz::{Reference, Relationship, Store};

const OPENFGA: &str = "\
model
  schema 1.1
type user
type group
  relations
    define member: [user]
type folder
  relations
    define viewer: [user]
type document
  relations
    define parent: [folder, group]
    define banned: [user]
    define owner: [user]
    define viewer: ([user, user:*, group#member, user with small] or owner or viewer from parent) but not banned
    define editor: owner and viewer
condition small(x: int) { x < 3 }
";
const SPICEDB: &str = "\
use self
definition user {}
definition folder {
  relation viewer: user
}
definition document {
  relation parent: folder
  permission shared = parent.all(viewer) + self + nil
}
";
const FACTS: [&str; 8] = [
    "document:1#parent@folder:b",
    "document:1#parent@folder:a",
    // A group has no viewers: the arrow passes it over.
    "document:1#parent@group:g",
    "document:1#viewer@user:ben[small]",
    "document:1#viewer@user:ann",
    "document:1#viewer@group:g#member",
    "document:1#viewer@user:*",
    "document:2#viewer@user:cat",
];

fn engine(text: &str, facts: &[&str]) -> Engine {
    let source = Source::new("model", text);
    let read = match text.starts_with("model") {
        true => openfga::read(&source),
        false => spicedb::read(&source),
    };
    let mut store = Store::new();
    for fact in facts {
        store.write(&fact.parse::<Relationship>().unwrap());
    }
    Engine::new(Arc::new(read.unwrap()), store.snapshot())
}

fn shown(tree: &Tree) -> String {
    let all = |parts: &[Tree], sign: &str| {
        let parts: Vec<String> = parts.iter().map(shown).collect();
        format!("({})", parts.join(sign))
    };
    let members = |members: &[Member]| {
        let members = members.iter().map(|it| {
            let condition = if it.is_conditional { "?" } else { "" };
            format!("{}{condition}", it.subject)
        });
        members.collect::<Vec<String>>().join(" ")
    };
    match tree {
        Tree::Subjects(found) => format!("[{}]", members(found)),
        Tree::Relation(of) => of.to_string(),
        Tree::Arrow {
            through,
            computed,
            to,
            all,
        } => {
            let all = if *all { ".all" } else { "" };
            format!("{through}->{computed}{all}[{}]", members(to))
        }
        Tree::Union(parts) => all(parts, " + "),
        Tree::Intersection(parts) => all(parts, " & "),
        Tree::Exclusion(parts) => all(&**parts, " - "),
        Tree::Itself(object) => object.to_string(),
        Tree::Nobody => "nobody".to_owned(),
    }
}

#[test]
fn a_relation_is_told_with_what_it_follows_from() {
    let expand = |engine: &Engine, object: &str, relation: &str| {
        let tree = engine.expand(&Reference::new("document", object), relation);
        tree.map_or_else(|error| error.to_string(), |tree| shown(&tree))
    };
    let both = engine(OPENFGA, &FACTS);
    for (object, relation, told) in [
        (
            "1",
            "viewer",
            "(([group:g#member user:* user:ann user:ben?] + document:1#owner + \
             document:1#parent->viewer[folder:a#viewer folder:b#viewer]) - document:1#banned)",
        ),
        ("1", "editor", "(document:1#owner & document:1#viewer)"),
        ("1", "banned", "[]"),
        ("2", "parent", "[]"),
        ("unknown", "owner", "[]"),
        ("1", "vewer", "`document` has no relation `vewer`"),
    ] {
        assert_eq!(expand(&both, object, relation), told);
    }
    let other = engine(SPICEDB, &FACTS[..2]);
    assert_eq!(
        expand(&other, "1", "shared"),
        "(document:1#parent->viewer.all[folder:a#viewer folder:b#viewer] + document:1 + nobody)"
    );
}
