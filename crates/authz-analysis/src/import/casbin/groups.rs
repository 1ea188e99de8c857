//! Role definitions with their lines: `g, alice, admin` says that alice has what admin has.

use std::collections::BTreeSet;

use authz::source::Place;
use indexmap::IndexMap;

use super::model::{Line, Model};

/// The levels of roles that Casbin looks through by default.
pub(super) const LEVELS_MAX: usize = 10;

/// One line.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) child: String,
    pub(super) parent: String,
    /// Where it holds; none for everywhere.
    pub(super) tenant: Option<String>,
    pub(super) place: Place,
}

/// The edges by the names of their definitions.
#[derive(Debug, Default)]
pub(super) struct Groups(IndexMap<String, Vec<Edge>>);

impl Groups {
    /// The groups of a model; `lose` is told of lines that are none.
    pub(super) fn new(model: &Model, lines: &[Line], mut lose: impl FnMut(&Line, String)) -> Self {
        let defined = model.groups.iter();
        let mut groups: IndexMap<String, Vec<Edge>> = defined
            .filter(|(_, fields)| (2..=3).contains(fields))
            .map(|(name, _)| (name.clone(), Vec::new()))
            .collect();
        for line in lines.iter().filter(|line| line.kind.starts_with('g')) {
            let fields = model.groups.iter().find(|(name, _)| *name == line.kind);
            let edges = groups.get_mut(&line.kind);
            let (Some((_, fields)), Some(edges)) = (fields, edges) else {
                lose(
                    line,
                    format!("the model has no `{}` of two or three fields", line.kind),
                );
                continue;
            };
            match line.values.as_slice() {
                [child, parent, rest @ ..] if line.values.len() == *fields => edges.push(Edge {
                    child: child.clone(),
                    parent: parent.clone(),
                    tenant: rest.first().cloned(),
                    place: line.place.clone(),
                }),
                found => {
                    let found = found.len();
                    lose(
                        line,
                        format!("it has {found} fields; `{}` has {fields}", line.kind),
                    );
                }
            }
        }
        Self(groups)
    }

    /// Whether there is a definition of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn edges(&self, name: &str) -> &[Edge] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Forgets the lines of a definition.
    pub(super) fn forget(&mut self, name: &str) {
        if let Some(edges) = self.0.get_mut(name) {
            edges.clear();
        }
    }

    /// Takes out the edges that close a cycle; they are given to `lose`.
    pub(super) fn break_cycles(&mut self, name: &str, mut lose: impl FnMut(&Edge)) {
        let Some(edges) = self.0.get_mut(name) else {
            return;
        };
        let mut kept: Vec<Edge> = Vec::new();
        for edge in edges.drain(..) {
            let there = |other: &Edge| {
                edge.tenant.is_none() || other.tenant.is_none() || edge.tenant == other.tenant
            };
            let up = reach(&edge.parent, |from| {
                let of = kept.iter().filter(|it| it.child == from && there(it));
                of.map(|it| it.parent.as_str()).collect()
            });
            match up.contains(edge.child.as_str()) {
                true => lose(&edge),
                false => kept.push(edge),
            }
        }
        *edges = kept;
    }

    /// Whether something has what this name has.
    pub(super) fn is_parent(&self, name: &str, parent: &str) -> bool {
        self.edges(name).iter().any(|edge| edge.parent == parent)
    }

    /// The name itself and all that have what it has, directly or not.
    pub(super) fn members(&self, name: &str, parent: &str) -> Vec<String> {
        let edges = self.edges(name);
        let found = reach(parent, |from| {
            let of = edges.iter().filter(|edge| edge.parent == from);
            of.map(|edge| edge.child.as_str()).collect()
        });
        found.into_iter().map(str::to_owned).collect()
    }

    /// The names that lines of a definition mention.
    pub(super) fn names(&self, name: &str) -> impl Iterator<Item = String> {
        let edges = self.edges(name).iter();
        edges.flat_map(|edge| [edge.child.clone(), edge.parent.clone()])
    }

    /// The tenants that lines of a definition name.
    pub(super) fn tenants(&self, name: &str) -> Vec<String> {
        let edges = self.edges(name).iter();
        edges.filter_map(|edge| edge.tenant.clone()).collect()
    }

    /// An edge from which on more levels follow than Casbin looks through.
    pub(super) fn too_deep(&self, name: &str) -> Option<&Edge> {
        let edges = self.edges(name);
        edges.iter().find(|edge| {
            let mut level: BTreeSet<&str> = BTreeSet::from([edge.child.as_str()]);
            for _ in 0..=LEVELS_MAX {
                let up = edges.iter().filter(|it| level.contains(it.child.as_str()));
                level = up.map(|it| it.parent.as_str()).collect();
            }
            !level.is_empty()
        })
    }
}

/// What can be reached from a name, with it.
fn reach<'a>(from: &'a str, next: impl Fn(&str) -> Vec<&'a str>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if found.insert(name) {
            open.extend(next(name));
        }
    }
    found
}
