//! Policies of other systems: what is written of them, and what is told not to map.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use authz::source::{Diagnostic, Source, render};
use authz_analysis::import::{Import, Origin, import};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import")
}

/// The files of a case: each behind a line `== NAME`.
fn parts(text: &str) -> Vec<Source> {
    let text = text.strip_prefix("== ").unwrap();
    let parts = text.split("\n== ");
    let parts = parts.map(|part| part.split_once('\n').unwrap());
    parts.map(|(name, text)| Source::new(name, text)).collect()
}

/// What an import comes to, as a person would look at it.
fn shown(case: &str) -> String {
    let text = fs::read_to_string(folder().join(case)).unwrap();
    let origin = match case.split('_').next().unwrap() {
        "casbin" => Origin::Casbin,
        "openfga" => Origin::OpenFga,
        _ => Origin::SpiceDb,
    };
    let mut files: Vec<Source> = parts(&text);
    let beside = files.split_off(files.len().min(
        if origin == Origin::OpenFga && case.contains("store") {
            1
        } else {
            9
        },
    ));
    let mut load = |name: &str| {
        let found = beside.iter().find(|source| source.name() == name);
        found.cloned().ok_or_else(|| "no such file".to_owned())
    };
    match import(origin, &files, &mut load) {
        Ok(import) => of(&import),
        Err(broken) => render(&broken.mistakes, &broken.sources, false),
    }
}

fn of(import: &Import) -> String {
    let mut out = String::new();
    for file in &import.files {
        let _ = writeln!(out, "== {}\n{}", file.path, file.text);
    }
    for (what, told) in [("lost", &import.lost), ("note", &import.notes)] {
        for Diagnostic {
            place,
            message,
            help,
            ..
        } in told
        {
            let help = help.as_deref().map(|help| format!("; {help}"));
            let _ = writeln!(
                out,
                "{what}  {place}  {message}{}",
                help.unwrap_or_default()
            );
        }
    }
    out
}

#[test]
fn what_is_written_and_what_does_not_map() {
    let mut cases: BTreeMap<String, String> = BTreeMap::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        cases.insert(name.clone(), shown(&name));
    }
    assert_eq!(cases.len(), 15);
    for (name, shown) in cases {
        insta::assert_snapshot!(name.trim_end_matches(".case"), shown);
    }
}

#[test]
fn a_matcher_that_is_nested_too_deeply_is_told() {
    let model = |matcher: &str| {
        format!(
            "[request_definition]\nr = sub, obj, act\n[policy_definition]\np = sub, obj, act\n[policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\nm = {matcher}\n"
        )
    };
    for deep in ["!".repeat(300_000) + "true", "(".repeat(300_000)] {
        let files = [
            Source::new("model.conf", &model(&deep)),
            Source::new("policy.csv", "p, ann, doc, read\n"),
        ];
        let told = match import(Origin::Casbin, &files, &mut |_| Err("none".to_owned())) {
            Ok(import) => format!("{:?}", import.lost),
            Err(broken) => format!("{:?}", broken.mistakes),
        };
        assert!(told.contains("it is nested too deeply"));
    }
}

#[test]
fn a_name_that_is_empty_or_too_long_is_told() {
    let model = "[request_definition]\nr = sub, obj, act\n[policy_definition]\np = sub, obj, act\n[role_definition]\ng = _, _\n[policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\nm = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act\n";
    let long = "x".repeat(1_024);
    for lines in [
        "p, , doc, read\n",
        "p, staff, doc, read\ng, , staff\n",
        &format!("p, staff, doc, read\ng, {long}, staff\n"),
        &format!("p, {long}, doc, read\n"),
    ] {
        let files = [
            Source::new("model.conf", model),
            Source::new("policy.csv", lines),
        ];
        let import = import(Origin::Casbin, &files, &mut |_| Err("none".to_owned())).unwrap();
        assert_eq!(import.lost.len(), 1, "{lines}");
    }
}
