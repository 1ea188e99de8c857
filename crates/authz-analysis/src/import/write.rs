//! Texts of `policy.yaml` and `facts.yaml`, and names that may stand in them.

use std::collections::BTreeSet;

use indexmap::IndexMap;

/// The name of the file of facts.
pub(super) const FACTS: &str = "facts.yaml";
/// The name of the file of the policy.
pub(super) const POLICY: &str = "policy.yaml";

/// A text as YAML writes it: plain where nothing else could be meant, else in quotes.
pub(super) fn word(text: &str) -> String {
    const OTHERS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_other = OTHERS.contains(&text.to_ascii_lowercase().as_str());
    match is_name(text) && !is_other {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// A text in double quotes; what JSON writes, YAML reads.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `[a, b]`.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(word).collect();
    format!("[{}]", words.join(", "))
}

/// `{ a: VALUE, b: VALUE }`; the values are YAML already.
pub(super) fn map<'a>(entries: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let entries = entries.into_iter();
    let entries: Vec<String> = entries
        .map(|(key, value)| format!("{}: {value}", word(key)))
        .collect();
    match entries.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", entries.join(", ")),
    }
}

/// A letter or `_`, then letters, digits, `_` and `-`: what types, actions and roles are called.
pub(super) fn is_name(text: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.starts_with(is_start) && text.chars().all(is_rest)
}

/// Names of one kind, each given to one text: as it is where it can be, else as near to it as can
/// be.
#[derive(Debug)]
pub(super) struct Names {
    given: IndexMap<String, String>,
    taken: BTreeSet<String>,
}

impl Names {
    /// Names other than these.
    pub(super) fn but<'a>(reserved: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            given: IndexMap::new(),
            taken: reserved.into_iter().map(str::to_owned).collect(),
        }
    }

    /// The name of a text.
    pub(super) fn of(&mut self, text: &str) -> String {
        if let Some(name) = self.given.get(text) {
            return name.clone();
        }
        let near = near(text);
        let numbered = (2_usize..).map(|number| format!("{near}-{number}"));
        let mut names = std::iter::once(near.clone()).chain(numbered);
        let free = names.find(|name| !self.taken.contains(name));
        let name = free.unwrap_or(near);
        self.taken.insert(name.clone());
        self.given.insert(text.to_owned(), name.clone());
        name
    }

    /// The texts that have another name, with that.
    pub(super) fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        let given = self.given.iter();
        given
            .filter(|(text, name)| text != name)
            .map(|(text, name)| (text.as_str(), name.as_str()))
    }
}

/// The name that is nearest to a text.
fn near(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        let may_stand = c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        match may_stand {
            true => name.push(c),
            false if name.ends_with('-') => {}
            false => name.push('-'),
        }
    }
    let name = name.trim_matches('-');
    match name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        true => name.to_owned(),
        false => format!("_{name}"),
    }
}
