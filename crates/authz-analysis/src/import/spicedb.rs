//! What SpiceDB's tools write: a schema (`.zed`), relationships one a line, and validation files,
//! which hold both.

use authz::language::spicedb;
use authz::source::yaml::{self, Entry, Node, Value};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use authz::{Reference, RelationModel, Relationship};

use super::related::{self, Stored};
use super::write::Names;
use super::{File, Import};
use crate::policy_tests::{Broken, embedded, facts_of_text, told};

/// The name of the schema here.
const SCHEMA: &str = "schema.zed";

#[derive(Default)]
struct Found {
    model: Option<(RelationModel, String, Place)>,
    /// Texts of relationships.
    lines: Vec<(Source, String, Place)>,
    notes: Vec<Diagnostic>,
    mistakes: Diagnostics,
}

pub(super) fn import(sources: &[Source]) -> Result<Import, Broken> {
    let mut found = Found::default();
    for source in sources {
        found.file(source);
    }
    if let (None, Some(source), true) = (&found.model, sources.first(), found.mistakes.is_empty()) {
        let mistake = Diagnostic::new(source.place(0..0), "there is no schema among these files");
        let help = "name the schema too: a file `*.zed`, or a validation file `*.yaml`";
        found.mistakes.push(mistake.help(help));
    }
    match (found.model, found.mistakes.is_empty()) {
        (Some((model, text, place)), true) => {
            let mut lost = Diagnostics::default();
            let mut facts: Vec<(Relationship, Place)> = Vec::new();
            for (source, text, place) in &found.lines {
                facts.extend(facts_of_text(source, text, place, &model, &mut lost));
            }
            let path = SCHEMA.to_owned();
            let mut stored = Stored {
                model,
                files: vec![File { path, text }],
                place,
                facts,
                lost,
                notes: found.notes,
            };
            without_prefixes(&mut stored);
            Ok(related::import(stored))
        }
        _ => Err(Broken {
            mistakes: found.mistakes.into_sorted(),
            sources: sources.to_vec(),
        }),
    }
}

/// Gives types whose names have a prefix (`acme/user`) names that types of ours can have, in the schema
/// and in the facts.
fn without_prefixes(stored: &mut Stored) {
    let names = stored.model.type_names();
    let (prefixed, plain): (Vec<&str>, Vec<&str>) = names.partition(|it| it.contains('/'));
    let mut names = Names::but(plain);
    let renamed: Vec<(String, String)> = prefixed
        .into_iter()
        .map(|it| (it.to_owned(), names.of(&it.replace('/', "_"))))
        .collect();
    let Some(file) = stored.files.first_mut().filter(|_| !renamed.is_empty()) else {
        return;
    };
    let text = renamed.iter().fold(file.text.clone(), |text, (from, to)| {
        with_name(&text, from, to)
    });
    // Where a caveat divides what is called like a type, the text means something else now.
    let Ok(model) = spicedb::read(&Source::new(SCHEMA, &text)) else {
        return;
    };
    (file.text, stored.model) = (text, model);
    for (fact, _) in &mut stored.facts {
        for object in [&mut fact.object, &mut fact.subject.object] {
            if let Some((_, to)) = renamed.iter().find(|(from, _)| from == object.type_name()) {
                *object = Reference::new(to, object.id());
            }
        }
    }
    for (from, to) in renamed {
        let message = format!("the type `{from}` is called `{to}` here");
        let note = Diagnostic::new(stored.place.clone(), message);
        stored.notes.push(note);
    }
}

/// The text with a name in place of another one, wherever that stands by itself.
fn with_name(text: &str, from: &str, to: &str) -> String {
    let of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/');
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(from) {
        let is_whole = !before.ends_with(of_name) && !after.starts_with(of_name);
        out.push_str(before);
        out.push_str(if is_whole { to } else { from });
        rest = after;
    }
    out + rest
}

impl Found {
    fn file(&mut self, source: &Source) {
        let name = source.name();
        if name.ends_with(".zed") {
            let text = source.text().to_owned();
            self.keep(text, source.place(0..0), spicedb::read(source));
        } else if name.ends_with(".yaml") || name.ends_with(".yml") {
            let root = yaml::read(source, &mut self.mistakes);
            let entries = root.as_ref().and_then(|root| root.map(&mut self.mistakes));
            self.validation(source, entries.unwrap_or_default());
        } else {
            let text = source.text().to_owned();
            self.lines.push((source.clone(), text, source.place(0..0)));
        }
    }

    fn validation(&mut self, source: &Source, entries: &[Entry]) {
        for entry in entries {
            match entry.key.as_str() {
                "schema" => {
                    let read = embedded(source, &entry.value, spicedb::read_part);
                    self.keep(text(&entry.value), entry.value.place.clone(), read);
                }
                "relationships" => {
                    let place = entry.value.place.clone();
                    self.lines.push((source.clone(), text(&entry.value), place));
                }
                "assertions" | "validation" => {
                    let message = format!("`{}` stays where it is", entry.key);
                    let note = Diagnostic::new(entry.place.clone(), message);
                    let help = format!("`lockstep policy test {}` runs it", source.name());
                    self.notes.push(note.help(help));
                }
                "schemaFile" => {
                    let message = "the schema stands in a file of its own";
                    let mistake = Diagnostic::new(entry.place.clone(), message);
                    self.notes.push(mistake.help("name that file too"));
                }
                other => {
                    let message = format!("unknown key `{other}`");
                    let mistake = Diagnostic::new(entry.place.clone(), message);
                    self.mistakes.push(mistake);
                }
            }
        }
    }

    fn keep(&mut self, text: String, place: Place, read: Result<RelationModel, Vec<Diagnostic>>) {
        let Some(model) = told(read, &mut self.mistakes) else {
            return;
        };
        if self.model.is_some() {
            let mistake = Diagnostic::new(place, "a second schema");
            self.mistakes
                .push(mistake.help("import one after the other"));
            return;
        }
        self.model = Some((model, text, place));
    }
}

fn text(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) if !node.is_null() => scalar.text.clone(),
        _ => String::new(),
    }
}
