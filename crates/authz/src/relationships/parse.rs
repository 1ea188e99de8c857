//! Facts and subjects from text.

use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::condition;
use crate::facts::Reference;

use super::{Relationship, StoredCondition, SubjectReference};

impl FromStr for Relationship {
    type Err = String;

    /// `object#relation@subject`, and behind it in square brackets a condition with its stored
    /// context, `[from:...]` and `[expiration:...]`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a relationship such as `doc:1#viewer@user:ann`");
        let (object, rest) = text.split_once('#').ok_or_else(wrong)?;
        let (relation, rest) = rest.split_once('@').ok_or_else(wrong)?;
        let (subject, mut brackets) = match rest.find('[') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let object = reference(object).ok_or_else(wrong)?;
        let subject: SubjectReference = subject.parse()?;
        if relation.is_empty() || !relation.chars().all(is_of_name) {
            return Err(wrong());
        }
        let mut found = Self::new(object, relation, subject);
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
        let wrong =
            || format!("`{text}` is not a subject such as `user:ann` or `group:eng#member`");
        let (object, relation) = match text.split_once('#') {
            None | Some((_, "...")) => (text.strip_suffix("#...").unwrap_or(text), None),
            Some((object, relation)) => (object, Some(relation)),
        };
        let object = reference(object).ok_or_else(wrong)?;
        let relation = match relation {
            Some(name) if name.is_empty() || !name.chars().all(is_of_name) => return Err(wrong()),
            relation => relation.map(Arc::from),
        };
        if relation.is_some() && object.id() == super::WILDCARD {
            return Err(wrong());
        }
        Ok(Self { object, relation })
    }
}

/// `type:id`. An id has no colon of its own, no `#` and no white space.
fn reference(text: &str) -> Option<Reference> {
    let (type_name, id) = text.split_once(':')?;
    let names = !type_name.is_empty() && type_name.chars().all(is_of_name);
    let ids = !id.is_empty() && !id.contains([':', '#']) && !id.chars().any(char::is_whitespace);
    (names && ids).then(|| Reference::new(type_name, id))
}

fn is_of_name(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, ':' | '#' | '@' | '*' | '[' | ']')
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
