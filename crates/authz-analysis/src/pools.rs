//! The values that are tried for what conditions read: enough to tell all their questions apart.
//!
//! Variables that are compared with one another share a pool. Where only equality is asked, that is
//! every constant and as many other values as may have to differ; where order is asked, as many
//! between any two constants, too. For these questions no other value could change an answer.

use std::collections::{BTreeMap, BTreeSet};

use authz::condition::{Atom, ClockPart, Value, Variable, atoms};
use authz::{AttributeKind, Policy};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::values::{self, Clock};

/// The most values beside constants that a pool has for each place between them.
const FRESH_MAX: usize = 3;

/// The id of the subject who asks in examples.
pub(super) const SOMEONE: &str = "someone";

/// The id of what is asked about.
pub(super) const SOMETHING: &str = "1";

/// What is known of everything that conditions read.
#[derive(Debug, Default)]
pub(super) struct Pools {
    /// The values of each variable, without those for "not known".
    pub(super) values: BTreeMap<Variable, Vec<Json>>,
    /// Why the values are not enough.
    pub(super) bounds: Vec<String>,
}

impl Pools {
    /// The values of a variable; the last is none, for "not known".
    pub(super) fn of(&self, variable: &Variable) -> Vec<Option<Json>> {
        let values = self.values.get(variable).into_iter().flatten();
        values.cloned().map(Some).chain([None]).collect()
    }
}

/// What the rules of both policies on one action read.
#[derive(Debug, Default)]
pub(super) struct Reads {
    groups: Vec<Group>,
    /// The flags that are asked for.
    pub(super) flags: BTreeSet<String>,
    bounds: Vec<String>,
}

/// Variables that are compared with one another.
#[derive(Debug, Default)]
struct Group {
    variables: BTreeSet<Variable>,
    /// Which is compared with which.
    pairs: Vec<[Variable; 2]>,
    constants: Vec<Value>,
    ordered: bool,
    /// Whether any texts that are among them may be compared by order.
    orders_texts: bool,
    clock: Clock,
    /// The variables of which the clock is asked.
    instants: BTreeSet<Variable>,
    /// Whether tenants are among what is compared.
    has_tenants: bool,
}

/// What values depend on beside the conditions.
pub(super) struct Known<'a> {
    /// The type of a variable's values, if that is declared.
    pub(super) kind: &'a dyn Fn(&Variable) -> Option<AttributeKind>,
    /// What is asked about, as a reference.
    pub(super) resource: String,
    /// The ids of those who ask, for each type.
    pub(super) subjects: &'a BTreeMap<String, Vec<String>>,
    pub(super) now: Timestamp,
}

impl Reads {
    /// What the conditions of rules read.
    pub(super) fn of(policies: [&Policy; 2], (type_name, action): (&str, &str)) -> Self {
        let mut reads = Self::default();
        let mut seen = BTreeSet::new();
        for policy in policies {
            for rule in policy.rules_on(type_name, action) {
                let Some(when) = rule.when.filter(|when| seen.insert(*when)) else {
                    continue;
                };
                for atom in atoms(when) {
                    reads.add(atom, rule.name);
                }
            }
        }
        reads
    }

    fn add(&mut self, atom: Atom, rule: &str) {
        match atom {
            Atom::Against {
                variable,
                ordered,
                constants,
            } => {
                let group = self.group([variable]);
                group.ordered |= ordered;
                group.orders_texts |= ordered && constants.iter().any(|it| it.as_str().is_some());
                group.constants.extend(constants);
            }
            Atom::Between { variables, ordered } => {
                let group = self.link(variables);
                group.ordered |= ordered;
                group.orders_texts |= ordered;
            }
            Atom::Alone(variable) => drop(self.group([variable])),
            Atom::Daily {
                variable,
                from,
                to,
                zone,
            } => drop(self.clock_of(variable).daily.insert([from, to, zone])),
            Atom::Shown {
                variable,
                part,
                zone,
                constants,
            } => {
                let clock = self.clock_of(variable);
                clock.parts.insert((part, zone));
                if part == ClockPart::Minute {
                    clock.minutes.extend(constants);
                }
            }
            Atom::Flag(name) => drop(self.flags.insert(name)),
            Atom::Beyond {
                variables,
                constants,
            } => {
                let help = match variables.contains(&Variable::Now) {
                    true => {
                        "; times of day can be: `within(now, \"09:00\", \"17:00\", \"Europe/Berlin\")`"
                    }
                    false => "",
                };
                self.bounds.push(format!(
                    "the condition of rule `{rule}` asks more than values can be enumerated for{help}"
                ));
                for variable in variables {
                    self.group([variable]).constants.extend(constants.clone());
                }
            }
        }
    }

    /// What is asked of the clock at this variable.
    fn clock_of(&mut self, variable: Variable) -> &mut Clock {
        let group = self.group([variable.clone()]);
        group.instants.insert(variable);
        &mut group.clock
    }

    /// The group of two variables that are compared.
    fn link(&mut self, pair: [Variable; 2]) -> &mut Group {
        let group = self.group(pair.clone());
        group.pairs.push(pair);
        group
    }

    /// Compares the tenant of who asks with an attribute of the resource.
    pub(super) fn compare_tenants(&mut self, attribute: &str) {
        self.link([Variable::Tenant, Variable::OfResource(attribute.to_owned())]);
    }

    fn group<const N: usize>(&mut self, variables: [Variable; N]) -> &mut Group {
        let mut merged = Group::default();
        let meets = |group: &Group| variables.iter().any(|it| group.variables.contains(it));
        for group in std::mem::take(&mut self.groups) {
            if !meets(&group) {
                self.groups.push(group);
                continue;
            }
            merged.variables.extend(group.variables);
            merged.pairs.extend(group.pairs);
            merged.constants.extend(group.constants);
            merged.ordered |= group.ordered;
            merged.orders_texts |= group.orders_texts;
            merged.clock.extend(group.clock);
            merged.instants.extend(group.instants);
        }
        merged.variables.extend(variables);
        self.groups.push(merged);
        let last = self.groups.len().saturating_sub(1);
        #[expect(clippy::indexing_slicing, reason = "it was pushed just now")]
        &mut self.groups[last]
    }

    /// Whether the variable is compared with others.
    pub(super) fn is_compared(&self, variable: &Variable) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|it| it.variables.len() > 1 && it.variables.contains(variable))
    }

    /// Whether a condition asks more than its values can be enumerated for.
    pub(super) fn is_bounded(&self) -> bool {
        !self.bounds.is_empty()
    }

    /// The constants that a variable is compared with, itself or by way of others.
    pub(super) fn constants(&self, variable: &Variable) -> impl Iterator<Item = &Value> {
        let mut groups = self.groups.iter();
        let group = groups.find(|it| it.variables.contains(variable));
        group.into_iter().flat_map(|it| &it.constants)
    }

    /// Adds a constant to what a variable is compared with.
    pub(super) fn constant(&mut self, variable: Variable, value: Value) {
        self.group([variable]).constants.push(value);
    }

    /// Whether anything reads the variable.
    pub(super) fn has(&self, variable: &Variable) -> bool {
        self.groups.iter().any(|it| it.variables.contains(variable))
    }

    /// Whether anything reads the subject itself or an attribute of it.
    pub(super) fn has_subject(&self) -> bool {
        let mut all = self.groups.iter().flat_map(|it| &it.variables);
        all.any(|it| matches!(it, Variable::Subject | Variable::OfSubject(_)))
    }

    /// The variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.groups.iter().flat_map(|it| &it.variables)
    }

    /// The variables that are compared with one another, group by group.
    pub(super) fn groups(&self) -> Vec<Vec<Variable>> {
        let groups = self.groups.iter();
        groups
            .map(|it| it.variables.iter().cloned().collect())
            .collect()
    }

    /// The values to try.
    pub(super) fn pools(self, known: &Known<'_>) -> Pools {
        let mut pools = Pools {
            bounds: self.bounds,
            ..Pools::default()
        };
        for group in self.groups {
            group.fill(known, &mut pools);
        }
        pools.bounds.dedup();
        pools
    }
}

/// Whether there are but a few of it, whatever it is compared with: who asks, about what, and for
/// which tenant.
fn is_given(variable: &Variable) -> bool {
    matches!(
        variable,
        Variable::Subject | Variable::Resource | Variable::Tenant
    )
}

impl Group {
    /// Its variables without those that are given: what is compared with those alone falls apart.
    fn apart(&self) -> Vec<Vec<Variable>> {
        let others = self.variables.iter().filter(|it| !is_given(it));
        let mut parts: Vec<Vec<Variable>> = others.map(|it| vec![it.clone()]).collect();
        for pair in self.pairs.iter().filter(|it| !it.iter().any(is_given)) {
            let meets = |part: &Vec<Variable>| pair.iter().any(|it| part.contains(it));
            let (met, mut rest): (Vec<_>, Vec<_>) = parts.into_iter().partition(meets);
            rest.push(met.concat());
            parts = rest;
        }
        parts
    }

    /// How many of its variables may have to differ from one another and from what is given.
    fn distinct(&self) -> usize {
        let given = self.variables.iter().filter(|it| is_given(it)).count();
        let apart = self.apart().iter().map(Vec::len).max();
        given + apart.unwrap_or_default()
    }

    fn fill(mut self, known: &Known<'_>, pools: &mut Pools) {
        let count = self.distinct().min(FRESH_MAX);
        if self.distinct() > FRESH_MAX {
            let bound = format!("more than {FRESH_MAX} values are compared with one another");
            pools.bounds.push(bound);
        }
        let declared: Vec<AttributeKind> = self
            .variables
            .iter()
            .filter_map(|it| (known.kind)(it))
            .collect();
        if declared.contains(&AttributeKind::Int) && declared.contains(&AttributeKind::Double) {
            let bound = "values of several types are compared with one another";
            pools.bounds.push(bound.to_owned());
        }
        self.has_tenants = declared.contains(&AttributeKind::Tenant);
        for variable in &self.variables {
            let values = match (variable, (known.kind)(variable)) {
                // Who asks, and about what, is made up elsewhere.
                (Variable::Subject | Variable::Resource, _) => Vec::new(),
                (_, Some(kind)) => self.of_kind(&kind, count, known, pools),
                (_, None) => self.of_any_kind(&declared, count, pools),
            };
            pools.values.insert(variable.clone(), values);
        }
    }

    fn of_kind(
        &self,
        kind: &AttributeKind,
        count: usize,
        known: &Known<'_>,
        pools: &mut Pools,
    ) -> Vec<Json> {
        let whole = || values::whole_numbers(&self.constants, count).into_iter();
        let numbers = || values::numbers(&self.constants, count).into_iter();
        match kind {
            AttributeKind::Bool => vec![json!(true), json!(false)],
            AttributeKind::Int => whole().map(Json::from).collect(),
            AttributeKind::Double => numbers().map(Json::from).collect(),
            AttributeKind::Timestamp => self.instants(count, known.now, pools),
            AttributeKind::Reference(type_name) => self.references(type_name, count, known),
            AttributeKind::Tenant => {
                let mut texts = self.texts(count, pools);
                // No tenant is without a name.
                texts.retain(|it| it.as_str() != Some(""));
                texts
            }
            AttributeKind::String => self.texts(count, pools),
        }
    }

    /// Claims may be of any type: of each that they are compared with, and of one more.
    fn of_any_kind(
        &self,
        declared: &[AttributeKind],
        count: usize,
        pools: &mut Pools,
    ) -> Vec<Json> {
        let of_constant = self.constants.iter().filter_map(kind_of);
        let kinds: Vec<AttributeKind> = of_constant.chain(declared.iter().cloned()).collect();
        let has = |kind| kinds.contains(&kind);
        let has_bools = has(AttributeKind::Bool);
        let has_texts = has(AttributeKind::String) || self.has_tenants;
        let (has_whole, has_others) = (has(AttributeKind::Int), has(AttributeKind::Double));
        let bools = [json!(true), json!(false)];
        let mut all: Vec<Json> = Vec::new();
        if has_bools {
            all.extend(bools.clone());
        }
        if has_whole {
            let whole = values::whole_numbers(&self.constants, count);
            all.extend(whole.into_iter().map(Json::from));
        }
        if has_others || (has_whole && self.ordered) {
            let others = values::numbers(&self.constants, count).into_iter();
            let others = others.filter(|it| !has_whole || it.fract() != 0.0 || it.abs() > 1e15);
            all.extend(others.map(Json::from));
        }
        if has_texts || has_bools || !(has_whole || has_others) {
            all.extend(self.texts(count, pools));
        }
        if !has_bools {
            all.extend(bools);
        } else if has_texts && !(has_whole || has_others) {
            all.push(json!(0));
        }
        if self.constants.iter().any(|it| matches!(it, Value::Null)) {
            all.push(Json::Null);
        }
        all
    }

    /// References to objects of a type: to those who ask, and to what is asked about, if that is
    /// compared with them, and to others.
    fn references(&self, type_name: &str, count: usize, known: &Known<'_>) -> Vec<Json> {
        let askers = known.subjects.get(type_name).into_iter().flatten();
        let askers = match self.variables.contains(&Variable::Subject) {
            true => askers.take(usize::MAX),
            false => askers.take(1),
        };
        let mut ids: Vec<&str> = askers.map(String::as_str).collect();
        if self.variables.contains(&Variable::Resource) {
            let resource = known.resource.split_once(':');
            ids.extend(
                resource
                    .filter(|(of, _)| *of == type_name)
                    .map(|(_, id)| id),
            );
        }
        ids.extend(["other", "third", "fourth"].into_iter().take(count));
        let named = ids.into_iter().map(|id| json!(format!("{type_name}:{id}")));
        named.collect()
    }

    fn texts(&self, count: usize, pools: &mut Pools) -> Vec<Json> {
        let constants = self.constants.iter().filter_map(Value::as_str);
        let mut all: BTreeSet<&str> = constants.collect();
        let fresh = values::fresh(&all, count, self.has_tenants);
        let (mut values, last) = match self.has_tenants {
            true => (fresh, Vec::new()),
            false => (Vec::new(), fresh),
        };
        if self.orders_texts {
            let bound = "texts are compared by their order";
            pools.bounds.push(bound.to_owned());
            all.insert("");
        }
        values.extend(all.iter().map(|it| (*it).to_owned()));
        if self.orders_texts {
            values.extend(all.iter().map(|it| format!("{it}~")));
        }
        values.extend(last);
        values.into_iter().map(Json::from).collect()
    }

    fn instants(&self, count: usize, now: Timestamp, pools: &mut Pools) -> Vec<Json> {
        let constants = self.constants.iter().filter_map(|value| match value {
            Value::Timestamp(at) => Some(*at),
            _ => None,
        });
        let mut points: BTreeSet<Timestamp> = constants.collect();
        let has_constants = !points.is_empty();
        let shown = self.clock.instants(now);
        let is_cut = self.clock.zones().len() > 1
            || self.instants.len() > 1
            || (self.clock.is_asked() && has_constants)
            || self.clock.asks_several_of_calendar()
            || shown.is_none();
        if is_cut {
            let bound = "times of day are tried on a few days only";
            pools.bounds.push(bound.to_owned());
        }
        points.extend(shown.into_iter().flatten());
        if points.is_empty() {
            points.insert(now);
        }
        // What the clock alone is asked has an instant for each answer already.
        let instants = match self.clock.parts.is_empty() || count > 1 || has_constants {
            true => values::spread(&points, count),
            false => points.into_iter().collect(),
        };
        let texts = instants.into_iter().map(|it| json!(it.to_string()));
        texts.collect()
    }
}

/// The type of a constant.
fn kind_of(constant: &Value) -> Option<AttributeKind> {
    match constant {
        Value::Bool(_) => Some(AttributeKind::Bool),
        Value::Int(_) | Value::Uint(_) => Some(AttributeKind::Int),
        Value::Double(_) => Some(AttributeKind::Double),
        Value::String(_) => Some(AttributeKind::String),
        _ => None,
    }
}
