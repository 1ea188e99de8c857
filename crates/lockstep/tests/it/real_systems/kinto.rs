//! Kinto: buckets, collections, groups and permissions; a user's id is learnt at run time.

use std::path::Path;

use testkit::{Python, Service};

use super::{Started, System, Variables};

const KINTO: System = System {
    name: "kinto",
    url: "KINTO_URL",
    people: &["admin", "author", "editor", "reader", "stranger"],
    start,
};

fn start(system: &System, python: &Python, folder: &Path, _: &Variables) -> Started {
    let program = python.program("kinto");
    let program = program.to_str().unwrap();
    let ini = system.folder().join("kinto.ini");
    let ini = ini.to_str().unwrap();
    Service::start(&system.log(folder), "/v1/", |port| {
        let port = port.to_string();
        let words = [program, "start", "--ini", ini, "--port", &port];
        words.map(str::to_owned).to_vec()
    })
}

#[test]
fn kinto_holds() {
    KINTO.holds();
}

#[test]
fn mistakes_in_setting_up_kinto_are_found() {
    KINTO.is_found_out();
}

#[test]
fn the_table_names_the_mistakes_that_can_be_made_with_kinto() {
    KINTO.is_told_whole();
}
