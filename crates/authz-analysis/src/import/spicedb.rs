//! What SpiceDB's tools write: a schema (`.zed`), relationships one a line, and validation files,
//! which hold both.

use authz::language::spicedb;
use authz::source::yaml::{self, Entry, Node, Value};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use authz::{RelationModel, Relationship};

use super::related::{self, Stored};
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
            Ok(related::import(Stored {
                model,
                files: vec![File { path, text }],
                place,
                facts,
                lost,
                notes: found.notes,
            }))
        }
        _ => Err(Broken {
            mistakes: found.mistakes.into_sorted(),
            sources: sources.to_vec(),
        }),
    }
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
