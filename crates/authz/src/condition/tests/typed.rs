//! The typed form against the evaluator: random conditions in random circumstances, with values
//! that are missing or of another type than declared, overflow and division by zero among them.
//! Where the typed form says something, the evaluator says the same.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::condition::about::About;
use crate::condition::check::Checker;
use crate::condition::context::{ParameterType, Parameters};
use crate::condition::evaluate;
use crate::condition::program::Expression;
use crate::condition::typed::Typed;
use crate::condition::value::Value;
use crate::condition::{STEPS_MAX, parser};
use crate::facts::{Facts, Reference, Request, Resource, Subject, no_context};
use crate::model::ActionKind;
use crate::{Policy, SubjectFacts};

use super::{policy, scope};

/// Conditions of each of the two kinds, and the circumstances that each is evaluated in.
const CONDITIONS: usize = 5_000;
const CIRCUMSTANCES: usize = 4;

/// Numbers that look random (SplitMix64, Steele and others 2014).
struct Draw {
    state: u64,
    /// A text that takes more than all steps.
    long: Arc<str>,
}

impl Draw {
    fn new(state: u64) -> Self {
        let long = "a".repeat(128 * STEPS_MAX as usize).into();
        Self { state, long }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn one<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// Names and literals, by type.
struct Words {
    bools: &'static [&'static str],
    ints: &'static [&'static str],
    uints: &'static [&'static str],
    doubles: &'static [&'static str],
    texts: &'static [&'static str],
    instants: &'static [&'static str],
    spans: &'static [&'static str],
    objects: &'static [&'static str],
    lists: &'static [&'static str],
    anything: &'static [&'static str],
}

const OF_PARAMETERS: Words = Words {
    bools: &["p", "q", "true", "false"],
    ints: &["a", "b", "a", "b", "0", "-3", "7", "9223372036854775807"],
    uints: &["u", "u", "0u", "7u"],
    doubles: &["x", "y", "0.0", "1.5", "-2.0"],
    texts: &["s", "t", "s", "''", "'ab'", "'añb'"],
    instants: &["at", "at", "timestamp('2026-11-22T13:30:00Z')"],
    spans: &["d", "d", "duration('90m')", "duration('-1s')"],
    objects: &[],
    lists: &["l", "l", "[]", "[1, 2, 7]", "[a, 0]"],
    anything: &["any", "m.k", "dyn(a)", "dyn(s)", "dyn(1u)", "null"],
};

const OF_REQUESTS: Words = Words {
    bools: &[
        "resource.public",
        "resource.public",
        "has(resource.words)",
        "has(subject.level)",
        "flag('beta')",
        "true",
    ],
    ints: &[
        "resource.words",
        "subject.level",
        "subject.level",
        "0",
        "7",
        "-1",
    ],
    uints: &["1u"],
    doubles: &["resource.rating", "resource.rating", "4.5"],
    texts: &[
        "resource.title",
        "subject.department",
        "action",
        "tenant",
        "'news'",
        "'read'",
    ],
    instants: &[
        "now",
        "resource.created",
        "timestamp('2026-11-22T13:30:00Z')",
    ],
    spans: &["duration('90m')", "duration('-1s')"],
    objects: &[
        "subject",
        "resource",
        "resource.owner",
        "resource.author",
        "subject.mentor",
    ],
    lists: &["[]", "[1, 2, 7]", "[subject.level]"],
    anything: &["subject.mixed", "claims.level", "dyn(resource.words)"],
};

/// A random condition as text.
struct Writer<'a> {
    draw: &'a mut Draw,
    words: &'static Words,
}

impl Writer<'_> {
    fn bool(&mut self, depth: usize) -> String {
        let Some(depth) = depth.checked_sub(1) else {
            return self.draw.one(self.words.bools).to_owned();
        };
        let sign = self.draw.one(&["==", "!=", "<", "<=", ">", ">="]);
        match self.draw.below(20) {
            0 => self.draw.one(self.words.bools).to_owned(),
            1..=3 => format!("({} && {})", self.bool(depth), self.bool(depth)),
            4..=6 => format!("({} || {})", self.bool(depth), self.bool(depth)),
            7 => format!("!{}", self.bool(depth)),
            8 => format!(
                "({} ? {} : {})",
                self.bool(depth),
                self.bool(depth),
                self.bool(depth)
            ),
            9 => format!("({} {sign} {})", self.bool(depth), self.bool(depth)),
            10 | 11 => format!("({} {sign} {})", self.int(depth), self.int(depth)),
            12 => format!("({} {sign} {})", self.uint(depth), self.uint(depth)),
            13 => format!("({} {sign} {})", self.double(depth), self.double(depth)),
            14 => format!("({} {sign} {})", self.text(), self.text()),
            15 => format!("({} {sign} {})", self.instant(depth), self.instant(depth)),
            16 => format!("({} {sign} {})", self.span(depth), self.span(depth)),
            17 => self.membership(depth),
            18 => self.of_text(),
            _ => self.untyped(depth, sign),
        }
    }

    fn membership(&mut self, depth: usize) -> String {
        match self.draw.below(4) {
            0 => format!("({} in ['ab', 'news', ''])", self.text()),
            1 => format!("({} in ['ab', {}])", self.text(), self.text()),
            2 => format!("({} in [7, 0, -3])", self.int(depth)),
            _ => format!(
                "({} in {})",
                self.int(depth),
                self.draw.one(self.words.lists)
            ),
        }
    }

    fn of_text(&mut self) -> String {
        let method = self.draw.one(&["contains", "startsWith", "endsWith"]);
        match self.draw.below(4) {
            0 => format!("{}.matches('a.b|n')", self.text()),
            _ => format!("{}.{method}({})", self.text(), self.text()),
        }
    }

    /// What has no typed form, or objects.
    fn untyped(&mut self, depth: usize, sign: &str) -> String {
        let list = self.draw.one(self.words.lists);
        if !self.words.objects.is_empty() && self.draw.below(2) == 0 {
            let objects = [self.words.objects; 2].map(|them| self.draw.one(them));
            let sign = self.draw.one(&["==", "!="]);
            return format!("({} {sign} {})", objects[0], objects[1]);
        }
        let anything = self.draw.one(self.words.anything);
        match self.draw.below(5) {
            0 => format!("{list}.exists(i, {})", self.bool(depth)),
            1 => format!("{list}.all(i, i > {})", self.int(depth)),
            2 => format!("({anything} {sign} {})", self.int(depth)),
            3 => format!("(size({}) {sign} {})", self.text(), self.int(depth)),
            _ => format!("({anything} == {})", self.draw.one(self.words.anything)),
        }
    }

    fn number(&mut self, words: &[&str], depth: usize, signs: &[&str]) -> String {
        match (depth, self.draw.below(3)) {
            (0, _) | (_, 0) => self.draw.one(words).to_owned(),
            _ => {
                let (left, sign) = (self.number(words, depth - 1, signs), self.draw.one(signs));
                format!("({left} {sign} {})", self.number(words, depth - 1, signs))
            }
        }
    }

    fn int(&mut self, depth: usize) -> String {
        let number = self.number(self.words.ints, depth, &["+", "-", "*", "/", "%"]);
        match self.draw.below(6) {
            0 => format!("-({number})"),
            _ => number,
        }
    }

    fn uint(&mut self, depth: usize) -> String {
        self.number(self.words.uints, depth, &["+", "-", "*", "/", "%"])
    }

    fn double(&mut self, depth: usize) -> String {
        self.number(self.words.doubles, depth, &["+", "-", "*", "/"])
    }

    fn text(&mut self) -> String {
        match self.draw.below(12) {
            // Longer than the typed form takes.
            0 => format!("'{}'", "ab".repeat(600)),
            1 => "('a' + 'b')".to_owned(),
            _ => self.draw.one(self.words.texts).to_owned(),
        }
    }

    fn instant(&mut self, depth: usize) -> String {
        let word = self.draw.one(self.words.instants);
        match (depth, self.draw.below(4)) {
            (1.., 0) => format!("({word} + {})", self.span(depth - 1)),
            (1.., 1) => format!("({} + {word})", self.span(depth - 1)),
            (1.., 2) => format!("({word} - {})", self.span(depth - 1)),
            _ => word.to_owned(),
        }
    }

    fn span(&mut self, depth: usize) -> String {
        match (depth, self.draw.below(4)) {
            (1.., 0) => format!(
                "({} - {})",
                self.instant(depth - 1),
                self.instant(depth - 1)
            ),
            (1.., 1) => {
                let sign = self.draw.one(&["+", "-"]);
                format!("({} {sign} {})", self.span(depth - 1), self.span(depth - 1))
            }
            _ => self.draw.one(self.words.spans).to_owned(),
        }
    }
}

/// How often what was seen.
#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    /// The typed form said it.
    said: usize,
    /// It was true.
    held: usize,
    /// The evaluator had a value and the typed form had none.
    left_to_the_evaluator: usize,
    failed: usize,
    read_now: usize,
}

impl Tally {
    fn compare(&mut self, text: &str, typed: &Typed, expression: &Expression, about: About<'_>) {
        let wanted = evaluate::holds(expression, about);
        self.cases += 1;
        self.failed += usize::from(wanted.result.is_err());
        match typed.holds(about) {
            Some((holds, read_now)) => {
                assert_eq!(Ok(holds), wanted.result, "{text}");
                assert_eq!(read_now, wanted.read_now, "{text}: the instant was read");
                self.said += 1;
                self.held += usize::from(holds);
                self.read_now += usize::from(read_now);
            }
            None => self.left_to_the_evaluator += usize::from(wanted.result.is_ok()),
        }
    }

    /// That all of it occurred often enough to mean something.
    fn expect_variety(&self) {
        println!("{self:?}");
        assert!(self.cases >= 10_000, "{self:?}");
        assert!(self.said * 3 >= self.cases, "{self:?}");
        assert!(
            (30..=70).contains(&(self.held * 100 / self.said)),
            "{self:?}"
        );
        assert!(self.failed * 10 >= self.cases, "{self:?}");
        assert!(self.left_to_the_evaluator * 4 <= self.said, "{self:?}");
    }
}

fn declared() -> Parameters {
    let mut parameters = Parameters::default();
    let list = ParameterType::List(Box::new(ParameterType::Int));
    let map = ParameterType::Map(Box::new(ParameterType::Any));
    for (name, value_type) in [
        ("a", ParameterType::Int),
        ("b", ParameterType::Int),
        ("u", ParameterType::Uint),
        ("x", ParameterType::Double),
        ("y", ParameterType::Double),
        ("s", ParameterType::String),
        ("t", ParameterType::String),
        ("p", ParameterType::Bool),
        ("q", ParameterType::Bool),
        ("at", ParameterType::Timestamp),
        ("d", ParameterType::Duration),
        ("l", list),
        ("any", ParameterType::Any),
        ("m", map),
    ] {
        assert!(parameters.add(name.into(), value_type));
    }
    parameters
}

/// A value of a type.
fn value(draw: &mut Draw, value_type: &ParameterType) -> Value {
    let ints = [0, 1, 7, -3, i64::MAX, i64::MIN];
    let instants = [
        "2026-11-22T13:30:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-30T00:00:00Z",
    ];
    match value_type {
        ParameterType::Bool => Value::Bool(draw.below(2) == 0),
        ParameterType::String => Value::String(match draw.below(8) {
            0 => "ab".repeat(512).into(),
            1 => "ab".repeat(513).into(),
            2 => Arc::clone(&draw.long),
            _ => draw.one(&["", "ab", "añb", "news", "read"]).into(),
        }),
        ParameterType::Int => Value::Int(ints[draw.below(ints.len())]),
        ParameterType::Uint => Value::Uint([0, 1, 7, u64::MAX][draw.below(4)]),
        ParameterType::Double => {
            Value::Double([0.0, -0.0, 1.5, f64::NAN, f64::INFINITY][draw.below(5)])
        }
        ParameterType::Timestamp => Value::Timestamp(draw.one(&instants).parse().unwrap()),
        ParameterType::Duration => Value::Duration(SignedDuration::from_secs(
            [0, 5400, -1, 315_576_000_000][draw.below(4)],
        )),
        ParameterType::List(item) => {
            Value::List((0..draw.below(4)).map(|_| value(draw, item)).collect())
        }
        ParameterType::Map(item) => {
            let entry = (super::Key::String("k".into()), value(draw, item));
            Value::Map(Arc::new([entry].into()))
        }
        ParameterType::Any | ParameterType::Address => {
            let types = [
                ParameterType::Int,
                ParameterType::String,
                ParameterType::Bool,
            ];
            let which = draw.below(3);
            value(draw, &types[which])
        }
    }
}

/// A value of this type, none, or one of another type.
fn perhaps(draw: &mut Draw, value_type: &ParameterType) -> Option<Value> {
    match draw.below(16) {
        0 => None,
        1 => Some(value(draw, &ParameterType::Any)),
        2 => Some(value(draw, &ParameterType::Double)),
        _ => Some(value(draw, value_type)),
    }
}

#[test]
fn conditions_over_parameters() {
    let parameters = declared();
    let (mut draw, mut tally) = (Draw::new(1), Tally::default());
    for _ in 0..CONDITIONS {
        let words = &OF_PARAMETERS;
        let text = Writer {
            draw: &mut draw,
            words,
        }
        .bool(4);
        let mut checker = Checker::over(&parameters);
        let expression = checker.condition(&parser::parse(&text).unwrap());
        let Some(typed) = Typed::new(&expression).filter(|_| checker.mistakes.is_empty()) else {
            continue;
        };
        for _ in 0..CIRCUMSTANCES {
            let values = parameters.iter().map(|(_, it)| perhaps(&mut draw, it));
            let values: Vec<Option<Value>> = values.collect();
            let parameters = &parameters;
            let about = About::Parameters {
                parameters,
                values: &values,
            };
            tally.compare(&text, &typed, &expression, about);
        }
    }
    tally.expect_variety();
}

#[test]
fn conditions_over_requests() {
    let policy = policy();
    let (mut draw, mut tally) = (Draw::new(2), Tally::default());
    for _ in 0..CONDITIONS {
        let words = &OF_REQUESTS;
        let text = Writer {
            draw: &mut draw,
            words,
        }
        .bool(4);
        let mut checker = Checker::new(scope(&policy));
        let expression = checker.condition(&parser::parse(&text).unwrap());
        let Some(typed) = Typed::new(&expression).filter(|_| checker.mistakes.is_empty()) else {
            continue;
        };
        for _ in 0..CIRCUMSTANCES {
            let subject = subject(&mut draw, &policy);
            let resource = resource(&mut draw, &policy);
            let request = Request {
                subject: &subject,
                action: draw.one(&["read", "read", "list"]),
                resource: &resource,
                now: Timestamp::UNIX_EPOCH,
                facts: Facts::none(),
                context: no_context(),
            };
            let kind = [ActionKind::Instance, ActionKind::Collection][draw.below(8) / 7];
            let request = &request;
            tally.compare(&text, &typed, &expression, About::Request { request, kind });
        }
    }
    tally.expect_variety();
    assert!(tally.read_now * 50 >= tally.cases, "{tally:?}");
}

/// Attributes in the order of their declaration, some without a value or with a wrong one.
fn attributes(draw: &mut Draw, policy: &Policy, type_name: &str) -> Vec<Option<Value>> {
    use crate::model::AttributeType;
    let mut one = |value_type: &AttributeType| match value_type {
        AttributeType::String | AttributeType::Tenant => perhaps(draw, &ParameterType::String),
        AttributeType::Int => perhaps(draw, &ParameterType::Int),
        AttributeType::Double => perhaps(draw, &ParameterType::Double),
        AttributeType::Bool => perhaps(draw, &ParameterType::Bool),
        AttributeType::Timestamp => perhaps(draw, &ParameterType::Timestamp),
        AttributeType::Reference(_) => {
            let name = draw.one(&["vera", "oscar", ""]);
            (!name.is_empty()).then(|| Value::Reference(Reference::new("user", name)))
        }
    };
    let declared = &policy.types.get(type_name).unwrap().attributes;
    declared.values().map(|it| one(&it.value_type)).collect()
}

fn subject(draw: &mut Draw, policy: &Policy) -> Subject {
    let level = [1, 7][draw.below(2)];
    let facts = SubjectFacts {
        reference: (draw.below(16) > 0).then(|| "user:vera".to_owned()),
        signed_in: draw.below(16) > 0,
        tenant: (draw.below(8) > 0).then(|| "news".to_owned()),
        credential: crate::Credential {
            claims: serde_json::Map::from_iter([("level".to_owned(), level.into())]),
            ..crate::Credential::default()
        },
        ..SubjectFacts::default()
    };
    let mut subject = policy.subject(facts).unwrap();
    subject.attributes = attributes(draw, policy, "user");
    subject
}

fn resource(draw: &mut Draw, policy: &Policy) -> Resource {
    let id = (draw.below(8) > 0).then_some("7");
    let mut resource = policy
        .resource("post", id, &serde_json::Map::new())
        .unwrap();
    resource.attributes = attributes(draw, policy, "post");
    resource
}

/// What has no typed form takes its steps from those that the rest leaves, so that the limit is
/// met at the same step.
#[test]
fn the_limit_of_steps_is_the_same() {
    let parameters = declared();
    let text = "(a == 7 || s in ['ab', 'news']) && l.all(i, i >= 0) && p && l.all(i, i < a)";
    let mut checker = Checker::over(&parameters);
    let expression = checker.condition(&parser::parse(text).unwrap());
    let typed = Typed::new(&expression).unwrap();
    let mut tally = Tally::default();
    for length in (0..4_000)
        .step_by(500)
        .chain(2_400..2_600)
        .chain(3_200..3_400)
    {
        let values = parameters.iter().map(|(name, _)| match name {
            "a" => Some(Value::Int(7)),
            "p" => Some(Value::Bool(true)),
            "l" => Some(Value::List(vec![Value::Int(1); length].into())),
            _ => None,
        });
        let values: Vec<Option<Value>> = values.collect();
        let about = About::Parameters {
            parameters: &parameters,
            values: &values,
        };
        tally.compare(text, &typed, &expression, about);
    }
    assert!(tally.failed > 0 && tally.said > 0, "{tally:?}");
    assert!(tally.left_to_the_evaluator < 50, "{tally:?}");
    let long = vec!["s in ['a', 'b', 'c', 'd']"; 300].join(" || ");
    let mut checker = Checker::over(&parameters);
    let expression = checker.condition(&parser::parse(&long).unwrap());
    assert!(checker.mistakes.is_empty());
    assert!(
        Typed::new(&expression).is_none(),
        "may take more than all steps"
    );
}

/// The typed form is there for what conditions mostly say.
#[test]
fn what_has_a_typed_form() {
    let has_typed_form = |text: &str| {
        let policy = policy();
        let mut checker = Checker::new(scope(&policy));
        let expression = checker.condition(&parser::parse(text).unwrap());
        assert!(checker.mistakes.is_empty(), "{text}");
        Typed::new(&expression).is_some()
    };
    for text in [
        "resource.owner == subject",
        "now - resource.created < duration('24h')",
        "resource.words * 2 + 10 < subject.level",
        "subject.department in ['news', 'sport'] && action != 'read'",
        "resource.title.startsWith('x') || tenant == resource.tenant",
        "resource.public && [1, 2].exists(i, i == subject.level)",
    ] {
        assert!(has_typed_form(text), "{text}");
    }
    for text in ["claims.level == 3", "[1, 2].exists(i, i == subject.level)"] {
        assert!(!has_typed_form(text), "{text}");
    }
}
