//! A model as text of the DSL.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::model::relation::{
    DeclaredCondition, Language, Relation, RelationModel, Rewrite, SubjectKind, SubjectType,
};

/// The model as one text; none if it consists of modules, or was not written in OpenFGA's
/// language.
pub fn print(model: &RelationModel) -> Option<String> {
    let Language::OpenFga { version } = &model.language else {
        return None;
    };
    if !modules(model).is_empty() {
        return None;
    }
    Some(format!("model\n  schema {version}\n{}", part(model, None)))
}

/// The modules of the model with their texts, in the order of their names; none if it has parts
/// outside of modules.
pub fn print_modules(model: &RelationModel) -> Option<Vec<(String, String)>> {
    let all = modules(model);
    let whole = model.types.values().any(|found| found.module.is_none());
    if all.is_empty() || whole {
        return None;
    }
    let text = |module: Arc<str>| {
        let text = format!("module {module}\n{}", part(model, Some(&module)));
        (module.to_string(), text)
    };
    Some(all.into_iter().map(text).collect())
}

fn modules(model: &RelationModel) -> BTreeSet<Arc<str>> {
    let types = model.types.values().flat_map(|found| {
        let relations = found.relations.values();
        let relations = relations.filter_map(|relation| relation.module.clone());
        relations.chain(found.module.clone())
    });
    let conditions = model.conditions.values();
    types
        .chain(conditions.filter_map(|it| it.module.clone()))
        .collect()
}

/// What belongs to a module, or to none.
fn part(model: &RelationModel, module: Option<&Arc<str>>) -> String {
    let mut out = String::new();
    for (name, found) in &model.types {
        let own = found.module.as_ref() == module;
        let relations = found
            .relations
            .iter()
            .filter(|(_, relation)| match &relation.module {
                None => own,
                Some(other) => Some(other) == module,
            });
        let relations: String = relations.map(|(name, it)| line(name, it)).collect();
        if !own && relations.is_empty() {
            continue;
        }
        let extend = if own { "" } else { "extend " };
        let _ = writeln!(out, "\n{extend}type {name}");
        if !relations.is_empty() {
            let _ = write!(out, "  relations\n{relations}");
        }
    }
    for (name, condition) in &model.conditions {
        if condition.module.as_ref() == module {
            out.push_str(&condition_text(name, condition));
        }
    }
    out
}

fn line(name: &str, relation: &Relation) -> String {
    let rewrite = rewrite(&relation.rewrite, &relation.subjects, true);
    format!("    define {name}: {rewrite}\n")
}

fn rewrite(part: &Rewrite, subjects: &[SubjectType], outermost: bool) -> String {
    let inner = |part: &Rewrite| rewrite(part, subjects, false);
    let joined = |parts: &[Rewrite], operator: &str| {
        let parts: Vec<String> = parts.iter().map(inner).collect();
        parts.join(operator)
    };
    let text = match part {
        Rewrite::Direct => return restrictions(subjects),
        Rewrite::Computed(name, _) => return name.to_string(),
        Rewrite::Arrow {
            tupleset, computed, ..
        } => return format!("{computed} from {tupleset}"),
        Rewrite::Union(parts) => joined(parts, " or "),
        Rewrite::Intersection(parts) => joined(parts, " and "),
        Rewrite::Exclusion(base, subtracted) => {
            format!("{} but not {}", inner(base), inner(subtracted))
        }
        // Neither is in OpenFGA's language, so that no model of it has them.
        Rewrite::Itself | Rewrite::Nobody => return String::new(),
    };
    if outermost { text } else { format!("({text})") }
}

fn restrictions(subjects: &[SubjectType]) -> String {
    let texts: Vec<String> = subjects.iter().map(restriction).collect();
    format!("[{}]", texts.join(", "))
}

fn restriction(subject: &SubjectType) -> String {
    let mut text = subject.type_name.to_string();
    match &subject.kind {
        SubjectKind::Object => {}
        SubjectKind::Userset(relation) => {
            let _ = write!(text, "#{relation}");
        }
        SubjectKind::Wildcard => text.push_str(":*"),
    }
    if let Some(condition) = &subject.condition {
        let _ = write!(text, " with {condition}");
    }
    text
}

fn condition_text(name: &str, condition: &DeclaredCondition) -> String {
    let parameters = condition.parameters.iter();
    let parameters = parameters.map(|(name, value_type)| format!("{name}: {value_type}"));
    let parameters: Vec<String> = parameters.collect();
    format!(
        "\ncondition {name}({}) {{\n  {}\n}}\n",
        parameters.join(", "),
        condition.text
    )
}
