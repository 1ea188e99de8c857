//! All that conditions can come to, without trying every request: what each of their questions
//! comes to is asked of the evaluator, one group of variables at a time, and joined in decision
//! diagrams. Requests for which the rules of both policies say the same, in all that a decision
//! depends on, are one case, and one of them is decided for all.

use std::collections::{BTreeMap, BTreeSet};

use authz::condition::{Proposition, Question, Truth, Variable, atoms, proposition};
use authz::{Facts, Policy, Request, Sayings, no_context};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::axes::{Asker, Thing};
use super::diagram::{Diagrams, Function, Way};
use super::search::Asked;

/// The most ways to give values to a group of variables.
const ASSIGNMENTS_MAX: usize = 4_000;

/// Variables that are compared with one another, each with the values that are tried for it; none
/// for "not known".
pub(super) type Group = Vec<(Variable, Vec<Option<Json>>)>;

/// Values for the variables of a group.
type Assignment = Vec<(Variable, Option<Json>)>;

/// The conditions of both policies on an action.
pub(super) struct Cases<'a> {
    asked: &'a Asked<'a>,
    rules: Vec<Rule>,
    questions: Vec<Asking>,
    groups: Vec<Vec<Assignment>>,
}

/// A rule of one of the policies.
struct Rule {
    side: usize,
    permits: bool,
    when: Proposition,
}

/// A question, as one of the policies asks it.
struct Asking {
    side: usize,
    text: String,
    question: Question,
    /// The group of variables that it is about; none if these are all given.
    group: Option<usize>,
}

/// Somebody who asks about something at some time.
pub(super) type Posed = (Asker, Thing, Timestamp);

impl<'a> Cases<'a> {
    /// Takes the conditions apart; none where a question is about several groups of variables, or
    /// there are too many values.
    pub(super) fn new(asked: &'a Asked<'a>, groups: &[Group]) -> Option<Self> {
        let mut cases = Self {
            asked,
            rules: Vec::new(),
            questions: Vec::new(),
            groups: groups.iter().map(assignments).collect::<Option<_>>()?,
        };
        for (side, policy) in asked.policies().into_iter().enumerate() {
            for rule in policy.rules_on(asked.type_name, asked.action) {
                let when = match rule.when {
                    Some(when) => proposition(when)?,
                    None => Proposition::Constant(true),
                };
                cases.ask(side, policy, &when, groups)?;
                cases.rules.push(Rule {
                    side,
                    permits: rule.permits,
                    when,
                });
            }
        }
        Some(cases)
    }

    /// Adds the questions of a condition.
    fn ask(
        &mut self,
        side: usize,
        policy: &Policy,
        when: &Proposition,
        groups: &[Group],
    ) -> Option<()> {
        let mut leaves = BTreeSet::new();
        gather(when, &mut leaves);
        for text in leaves {
            let is_known = |it: &Asking| it.side == side && it.text == text;
            if self.questions.iter().any(is_known) {
                continue;
            }
            self.questions.push(Asking {
                side,
                group: only_group(text, groups)?,
                question: policy.question(self.asked.type_name, text)?,
                text: text.to_owned(),
            });
        }
        Some(())
    }

    /// One request for each case of those who ask like this one about something like that; none
    /// where the diagrams are too large.
    pub(super) fn requests(&self, given: &Posed) -> Option<Vec<Posed>> {
        let mut diagrams = Diagrams::default();
        // Beside each value of a choice stands the first assignment that means it.
        let mut first: Vec<Vec<&Assignment>> = Vec::new();
        let mut asked: BTreeMap<(usize, &str), Function> = BTreeMap::new();
        for (number, group) in self.groups.iter().enumerate() {
            let of_group = || self.questions.iter().filter(|it| it.group == Some(number));
            let mut meanings: BTreeMap<Vec<Truth>, usize> = BTreeMap::new();
            let mut told: Vec<(&Assignment, Vec<Truth>)> = Vec::new();
            for assignment in group {
                let truths = self.truths(of_group(), &completed(given, [assignment]));
                if !meanings.contains_key(&truths) {
                    meanings.insert(truths.clone(), told.len());
                    told.push((assignment, truths));
                }
            }
            for (at, question) in of_group().enumerate() {
                let values = told.iter().filter_map(|(_, truths)| truths.get(at));
                let values = values.map(|it| diagrams.constant(code(*it))).collect();
                let function = diagrams.choice(number, values);
                asked.insert((question.side, &question.text), function);
            }
            first.push(told.into_iter().map(|(assignment, _)| assignment).collect());
        }
        let settled = || self.questions.iter().filter(|it| it.group.is_none());
        let truths = self.truths(settled(), given);
        for (question, truth) in settled().zip(truths) {
            let function = diagrams.constant(code(truth));
            asked.insert((question.side, &question.text), function);
        }
        let ways = self.ways(&mut diagrams, &asked)?;
        let chosen = |way: Way| {
            let values = way.into_iter();
            let values = values.filter_map(|(choice, value)| first.get(choice)?.get(value));
            completed(given, values.copied())
        };
        Some(ways.into_iter().map(chosen).collect())
    }

    /// A way to everything that the rules of both policies can say at once.
    fn ways(
        &self,
        diagrams: &mut Diagrams,
        asked: &BTreeMap<(usize, &str), Function>,
    ) -> Option<Vec<Way>> {
        let mut sayings = Numbered::new([Sayings::default(), Sayings::default()]);
        let mut said = diagrams.constant(0);
        for rule in &self.rules {
            let condition = function(diagrams, rule, &rule.when, asked);
            said = diagrams.joined((said, condition), &mut |so_far, truth| {
                let mut both = sayings.get(so_far);
                if let Some(mine) = both.get_mut(rule.side) {
                    *mine = std::mem::take(mine).with(rule.permits, truth_of(truth));
                }
                sayings.number(both)
            });
        }
        let results = diagrams.results(said);
        (!diagrams.is_full).then(|| results.into_values().collect())
    }

    /// What the questions come to.
    fn truths<'q>(
        &self,
        questions: impl Iterator<Item = &'q Asking>,
        (asker, thing, now): &Posed,
    ) -> Vec<Truth> {
        let (type_name, action) = self.asked.name();
        let (subjects, resources) = (self.asked.subjects(asker), self.asked.resources(thing));
        let kinds = self
            .asked
            .policies()
            .map(|it| it.action_kind(type_name, action));
        let truth = |asking: &Asking| {
            let (who, what) = (subjects.get(asking.side), resources.get(asking.side));
            let kind = kinds.get(asking.side).copied().flatten();
            // What cannot be asked at all is decided alike, whatever its conditions.
            let (Some(Some(subject)), Some(Some(resource)), Some(kind)) = (who, what, kind) else {
                return Truth::Error;
            };
            let request = Request {
                subject,
                action,
                resource,
                now: *now,
                facts: Facts::none(),
                context: no_context(),
            };
            asking.question.comes_to(&request, kind)
        };
        questions.map(truth).collect()
    }
}

/// What a condition comes to, as a function of what is chosen.
fn function(
    diagrams: &mut Diagrams,
    rule: &Rule,
    when: &Proposition,
    asked: &BTreeMap<(usize, &str), Function>,
) -> Function {
    let mut of = |part: &Proposition| function(diagrams, rule, part, asked);
    match when {
        Proposition::Constant(value) => diagrams.constant(code(Truth::of(*value))),
        Proposition::Leaf(leaf) => {
            let known = asked.get(&(rule.side, &*leaf.text)).copied();
            known.unwrap_or_else(|| diagrams.constant(code(Truth::Error)))
        }
        Proposition::Not(inner) => {
            let inner = of(inner);
            diagrams.joined((inner, inner), &mut |a, _| code(!truth_of(a)))
        }
        Proposition::And(parts) => {
            let parts: Vec<Function> = parts.iter().map(of).collect();
            joined(diagrams, &parts, Truth::True, Truth::and)
        }
        Proposition::Or(parts) => {
            let parts: Vec<Function> = parts.iter().map(of).collect();
            joined(diagrams, &parts, Truth::False, Truth::or)
        }
        Proposition::Conditional(parts) => {
            let [condition, yes, no] = parts.each_ref().map(of);
            // What is if it holds, and what is if it does not, as one number.
            let both = diagrams.joined((yes, no), &mut |yes, no| yes * CODES + no);
            diagrams.joined(
                (condition, both),
                &mut |condition, both| match truth_of(condition) {
                    Truth::True => both / CODES,
                    Truth::False => both % CODES,
                    failed => code(failed),
                },
            )
        }
    }
}

fn joined(
    diagrams: &mut Diagrams,
    parts: &[Function],
    none: Truth,
    join: fn(Truth, Truth) -> Truth,
) -> Function {
    let none = diagrams.constant(code(none));
    parts.iter().fold(none, |all, part| {
        let join = &mut |a, b| code(join(truth_of(a), truth_of(b)));
        diagrams.joined((all, *part), join)
    })
}

/// How many truths there are.
const CODES: usize = 4;

fn code(truth: Truth) -> usize {
    match truth {
        Truth::True => 0,
        Truth::False => 1,
        Truth::Absent => 2,
        Truth::Error => 3,
    }
}

fn truth_of(code: usize) -> Truth {
    match code {
        0 => Truth::True,
        1 => Truth::False,
        2 => Truth::Absent,
        _ => Truth::Error,
    }
}

/// Values with a number each.
struct Numbered<T> {
    all: Vec<T>,
    numbers: BTreeMap<T, usize>,
}

impl<T: Clone + Default + Ord> Numbered<T> {
    fn new(first: T) -> Self {
        let numbers = BTreeMap::from([(first.clone(), 0)]);
        let all = vec![first];
        Self { all, numbers }
    }

    fn get(&self, number: usize) -> T {
        self.all.get(number).cloned().unwrap_or_default()
    }

    fn number(&mut self, value: T) -> usize {
        let next = self.all.len();
        let number = *self.numbers.entry(value.clone()).or_insert(next);
        if number == next {
            self.all.push(value);
        }
        number
    }
}

/// The texts of all leaves.
fn gather<'p>(when: &'p Proposition, leaves: &mut BTreeSet<&'p str>) {
    match when {
        Proposition::Constant(_) => {}
        Proposition::Leaf(leaf) => drop(leaves.insert(&leaf.text)),
        Proposition::Not(inner) => gather(inner, leaves),
        Proposition::And(parts) | Proposition::Or(parts) => {
            parts.iter().for_each(|it| gather(it, leaves));
        }
        Proposition::Conditional(parts) => parts.iter().for_each(|it| gather(it, leaves)),
    }
}

/// The one group that a question is about, if it is about any; none if it is about several.
fn only_group(text: &str, groups: &[Group]) -> Option<Option<usize>> {
    let mut about = BTreeSet::new();
    for variable in atoms(text).into_iter().flat_map(|it| it.variables()) {
        let in_group = |group: &Group| group.iter().any(|(it, _)| *it == variable);
        about.extend(groups.iter().position(in_group));
    }
    match about.len() {
        0 => Some(None),
        1 => Some(about.into_iter().next()),
        _ => None,
    }
}

/// Every way to give values to the variables; none if there are too many.
fn assignments(group: &Group) -> Option<Vec<Assignment>> {
    let mut all: Vec<Assignment> = vec![Vec::new()];
    for (variable, values) in group {
        if all.len().saturating_mul(values.len()) > ASSIGNMENTS_MAX {
            return None;
        }
        let with = |known: &Assignment, value: &Option<Json>| {
            let mut known = known.clone();
            known.push((variable.clone(), value.clone()));
            known
        };
        all = all
            .iter()
            .flat_map(|known| values.iter().map(move |value| with(known, value)))
            .collect();
    }
    Some(all)
}

/// A request with these values, too. Without a session there is no subject to have any.
fn completed<'v>(
    (asker, thing, now): &Posed,
    values: impl IntoIterator<Item = &'v Assignment>,
) -> Posed {
    let (mut asker, mut thing, mut now) = (asker.clone(), thing.clone(), *now);
    for (variable, value) in values.into_iter().flatten() {
        let Some(value) = value.clone() else { continue };
        let facts = &mut asker.facts;
        match variable {
            Variable::OfResource(name) => drop(thing.attributes.insert(name.clone(), value)),
            Variable::OfSubject(name) if facts.reference.is_some() => {
                facts.attributes.insert(name.clone(), value);
            }
            Variable::Claim(name) if facts.signed_in => {
                facts.credential.claims.insert(name.clone(), value);
            }
            Variable::Now => {
                let read = value.as_str().and_then(|it| it.parse().ok());
                now = read.unwrap_or(now);
            }
            _ => {}
        }
    }
    (asker, thing, now)
}
