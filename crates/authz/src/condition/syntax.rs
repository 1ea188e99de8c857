//! The syntax tree of a condition, as written.

use std::ops::Range;

use super::value::Value;

/// An expression and the bytes that it stands in.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
    /// The longest way down to a leaf: bounded, so that walking the tree is.
    pub(super) depth: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Literal(Value),
    Name(String),
    Select(Box<Node>, Word),
    /// `has(object.field)`.
    Has(Box<Node>, Word),
    Index(Box<Node>, Box<Node>),
    Call {
        receiver: Option<Box<Node>>,
        function: Word,
        arguments: Vec<Node>,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    /// Two or more, joined by `&&`.
    And(Vec<Node>),
    /// Two or more, joined by `||`.
    Or(Vec<Node>),
    Conditional(Box<Node>, Box<Node>, Box<Node>),
    Macro(Box<Macro>),
}

/// A name and the bytes that it stands in.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// `range.name(variable, body)`, or `range.map(variable, filter, body)`.
#[derive(Debug, Clone)]
pub(super) struct Macro {
    pub(super) kind: MacroKind,
    pub(super) range: Node,
    pub(super) variable: Word,
    /// Of a `map` with three arguments.
    pub(super) filter: Option<Node>,
    pub(super) body: Node,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MacroKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

impl MacroKind {
    /// The macro of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "exists" => Self::Exists,
            "exists_one" => Self::ExistsOne,
            "filter" => Self::Filter,
            "map" => Self::Map,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// Whether it makes a bool of two values.
    pub(super) fn compares(self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::NotEqual
                | Self::Less
                | Self::LessOrEqual
                | Self::Greater
                | Self::GreaterOrEqual
                | Self::In
        )
    }

    /// The operator's sign.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Kind {
    /// The deepest of the parts.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Literal(_) | Self::Name(_) => 0,
            Self::Select(node, _) | Self::Has(node, _) | Self::Not(node) | Self::Negate(node) => {
                node.depth
            }
            Self::Index(a, b) | Self::Binary(_, a, b) => a.depth.max(b.depth),
            Self::Call {
                receiver,
                arguments,
                ..
            } => deepest(receiver.as_deref().into_iter().chain(arguments)),
            Self::List(items) | Self::And(items) | Self::Or(items) => deepest(items),
            Self::Map(entries) => deepest(entries.iter().flat_map(|(key, value)| [key, value])),
            Self::Conditional(a, b, c) => a.depth.max(b.depth).max(c.depth),
            Self::Macro(it) => deepest([&it.range, &it.body].into_iter().chain(&it.filter)),
        }
    }
}

fn deepest<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> usize {
    nodes.into_iter().map(|node| node.depth).max().unwrap_or(0)
}
