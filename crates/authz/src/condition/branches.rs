//! The branches of a condition: which operands of `&&`, `||` and `?:` it has, and to what each of
//! them came for a request. Each operand is a condition by itself, which the evaluator evaluates;
//! only which of them count is said here: those that stand before the one that decides.

use std::ops::Range;

use crate::facts::Request;
use crate::model::ActionKind;

use super::syntax::{Kind, Node};
use super::{Condition, Scope, parser};

/// A condition taken apart.
#[derive(Debug)]
pub(crate) struct Branches {
    root: Branch,
    /// The bytes of the text that operands stand in.
    operands: Vec<Range<usize>>,
}

/// A part of a condition.
#[derive(Debug)]
struct Branch {
    /// The bytes that it stands in, if it is an operand, and may be false as well as true.
    operand: Option<Range<usize>>,
    /// What it means by itself; none where that is no bool.
    condition: Option<Condition>,
    joined: Joined,
    parts: Vec<Branch>,
}

/// How the parts are one.
#[derive(Debug, Clone, Copy)]
enum Joined {
    And,
    Or,
    Conditional,
    /// All of them are evaluated.
    Each,
}

impl Branches {
    /// The branches of a condition that is right in this scope.
    pub(crate) fn new(text: &str, scope: Scope<'_>) -> Option<Self> {
        let tree = parser::parse(text).ok()?;
        let mut operands = Vec::new();
        let is_operand = !matches!(tree.kind, Kind::And(_) | Kind::Or(_));
        let root = branch(&tree, is_operand, scope, &mut operands);
        Some(Self { root, operands })
    }

    /// The operands in the order of the text, outer ones first; the whole condition where it is
    /// neither `&&` nor `||`. What stands in a macro is no operand: it has a value for each item.
    pub(crate) fn operands(&self) -> &[Range<usize>] {
        &self.operands
    }

    /// The operands that count for the request, each with what it came to.
    pub(crate) fn exercised(
        &self,
        request: &Request<'_>,
        kind: ActionKind,
    ) -> Vec<(Range<usize>, bool)> {
        let mut seen = Vec::new();
        self.root.visit(request, kind, &mut seen);
        seen
    }
}

fn branch(
    node: &Node,
    is_operand: bool,
    scope: Scope<'_>,
    operands: &mut Vec<Range<usize>>,
) -> Branch {
    let condition = Condition::of_tree(node, scope).ok();
    let is_open = !matches!(node.kind, Kind::Literal(_));
    let operand = (is_operand && is_open && condition.is_some()).then(|| {
        operands.push(node.span.clone());
        node.span.clone()
    });
    let (joined, nodes): (Joined, Vec<&Node>) = match &node.kind {
        Kind::And(operands) => (Joined::And, operands.iter().collect()),
        Kind::Or(operands) => (Joined::Or, operands.iter().collect()),
        Kind::Conditional(condition, yes, no) => (Joined::Conditional, vec![condition, yes, no]),
        kind => (Joined::Each, kind.parts()),
    };
    let parts_are = !matches!(joined, Joined::Each);
    let parts = nodes.into_iter();
    let parts = parts.map(|part| branch(part, parts_are, scope, operands));
    Branch {
        operand,
        joined,
        parts: parts.collect(),
        condition,
    }
}

impl Kind {
    /// What has a value whenever this has, but for what a macro evaluates for each item.
    fn parts(&self) -> Vec<&Node> {
        match self {
            Self::Select(node, _) | Self::Has(node, _) | Self::Not(node) | Self::Negate(node) => {
                vec![node]
            }
            Self::Index(a, b) | Self::Binary(_, a, b) => vec![a, b],
            Self::Call {
                receiver,
                arguments,
                ..
            } => receiver.as_deref().into_iter().chain(arguments).collect(),
            Self::List(items) => items.iter().collect(),
            Self::Map(entries) => entries.iter().flat_map(|(a, b)| [a, b]).collect(),
            Self::Macro(found) => vec![&found.range],
            _ => Vec::new(),
        }
    }
}

impl Branch {
    /// Adds what counts of this part to what was seen; what it came to, if that is a bool.
    fn visit(
        &self,
        request: &Request<'_>,
        kind: ActionKind,
        seen: &mut Vec<(Range<usize>, bool)>,
    ) -> Option<bool> {
        let condition = self.condition.as_ref();
        let value = condition.and_then(|it| it.holds(request, kind).result.ok());
        if let (Some(operand), Some(value)) = (&self.operand, value) {
            seen.push((operand.clone(), value));
        }
        match self.joined {
            Joined::And | Joined::Or => {
                let last = matches!(self.joined, Joined::Or);
                for part in &self.parts {
                    if part.visit(request, kind, seen) == Some(last) {
                        break;
                    }
                }
            }
            Joined::Conditional => {
                let [condition, yes, no] = self.parts.as_slice() else {
                    return value;
                };
                match condition.visit(request, kind, seen) {
                    Some(true) => drop(yes.visit(request, kind, seen)),
                    Some(false) => drop(no.visit(request, kind, seen)),
                    None => {}
                }
            }
            Joined::Each => {
                for part in &self.parts {
                    part.visit(request, kind, seen);
                }
            }
        }
        value
    }
}
