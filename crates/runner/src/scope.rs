//! Where the variables of a call get their values while a suite runs.

use std::collections::BTreeMap;

use serde_json::Value;
use suite::model::{Actor, ActorIndex};
use suite::plan::declared_field;
use suite::template::{Scope, Variable};

/// Values learnt at run time, by name.
pub(crate) type Values = BTreeMap<String, Value>;

/// An actor with what was learnt of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) learnt: &'a Values,
}

/// The scope of one call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CallScope<'a> {
    /// Who makes the call.
    pub(crate) actor: Option<Known<'a>>,
    /// To whom the resource belongs.
    pub(crate) owner: Option<Known<'a>>,
    /// Actors that the call names.
    pub(crate) named: &'a [(ActorIndex, Known<'a>)],
    /// The resource: its type, and its id and captures.
    pub(crate) resource: Option<(&'a str, &'a Values)>,
    /// A text that occurs nowhere else.
    pub(crate) unique: &'a str,
}

impl Scope for CallScope<'_> {
    fn value(&self, variable: &Variable) -> Option<Value> {
        match variable {
            Variable::Actor(field) => field_of(self.actor?, field),
            Variable::Owner(field) => field_of(self.owner?, field),
            Variable::Named { actor, field, .. } => {
                let (_, known) = self.named.iter().find(|(named, _)| named == actor)?;
                field_of(*known, field)
            }
            Variable::Unique => Some(self.unique.into()),
            Variable::Totp => self.actor?.learnt.get("totp").cloned(),
            Variable::Token => self.actor?.learnt.get("token").cloned(),
            Variable::Resource { type_name, field } => {
                let (known, values) = self.resource?;
                (known == type_name).then(|| values.get(field).cloned())?
            }
        }
    }
}

fn field_of(known: Known<'_>, field: &str) -> Option<Value> {
    let learnt = known.learnt.get(field).cloned();
    learnt
        .or_else(|| declared_field(known.actor, field).map(Value::from))
        .or_else(|| visitor_field(known.actor, field))
}

/// A visitor is nobody to the system, but a call that names its caller must still be made.
fn visitor_field(actor: &Actor, field: &str) -> Option<Value> {
    let nobody = actor.session.is_none() && matches!(field, "id" | "subject" | "tenant");
    nobody.then(|| "nobody".into())
}
