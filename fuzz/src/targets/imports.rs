//! Policies of other systems, read into ours.

use authz::source::Source;
use authz_analysis::import::{Import, Origin, import};

use super::{source, told};

const MODEL: &str = "[request_definition]\nr = sub, obj, act\n[policy_definition]\np = sub, obj, act\n\
    [role_definition]\ng = _, _\n[policy_effect]\ne = some(where (p.eft == allow))\n\
    [matchers]\nm = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act\n";
const LINES: &str = "p, admin, post, read\ng, alice, admin\n";

/// The bytes as files; as a model beside lines; and as lines beside a model.
pub(crate) fn casbin(bytes: &[u8]) {
    read(Origin::Casbin, bytes);
    for (name, other, beside) in [
        ("model.conf", "policy.csv", LINES),
        ("policy.csv", "model.conf", MODEL),
    ] {
        if let Some(source) = source(name, bytes) {
            taken(Origin::Casbin, &[source, Source::new(other, beside)]);
        }
    }
}

pub(crate) fn openfga(bytes: &[u8]) {
    read(Origin::OpenFga, bytes);
}

pub(crate) fn spicedb(bytes: &[u8]) {
    read(Origin::SpiceDb, bytes);
}

/// The bytes as files, each behind a line `== NAME`, as the tests have them.
fn read(origin: Origin, bytes: &[u8]) {
    let Some(all) = source("x", bytes) else {
        return;
    };
    let all = all.text().strip_prefix("== ").unwrap_or(all.text());
    let parts = all.split("\n== ");
    let files = parts.map(|part| {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        Source::new(name, text)
    });
    taken(origin, &files.collect::<Vec<Source>>());
}

/// What is refused is refused for what was handed in, never for what was made of it.
fn taken(origin: Origin, files: &[Source]) {
    let load = &mut |name: &str| {
        let found = files.iter().find(|file| file.name() == name);
        found.cloned().ok_or_else(|| "no such file".to_owned())
    };
    match import(origin, files, load) {
        Ok(Import { lost, notes, .. }) => {
            for it in lost.iter().chain(&notes) {
                assert!(!it.message.is_empty(), "lost without a word");
            }
        }
        Err(broken) => {
            let is_given = |it: &Source| {
                let mut files = files.iter();
                files.any(|file| file.name() == it.name() && file.text() == it.text())
            };
            let made = broken.sources.iter().find(|it| !is_given(it));
            let text = authz::source::render(&broken.mistakes, &broken.sources, false);
            assert!(made.is_none(), "{text}\n{made:?}");
            told::<()>(Err(broken.mistakes), &broken.sources);
        }
    }
}
