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
            _ => self.leaf(node),
        }
    }

    fn leaf(&self, node: &Node) -> Proposition {
        Proposition::Leaf(Leaf {
            text: self.words(&node.span),
            equals: None,
        })
    }

    /// The same leaf, whichever side stands first.
    fn equal(&self, left: &Node, right: &Node) -> Proposition {
        let is_constant = |node: &Node| matches!(node.kind, Kind::Literal(_));
        let (a, b) = (self.words(&left.span), self.words(&right.span));
        let equals = match (is_constant(left), is_constant(right)) {
            (false, true) => Some((a.clone(), b.clone())),
            (true, false) => Some((b.clone(), a.clone())),
            _ => None,
        };
        let (first, second) = if a <= b { (a, b) } else { (b, a) };
        Proposition::Leaf(Leaf {
            text: format!("{first} == {second}"),
            equals,
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

#[cfg(test)]
mod tests {
    use super::proposition;

    #[test]
    fn the_same_question_is_the_same_leaf() {
        let same = [
            ("resource.owner == subject", "subject==resource.owner"),
            ("a.b != 'x'", "!('x' == a.b)"),
            ("flag( 'x' )", "flag('x')"),
        ];
        for (a, b) in same {
            assert_eq!(proposition(a), proposition(b), "{a}");
        }
        assert_ne!(proposition("a.b == 'x'"), proposition("a.b == 'y'"));
        assert_eq!(proposition("a &&"), None);
    }
}
