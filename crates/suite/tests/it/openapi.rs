//! OpenAPI documents: what is read of them, and which operations a plan tries.

use authz::source::{Source, render};
use jiff::civil::date;
use suite::event::Gap;
use suite::openapi::{CallPath, Document, read_document};
use suite::plan::Plan;
use suite::surface::{Surface, surface};
use suite::template::Template;

use crate::file::{Files, VALID};

fn document(text: &str) -> Document {
    let source = Source::new("api.yaml", text);
    match read_document(&source) {
        Ok(document) => document,
        Err(mistakes) => panic!("{}", render(&mistakes, &[source], false)),
    }
}

fn refused(text: &str) -> String {
    let source = Source::new("api.yaml", text);
    let mistakes = read_document(&source).unwrap_err();
    render(&mistakes, &[source], false)
}

fn surface_of(text: &str, year: i16) -> Surface {
    let files = Files::new(text);
    let suite = match files.read(true) {
        Ok(suite) => suite,
        Err(mistakes) => panic!("{}", files.render(&mistakes)),
    };
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let plan = Plan::new(&suite, now).unwrap();
    surface(&suite, &plan, date(year, 11, 22)).unwrap()
}

fn valid() -> &'static str {
    VALID.iter().find(|(name, _)| *name == "surface").unwrap().1
}

#[test]
fn operations_of_both_versions_and_forms() {
    let posts = document(include_str!("valid/openapi/posts.yaml"));
    let accounts = document(include_str!("valid/openapi/accounts.json"));
    let mut out = String::new();
    for document in [&posts, &accounts] {
        out += &format!("{} at {:?}\n", document.title, document.server_paths);
        for operation in &document.operations {
            let schema = document.body_schema(operation).unwrap();
            let schema = schema.map_or(String::new(), |it| format!("  {it}"));
            out += &format!("  {} = {}{schema}\n", operation.name(), operation.request());
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn what_is_no_document() {
    let cases = [
        "",
        "[]",
        "openapi: 3.2.0",
        "swagger: '2.0'",
        "openapi: 3.1.0\npaths: []",
        "openapi: 3.1.0\npaths: { /a: 7, b: {}, /c: { get: 7 } }",
        "openapi: 3.1.0\npaths: { /a: { $ref: 'https://example.test/a.yaml' } }",
        "openapi: 3.1.0\npaths: { /a: { post: { requestBody: { $ref: '#/nothing' } } } }",
        "openapi: 3.1.0\nservers: [ { url: '/${PASSWORD}' }, { url: 'http://h/{{actor.key}}' }, { url: '/{a}', variables: { a: { default: '${A}' } } } ]",
        "openapi: 3.1.0\npaths: { /a: { $ref: '#/paths/~1b' }, /b: { $ref: '#/paths/~1a' } }",
        "{ \"openapi\": \"3.0.0\", \"paths\": { \"/a\": [ }",
    ];
    let told: String = cases.iter().map(|text| refused(text) + "\n").collect();
    insta::assert_snapshot!(told);
}

#[test]
fn a_call_asks_for_the_path_that_fits_in_most_words() {
    let text = valid().replace(
        "posts: { GET: \"/live/v1/health?deep=1\" }",
        "posts: { GET: \"/live/v1/posts/special\" }",
    );
    let found = surface_of(&text, 2026);
    let open = |name: &str| found.records.iter().any(|it| it.operation == name);
    // `getSpecial` is tried now, so that its exception is needless; `getHealth` of posts is open.
    assert!(open("GET /health"), "{found:?}");
    let special = found.records.iter().find(|it| it.operation == "getSpecial");
    assert_eq!(special.unwrap().gap, Gap::Needless);
}

#[test]
fn every_operation_has_a_cell_or_a_good_exception() {
    let found = surface_of(valid(), 2026);
    let lines = found.records.iter().map(|it| format!("{it:#?}\n"));
    let lines: String = lines.collect();
    insta::assert_snapshot!(format!("{:?}\n{lines}", found.counts));
    let later = surface_of(valid(), 2027);
    assert_eq!(later.counts.findings, found.counts.findings + 2);
    assert_eq!(later.counts.unfilled, 0);
}

/// What a document says is put before its paths only where the address lacks it.
#[test]
fn the_path_of_the_server_is_not_put_twice() {
    let document = document("openapi: 3.1.0\nservers: [{ url: /api/v1 }, { url: 'http://h/v2/' }]");
    let cases = [
        ("http://h", vec!["/api/v1"]),
        ("http://h/api/v1", vec![""]),
        ("http://h/gate/api/v1", vec![""]),
        ("http://h/v2", vec![""]),
        ("http://h/v1", vec!["/api/v1"]),
        // A host is no path.
        ("http://api/v1", vec!["/api/v1"]),
        ("http://v2", vec!["/api/v1"]),
        ("http://v2/", vec!["/api/v1"]),
        ("${URL}", vec!["", "/api/v1"]),
    ];
    for (base, expected) in cases {
        assert_eq!(document.prefixes(base), expected, "{base}");
    }
}

/// A hundred thousand paths, and references that lead on and on: refused in bounds, or read.
#[test]
fn documents_that_are_too_much() {
    let paths: String = (0..100_000)
        .map(|at| format!("  /a{at}: {{ get: {{}} }}\n"))
        .collect();
    let told = refused(&format!("openapi: 3.1.0\npaths:\n{paths}"));
    assert!(told.contains("more than 10000 operations"), "{told}");

    let schemas: String = (0..60_000)
        .map(|at| {
            format!(
                "    s{at}: {{ $ref: '#/components/schemas/s{}' }}\n",
                at + 1
            )
        })
        .collect();
    let text = format!(
        "openapi: 3.1.0\npaths: {{ /a: {{ post: {{ requestBody: {{ content: {{ application/json: {{ schema: {{ $ref: '#/components/schemas/s0' }} }} }} }} }} }} }}\ncomponents:\n  schemas:\n{schemas}"
    );
    let deep = document(&text);
    assert!(deep.body_schema(&deep.operations[0]).is_err());
    assert!(deep.sample_body(&deep.operations[0]).is_some());

    let wide = "openapi: 3.1.0\npaths: { /a: { post: { requestBody: { content: { application/json: { schema: { $ref: '#/components/schemas/n' } } } } } } }\ncomponents: { schemas: { n: { type: object, required: [a, b, c, d], properties: { a: { $ref: '#/components/schemas/n' }, b: { $ref: '#/components/schemas/n' }, c: { $ref: '#/components/schemas/n' }, d: { $ref: '#/components/schemas/n' } } } } }";
    let wide = document(wide);
    assert!(wide.body_schema(&wide.operations[0]).is_ok());
    assert!(wide.sample_body(&wide.operations[0]).is_some());
}

/// Of two that fit in as many words, the one with the word further to the left.
#[test]
fn a_call_asks_for_one_operation_where_two_fit_as_well() {
    let text = "openapi: 3.1.0\npaths: { '/{kind}/list': { get: {} }, '/posts/{id}': { get: {} }, '/f/{id}': { get: {} }, '/f/{name}.json': { get: {} }, '/x/{a}': { get: {} }, '/x/{b}': { get: {} } }";
    let document = document(text);
    let asked = |path: &str| {
        let template = Template::literal(path, document.operations[0].place.clone());
        let found = document.asked_for("GET", &CallPath::of(&template), "http://h");
        let paths = found
            .iter()
            .map(|it| document.operations[*it].path.as_str());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(asked("/posts/list"), ["/posts/{id}"]);
    assert_eq!(asked("/users/list"), ["/{kind}/list"]);
    assert_eq!(asked("/f/a.json"), ["/f/{name}.json"]);
    assert_eq!(asked("/x/1"), ["/x/{a}", "/x/{b}"]);
}

/// Parts that name one another, forty times each: as many steps as 40 to the sixth.
#[test]
fn schemas_that_join_themselves_again_and_again() {
    let part = "{ $ref: '#/components/schemas/a' }, ".repeat(40);
    let text = format!(
        "openapi: 3.1.0\npaths: {{ /a: {{ post: {{ requestBody: {{ content: {{ application/json: {{ schema: {{ $ref: '#/components/schemas/a' }} }} }} }}, responses: {{ '200': {{ content: {{ application/json: {{ schema: {{ $ref: '#/components/schemas/a' }} }} }} }} }} }} }} }}\ncomponents: {{ schemas: {{ a: {{ type: object, properties: {{ title: {{ type: string }} }}, allOf: [ {part} ] }} }} }}"
    );
    let document = document(&text);
    let operation = &document.operations[0];
    assert!(document.sample_body(operation).unwrap().is_unique);
    assert_eq!(document.body_properties(operation), ["title"]);
    assert!(document.answer_path(operation, &["id"]).is_none());
    assert!(document.items_path(operation, &["id"]).is_none());
}

/// However many braces an example has, it asks for no variable.
#[test]
fn an_example_asks_for_no_variable() {
    for example in [
        "${A}",
        "$${A}",
        "{{ actor.key }}",
        "{{{ actor.key }}",
        "${{{{{ actor.key }}",
    ] {
        let text = format!(
            "openapi: 3.1.0\npaths: {{ /a: {{ post: {{ requestBody: {{ content: {{ application/json: {{ schema: {{ type: object, required: [a], properties: {{ a: {{ type: string, maxLength: 9, example: '{example}' }} }} }} }} }} }} }} }} }}"
        );
        let document = document(&text);
        let made = document.sample_body(&document.operations[0]).unwrap();
        let made = made.json["a"].as_str().unwrap().to_owned();
        assert!(!made.contains("{{") && !made.contains("${"), "{made}");
    }
}
