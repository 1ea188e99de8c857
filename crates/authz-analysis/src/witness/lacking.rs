//! The ways by which a subject would stand in a relation with a few relationships more.
//!
//! They are the least fixpoint over what relations follow from, where of two ways to the same the one
//! that lacks less is kept (the semiring of positive Boolean expressions; Green, Karvounarakis, Tannen,
//! "Provenance semirings", PODS 2007). A way that goes round a cycle lacks no less than the same
//! without the round, so that cycles end by themselves. Exclusions are no such expressions: a fact more
//! may shut a way. So a way is kept beside one that lacks less if it passes fewer of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use authz::resolution::Tree;
use authz::{Relationship, SubjectReference};

use super::derivation::{Hop, Via, Way};
use super::search::Search;

/// How many hops and ways one search looks at.
const WORK_MAX: usize = 200_000;

/// A relation of an object that was asked about.
#[derive(Debug)]
struct Node {
    name: SubjectReference,
    /// How many relationships may be added from here on.
    budget: usize,
    /// From what it follows; none as long as nobody has looked.
    follows: Option<Rc<Follows>>,
    /// The ways that are known, none of which is worse than another one.
    ways: Vec<Known>,
    /// The nodes whose ways go on here.
    asked_by: BTreeSet<usize>,
}

/// From what a relation follows.
#[derive(Debug)]
enum Follows {
    /// From any of these.
    Any(Vec<Follows>),
    /// From all of these.
    All(Vec<Follows>),
    /// From a hop, and whatever that leads to; it may lack a relationship, known by its number.
    Hop(Rc<Hop>, Option<usize>, End),
    /// From this, as long as an exclusion does not apply, which is known by its number.
    Unless(Box<Follows>, usize),
    /// From nothing more.
    Always,
}

/// Where a hop leads.
#[derive(Debug, Clone, Copy)]
enum End {
    Subject,
    Node(usize),
}

/// A way that is known, with the numbers of the relationships that it lacks and of the exclusions that
/// it passes, both sorted.
#[derive(Debug, Clone)]
struct Known {
    lacks: Vec<usize>,
    passes: Vec<usize>,
    length: usize,
    hops: Rc<Chain>,
}

/// The hops of a way, whose parts many ways share.
#[derive(Debug)]
enum Chain {
    End,
    Hop(Rc<Hop>, Rc<Chain>),
    Both(Rc<Chain>, Rc<Chain>),
}

/// A search for ways, from one relation of an object.
pub(super) struct Lacking<'s, 'a> {
    search: &'s mut Search<'a>,
    nodes: Vec<Node>,
    indices: HashMap<SubjectReference, usize>,
    /// The numbers of the relationships that could be added, by their text.
    numbers: HashMap<String, usize>,
    /// The nodes that are to be looked at in the next round.
    open: BTreeSet<usize>,
    work: usize,
}

impl<'s, 'a> Lacking<'s, 'a> {
    /// The ways that lack at most `budget` relationships, so far as these take nothing away.
    pub(super) fn ways(
        search: &'s mut Search<'a>,
        target: &SubjectReference,
        budget: usize,
    ) -> Vec<Way> {
        search.is_complete = true;
        if search.is_out_of_reach(target) {
            return Vec::new();
        }
        let mut all = Self {
            search,
            nodes: Vec::new(),
            indices: HashMap::new(),
            numbers: HashMap::new(),
            open: BTreeSet::new(),
            work: WORK_MAX,
        };
        match all.end(target, budget) {
            Some(End::Subject) => vec![Way::new()],
            Some(End::Node(index)) => all.settle(index),
            None => Vec::new(),
        }
    }

    /// The ways of a node, once nothing changes any more.
    fn settle(mut self, first: usize) -> Vec<Way> {
        while !self.open.is_empty() && self.work > 0 {
            // The later ones were met on the way from the earlier ones. A round is gone through, even
            // without work left, so that what was found reaches the first.
            for index in std::mem::take(&mut self.open).into_iter().rev() {
                self.look_at(index);
            }
        }
        self.search.is_complete &= self.work > 0;
        let ways = self.nodes.get(first).into_iter().flat_map(|it| &it.ways);
        ways.map(|way| way.hops.flat()).collect()
    }

    /// Takes up work; whether there is some left.
    fn works(&mut self) -> bool {
        self.work = self.work.saturating_sub(1);
        self.work > 0
    }

    /// Where a hop to this relation of an object leads; none where no way goes on with so few
    /// relationships more.
    fn end(&mut self, to: &SubjectReference, budget: usize) -> Option<End> {
        if *to == self.search.subject {
            return Some(End::Subject);
        }
        let holds = self.works() && self.search.stands_in(to);
        if !holds && budget == 0 {
            return None;
        }
        // What holds needs nothing more, unless something that is added shuts its way.
        let is_safe = holds && !self.search.may_be_lost(to);
        let budget = if is_safe { 0 } else { budget };
        let next = self.nodes.len();
        let index = *self.indices.entry(to.clone()).or_insert(next);
        if index == next {
            self.open.insert(index);
            self.nodes.push(Node {
                name: to.clone(),
                budget,
                follows: None,
                ways: Vec::new(),
                asked_by: BTreeSet::new(),
            });
        }
        let node = self.nodes.get_mut(index)?;
        if budget > node.budget {
            (node.budget, node.follows) = (budget, None);
            self.open.insert(index);
        }
        Some(End::Node(index))
    }

    fn look_at(&mut self, index: usize) {
        let Some(follows) = self.follows(index) else {
            return;
        };
        let budget = self.nodes.get(index).map_or(0, |node| node.budget);
        let mut found = self.known(&follows, budget);
        if self.work == 0 {
            // Not everything was looked at again.
            let known = self.nodes.get(index);
            found.extend(known.into_iter().flat_map(|node| node.ways.clone()));
        }
        let ways = self.least(found);
        let Some(node) = self.nodes.get_mut(index) else {
            return;
        };
        let is_same = |(a, b): (&Known, &Known)| a.mark() == b.mark() && a.length == b.length;
        if ways.len() != node.ways.len() || !ways.iter().zip(&node.ways).all(is_same) {
            node.ways = ways;
            self.open.extend(&node.asked_by);
        }
    }

    /// From what a node follows, found out once for each budget.
    fn follows(&mut self, index: usize) -> Option<Rc<Follows>> {
        let node = self.nodes.get(index)?;
        if let Some(known) = &node.follows {
            return Some(Rc::clone(known));
        }
        let (name, budget) = (node.name.clone(), node.budget);
        let tree = self.search.tree(&name);
        let found = Rc::new(self.part(&tree, index, &name, budget));
        self.nodes.get_mut(index)?.follows = Some(Rc::clone(&found));
        Some(found)
    }

    fn part(
        &mut self,
        tree: &Tree,
        index: usize,
        name: &SubjectReference,
        budget: usize,
    ) -> Follows {
        let mut each = |parts: &[Tree]| -> Vec<Follows> {
            let parts = parts.iter();
            parts
                .map(|part| self.part(part, index, name, budget))
                .collect()
        };
        match tree {
            Tree::Union(parts) => Follows::Any(each(parts)),
            Tree::Intersection(parts) => Follows::All(each(parts)),
            Tree::Subjects(_) => self.direct(index, name, budget),
            Tree::Relation(to) => Follows::Any(self.hop(index, name, to, Via::Follows, budget)),
            Tree::Arrow {
                through,
                computed,
                all,
                ..
            } => self.arrow((index, name), (through, computed, *all), budget),
            Tree::Exclusion(parts) => {
                let [base, excluded] = &**parts;
                if self.search.stays_excluded(excluded) {
                    return Follows::Any(Vec::new());
                }
                self.search.is_complete &= !self.search.could_be_lifted(excluded);
                let base = self.part(base, index, name, budget);
                Follows::Unless(Box::new(base), index)
            }
            Tree::Itself(object) if *object == self.search.subject.object => Follows::Always,
            Tree::Itself(_) | Tree::Nobody => Follows::Any(Vec::new()),
        }
    }

    /// A hop from a node to somewhere, with as many relationships more behind it; none if no way
    /// goes on there.
    fn hop(
        &mut self,
        index: usize,
        from: &SubjectReference,
        to: &SubjectReference,
        via: Via,
        budget: usize,
    ) -> Vec<Follows> {
        let Some(end) = self.end(to, budget) else {
            return Vec::new();
        };
        if let End::Node(next) = end
            && let Some(node) = self.nodes.get_mut(next)
        {
            node.asked_by.insert(index);
        }
        let number = match &via {
            Via::Missing(fact) => {
                let next = self.numbers.len();
                Some(*self.numbers.entry(fact.to_string()).or_insert(next))
            }
            Via::Fact(_) | Via::Follows => None,
        };
        let hop = Hop {
            from: from.clone(),
            to: to.clone(),
            via,
        };
        vec![Follows::Hop(Rc::new(hop), number, end)]
    }

    fn direct(&mut self, index: usize, name: &SubjectReference, budget: usize) -> Follows {
        let mut found = Vec::new();
        let written = self.search.written(name);
        for fact in &written {
            let to = self.search.end_of(fact);
            if to == self.search.subject || to.relation.is_some() {
                found.extend(self.hop(index, name, &to, Via::Fact(fact.clone()), budget));
            }
        }
        if let Some(budget) = budget.checked_sub(1) {
            for fact in self.search.writable(name, budget) {
                if !written.contains(&fact) {
                    let to = self.search.end_of(&fact);
                    found.extend(self.hop(index, name, &to, Via::Missing(fact), budget));
                }
            }
        }
        Follows::Any(found)
    }

    fn arrow(
        &mut self,
        (index, name): (usize, &SubjectReference),
        (through, computed, all): (&SubjectReference, &Arc<str>, bool),
        budget: usize,
    ) -> Follows {
        let target = |fact: &Relationship| SubjectReference {
            object: fact.subject.object.clone(),
            relation: Some(Arc::clone(computed)),
        };
        let written = self.search.written(through);
        let leads_on = |it: &&Relationship| self.search.leads_on(it, computed);
        let leading: Vec<Relationship> = written.iter().filter(leads_on).cloned().collect();
        self.search.has_met_all |= all;
        let is_bound = all && !leading.is_empty();
        let mut found = Vec::new();
        for fact in leading {
            let to = target(&fact);
            let hop = self.hop(index, name, &to, Via::Fact(fact), budget);
            match is_bound {
                true => found.push(Follows::Any(hop)),
                false => found.extend(hop),
            }
        }
        if is_bound {
            return Follows::All(found);
        }
        if let Some(budget) = budget.checked_sub(1) {
            for fact in self.search.leading(through, computed, budget) {
                if !written.contains(&fact) && self.search.leads_on(&fact, computed) {
                    let to = target(&fact);
                    found.extend(self.hop(index, name, &to, Via::Missing(fact), budget));
                }
            }
        }
        Follows::Any(found)
    }

    /// The ways that are known now, with at most so many relationships more.
    fn known(&mut self, follows: &Follows, budget: usize) -> Vec<Known> {
        match follows {
            Follows::Always => vec![Known::nothing()],
            Follows::Any(parts) => {
                let parts = parts.iter();
                parts.flat_map(|part| self.known(part, budget)).collect()
            }
            Follows::All(parts) => {
                let mut joined = vec![Known::nothing()];
                for part in parts {
                    let ways = self.known(part, budget);
                    joined = self.together(&joined, &ways, budget);
                }
                joined
            }
            Follows::Unless(base, number) => {
                let ways = self.known(base, budget).into_iter();
                ways.map(|way| way.past(*number)).collect()
            }
            Follows::Hop(hop, number, End::Subject) => {
                vec![Known::nothing().behind(hop, *number)]
            }
            Follows::Hop(hop, number, End::Node(index)) => {
                let node = self.nodes.get(*index);
                let onward = node.map(|node| node.ways.as_slice()).unwrap_or_default();
                self.work = self.work.saturating_sub(onward.len());
                let fits = |way: &&Known| way.lacks_behind(*number) <= budget;
                let ways = onward.iter().filter(fits);
                ways.map(|way| way.clone().behind(hop, *number)).collect()
            }
        }
    }

    /// Each way of the one with each of the other, as far as the budget allows both.
    fn together(&mut self, some: &[Known], others: &[Known], budget: usize) -> Vec<Known> {
        let mut joined = Vec::new();
        for (way, other) in some
            .iter()
            .flat_map(|way| others.iter().map(move |it| (way, it)))
        {
            if !self.works() {
                break;
            }
            let both = way.and(other);
            if both.lacks.len() <= budget {
                joined.push(both);
            }
        }
        self.least(joined)
    }

    /// The least of the ways, as many as are kept.
    fn least(&mut self, ways: Vec<Known>) -> Vec<Known> {
        let most = self.search.ways_max;
        let mut kept = least(ways, most + 1);
        if kept.len() > most {
            self.search.is_complete = false;
            kept.truncate(most);
        }
        kept
    }
}

impl Known {
    fn nothing() -> Self {
        Self {
            lacks: Vec::new(),
            passes: Vec::new(),
            length: 0,
            hops: Rc::new(Chain::End),
        }
    }

    /// How much it lacks behind a hop.
    fn lacks_behind(&self, number: Option<usize>) -> usize {
        let is_new = number.is_some_and(|it| self.lacks.binary_search(&it).is_err());
        self.lacks.len() + usize::from(is_new)
    }

    /// The way behind a hop, that may lack a relationship.
    fn behind(mut self, hop: &Rc<Hop>, number: Option<usize>) -> Self {
        if let Some(number) = number {
            insert(&mut self.lacks, number);
        }
        self.length += 1;
        self.hops = Rc::new(Chain::Hop(Rc::clone(hop), self.hops));
        self
    }

    /// The way past an exclusion.
    fn past(mut self, number: usize) -> Self {
        insert(&mut self.passes, number);
        self
    }

    /// Both ways, one behind the other.
    fn and(&self, other: &Self) -> Self {
        let (mut lacks, mut passes) = (self.lacks.clone(), self.passes.clone());
        other.lacks.iter().for_each(|it| insert(&mut lacks, *it));
        other.passes.iter().for_each(|it| insert(&mut passes, *it));
        Self {
            lacks,
            passes,
            length: self.length + other.length,
            hops: Rc::new(Chain::Both(Rc::clone(&self.hops), Rc::clone(&other.hops))),
        }
    }

    /// Whether it lacks and passes everything that the other one does.
    fn is_no_better_than(&self, other: &Self) -> bool {
        let has =
            |all: &[usize], some: &[usize]| some.iter().all(|it| all.binary_search(it).is_ok());
        has(&self.lacks, &other.lacks) && has(&self.passes, &other.passes)
    }

    fn mark(&self) -> (&[usize], &[usize]) {
        (&self.lacks, &self.passes)
    }
}

/// Inserts a number into sorted ones, if it is not among them.
fn insert(numbers: &mut Vec<usize>, number: usize) {
    if let Err(at) = numbers.binary_search(&number) {
        numbers.insert(at, number);
    }
}

impl Chain {
    fn flat(&self) -> Way {
        let mut way = Way::new();
        let mut open = vec![self];
        while let Some(chain) = open.pop() {
            match chain {
                Self::End => {}
                Self::Hop(hop, rest) => {
                    way.push(Hop::clone(hop));
                    open.push(rest);
                }
                Self::Both(first, second) => open.extend([&**second, &**first]),
            }
        }
        way
    }
}

/// The ways of which none is worse than another one, those that lack little first, and of these the
/// short ones; at most so many. O(ways × `most`).
fn least(ways: Vec<Known>, most: usize) -> Vec<Known> {
    let mut shortest: BTreeMap<(Vec<usize>, Vec<usize>), Known> = BTreeMap::new();
    for way in ways {
        let mark = (way.lacks.clone(), way.passes.clone());
        match shortest.get_mut(&mark) {
            Some(known) if known.length <= way.length => {}
            Some(known) => *known = way,
            None => drop(shortest.insert(mark, way)),
        }
    }
    let mut ways: Vec<Known> = shortest.into_values().collect();
    ways.sort_by_key(|way| (way.lacks.len(), way.passes.len(), way.length));
    let mut kept: Vec<Known> = Vec::new();
    for way in ways {
        if kept.len() >= most {
            break;
        }
        if !kept.iter().any(|it| way.is_no_better_than(it)) {
            kept.push(way);
        }
    }
    kept
}
