//! A model in its JSON form.

use serde_json::{Map, Value as Json, json};

use crate::condition::ParameterType;
use crate::model::relation::{
    DeclaredCondition, Language, ObjectType, RelationModel, Rewrite, SubjectKind, SubjectType,
};

/// The model as `AuthorizationModel`, without an id; none if it was not written in OpenFGA's
/// language.
pub fn print_json(model: &RelationModel) -> Option<Json> {
    let Language::OpenFga { version } = &model.language else {
        return None;
    };
    let types = model.types.iter();
    let types: Vec<Json> = types.map(|(name, found)| type_json(name, found)).collect();
    let mut out = json!({ "schema_version": &**version, "type_definitions": types });
    let conditions = model.conditions.iter();
    let conditions: Map<String, Json> = conditions
        .map(|(name, condition)| (name.to_string(), condition_json(name, condition)))
        .collect();
    if !conditions.is_empty()
        && let Some(out) = out.as_object_mut()
    {
        out.insert("conditions".to_owned(), Json::Object(conditions));
    }
    Some(out)
}

fn type_json(name: &str, found: &ObjectType) -> Json {
    let mut relations = Map::new();
    let mut metadata = Map::new();
    for (name, relation) in &found.relations {
        relations.insert(name.to_string(), rewrite(&relation.rewrite));
        let subjects: Vec<Json> = relation.subjects.iter().map(subject).collect();
        let mut details = json!({ "directly_related_user_types": subjects });
        if let (Some(module), Some(details)) = (&relation.module, details.as_object_mut()) {
            details.insert("module".to_owned(), Json::from(&**module));
        }
        metadata.insert(name.to_string(), details);
    }
    let mut metadata = json!({ "relations": metadata });
    if let (Some(module), Some(metadata)) = (&found.module, metadata.as_object_mut()) {
        metadata.insert("module".to_owned(), Json::from(&**module));
    }
    json!({ "type": name, "relations": relations, "metadata": metadata })
}

fn rewrite(part: &Rewrite) -> Json {
    let all = |parts: &[Rewrite]| parts.iter().map(rewrite).collect::<Vec<Json>>();
    match part {
        Rewrite::Direct => json!({ "this": {} }),
        Rewrite::Computed(name, _) => json!({ "computedUserset": { "relation": &**name } }),
        Rewrite::Arrow {
            tupleset, computed, ..
        } => json!({
            "tupleToUserset": {
                "tupleset": { "relation": &**tupleset },
                "computedUserset": { "relation": &**computed },
            }
        }),
        Rewrite::Union(parts) => json!({ "union": { "child": all(parts) } }),
        Rewrite::Intersection(parts) => json!({ "intersection": { "child": all(parts) } }),
        Rewrite::Exclusion(base, subtracted) => json!({
            "difference": { "base": rewrite(base), "subtract": rewrite(subtracted) }
        }),
        // Neither is in OpenFGA's language, so that no model of it has them.
        Rewrite::Itself | Rewrite::Nobody => Json::Null,
    }
}

fn subject(subject: &SubjectType) -> Json {
    let mut out = json!({ "type": &*subject.type_name });
    if let Some(out) = out.as_object_mut() {
        match &subject.kind {
            SubjectKind::Object => None,
            SubjectKind::Userset(name) => out.insert("relation".to_owned(), Json::from(&**name)),
            SubjectKind::Wildcard => out.insert("wildcard".to_owned(), json!({})),
        };
        if let Some(condition) = &subject.condition {
            out.insert("condition".to_owned(), Json::from(&**condition));
        }
    }
    out
}

fn condition_json(name: &str, condition: &DeclaredCondition) -> Json {
    let parameters = condition.parameters.iter();
    let parameters: Map<String, Json> = parameters
        .map(|(name, value_type)| (name.to_owned(), parameter(value_type)))
        .collect();
    let mut out = json!({
        "name": name,
        "expression": &*condition.text,
        "parameters": parameters,
    });
    if let (Some(module), Some(out)) = (&condition.module, out.as_object_mut()) {
        out.insert("metadata".to_owned(), json!({ "module": &**module }));
    }
    out
}

fn parameter(value_type: &ParameterType) -> Json {
    match value_type {
        ParameterType::List(item) => {
            json!({ "type_name": "TYPE_NAME_LIST", "generic_types": [parameter(item)] })
        }
        ParameterType::Map(item) => {
            json!({ "type_name": "TYPE_NAME_MAP", "generic_types": [parameter(item)] })
        }
        simple => {
            let name = simple.to_string().to_uppercase();
            json!({ "type_name": format!("TYPE_NAME_{name}") })
        }
    }
}
