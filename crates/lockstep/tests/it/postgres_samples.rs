//! The samples for PostgreSQL in `suites/postgres`: as they are they hold; each variant is found where the tables of the
//! READMEs say, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::postgres::{Database, PASSWORD, cluster};
use testkit::{Project, Python, Service};

use crate::real_systems::{Variant, table};
use crate::support::{Report, assert_described, lockstep, root, run};

fn folder(sample: &str) -> PathBuf {
    root().join("suites/postgres").join(sample)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// A database as the sample's files make it, with the change of a variant if one is named.
fn database(folder: &Path, logins: &[&str], variant: Option<&str>) -> Database {
    let database = cluster().database();
    database.execute(&text(&folder.join("schema.sql")));
    if folder.join("rows.sql").exists() {
        database.execute(&text(&folder.join("rows.sql")));
    }
    for login in logins {
        database.execute(&format!("ALTER ROLE {login} PASSWORD '{PASSWORD}';"));
    }
    let file = variant.map(|name| folder.join(format!("variants/{name}.sql")));
    if let Some(file) = file.filter(|file| file.exists()) {
        database.execute(&text(&file));
    }
    database
}

fn prove(folder: &Path, variables: &[(String, String)]) -> Report {
    let project = Project::empty();
    let suite = folder.join("lockstep.yaml");
    // One call at a time, so that what one leaves behind meets the same next one in every run.
    let arguments = [
        "test",
        "--concurrency",
        "1",
        "--suite",
        suite.to_str().unwrap(),
        "--report",
        "json=-",
    ];
    let variables = variables.iter().cloned();
    Report::of(&lockstep(project.path(), &arguments).envs(variables).run())
}

fn holds(report: &Report) {
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.with("held").len(), report.cells.len());
    assert_eq!(report.notes(), Vec::<String>::new());
}

fn is_found(report: &Report, variant: &Variant) {
    let name = &variant.name;
    assert_eq!(
        report.findings(),
        variant.findings,
        "{name}: {}",
        report.told
    );
    let unsure = report.with("inconclusive");
    assert_eq!(unsure.len(), variant.unsure, "{name}: {}", report.told);
    let code = match (variant.findings.len(), variant.unsure) {
        (0, 0) => 0,
        (0, _) => 3,
        _ => 1,
    };
    assert_eq!(report.code, Some(code), "{name}");
}

/// A table has a row for each file of variants, and for no other but those named.
fn is_told_whole(folder: &Path, variants: &[Variant], others: &[&str]) {
    let files = fs::read_dir(folder.join("variants")).unwrap();
    let names = files.map(|file| {
        file.unwrap()
            .path()
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    });
    let mut names: Vec<String> = names
        .chain(others.iter().map(|&name| name.to_owned()))
        .collect();
    names.sort();
    // A mistake of the service may have a change of the database beside it.
    names.dedup();
    let mut told: Vec<String> = variants
        .iter()
        .map(|variant| variant.name.clone())
        .collect();
    told.sort();
    assert_eq!(told, names);
}

/// The database and the service over it. The roles belong to the whole cluster: one test, one after the other.
#[test]
fn the_press_is_proved_at_both_its_layers() {
    let folder = folder(".");
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let python = Python::with(&folder.join("requirements.txt"), kept).unwrap();
    let press = |variant: Option<&str>| {
        let database = database(&folder, &["press_service"], variant);
        let people = ["root", "ada", "vera", "vic", "una", "oscar"];
        let mut variables: Vec<(String, String)> = people
            .map(|name| {
                (
                    format!("{}_PASSWORD", name.to_uppercase()),
                    format!("{name}'s passphrase"),
                )
            })
            .into();
        variables.push(("DATABASE_URL".to_owned(), database.url_as("press_service")));
        variables.push(("WITNESS_URL".to_owned(), database.url()));
        let mistake = variant.filter(|name| MISTAKES.contains(name));
        let log = kept.join("logs").join(format!("press-{}", database.name()));
        let service = Service::start(&log, "/", |port| {
            let mut words = vec!["/usr/bin/env".to_owned()];
            words.extend(
                variables
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            );
            words.push(python.program("python").display().to_string());
            words.push(folder.join("service.py").display().to_string());
            words.extend(["--port".to_owned(), port.to_string()]);
            words.extend(
                mistake
                    .iter()
                    .flat_map(|name| ["--mistake".to_owned(), (*name).to_owned()]),
            );
            words
        });
        let service = service.unwrap();
        variables.push(("API_URL".to_owned(), service.url()));
        let report = prove(&folder, &variables);
        drop(service);
        assert_eq!(scan(&database), scanned(&folder, variant), "{variant:?}");
        let drifts = role_drifts(&folder, &database);
        assert_eq!(drifts, drifted(&folder, variant), "{variant:?}");
        report
    };
    holds(&press(None));
    let variants = table(&folder);
    is_told_whole(&folder, &variants, MISTAKES);
    are_planted(&folder, &variants);
    let mut parted = BTreeMap::new();
    for variant in &variants {
        let report = press(Some(&variant.name));
        is_found(&report, variant);
        let told = disagreements(&report);
        if !told.is_empty() {
            parted.insert(variant.name.clone(), told);
        }
    }
    assert_eq!(parted, layers(&folder));
}

/// What commonly goes wrong is planted under a name that is there.
fn are_planted(folder: &Path, variants: &[Variant]) {
    let text = text(&folder.join("README.md"));
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| goes wrong |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let planted: Vec<&str> = rows
        .filter_map(|line| line.split('|').nth(2))
        .flat_map(str::split_whitespace)
        .map(|name| name.trim_matches('`'))
        .collect();
    assert!(planted.len() > 20, "{planted:?}");
    for name in planted {
        assert!(variants.iter().any(|it| it.name == name), "{name}");
    }
}

/// Where layers disagree, as the README tells it.
fn disagreements(report: &Report) -> String {
    let mut told: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (clash, weaker, name) in report.disagreements() {
        told.entry((clash, weaker))
            .or_default()
            .push(format!("`{name}`"));
    }
    let told = told.iter().map(|((clash, weaker), names)| {
        format!("{clash}, `{weaker}` is weaker: {}", names.join(" "))
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Where layers have to disagree, by the README: `| variant | how, and in what |`.
fn layers(folder: &Path) -> BTreeMap<String, String> {
    let text = text(&folder.join("README.md"));
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| layers of |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let rows = rows.map(|line| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        (
            columns[1].trim_matches('`').to_owned(),
            columns[2].to_owned(),
        )
    });
    rows.collect()
}

/// Where the tables of roles differ from the policy: how, the row, and the line of the policy.
fn role_drifts(folder: &Path, database: &Database) -> Vec<[String; 3]> {
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (policy, tables, people) = (file("policy"), file("tables.yaml"), file("people.yaml"));
    let url = database.url();
    let named = ["--policy", &policy, "--tables", &tables, "--facts", &people];
    let finished = run(&[&["roles", "diff", url.as_str(), "--json"], &named[..]].concat());
    let told: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{}", finished.told()));
    assert_described("roles", &told);
    let drifts = told["drift"].as_array().unwrap().iter();
    drifts
        .map(|drift| {
            let place = &drift["policy"];
            let file = Path::new(place["file"].as_str().unwrap()).file_name();
            let place = format!("{}:{}", file.unwrap().to_str().unwrap(), place["line"]);
            let text = |key: &str| drift[key].as_str().unwrap_or_default().to_owned();
            [text("kind"), text("row"), place]
        })
        .collect()
}

/// Where they have to, by the README: `| variant | difference | row | policy |`.
fn drifted(folder: &Path, variant: Option<&str>) -> Vec<[String; 3]> {
    let text = text(&folder.join("README.md"));
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| roles of |"))
        .take_while(|line| line.starts_with('|'));
    let rows = rows.filter_map(|line| {
        let columns = line.split('|').map(|it| it.trim().trim_matches('`'));
        let [_, name, kind, row, place, _] = columns.collect::<Vec<_>>()[..] else {
            return None;
        };
        (Some(name) == variant).then(|| [kind, row, place].map(str::to_owned))
    });
    rows.collect()
}

/// What a scan finds: rule and object.
fn scan(database: &Database) -> BTreeSet<(String, String)> {
    let url = database.url();
    let roles = [
        "--schema",
        "press",
        "--role",
        "press_app",
        "--role",
        "press_service",
    ];
    // Whatever is called there is of this sample.
    let form = ["--probe-rows", "--format", "json"];
    let finished = run(&[&["scan", url.as_str()], &form[..], &roles[..]].concat());
    let told: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{}", finished.told()));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = told["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| (text(finding, "rule"), text(finding, "object")))
        .collect()
}

/// What a scan has to find, by the README: `| variant | rule | object |`.
fn scanned(folder: &Path, variant: Option<&str>) -> BTreeSet<(String, String)> {
    let text = text(&folder.join("README.md"));
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| scanned |"));
    let rows = rows.filter_map(|line| {
        let columns: Vec<&str> = line
            .split('|')
            .map(|it| it.trim().trim_matches('`'))
            .collect();
        let [_, name, rule, object, _] = columns[..] else {
            return None;
        };
        (Some(name) == variant).then(|| (rule.to_owned(), object.to_owned()))
    });
    rows.collect()
}

/// The mistakes of the service itself.
const MISTAKES: &[&str] = &[
    "header-over-token",
    "context-left",
    "as-the-owner",
    "authors-only",
    "removing-elsewhere",
    "list-of-all",
];

#[test]
fn a_database_in_the_shape_of_supabase_is_proved() {
    each_is_found("supabase", "circle_prover");
}

#[test]
fn tenants_in_schemas_of_their_own_are_proved() {
    each_is_found("by-schema", "parcels_service");
}

fn each_is_found(sample: &str, login: &str) {
    let folder = folder(sample);
    let sample = |variant: Option<&str>| {
        let database = database(&folder, &[login], variant);
        let variables = [
            ("DATABASE_URL".to_owned(), database.url_as(login)),
            ("WITNESS_URL".to_owned(), database.url()),
        ];
        prove(&folder, &variables)
    };
    holds(&sample(None));
    let variants = table(&folder);
    is_told_whole(&folder, &variants, &[]);
    for variant in &variants {
        is_found(&sample(Some(&variant.name)), variant);
    }
}

#[test]
fn tenants_in_databases_of_their_own_are_proved() {
    let folder = folder("by-database");
    let schema = text(&folder.join("schema.sql"));
    let sample = |variant: Option<&str>| {
        let tenant = |tenant: &str, variant: Option<&str>| {
            let database = cluster().database();
            let change = variant.map(|name| text(&folder.join(format!("variants/{name}.sql"))));
            let change = change.unwrap_or_default();
            database.execute(&format!(
                "\\set tenant {tenant}\n{schema}{change}ALTER ROLE letters_{tenant} PASSWORD '{PASSWORD}';"
            ));
            database
        };
        let (east, west) = (tenant("east", None), tenant("west", variant));
        let variables = [
            ("EAST_URL", east.url()),
            ("WEST_URL", west.url()),
            ("EAST_PASSWORD", PASSWORD.to_owned()),
            ("WEST_PASSWORD", PASSWORD.to_owned()),
        ];
        prove(
            &folder,
            &variables.map(|(name, value)| (name.to_owned(), value)),
        )
    };
    holds(&sample(None));
    let variants = table(&folder);
    is_told_whole(&folder, &variants, &[]);
    for variant in &variants {
        is_found(&sample(Some(&variant.name)), variant);
    }
}
