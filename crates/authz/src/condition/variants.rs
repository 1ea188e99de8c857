//! Other conditions that somebody could have written instead of one: for tests of tests.

use std::ops::Range;

use super::parser;
use super::syntax::{Kind, Node, Operator};

/// Another condition, and what was done to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The whole text.
    pub text: String,
    /// What was done, such as "`&&` becomes `||`".
    pub what: String,
}

/// The condition negated, without each operand of `&&` and `||`, with the other of the two, and with
/// each comparison turned or moved by its border. None of a text that is no condition.
pub fn variants(text: &str) -> Vec<Variant> {
    let Ok(node) = parser::parse(text) else {
        return Vec::new();
    };
    let mut found = vec![Variant {
        text: format!("!({})", text.trim()),
        what: "the condition is negated".to_owned(),
    }];
    vary(&node, text, &mut found);
    found
}

fn vary(node: &Node, text: &str, found: &mut Vec<Variant>) {
    match &node.kind {
        Kind::And(operands) => joined(node, operands, ("&&", "||"), text, found),
        Kind::Or(operands) => joined(node, operands, ("||", "&&"), text, found),
        Kind::Not(inner) => {
            let inside = written(text, &inner.span);
            push(text, &node.span, inside, "`!` is dropped", found);
            vary(inner, text, found);
        }
        Kind::Conditional(condition, yes, no) => {
            for it in [condition, yes, no] {
                vary(it, text, found);
            }
        }
        Kind::Binary(operator, left, right) => {
            for other in turned(*operator) {
                let sides = [left, right].map(|it| written(text, &it.span));
                let changed = format!("{} {} {}", sides[0], other.sign(), sides[1]);
                let what = format!("`{}` becomes `{}`", operator.sign(), other.sign());
                push(text, &node.span, &changed, &what, found);
            }
        }
        _ => {}
    }
}

/// Without each operand, and joined the other way.
fn joined(
    node: &Node,
    operands: &[Node],
    (sign, other): (&str, &str),
    text: &str,
    found: &mut Vec<Variant>,
) {
    // An operand that needs brackets has them: its span begins and ends with them.
    let all: Vec<&str> = operands.iter().map(|it| written(text, &it.span)).collect();
    for dropped in 0..all.len() {
        let kept = all.iter().enumerate().filter(|(at, _)| *at != dropped);
        let kept: Vec<&str> = kept.map(|(_, it)| *it).collect();
        let what = format!(
            "operand {} of `{sign}` is dropped",
            dropped.saturating_add(1)
        );
        let changed = format!("({})", kept.join(&format!(" {sign} ")));
        push(text, &node.span, &changed, &what, found);
    }
    let what = format!("`{sign}` becomes `{other}`");
    let changed = format!("({})", all.join(&format!(" {other} ")));
    push(text, &node.span, &changed, &what, found);
    for operand in operands {
        vary(operand, text, found);
    }
}

/// What may stand for a comparison by mistake.
fn turned(operator: Operator) -> &'static [Operator] {
    match operator {
        Operator::Equal => &[Operator::NotEqual],
        Operator::NotEqual => &[Operator::Equal],
        Operator::Less => &[Operator::LessOrEqual, Operator::GreaterOrEqual],
        Operator::LessOrEqual => &[Operator::Less, Operator::Greater],
        Operator::Greater => &[Operator::GreaterOrEqual, Operator::LessOrEqual],
        Operator::GreaterOrEqual => &[Operator::Greater, Operator::Less],
        _ => &[],
    }
}

fn written<'a>(text: &'a str, span: &Range<usize>) -> &'a str {
    text.get(span.clone()).unwrap_or_default()
}

fn push(text: &str, span: &Range<usize>, instead: &str, what: &str, found: &mut Vec<Variant>) {
    let (Some(before), Some(after)) = (text.get(..span.start), text.get(span.end..)) else {
        return;
    };
    found.push(Variant {
        text: format!("{before}{instead}{after}"),
        what: what.to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::variants;

    #[test]
    fn every_operand_goes_once_and_every_sign_is_turned() {
        let found = variants("a == b && (c < 1 || !d)");
        let texts: Vec<&str> = found.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "!(a == b && (c < 1 || !d))",
                "((c < 1 || !d))",
                "(a == b)",
                "(a == b || (c < 1 || !d))",
                "a != b && (c < 1 || !d)",
                "a == b && (!d)",
                "a == b && (c < 1)",
                "a == b && (c < 1 && !d)",
                "a == b && (c <= 1 || !d)",
                "a == b && (c >= 1 || !d)",
                "a == b && (c < 1 || d)",
            ]
        );
    }
}
