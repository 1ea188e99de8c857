//! A condition taken apart: the questions that it joins by `&&`, `||`, `!` and `?:`, and what of a
//! request each of them reads. Who wants to know all that a condition can say needs no more values
//! than tell its questions apart.

use super::parser;
use super::syntax::{Kind, Macro, Node, Operator};
use super::time;
use super::value::Value;

/// Something of a request that conditions read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// The reference of the subject.
    Subject,
    /// The reference of the resource.
    Resource,
    /// The active tenant.
    Tenant,
    /// The instant of the request.
    Now,
    /// A claim of the credential.
    Claim(String),
    /// An attribute of the subject.
    OfSubject(String),
    /// An attribute of the resource.
    OfResource(String),
}

/// A part of what clock and calendar show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClockPart {
    /// `getHours`.
    Hour,
    /// `getMinutes`.
    Minute,
    /// `getDayOfWeek`.
    Weekday,
    /// `getDate` and `getDayOfMonth`.
    Day,
    /// `getMonth`.
    Month,
}

/// One question of a condition.
#[derive(Debug, Clone)]
pub enum Atom {
    /// A variable is compared with constants.
    Against {
        /// What is read.
        variable: Variable,
        /// Whether it is compared by order, and not for equality only.
        ordered: bool,
        /// The constants.
        constants: Vec<Value>,
    },
    /// Two variables are compared.
    Between {
        /// What is read.
        variables: [Variable; 2],
        /// Whether they are compared by order, and not for equality only.
        ordered: bool,
    },
    /// A variable is the answer itself, or it is asked whether it has a value.
    Alone(Variable),
    /// Whether the clock in a zone stands between two times of day.
    Daily {
        /// What is read.
        variable: Variable,
        /// From when, such as `08:00`.
        from: String,
        /// Until when.
        to: String,
        /// The zone.
        zone: String,
    },
    /// A part of what clock and calendar show in a zone is compared with whole numbers.
    Shown {
        /// What is read.
        variable: Variable,
        /// The part.
        part: ClockPart,
        /// The zone.
        zone: String,
        /// The numbers.
        constants: Vec<i64>,
    },
    /// Whether a feature flag is on.
    Flag(String),
    /// Anything else that reads these variables, with the constants that stand in it.
    Beyond {
        /// What is read.
        variables: Vec<Variable>,
        /// The constants.
        constants: Vec<Value>,
    },
}

impl Atom {
    /// What it reads of a request; a flag reads none of these.
    pub fn variables(self) -> Vec<Variable> {
        match self {
            Self::Against { variable, .. }
            | Self::Daily { variable, .. }
            | Self::Shown { variable, .. }
            | Self::Alone(variable) => {
                vec![variable]
            }
            Self::Between { variables, .. } => variables.into(),
            Self::Beyond { variables, .. } => variables,
            Self::Flag(_) => Vec::new(),
        }
    }
}

/// The questions of a condition, as often as they stand in it; none of a text that is none.
/// O(length of the text).
pub fn atoms(text: &str) -> Vec<Atom> {
    let mut atoms = Vec::new();
    if let Ok(node) = parser::parse(text) {
        collect(&node, &mut atoms);
    }
    atoms
}

/// The seconds since midnight of a time of day such as `08:00`, and the zone by its name, as
/// `within` reads them.
pub fn clock_in_zone(clock: &str, zone: &str) -> Option<(u32, jiff::tz::TimeZone)> {
    Some((time::clock(clock).ok()?, time::zone(zone).ok()?))
}

fn collect(node: &Node, atoms: &mut Vec<Atom>) {
    match &node.kind {
        Kind::And(operands) | Kind::Or(operands) => {
            operands.iter().for_each(|it| collect(it, atoms));
        }
        Kind::Not(inner) => collect(inner, atoms),
        Kind::Conditional(condition, yes, no) => {
            for part in [condition, yes, no] {
                collect(part, atoms);
            }
        }
        Kind::Literal(_) => {}
        Kind::Binary(operator, left, right) if operator.compares() => {
            let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
            match is_equality && is_question(left) && is_question(right) {
                true => [left, right].into_iter().for_each(|it| collect(it, atoms)),
                false => atoms.extend(
                    comparison(*operator, left, right)
                        .or_else(|| shown(*operator, left, right))
                        .or_else(|| beyond(node)),
                ),
            }
        }
        Kind::Has(object, field) => {
            let read = selected(object, &field.text);
            atoms.extend(read.map(Atom::Alone).or_else(|| beyond(node)));
        }
        Kind::Call {
            receiver: None,
            function,
            arguments,
        } => atoms.extend(called(&function.text, arguments).or_else(|| beyond(node))),
        _ => atoms.extend(variable(node).map(Atom::Alone).or_else(|| beyond(node))),
    }
}

/// Whether it is certain to be a bool that is made of other questions, or `true` or `false` itself.
fn is_question(node: &Node) -> bool {
    match &node.kind {
        Kind::Literal(Value::Bool(_)) | Kind::And(_) | Kind::Or(_) | Kind::Not(_) => true,
        Kind::Has(..) => true,
        Kind::Binary(operator, ..) => operator.compares(),
        Kind::Call {
            receiver: None,
            function,
            ..
        } => ["flag", "within"].contains(&function.text.as_str()),
        _ => false,
    }
}

fn comparison(operator: Operator, left: &Node, right: &Node) -> Option<Atom> {
    let ordered = !matches!(
        operator,
        Operator::Equal | Operator::NotEqual | Operator::In
    );
    match (variable(left), variable(right)) {
        (Some(_), Some(_)) if operator == Operator::In => None,
        (Some(a), Some(b)) => Some(Atom::Between {
            variables: [a, b],
            ordered,
        }),
        (Some(variable), None) | (None, Some(variable)) => {
            let other = if self::variable(left).is_some() {
                right
            } else {
                left
            };
            Some(Atom::Against {
                variable,
                ordered,
                constants: constants(operator, other)?,
            })
        }
        (None, None) => None,
    }
}

/// What something is compared with by this operator.
fn constants(operator: Operator, other: &Node) -> Option<Vec<Value>> {
    match (&other.kind, operator) {
        (Kind::List(items), Operator::In) => items.iter().map(constant).collect(),
        (_, Operator::In) => None,
        _ => constant(other).map(|it| vec![it]),
    }
}

/// `now.getHours('Europe/Berlin') >= 17`, and the same the other way round.
fn shown(operator: Operator, left: &Node, right: &Node) -> Option<Atom> {
    let (read, other) = match part_shown(left) {
        Some(read) => (read, right),
        None => (part_shown(right)?, left),
    };
    let (variable, part, zone) = read;
    let whole = |value| match value {
        Value::Int(value) => Some(value),
        _ => None,
    };
    let constants = constants(operator, other)?.into_iter().map(whole);
    Some(Atom::Shown {
        variable,
        part,
        zone,
        constants: constants.collect::<Option<_>>()?,
    })
}

fn part_shown(node: &Node) -> Option<(Variable, ClockPart, String)> {
    let Kind::Call {
        receiver: Some(receiver),
        function,
        arguments,
    } = &node.kind
    else {
        return None;
    };
    let part = match function.text.as_str() {
        "getHours" => ClockPart::Hour,
        "getMinutes" => ClockPart::Minute,
        "getDayOfWeek" => ClockPart::Weekday,
        "getDate" | "getDayOfMonth" => ClockPart::Day,
        "getMonth" => ClockPart::Month,
        _ => return None,
    };
    let zone = match arguments.as_slice() {
        [] => "UTC".to_owned(),
        [zone] => constant(zone)?.as_str()?.to_owned(),
        _ => return None,
    };
    // A claim may be a duration in disguise: only what is declared is known to be an instant.
    let read = variable(receiver).filter(|it| !matches!(it, Variable::Claim(_)))?;
    Some((read, part, zone))
}

/// `flag('name')` and `within(now, "08:00", "18:00", "Europe/Berlin")`.
fn called(function: &str, arguments: &[Node]) -> Option<Atom> {
    let text = |node: &Node| Some(constant(node)?.as_str()?.to_owned());
    match (function, arguments) {
        ("flag", [name]) => Some(Atom::Flag(text(name)?)),
        ("within", [at, from, to, zone]) => Some(Atom::Daily {
            variable: variable(at)?,
            from: text(from)?,
            to: text(to)?,
            zone: text(zone)?,
        }),
        _ => None,
    }
}

fn variable(node: &Node) -> Option<Variable> {
    match &node.kind {
        Kind::Name(name) => match name.as_str() {
            "subject" => Some(Variable::Subject),
            "resource" => Some(Variable::Resource),
            "tenant" => Some(Variable::Tenant),
            "now" => Some(Variable::Now),
            _ => None,
        },
        Kind::Select(object, field) => selected(object, &field.text),
        Kind::Index(object, key) => selected(object, constant(key)?.as_str()?),
        _ => None,
    }
}

fn selected(object: &Node, field: &str) -> Option<Variable> {
    let Kind::Name(name) = &object.kind else {
        return None;
    };
    match name.as_str() {
        "subject" => Some(Variable::OfSubject(field.to_owned())),
        "resource" => Some(Variable::OfResource(field.to_owned())),
        "claims" => Some(Variable::Claim(field.to_owned())),
        _ => None,
    }
}

fn constant(node: &Node) -> Option<Value> {
    match &node.kind {
        Kind::Literal(value) => Some(value.clone()),
        Kind::Negate(inner) => match constant(inner)? {
            Value::Int(value) => value.checked_neg().map(Value::Int),
            Value::Double(value) => Some(Value::Double(-value)),
            _ => None,
        },
        Kind::Call {
            receiver: None,
            function,
            arguments,
        } if function.text == "timestamp" => {
            let [text] = arguments.as_slice() else {
                return None;
            };
            let instant = time::timestamp(constant(text)?.as_str()?);
            instant.ok().map(Value::Timestamp)
        }
        _ => None,
    }
}

/// A question that is not understood; none about the action alone, to which the answer is always
/// the same.
fn beyond(node: &Node) -> Option<Atom> {
    if is_about_action(node) {
        return None;
    }
    let mut variables = Vec::new();
    let mut constants = Vec::new();
    gather(node, &mut variables, &mut constants);
    variables.sort();
    variables.dedup();
    Some(Atom::Beyond {
        variables,
        constants,
    })
}

/// Whether nothing is read but the name of the action.
fn is_about_action(node: &Node) -> bool {
    match &node.kind {
        Kind::Name(name) => name == "action",
        Kind::Call { function, .. } if function.text == "flag" => false,
        Kind::Macro(_) => false,
        _ => parts(node).into_iter().all(is_about_action),
    }
}

fn gather(node: &Node, variables: &mut Vec<Variable>, constants: &mut Vec<Value>) {
    if let Some(found) = variable(node) {
        variables.push(found);
        return;
    }
    if let Some(found) = constant(node) {
        constants.push(found);
        return;
    }
    for part in parts(node) {
        gather(part, variables, constants);
    }
    if let Kind::Has(object, field) = &node.kind {
        variables.extend(selected(object, &field.text));
    }
}

/// The parts of which an expression is made.
fn parts(node: &Node) -> Vec<&Node> {
    match &node.kind {
        Kind::Literal(_) | Kind::Name(_) => Vec::new(),
        Kind::Select(inner, _) | Kind::Has(inner, _) | Kind::Not(inner) | Kind::Negate(inner) => {
            vec![inner]
        }
        Kind::Index(a, b) | Kind::Binary(_, a, b) => vec![a, b],
        Kind::Call {
            receiver,
            arguments,
            ..
        } => receiver.as_deref().into_iter().chain(arguments).collect(),
        Kind::List(items) | Kind::And(items) | Kind::Or(items) => items.iter().collect(),
        Kind::Map(entries) => entries
            .iter()
            .flat_map(|(key, value)| [key, value])
            .collect(),
        Kind::Conditional(a, b, c) => vec![a, b, c],
        Kind::Macro(found) => {
            let Macro {
                range,
                filter,
                body,
                ..
            } = &**found;
            [range, body].into_iter().chain(filter).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::atoms;

    fn told(text: &str) -> String {
        format!("{:?}", atoms(text))
    }

    #[test]
    fn each_question_is_told_with_what_it_reads() {
        let text = "resource.owner == subject && (tenant != 'a' || !flag('x')) && has(claims.org) \
                    && resource.size > -2 && resource.kind in ['a', 'b'] && within(now, '08:00', '18:00', 'UTC')";
        assert_eq!(
            told(text),
            "[Between { variables: [OfResource(\"owner\"), Subject], ordered: false }, \
             Against { variable: Tenant, ordered: false, constants: [String(\"a\")] }, \
             Flag(\"x\"), Alone(Claim(\"org\")), \
             Against { variable: OfResource(\"size\"), ordered: true, constants: [Int(-2)] }, \
             Against { variable: OfResource(\"kind\"), ordered: false, constants: [String(\"a\"), String(\"b\")] }, \
             Daily { variable: Now, from: \"08:00\", to: \"18:00\", zone: \"UTC\" }]"
        );
    }

    #[test]
    fn the_clock_is_asked_in_parts_and_a_question_may_be_compared_with_its_answer() {
        assert_eq!(
            told("18 > now.getHours('Asia/Tokyo') || now.getDayOfWeek() in [0, 6]"),
            "[Shown { variable: Now, part: Hour, zone: \"Asia/Tokyo\", constants: [18] }, \
             Shown { variable: Now, part: Weekday, zone: \"UTC\", constants: [0, 6] }]"
        );
        assert_eq!(
            told("within(now, '08:00', '18:00', 'UTC') == false"),
            told("!within(now, '08:00', '18:00', 'UTC')")
        );
        assert_eq!(
            told("(resource.a == 'x') != flag('f')"),
            told("resource.a == 'x' || flag('f')")
        );
    }

    #[test]
    fn what_is_not_understood_is_told_with_all_that_it_reads() {
        for text in [
            "resource.title.startsWith('x') && resource.size + 1 > 2",
            "claims.a.b == 'x'",
            "now.getHours() + 1 == 3",
            "now.getHours() == resource.size",
            "now.getSeconds() == 3",
            "claims.at.getHours() == 3",
        ] {
            assert!(told(text).contains("Beyond"), "{text}");
        }
        assert_eq!(told("not a condition"), "[]");
        assert_eq!(told("action == 'read' || action.startsWith('x')"), "[]");
    }
}
