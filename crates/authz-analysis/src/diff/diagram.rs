//! Decision diagrams: functions of several choices, each with some values, to numbers. Equal parts
//! are kept once, so that a function of many choices is small where few of them matter at a time.
//!
//! They are the reduced and ordered diagrams of Bryant, "Graph-Based Algorithms for Boolean Function
//! Manipulation" (IEEE Transactions on Computers, 1986), with more than two values for a choice and
//! more than two results, as in Fujita, McGeer and Yang, "Multi-Terminal Binary Decision Diagrams"
//! (Formal Methods in System Design, 1997).

use std::collections::{BTreeMap, HashMap, HashSet};

/// The most nodes that are kept.
const NODES_MAX: usize = 200_000;

/// A function, by the number of its uppermost node.
pub(super) type Function = usize;

/// The functions that were made so far.
#[derive(Debug, Default)]
pub(super) struct Diagrams {
    nodes: Vec<Node>,
    numbers: HashMap<Node, Function>,
    /// Whether there were too many nodes: then nothing that comes of them is right.
    pub(super) is_full: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    Result(usize),
    /// What each value of a choice leads to.
    Choice(usize, Box<[Function]>),
}

/// For some choices the value that is chosen; the others do not matter.
pub(super) type Way = Vec<(usize, usize)>;

impl Diagrams {
    /// The function that always has this result.
    pub(super) fn constant(&mut self, result: usize) -> Function {
        self.kept(Node::Result(result))
    }

    /// The function that has, for each value of a choice, the result of another function, which
    /// asks for later choices only.
    pub(super) fn choice(&mut self, choice: usize, values: Vec<Function>) -> Function {
        match values.split_first() {
            Some((first, others)) if others.iter().all(|it| it == first) => *first,
            _ => self.kept(Node::Choice(choice, values.into())),
        }
    }

    fn kept(&mut self, node: Node) -> Function {
        if let Some(known) = self.numbers.get(&node) {
            return *known;
        }
        if self.nodes.len() >= NODES_MAX {
            self.is_full = true;
            return 0;
        }
        self.nodes.push(node.clone());
        let number = self.nodes.len() - 1;
        self.numbers.insert(node, number);
        number
    }

    /// The function whose result is that of `join` for the results of two others. O(a × b) nodes.
    pub(super) fn joined(
        &mut self,
        (a, b): (Function, Function),
        join: &mut dyn FnMut(usize, usize) -> usize,
    ) -> Function {
        self.join((a, b), join, &mut HashMap::new())
    }

    fn join(
        &mut self,
        pair: (Function, Function),
        join: &mut dyn FnMut(usize, usize) -> usize,
        known: &mut HashMap<(Function, Function), Function>,
    ) -> Function {
        if let Some(known) = known.get(&pair) {
            return *known;
        }
        let nodes = (self.nodes.get(pair.0), self.nodes.get(pair.1));
        let joined = match nodes {
            (Some(Node::Result(a)), Some(Node::Result(b))) => {
                let result = join(*a, *b);
                self.constant(result)
            }
            (Some(a), Some(b)) => {
                let choices = [a, b].map(|it| it.choice());
                let choice = choices.into_iter().min().unwrap_or_default();
                let count = [a, b].map(|it| it.count(choice)).into_iter().max();
                let pairs = (0..count.unwrap_or_default())
                    .map(|value| (a.at(choice, value, pair.0), b.at(choice, value, pair.1)));
                let pairs: Vec<(Function, Function)> = pairs.collect();
                let values = pairs.into_iter().map(|it| self.join(it, join, known));
                let values = values.collect();
                self.choice(choice, values)
            }
            _ => 0,
        };
        known.insert(pair, joined);
        joined
    }

    /// Every result that the function has, each with a way to it. O(nodes).
    pub(super) fn results(&self, function: Function) -> BTreeMap<usize, Way> {
        let mut results = BTreeMap::new();
        let mut seen = HashSet::new();
        let mut open: Vec<(Function, Way)> = vec![(function, Vec::new())];
        while let Some((function, way)) = open.pop() {
            if !seen.insert(function) {
                continue;
            }
            match self.nodes.get(function) {
                Some(Node::Result(result)) => drop(results.insert(*result, way)),
                Some(Node::Choice(choice, values)) => {
                    // The last is looked at first: values come in order off the end.
                    for (value, next) in values.iter().enumerate().rev() {
                        let mut way = way.clone();
                        way.push((*choice, value));
                        open.push((*next, way));
                    }
                }
                None => {}
            }
        }
        results
    }
}

impl Node {
    /// The choice that it asks for; a result comes behind all.
    fn choice(&self) -> usize {
        match self {
            Self::Result(_) => usize::MAX,
            Self::Choice(choice, _) => *choice,
        }
    }

    /// How many values it knows of this choice.
    fn count(&self, choice: usize) -> usize {
        match self {
            Self::Choice(mine, values) if *mine == choice => values.len(),
            _ => 0,
        }
    }

    /// What this value of a choice leads to; itself, where it does not ask for it.
    fn at(&self, choice: usize, value: usize, itself: Function) -> Function {
        match self {
            Self::Choice(mine, values) if *mine == choice => {
                values.get(value).copied().unwrap_or(itself)
            }
            _ => itself,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Diagrams;

    #[test]
    fn many_pairs_of_choices_are_few_nodes_and_every_result_has_a_way() {
        let mut diagrams = Diagrams::default();
        let [no, yes] = [0, 1].map(|it| diagrams.constant(it));
        let mut any = no;
        for pair in 0..20 {
            let parts = [2 * pair, 2 * pair + 1].map(|it| diagrams.choice(it, vec![no, yes]));
            let both = diagrams.joined((parts[0], parts[1]), &mut |a, b| a * b);
            any = diagrams.joined((any, both), &mut |a, b| a | b);
        }
        assert!(diagrams.nodes.len() < 1_000, "{}", diagrams.nodes.len());
        let results = diagrams.results(any);
        assert_eq!(results.len(), 2);
        let way = &results[&1];
        assert!((0..20).any(|it| way.contains(&(2 * it, 1)) && way.contains(&(2 * it + 1, 1))));
        let same = diagrams.joined((any, any), &mut |a, b| usize::from(a != b));
        assert_eq!(same, no);
        assert!(!diagrams.is_full);
    }
}
