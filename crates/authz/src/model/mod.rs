//! The one typed form of a policy. Every name in it is resolved and every mistake is told before
//! one of these exists, so evaluation has nothing left to check. It knows no file format.

mod alike;
mod credential;
mod flag;
mod holding;
pub mod outline;
mod related;
pub mod relation;
mod role;
mod rule;
mod typing;

pub(crate) use credential::{RequiredClaim, Scope, Scopes};
pub(crate) use flag::Flag;
pub(crate) use related::{Related, Relations};
pub(crate) use role::{ANYONE_INDEX, Role, SIGNED_IN_INDEX, is_reserved};
pub(crate) use rule::{Rule, Target};
pub(crate) use typing::{Action, Attribute, AttributeType, Type};

pub use alike::Likeness;
pub use role::{ANYONE, SIGNED_IN};
pub use rule::Effect;
pub use typing::ActionKind;

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::condition;
use crate::evaluation::combining::Algorithm;
use crate::facts::{Facts, Reference, Resource, Subject, SubjectFacts, roles_that_count};
use crate::resolution::Engine;
use crate::source::{Place, nearest};

/// Who may do what: types, roles, tenants, relations and rules, in the order of the file.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Tells this policy from others: subjects and resources hold indices into it.
    pub(crate) identity: Arc<()>,
    pub(crate) types: IndexMap<Arc<str>, Type>,
    /// The reserved roles come first, whether the file declares them or not.
    pub(crate) roles: IndexMap<Arc<str>, Role>,
    /// Where the roles are declared, if anywhere.
    pub(crate) roles_place: Option<Place>,
    /// What the file says of tenants; without it there is no tenant gate.
    pub(crate) tenants: Option<Tenants>,
    /// How the grants of roles and the rules are combined.
    pub(crate) algorithm: Algorithm,
    pub(crate) rules: Vec<Rule>,
    /// By the number of the action: the targets of rules that name it, as (rule, target).
    pub(crate) targets: Vec<Vec<(usize, usize)>>,
    pub(crate) relations: Option<Relations>,
    pub(crate) flags: IndexMap<Arc<str>, Arc<Flag>>,
    pub(crate) scopes: Scopes,
    /// By the number of the action: the claims that it asks for.
    pub(crate) claims: Vec<Vec<RequiredClaim>>,
    /// The numbers of the actions that shares may open across tenants, sorted.
    pub(crate) may_share: Vec<usize>,
}

/// How resources of other tenants are treated.
#[derive(Debug, Clone)]
pub(crate) struct Tenants {
    pub(crate) conceal: bool,
    pub(crate) place: Place,
}

impl Policy {
    /// Whether resources of other tenants are to look as if they did not exist.
    pub fn conceals(&self) -> bool {
        self.tenants.as_ref().is_some_and(|tenants| tenants.conceal)
    }

    /// Whether the action of the type is one on a collection or on an instance.
    pub fn action_kind(&self, type_name: &str, action: &str) -> Option<ActionKind> {
        Some(self.types.get(type_name)?.actions.get(action)?.kind)
    }

    /// Whether the type is declared.
    pub fn has_type(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }

    /// Whether the role is declared or reserved.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.contains_key(name)
    }

    /// The declared types.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(|name| &**name)
    }

    /// The roles, the reserved ones first.
    pub fn role_names(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(|name| &**name)
    }

    /// The actions of a type; none of an unknown one.
    pub fn action_names(&self, type_name: &str) -> impl Iterator<Item = &str> {
        let found = self.types.get(type_name).into_iter();
        found.flat_map(|found| found.actions.keys().map(|name| &**name))
    }

    /// The attributes of a type; none of an unknown one.
    pub fn attribute_names(&self, type_name: &str) -> impl Iterator<Item = &str> {
        let found = self.types.get(type_name).into_iter();
        found.flat_map(|found| found.attributes.keys().map(|name| &**name))
    }

    /// The attribute that says to which tenant an object of the type belongs, if one does.
    pub fn tenant_attribute(&self, type_name: &str) -> Option<&str> {
        let found = self.types.get(type_name)?;
        let (name, _) = found.attributes.get_index(found.tenant_slot?)?;
        Some(name)
    }

    /// The model of the relations, if the policy has one.
    pub fn relation_model(&self) -> Option<&relation::RelationModel> {
        Some(self.relations.as_ref()?.engine.model())
    }

    /// The relations with the relationships of these facts, ready to be asked, if the policy has a
    /// relation model.
    pub fn relations_with<'a>(&'a self, facts: &'a Facts) -> Option<&'a Engine> {
        let relations = self.relations.as_ref()?;
        Some(facts.engine.as_ref().unwrap_or(&relations.engine))
    }

    /// The type of an attribute by its name, such as `bool` or `user`.
    pub fn attribute_type(&self, type_name: &str, attribute: &str) -> Option<&str> {
        let found = self.types.get(type_name)?.attributes.get(attribute)?;
        Some(found.value_type.name())
    }

    /// Whether shares may grant the action of the type.
    pub fn may_share(&self, type_name: &str, action: &str) -> bool {
        let found = self.types.get(type_name);
        let found = found.and_then(|found| found.actions.get(action));
        found.is_some_and(|it| self.may_share.binary_search(&it.number).is_ok())
    }

    /// Whether there is a gate between the tenants for resources of this type.
    pub fn has_tenant_gate(&self, type_name: &str) -> bool {
        self.tenants.is_some() && self.tenant_attribute(type_name).is_some()
    }

    /// The relation that carries the action of the type, if one does.
    pub fn related(&self, type_name: &str, action: &str) -> Option<&str> {
        let number = self.types.get(type_name)?.actions.get(action)?.number;
        Some(&self.relations.as_ref()?.of(number)?.relation)
    }

    /// The names of the flags.
    pub fn flag_names(&self) -> impl Iterator<Item = &str> {
        self.flags.keys().map(|name| &**name)
    }

    /// The names of the rules.
    pub fn rule_names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| &*rule.name)
    }

    /// Checks and types what is known of a subject.
    ///
    /// # Errors
    /// The first mistake, as for a user: an unknown type, role or attribute, a value of the wrong
    /// type, or attributes without a reference whose type would declare them.
    pub fn subject(&self, facts: SubjectFacts) -> Result<Subject, String> {
        let reference = facts.reference.as_deref().map(str::parse::<Reference>);
        let reference = reference.transpose()?;
        let (type_index, attributes) = match &reference {
            Some(reference) => {
                let (index, found) = self.find_type(reference.type_name())?;
                (Some(index), found.attribute_values(&facts.attributes)?)
            }
            None if facts.attributes.is_empty() => (None, Vec::new()),
            None => {
                return Err("attributes without a reference such as `user:vera`, \
                     whose type declares them"
                    .to_owned());
            }
        };
        let roles = facts.roles.iter().map(|name| self.assigned_role(name));
        let roles: Vec<usize> = roles.collect::<Result<_, _>>()?;
        Ok(Subject {
            held: self.held(roles_that_count(facts.signed_in, &roles)),
            roles,
            policy: Arc::clone(&self.identity),
            reference,
            type_index,
            signed_in: facts.signed_in,
            tenant: facts.tenant.as_deref().map(Arc::from),
            attributes,
            claims: condition::untyped(&Json::Object(facts.credential.claims.clone())),
            credential: facts.credential,
        })
    }

    /// Checks and types what is known of a resource. References are strings such as
    /// `user:vera`, tenants are their names, timestamps are as RFC 3339 writes them.
    ///
    /// # Errors
    /// The first mistake, as for a user: an unknown type or attribute, or a value of the wrong
    /// type.
    pub fn resource(
        &self,
        type_name: &str,
        id: Option<&str>,
        attributes: &Map<String, Json>,
    ) -> Result<Resource, String> {
        let (type_index, found) = self.find_type(type_name)?;
        Ok(Resource {
            policy: Arc::clone(&self.identity),
            type_index,
            type_name: Arc::clone(&found.name),
            reference: id.map(|id| Reference::new(type_name, id)),
            stand_in: None,
            attributes: found.attribute_values(attributes)?,
        })
    }

    /// What a value of a database's column is as the attribute of a resource: the id of an object
    /// becomes a reference to it (`7` is `user:7`), and numbers become text where text is
    /// declared. Anything else stays what it is.
    pub fn value_of_column(&self, type_name: &str, attribute: &str, column: &Json) -> Json {
        let found = self.types.get(type_name);
        let found = found.and_then(|it| it.attributes.get(attribute));
        match found {
            Some(attribute) => attribute.value_type.of_column(column),
            None => column.clone(),
        }
    }

    /// These roles with all that they include, directly or not.
    fn held(&self, roles: impl Iterator<Item = usize>) -> BTreeSet<usize> {
        let mut held = BTreeSet::new();
        let mut open: Vec<usize> = roles.collect();
        while let Some(role) = open.pop() {
            if held.insert(role)
                && let Some((_, role)) = self.roles.get_index(role)
            {
                open.extend(&role.includes);
            }
        }
        held
    }

    pub(crate) fn find_type(&self, name: &str) -> Result<(usize, &Type), String> {
        match self.types.get_full(name) {
            Some((index, _, found)) => Ok((index, found)),
            None => Err(unknown("type", name, self.type_names())),
        }
    }

    pub(crate) fn assigned_role(&self, name: &str) -> Result<usize, String> {
        if role::is_reserved(name) {
            return Err(format!("role `{name}` is reserved and is never assigned"));
        }
        let found = self.roles.get_index_of(name);
        let assignable = self.role_names().filter(|name| !role::is_reserved(name));
        found.ok_or_else(|| unknown("role", name, assignable))
    }
}

/// "unknown type `psot`; did you mean `post`?"
fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(meant) => format!("unknown {what} `{name}`; did you mean `{meant}`?"),
        None => format!("unknown {what} `{name}`"),
    }
}
