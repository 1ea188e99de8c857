//! Prints a policy as a file that means the same. JSON is YAML, so it is written as JSON.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::condition::Value;
use crate::facts::Reference;
use crate::model::{ActionKind, Attribute, Effect, Flag, Policy, RequiredClaim, Role, Rule, Type};

/// The policy as one file. Read again, beside the relation model that it names, it is the same
/// policy.
pub fn print_policy(policy: &Policy) -> String {
    let printed = Printer {
        actions: policy.types.values().flat_map(named_actions).collect(),
        policy,
    };
    let mut text = serde_json::to_string_pretty(&printed.file()).unwrap_or_default();
    text.push('\n');
    text
}

/// The actions of a type with its name, in the order of their numbers.
fn named_actions(found: &Type) -> impl Iterator<Item = (Arc<str>, Arc<str>)> {
    let actions = found.actions.keys();
    actions.map(|action| (Arc::clone(&found.name), Arc::clone(action)))
}

struct Printer<'a> {
    policy: &'a Policy,
    /// By the number of the action: its type and its name.
    actions: Vec<(Arc<str>, Arc<str>)>,
}

impl Printer<'_> {
    fn file(&self) -> Json {
        let policy = self.policy;
        let mut file = Map::new();
        let mut put = |key: &str, value: Json| drop(file.insert(key.to_owned(), value));
        put("version", json!(1));
        put("types", object(&policy.types, |_, it| Some(type_of(it))));
        let declared = |index: usize, role: &Role| {
            role.place.as_ref()?;
            Some(self.role(index, role))
        };
        put("roles", object(&policy.roles, declared));
        if let Some(tenants) = &policy.tenants {
            put("tenants", json!({ "conceal": tenants.conceal }));
        }
        put("combine", json!(policy.algorithm.name()));
        if let Some(relations) = &policy.relations {
            put("relations", json!(&*relations.path));
            let related = (0..self.actions.len()).filter_map(|action| {
                let related = relations.of(action)?;
                Some((action, json!(&*related.relation)))
            });
            put("related", self.by_type(related));
        }
        put(
            "rules",
            policy.rules.iter().map(|it| self.rule(it)).collect(),
        );
        put("flags", object(&policy.flags, |_, it| Some(self.flag(it))));
        let scopes =
            |_: usize, it: &crate::model::Scope| Some(self.grants(it.actions.iter().copied()));
        put("scopes", object(&policy.scopes.0, scopes));
        let claims = policy.claims.iter().enumerate();
        let claims = claims.filter(|(_, claims)| !claims.is_empty());
        put(
            "claims",
            self.by_type(claims.map(|(action, it)| (action, claims_of(it)))),
        );
        let shared = self.grants(policy.may_share.iter().copied());
        put("shares", json!({ "may_grant": shared }));
        Json::Object(file)
    }

    /// `{ post: [read, update] }`.
    fn grants(&self, actions: impl Iterator<Item = usize>) -> Json {
        let mut grants: Map<String, Json> = Map::new();
        for (type_name, action) in actions.filter_map(|number| self.actions.get(number)) {
            let granted = grants.entry(type_name.to_string()).or_insert(json!([]));
            if let Json::Array(granted) = granted {
                granted.push(json!(&**action));
            }
        }
        Json::Object(grants)
    }

    /// `{ post: { read: VALUE } }`.
    fn by_type(&self, values: impl Iterator<Item = (usize, Json)>) -> Json {
        let mut types: Map<String, Json> = Map::new();
        for (number, value) in values {
            let Some((type_name, action)) = self.actions.get(number) else {
                continue;
            };
            let of_type = types.entry(type_name.to_string()).or_insert(json!({}));
            if let Json::Object(of_type) = of_type {
                of_type.insert(action.to_string(), value);
            }
        }
        Json::Object(types)
    }

    fn role(&self, index: usize, role: &Role) -> Json {
        let own = role.grants.iter().enumerate();
        let own = own.filter(|(_, granted_by)| **granted_by == Some(index));
        json!({
            "includes": self.roles(role.includes.iter()),
            "can": self.grants(own.map(|(action, _)| action)),
            "across_tenants": role.across_tenants,
        })
    }

    fn roles<'r>(&self, roles: impl Iterator<Item = &'r usize>) -> Vec<&str> {
        let found = roles.filter_map(|&role| self.policy.roles.get_index(role));
        found.map(|(name, _)| &**name).collect()
    }

    fn rule(&self, rule: &Rule) -> Json {
        let mut targets = Map::new();
        for target in &rule.targets {
            let actions = target.actions.iter().filter_map(|it| self.actions.get(*it));
            let names: Vec<&str> = actions.map(|(_, action)| &**action).collect();
            targets.insert(target.type_name.to_string(), json!(names));
        }
        let effect = match rule.effect {
            Effect::Permit => "permit",
            Effect::Deny => "deny",
        };
        let mut printed = json!({ "name": &*rule.name, effect: targets });
        if let (Some(when), Json::Object(printed)) = (&rule.when, &mut printed) {
            printed.insert("when".to_owned(), json!(&**when));
        }
        printed
    }

    fn flag(&self, flag: &Flag) -> Json {
        let texts = |users: &BTreeSet<Reference>| -> Vec<String> {
            users.iter().map(Reference::to_string).collect()
        };
        let tenants: Vec<&str> = flag.tenants.iter().map(|it| &**it).collect();
        json!({
            "users": texts(&flag.users),
            "roles": self.roles(flag.roles.iter()),
            "tenants": tenants,
            "rollout": flag.rollout,
            "default": flag.default,
        })
    }
}

/// The entries in their order, but for those that are left out.
fn object<T>(
    entries: &indexmap::IndexMap<Arc<str>, T>,
    print: impl Fn(usize, &T) -> Option<Json>,
) -> Json {
    let printed = entries.iter().enumerate();
    let printed = printed.filter_map(|(index, (name, it))| {
        let printed = print(index, it)?;
        Some((name.to_string(), printed))
    });
    Json::Object(printed.collect())
}

fn type_of(found: &Type) -> Json {
    let kind = |_: usize, action: &crate::model::Action| {
        Some(match action.kind {
            ActionKind::Collection => json!("collection"),
            ActionKind::Instance => json!("instance"),
        })
    };
    json!({
        "attributes": object(&found.attributes, |_, it| Some(attribute(it))),
        "actions": object(&found.actions, kind),
    })
}

fn attribute(attribute: &Attribute) -> Json {
    let mut printed = json!({ "type": attribute.value_type.name() });
    let default = attribute.default.as_ref().and_then(plain);
    if let (Some(default), Json::Object(printed)) = (default, &mut printed) {
        printed.insert("default".to_owned(), default);
    }
    printed
}

/// A value as its attribute is written.
fn plain(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Double(value) => json!(value),
        Value::String(text) => json!(&**text),
        Value::Timestamp(instant) => json!(instant.to_string()),
        Value::Reference(reference) => json!(reference.to_string()),
        _ => return None,
    })
}

fn claims_of(claims: &[RequiredClaim]) -> Json {
    let named = claims.iter();
    let named = named.map(|claim| (claim.name.to_string(), claim.value.clone()));
    Json::Object(named.collect())
}
