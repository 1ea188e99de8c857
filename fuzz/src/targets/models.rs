//! The languages of relation models, and the relationships that go with them.

use std::sync::LazyLock;

use authz::language::{openfga, spicedb};
use authz::source::Source;
use authz::{RelationModel, Relationship};

use super::{now, source, told};
use crate::round_trips::round_trips;

pub(crate) fn openfga(bytes: &[u8]) {
    let Some(source) = source("model.fga", bytes) else {
        return;
    };
    let Some(model) = told(openfga::read(&source), &[source]) else {
        return;
    };
    round_trips(&model);
}

/// The bytes as the JSON form, and the JSON form of what they are in the other language.
pub(crate) fn openfga_json(bytes: &[u8]) {
    let Some(source) = source("model.json", bytes) else {
        return;
    };
    let as_json = told(openfga::read_json(&source), std::slice::from_ref(&source));
    let as_text = openfga::read(&source).ok();
    for model in as_json.iter().chain(&as_text) {
        round_trips(model);
    }
}

/// A manifest; or several modules, parted by lines of `---`.
pub(crate) fn modules(bytes: &[u8]) {
    let Some(source) = source("fga.mod", bytes) else {
        return;
    };
    told(
        openfga::read_manifest(&source),
        std::slice::from_ref(&source),
    );
    let parts = source.text().split("\n---\n").enumerate();
    let parts: Vec<Source> = parts
        .map(|(number, text)| Source::new(&format!("{number}.fga"), text))
        .collect();
    if let Some(model) = told(openfga::read_modules(&parts), &parts) {
        round_trips(&model);
    }
}

pub(crate) fn spicedb(bytes: &[u8]) {
    let Some(source) = source("schema.zed", bytes) else {
        return;
    };
    if let Some(model) = told(spicedb::read(&source), &[source]) {
        round_trips(&model);
    }
}

const STORE: &str = "model_file: model.fga\ntuple_file: tuples.NAME\ntests: []\n";
const MODEL: &str = "model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user, group#member]\n\
    type document\n  relations\n    define viewer: [user, user:*, group#member, user with small]\n\
    condition small(x: int) { x < 3 }\n";

static READ: LazyLock<RelationModel> =
    LazyLock::new(|| openfga::read(&Source::new("model.fga", MODEL)).unwrap());

/// The bytes as relationships a line, and as a file of tuples in each of its forms.
pub(crate) fn tuples(bytes: &[u8]) {
    let Some(source) = source("tuples.txt", bytes) else {
        return;
    };
    for line in source.text().lines() {
        let Ok(fact) = line.parse::<Relationship>() else {
            continue;
        };
        let printed = fact.to_string();
        assert_eq!(
            printed.parse::<Relationship>().as_ref(),
            Ok(&fact),
            "{printed}"
        );
        let _checked = fact.check(&READ);
    }
    for form in ["csv", "json", "yaml"] {
        let store = Source::new("store.fga.yaml", &STORE.replace("NAME", form));
        let load = &mut |name: &str| match name {
            "model.fga" => Ok(Source::new(name, MODEL)),
            _ => Ok(Source::new(name, source.text())),
        };
        super::tests::run(&store, load, now());
    }
}
