//! Who stands in a relation and through which relations, as SpiceDB's `validation` block asks for
//! it: an algebra of sets over expanded trees. Conditions are not evaluated there; a subject whose
//! way has one is marked.

use std::collections::{BTreeMap, BTreeSet};

use authz::resolution::{Engine, Member, QuestionError, Tree};
use authz::{Reference, SubjectReference};

/// The deepest nesting of relations that is expanded.
const DEPTH_MAX: usize = 50;

/// Why a relation cannot be expanded.
#[derive(Debug)]
pub(super) enum Unexpanded {
    Question(QuestionError),
    Depth,
}

/// One subject of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The relations into which it is written.
    pub(super) through: BTreeSet<SubjectReference>,
    pub(super) is_conditional: bool,
    /// Of every object of a type: those that are taken out, and whether under a condition.
    pub(super) excluded: BTreeMap<SubjectReference, bool>,
}

pub(super) type Set = BTreeMap<SubjectReference, Found>;

/// The subjects of a relation of an object.
pub(super) fn members(
    engine: &Engine,
    object: &Reference,
    relation: &str,
    depth: usize,
) -> Result<Set, Unexpanded> {
    if depth > DEPTH_MAX {
        return Err(Unexpanded::Depth);
    }
    let tree = engine
        .expand(object, relation)
        .map_err(Unexpanded::Question)?;
    let own = SubjectReference {
        object: object.clone(),
        relation: Some(relation.into()),
    };
    of_tree(engine, &own, &tree, depth)
}

fn of_tree(
    engine: &Engine,
    own: &SubjectReference,
    tree: &Tree,
    depth: usize,
) -> Result<Set, Unexpanded> {
    let of = |tree: &Tree| of_tree(engine, own, tree, depth);
    let relation = |it: &SubjectReference| match &it.relation {
        None => Ok(Set::new()),
        Some(name) => members(engine, &it.object, name, depth + 1),
    };
    Ok(match tree {
        Tree::Subjects(subjects) => {
            let mut set = Set::new();
            for member in subjects {
                set = union(
                    set,
                    Set::from([(member.subject.clone(), leaf(own, member))]),
                );
                set = union(set, under(relation(&member.subject)?, member));
            }
            set
        }
        Tree::Relation(of) => relation(of)?,
        Tree::Arrow { to, all, .. } => {
            let mut joined: Option<Set> = None;
            for member in to {
                let set = under(relation(&member.subject)?, member);
                joined = Some(match joined {
                    None => set,
                    Some(so_far) if *all => intersection(&so_far, &set),
                    Some(so_far) => union(so_far, set),
                });
            }
            joined.unwrap_or_default()
        }
        Tree::Union(parts) => {
            let mut set = Set::new();
            for part in parts {
                set = union(set, of(part)?);
            }
            set
        }
        Tree::Intersection(parts) => {
            let mut joined: Option<Set> = None;
            for part in parts {
                let set = of(part)?;
                joined = Some(joined.map_or(set.clone(), |so_far| intersection(&so_far, &set)));
            }
            joined.unwrap_or_default()
        }
        Tree::Exclusion(parts) => {
            let [base, subtracted] = &**parts;
            exclusion(of(base)?, &of(subtracted)?)
        }
        Tree::Itself(object) => {
            let found = Found {
                through: BTreeSet::from([own.clone()]),
                ..Found::default()
            };
            Set::from([(SubjectReference::object(object.clone()), found)])
        }
        Tree::Nobody => Set::new(),
    })
}

fn leaf(own: &SubjectReference, member: &Member) -> Found {
    Found {
        through: BTreeSet::from([own.clone()]),
        is_conditional: member.is_conditional,
        excluded: BTreeMap::new(),
    }
}

/// The set under the condition of a fact, if it has one.
fn under(mut set: Set, member: &Member) -> Set {
    if member.is_conditional {
        set.values_mut()
            .for_each(|found| found.is_conditional = true);
    }
    set
}

/// What stands for every object of this one's type in a set.
fn wildcard_of<'s>(set: &'s Set, subject: &SubjectReference) -> Option<&'s Found> {
    if subject.relation.is_some() || subject.is_wildcard() {
        return None;
    }
    let object = Reference::new(subject.object.type_name(), authz::relationships::WILDCARD);
    set.get(&SubjectReference::object(object))
}

fn union(mut a: Set, b: Set) -> Set {
    for (subject, found) in b {
        match a.get_mut(&subject) {
            None => {
                a.insert(subject, found);
            }
            Some(old) => {
                old.through.extend(found.through);
                old.is_conditional &= found.is_conditional;
                old.excluded.retain(|it, _| found.excluded.contains_key(it));
            }
        }
    }
    let all = a.clone();
    for found in a.values_mut() {
        // Who is named is no exception.
        found
            .excluded
            .retain(|it, _| all.get(it).is_none_or(|named| named.is_conditional));
    }
    a
}

fn intersection(a: &Set, b: &Set) -> Set {
    let mut out = Set::new();
    for (one, other) in [(a, b), (b, a)] {
        for (subject, found) in one {
            let beside = match other.get(subject) {
                Some(both) => Some(both),
                None => wildcard_of(other, subject).filter(|all| {
                    all.excluded
                        .get(subject)
                        .is_none_or(|conditional| *conditional)
                }),
            };
            let Some(beside) = beside else { continue };
            let exception = beside.excluded.contains_key(subject);
            let mut excluded = found.excluded.clone();
            excluded.extend(
                beside
                    .excluded
                    .iter()
                    .map(|(it, conditional)| (it.clone(), *conditional)),
            );
            let joined = Found {
                through: found.through.union(&beside.through).cloned().collect(),
                is_conditional: found.is_conditional || beside.is_conditional || exception,
                excluded: if subject.is_wildcard() {
                    excluded
                } else {
                    BTreeMap::new()
                },
            };
            out.insert(subject.clone(), joined);
        }
    }
    out
}

fn exclusion(base: Set, subtracted: &Set) -> Set {
    let mut out = Set::new();
    for (subject, mut found) in base {
        let taken = match subtracted.get(&subject) {
            Some(it) if subject.is_wildcard() && !it.excluded.is_empty() => {
                for (kept, conditional) in &it.excluded {
                    if !found.excluded.contains_key(kept) {
                        let named = Found {
                            is_conditional: found.is_conditional || *conditional,
                            excluded: BTreeMap::new(),
                            ..found.clone()
                        };
                        out.insert(kept.clone(), named);
                    }
                }
                Some(it.is_conditional)
            }
            Some(it) => Some(it.is_conditional),
            None => wildcard_of(subtracted, &subject)
                .filter(|all| !all.excluded.contains_key(&subject))
                .map(|all| all.is_conditional),
        };
        match taken {
            Some(false) => continue,
            Some(true) => found.is_conditional = true,
            None => {}
        }
        if subject.is_wildcard() {
            let of_type = |it: &SubjectReference| {
                let same = it.object.type_name() == subject.object.type_name();
                same && it.relation.is_none() && !it.is_wildcard()
            };
            let named = subtracted.iter().filter(|(it, _)| of_type(it));
            for (it, taken) in named {
                found.excluded.insert(it.clone(), taken.is_conditional);
            }
        }
        out.insert(subject, found);
    }
    out
}
