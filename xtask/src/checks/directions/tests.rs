use super::*;

/// `name -> dependency (kind)` and what is said about it, with one line for each breach.
fn check_edge(name: &str, dependency: &str, kind: Kind) -> String {
    let krate = Crate {
        name: name.to_owned(),
        folder: format!("crates/{name}"),
        ours: vec![Dependency {
            name: dependency.to_owned(),
            kind,
        }],
        ..Crate::default()
    };
    let said: Vec<_> = check(&[krate]).iter().map(Breach::to_string).collect();
    said.join("\n")
}

#[test]
fn allowed_edges_pass() {
    for (name, dependency, kind) in [
        ("suite", "authz", Kind::Normal),
        ("runner", "authz", Kind::Normal), // through suite
        ("report", "authz", Kind::Dev),    // through suite
        ("lockstep", "demo", Kind::Normal),
        ("lockstep", "authz-store", Kind::Normal), // through authz-server
        ("lockstep", "testkit", Kind::Dev),
        ("runner", "testkit", Kind::Dev),
        ("benches", "testkit", Kind::Normal),
    ] {
        assert_eq!(
            check_edge(name, dependency, kind),
            "",
            "{name} -> {dependency}"
        );
    }
}

#[test]
fn forbidden_edges_are_refused() {
    for (name, dependency, kind) in [
        ("authz", "suite", Kind::Normal),
        ("report", "runner", Kind::Normal),
        ("report", "runner", Kind::Dev),
        ("suite", "runner", Kind::Build),
        ("runner", "authz-server", Kind::Normal),
        ("runner", "demo", Kind::Dev),
        ("demo", "authz", Kind::Dev),
        ("demo", "testkit", Kind::Dev),
        ("testkit", "suite", Kind::Normal),
        ("lockstep", "testkit", Kind::Normal),
        ("lockstep", "testkit", Kind::Build),
        ("benches", "demo", Kind::Normal),
    ] {
        assert_ne!(
            check_edge(name, dependency, kind),
            "",
            "{name} -> {dependency}"
        );
    }
}

#[test]
fn a_refusal_names_the_file_and_what_is_allowed() {
    assert_eq!(
        check_edge("report", "runner", Kind::Normal),
        "error: crates/report/Cargo.toml: `report` must not use `runner`; it may use `authz`, `suite`"
    );
    assert_eq!(
        check_edge("demo", "authz", Kind::Normal),
        "error: crates/demo/Cargo.toml: `demo` must not use `authz`; it may use none of ours"
    );
    assert_eq!(
        check_edge("lockstep", "testkit", Kind::Normal),
        "error: crates/lockstep/Cargo.toml: `testkit` is a dev-dependency only"
    );
}

#[test]
fn a_crate_without_a_row_is_refused() {
    assert!(check_edge("cellar", "authz", Kind::Normal).contains("`cellar` has no row"));
}
