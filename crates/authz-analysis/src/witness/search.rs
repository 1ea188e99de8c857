//! The search for derivations, backwards from a relation over what it follows from: every way by which
//! a subject stands in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use authz::resolution::{Answer, Circumstances, Engine, Tree};
use authz::{Reference, Relationship, SubjectReference};

use super::derivation::{Hop, Via, Way};
use super::lacking::Lacking;
use super::writable::objects;

/// How many times one search looks at a relation of an object.
const WORK_MAX: usize = 50_000;
/// How many relations of objects a way may pass, in one search after the other: the short ways come
/// first, and are the ones that are found where there are too many.
const HOPS_MAX: [usize; 3] = [4, 8, 25];

/// A search for ways.
pub(super) struct Search<'a> {
    pub(super) engine: &'a Engine,
    pub(super) subject: SubjectReference,
    pub(super) circumstances: Circumstances<'a>,
    /// The most ways that are kept of one relation of an object.
    pub(super) ways_max: usize,
    /// By type: the objects that facts name, and those of the question.
    pub(super) objects: BTreeMap<Arc<str>, Vec<Reference>>,
    /// By type and relation: the objects in whose relation the subject stands, and the others.
    pub(super) standing: HashMap<(String, String), (Vec<Reference>, Vec<Reference>)>,
    trees: HashMap<SubjectReference, Tree>,
    holds: HashMap<SubjectReference, bool>,
    /// By type and relation: whether one fact more can take somebody out of it.
    pub(super) losable: HashMap<(Arc<str>, Arc<str>), bool>,
    /// The relations that are being looked at, which no way enters twice.
    trail: Vec<SubjectReference>,
    hops_max: usize,
    work: usize,
    /// Whether no bound has ended anything.
    pub(super) is_complete: bool,
    /// Whether a relation asks for all of those that another one leads to, so that one more of these
    /// can take something away.
    pub(super) has_met_all: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        subject: SubjectReference,
        circumstances: Circumstances<'a>,
        ways_max: usize,
    ) -> Self {
        Self {
            engine,
            subject,
            circumstances,
            ways_max,
            objects: objects(engine),
            standing: HashMap::new(),
            trees: HashMap::new(),
            holds: HashMap::new(),
            losable: HashMap::new(),
            trail: Vec::new(),
            hops_max: 0,
            work: 0,
            is_complete: true,
            has_met_all: false,
        }
    }

    /// The ways by which the subject stands in the relation, the short ones first. Some may be
    /// told twice.
    pub(super) fn every_way(&mut self, target: &SubjectReference) -> Vec<Way> {
        let mut found = Vec::new();
        for hops_max in HOPS_MAX {
            self.hops_max = hops_max;
            (self.work, self.is_complete) = (WORK_MAX, true);
            found.extend(self.enter(target));
            if self.is_complete {
                break;
            }
        }
        found
    }

    /// The ways by which it would with at most `budget` more relationships, so far as these take
    /// nothing away, the short ones first.
    pub(super) fn ways(&mut self, target: &SubjectReference, budget: usize) -> Vec<Way> {
        Lacking::ways(self, target, budget)
    }

    /// Whether the subject stands in the relation.
    pub(super) fn stands_in(&mut self, node: &SubjectReference) -> bool {
        if let Some(&known) = self.holds.get(node) {
            return known;
        }
        let relation = node.relation.as_deref().unwrap_or_default();
        let answer = self
            .engine
            .check(&node.object, relation, &self.subject, self.circumstances);
        let holds = answer == Ok(Answer::Yes);
        self.holds.insert(node.clone(), holds);
        holds
    }

    pub(super) fn tree(&mut self, node: &SubjectReference) -> Tree {
        if let Some(known) = self.trees.get(node) {
            return known.clone();
        }
        let relation = node.relation.as_deref().unwrap_or_default();
        let tree = self.engine.expand(&node.object, relation);
        let tree = tree.unwrap_or(Tree::Nobody);
        self.trees.insert(node.clone(), tree.clone());
        tree
    }

    /// Where a fact leads: to whom is meant, or on.
    pub(super) fn end_of(&self, fact: &Relationship) -> SubjectReference {
        match self.is_meant(&fact.subject) {
            true => self.subject.clone(),
            false => fact.subject.clone(),
        }
    }

    fn enter(&mut self, node: &SubjectReference) -> Vec<Way> {
        if *node == self.subject {
            return vec![Way::new()];
        }
        if self.work == 0 {
            self.is_complete = false;
            return Vec::new();
        }
        self.work -= 1;
        if !self.stands_in(node) || self.trail.contains(node) {
            return Vec::new();
        }
        if self.trail.len() >= self.hops_max {
            self.is_complete = false;
            return Vec::new();
        }
        let tree = self.tree(node);
        self.trail.push(node.clone());
        let ways = self.part(&tree, node);
        self.trail.pop();
        ways
    }

    /// The ways of a part of a relation, as many as are kept.
    fn part(&mut self, tree: &Tree, node: &SubjectReference) -> Vec<Way> {
        let mut found = match tree {
            Tree::Subjects(_) => self.direct(node),
            Tree::Relation(from) => self.onward(node, from, &Via::Follows),
            Tree::Arrow {
                through,
                computed,
                all,
                ..
            } => self.arrow((node, through, computed), *all),
            Tree::Union(parts) => {
                let mut found = Vec::new();
                for part in parts {
                    if found.len() <= self.ways_max {
                        found.extend(self.part(part, node));
                    }
                }
                found
            }
            Tree::Intersection(parts) => {
                let mut joined = vec![Way::new()];
                for part in parts {
                    let ways = self.part(part, node);
                    joined = self.together(&joined, &ways);
                }
                joined
            }
            // The second stays away, or it would not hold.
            Tree::Exclusion(parts) => {
                let [base, _] = &**parts;
                self.part(base, node)
            }
            Tree::Itself(object) if *object == self.subject.object => vec![Way::new()],
            Tree::Itself(_) | Tree::Nobody => Vec::new(),
        };
        if found.len() > self.ways_max {
            self.is_complete = false;
            found.truncate(self.ways_max);
        }
        found
    }

    /// The ways on from a relation to another one.
    fn onward(&mut self, from: &SubjectReference, to: &SubjectReference, via: &Via) -> Vec<Way> {
        let ways = self.enter(to).into_iter();
        let with_hop = |way: Way| {
            let hop = Hop {
                from: from.clone(),
                to: to.clone(),
                via: via.clone(),
            };
            std::iter::once(hop).chain(way).collect()
        };
        ways.map(with_hop).collect()
    }

    fn direct(&mut self, node: &SubjectReference) -> Vec<Way> {
        let mut found = Vec::new();
        for fact in self.written(node) {
            let to = self.end_of(&fact);
            // One more than are kept, so that it is known that some are left out.
            if found.len() <= self.ways_max && (to == self.subject || to.relation.is_some()) {
                found.extend(self.onward(node, &to, &Via::Fact(fact)));
            }
        }
        found
    }

    fn arrow(
        &mut self,
        (node, through, computed): (&SubjectReference, &SubjectReference, &Arc<str>),
        all: bool,
    ) -> Vec<Way> {
        let written = self.written(through);
        let leads_on = |it: &Relationship| self.leads_on(it, computed);
        let leading: Vec<Relationship> = written.into_iter().filter(leads_on).collect();
        let mut found = Vec::new();
        for (index, fact) in leading.into_iter().enumerate() {
            let to = SubjectReference {
                object: fact.subject.object.clone(),
                relation: Some(Arc::clone(computed)),
            };
            if all || found.len() <= self.ways_max {
                let ways = self.onward(node, &to, &Via::Fact(fact));
                match all && index > 0 {
                    true => found = self.together(&found, &ways),
                    false => found.extend(ways),
                }
            }
        }
        found
    }

    /// Each way of the one with each of the other.
    fn together(&mut self, some: &[Way], others: &[Way]) -> Vec<Way> {
        let pairs = some.iter().flat_map(|way| {
            let both = move |other: &Way| way.iter().chain(other).cloned().collect();
            others.iter().map(both)
        });
        // One more than are kept, so that it is known that some are left out.
        pairs.take(self.ways_max + 1).collect()
    }
}
