//! Where the two languages differ, one test a row: the outcomes are those that OpenFGA 1.22 and
//! SpiceDB 1.54 gave when they were run.

use std::sync::Arc;

use authz::language::{openfga, spicedb};
use authz::resolution::{Answer, Circumstances, Engine, ResolutionError, SubjectFilter};
use authz::source::Source;
use authz::{RelationModel, Relationship, Store, SubjectReference};
use serde_json::{Map, Value as Json};

fn fga(types: &str) -> Result<RelationModel, String> {
    let text = format!("model\n  schema 1.1\n{types}");
    openfga::read(&Source::new("m.fga", &text)).map_err(|it| it[0].message.clone())
}

fn zed(text: &str) -> Result<RelationModel, String> {
    spicedb::read(&Source::new("m.zed", text)).map_err(|it| it[0].message.clone())
}

pub(crate) fn engine(model: RelationModel, facts: &[&str]) -> Engine {
    let mut store = Store::new();
    for fact in facts {
        let fact: Relationship = fact.parse().unwrap();
        fact.check(&model)
            .unwrap_or_else(|error| panic!("{fact}: {error}"));
        store.write(&fact);
    }
    Engine::new(Arc::new(model), store.snapshot())
}

/// The answer to `object#relation@subject`, with a context behind ` with `.
fn ask(engine: &Engine, question: &str) -> String {
    let (fact, context) = question.split_once(" with ").unwrap_or((question, "{}"));
    let context: Map<String, Json> = serde_json::from_str(context).unwrap();
    let fact: Relationship = fact.parse().unwrap();
    let circumstances = Circumstances {
        context: &context,
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
    };
    match engine.check(&fact.object, &fact.relation, &fact.subject, circumstances) {
        Ok(Answer::Yes) => "yes".to_owned(),
        Ok(Answer::No) => "no".to_owned(),
        Ok(Answer::Conditional(names)) => {
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            format!("needs {}", names.join(", "))
        }
        Ok(Answer::Failed(error)) => error.to_string(),
        Err(error) => format!("mistake: {error}"),
    }
}

fn list(
    engine: &Engine,
    type_name: &str,
    relation: &str,
    subject: &str,
    context: &str,
) -> Vec<String> {
    let context: Map<String, Json> = serde_json::from_str(context).unwrap();
    let circumstances = Circumstances {
        context: &context,
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
    };
    let subject: SubjectReference = subject.parse().unwrap();
    let page = (None, 1_000);
    let found = engine
        .list_objects(type_name, relation, &subject, circumstances, page)
        .unwrap();
    let shown = found.items.iter().map(|it| match it.missing.is_empty() {
        true => it.object.to_string(),
        false => format!("{} needs {:?}", it.object, it.missing),
    });
    shown
        .chain(found.failed.iter().map(|it| it.1.to_string()))
        .collect()
}

const BAN_FGA: &str = "type user\ntype doc\n  relations\n    define viewer: [user, user:*]\n    define banned: [user]\n    define can: viewer but not banned\n";
const BAN_ZED: &str = "definition user {}\ndefinition doc {\n  relation viewer: user | user:*\n  relation banned: user\n  permission can = viewer - banned\n}\n";

#[test]
fn row_1_every_object_of_a_type_as_subject() {
    let facts = ["doc:1#viewer@user:*", "doc:1#banned@user:eve"];
    let openfga = engine(fga(BAN_FGA).unwrap(), &facts);
    assert_eq!(ask(&openfga, "doc:1#can@user:*"), "yes");
    assert_eq!(ask(&openfga, "doc:1#can@user:eve"), "no");
    let spicedb = engine(zed(BAN_ZED).unwrap(), &facts);
    assert_eq!(
        ask(&spicedb, "doc:1#can@user:*"),
        "mistake: `user:*` is not one subject"
    );
    let context = Map::new();
    let circumstances = Circumstances {
        context: &context,
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
    };
    let filter = SubjectFilter {
        type_name: "user",
        relation: None,
    };
    let object = "doc:1".parse().unwrap();
    let found = spicedb
        .list_subjects(&object, "can", filter, circumstances, (None, 10))
        .unwrap();
    let excluded: Vec<String> = found.items[0]
        .excluded
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        (found.items.len(), excluded),
        (1, vec!["user:eve".to_owned()])
    );
}

const GROUP_FGA: &str =
    "type user\ntype group\n  relations\n    define member: [user, group#member]\n";
const GROUP_ZED: &str = "definition user {}\ndefinition group {\n  relation member: user | group#member\n  relation other: user\n  permission all = member + other\n}\n";

#[test]
fn row_2_a_cycle_in_the_facts() {
    let facts = [
        "group:a#member@group:b#member",
        "group:b#member@group:a#member",
        "group:c#member@user:ann",
    ];
    let openfga = engine(fga(GROUP_FGA).unwrap(), &facts);
    assert_eq!(ask(&openfga, "group:a#member@user:ann"), "no");
    let with_sibling = [
        &facts[..],
        &["group:a#other@user:ann", "group:b#member@user:bob"],
    ]
    .concat();
    let spicedb = engine(zed(GROUP_ZED).unwrap(), &with_sibling);
    assert_eq!(
        ask(&spicedb, "group:a#member@user:ann"),
        "the relation depends on itself"
    );
    assert_eq!(ask(&spicedb, "group:a#all@user:ann"), "yes");
    assert_eq!(ask(&spicedb, "group:a#member@user:bob"), "yes");
}

#[test]
fn row_3_depth() {
    let chain = |hops: usize| -> Vec<String> {
        let links = (0..hops).map(|at| format!("group:{at}#member@group:{}#member", at + 1));
        links
            .chain([
                format!("group:{hops}#member@user:ann"),
                "group:x#member@user:bob".to_owned(),
            ])
            .collect()
    };
    for (model, most) in [(fga(GROUP_FGA).unwrap(), 25), (zed(GROUP_ZED).unwrap(), 49)] {
        for (hops, expected) in [
            (most, "yes"),
            (most + 1, "the way along the facts is too long"),
            (100_000, "the way along the facts is too long"),
        ] {
            let facts = chain(hops);
            let mut store = Store::new();
            for fact in &facts {
                store.write(&fact.parse().unwrap());
            }
            let engine = Engine::new(Arc::new(model.clone()), store.snapshot());
            assert_eq!(ask(&engine, "group:0#member@user:ann"), expected, "{hops}");
            if model.language().is_openfga() {
                assert_eq!(ask(&engine, "group:0#member@user:stranger"), "no");
            }
        }
    }
}

const COND: &str = "type user\ntype doc\n  relations\n    define viewer: [user with either]\n    define banned: [user with either, user]\n    define free: [user] or viewer\n    define can: viewer but not banned\n    define all: [user] but not banned\ncondition either(a: int, b: bool) {\n  b || a > 1\n}\n";
const COND_ZED: &str = "caveat either(a int, b bool) { b || a > 1 }\ndefinition user {}\ndefinition doc {\n  relation viewer: user with either\n  relation banned: user with either | user\n  relation direct: user\n  permission free = direct + viewer\n  permission can = viewer - banned\n  permission all = direct - banned\n}\n";

#[test]
fn row_4_a_parameter_that_does_not_matter() {
    let facts = ["doc:1#viewer@user:ann[either:{\"b\":true}]"];
    assert_eq!(
        ask(&engine(fga(COND).unwrap(), &facts), "doc:1#viewer@user:ann"),
        "needs a"
    );
    let spicedb = engine(zed(COND_ZED).unwrap(), &facts);
    assert_eq!(ask(&spicedb, "doc:1#viewer@user:ann"), "yes");
    assert_eq!(ask(&spicedb, "doc:1#viewer@user:bob"), "no");
}

#[test]
fn row_5_a_missing_parameter_under_an_exclusion() {
    let facts = [
        "doc:1#banned@user:ann[either]",
        "doc:2#viewer@user:bob[either]",
        "doc:2#banned@user:bob",
    ];
    let openfga = engine(
        fga(COND).unwrap(),
        &[&facts[..], &["doc:1#all@user:ann"]].concat(),
    );
    assert_eq!(ask(&openfga, "doc:1#all@user:ann"), "needs a, b");
    assert_eq!(ask(&openfga, "doc:2#can@user:bob"), "no");
    let spicedb = engine(
        zed(COND_ZED).unwrap(),
        &[&facts[..], &["doc:1#direct@user:ann"]].concat(),
    );
    assert_eq!(ask(&spicedb, "doc:1#all@user:ann"), "needs a, b");
    assert_eq!(ask(&spicedb, "doc:1#all@user:ann with {\"b\": true}"), "no");
    assert_eq!(
        ask(&spicedb, "doc:1#all@user:ann with {\"a\": 0}"),
        "needs b"
    );
}

#[test]
fn row_6_one_way_suffices_and_another_lacks_its_context() {
    let facts = ["doc:1#viewer@user:ann[either]"];
    let openfga = engine(
        fga(COND).unwrap(),
        &[&facts[..], &["doc:1#free@user:ann"]].concat(),
    );
    assert_eq!(ask(&openfga, "doc:1#free@user:ann"), "yes");
    assert_eq!(
        list(&openfga, "doc", "free", "user:ann", "{}"),
        ["doc:1 needs {\"a\", \"b\"}"]
    );
    assert_eq!(
        list(
            &openfga,
            "doc",
            "free",
            "user:ann",
            "{\"a\": 0, \"b\": false}"
        ),
        ["doc:1"]
    );
    let spicedb = engine(
        zed(COND_ZED).unwrap(),
        &[&facts[..], &["doc:1#direct@user:ann"]].concat(),
    );
    assert_eq!(ask(&spicedb, "doc:1#free@user:ann"), "yes");
    assert_eq!(list(&spicedb, "doc", "free", "user:ann", "{}"), ["doc:1"]);
}

#[test]
fn row_7_targets_of_an_arrow_that_lack_the_relation_are_passed_over() {
    let model = "type user\ntype team\ntype folder\n  relations\n    define viewer: [user]\ntype doc\n  relations\n    define parent: [folder, team]\n    define viewer: viewer from parent\n";
    let facts = [
        "doc:1#parent@team:a",
        "doc:1#parent@folder:b",
        "folder:b#viewer@user:ann",
    ];
    assert_eq!(
        ask(
            &engine(fga(model).unwrap(), &facts),
            "doc:1#viewer@user:ann"
        ),
        "yes"
    );
    let model = "definition user {}\ndefinition team {}\ndefinition folder {\n  relation viewer: user\n}\ndefinition doc {\n  relation parent: folder | team\n  permission view = parent->viewer\n  permission every = parent.all(viewer)\n}\n";
    let spicedb = engine(zed(model).unwrap(), &facts);
    assert_eq!(ask(&spicedb, "doc:1#view@user:ann"), "yes");
    assert_eq!(ask(&spicedb, "doc:1#every@user:ann"), "no");
}

#[test]
fn row_8_an_arrow_that_leads_to_no_such_relation() {
    let model = "type user\ntype team\ntype doc\n  relations\n    define parent: [team]\n    define viewer: [user] or viewer from parent\n";
    assert_eq!(
        fga(model).unwrap_err(),
        "no type that `parent` leads to has a relation `viewer`"
    );
    let model = "definition user {}\ndefinition team {}\ndefinition doc {\n  relation parent: team\n  permission view = parent->viewer\n}\n";
    let spicedb = engine(zed(model).unwrap(), &["doc:1#parent@team:a"]);
    assert_eq!(ask(&spicedb, "doc:1#view@user:ann"), "no");
}

#[test]
fn row_9_the_left_side_of_an_arrow() {
    let model = |parent: &str| {
        format!(
            "type user\ntype folder\n  relations\n    define parent: [folder]\n    define viewer: [user]\ntype doc\n  relations\n    define parent: {parent}\n    define viewer: viewer from parent\n"
        )
    };
    assert!(
        fga(&model("[folder] or holder\n    define holder: [folder]"))
            .unwrap_err()
            .contains("does not lead to objects")
    );
    assert!(
        fga(&model("[folder, folder:*]"))
            .unwrap_err()
            .contains("every object")
    );
    let openfga = engine(
        fga(&model("[folder, folder#parent]")).unwrap(),
        &[
            "doc:1#parent@folder:a#parent",
            "folder:a#viewer@user:ann",
            "doc:2#parent@folder:a",
        ],
    );
    assert_eq!(ask(&openfga, "doc:1#viewer@user:ann"), "no");
    assert_eq!(ask(&openfga, "doc:2#viewer@user:ann"), "yes");
    let model = |parent: &str| {
        format!(
            "definition user {{}}\ndefinition folder {{\n  relation parent: folder\n  relation viewer: user\n}}\ndefinition doc {{\n  relation parent: {parent}\n  permission via = parent\n  permission view = parent->viewer\n}}\n"
        )
    };
    assert!(
        zed(&model("folder:*"))
            .unwrap_err()
            .contains("every object")
    );
    assert!(
        zed(&model("folder").replace("parent->", "via->"))
            .unwrap_err()
            .contains("is a permission")
    );
    let spicedb = engine(
        zed(&model("folder | folder#parent")).unwrap(),
        &["doc:1#parent@folder:a#parent", "folder:a#viewer@user:ann"],
    );
    assert_eq!(ask(&spicedb, "doc:1#view@user:ann"), "yes");
}

#[test]
fn row_10_a_userset_that_may_hold_everybody() {
    let model = "type user\ntype group\n  relations\n    define member: [user, user:*]\ntype doc\n  relations\n    define viewer: [group#member]\n";
    let openfga = engine(
        fga(model).unwrap(),
        &["group:all#member@user:*", "doc:1#viewer@group:all#member"],
    );
    assert_eq!(ask(&openfga, "doc:1#viewer@user:ann"), "yes");
    let model = "definition user {}\ndefinition group {\n  relation member: user | user:*\n}\ndefinition doc {\n  relation viewer: group#member\n}\n";
    assert!(zed(model).unwrap_err().contains("may hold every object"));
}

#[test]
fn row_11_mixed_operators() {
    let model = "type user\ntype doc\n  relations\n    define a: [user]\n    define b: [user]\n    define c: a or b and a\n";
    assert_eq!(fga(model).unwrap_err(), "`and` beside `or`");
    let model = zed("definition user {}\ndefinition doc {\n  relation aaa: user\n  relation bbb: user\n  relation ccc: user\n  relation ddd: user\n  permission mix = aaa - bbb & ccc + ddd\n  permission two = aaa + bbb & ccc - ddd\n}\n").unwrap();
    let text = spicedb::print(&model).unwrap();
    assert!(text.contains("mix = aaa - (bbb & (ccc + ddd))"), "{text}");
    assert!(text.contains("two = ((aaa + bbb) & ccc) - ddd"), "{text}");
}

#[test]
fn row_12_ids_and_names() {
    let check = |fact: &str, model: &RelationModel| {
        fact.parse::<Relationship>()
            .and_then(|it| it.check(model).map_err(|error| error.message))
    };
    let (openfga, spicedb) = (fga(BAN_FGA).unwrap(), zed(BAN_ZED).unwrap());
    assert_eq!(check("doc:1#viewer@user:ann@x.com", &openfga), Ok(()));
    assert!(check("doc:1#viewer@user:a:b", &openfga).is_err());
    assert!(
        check("doc:1#viewer@user:ann@x.com", &spicedb)
            .unwrap_err()
            .contains("not an id")
    );
    assert_eq!(check("doc:1#viewer@user:a/b_c|d-e=f+", &spicedb), Ok(()));
    assert!(zed("definition ab {}").unwrap_err().contains("not a name"));
    assert!(zed("definition Abc {}").unwrap_err().contains("not a name"));
    assert!(fga("type a\n  relations\n    define B: [a]\n").is_ok());
}

#[test]
fn row_13_a_userset_is_its_own_member() {
    assert_eq!(
        ask(
            &engine(fga(GROUP_FGA).unwrap(), &[]),
            "group:a#member@group:a#member"
        ),
        "yes"
    );
    let spicedb = engine(zed(GROUP_ZED).unwrap(), &[]);
    assert_eq!(ask(&spicedb, "group:a#member@group:a#member"), "yes");
    assert_eq!(ask(&spicedb, "group:a#all@group:a#member"), "yes");
    assert_eq!(ask(&spicedb, "group:a#member@group:a#all"), "no");
}

#[test]
fn what_is_written_for_a_group_is_not_for_its_members() {
    let model = "type user\ntype group\n  relations\n    define member: [user]\ntype doc\n  relations\n    define walked: [group, group#member]\n    define banned: [user]\n    define can: [group, group#member] but not banned\n";
    for relation in ["walked", "can"] {
        let of_group = format!("doc:1#{relation}@group:a");
        let of_members = format!("doc:1#{relation}@group:a#member");
        for (written, asked, expected) in [
            (&of_group, &of_group, "yes"),
            (&of_group, &of_members, "no"),
            (&of_members, &of_members, "yes"),
            (&of_members, &of_group, "no"),
        ] {
            let engine = engine(fga(model).unwrap(), &[written]);
            assert_eq!(ask(&engine, asked), expected, "{written} asked {asked}");
        }
    }
}

#[test]
fn row_14_what_is_stored_wins() {
    let facts = ["doc:1#viewer@user:ann[either:{\"a\":0,\"b\":false}]"];
    let question = "doc:1#viewer@user:ann with {\"a\": 5, \"b\": true}";
    assert_eq!(ask(&engine(fga(COND).unwrap(), &facts), question), "no");
    assert_eq!(ask(&engine(zed(COND_ZED).unwrap(), &facts), question), "no");
}

#[test]
fn row_15_a_write_tells_whether_it_changed_anything() {
    let mut store = Store::new();
    let fact: Relationship = "doc:1#viewer@user:ann".parse().unwrap();
    assert!(store.write(&fact));
    assert!(!store.write(&fact));
    assert!(store.write(&"doc:1#viewer@user:ann[either]".parse().unwrap()));
}

#[test]
fn row_16_facts_that_the_model_no_longer_allows() {
    let mut store = Store::new();
    for fact in [
        "doc:1#viewer@user:ann",
        "doc:1#viewer@group:a#member",
        "group:a#member@user:bob",
        "doc:1#viewer@user:eve[late]",
        "doc:1#gone@user:ann",
    ] {
        store.write(&fact.parse().unwrap());
    }
    let model = "type user\ntype group\n  relations\n    define member: [user]\ntype doc\n  relations\n    define viewer: [group]\n";
    let engine = Engine::new(Arc::new(fga(model).unwrap()), store.snapshot());
    for user in ["ann", "bob", "eve"] {
        assert_eq!(ask(&engine, &format!("doc:1#viewer@user:{user}")), "no");
    }
    assert_eq!(list(&engine, "doc", "viewer", "user:ann", "{}"), [""; 0]);
    assert_eq!(
        ask(&engine, "doc:1#gone@user:ann"),
        "mistake: `doc` has no relation `gone`"
    );
}

#[test]
fn row_16_each_part_of_what_is_allowed_counts() {
    let model = "type user\ntype group\n  relations\n    define member: [user]\n    define guest: [user with late]\ntype doc\n  relations\n    define viewer: [user, group#guest, group]\n    define editor: [user with late, user:*]\ncondition late(hour: int) {\n  hour > 0\n}\ncondition early(hour: int) {\n  hour > 0\n}\n";
    for (facts, expected) in [
        (&["doc:1#viewer@user:ann"][..], "yes"),
        (&["doc:1#viewer@user:ann[late]"][..], "no"),
        (&["doc:1#viewer@user:*"][..], "no"),
        (
            &["doc:1#viewer@group:a#guest", "group:a#guest@user:ann[late]"][..],
            "yes",
        ),
        (
            &["doc:1#viewer@group:a#guest", "group:a#guest@user:ann"][..],
            "no",
        ),
        (
            &[
                "doc:1#viewer@group:a#guest",
                "group:a#guest@user:ann[early]",
            ][..],
            "no",
        ),
        (
            &["doc:1#viewer@group:a#guest", "group:a#guest@user:ann[none]"][..],
            "no",
        ),
        (
            &["doc:1#viewer@group:a#member", "group:a#member@user:ann"][..],
            "no",
        ),
        (
            &["doc:1#viewer@group:a", "group:a#member@user:ann"][..],
            "no",
        ),
    ] {
        let mut store = Store::new();
        facts.iter().for_each(|fact| {
            store.write(&fact.parse().unwrap());
        });
        let engine = Engine::new(Arc::new(fga(model).unwrap()), store.snapshot());
        let question = "doc:1#viewer@user:ann with {\"hour\": 1}";
        assert_eq!(ask(&engine, question), expected, "{facts:?}");
    }
}

#[test]
fn row_16_a_fact_that_ought_to_expire_and_does_not() {
    let model = "use expiration\ndefinition user {}\ndefinition doc {\n  relation viewer: user with expiration\n  relation editor: user\n}\n";
    for (fact, expected) in [
        (
            "doc:1#viewer@user:ann[expiration:2120-01-01T00:00:00Z]",
            "yes",
        ),
        ("doc:1#viewer@user:ann", "no"),
        ("doc:1#editor@user:ann", "yes"),
        (
            "doc:1#editor@user:ann[expiration:2120-01-01T00:00:00Z]",
            "no",
        ),
    ] {
        let mut store = Store::new();
        store.write(&fact.parse().unwrap());
        let engine = Engine::new(Arc::new(zed(model).unwrap()), store.snapshot());
        let question = fact.split('[').next().unwrap();
        assert_eq!(ask(&engine, question), expected, "{fact}");
    }
}

#[test]
fn facts_count_from_an_instant_and_until_another() {
    let model = fga(BAN_FGA).unwrap();
    for (limits, expected) in [
        ("[from:2026-11-22T12:00:00Z]", "yes"),
        ("[from:2026-11-22T12:00:01Z]", "no"),
        ("[expiration:2026-11-22T12:00:00Z]", "no"),
        ("[expiration:2026-11-22T12:00:01Z]", "yes"),
        (
            "[from:2026-01-01T00:00:00Z][expiration:2027-01-01T00:00:00Z]",
            "yes",
        ),
    ] {
        let engine = engine(model.clone(), &[&format!("doc:1#viewer@user:ann{limits}")]);
        assert_eq!(ask(&engine, "doc:1#can@user:ann"), expected, "{limits}");
    }
}

#[test]
fn a_listing_goes_on_where_it_was_cut() {
    let facts: Vec<String> = (0..25)
        .map(|at| format!("doc:{at:02}#viewer@user:ann"))
        .collect();
    let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
    let engine = engine(fga(BAN_FGA).unwrap(), &facts);
    let context = Map::new();
    let circumstances = Circumstances {
        context: &context,
        now: jiff_now(),
    };
    let subject = "user:ann".parse().unwrap();
    let (mut after, mut found, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = (after.as_deref(), 10);
        let listing = engine
            .list_objects("doc", "can", &subject, circumstances, page)
            .unwrap();
        found.extend(listing.items.iter().map(|it| it.object.id().to_owned()));
        pages += 1;
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).map(|at| format!("{at:02}")).collect();
    assert_eq!((found, pages), (expected, 3));
}

fn jiff_now() -> jiff::Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

#[test]
fn what_could_run_away_ends_with_an_explicit_limit() {
    // Sixteen groups, each a member of each other: the ways without repetition are 16 factorial.
    let mut facts = Vec::new();
    for a in 0..16 {
        for b in 0..16 {
            facts.push(format!("group:{a}#member@group:{b}#member"));
        }
    }
    facts.push("group:x#member@user:ann".to_owned());
    let texts: Vec<&str> = facts.iter().map(String::as_str).collect();
    let dense = engine(fga(GROUP_FGA).unwrap(), &texts);
    assert_eq!(ask(&dense, "group:0#member@user:ann"), "no");
    // Layers of two, each of which both of the layer above lead to: 2^60 ways.
    let mut store = Store::new();
    for layer in 0..60 {
        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            store.write(
                &format!("group:{layer}-{a}#member@group:{}-{b}#member", layer + 1)
                    .parse()
                    .unwrap(),
            );
        }
    }
    store.write(&"group:y#member@user:ann".parse().unwrap());
    for model in [fga(GROUP_FGA).unwrap(), zed(GROUP_ZED).unwrap()] {
        let engine = Engine::new(Arc::new(model), store.snapshot());
        assert_eq!(
            ask(&engine, "group:0-0#member@user:ann"),
            ResolutionError::Depth.to_string()
        );
    }
    // A chain of relations that follow from each other, without any fact.
    let chain: String = (0..5_000)
        .map(|at| format!("    define r{at}: r{}\n", at + 1))
        .collect();
    let model = format!("type user\ntype doc\n  relations\n{chain}    define r5000: [user]\n");
    let engine = engine(fga(&model).unwrap(), &["doc:1#r5000@user:ann"]);
    assert_eq!(
        ask(&engine, "doc:1#r0@user:ann"),
        ResolutionError::Depth.to_string()
    );
    assert_eq!(ask(&engine, "doc:1#r4900@user:ann"), "yes");
}

#[test]
fn what_was_taken_for_a_cycle_is_asked_again_once_it_is_known() {
    let model = "type user\ntype group\n  relations\n    define parent: [group]\n    define aaa: [user with late, group#aaa] or (aaa from parent and bbb from parent)\n    define bbb: [group#aaa] or aaa\ncondition late(hour: int) {\n  hour > 18\n}\n";
    let engine = engine(
        fga(model).unwrap(),
        &[
            "group:1#parent@group:0",
            "group:0#parent@group:0",
            "group:0#aaa@user:ann[late]",
            "group:0#bbb@group:1#aaa",
            "group:0#bbb@group:0#aaa",
        ],
    );
    assert_eq!(ask(&engine, "group:0#aaa@user:ann"), "needs hour");
    assert_eq!(ask(&engine, "group:1#aaa@user:ann"), "needs hour");
    assert_eq!(
        ask(&engine, "group:1#aaa@user:ann with {\"hour\": 19}"),
        "yes"
    );
}

#[test]
fn who_is_let_in_again_is_listed() {
    let model = "type user\ntype doc\n  relations\n    define everyone: [user:*]\n    define exempt: [user]\n    define closed: everyone but not exempt\n    define viewer: everyone but not closed\n";
    let engine = engine(
        fga(model).unwrap(),
        &["doc:1#everyone@user:*", "doc:1#exempt@user:ann"],
    );
    assert_eq!(ask(&engine, "doc:1#viewer@user:ann"), "yes");
    assert_eq!(ask(&engine, "doc:1#viewer@user:bob"), "no");
    let context = Map::new();
    let circumstances = Circumstances {
        context: &context,
        now: jiff_now(),
    };
    let filter = SubjectFilter {
        type_name: "user",
        relation: None,
    };
    let object = "doc:1".parse().unwrap();
    let found = engine
        .list_subjects(&object, "viewer", filter, circumstances, (None, 10))
        .unwrap();
    let names: Vec<String> = found
        .items
        .iter()
        .map(|it| it.subject.to_string())
        .collect();
    assert_eq!(names, ["user:ann"]);
}
