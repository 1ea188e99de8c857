//! What a matcher or a line asks about the subject: `r.sub.Age > 18`, as conditions of rules.

use super::super::write::{is_name, quoted};
use super::matcher::{self, Attribute, Literal, Test};

/// A condition over attributes of the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) text: String,
    /// The attributes that it reads, with their types.
    pub(super) reads: Vec<(String, &'static str)>,
}

/// The condition that a test is.
///
/// # Errors
/// Why it does not map.
pub(super) fn condition(attribute: &Attribute) -> Result<Condition, String> {
    let Attribute {
        name,
        operator,
        values,
        text,
        ..
    } = attribute;
    let mut types = values.iter().map(type_of);
    let kind = types.next();
    let (Some(kind), true) = (kind, types.all(|it| Some(it) == kind)) else {
        return Err(format!("`{text}` compares with values of several types"));
    };
    if !is_name(name) || name.contains('-') {
        return Err(format!("`{name}` cannot be the name of an attribute"));
    }
    let values: Vec<String> = values.iter().map(written).collect();
    let values = match *operator {
        "in" => format!("[{}]", values.join(", ")),
        _ => values.concat(),
    };
    Ok(Condition {
        text: format!("subject.{name} {operator} {values}"),
        reads: vec![(name.clone(), kind)],
    })
}

/// The condition that the rule of a line is.
///
/// # Errors
/// Why it does not map.
pub(super) fn of_rule(rule: &str, subject: &str) -> Result<Condition, String> {
    let alternatives = matcher::alternatives(rule);
    let alternatives =
        alternatives.map_err(|why| format!("the rule `{rule}` does not map: {why}"))?;
    let mut reads = Vec::new();
    let mut texts = Vec::new();
    for tests in alternatives {
        let mut all = Vec::new();
        for test in tests {
            match test {
                Test::Attribute(attribute) if attribute.request == subject => {
                    let condition = condition(&attribute)?;
                    reads.extend(condition.reads);
                    all.push(condition.text);
                }
                _ => return Err(format!("the rule `{rule}` does not map")),
            }
        }
        texts.push(all.join(" && "));
    }
    let text = match texts.as_slice() {
        [one] => one.clone(),
        more => format!("({})", more.join(" || ")),
    };
    Ok(Condition { text, reads })
}

/// All numbers are floating-point numbers in Casbin.
fn type_of(value: &Literal) -> &'static str {
    match value {
        Literal::Number(_) => "double",
        Literal::Text(_) => "string",
        Literal::Bool(_) => "bool",
    }
}

fn written(value: &Literal) -> String {
    match value {
        Literal::Number(number) => number.clone(),
        Literal::Text(text) => quoted(text),
        Literal::Bool(value) => value.to_string(),
    }
}
