//! Drawings of explanations: what an answer rests on, or would, as a graph in the languages of
//! Graphviz (DOT) and of Mermaid. Edges lead from the question to the subject; what is missing is
//! dashed, and says so.

use std::fmt::Write as _;

use crate::witness::{Fact, Hop, Obstacle, Via, Why};

/// A graph.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    /// The texts of the nodes.
    nodes: Vec<(String, Shape)>,
    edges: Vec<Edge>,
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Question,
    Object,
    Policy,
    Obstacle,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    from: usize,
    to: usize,
    text: String,
    line: Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// It is so.
    Solid,
    /// It follows.
    Thin,
    /// It is missing.
    Dashed,
}

impl Drawing {
    /// What an answer rests on. `question` and `subject` are its words; of several ways or witnesses,
    /// the first is drawn, or `all`.
    pub fn of(question: &str, subject: &str, why: &Why, all: bool) -> Self {
        let mut drawing = Self::default();
        let asked = drawing.node(question, Shape::Question);
        let most = if all { usize::MAX } else { 1 };
        for path in why.paths.iter().take(most) {
            let part = drawing.node(&path.text, Shape::Policy);
            drawing.edge(asked, part, "", Line::Thin);
            drawing.way(part, &path.way);
            drawing.facts(part, subject, &path.facts, Line::Solid);
        }
        for witness in why.witnesses.iter().take(most) {
            drawing.way(asked, &witness.way);
            drawing.facts(asked, subject, &witness.facts, Line::Dashed);
        }
        if why.witnesses.is_empty() {
            for Obstacle { text, .. } in &why.obstacles {
                let node = drawing.node(text, Shape::Obstacle);
                drawing.edge(asked, node, "in the way", Line::Solid);
            }
        }
        drawing
    }

    fn node(&mut self, text: &str, shape: Shape) -> usize {
        let known = self.nodes.iter().position(|(known, _)| known == text);
        known.unwrap_or_else(|| {
            self.nodes.push((text.to_owned(), shape));
            self.nodes.len() - 1
        })
    }

    fn edge(&mut self, from: usize, to: usize, text: &str, line: Line) {
        let text = match line {
            Line::Dashed => format!("missing: {text}"),
            Line::Solid | Line::Thin => text.to_owned(),
        };
        let edge = Edge {
            from,
            to,
            text,
            line,
        };
        if !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }

    fn way(&mut self, from: usize, way: &[Hop]) {
        if let Some(first) = way.first() {
            let first = self.node(&first.from.to_string(), Shape::Object);
            self.edge(from, first, "", Line::Thin);
        }
        for hop in way {
            let from = self.node(&hop.from.to_string(), Shape::Object);
            let to = self.node(&hop.to.to_string(), Shape::Object);
            match &hop.via {
                Via::Fact(fact) => self.edge(from, to, &fact.to_string(), Line::Solid),
                Via::Missing(fact) => self.edge(from, to, &fact.to_string(), Line::Dashed),
                Via::Follows => self.edge(from, to, "", Line::Thin),
            }
        }
    }

    /// The facts that lie on no way along relationships.
    fn facts(&mut self, from: usize, subject: &str, facts: &[Fact], line: Line) {
        for fact in facts {
            let (text, to) = match fact {
                Fact::Relationship(_) => continue,
                Fact::Role { role, .. } => (format!("role `{role}`"), subject.to_owned()),
                Fact::Share { resource, .. } => (fact.to_string(), resource.to_string()),
                Fact::Attribute { of, .. } => (fact.to_string(), of.clone()),
            };
            let to = self.node(&to, Shape::Object);
            self.edge(from, to, &text, line);
        }
    }

    /// In the language of Graphviz.
    pub fn to_dot(&self) -> String {
        let mut out = "digraph why {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for (index, (text, shape)) in self.nodes.iter().enumerate() {
            let shape = match shape {
                Shape::Question => ", shape=oval",
                Shape::Object => "",
                Shape::Policy => ", style=rounded",
                Shape::Obstacle => ", shape=octagon, color=red",
            };
            let _ = writeln!(out, "  n{index} [label=\"{}\"{shape}];", in_dot(text));
        }
        for edge in &self.edges {
            let style = match edge.line {
                Line::Solid => "",
                Line::Thin => ", style=dotted",
                Line::Dashed => ", style=dashed, color=red",
            };
            let (from, to, text) = (edge.from, edge.to, in_dot(&edge.text));
            let _ = writeln!(out, "  n{from} -> n{to} [label=\"{text}\"{style}];");
        }
        out.push_str("}\n");
        out
    }

    /// In the language of Mermaid.
    pub fn to_mermaid(&self) -> String {
        let mut out = "flowchart LR\n".to_owned();
        for (index, (text, shape)) in self.nodes.iter().enumerate() {
            let (open, close) = match shape {
                Shape::Question => ("([", "])"),
                Shape::Object => ("[", "]"),
                Shape::Policy => ("(", ")"),
                Shape::Obstacle => ("{{", "}}"),
            };
            let _ = writeln!(out, "  n{index}{open}\"{}\"{close}", in_mermaid(text));
        }
        for edge in &self.edges {
            let arrow = match edge.line {
                Line::Solid => "==>",
                Line::Thin => "-->",
                Line::Dashed => "-.->",
            };
            let text = match edge.text.as_str() {
                "" => String::new(),
                text => format!("|\"{}\"|", in_mermaid(text)),
            };
            let _ = writeln!(out, "  n{} {arrow}{text} n{}", edge.from, edge.to);
        }
        let missing = self.edges.iter().enumerate();
        for (index, _) in missing.filter(|(_, edge)| edge.line == Line::Dashed) {
            let _ = writeln!(out, "  linkStyle {index} stroke:#c00");
        }
        out
    }
}

/// A text between double quotes in DOT.
fn in_dot(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            c if c.is_control() => "\u{fffd}".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

/// A text between double quotes in Mermaid, in which `#` begins the name of a character, and `` ` ``
/// and `<` begin markup.
fn in_mermaid(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '#' | '`' | '<' | '>' | '&' | '\\' => format!("#{};", u32::from(c)),
            c if c.is_control() => "\u{fffd}".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
