//! The branches of a condition: which operands of `&&`, `||` and `?:` it has, and to what each of
//! them came for a request. Each operand is a condition by itself, which the evaluator evaluates;
//! only which of them count is said here: those that stand before the one that decides.

use std::ops::Range;

use crate::facts::Request;
use crate::model::ActionKind;

use super::check::Checker;
use super::syntax::{Kind, Node};
use super::{Condition, Parameters, Scope, Value, parser};

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
        Self::read(text, &|node| {
            Condition::of_tree(node, Checker::new(scope)).ok()
        })
    }

    /// The branches of a condition over declared parameters.
    pub(crate) fn over(text: &str, parameters: &Parameters) -> Option<Self> {
        Self::read(text, &|node| {
            Condition::of_tree(node, Checker::over(parameters)).ok()
        })
    }

    fn read(text: &str, check: &Check<'_>) -> Option<Self> {
        let tree = parser::parse(text).ok()?;
        let mut operands = Vec::new();
        let is_operand = !matches!(tree.kind, Kind::And(_) | Kind::Or(_));
        let root = branch(&tree, is_operand, check, &mut operands);
        Some(Self { root, operands })
    }

    /// The operands in the order of the text, outer ones first; the whole condition where it is
    /// neither `&&` nor `||`. What stands in a macro is no operand: it has a value for each item.
    pub(crate) fn operands(&self) -> &[Range<usize>] {
        &self.operands
    }

    /// The operands that count for the request, each with what it came to.
    pub(crate) fn exercised(&self, request: &Request<'_>, kind: ActionKind) -> Vec<Came> {
        self.visited(&|condition| condition.holds(request, kind).result.ok())
    }

    /// The operands that count for these values of the parameters, each with what it came to.
    pub(crate) fn exercised_for(
        &self,
        parameters: &Parameters,
        values: &[Option<Value>],
    ) -> Vec<Came> {
        self.visited(&|condition| condition.holds_for(parameters, values).ok())
    }

    fn visited(&self, holds: &Holds<'_>) -> Vec<Came> {
        let mut seen = Vec::new();
        self.root.visit(holds, &mut seen);
        seen
    }
}

/// The bytes of an operand, and what it came to.
pub(crate) type Came = (Range<usize>, bool);

/// A part as a condition by itself, if it is one.
type Check<'a> = dyn Fn(&Node) -> Option<Condition> + 'a;

/// What a condition comes to, if to anything.
type Holds<'a> = dyn Fn(&Condition) -> Option<bool> + 'a;

fn branch(
    node: &Node,
    is_operand: bool,
    check: &Check<'_>,
    operands: &mut Vec<Range<usize>>,
) -> Branch {
    let condition = check(node);
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
    let parts = parts.map(|part| branch(part, parts_are, check, operands));
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
    fn visit(&self, holds: &Holds<'_>, seen: &mut Vec<Came>) -> Option<bool> {
        let condition = self.condition.as_ref();
        let value = condition.and_then(holds);
        if let (Some(operand), Some(value)) = (&self.operand, value) {
            seen.push((operand.clone(), value));
        }
        match self.joined {
            Joined::And | Joined::Or => {
                let last = matches!(self.joined, Joined::Or);
                for part in &self.parts {
                    if part.visit(holds, seen) == Some(last) {
                        break;
                    }
                }
            }
            Joined::Conditional => {
                let [condition, yes, no] = self.parts.as_slice() else {
                    return value;
                };
                match condition.visit(holds, seen) {
                    Some(true) => drop(yes.visit(holds, seen)),
                    Some(false) => drop(no.visit(holds, seen)),
                    None => {}
                }
            }
            Joined::Each => {
                for part in &self.parts {
                    part.visit(holds, seen);
                }
            }
        }
        value
    }
}
