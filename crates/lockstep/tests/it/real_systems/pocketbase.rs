//! PocketBase: users with passwords, tokens, and a rule for each way to get at a collection.

use std::path::Path;
use std::process::Command;

use testkit::{Python, Service, python};

use super::{Started, System, Variables};

const POCKETBASE: System = System {
    name: "pocketbase",
    url: "POCKETBASE_URL",
    people: &["root", "writer", "deputy", "viewer", "outsider"],
    start,
};

fn start(system: &System, environment: &Python, folder: &Path, variables: &Variables) -> Started {
    let program = environment.program("pocketbase");
    let program = program.to_str().unwrap();
    let data = folder.join("data");
    let data = data.to_str().unwrap();
    let password = variables.iter().find(|(name, _)| name == "ROOT_PASSWORD");
    let (_, password) = password.unwrap();
    let mut superuser = Command::new(program);
    superuser.args([
        "superuser",
        "upsert",
        "root@press.test",
        password,
        "--dir",
        data,
    ]);
    python::run(&mut superuser)?;
    Service::start(&system.log(folder), "/api/health", |port| {
        let address = format!("127.0.0.1:{port}");
        let words = [
            program,
            "serve",
            "--automigrate=false",
            "--http",
            &address,
            "--dir",
            data,
        ];
        words.map(str::to_owned).to_vec()
    })
}

#[test]
fn pocketbase_holds() {
    POCKETBASE.holds();
}

#[test]
fn wrong_rules_of_pocketbase_are_found() {
    POCKETBASE.is_found_out();
}

#[test]
fn the_table_names_the_mistakes_that_can_be_made_with_pocketbase() {
    POCKETBASE.is_told_whole();
}
