//! What relations grant: the one that carries the action is looked up among the relationships.

use std::sync::Arc;

use crate::facts::Request;
use crate::model::{Policy, Related, Relations};
use crate::relationships::SubjectReference;
use crate::resolution::{Answer, Checker, Circumstances, Engine};

use super::By;
use super::combining::{Could, Extended, Member};

/// Why nothing can be said of a relation.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    pub(super) text: String,
    /// The parameters of conditions that have no value.
    pub(super) missing: Vec<Arc<str>>,
}

impl Policy {
    /// The relations of the policy, with the relationships of the request.
    pub(super) fn engine<'a>(&self, relations: &'a Relations, request: &Request<'a>) -> &'a Engine {
        request.facts.engine.as_ref().unwrap_or(&relations.engine)
    }

    /// The relation that could carry the action for this subject, if one could: there has to be a
    /// session, and a subject whose type the model knows.
    pub(super) fn related_to<'a>(
        &'a self,
        request: &Request<'_>,
        action: usize,
    ) -> Option<(&'a Relations, &'a Related)> {
        let relations = self.relations.as_ref()?;
        let related = relations.of(action)?;
        let subject = request.subject.reference.as_ref();
        let types = &relations.engine.model.types;
        let is_possible = subject.is_none_or(|it| types.contains_key(it.type_name()));
        (request.subject.signed_in && is_possible).then_some((relations, related))
    }

    /// What the relation says that carries the action.
    pub(super) fn relation_grant(
        &self,
        request: &Request<'_>,
        action: usize,
        depends_on_time: &mut bool,
    ) -> Option<Member<By>> {
        let (relations, related) = self.related_to(request, action)?;
        let engine = self.engine(relations, request);
        let (value, doubt) = match asked(engine, related, request, depends_on_time) {
            Ok(true) => (Extended::Permit, None),
            Ok(false) => (Extended::NotApplicable, None),
            Err(doubt) => (Extended::Indeterminate(Could::Permit), Some(doubt)),
        };
        let by = By::Relation { action, doubt };
        Some(Member { value, by })
    }
}

/// Whether the subject stands in the relation to the resource.
fn asked(
    engine: &Engine,
    related: &Related,
    request: &Request<'_>,
    depends_on_time: &mut bool,
) -> Result<bool, Doubt> {
    let unknown = |text: &str| Doubt {
        text: text.to_owned(),
        missing: Vec::new(),
    };
    let subject = request.subject.reference.as_ref();
    let subject = subject.ok_or_else(|| unknown("it is not known who the subject is"))?;
    let resource = request.resource.named_by_facts();
    let resource = resource.ok_or_else(|| unknown("the resource has no id"))?;
    let subject = SubjectReference::object(subject.clone());
    if subject.is_wildcard() {
        return Err(unknown("`*` is not one subject"));
    }
    let circumstances = Circumstances {
        context: request.context,
        now: request.now,
    };
    let mut checker = Checker::new(engine);
    let answer = checker.check(resource, &related.relation, &subject, circumstances);
    *depends_on_time |= checker.depends_on_time();
    match answer {
        Ok(Answer::Yes) => Ok(true),
        Ok(Answer::No) => Ok(false),
        Ok(Answer::Conditional(names)) => {
            let missing: Vec<Arc<str>> = names.iter().cloned().collect();
            let text = format!(
                "it depends on `{}`, which is not known",
                missing.join("`, `")
            );
            Err(Doubt { text, missing })
        }
        Ok(Answer::Failed(error)) => Err(unknown(&error.to_string())),
        Err(error) => Err(unknown(&error.message)),
    }
}
