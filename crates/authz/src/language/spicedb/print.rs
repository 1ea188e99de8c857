//! A model as text of the schema language.

use std::fmt::Write as _;

use crate::model::relation::{
    DeclaredCondition, Language, Relation, RelationModel, Rewrite, SubjectKind, SubjectType,
};

/// The model as text; none if it was not written in SpiceDB's language.
pub fn print(model: &RelationModel) -> Option<String> {
    let Language::SpiceDb { uses } = &model.language else {
        return None;
    };
    let mut blocks: Vec<String> = Vec::new();
    let uses: String = uses.iter().map(|name| format!("use {name}\n")).collect();
    if !uses.is_empty() {
        blocks.push(uses);
    }
    blocks.extend(model.conditions.iter().map(|(name, it)| caveat(name, it)));
    blocks.extend(model.types.iter().map(|(name, found)| {
        let members = found.relations.iter();
        let members: String = members.map(|(name, it)| member(name, it)).collect();
        if members.is_empty() {
            format!("definition {name} {{}}\n")
        } else {
            format!("definition {name} {{\n{members}}}\n")
        }
    }));
    Some(blocks.join("\n"))
}

fn caveat(name: &str, condition: &DeclaredCondition) -> String {
    let parameters = condition.parameters.iter();
    let parameters = parameters.map(|(name, value_type)| format!("{name} {value_type}"));
    let parameters: Vec<String> = parameters.collect();
    let parameters = parameters.join(", ");
    format!("caveat {name}({parameters}) {{\n  {}\n}}\n", condition.text)
}

fn member(name: &str, relation: &Relation) -> String {
    if !relation.is_permission {
        return format!("  relation {name}: {}\n", subjects(&relation.subjects));
    }
    let annotation = match relation.annotations.as_slice() {
        [] => String::new(),
        types => format!(": {}", subjects(types)),
    };
    let expression = expression(&relation.rewrite, true);
    format!("  permission {name}{annotation} = {expression}\n")
}

fn subjects(types: &[SubjectType]) -> String {
    let texts: Vec<String> = types.iter().map(subject).collect();
    texts.join(" | ")
}

fn subject(subject: &SubjectType) -> String {
    let mut text = subject.type_name.to_string();
    match &subject.kind {
        SubjectKind::Object => {}
        SubjectKind::Userset(relation) => {
            let _ = write!(text, "#{relation}");
        }
        SubjectKind::Wildcard => text.push_str(":*"),
    }
    let traits = subject.condition.as_deref().into_iter();
    let traits: Vec<&str> = traits
        .chain(subject.expires.then_some("expiration"))
        .collect();
    if !traits.is_empty() {
        let _ = write!(text, " with {}", traits.join(" and "));
    }
    text
}

fn expression(part: &Rewrite, outermost: bool) -> String {
    let joined = |parts: &[Rewrite], operator: &str| {
        let parts: Vec<String> = parts.iter().map(|it| expression(it, false)).collect();
        parts.join(operator)
    };
    let text = match part {
        // A relation, which has no expression.
        Rewrite::Direct => return String::new(),
        Rewrite::Computed(name, _) => return name.to_string(),
        Rewrite::Arrow {
            tupleset,
            computed,
            all: false,
            ..
        } => return format!("{tupleset}->{computed}"),
        Rewrite::Arrow {
            tupleset, computed, ..
        } => return format!("{tupleset}.all({computed})"),
        Rewrite::Itself => return "self".to_owned(),
        Rewrite::Nobody => return "nil".to_owned(),
        Rewrite::Union(parts) => joined(parts, " + "),
        Rewrite::Intersection(parts) => joined(parts, " & "),
        Rewrite::Exclusion(base, subtracted) => {
            format!(
                "{} - {}",
                expression(base, false),
                expression(subtracted, false)
            )
        }
    };
    if outermost { text } else { format!("({text})") }
}
