//! Relationships that lead back to where they began: groups that are members of each other, folders
//! that are their own ancestors. OpenFGA's language takes them for nothing, SpiceDB's for an error.

use std::collections::{BTreeMap, BTreeSet};

use authz::model::relation::Rewrite;
use authz::{RelationModel, Relationship};

use super::{Finding, Lint, Looked, find};

/// An object's relation, as text.
type Node = String;

pub(super) fn look(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let Some((model, snapshot)) = looked
        .policy
        .relation_model()
        .zip(looked.facts.relationships())
    else {
        return;
    };
    let upwards = upwards(model);
    let mut edges: BTreeMap<Node, Vec<(Node, Relationship)>> = BTreeMap::new();
    for fact in snapshot.relationships() {
        let from = format!("{}#{}", fact.object, fact.relation);
        let key = (
            fact.object.type_name().to_owned(),
            fact.relation.to_string(),
        );
        let to = match &fact.subject.relation {
            Some(relation) => relation,
            None if upwards.contains(&key) => &fact.relation,
            None => continue,
        };
        let object = &fact.subject.object;
        let links = followed(model, object.type_name(), to).into_iter();
        let links = links.map(|relation| (format!("{object}#{relation}"), fact.clone()));
        edges.entry(from).or_default().extend(links);
    }
    for cycle in cycles(&edges) {
        let Some(place) = cycle
            .iter()
            .filter_map(|it| looked.facts.place_of(it))
            .next_back()
        else {
            continue;
        };
        let shown: Vec<String> = cycle.iter().map(|it| it.ends()).collect();
        let message = format!("relationships lead in a circle: {}", told(&shown));
        find(findings, Lint::RelationshipCycle, place, message);
    }
}

/// The relation, and those of the same object that it is computed from, directly or not.
fn followed<'m>(model: &'m RelationModel, type_name: &str, relation: &'m str) -> BTreeSet<&'m str> {
    let mut found = BTreeSet::new();
    let mut open = vec![relation];
    while let Some(name) = open.pop() {
        if found.insert(name)
            && let Some(relation) = model.relation(type_name, name)
        {
            relation.rewrite.walk(&mut |part| {
                if let Rewrite::Computed(from, _) = part {
                    open.push(from);
                }
            });
        }
    }
    found
}

/// The relations that lead from an object to others of which the same relation is asked, such as a
/// folder's parent.
fn upwards(model: &RelationModel) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (type_name, object) in model.types() {
        for relation in object.relations.values() {
            relation.rewrite.walk(&mut |part| {
                if let Rewrite::Arrow { tupleset, .. } = part {
                    found.insert((type_name.to_owned(), tupleset.to_string()));
                }
            });
        }
    }
    found
}

/// At most so many links of a circle are told.
const LINKS_SHOWN: usize = 5;

fn told(links: &[String]) -> String {
    let shown = links.iter().take(LINKS_SHOWN).map(|it| format!("`{it}`"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match links.len().saturating_sub(LINKS_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A circle for each edge that closes one in a walk in depth, with a stack of its own.
fn cycles(edges: &BTreeMap<Node, Vec<(Node, Relationship)>>) -> Vec<Vec<&Relationship>> {
    let mut cycles = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in edges.keys() {
        if done.contains(start.as_str()) {
            continue;
        }
        // The nodes on the way, each with the edges that are left.
        let mut way: Vec<(&str, usize)> = vec![(start, 0)];
        let mut open: BTreeMap<&str, usize> = BTreeMap::from([(start.as_str(), 0)]);
        while let Some((node, next)) = way.last_mut() {
            let leads = edges.get(*node).and_then(|leads| leads.get(*next));
            *next += 1;
            let Some((to, _)) = leads else {
                done.insert(node);
                open.remove(*node);
                way.pop();
                continue;
            };
            if let Some(&from) = open.get(to.as_str()) {
                let links = way.iter().skip(from).filter_map(|(node, next)| {
                    let leads = edges.get(*node)?;
                    leads.get(next.checked_sub(1)?).map(|(_, fact)| fact)
                });
                cycles.push(links.collect());
            } else if !done.contains(to.as_str()) {
                open.insert(to, way.len());
                way.push((to, 0));
            }
        }
    }
    cycles
}
