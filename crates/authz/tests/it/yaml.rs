//! YAML as a tree with places: what the other tests do not touch.

use authz::source::{Diagnostics, Source, render, yaml};

fn read(text: &str) -> Result<yaml::Node, String> {
    let source = Source::new("f.yaml", text);
    let mut diagnostics = Diagnostics::default();
    let node = yaml::read(&source, &mut diagnostics);
    diagnostics
        .into_result(node)
        .map_err(|mistakes| render(&mistakes, std::slice::from_ref(&source), false))
}

/// The text that the place of the value at a path of keys covers, with its line and column.
fn place(text: &str, path: &[&str]) -> String {
    let mut node = &read(text).unwrap();
    let root = node.clone();
    node = &root;
    for key in path {
        let yaml::Value::Map(entries) = &node.value else {
            panic!("no mapping at {key}");
        };
        node = &entries
            .iter()
            .find(|entry| entry.key == *key)
            .unwrap()
            .value;
    }
    let place = &node.place;
    format!(
        "{}:{} {}",
        place.line,
        place.column,
        &text[place.span.clone()]
    )
}

#[test]
fn places_are_characters_for_people_and_bytes_for_programs() {
    let text = "größe: { ü: \"ö\", b: 'x y' }\nc: [1, 😀, 3]\nd: plain text  # comment\n";
    assert_eq!(place(text, &["größe", "ü"]), "1:13 \"ö\"");
    assert_eq!(place(text, &["größe", "b"]), "1:21 'x y'");
    assert_eq!(place(text, &["größe"]), "1:8 { ü: \"ö\", b: 'x y' }");
    assert_eq!(place(text, &["c"]), "2:4 [1, 😀, 3]");
    assert_eq!(place(text, &["d"]), "3:4 plain text");
}

#[test]
fn block_collections_end_with_their_last_item() {
    let text = "a:\n  b: 1\n  c:\n    - x\n    - y\n\n\n# end\nd: 2\n";
    assert_eq!(place(text, &["a"]), "2:3 b: 1\n  c:\n    - x\n    - y");
    assert_eq!(place(text, &["a", "c"]), "4:5 - x\n    - y");
}

#[test]
fn block_scalars_are_read_as_yaml_says() {
    let text = "a: |\n  one\n    two\n\nb: >-\n  one\n  two\nc: 3\n";
    let json = read(text).unwrap().to_json();
    assert_eq!(json["a"], "one\n  two\n");
    assert_eq!(json["b"], "one two");
    assert_eq!(json["c"], 3);
}

#[test]
fn scalars_are_typed_by_the_core_schema_and_nothing_else_is_guessed() {
    let cases = [
        ("no", r#""no""#),
        ("on", r#""on""#),
        ("true", "true"),
        ("\"true\"", r#""true""#),
        ("~", "null"),
        ("", "null"),
        ("014", r#""014""#),
        ("1_000", r#""1_000""#),
        ("0x1F", r#""0x1F""#),
        ("-12", "-12"),
        ("1.5e3", "1500.0"),
        (".5", r#"".5""#),
        (".inf", r#"".inf""#),
        ("1:30", r#""1:30""#),
        ("2026-11-22", r#""2026-11-22""#),
        ("99999999999999999999", "1e+20"),
    ];
    for (text, expected) in cases {
        let json = read(&format!("a: {text}\n")).unwrap().to_json();
        assert_eq!(json["a"].to_string(), expected, "{text}");
    }
}

#[test]
fn aliases_are_expanded_and_counted() {
    let json = read("a: &x { b: [1] }\nc: *x\n").unwrap().to_json();
    assert_eq!(json["c"]["b"][0], 1);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = format!("*a{}", level - 1);
        let ten = [previous.as_str(); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{ten}]\n"));
    }
    let message = read(&bomb).unwrap_err();
    assert!(
        message.contains("more than 200000 values, aliases counted"),
        "{message}"
    );
    let message = read("a: &a [*a]\n").unwrap_err();
    assert!(
        message.contains("an alias inside of what it names"),
        "{message}"
    );
    assert!(read("a: *b\n").is_err());
}

#[test]
fn aliases_cannot_nest_deeper_than_brackets_can() {
    let brackets = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let message = read(&brackets).unwrap_err();
    assert!(message.contains("recursion limit exceeded"), "{message}");
    let message = read(&format!("a: {}{}", "[".repeat(80), "]".repeat(80))).unwrap_err();
    assert!(message.contains("nested more than 64 deep"), "{message}");
    let mut chain = "a0: &a0 x\n".to_owned();
    for level in 1..50_000 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let message = read(&chain).unwrap_err();
    assert!(message.contains("nested more than 64 deep"), "{message}");
}

#[test]
fn duplicates_are_found_at_every_depth() {
    let message = read("a: { b: 1, b: 2 }\nc: [{ d: 1, d: 1 }]\n").unwrap_err();
    assert!(message.contains("key `b` is given twice"), "{message}");
    assert!(message.contains("key `d` is given twice"), "{message}");
    assert!(message.ends_with("2 mistakes found\n"), "{message}");
}

#[test]
fn bytes_that_are_not_utf8_are_shown_where_they_stand() {
    let failed = Source::from_bytes("f.yaml", b"a: 1\nb: \xff\xfe\n").unwrap_err();
    let (source, mistake) = *failed;
    assert_eq!((mistake.place.line, mistake.place.column), (2, 4));
    insta::assert_snapshot!(render(&[mistake], &[source], false));
}
