//! The languages of relation models: what is read can be printed and read again, and what is
//! wrong is told at its place, all of it at once.

use authz::RelationModel;
use authz::language::{openfga, spicedb};
use authz::source::{Diagnostic, Source, render};

use crate::round_trips::round_trips;

/// The files of this folder that the tests read.
const FILES: [(&str, &str); 7] = [
    ("press.fga", include_str!("models/press.fga")),
    ("press.zed", include_str!("models/press.zed")),
    ("broken/names.fga", include_str!("models/broken/names.fga")),
    (
        "broken/syntax.fga",
        include_str!("models/broken/syntax.fga"),
    ),
    (
        "broken/nobody.fga",
        include_str!("models/broken/nobody.fga"),
    ),
    ("broken/names.zed", include_str!("models/broken/names.zed")),
    (
        "broken/syntax.zed",
        include_str!("models/broken/syntax.zed"),
    ),
];

fn source(name: &str) -> Source {
    let found = FILES.iter().find(|(known, _)| *known == name);
    Source::new(name, found.unwrap().1)
}

fn read(source: &Source) -> Result<RelationModel, Vec<Diagnostic>> {
    if source.name().ends_with(".zed") {
        spicedb::read(source)
    } else {
        openfga::read(source)
    }
}

#[test]
fn what_is_printed_reads_as_the_same_model() {
    for name in ["press.fga", "press.zed"] {
        let source = source(name);
        let model = read(&source).unwrap_or_else(|mistakes| {
            panic!(
                "{}",
                render(&mistakes, std::slice::from_ref(&source), false)
            )
        });
        round_trips(&model);
    }
}

#[test]
fn a_printed_model() {
    let model = read(&source("press.fga")).unwrap();
    insta::assert_snapshot!("printed_fga", openfga::print(&model).unwrap());
    let model = read(&source("press.zed")).unwrap();
    insta::assert_snapshot!("printed_zed", spicedb::print(&model).unwrap());
}

#[test]
fn all_mistakes_are_told_at_their_places() {
    for name in [
        "names.fga",
        "syntax.fga",
        "nobody.fga",
        "names.zed",
        "syntax.zed",
    ] {
        let source = source(&format!("broken/{name}"));
        let mistakes = read(&source).unwrap_err();
        let shown = render(&mistakes, &[source], false);
        insta::assert_snapshot!(format!("broken_{}", name.replace('.', "_")), shown);
    }
}

const CORE: &str = "module core\ntype user\ntype group\n  relations\n    define member: [user]\n";
const WIKI: &str = "module wiki\nextend type group\n  relations\n    define can_write: member\n\
    type page\n  relations\n    define writer: [group#can_write with short]\n\
    condition short(length: int) { length < 100 }\n";

#[test]
fn modules_make_one_model_and_stay_apart_in_print() {
    let modules = [Source::new("core.fga", CORE), Source::new("wiki.fga", WIKI)];
    let model = openfga::read_modules(&modules).unwrap();
    assert_eq!(
        model.relation_names("group").collect::<Vec<_>>(),
        ["member", "can_write"]
    );
    assert!(openfga::print(&model).is_none());
    let printed = openfga::print_modules(&model).unwrap();
    assert_eq!(
        printed.iter().map(|it| &it.0).collect::<Vec<_>>(),
        ["core", "wiki"]
    );
    round_trips(&model);
}

#[test]
fn a_mistake_in_the_second_module_carries_its_name() {
    let broken = WIKI
        .replace("[group#can_write", "[group#can_wrte")
        .replace("< 100", "< 1.5");
    let modules = [
        Source::new("core.fga", CORE),
        Source::new("wiki.fga", &broken),
        Source::new(
            "other.fga",
            "module other\nextend type pge\n  relations\n    define a: b\nextend type group\n  relations\n    define member: [user]\n",
        ),
    ];
    let mistakes = openfga::read_modules(&modules).unwrap_err();
    insta::assert_snapshot!("broken_modules", render(&mistakes, &modules, false));
}

#[test]
fn a_manifest_names_its_modules_and_nothing_outside_of_its_folder() {
    let manifest = "schema: '1.2'\ncontents:\n  - core.fga\n  - wiki/wiki.fga\n";
    let files = openfga::read_manifest(&Source::new("fga.mod", manifest)).unwrap();
    assert_eq!(
        files.iter().map(|it| &*it.path).collect::<Vec<_>>(),
        ["core.fga", "wiki/wiki.fga"]
    );
    for path in [
        "../core.fga",
        "/etc/core.fga",
        "a/../../b.fga",
        "c:\\core.fga",
        "''",
    ] {
        let manifest = format!("schema: '1.2'\ncontents:\n  - {path}\n");
        let mistakes = openfga::read_manifest(&Source::new("fga.mod", &manifest)).unwrap_err();
        assert_eq!((mistakes.len(), mistakes[0].place.line), (1, 3), "{path}");
    }
}

#[test]
fn the_json_form_is_read_as_openfga_writes_it() {
    let json = r#"{
      "id": "01H", "schema_version": "1.1",
      "type_definitions": [
        { "type": "user", "relations": {}, "metadata": null },
        { "type": "doc",
          "relations": {
            "parent": { "this": {} },
            "viewer": { "union": { "child": [ { "this": {} }, { "computedUserset": { "object": "", "relation": "owner" } },
              { "tupleToUserset": { "tupleset": { "object": "", "relation": "parent" }, "computedUserset": { "object": "", "relation": "viewer" } } } ] } },
            "owner": { "difference": { "base": { "this": {} }, "subtract": { "computed_userset": { "relation": "parent" } } } } },
          "metadata": { "relations": {
            "parent": { "directly_related_user_types": [ { "type": "doc" } ] },
            "viewer": { "directly_related_user_types": [ { "type": "user", "condition": "late" }, { "type": "user", "wildcard": {} } ] },
            "owner": { "directly_related_user_types": [ { "type": "doc", "relation": "viewer" } ] } } } } ],
      "conditions": { "late": { "name": "late", "expression": "size(hours) > 3",
        "parameters": { "hours": { "type_name": "TYPE_NAME_LIST", "generic_types": [ { "type_name": "TYPE_NAME_INT" } ] } } } } }"#;
    let model = openfga::read_json(&Source::new("model.json", json)).unwrap();
    insta::assert_snapshot!("json_as_dsl", openfga::print(&model).unwrap());
    round_trips(&model);
    let broken = json
        .replace("\"this\": {} }, {", "\"that\": {} }, {")
        .replace("\"type\": \"doc\" }", "\"type\": \"dog\" }")
        .replace("> 3", "> '3'")
        .replace("TYPE_NAME_INT", "TYPE_NAME_IMT");
    let source = Source::new("model.json", &broken);
    let mistakes = openfga::read_json(&source).unwrap_err();
    insta::assert_snapshot!("broken_json", render(&mistakes, &[source], false));
}

#[test]
fn brackets_without_end_and_unions_without_number_are_bounded() {
    let deep = format!("{}a", "(".repeat(64 << 10));
    let wide = vec!["a"; 10_000].join(" or ");
    let model = |rewrite: &str| {
        let text = format!(
            "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define a: [user]\n    define b: {rewrite}\n"
        );
        openfga::read(&Source::new("bomb.fga", &text))
    };
    assert!(
        model(&deep).unwrap_err()[0]
            .message
            .contains("nested more than")
    );
    assert!(model(&wide).is_ok());
    let schema = |expression: &str| {
        let text = format!(
            "definition user {{}}\ndefinition doc {{\n  relation aaa: user\n  permission bbb = {expression}\n}}\n"
        );
        spicedb::read(&Source::new("bomb.zed", &text))
    };
    let deep = format!("{}aaa", "(".repeat(64 << 10));
    assert!(
        schema(&deep).unwrap_err()[0]
            .message
            .contains("nested more than")
    );
    let chain = vec!["aaa"; 10_000].join(" - ");
    assert!(
        schema(&chain).unwrap_err()[0]
            .message
            .contains("nested more than")
    );
    assert!(schema(&vec!["aaa"; 10_000].join(" + ")).is_ok());
}

proptest::proptest! {
    #[test]
    fn garbage_is_a_mistake_and_never_a_panic(
        start in proptest::sample::select(vec!["", "model\n  schema 1.1\ntype doc\n  relations\n", "definition doc {\n"]),
        words in proptest::collection::vec(proptest::sample::select(vec![
            "type", "define", "relations", "condition", "extend", "a", "b:", "[", "]", "(", ")", "{", "}", "#", "*", ":",
            "or", "and", "but not", "from", "with", ",", "\n", "definition", "caveat", "relation", "permission", "=", "|",
            "->", ".any(", "nil", "self", "use", "ünïcödé", "\"", "'", "//", "/*", "é", "<", "int",
        ]), 0..60),
    ) {
        let text = format!("{start}{}", words.join(" "));
        let source = Source::new("garbage", &text);
        for read in [openfga::read(&source), spicedb::read(&source), openfga::read_json(&source)] {
            match read {
                Ok(model) => round_trips(&model),
                Err(mistakes) => {
                    assert!(!mistakes.is_empty());
                    render(&mistakes, std::slice::from_ref(&source), false);
                }
            }
        }
    }
}
