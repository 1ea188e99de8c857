//! Facts and subjects from text.

use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::condition;
use crate::facts::Reference;

use super::store::Ends;
use super::{Relationship, StoredCondition, SubjectReference};

/// A fact as it is written, taken apart and not yet copied.
pub(super) struct Parts<'a> {
    pub(super) ends: Ends<'a>,
    /// What stands in square brackets behind the ends.
    pub(super) brackets: &'a str,
}

/// Takes `object#relation@subject` apart.
///
/// # Errors
/// What is wrong with it, as a fragment for people.
pub(super) fn parts(text: &str) -> Result<Parts<'_>, String> {
    let wrong = || format!("`{text}` is not a relationship such as `doc:1#viewer@user:ann`");
    let (object, rest) = text.split_once('#').ok_or_else(wrong)?;
    let (relation, rest) = rest.split_once('@').ok_or_else(wrong)?;
    let (subject, brackets) = match rest.find('[') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let object = reference(object).ok_or_else(wrong)?;
    let (subject, subject_relation) = subject_parts(subject)?;
    if !is_name(relation) {
        return Err(wrong());
    }
    let ends = Ends {
        object,
        relation,
        subject,
        subject_relation,
    };
    Ok(Parts { ends, brackets })
}

impl FromStr for Relationship {
    type Err = String;

    /// `object#relation@subject`, and behind it in square brackets a condition with its stored
    /// context, `[from:...]` and `[expiration:...]`.
    fn from_str(text: &str) -> Result<Self, String> {
        let Parts { ends, mut brackets } = parts(text)?;
        let of = |(type_name, id)| Reference::new(type_name, id);
        let subject = SubjectReference {
            object: of(ends.subject),
            relation: ends.subject_relation.map(Arc::from),
        };
        let mut found = Self::new(of(ends.object), ends.relation, subject);
        while !brackets.is_empty() {
            brackets = bracket(&mut found, brackets)?;
        }
        Ok(found)
    }
}

impl FromStr for SubjectReference {
    type Err = String;

    /// `user:ann`, `user:*`, `group:eng#member`; `user:ann#...` is `user:ann`.
    fn from_str(text: &str) -> Result<Self, String> {
        let ((type_name, id), relation) = subject_parts(text)?;
        Ok(Self {
            object: Reference::new(type_name, id),
            relation: relation.map(Arc::from),
        })
    }
}

/// A type and an id.
type Name<'a> = (&'a str, &'a str);

fn subject_parts(text: &str) -> Result<(Name<'_>, Option<&str>), String> {
    let wrong = || format!("`{text}` is not a subject such as `user:ann` or `group:eng#member`");
    let (object, relation) = match text.split_once('#') {
        None | Some((_, "...")) => (text.strip_suffix("#...").unwrap_or(text), None),
        Some((object, relation)) => (object, Some(relation)),
    };
    let object = reference(object).ok_or_else(wrong)?;
    if relation.is_some_and(|name| !is_name(name) || object.1 == super::WILDCARD) {
        return Err(wrong());
    }
    Ok((object, relation))
}

/// `type:id`. An id has no colon of its own, no `#` and no white space.
fn reference(text: &str) -> Option<Name<'_>> {
    let (type_name, id) = text.split_once(':')?;
    let of_id = |c: char| !c.is_whitespace() && !matches!(c, ':' | '#');
    let ids = !id.is_empty() && id.chars().all(of_id);
    (is_name(type_name) && ids).then_some((type_name, id))
}

fn is_name(text: &str) -> bool {
    let of_name = |c: char| !c.is_whitespace() && !matches!(c, ':' | '#' | '@' | '*' | '[' | ']');
    !text.is_empty() && text.chars().all(of_name)
}

/// Reads one pair of square brackets; what stands behind it is returned.
fn bracket<'a>(found: &mut Relationship, text: &'a str) -> Result<&'a str, String> {
    let wrong = || format!("`{text}` is not a condition such as `[name:{{\"limit\": 3}}]`");
    let inner = text.strip_prefix('[').ok_or_else(wrong)?;
    if let Some(rest) = inner.strip_prefix("expiration:") {
        let (time, rest) = rest.split_once(']').ok_or_else(wrong)?;
        found.valid_until = Some(timestamp(time)?);
        return Ok(rest);
    }
    if let Some(rest) = inner.strip_prefix("from:") {
        let (time, rest) = rest.split_once(']').ok_or_else(wrong)?;
        found.valid_from = Some(timestamp(time)?);
        return Ok(rest);
    }
    let end = inner.find([':', ']']).ok_or_else(wrong)?;
    let (name, rest) = inner.split_at(end);
    if name.is_empty() || found.condition.is_some() {
        return Err(wrong());
    }
    let (context, rest) = match rest.strip_prefix(':') {
        None => (Map::new(), rest),
        Some(json) => context(json).ok_or_else(wrong)?,
    };
    found.condition = Some(StoredCondition {
        name: name.into(),
        context,
    });
    rest.strip_prefix(']').ok_or_else(wrong)
}

/// The JSON object that the text begins with, and the rest.
fn context(text: &str) -> Option<(Map<String, Json>, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    let Some(Ok(Json::Object(context))) = values.next() else {
        return None;
    };
    Some((context, text.get(values.byte_offset()..)?))
}

fn timestamp(text: &str) -> Result<Timestamp, String> {
    condition::timestamp(text)
}
