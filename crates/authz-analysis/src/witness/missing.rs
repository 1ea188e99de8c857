//! Witnesses: sets of missing facts, the smallest first, each tried out.

use authz::StepKind;
use authz::resolution::Circumstances;
use serde_json::Value as Json;

use super::case::Case;
use super::derivation::{self, Hop, Via, Way};
use super::fact::Fact;
use super::search::Search;
use super::singles;
use super::{WITNESS_FACTS_MAX, WITNESSES_MAX, Witness, relation_of};

/// How many sets of each size are tried.
const TRIALS_MAX: usize = 10_000;
/// How many ways of one relation of an object are kept.
const WAYS_MAX: usize = 200;

/// A set of facts, with the way on which its relationships lie.
#[derive(Debug, Clone)]
struct Candidate {
    facts: Vec<Fact>,
    way: Way,
}

/// The smallest sets of facts that would turn the denial, the nearest first, and whether everything
/// was tried that is as small.
pub(super) fn witnesses(case: &Case<'_>) -> (Vec<Witness>, bool) {
    if is_stopped_by_credential(case) {
        return (Vec::new(), true);
    }
    let singles = singles::of(case);
    let target = relation_of(case);
    let engine = case.policy.relations_with(&case.facts);
    let mut search = target
        .as_ref()
        .zip(engine)
        .map(|((target, subject), engine)| {
            let circumstances = Circumstances {
                context: case.context,
                now: case.now,
            };
            let mut search = Search::new(engine, subject.clone(), circumstances, WAYS_MAX);
            search.know(&target.object);
            search
        });
    let mut is_complete = singles.is_complete;
    for size in 1..=WITNESS_FACTS_MAX {
        let mut found = Vec::new();
        let mut trials = TRIALS_MAX;
        let ways = match (&mut search, &target) {
            (Some(search), Some((target, _))) => search.ways(target, size),
            _ => Vec::new(),
        };
        for candidate in candidates(&singles.facts, &ways, size) {
            let is_new = !found.iter().any(|it: &Candidate| same(it, &candidate));
            if !is_new {
                continue;
            }
            if trials == 0 {
                is_complete = false;
                break;
            }
            trials -= 1;
            if !suffices(case, &candidate.facts) {
                is_complete &= !may_do_with_more(&candidate, search.as_ref());
            } else if is_smallest(case, &candidate.facts) {
                found.push(candidate);
            }
        }
        is_complete &= search.as_ref().is_none_or(|search| search.is_complete);
        if !found.is_empty() {
            without_made_up(&mut found, search.as_ref());
            found.sort_by_cached_key(|it| rank(case, it, &singles.made_up));
            once_for_values(&mut found);
            is_complete &= found.len() <= WITNESSES_MAX;
            found.truncate(WITNESSES_MAX);
            return (
                found.into_iter().map(Candidate::told).collect(),
                is_complete,
            );
        }
    }
    (Vec::new(), is_complete)
}

/// No fact makes a credential another one.
fn is_stopped_by_credential(case: &Case<'_>) -> bool {
    let account = case.account();
    let mut steps = account.iter().flat_map(|account| &account.steps);
    steps.any(|step| step.kind == StepKind::Credential)
}

fn suffices(case: &Case<'_>, facts: &[Fact]) -> bool {
    case.with(facts).is_some_and(|case| case.is_permitted())
}

/// Whether a set of relationships that does not suffice might, with something else than was tried: a
/// condition holds with other values, or one fact of the set asks for others.
fn may_do_with_more(candidate: &Candidate, search: Option<&Search<'_>>) -> bool {
    let facts = candidate.facts.iter();
    let is_conditional = |fact: &Fact| match fact {
        Fact::Relationship(fact) => fact.condition.is_some(),
        _ => false,
    };
    let has_met_all = search.is_some_and(|search| search.has_met_all);
    let relationships = facts
        .clone()
        .filter(|it| matches!(it, Fact::Relationship(_)));
    facts.clone().any(is_conditional) || (has_met_all && relationships.count() > 1)
}

/// Leaves out sets about objects that are made up, if there are others.
fn without_made_up(found: &mut Vec<Candidate>, search: Option<&Search<'_>>) {
    let Some(search) = search else { return };
    let is_made_up = |candidate: &Candidate| {
        let missing = derivation::missing(&candidate.way);
        missing.into_iter().any(|fact| search.is_made_up(fact))
    };
    if !found.iter().all(is_made_up) {
        found.retain(|candidate| !is_made_up(candidate));
    }
}

/// Whether no part of the set suffices.
fn is_smallest(case: &Case<'_>, facts: &[Fact]) -> bool {
    let whole = (1_usize << facts.len()) - 1;
    !(1..whole).any(|chosen| {
        let part = facts.iter().enumerate();
        let part = part.filter(|(index, _)| chosen >> index & 1 == 1);
        let part = case.with(part.map(|(_, fact)| fact));
        part.is_some_and(|case| case.is_permitted())
    })
}

fn same(one: &Candidate, other: &Candidate) -> bool {
    one.facts.len() == other.facts.len() && one.facts.iter().all(|fact| other.facts.contains(fact))
}

/// All sets of this size: some of the single facts, with what a way lacks.
fn candidates<'a>(
    singles: &'a [Fact],
    ways: &'a [Way],
    size: usize,
) -> impl Iterator<Item = Candidate> + 'a {
    (0..=size).flat_map(move |count| {
        let nothing = vec![Way::new()];
        let lacking = move |way: &&Way| derivation::missing(way).len() == size - count;
        let ways: Vec<Way> = match size == count {
            true => nothing,
            false => ways.iter().filter(lacking).cloned().collect(),
        };
        ways.into_iter().flat_map(move |way| {
            chosen(singles, count).map(move |chosen| Candidate {
                facts: way_facts(&way).chain(chosen).collect(),
                way: way.clone(),
            })
        })
    })
}

fn way_facts(way: &Way) -> impl Iterator<Item = Fact> + use<> {
    let missing = derivation::missing(way);
    let facts: Vec<Fact> = missing
        .into_iter()
        .cloned()
        .map(Fact::Relationship)
        .collect();
    facts.into_iter()
}

/// Every choice of `count` of the facts, made one after the other: there may be very many.
fn chosen(facts: &[Fact], count: usize) -> impl Iterator<Item = Vec<Fact>> {
    let first = (count <= facts.len()).then(|| (0..count).collect::<Vec<usize>>());
    let choices = std::iter::successors(first, move |before| next_choice(before, facts.len()));
    choices.map(|choice| {
        let chosen = choice.iter().filter_map(|&index| facts.get(index));
        chosen.cloned().collect()
    })
}

/// The next choice of some of `of` in the order of their numbers.
fn next_choice(before: &[usize], of: usize) -> Option<Vec<usize>> {
    let count = before.len();
    let at = (0..count)
        .rev()
        .find(|&at| before.get(at).is_some_and(|it| it + count < of + at))?;
    let (kept, rest) = before.split_at(at);
    let from = rest.first()? + 1;
    Some(
        kept.iter()
            .copied()
            .chain(from..from + count - at)
            .collect(),
    )
}

/// Near is what links up what the subject has with what leads to the resource, then what has the
/// fewest hops; a role that reaches little is nearer than one that reaches much, and all of them than
/// another value of an attribute, or everybody. A value that stands somewhere is nearer than one that
/// is made up.
fn rank(
    case: &Case<'_>,
    candidate: &Candidate,
    made_up: &[Fact],
) -> (usize, usize, usize, bool, usize, usize, String) {
    let kinds = candidate.facts.iter().map(|fact| match fact {
        Fact::Relationship(fact) if fact.subject.is_wildcard() => 4,
        Fact::Relationship(_) => 0,
        Fact::Share { .. } => 1,
        Fact::Role { .. } => 2,
        Fact::Attribute { .. } => 3,
    });
    let reach = candidate.facts.iter().map(|fact| match fact {
        Fact::Role { role, .. } => case.policy.reach(role),
        _ => 0,
    });
    let text: Vec<String> = candidate.facts.iter().map(ToString::to_string).collect();
    (
        kinds.clone().max().unwrap_or(0),
        kinds.sum(),
        candidate
            .facts
            .iter()
            .filter(|it| made_up.contains(it))
            .count(),
        !links_up(&candidate.way),
        candidate.way.len(),
        reach.sum(),
        text.join("\n"),
    )
}

/// Of sets that differ in nothing but values of attributes, the nearest is kept.
fn once_for_values(found: &mut Vec<Candidate>) {
    let mut seen: Vec<Vec<Fact>> = Vec::new();
    found.retain(|candidate| {
        let mut facts = candidate.facts.clone();
        for fact in &mut facts {
            if let Fact::Attribute { value, .. } = fact {
                *value = Json::Null;
            }
        }
        let is_new = !seen.contains(&facts);
        if is_new {
            seen.push(facts);
        }
        is_new
    });
}

/// Whether relationships that are there lead up to a missing one and on from it.
fn links_up(way: &Way) -> bool {
    let is_there = |hop: &Hop| matches!(hop.via, Via::Fact(_));
    way.iter().enumerate().any(|(index, hop)| {
        let (before, after) = way.split_at(index);
        matches!(hop.via, Via::Missing(_))
            && before.iter().any(is_there)
            && after.iter().any(is_there)
    })
}

impl Candidate {
    fn told(self) -> Witness {
        Witness {
            facts: self.facts,
            way: self.way,
        }
    }
}
