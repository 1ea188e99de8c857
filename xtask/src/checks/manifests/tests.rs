use super::*;

fn check_manifest(dependencies: &str) -> String {
    let krate = Crate {
        name: "suite".to_owned(),
        folder: "crates/suite".to_owned(),
        manifest: format!("[lints]\nworkspace = true\n[dependencies]\n{dependencies}"),
        ..Crate::default()
    };
    let said: Vec<_> = check(&[krate]).iter().map(Breach::to_string).collect();
    said.join("\n")
}

#[test]
fn reasons_beside_and_above_pass() {
    for dependencies in [
        "regex.workspace = true # linear time",
        "# linear time\nregex.workspace = true",
        "# linear time\nregex = { workspace = true, features = [\n  \"std\",\n] }\n",
        "suite.workspace = true", // ours speak for themselves
        "[features]\nwide = []",
    ] {
        assert_eq!(check_manifest(dependencies), "", "{dependencies}");
    }
}

#[test]
fn a_dependency_without_reason_is_named_with_its_line() {
    let said = "error: crates/suite/Cargo.toml:4: `regex` has no reason: a comment on the line or above it";
    for dependencies in [
        "regex.workspace = true",
        "regex.workspace = true #",
        "regex = { workspace = true }",
    ] {
        assert_eq!(check_manifest(dependencies), said);
    }
}

#[test]
fn a_reason_serves_one_dependency() {
    let said = check_manifest("# linear time\nregex.workspace = true\nserde.workspace = true");
    assert!(said.contains(":6: `serde` has no reason"), "{said}");
    let said = check_manifest("# linear time\n\nregex.workspace = true");
    assert!(said.contains(":6: `regex` has no reason"), "{said}");
}

#[test]
fn every_kind_of_dependency_is_read() {
    for kind in [
        "dev-dependencies",
        "build-dependencies",
        "target.'cfg(unix)'.dependencies",
    ] {
        let said = check_manifest(&format!("[{kind}]\ninsta.workspace = true"));
        assert!(said.contains(":5: `insta` has no reason"), "{kind}: {said}");
    }
}

#[test]
fn a_version_of_its_own_is_refused() {
    let said = check_manifest("regex = \"1\" # linear time");
    assert!(said.contains(":4: `regex` is not taken from"), "{said}");
}

#[test]
fn lints_must_be_inherited() {
    for lints in [
        "",
        "[lints]\nworkspace = false",
        "[lints.rust]\nunsafe_code = \"allow\"",
    ] {
        let said = check_lints("Cargo.toml", lints).map(|breach| breach.message);
        assert_eq!(
            said.as_deref(),
            Some("the lints of the workspace are not inherited")
        );
    }
    assert!(check_lints("Cargo.toml", "[lints").is_some());
}
