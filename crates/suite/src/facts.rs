//! The facts of a run: those of the files that the suite names, and those that fixtures add.

use authz::source::Diagnostic;
use authz::{Facts, Policy, Relationship};
use serde_json::Value;

use crate::model::{Actor, ActorIndex, Origin, Resource, Suite};
use crate::plan::declared_field;
use crate::template::{Encoding, Scope, Template, Variable};

/// The name under which facts know the fixture of an owner: its own id where the file says it, and
/// a name that stands for it where the system will choose one.
pub(crate) fn fixture_name(resource: &Resource, owner: &Actor) -> String {
    let declared = match &resource.origin {
        Origin::Existing { id } => id.fill(&Declared::owner(owner), Encoding::Verbatim).ok(),
        Origin::Created(_) => None,
    };
    declared.unwrap_or_else(|| format!("fixture/{}", owner.name))
}

/// The facts of the files with the relationships of all fixtures.
///
/// # Errors
/// Relationships that say something unknown, or that the policy has no words for.
pub(crate) fn of_run(
    suite: &Suite,
    policy: &Policy,
    files: &Facts,
) -> Result<Facts, Vec<Diagnostic>> {
    let mut relationships = Vec::new();
    let mut mistakes = Vec::new();
    for resource in &suite.resources {
        for template in &resource.relationships {
            for &owner in &resource.owners {
                match relationship(suite, resource, owner, template) {
                    Some(Ok(fact)) => relationships.push((fact, template.place.clone())),
                    Some(Err(message)) => {
                        mistakes.push(Diagnostic::new(template.place.clone(), message));
                    }
                    None => {}
                }
            }
        }
    }
    match files.with_relationships(policy, &relationships) {
        Ok(facts) if mistakes.is_empty() => Ok(facts),
        Ok(_) => Err(mistakes),
        Err(more) => {
            mistakes.extend(more);
            Err(mistakes)
        }
    }
}

fn relationship(
    suite: &Suite,
    resource: &Resource,
    owner: ActorIndex,
    template: &Template,
) -> Option<Result<Relationship, String>> {
    let owner = suite.actors.get(owner)?;
    let scope = Declared {
        owner,
        fixture: Some((&resource.type_name, fixture_name(resource, owner))),
        actors: &suite.actors,
    };
    let text = template.fill(&scope, Encoding::Verbatim);
    let text = text.map_err(|unresolved| {
        format!(
            "a relationship of `{}` needs `{}`, which is not declared",
            resource.type_name, unresolved.0
        )
    });
    Some(text.and_then(|text| text.parse()))
}

/// What is known before anything is sent.
pub(crate) struct Declared<'a> {
    owner: &'a Actor,
    /// The type of the fixture and its name.
    fixture: Option<(&'a str, String)>,
    actors: &'a [Actor],
}

impl<'a> Declared<'a> {
    /// What is known of the owner of a fixture.
    pub(crate) fn owner(owner: &'a Actor) -> Self {
        Self {
            owner,
            fixture: None,
            actors: &[],
        }
    }
}

impl Scope for Declared<'_> {
    fn value(&self, variable: &Variable) -> Option<Value> {
        match variable {
            Variable::Owner(field) => declared_field(self.owner, field).map(Value::from),
            Variable::Named { actor, field, .. } => {
                declared_field(self.actors.get(*actor)?, field).map(Value::from)
            }
            Variable::Resource { type_name, field } if field == "id" => {
                let (_, name) = self.fixture.as_ref().filter(|it| it.0 == type_name)?;
                Some(Value::from(name.as_str()))
            }
            _ => None,
        }
    }
}
