//! What a condition is about, and what its names stand for there.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::facts::{Reference, Request, Subject};
use crate::model::ActionKind;

use super::context::Parameters;
use super::failure::Failure;
use super::program::{Expression, SubjectAttribute};
use super::value::Value;

/// What a condition is about. What a name stands for is looked up here; where it stands for
/// nothing, [`About::lacks`] says why.
#[derive(Clone, Copy)]
pub(super) enum About<'a> {
    Request {
        request: &'a Request<'a>,
        /// Of the action of the request.
        kind: ActionKind,
    },
    Parameters {
        parameters: &'a Parameters,
        values: &'a [Option<Value>],
    },
}

impl<'a> About<'a> {
    /// The request, if the condition is about one: the checker lets no other name it.
    pub(super) fn request(self) -> Option<&'a Request<'a>> {
        match self {
            Self::Request { request, .. } => Some(request),
            Self::Parameters { .. } => None,
        }
    }

    /// Who asks, if there is a session.
    fn session(self) -> Option<&'a Subject> {
        let subject = self.request()?.subject;
        subject.signed_in.then_some(subject)
    }

    /// The name of who asks.
    pub(super) fn subject(self) -> Option<&'a Reference> {
        self.session()?.reference.as_ref()
    }

    /// The name of what is asked about.
    pub(super) fn resource(self) -> Option<&'a Reference> {
        self.request()?.resource.reference.as_ref()
    }

    /// The active tenant of who asks.
    pub(super) fn tenant(self) -> Option<&'a Arc<str>> {
        self.session()?.tenant.as_ref()
    }

    /// An attribute of the subject.
    pub(super) fn of_subject(self, attribute: &SubjectAttribute) -> Option<&'a Value> {
        let subject = self.session().filter(|it| it.reference.is_some())?;
        let slot = attribute.slots.get(subject.type_index?)?.as_ref()?;
        subject.attributes.get(*slot)?.as_ref()
    }

    /// The attribute of the resource in a slot.
    fn of_resource(self, slot: usize) -> Option<&'a Value> {
        self.request()?.resource.attributes.get(slot)?.as_ref()
    }

    /// The value of a parameter.
    fn parameter(self, slot: usize) -> Option<&'a Value> {
        match self {
            Self::Request { .. } => None,
            Self::Parameters { values, .. } => values.get(slot)?.as_ref(),
        }
    }

    /// The value of a name or constant, where it stands.
    pub(super) fn standing(self, name: &'a Expression) -> Option<&'a Value> {
        match name {
            Expression::Constant(value) => Some(value),
            Expression::Claims => Some(&self.session()?.claims),
            Expression::SubjectAttribute(attribute) => self.of_subject(attribute),
            Expression::ResourceAttribute(attribute) => self.of_resource(attribute.slot),
            Expression::Parameter(slot, _) => self.parameter(*slot),
            _ => None,
        }
    }

    /// The value of a name that stands nowhere as a value.
    pub(super) fn made(self, name: &Expression) -> Option<Value> {
        Some(match name {
            Expression::Subject => Value::Reference(self.subject()?.clone()),
            Expression::Resource => Value::Reference(self.resource()?.clone()),
            Expression::Action => Value::String(self.request()?.action.into()),
            Expression::Tenant => Value::String(Arc::clone(self.tenant()?)),
            Expression::Flag(flag) => Value::Bool(flag.is_on(self.request()?.subject)),
            Expression::Now => Value::Timestamp(self.request()?.now),
            Expression::HasSubjectAttribute(attribute) => {
                self.subject()?;
                Value::Bool(self.of_subject(attribute).is_some())
            }
            Expression::HasResourceAttribute(attribute) => {
                self.request()?;
                Value::Bool(self.of_resource(attribute.slot).is_some())
            }
            _ => return None,
        })
    }

    /// Why a name has no value.
    #[cold]
    pub(super) fn lacks(self, name: &Expression) -> Failure {
        match (self, name) {
            (Self::Parameters { parameters, .. }, Expression::Parameter(slot, _)) => {
                match parameters.name(*slot) {
                    Some(name) => Failure::Unknown(BTreeSet::from([Arc::clone(name)])),
                    None => Failure::error("there is no such parameter"),
                }
            }
            (Self::Parameters { .. }, _) => Failure::error("there is no request"),
            (Self::Request { .. }, Expression::Parameter(..)) => {
                Failure::error("there are no parameters")
            }
            (Self::Request { request, kind }, name) => requested(request, kind, name),
        }
    }
}

/// Why a name has no value in a request.
fn requested(request: &Request<'_>, kind: ActionKind, name: &Expression) -> Failure {
    let Request {
        subject, resource, ..
    } = request;
    let is_about_resource = matches!(
        name,
        Expression::Resource | Expression::ResourceAttribute(_)
    );
    let is_absent = match kind {
        ActionKind::Collection if is_about_resource => true,
        _ => !is_about_resource && !subject.signed_in,
    };
    if is_absent {
        return Failure::Absent;
    }
    Failure::Error(match (name, &subject.reference, &resource.reference) {
        (Expression::Tenant, _, _) => "the subject has no tenant".to_owned(),
        (Expression::SubjectAttribute(attribute), Some(subject), _) => {
            missing(&attribute.name, subject)
        }
        (Expression::ResourceAttribute(attribute), _, Some(resource)) => {
            missing(&attribute.name, resource)
        }
        (Expression::ResourceAttribute(attribute), _, None) => format!(
            "attribute `{}` of the {} is missing",
            attribute.name, resource.type_name
        ),
        (Expression::Resource, _, _) => format!("the {} has no id", resource.type_name),
        _ => "it is not known who the subject is".to_owned(),
    })
}

fn missing(attribute: &str, reference: &Reference) -> String {
    format!("attribute `{attribute}` of `{reference}` is missing")
}
