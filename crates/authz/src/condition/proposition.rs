//! A condition as a proposition: what `&&`, `||`, `!` and `?:` join, with everything else as a leaf
//! that is known by its words. Enough to say of two conditions that one implies the other, whatever
//! their leaves come to.

use std::ops::Range;

use super::syntax::{Kind, Node, Operator};
use super::value::Value;
use super::{lexer, parser};

/// A condition, taken apart down to its leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposition {
    /// `true` or `false`.
    Constant(bool),
    /// Anything that is not joined.
    Leaf(Leaf),
    /// `!a`, and `a != b` of `a == b`.
    Not(Box<Proposition>),
    /// All of these.
    And(Vec<Proposition>),
    /// Any of these.
    Or(Vec<Proposition>),
    /// If the first, the second, else the third.
    Conditional(Box<[Proposition; 3]>),
}

/// Something that may be true, or false, or have no value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Leaf {
    /// Its words, a space between any two: the same for the same question.
    pub text: String,
    /// If it asks whether something equals a constant: what, and which.
    pub equals: Option<(String, String)>,
    /// If it asks whether something is smaller or greater than a constant.
    pub order: Option<Order>,
}

/// A comparison by size with a constant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Order {
    /// What is compared.
    pub what: String,
    /// How it has to stand to the constant.
    pub size: Size,
    /// The constant.
    pub constant: String,
}

/// How something stands to a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Size {
    fn of(operator: Operator) -> Option<Self> {
        Some(match operator {
            Operator::Less => Self::Less,
            Operator::LessOrEqual => Self::LessOrEqual,
            Operator::Greater => Self::Greater,
            Operator::GreaterOrEqual => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// The same with the sides swapped.
    fn swapped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// The proposition that a condition is; none of a text that is no condition.
pub fn proposition(text: &str) -> Option<Proposition> {
    let tree = parser::parse(text).ok()?;
    Some(Reader { text }.read(&tree))
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn read(&self, node: &Node) -> Proposition {
        let all = |nodes: &[Node]| nodes.iter().map(|it| self.read(it)).collect();
        match &node.kind {
            Kind::Literal(Value::Bool(value)) => Proposition::Constant(*value),
            Kind::Not(inner) => Proposition::Not(Box::new(self.read(inner))),
            Kind::And(operands) => Proposition::And(all(operands)),
            Kind::Or(operands) => Proposition::Or(all(operands)),
            Kind::Conditional(condition, yes, no) => {
                let parts = [self.read(condition), self.read(yes), self.read(no)];
                Proposition::Conditional(Box::new(parts))
            }
            Kind::Binary(Operator::Equal, left, right) => self.equal(left, right),
            Kind::Binary(Operator::NotEqual, left, right) => {
                Proposition::Not(Box::new(self.equal(left, right)))
            }
            Kind::Binary(operator, left, right) => Size::of(*operator)
                .and_then(|size| self.ordered(size, left, right))
                .unwrap_or_else(|| self.leaf(node)),
            _ => self.leaf(node),
        }
    }

    /// Something compared with a constant, whichever side stands first.
    fn ordered(&self, size: Size, left: &Node, right: &Node) -> Option<Proposition> {
        let (what, size, value) = match (&left.kind, &right.kind) {
            (Kind::Literal(_), Kind::Literal(_)) => return None,
            (_, Kind::Literal(value)) => (left, size, value),
            (Kind::Literal(value), _) => (right, size.swapped(), value),
            _ => return None,
        };
        let (what, constant) = (self.words(&what.span), constant(value));
        Some(Proposition::Leaf(Leaf {
            text: format!("{what} {} {constant}", size.word()),
            equals: None,
            order: Some(Order {
                what,
                size,
                constant,
            }),
        }))
    }

    fn leaf(&self, node: &Node) -> Proposition {
        Proposition::Leaf(Leaf {
            text: self.words(&node.span),
            equals: None,
            order: None,
        })
    }

    /// The same leaf, whichever side stands first, and however a constant is written.
    fn equal(&self, left: &Node, right: &Node) -> Proposition {
        let side = |node: &Node| match &node.kind {
            Kind::Literal(value) => (true, constant(value)),
            _ => (false, self.words(&node.span)),
        };
        let ((left_is, a), (right_is, b)) = (side(left), side(right));
        let equals = match (left_is, right_is) {
            (false, true) => Some((a.clone(), b.clone())),
            (true, false) => Some((b.clone(), a.clone())),
            _ => None,
        };
        let (first, second) = if a <= b { (a, b) } else { (b, a) };
        Proposition::Leaf(Leaf {
            text: format!("{first} == {second}"),
            equals,
            order: None,
        })
    }

    /// The words of a part, however they are spaced.
    fn words(&self, span: &Range<usize>) -> String {
        let part = self.text.get(span.clone()).unwrap_or_default();
        let tokens = lexer::tokens(part).unwrap_or_default().into_iter();
        let words = tokens.filter_map(|it| part.get(it.span));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// A constant, the same for all that are equal: numbers are, whatever their types.
fn constant(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) if number.fract() == 0.0 => format!("{:.0}", number + 0.0),
        Value::Double(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::proposition;

    #[test]
    fn the_same_question_is_the_same_leaf() {
        let same = [
            ("resource.owner == subject", "subject==resource.owner"),
            ("a.b != 'x'", "!('x' == a.b)"),
            ("flag( 'x' )", "flag('x')"),
            ("a.b == 'x'", "a.b == \"x\""),
            ("a.b == 'x'", "a.b == \"\\x78\""),
            ("a.b == 1", "a.b == 1.0"),
            ("a.b == 1", "1u == a.b"),
            ("a.b == 0", "a.b == 0.0"),
            ("a.b < 5", "5.0 > a.b"),
        ];
        for (a, b) in same {
            assert_eq!(proposition(a), proposition(b), "{a}");
        }
        assert_ne!(proposition("a.b == 'x'"), proposition("a.b == 'y'"));
        assert_ne!(proposition("a.b == '1'"), proposition("a.b == 1"));
        assert_ne!(proposition("a.b == 1.5"), proposition("a.b == 1"));
        assert_eq!(proposition("a &&"), None);
    }
}
