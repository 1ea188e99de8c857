//! What OpenFGA's tools write: models as DSL, as JSON and in modules, store files, and tuples as
//! YAML, JSON (with or without the `key` of the API) and CSV.

use authz::language::{beside, openfga};
use authz::source::yaml::{self, Entry, Node, Value};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use authz::{RelationModel, Relationship};

use super::related::{self, Stored};
use super::{File, Import};
use crate::policy_tests::{Broken, Load, told, tuples};

/// What the files turned out to be.
#[derive(Default)]
struct Found {
    model: Option<(RelationModel, Vec<File>, Place)>,
    /// Lists of tuples, and CSV files of them.
    lists: Vec<Node>,
    tables: Vec<Source>,
    notes: Vec<Diagnostic>,
}

struct Reader<'a, 'l> {
    load: &'a mut Load<'l>,
    found: Found,
    loaded: Vec<Source>,
    mistakes: Diagnostics,
}

pub(super) fn import(sources: &[Source], load: &mut Load<'_>) -> Result<Import, Broken> {
    let mut reader = Reader {
        load,
        found: Found::default(),
        loaded: Vec::new(),
        mistakes: Diagnostics::default(),
    };
    for source in sources {
        reader.file(source);
    }
    if let (None, Some(source), true) = (
        &reader.found.model,
        sources.first(),
        reader.mistakes.is_empty(),
    ) {
        let mistake = Diagnostic::new(source.place(0..0), "there is no model among these files");
        let help = "name the model too: `model.fga`, `model.json`, `fga.mod` or a store file";
        reader.mistakes.push(mistake.help(help));
    }
    let Reader {
        found,
        loaded,
        mistakes,
        ..
    } = reader;
    let all = || sources.iter().chain(&loaded).cloned().collect();
    match (found.model, mistakes.is_empty()) {
        (Some((model, files, place)), true) => {
            let mut lost = Diagnostics::default();
            let mut facts = Vec::new();
            for list in &found.lists {
                facts.extend(of_list(list, &model, &mut lost));
            }
            for table in &found.tables {
                facts.extend(tuples::of_csv(table, &model, &mut lost));
            }
            Ok(related::import(Stored {
                model,
                files,
                place,
                facts,
                lost,
                notes: found.notes,
            }))
        }
        _ => Err(Broken {
            mistakes: mistakes.into_sorted(),
            sources: all(),
        }),
    }
}

/// The tuples of a list, each as it is or, as the API tells it, under `key`.
fn of_list(
    list: &Node,
    model: &RelationModel,
    lost: &mut Diagnostics,
) -> Vec<(Relationship, Place)> {
    let mut facts = Vec::new();
    for item in list.list(lost).into_iter().flatten() {
        let key = match &item.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == "key"),
            _ => None,
        };
        let tuple = key.map_or(item, |entry| &entry.value);
        facts.extend(tuples::of_item(tuple, model, lost));
    }
    facts
}

impl Reader<'_, '_> {
    fn file(&mut self, source: &Source) {
        let name = source.name();
        if name.ends_with(".fga") {
            self.model_of(source, "model.fga", openfga::read(source));
        } else if name.ends_with(".mod") {
            self.modules(source);
        } else if name.ends_with(".csv") {
            self.found.tables.push(source.clone());
        } else if let Some(root) = yaml::read(source, &mut self.mistakes) {
            self.document(source, root);
        }
    }

    fn document(&mut self, source: &Source, root: Node) {
        let Value::Map(entries) = &root.value else {
            self.list(root);
            return;
        };
        let find = |key: &str| entries.iter().find(|entry| entry.key == key);
        if find("type_definitions").is_some() {
            self.model_of(source, "model.json", openfga::read_json(source));
        } else if find("model").is_some() || find("model_file").is_some() {
            self.store(source, entries);
        } else if find("tuples").is_some() {
            self.list(root);
        } else {
            let mistake = Diagnostic::new(
                source.place(0..0),
                "this is neither a model nor tuples nor a store file",
            );
            self.mistakes.push(mistake);
        }
    }

    /// A list of tuples, or the page of the API that holds one.
    fn list(&mut self, root: Node) {
        let page = match &root.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == "tuples"),
            _ => None,
        };
        let list = page.map(|entry| entry.value.clone());
        self.found.lists.push(list.unwrap_or(root));
    }

    /// A store file: its model and tuples; its tests stay where they are.
    fn store(&mut self, source: &Source, entries: &[Entry]) {
        for entry in entries {
            match entry.key.as_str() {
                "model" => self.inline_model(source, &entry.value),
                "model_file" => self.named_model(source, &entry.value),
                "tuples" if !entry.value.is_null() => self.found.lists.push(entry.value.clone()),
                "tuple_file" => self.named_tuples(source, &entry.value),
                "tuple_files" => {
                    let files = entry.value.list(&mut self.mistakes).unwrap_or_default();
                    files
                        .iter()
                        .for_each(|node| self.named_tuples(source, node));
                }
                "tests" => {
                    let message = "tests stay where they are, with the tuples that they add";
                    let note = Diagnostic::new(entry.place.clone(), message);
                    let help = format!("`lockstep policy test {}` runs them", source.name());
                    self.found.notes.push(note.help(help));
                }
                "name" | "description" | "tuples" => {}
                other => {
                    let message = format!("unknown key `{other}`");
                    let mistake = Diagnostic::new(entry.place.clone(), message);
                    self.mistakes.push(mistake);
                }
            }
        }
    }

    fn inline_model(&mut self, source: &Source, node: &Node) {
        let read = crate::policy_tests::embedded(source, node, openfga::read_part);
        let text = match &node.value {
            Value::Scalar(scalar) => scalar.text.clone(),
            _ => String::new(),
        };
        self.keep("model.fga", text, &node.place, read);
    }

    fn named_model(&mut self, store: &Source, node: &Node) {
        let path = node.text(&mut self.mistakes).map(str::to_owned);
        let Some(source) = path.and_then(|path| self.load(store, &path, &node.place)) else {
            return;
        };
        if source.name().ends_with(".mod") {
            self.modules(&source);
        } else if source.name().ends_with(".json") {
            self.model_of(&source, "model.json", openfga::read_json(&source));
        } else {
            self.model_of(&source, "model.fga", openfga::read(&source));
        }
    }

    fn named_tuples(&mut self, store: &Source, node: &Node) {
        let path = node.text(&mut self.mistakes).map(str::to_owned);
        let source = path.and_then(|path| self.load(store, &path, &node.place));
        if let Some(source) = source {
            match source.name().ends_with(".csv") {
                true => self.found.tables.push(source),
                false => {
                    let root = yaml::read(&source, &mut self.mistakes);
                    root.into_iter().for_each(|root| self.list(root));
                }
            }
        }
    }

    /// The modules that a manifest names, from its folder.
    fn modules(&mut self, manifest: &Source) {
        let Some(named) = told(openfga::read_manifest(manifest), &mut self.mistakes) else {
            return;
        };
        let mut files = vec![File {
            path: "fga.mod".to_owned(),
            text: manifest.text().to_owned(),
        }];
        let mut modules = Vec::new();
        for module in named {
            let Some(source) = self.load(manifest, &module.path, &module.place) else {
                continue;
            };
            files.push(File {
                path: module.path.trim_start_matches("./").to_owned(),
                text: source.text().to_owned(),
            });
            modules.push(source);
        }
        let read = openfga::read_modules(&modules);
        self.keep_all(files, manifest.place(0..0), read);
    }

    /// Loads the file at `path` from the folder of the one that names it.
    fn load(&mut self, of: &Source, path: &str, place: &Place) -> Option<Source> {
        let is_outside = path.starts_with('/') || path.split(['/', '\\']).any(|it| it == "..");
        let read = match is_outside {
            true => Err("it is outside of the folder of the file that names it".to_owned()),
            false => (self.load)(&beside(of.name(), path)),
        };
        match read {
            Ok(source) => {
                self.loaded.push(source.clone());
                Some(source)
            }
            Err(why) => {
                let message = format!("`{path}` cannot be read: {why}");
                self.mistakes.push(Diagnostic::new(place.clone(), message));
                None
            }
        }
    }

    fn model_of(
        &mut self,
        source: &Source,
        path: &str,
        read: Result<RelationModel, Vec<Diagnostic>>,
    ) {
        self.keep(path, source.text().to_owned(), &source.place(0..0), read);
    }

    fn keep(
        &mut self,
        path: &str,
        text: String,
        place: &Place,
        read: Result<RelationModel, Vec<Diagnostic>>,
    ) {
        let path = path.to_owned();
        self.keep_all(vec![File { path, text }], place.clone(), read);
    }

    fn keep_all(
        &mut self,
        files: Vec<File>,
        place: Place,
        read: Result<RelationModel, Vec<Diagnostic>>,
    ) {
        let Some(model) = told(read, &mut self.mistakes) else {
            return;
        };
        if self.found.model.is_some() {
            let mistake = Diagnostic::new(place, "a second model");
            self.mistakes
                .push(mistake.help("import one after the other"));
            return;
        }
        self.found.model = Some((model, files, place));
    }
}
