//! Answers, assertions, effects and absence, as tables of cases.

use std::sync::Arc;

use authz::Denial;
use authz::source::{Place, Source};
use regex::Regex;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use super::{
    Answer, Closeness, Look, Sight, absent_id, check, created, denials, differs_from_absent,
    effect_seen, received, shows, unknown_sibling,
};
use crate::model::{
    AnswerAssertions, Assertion, Body, Call, Caller, Denies, Effect, EffectKind, Form, Matcher,
    View, ViewEffect,
};
use crate::template::{JsonTemplate, Scope, Template, Variable};
use crate::verdict::{EffectSeen, Received};

mod trace;

struct Nothing;

impl Scope for Nothing {
    fn value(&self, _: &Variable) -> Option<Value> {
        None
    }
}

fn place() -> Place {
    Source::new("suite.yaml", "").place(0..0)
}

fn answer(status: u16, body: &str) -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Answer::new(status, headers, body.as_bytes().to_vec())
}

fn assertion(path: &str, matcher: Matcher) -> Assertion {
    Assertion {
        path: JsonPath::parse(path).unwrap(),
        matcher,
        place: place(),
    }
}

fn equals(value: Value) -> Matcher {
    Matcher::Equals(match value {
        Value::String(text) => JsonTemplate::Text(Template::literal(&text, place())),
        other => JsonTemplate::Constant(other),
    })
}

fn matches(regex: &str) -> Matcher {
    Matcher::Matches(Regex::new(regex).unwrap())
}

fn form(status: u16) -> Form {
    Form {
        status,
        json: Vec::new(),
        headers: Vec::new(),
    }
}

/// The defaults, a 200 that says no, and a redirect to a login page.
fn denies() -> Denies {
    let disguised = Form {
        json: vec![assertion("$.status", equals(json!("fail")))],
        ..form(200)
    };
    let redirect = Form {
        headers: vec![("location".to_owned(), matches("^/login"))],
        ..form(302)
    };
    Denies {
        unauthenticated: vec![form(401), redirect],
        forbidden: vec![form(403), disguised],
        concealed: vec![form(404)],
    }
}

#[test]
fn a_yes_a_no_or_neither() {
    let any = AnswerAssertions::default();
    let created_only = AnswerAssertions {
        status: vec![201],
        ..AnswerAssertions::default()
    };
    let to = |location: &str| {
        let headers = vec![("location".to_owned(), location.to_owned())];
        Answer::new(302, headers, Vec::new())
    };
    let cases = [
        (answer(200, "{}"), &any, Received::Success),
        (answer(204, ""), &any, Received::Success),
        (answer(200, "{}"), &created_only, Received::Other),
        (answer(201, "{}"), &created_only, Received::Success),
        (
            answer(200, r#"{"status":"fail"}"#),
            &any,
            Received::Denied(Denial::Forbidden),
        ),
        (answer(200, r#"{"status":"ok"}"#), &any, Received::Success),
        (answer(200, "status: fail"), &any, Received::Success),
        (
            answer(401, ""),
            &any,
            Received::Denied(Denial::Unauthenticated),
        ),
        (answer(403, ""), &any, Received::Denied(Denial::Forbidden)),
        (answer(404, ""), &any, Received::Denied(Denial::Concealed)),
        (answer(400, ""), &any, Received::OtherRefusal),
        (answer(429, ""), &any, Received::OtherRefusal),
        (answer(500, ""), &any, Received::ServerError),
        (
            to("/login?next=/"),
            &any,
            Received::Denied(Denial::Unauthenticated),
        ),
        (to("/home"), &any, Received::Other),
    ];
    for (answer, assertions, expected) in cases {
        let got = received(&answer, assertions, &denies(), None, &Nothing);
        assert_eq!(got, expected, "{} {}", answer.status, answer.text());
    }
}

#[test]
fn a_no_of_several_kinds_is_the_one_that_is_expected() {
    use Denial::{Concealed, Forbidden, Unauthenticated};
    let denies = Denies {
        unauthenticated: vec![form(401), form(400), form(404)],
        forbidden: vec![form(400), form(404)],
        concealed: vec![form(404)],
    };
    let cases = [
        (404, Some(Unauthenticated), Unauthenticated),
        (404, Some(Forbidden), Forbidden),
        (404, Some(Concealed), Concealed),
        // To somebody who may it is the kind that counts for the least.
        (404, None, Concealed),
        (400, Some(Forbidden), Forbidden),
        (400, Some(Concealed), Unauthenticated),
        (401, Some(Forbidden), Unauthenticated),
    ];
    for (status, expected, kind) in cases {
        let any = AnswerAssertions::default();
        let got = received(&answer(status, ""), &any, &denies, expected, &Nothing);
        assert_eq!(got, Received::Denied(kind), "{status} {expected:?}");
    }
    let kinds = denials(&answer(404, ""), &denies, &Nothing);
    assert_eq!(kinds, [Unauthenticated, Forbidden, Concealed]);
    assert_eq!(denials(&answer(403, ""), &denies, &Nothing), []);
}

#[test]
fn assertions_on_json() {
    let body = json!({"id": 7, "name": "Ann", "tags": ["a", "b"], "none": null, "rows": [{"x": 1}, {"x": 1}]});
    let before = json!({"id": 7, "name": "Bea"});
    let cases = [
        ("$.id", equals(json!(7)), true),
        ("$.id", equals(json!(7.0)), true),
        ("$.id", equals(json!("7")), false),
        ("$.name", equals(json!("Ann")), true),
        ("$.tags", equals(json!(["a", "b"])), true),
        ("$.tags[*]", equals(json!("a")), false),
        ("$.rows[*].x", equals(json!(1)), true),
        ("$.missing", equals(json!(null)), false),
        ("$.none", equals(json!(null)), true),
        ("$.name", matches("^A"), true),
        ("$.name", matches("^B"), false),
        ("$.id", matches("^7$"), true),
        ("$.missing", matches(""), false),
        ("$.missing", Matcher::Absent, true),
        ("$.none", Matcher::Absent, false),
        ("$.id", Matcher::Unchanged, true),
        ("$.name", Matcher::Unchanged, false),
        ("$.missing", Matcher::Unchanged, true),
        ("$.tags", Matcher::Unchanged, false),
    ];
    for (path, matcher, holds) in cases {
        let assertion = assertion(path, matcher);
        let failure = check(&assertion, Some(&body), Some(&before), &Nothing);
        assert_eq!(
            failure.is_none(),
            holds,
            "{path} {:?}: {failure:?}",
            assertion.matcher
        );
    }
}

fn view(ignore: &[&str]) -> View {
    View {
        name: "body".into(),
        place: place(),
        call: Call {
            target: 0,
            caller: Caller::Owner,
            method: "GET".to_owned(),
            path: Template::literal("/", place()),
            headers: Vec::new(),
            body: Body::Empty,
            place: place(),
        },
        ignore: ignore
            .iter()
            .map(|path| JsonPath::parse(path).unwrap())
            .collect(),
        of_instance: true,
        log: false,
    }
}

fn shown(body: &str) -> Sight {
    Sight::Shown(Arc::new(answer(200, body)))
}

fn refused(status: u16) -> Sight {
    Sight::Shown(Arc::new(answer(status, "{}")))
}

fn declared(assertions: Vec<Assertion>) -> Option<Effect> {
    Some(Effect {
        place: place(),
        kind: EffectKind::Views(vec![(0, ViewEffect::Json(assertions))]),
    })
}

fn gone() -> Option<Effect> {
    Some(Effect {
        place: place(),
        kind: EffectKind::Views(vec![(0, ViewEffect::Gone)]),
    })
}

#[test]
fn effects() {
    let title = || declared(vec![assertion("$.title", equals(json!("new")))]);
    let promise = || declared(vec![assertion("$.owner", Matcher::Unchanged)]);
    let both = || {
        declared(vec![
            assertion("$.title", equals(json!("new"))),
            assertion("$.owner", Matcher::Unchanged),
        ])
    };
    let old = r#"{"title":"old","owner":1,"views":1}"#;
    let cases = [
        (
            "nothing happened",
            title(),
            shown(old),
            shown(old),
            EffectSeen::Unchanged,
        ),
        (
            "only what is ignored",
            title(),
            shown(old),
            shown(r#"{"title":"old","owner":1,"views":2}"#),
            EffectSeen::Unchanged,
        ),
        (
            "declared",
            title(),
            shown(old),
            shown(r#"{"title":"new","owner":1}"#),
            EffectSeen::Declared,
        ),
        (
            "another change",
            title(),
            shown(old),
            shown(r#"{"title":"odd","owner":1}"#),
            EffectSeen::Otherwise,
        ),
        (
            "it was so before",
            title(),
            shown(r#"{"title":"new","views":1}"#),
            shown(r#"{"title":"new","views":2}"#),
            EffectSeen::Untouched,
        ),
        (
            "declared of what changes by itself",
            declared(vec![assertion("$.views", equals(json!(2)))]),
            shown(old),
            shown(r#"{"title":"old","owner":1,"views":2}"#),
            EffectSeen::Declared,
        ),
        (
            "gone instead",
            title(),
            shown(old),
            Sight::Gone,
            EffectSeen::Otherwise,
        ),
        (
            "promise kept",
            promise(),
            shown(old),
            shown(old),
            EffectSeen::Untouched,
        ),
        (
            "promise kept beside a change",
            promise(),
            shown(old),
            shown(r#"{"title":"new","owner":1}"#),
            EffectSeen::Declared,
        ),
        (
            "promise broken",
            promise(),
            shown(old),
            shown(r#"{"title":"old","owner":2}"#),
            EffectSeen::Forbidden,
        ),
        (
            "promise broken by going",
            promise(),
            shown(old),
            Sight::Gone,
            EffectSeen::Forbidden,
        ),
        (
            "both kept",
            both(),
            shown(old),
            shown(r#"{"title":"new","owner":1}"#),
            EffectSeen::Declared,
        ),
        (
            "one broken",
            both(),
            shown(old),
            shown(r#"{"title":"new","owner":2}"#),
            EffectSeen::Forbidden,
        ),
        (
            "so before",
            declared(vec![assertion("$.title", equals(json!("old")))]),
            shown(old),
            shown(old),
            EffectSeen::Untouched,
        ),
        (
            "gone",
            gone(),
            shown(old),
            Sight::Gone,
            EffectSeen::Declared,
        ),
        (
            "not gone",
            gone(),
            shown(old),
            shown(old),
            EffectSeen::Unchanged,
        ),
        (
            "not gone but changed",
            gone(),
            shown(old),
            shown("{}"),
            EffectSeen::Otherwise,
        ),
        (
            "undeclared",
            None,
            shown(old),
            shown("{}"),
            EffectSeen::Undeclared,
        ),
        (
            "undeclared and nothing",
            None,
            shown(old),
            shown(old),
            EffectSeen::Untouched,
        ),
        (
            "refused afterwards",
            None,
            shown(old),
            refused(401),
            EffectSeen::Undeclared,
        ),
        (
            "refused before",
            title(),
            refused(403),
            refused(403),
            EffectSeen::Unknown,
        ),
        (
            "gone before",
            title(),
            Sight::Gone,
            Sight::Gone,
            EffectSeen::Unknown,
        ),
        (
            "unreadable before",
            gone(),
            Sight::Unreadable("x".to_owned()),
            Sight::Gone,
            EffectSeen::Unknown,
        ),
        (
            "unreadable after",
            gone(),
            shown(old),
            Sight::Unreadable("x".to_owned()),
            EffectSeen::Unknown,
        ),
    ];
    let view = view(&["$.views"]);
    for (name, effect, before, after, expected) in cases {
        let look = Look {
            index: 0,
            view: &view,
            before,
            after,
        };
        let (seen, _) = effect_seen(effect.as_ref(), &[look], &Nothing);
        assert_eq!(seen, expected, "{name}");
    }
    let (seen, _) = effect_seen(None, &[], &Nothing);
    assert_eq!(seen, EffectSeen::NotLooked);
}

#[test]
fn creation_is_seen_by_its_unique_text() {
    let view = view(&[]);
    let cases = [
        (vec![shown(r#"["lk1x"]"#)], EffectSeen::Declared),
        (vec![shown(r#"["lk2x"]"#)], EffectSeen::Unchanged),
        (
            vec![shown("[]"), shown(r#"["lk1x"]"#)],
            EffectSeen::Declared,
        ),
        (vec![refused(403)], EffectSeen::Unknown),
        (vec![Sight::Unreadable("x".to_owned())], EffectSeen::Unknown),
        (Vec::new(), EffectSeen::NotLooked),
    ];
    for (sights, expected) in cases {
        let sights: Vec<_> = sights.into_iter().map(|sight| (&view, sight)).collect();
        assert_eq!(created(&sights, "lk1x").0, expected, "{sights:?}");
    }
}

#[test]
fn an_answer_shows_a_view() {
    let view = view(&["$.views"]);
    let sight = shown(r#"{"title":"a","views":1}"#);
    assert!(shows(&answer(200, r#"{"views":9,"title":"a"}"#), &view, &sight).is_ok());
    assert!(shows(&answer(200, r#"{"title":"b","views":1}"#), &view, &sight).is_err());
    assert!(shows(&answer(200, ""), &view, &sight).is_err());
    assert!(shows(&answer(200, r#"{"title":"a"}"#), &view, &Sight::Gone).is_err());
}

#[test]
fn absent_ids_keep_their_form() {
    let ids = [
        json!(7),
        json!("12"),
        json!("9223372036854775807"),
        json!("0190b5e4-8f6a-7c3d-9a1b-2c3d4e5f6071"),
        json!("9f86d081884c7d659a2feaa0c55ad015"),
        json!("Xy_3-Zq"),
        json!("post_000001k"),
    ];
    for id in ids {
        let other = absent_id(&id, 0).unwrap();
        assert_eq!(
            absent_id(&id, 0),
            Some(other.clone()),
            "the same every time"
        );
        assert_ne!(
            absent_id(&id, 1),
            Some(other.clone()),
            "several can be made"
        );
        assert_ne!(id, other);
        assert_eq!(id.is_number(), other.is_number());
        if let (Some(id), Some(other)) = (id.as_str(), other.as_str())
            && id.len() > 2
        {
            let kinds = |text: &str| -> Vec<(bool, bool)> {
                let kind = |c: char| (c.is_ascii_alphanumeric(), c == '-');
                text.chars().map(kind).collect()
            };
            assert_eq!(kinds(id), kinds(other), "{id} {other}");
            let hexadecimal = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
            assert_eq!(hexadecimal(id), hexadecimal(other), "{id} {other}");
            if id.len() == 36 {
                assert_eq!(id.chars().nth(14), other.chars().nth(14), "version");
                assert_eq!(id.chars().nth(19), other.chars().nth(19), "variant");
            }
            assert_eq!(
                id.strip_prefix("post_").is_some(),
                other.starts_with("post_")
            );
            assert_eq!(
                id.parse::<i64>().is_ok(),
                other.parse::<i64>().is_ok(),
                "{other}"
            );
        }
    }
    assert_eq!(absent_id(&json!(""), 0), None);
    assert_eq!(absent_id(&json!("--"), 0), None);
}

#[test]
fn siblings() {
    let cases = [
        ("http://h/debug/config", "http://h/debug/unknown-"),
        ("http://h/debug/config?a=b", "http://h/debug/unknown-"),
        ("http://h/x", "http://h/unknown-"),
    ];
    for (url, start) in cases {
        let sibling = unknown_sibling(url, 0);
        assert!(sibling.starts_with(start), "{sibling}");
        assert_eq!(url.contains('?'), sibling.ends_with("?a=b"), "{sibling}");
    }
}

#[test]
fn what_tells_something_that_exists_from_what_does_not() {
    let with = |status: u16, header: &str, body: &str| {
        let mut headers = vec![("date".to_owned(), "now".to_owned())];
        if !header.is_empty() {
            headers.push((header.to_owned(), "x".to_owned()));
        }
        Answer::new(status, headers, body.as_bytes().to_vec())
    };
    let tagged = |value: &str| {
        let headers = vec![("x-of".to_owned(), value.to_owned())];
        Answer::new(404, headers, Vec::new())
    };
    let ids = ["post-17".to_owned(), "post-99".to_owned()];
    let cases = [
        ("the same", with(404, "", "{}"), with(404, "", "{}"), true),
        ("the value of a header", tagged("vera"), tagged("-"), false),
        (
            "a number in a header",
            tagged("no. 17"),
            tagged("no. 99"),
            true,
        ),
        (
            "another status",
            with(403, "", "{}"),
            with(404, "", "{}"),
            false,
        ),
        (
            "a header more",
            with(404, "etag", "{}"),
            with(404, "", "{}"),
            false,
        ),
        (
            "a header less",
            with(404, "", "{}"),
            with(404, "etag", "{}"),
            false,
        ),
        (
            "the id in the text",
            with(404, "", r#"{"e":"no post-17"}"#),
            with(404, "", r#"{"e":"no post-99"}"#),
            true,
        ),
        (
            "another text",
            with(404, "", r#"{"e":"archived"}"#),
            with(404, "", r#"{"e":"not found"}"#),
            false,
        ),
        (
            "a request id",
            with(404, "", r#"{"id":"9f86d081"}"#),
            with(404, "", r#"{"id":"884c7d65"}"#),
            true,
        ),
        (
            "another key",
            with(404, "", r#"{"e":1}"#),
            with(404, "", r#"{"f":1}"#),
            false,
        ),
        (
            "a key more",
            with(404, "", r#"{"e":1,"f":1}"#),
            with(404, "", r#"{"e":1}"#),
            false,
        ),
        (
            "text",
            with(404, "", "no such post"),
            with(404, "", "no such post"),
            true,
        ),
        (
            "other text",
            with(404, "", "not yours"),
            with(404, "", "no such post"),
            false,
        ),
        (
            "JSON or not",
            with(404, "", "{}"),
            with(404, "", "no"),
            false,
        ),
    ];
    for (name, one, other, same) in cases {
        let difference = differs_from_absent(&one, &other, &ids, Closeness::Strict);
        assert_eq!(difference.is_none(), same, "{name}: {difference:?}");
    }
    let nonce = |text: &str| with(404, "", &format!(r#"{{"nonce":"{text}"}}"#));
    let loosely = differs_from_absent(&nonce("a"), &nonce("b"), &ids, Closeness::Loose);
    assert_eq!(loosely, None);
}

#[test]
fn a_text_is_found_as_json_escapes_it() {
    let cases = [
        (r#"{"t":"say \"hi\""}"#, "say \"hi\"", true),
        ("plain lk1f", "lk1f", true),
        ("nothing", "lk1f", false),
        ("anything", "", false),
    ];
    for (body, text, held) in cases {
        assert_eq!(answer(200, body).holds(text), held, "{body}");
    }
}
