//! The naive evaluator: recursion over lists, no index, no memory, every way looked at. Written
//! from the papers and from the table of the languages' differences.

use std::collections::BTreeSet;

use super::random::{Expression, Fact, Model, Relation, Subject};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    Yes,
    No,
    Needs(BTreeSet<&'static str>),
    Cycle,
    Depth,
}

pub(super) struct Naive<'a> {
    pub(super) model: &'a Model,
    pub(super) facts: &'a [Fact],
    pub(super) context: [Option<i64>; 2],
    pub(super) asker: Subject,
    pub(super) hops_max: usize,
    /// How many more relations may be looked at; a question that needs more is not compared.
    pub(super) budget: usize,
}

type Object = (&'static str, usize);

impl Naive<'_> {
    /// None if the budget does not suffice.
    pub(super) fn ask(&mut self, object: Object, relation: &'static str) -> Option<Found> {
        let mut path = Vec::new();
        let found = self.relation(object, relation, &mut path, 0);
        (self.budget > 0).then_some(found)
    }

    fn relation_of(&self, type_name: &str, name: &str) -> Option<Relation> {
        let (_, relations) = self.model.types.iter().find(|it| it.0 == type_name)?;
        relations.iter().find(|it| it.name == name).cloned()
    }

    fn relation(
        &mut self,
        object: Object,
        name: &'static str,
        path: &mut Vec<(Object, &'static str)>,
        hops: usize,
    ) -> Found {
        let asker = self.asker;
        if asker.relation == Some(name) && asker.type_name == object.0 && asker.id == Some(object.1)
        {
            return Found::Yes;
        }
        if path.contains(&(object, name)) {
            return Found::Cycle;
        }
        if hops > self.hops_max {
            return Found::Depth;
        }
        self.budget = self.budget.saturating_sub(1);
        let Some(relation) = self.relation_of(object.0, name).filter(|_| self.budget > 0) else {
            return Found::No;
        };
        path.push((object, name));
        let found = self.expression(&relation.expression, object, &relation, path, hops);
        path.pop();
        found
    }

    fn expression(
        &mut self,
        expression: &Expression,
        object: Object,
        of: &Relation,
        path: &mut Vec<(Object, &'static str)>,
        hops: usize,
    ) -> Found {
        match expression {
            Expression::Direct => {
                let mut ways = Vec::new();
                for fact in self.facts_of(object, of.name) {
                    let holds = if fact.subject == self.asker || self.is_one_of_all(fact.subject) {
                        Found::Yes
                    } else if let (Some(relation), Some(id)) =
                        (fact.subject.relation, fact.subject.id)
                    {
                        self.relation((fact.subject.type_name, id), relation, path, hops + 1)
                    } else {
                        Found::No
                    };
                    ways.push(both(holds, self.condition(&fact)));
                }
                self.any(ways)
            }
            Expression::Computed(name) => self.relation(object, name, path, hops),
            Expression::Arrow { through, to, all } => {
                let mut ways = Vec::new();
                for fact in self.facts_of(object, through) {
                    let target = (fact.subject.type_name, fact.subject.id.unwrap());
                    let holds = match self.relation_of(target.0, to) {
                        None => Found::No,
                        Some(_) => self.relation(target, to, path, hops + 1),
                    };
                    ways.push(both(holds, self.condition(&fact)));
                }
                match all {
                    true if ways.is_empty() => Found::No,
                    true => ways.into_iter().fold(Found::Yes, both),
                    false => self.any(ways),
                }
            }
            Expression::Union(parts) => {
                let ways = parts
                    .iter()
                    .map(|it| self.expression(it, object, of, path, hops))
                    .collect();
                self.any(ways)
            }
            Expression::Intersection(parts) => {
                let parts: Vec<Found> = parts
                    .iter()
                    .map(|it| self.expression(it, object, of, path, hops))
                    .collect();
                parts.into_iter().fold(Found::Yes, both)
            }
            Expression::Exclusion(base, subtracted) => {
                let base = self.expression(base, object, of, path, hops);
                let subtracted = match self.expression(subtracted, object, of, path, hops) {
                    Found::Yes => Found::No,
                    Found::No => Found::Yes,
                    other => other,
                };
                both(base, subtracted)
            }
            Expression::Itself => {
                let asker = self.asker;
                let is = asker.relation.is_none()
                    && asker.type_name == object.0
                    && asker.id == Some(object.1);
                if is { Found::Yes } else { Found::No }
            }
            Expression::Nobody => Found::No,
        }
    }

    fn facts_of(&self, object: Object, relation: &str) -> Vec<Fact> {
        let of = |fact: &&Fact| {
            fact.object == object && fact.relation == relation && fact.expired != Some(true)
        };
        self.facts.iter().filter(of).cloned().collect()
    }

    fn is_one_of_all(&self, subject: Subject) -> bool {
        subject.id.is_none()
            && subject.type_name == self.asker.type_name
            && self.asker.relation.is_none()
    }

    fn condition(&self, fact: &Fact) -> Found {
        let value = |at: usize| fact.stored[at].or(self.context[at]);
        let names: &[&'static str] = match fact.condition {
            None => return Found::Yes,
            Some("small") => &["xxx"],
            Some(_) => &["xxx", "yyy"],
        };
        let missing: BTreeSet<&'static str> = names
            .iter()
            .zip([value(0), value(1)])
            .filter(|it| it.1.is_none())
            .map(|it| *it.0)
            .collect();
        let decided = match names.len() {
            1 => value(0).map(|x| x < 1),
            _ if value(0).is_some_and(|x| x > 1) || value(1).is_some_and(|y| y > 1) => Some(true),
            _ => missing.is_empty().then_some(false),
        };
        match decided {
            _ if self.model.openfga && !missing.is_empty() => Found::Needs(missing),
            Some(true) => Found::Yes,
            Some(false) => Found::No,
            None => Found::Needs(missing),
        }
    }

    /// Whether one way suffices. Where none does, what is too long comes first; whether a cycle or
    /// a missing context comes next is the one point in which the languages differ.
    fn any(&self, ways: Vec<Found>) -> Found {
        if ways.contains(&Found::Yes) {
            return Found::Yes;
        }
        if ways.contains(&Found::Depth) {
            return Found::Depth;
        }
        let needs: BTreeSet<&'static str> = ways
            .iter()
            .flat_map(|way| match way {
                Found::Needs(names) => names.clone(),
                _ => BTreeSet::new(),
            })
            .collect();
        let cycle = ways.contains(&Found::Cycle);
        match (needs.is_empty(), cycle) {
            (true, false) => Found::No,
            (true, true) => Found::Cycle,
            (false, true) if !self.model.openfga => Found::Cycle,
            (false, _) => Found::Needs(needs),
        }
    }
}

fn both(a: Found, b: Found) -> Found {
    match (a, b) {
        (Found::No, _) | (_, Found::No) => Found::No,
        (Found::Cycle, _) | (_, Found::Cycle) => Found::Cycle,
        (Found::Depth, _) | (_, Found::Depth) => Found::Depth,
        (Found::Needs(a), Found::Needs(b)) => Found::Needs(a.union(&b).copied().collect()),
        (Found::Needs(names), _) | (_, Found::Needs(names)) => Found::Needs(names),
        (Found::Yes, Found::Yes) => Found::Yes,
    }
}
