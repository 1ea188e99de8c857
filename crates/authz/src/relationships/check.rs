//! Whether a fact is one that a model allows.

use std::fmt;

use crate::model::relation::{Language, Relation, RelationModel, SubjectKind, SubjectType};
use crate::source::nearest;

use super::Relationship;

/// Why a fact is not one of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationshipError {
    /// What is wrong: a lowercase fragment, the user's own text in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for RelationshipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RelationshipError {}

impl Relationship {
    /// Whether the model allows the fact: declared types, a relation that can be written, a
    /// subject of a type that it names, with the condition and the expiration that go with it, and
    /// a stored context of the right types.
    ///
    /// # Errors
    /// What is wrong with it, and where its ends are swapped, that they are.
    pub fn check(&self, model: &RelationModel) -> Result<(), RelationshipError> {
        let error = |message: String, help: Option<String>| RelationshipError { message, help };
        self.check_ids(model)
            .map_err(|message| error(message, None))?;
        let type_name = self.object.type_name();
        let swapped = self.swapped(model);
        let Some(relations) = model.types.get(type_name) else {
            let help = swapped.or_else(|| did_you_mean(type_name, model.type_names()));
            return Err(error(format!("unknown type `{type_name}`"), help));
        };
        let Some(relation) = relations.relations.get(&self.relation) else {
            let message = format!("`{type_name}` has no relation `{}`", self.relation);
            let known = model.relation_names(type_name);
            let help = swapped.or_else(|| did_you_mean(&self.relation, known));
            return Err(error(message, help));
        };
        if !relation.rewrite.has_direct() {
            let name = &self.relation;
            let message = format!("nothing can be written into `{name}` of `{type_name}`");
            let help = swapped.or_else(|| Some("it follows from other relations".to_owned()));
            return Err(error(message, help));
        }
        if !relation
            .subjects
            .iter()
            .any(|allowed| self.fits(allowed, model))
        {
            return Err(error(self.refusal(relation), swapped));
        }
        self.check_context(model)
            .map_err(|message| error(message, None))
    }

    /// Whether the type of subjects allows this one, with its condition and its expiration.
    fn fits(&self, allowed: &SubjectType, model: &RelationModel) -> bool {
        let condition = self.condition.as_ref().map(|it| &it.name);
        let expires = match &model.language {
            // OpenFGA knows no expiration; ours stands beside any type.
            Language::OpenFga { .. } => true,
            Language::SpiceDb { .. } => allowed.expires == self.valid_until.is_some(),
        };
        self.is_of(allowed) && allowed.condition.as_ref() == condition && expires
    }

    fn is_of(&self, allowed: &SubjectType) -> bool {
        let subject = &self.subject;
        let kind = match (&allowed.kind, &subject.relation) {
            (SubjectKind::Object, None) => !subject.is_wildcard(),
            (SubjectKind::Wildcard, None) => subject.is_wildcard(),
            (SubjectKind::Userset(allowed), Some(found)) => allowed == found,
            _ => false,
        };
        kind && *allowed.type_name == *subject.object.type_name()
    }

    fn refusal(&self, relation: &Relation) -> String {
        let (type_name, name) = (self.object.type_name(), &self.relation);
        let shown = match (&self.subject.relation, self.subject.is_wildcard()) {
            (Some(relation), _) => format!("{}#{relation}", self.subject.object.type_name()),
            (None, true) => format!("{}:*", self.subject.object.type_name()),
            (None, false) => self.subject.object.type_name().to_owned(),
        };
        let conditional = relation.subjects.iter().any(|allowed| self.is_of(allowed));
        match (&self.condition, conditional) {
            (None, true) => format!(
                "`{name}` of `{type_name}` takes no `{shown}` without what its `with` asks for"
            ),
            (Some(condition), true) => {
                let condition = &condition.name;
                format!(
                    "`{name}` of `{type_name}` takes no `{shown}` with `{condition}` and these limits of time"
                )
            }
            (_, false) => format!("`{name}` of `{type_name}` takes no `{shown}`"),
        }
    }

    /// That the ends are swapped, where the fact makes sense the other way round.
    fn swapped(&self, model: &RelationModel) -> Option<String> {
        if self.subject.relation.is_some() {
            return None;
        }
        let other = Relationship {
            object: self.subject.object.clone(),
            subject: super::SubjectReference::object(self.object.clone()),
            ..self.clone()
        };
        let relation = model.relation(other.object.type_name(), &other.relation)?;
        let mut allowed = relation.subjects.iter();
        allowed.any(|allowed| other.is_of(allowed)).then(|| {
            format!(
                "the two ends are swapped: `{}#{}@{}`",
                other.object, other.relation, other.subject
            )
        })
    }

    fn check_context(&self, model: &RelationModel) -> Result<(), String> {
        let Some(condition) = &self.condition else {
            return Ok(());
        };
        let Some(declared) = model.conditions.get(&condition.name) else {
            return Err(format!("unknown condition `{}`", condition.name));
        };
        let parameters = &declared.parameters;
        for name in condition.context.keys() {
            if !parameters.iter().any(|(known, _)| known == name) {
                return Err(format!("`{}` has no parameter `{name}`", condition.name));
            }
        }
        parameters
            .values(Some(&condition.context), &condition.context)
            .map(drop)
    }

    fn check_ids(&self, model: &RelationModel) -> Result<(), String> {
        let ids = [self.object.id(), self.subject.object.id()];
        if self.object.id() == super::WILDCARD {
            return Err(format!("`{}` is not one object", self.object));
        }
        for id in ids {
            if !model.language.allows_id(id) {
                return Err(format!("`{id}` is not an id in this language"));
            }
        }
        Ok(())
    }
}

impl Language {
    /// Whether an object may have this id. OpenFGA excludes `:`, `#` and white space; SpiceDB
    /// allows letters, digits and `/_|-=+`.
    pub(crate) fn allows_id(&self, id: &str) -> bool {
        let allowed = |c: char| match self {
            Self::OpenFga { .. } => !matches!(c, ':' | '#') && !c.is_whitespace(),
            Self::SpiceDb { .. } => {
                c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '|' | '-' | '=' | '+')
            }
        };
        !id.is_empty() && (id == super::WILDCARD || id.chars().all(allowed))
    }
}

fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|found| format!("did you mean `{found}`?"))
}
