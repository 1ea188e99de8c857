//! The test that would notice a mutant, ready to paste; or the cell, where tests cannot tell.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::diff::{Answer, Example, Line};

/// What to add so that this difference is noticed. The old answer is the right one.
pub(super) fn suggestion(line: &Line) -> String {
    let example = &line.example;
    let is_allowed = line.old.answer == Answer::Allow;
    let is_denied = matches!(
        line.old.answer,
        Answer::Unauthenticated | Answer::Forbidden | Answer::Concealed
    );
    let can_be_told =
        is_allowed || (is_denied && matches!(line.new.answer, Answer::Allow | Answer::Undecided));
    let can_be_given = example.subject.is_some() || !example.signed_in;
    match (can_be_told, can_be_given) {
        (true, true) => share(example) + &test(line, is_allowed),
        (true, false) => cell(
            line,
            "no test can be given somebody who is signed in and not known",
        ),
        (false, _) => {
            let (old, new) = (line.old.answer, line.new.answer);
            cell(
                line,
                &format!("no test of a policy tells `{old}` from `{new}`"),
            )
        }
    }
}

/// The share beside the request, which only a file of facts can give.
fn share(example: &Example) -> String {
    let Some(with) = &example.shared_with else {
        return String::new();
    };
    let resource = Json::from(example.resource_name());
    format!(
        "  # in a file of tests with `facts: FILE`, where FILE says\n  #   shares: [{{ resource: {resource}, with: {}, permission: {} }}]\n",
        word(with),
        word(&example.action)
    )
}

/// A test in our own form.
fn test(line: &Line, is_allowed: bool) -> String {
    let example = &line.example;
    let who = match example.signed_in {
        true if example.roles.is_empty() => "somebody without a role".to_owned(),
        true => example.roles.join(" and "),
        false => "a visitor".to_owned(),
    };
    let may = if is_allowed { "may" } else { "may not" };
    let effect = if is_allowed { "allow" } else { "deny" };
    let (action, type_name) = (&example.action, &example.type_name);
    format!(
        "  - name: {}\n    given: {}\n    {effect}: [{action}]\n",
        Json::from(format!("{who} {may} {action} this {type_name}")),
        given(line)
    )
}

/// What is given, in one line.
fn given(line: &Line) -> String {
    let example = &line.example;
    let mut said: Vec<String> = Vec::new();
    let mut say = |key: &str, value: Json| said.push(format!("{key}: {}", plain(&value)));
    if let Some(subject) = &example.subject {
        say("subject", subject.as_str().into());
    }
    if let Some(tenant) = &example.tenant {
        say("tenant", tenant.as_str().into());
    }
    if !example.roles.is_empty() {
        say("roles", example.roles.clone().into());
    }
    if !example.subject_attributes.is_empty() {
        say("attributes", example.subject_attributes.clone().into());
    }
    if let Some(scopes) = &example.scopes {
        say("scopes", scopes.clone().into());
    }
    if !example.claims.is_empty() {
        say("claims", example.claims.clone().into());
    }
    if !example.relationships.is_empty() {
        say("relationships", example.relationships.clone().into());
    }
    if line.depends_on_time {
        say("at", example.at.to_string().into());
    }
    say("resource", resource(example));
    format!("{{ {} }}", said.join(", "))
}

fn resource(example: &Example) -> Json {
    let mut attributes = Map::new();
    attributes.extend(
        example
            .id
            .as_ref()
            .map(|id| ("id".to_owned(), Json::from(id.as_str()))),
    );
    attributes.extend(example.attributes.clone());
    match attributes.is_empty() {
        true => example.type_name.as_str().into(),
        false => Json::Object(Map::from_iter([(
            example.type_name.clone(),
            Json::Object(attributes),
        )])),
    }
}

/// A value in one line, which is YAML as it is JSON, with spaces behind its colons and commas.
fn plain(value: &Json) -> String {
    let joined = |all: Vec<String>| all.join(", ");
    match value {
        Json::Array(all) => format!("[{}]", joined(all.iter().map(plain).collect())),
        Json::Object(all) => {
            let pairs = all.iter();
            let pairs = pairs.map(|(key, value)| format!("{}: {}", word(key), plain(value)));
            format!("{{ {} }}", joined(pairs.collect()))
        }
        Json::String(text) => word(text),
        other => other.to_string(),
    }
}

/// A text without quotes where nothing else could be meant.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c == '-' || c == '_';
    let reserved = ["true", "false", "null"];
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
    match begins && text.chars().all(is_plain) && !reserved.contains(&text) {
        true => text.to_owned(),
        false => Json::from(text).to_string(),
    }
}

/// The cell of a suite that would notice it.
fn cell(line: &Line, why: &str) -> String {
    let example = &line.example;
    let mut text = String::new();
    let _ = writeln!(text, "  # {why}; a cell of a suite does:");
    let _ = writeln!(
        text,
        "  #   action `{}.{}`, an actor and a resource such as: {example}",
        example.type_name, example.action
    );
    text
}
