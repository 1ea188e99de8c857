//! Facts beside a request: subjects with their roles and attributes, resources with theirs,
//! relationships, and what tenants share. Made by [`read_facts`](crate::read_facts), and good for
//! the policy that they were read for only.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::facts::{Reference, SubjectFacts};
use crate::model::Policy;
use crate::relationships::{Relationship, RelationshipError, Snapshot, Store};
use crate::resolution::Engine;
use crate::source::{Diagnostic, Place, Source};

/// What is known beside a request. Quickly copied: what a copy does not change, it shares.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The policy that they were read for; none if there are none.
    pub(crate) policy: Option<Arc<()>>,
    pub(crate) subjects: Arc<BTreeMap<Reference, KnownSubject>>,
    pub(crate) resources: Arc<BTreeMap<Reference, Map<String, Json>>>,
    pub(crate) shares: Arc<HashMap<Reference, Vec<Share>>>,
    /// The relation model with the relationships; none without a model.
    pub(crate) engine: Option<Engine>,
    /// Where each relationship stands, by `object#relation@subject`.
    pub(crate) places: Arc<HashMap<String, Place>>,
}

/// What is known of a subject.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownSubject {
    /// The roles that it has in every tenant.
    pub(crate) everywhere: BTreeSet<String>,
    /// By tenant: the roles that it has there.
    pub(crate) roles: BTreeMap<String, BTreeSet<String>>,
    pub(crate) attributes: Map<String, Json>,
}

/// One resource, shared with another tenant.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(crate) with: Arc<str>,
    /// The number of the action.
    pub(crate) action: usize,
    /// The first instant at which it counts no more; none for never.
    pub(crate) until: Option<Timestamp>,
    pub(crate) place: Place,
}

impl Share {
    pub(crate) fn counts_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Facts {
    /// No facts at all.
    pub fn none() -> &'static Self {
        static NONE: LazyLock<Facts> = LazyLock::new(Facts::default);
        &NONE
    }

    /// What is known of a subject, together with what these facts know of it: roles in its tenant
    /// and attributes are added, and an attribute that is given stays as it is.
    #[must_use]
    pub fn complete(&self, mut given: SubjectFacts) -> SubjectFacts {
        let reference = given.reference.as_deref().map(str::parse);
        let Some(Ok(reference)) = reference else {
            return given;
        };
        let Some(known) = self.subjects.get::<Reference>(&reference) else {
            return given;
        };
        let tenant = given.tenant.as_ref();
        let there = tenant.and_then(|tenant| known.roles.get(tenant));
        for role in there.into_iter().flatten().chain(&known.everywhere) {
            if !given.roles.contains(role) {
                given.roles.push(role.clone());
            }
        }
        for (name, value) in &known.attributes {
            if !given.attributes.contains_key(name) {
                given.attributes.insert(name.clone(), value.clone());
            }
        }
        given
    }

    /// The tenants in which the subject has a role, in their order.
    pub fn tenants_of(&self, subject: &Reference) -> impl Iterator<Item = &str> {
        let known = self.subjects.get(subject).into_iter();
        known.flat_map(|known| known.roles.keys().map(String::as_str))
    }

    /// The tenant in which the subject has a role, if it is one; none if it has none in any.
    ///
    /// # Errors
    /// The tenants, if they are several.
    pub fn only_tenant_of(&self, subject: &Reference) -> Result<Option<&str>, Vec<&str>> {
        let mut tenants: Vec<&str> = self.tenants_of(subject).collect();
        match tenants.len() {
            0 | 1 => Ok(tenants.pop()),
            _ => Err(tenants),
        }
    }

    /// The roles of a subject, each with the tenant in which it has it; `None` for all of them.
    pub fn roles_of(&self, subject: &Reference) -> impl Iterator<Item = (Option<&str>, &str)> {
        let known = self.subjects.get(subject).into_iter();
        known.flat_map(|known| {
            let everywhere = known.everywhere.iter().map(|role| (None, role.as_str()));
            let there = known.roles.iter().flat_map(|(tenant, roles)| {
                let roles = roles.iter().map(String::as_str);
                roles.map(move |role| (Some(tenant.as_str()), role))
            });
            everywhere.chain(there)
        })
    }

    /// The attributes of a resource, if it is known.
    pub fn attributes_of(&self, resource: &Reference) -> Option<&Map<String, Json>> {
        self.resources.get(resource)
    }

    /// The known subjects.
    pub fn subjects(&self) -> impl Iterator<Item = &Reference> {
        self.subjects.keys()
    }

    /// The known resources.
    pub fn resources(&self) -> impl Iterator<Item = &Reference> {
        self.resources.keys()
    }

    /// The relationships as they stand, if the policy has a relation model.
    pub fn relationships(&self) -> Option<&Snapshot> {
        Some(self.engine.as_ref()?.snapshot())
    }

    /// The ids of a type that relationships name, as either end, in no order; `*` is none of them.
    /// O(objects).
    pub fn related_ids(&self, type_name: &str) -> impl Iterator<Item = &str> {
        let snapshot = self.relationships().into_iter();
        snapshot.flat_map(move |it| it.ids_of_type(type_name))
    }

    /// Everything that they say, in a form that is equal where they say the same. O(facts).
    pub fn said(&self) -> impl Ord + use<> {
        let subjects = self.subjects.iter();
        let subjects = subjects.map(|(of, it)| {
            let roles = (it.everywhere.clone(), it.roles.clone());
            (of.clone(), roles, format!("{:?}", it.attributes))
        });
        let resources = self.resources.iter();
        let resources = resources.map(|(of, it)| (of.clone(), format!("{it:?}")));
        let relationships = self.relationships().into_iter();
        let relationships = relationships.flat_map(Snapshot::relationships);
        let shares = self.shares.iter().flat_map(|(of, all)| {
            all.iter()
                .map(move |it| (of.clone(), it.with.clone(), it.action, it.until))
        });
        (
            subjects.collect::<BTreeSet<_>>(),
            resources.collect::<BTreeSet<_>>(),
            shares.collect::<BTreeSet<_>>(),
            relationships
                .map(|it| format!("{it:?}"))
                .collect::<BTreeSet<_>>(),
        )
    }

    /// Where a relationship stands.
    pub fn place_of(&self, fact: &Relationship) -> Option<&Place> {
        self.places.get(&fact.ends())
    }

    /// The roles that are assigned to somebody, in whatever tenant.
    pub fn assigned_roles(&self) -> BTreeSet<&str> {
        let roles = self.subjects.values().flat_map(|known| {
            let there = known.roles.values().flatten();
            there.chain(&known.everywhere).map(String::as_str)
        });
        roles.collect()
    }

    /// The relationships, and the shares of one resource: all that a decision about it looks at
    /// beside the subject and the resource themselves. Quickly copied and changed.
    #[must_use]
    pub fn about(&self, resource: Option<&Reference>) -> Self {
        let shares = resource.and_then(|it| self.shares.get_key_value(it));
        let shares = shares.map(|(of, shares)| (of.clone(), shares.clone()));
        Self {
            policy: self.policy.clone(),
            engine: self.engine.clone(),
            shares: Arc::new(shares.into_iter().collect()),
            ..Self::default()
        }
    }

    /// The same facts with these relationships added or, where others have the same ends, replaced,
    /// and those taken away.
    ///
    /// # Errors
    /// An added one that the policy's relation model does not allow.
    pub fn with_changed(
        &self,
        policy: &Policy,
        added: &[&Relationship],
        removed: &[&Relationship],
    ) -> Result<Self, RelationshipError> {
        let Some(engine) = policy.relations_with(self) else {
            return Ok(self.clone());
        };
        let mut store = Store::from_snapshot(engine.snapshot().clone());
        for fact in removed {
            store.delete(&fact.object, &fact.relation, &fact.subject);
        }
        for fact in added {
            fact.check(engine.model())?;
            store.write(fact);
        }
        Ok(Self {
            policy: Some(Arc::clone(&policy.identity)),
            engine: Some(engine.with_snapshot(store.snapshot())),
            ..self.clone()
        })
    }

    /// The same facts, with the resource shared with the tenant for the action; none where the
    /// policy lets no share do this.
    pub fn with_share(
        &self,
        policy: &Policy,
        resource: &Reference,
        with: &str,
        action: &str,
    ) -> Option<Self> {
        let type_name = resource.type_name();
        policy.may_share(type_name, action).then_some(())?;
        let action = policy.types.get(type_name)?.actions.get(action)?.number;
        let mut facts = self.clone();
        facts.policy = Some(Arc::clone(&policy.identity));
        Arc::make_mut(&mut facts.shares)
            .entry(resource.clone())
            .or_default()
            .push(Share {
                with: with.into(),
                action,
                until: None,
                place: Source::new("", "").place(0..0),
            });
        Some(facts)
    }

    /// The same facts without any share of the resource.
    #[must_use]
    pub fn without_shares_of(&self, resource: &Reference) -> Self {
        let mut facts = self.clone();
        Arc::make_mut(&mut facts.shares).remove(resource);
        facts
    }

    /// The same facts for another policy, without reading them again; none where they could mean
    /// something else to it, or be a mistake. `of` is the policy that they were read for.
    pub fn as_for(&self, of: &Policy, policy: &Policy) -> Option<Self> {
        let are_of = |it: &Arc<()>| Arc::ptr_eq(it, &of.identity);
        let are_good = self.policy.as_ref().is_none_or(are_of) && policy.knows_as(of);
        let mut facts = are_good.then(|| self.clone())?;
        facts.policy = self.policy.as_ref().map(|_| Arc::clone(&policy.identity));
        Some(facts)
    }

    /// The same facts and more relationships.
    ///
    /// # Errors
    /// Those that the policy's relation model does not allow, each at its place.
    pub fn with_relationships(
        &self,
        policy: &Policy,
        more: &[(Relationship, Place)],
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut facts = self.clone();
        let mut mistakes = Vec::new();
        facts.add_relationships(policy, more, &mut |mistake| mistakes.push(mistake));
        match mistakes.is_empty() {
            true => Ok(facts),
            false => Err(mistakes),
        }
    }

    pub(crate) fn add_relationships(
        &mut self,
        policy: &Policy,
        more: &[(Relationship, Place)],
        tell: &mut dyn FnMut(Diagnostic),
    ) {
        self.policy = Some(Arc::clone(&policy.identity));
        let Some(relations) = &policy.relations else {
            for (fact, place) in more {
                let message = format!("`{fact}` is a relationship, and the policy has none");
                let mistake = Diagnostic::new(place.clone(), message);
                tell(mistake.help("name a relation model with `relations:` in the policy"));
            }
            return;
        };
        let engine = self.engine.as_ref().unwrap_or(&relations.engine);
        let mut store = Store::from_snapshot(engine.snapshot().clone());
        for (fact, place) in more {
            if let Err(error) = fact.check(engine.model()) {
                let mut mistake = Diagnostic::new(place.clone(), error.message);
                mistake.help = error.help;
                tell(mistake);
                continue;
            }
            store.write(fact);
            Arc::make_mut(&mut self.places).insert(fact.ends(), place.clone());
        }
        self.engine = Some(engine.with_snapshot(store.snapshot()));
    }
}
