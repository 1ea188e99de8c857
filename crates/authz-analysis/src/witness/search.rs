//! The search for derivations, backwards from a relation over what it follows from. A budget says
//! how many relationships may be added on the way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use authz::resolution::{Answer, Circumstances, Engine, Tree};
use authz::{Reference, Relationship, SubjectReference};

use super::derivation::{Hop, Via, Way, missing};
use super::writable::objects;

/// How many times one search looks at a relation of an object.
const WORK_MAX: usize = 50_000;
/// How many relations of objects a way may pass, in one search after the other: the short ways come
/// first, and are the ones that are found where there are too many.
const HOPS_MAX: [usize; 3] = [4, 8, 25];
/// How many ways are kept for the next time that the same is looked for.
const KEPT_MAX: usize = 50_000;

/// The ways that were found of a relation.
#[derive(Debug, Clone)]
struct Kept {
    ways: Vec<Way>,
    /// Whether there may be others, that pass what the way there had passed before.
    is_partial: bool,
}

/// A search for ways.
pub(super) struct Search<'a> {
    pub(super) engine: &'a Engine,
    pub(super) subject: SubjectReference,
    pub(super) circumstances: Circumstances<'a>,
    /// Whether every way is wanted where a relation holds already, or one.
    every: bool,
    /// The most ways that are kept of one relation of an object.
    ways_max: usize,
    /// By type: the objects that facts name, and those of the question.
    pub(super) objects: BTreeMap<Arc<str>, Vec<Reference>>,
    /// By type and relation: the objects in whose relation the subject stands, and the others.
    pub(super) standing: HashMap<(String, String), (Vec<Reference>, Vec<Reference>)>,
    trees: HashMap<SubjectReference, Tree>,
    holds: HashMap<SubjectReference, bool>,
    /// The relations that are being looked at, which no way enters twice.
    trail: Vec<SubjectReference>,
    hops_max: usize,
    /// What was found of a relation with so much budget, so many hops from the end.
    kept: HashMap<(SubjectReference, usize, usize), Kept>,
    kept_count: usize,
    /// The outermost place of the trail at which a way would have entered something twice.
    cut_at: usize,
    work: usize,
    /// Whether no bound has ended anything.
    pub(super) is_complete: bool,
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
            every: false,
            ways_max,
            objects: objects(engine),
            standing: HashMap::new(),
            trees: HashMap::new(),
            holds: HashMap::new(),
            trail: Vec::new(),
            hops_max: 0,
            kept: HashMap::new(),
            kept_count: 0,
            cut_at: usize::MAX,
            work: 0,
            is_complete: true,
        }
    }

    /// The ways by which the subject stands in the relation, the short ones first. Some may be
    /// told twice.
    pub(super) fn every_way(&mut self, target: &SubjectReference) -> Vec<Way> {
        self.every = true;
        self.short_first(target, 0)
    }

    /// The ways by which it would with at most `budget` more relationships, so far as these take
    /// nothing away, the short ones first. Some may be told twice.
    pub(super) fn ways(&mut self, target: &SubjectReference, budget: usize) -> Vec<Way> {
        self.every = false;
        self.short_first(target, budget)
    }

    fn short_first(&mut self, target: &SubjectReference, budget: usize) -> Vec<Way> {
        let mut found = Vec::new();
        for hops_max in HOPS_MAX {
            self.hops_max = hops_max;
            self.kept.clear();
            (self.kept_count, self.work, self.is_complete) = (0, WORK_MAX, true);
            found.extend(self.enter(target, budget));
            if self.is_complete {
                break;
            }
        }
        found
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

    fn enter(&mut self, node: &SubjectReference, budget: usize) -> Vec<Way> {
        if *node == self.subject {
            return vec![Way::new()];
        }
        if self.work == 0 {
            self.is_complete = false;
            return Vec::new();
        }
        self.work -= 1;
        let holds = self.stands_in(node);
        if !holds && budget == 0 {
            return Vec::new();
        }
        if let Some(place) = self.trail.iter().position(|it| it == node) {
            self.cut_at = self.cut_at.min(place);
            return Vec::new();
        }
        let Some(left) = self.hops_max.checked_sub(self.trail.len() + 1) else {
            self.is_complete = false;
            return Vec::new();
        };
        let (budget, most) = match holds {
            true if self.every => (0, self.ways_max),
            true => (0, 1),
            false => (budget, self.ways_max),
        };
        let key = (node.clone(), budget, left);
        if let Some(kept) = self.kept.get(&key) {
            if kept.is_partial {
                self.cut_at = 0;
                // With one relationship to add, what is left out is found from where it passes.
                self.is_complete &= budget <= 1;
            }
            return kept.ways.clone();
        }
        let tree = self.tree(node);
        self.trail.push(node.clone());
        let outer = std::mem::replace(&mut self.cut_at, usize::MAX);
        let ways = self.part(&tree, node, budget, most);
        self.trail.pop();
        let is_partial = self.cut_at < self.trail.len();
        self.cut_at = if is_partial {
            outer.min(self.cut_at)
        } else {
            outer
        };
        self.keep(key, &ways, is_partial);
        ways
    }

    /// Keeps what was found. Where every way is wanted, none is: each depends on what it passed.
    fn keep(&mut self, key: (SubjectReference, usize, usize), ways: &[Way], is_partial: bool) {
        if self.every || self.kept_count + ways.len() > KEPT_MAX {
            return;
        }
        self.kept_count += ways.len();
        let ways = ways.to_vec();
        self.kept.insert(key, Kept { ways, is_partial });
    }

    /// The ways of a part of a relation, at most `most` of them.
    fn part(
        &mut self,
        tree: &Tree,
        node: &SubjectReference,
        budget: usize,
        most: usize,
    ) -> Vec<Way> {
        let mut found = match tree {
            Tree::Subjects(_) => self.direct(node, budget, most),
            Tree::Relation(from) => self.onward(node, from, Via::Follows, budget),
            Tree::Arrow {
                through,
                computed,
                all,
                ..
            } => self.arrow((node, through, computed), *all, budget, most),
            Tree::Union(parts) => {
                let mut found = Vec::new();
                for part in parts {
                    if !is_enough(&found, most) {
                        found.extend(self.part(part, node, budget, most));
                    }
                }
                found
            }
            Tree::Intersection(parts) => {
                let mut joined = vec![Way::new()];
                for part in parts {
                    let ways = self.part(part, node, budget, most);
                    joined = self.together(joined, &ways, budget);
                }
                joined
            }
            // Whether the second stays away, the evaluator says of the whole.
            Tree::Exclusion(parts) => {
                let [base, _] = &**parts;
                self.part(base, node, budget, most)
            }
            Tree::Itself(object) if *object == self.subject.object => vec![Way::new()],
            Tree::Itself(_) | Tree::Nobody => Vec::new(),
        };
        if found.len() > most {
            self.is_complete &= most == 1;
            found.truncate(most);
        }
        found
    }

    /// The ways on from a relation to another one.
    fn onward(
        &mut self,
        from: &SubjectReference,
        to: &SubjectReference,
        via: Via,
        budget: usize,
    ) -> Vec<Way> {
        let ways = self.enter(to, budget).into_iter();
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

    fn direct(&mut self, node: &SubjectReference, budget: usize, most: usize) -> Vec<Way> {
        let mut found = Vec::new();
        let written = self.written(node);
        for fact in &written {
            if is_enough(&found, most) {
                return found;
            }
            let to = match self.is_meant(&fact.subject) {
                true => self.subject.clone(),
                false if fact.subject.relation.is_some() => fact.subject.clone(),
                false => continue,
            };
            found.extend(self.onward(node, &to, Via::Fact(fact.clone()), budget));
        }
        let Some(budget) = budget.checked_sub(1) else {
            return found;
        };
        for fact in self.writable(node, budget) {
            if is_enough(&found, most) {
                break;
            }
            if written.contains(&fact) {
                continue;
            }
            let to = match self.is_meant(&fact.subject) {
                true => self.subject.clone(),
                false => fact.subject.clone(),
            };
            found.extend(self.onward(node, &to, Via::Missing(fact), budget));
        }
        found
    }

    fn arrow(
        &mut self,
        (node, through, computed): (&SubjectReference, &SubjectReference, &Arc<str>),
        all: bool,
        budget: usize,
        most: usize,
    ) -> Vec<Way> {
        let target = |fact: &Relationship| SubjectReference {
            object: fact.subject.object.clone(),
            relation: Some(Arc::clone(computed)),
        };
        let written = self.written(through);
        let leads_on = |it: &&Relationship| self.leads_on(it, computed);
        let leading: Vec<Relationship> = written.iter().filter(leads_on).cloned().collect();
        if all && !leading.is_empty() {
            let mut joined = vec![Way::new()];
            for fact in leading {
                let ways = self.onward(node, &target(&fact), Via::Fact(fact.clone()), budget);
                joined = self.together(joined, &ways, budget);
            }
            return joined;
        }
        let mut found = Vec::new();
        for fact in leading {
            if !is_enough(&found, most) {
                found.extend(self.onward(node, &target(&fact), Via::Fact(fact.clone()), budget));
            }
        }
        let Some(budget) = budget.checked_sub(1) else {
            return found;
        };
        for fact in self.leading(through, computed, budget) {
            if is_enough(&found, most) {
                break;
            }
            if !written.contains(&fact) && self.leads_on(&fact, computed) {
                let to = target(&fact);
                found.extend(self.onward(node, &to, Via::Missing(fact), budget));
            }
        }
        found
    }

    /// Each way of the one with each of the other, as far as the budget allows both.
    fn together(&mut self, some: Vec<Way>, others: &[Way], budget: usize) -> Vec<Way> {
        let mut joined = Vec::new();
        for way in &some {
            for other in others {
                if joined.len() > self.ways_max {
                    self.is_complete = false;
                    return joined;
                }
                let both: Way = way.iter().chain(other).cloned().collect();
                if missing(&both).len() <= budget {
                    joined.push(both);
                }
            }
        }
        joined
    }
}

/// Whether no more ways need be found: one is enough where one is wanted, and else one too many, so
/// that it is known that some are left out.
fn is_enough(found: &[Way], most: usize) -> bool {
    match most {
        1 => !found.is_empty(),
        most => found.len() > most,
    }
}
