//! The condition language against the `cel` crate, on the tables and on random expressions.

use std::sync::Arc;

use cel::{Context, Env};
use proptest::prelude::*;

use super::{outcome, policy};

/// Where the two differ: the expression, what `cel` 0.15 says, and why ours is right by the CEL
/// language definition.
const DIFFERENCES: [(&str, Option<&str>, &str); 5] = [
    (
        "0.0 / 0.0 < 1.0",
        None,
        "section \"Ordering\": doubles are ordered as IEEE 754 says, so NaN is not less",
    ),
    (
        "dyn(9007199254740993) == 9007199254740992.0",
        Some("true"),
        "section \"Numbers\": numbers are compared on one line, without rounding one",
    ),
    (
        "timestamp('9999-12-30T22:00:00Z') - timestamp('0001-01-01T00:00:00Z')",
        None,
        "section \"Timestamp\": a duration spans the whole range of timestamps",
    ),
    (
        "timestamp('9999-12-31T23:59:59Z')",
        None,
        "section \"Timestamp\": the last hours of the range count as one instant, the last that the library knows (and the oracle's cannot be shown)",
    ),
    (
        "duration('1.321s').getMilliseconds()",
        Some("1321"),
        "section \"List of Standard Definitions\": the milliseconds beyond the seconds",
    ),
];

/// What `cel` says: the value as we would show it, or none if it has none.
fn oracle(text: &str) -> Option<String> {
    let env = Arc::new(Env::stdlib());
    let program = env.compile(text).ok()?;
    let value = program.execute(&Context::with_env(env)).ok()?;
    show(&value)
}

fn show(value: &cel::Value) -> Option<String> {
    Some(match value {
        cel::Value::Null => "null".to_owned(),
        cel::Value::Bool(value) => value.to_string(),
        cel::Value::Int(value) => value.to_string(),
        cel::Value::UInt(value) => format!("{value}u"),
        cel::Value::Float(value) => format!("{value:?}"),
        cel::Value::String(value) => format!("{value:?}"),
        cel::Value::Timestamp(value) => value
            .to_rfc3339()
            .parse::<jiff::Timestamp>()
            .ok()?
            .to_string(),
        cel::Value::Duration(value) => {
            let whole = jiff::SignedDuration::new(value.num_seconds(), value.subsec_nanos());
            crate::condition::time::duration_text(whole)
        }
        cel::Value::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(show).collect();
            format!("[{}]", items?.join(", "))
        }
        _ => return None,
    })
}

/// Our answer in the form of the oracle's; none if the checker refuses the expression, which
/// `cel`, having no checker, does not.
fn ours(policy: &crate::Policy, text: &str) -> Option<Option<String>> {
    let outcome = outcome(policy, text);
    if outcome.starts_with("!!") {
        return None;
    }
    let (found, value) = outcome.split_once(": ").unwrap();
    Some((found != "error").then(|| value.to_owned()))
}

/// `cel` orders the keys of a map by chance, so what shows their order is left out.
fn is_ordered(text: &str) -> bool {
    !text.starts_with('{') || !(text.ends_with('}') || text.contains(".map("))
}

#[test]
fn the_tables() {
    let policy = policy();
    let tables = [
        include_str!("operators.txt"),
        include_str!("functions.txt"),
        include_str!("times.txt"),
    ];
    let lines = tables.iter().flat_map(|table| table.lines());
    let texts = lines.filter_map(|line| Some(line.rsplit_once(" => ")?.0));
    let ours_alone = ["now", "within", "resource"];
    let texts = texts.filter(|text| !ours_alone.iter().any(|name| text.contains(name)));
    let mut compared = 0;
    for text in texts.filter(|text| is_ordered(text)) {
        let Some(ours) = ours(&policy, text) else {
            continue;
        };
        let known = DIFFERENCES.iter().find(|known| known.0 == text);
        let theirs = oracle(text);
        match known {
            Some((_, known, reason)) => {
                assert_ne!(ours, theirs, "{text} no longer differs: {reason}");
                assert_eq!(theirs.as_deref(), *known, "{text}");
            }
            None => assert_eq!(ours, theirs, "{text}"),
        }
        compared += 1;
    }
    assert!(compared >= 180, "{compared}");
}

/// Random expressions of the types that matter here, as text. Doubles are left to the tables.
#[derive(Debug, Clone)]
struct Texts {
    int: BoxedStrategy<String>,
    bool: BoxedStrategy<String>,
    string: BoxedStrategy<String>,
    list: BoxedStrategy<String>,
}

fn leaves() -> Texts {
    let ints = [
        "0",
        "1",
        "-3",
        "7",
        "9223372036854775807",
        "x",
        "size('añ')",
    ];
    let strings = ["''", "'a'", "'ab'", "\"b'\"", "r'\\'", "'ñ'"];
    let select = |words: &'static [&'static str]| {
        prop::sample::select(words).prop_map(str::to_owned).boxed()
    };
    Texts {
        int: prop::sample::select(ints.to_vec())
            .prop_map(str::to_owned)
            .boxed(),
        bool: select(&["true", "false"]),
        string: prop::sample::select(strings.to_vec())
            .prop_map(str::to_owned)
            .boxed(),
        list: select(&["[]", "[1]", "[1, 2, 3]", "[0, -1]"]),
    }
}

/// Expressions one level deeper.
fn deeper(of: Texts) -> Texts {
    let Texts {
        int,
        bool,
        string,
        list,
    } = of;
    let any = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let arithmetic = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
    let logic = prop::sample::select(vec!["&&", "||"]);
    let quantifier = prop::sample::select(vec!["all", "exists", "exists_one"]);
    let method = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
    let choice = |of: &BoxedStrategy<String>| {
        let parts = (bool.clone(), of.clone(), of.clone());
        parts.prop_map(|(a, b, c)| format!("({a} ? {b} : {c})"))
    };
    let ints = prop_oneof![
        int.clone(),
        (int.clone(), arithmetic, int.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
        string.clone().prop_map(|it| format!("size({it})")),
        list.clone().prop_map(|it| format!("{it}.size()")),
        (list.clone(), int.clone()).prop_map(|(list, at)| format!("{list}[{at}]")),
        int.clone().prop_map(|it| format!("-({it})")),
        choice(&int),
    ];
    let bools = prop_oneof![
        bool.clone(),
        (bool.clone(), logic, bool.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
        bool.clone().prop_map(|it| format!("!({it})")),
        (int.clone(), any.clone(), int.clone())
            .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
        (string.clone(), any, string.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
        (int.clone(), list.clone()).prop_map(|(a, b)| format!("({a} in {b})")),
        (list.clone(), list.clone()).prop_map(|(a, b)| format!("({a} == {b})")),
        (string.clone(), method, string.clone()).prop_map(|(a, it, b)| format!("{a}.{it}({b})")),
        (list.clone(), quantifier, bool.clone()).prop_map(|(a, it, b)| format!("{a}.{it}(x, {b})")),
        choice(&bool),
    ];
    let strings = prop_oneof![
        string.clone(),
        (string.clone(), string.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
        int.clone().prop_map(|it| format!("string({it})")),
        choice(&string),
    ];
    let lists = prop_oneof![
        list.clone(),
        (list.clone(), list.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
        (int.clone(), int.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
        (list.clone(), bool.clone()).prop_map(|(a, b)| format!("{a}.filter(x, {b})")),
        (list.clone(), int.clone()).prop_map(|(a, b)| format!("{a}.map(x, {b})")),
        choice(&list),
    ];
    Texts {
        int: ints.boxed(),
        bool: bools.boxed(),
        string: strings.boxed(),
        list: lists.boxed(),
    }
}

fn expressions() -> impl Strategy<Value = String> {
    let three = deeper(deeper(deeper(leaves())));
    prop_oneof![three.int, three.bool, three.string, three.list]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_expressions(text in expressions()) {
        // The variable needs a macro around it to have a value.
        let text = format!("[2].map(x, {text})");
        if let Some(ours) = ours(&policy(), &text) {
            prop_assert_eq!(ours, oracle(&text), "{}", text);
        }
    }
}
