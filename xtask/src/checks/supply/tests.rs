use super::*;

const DENY: &str = r#"
[licenses]
allow = ["MIT", "Apache-2.0"]
exceptions = [{ crate = "lonely", allow = ["Zlib"] }]
[bans]
deny = [{ crate = "reqwest", reason = "rewrites paths" }]
[sources]
allow-registry = ["https://example.test/index"]
"#;

fn package(name: &str, license: Option<&str>, source: Option<&str>) -> Package {
    Package {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        license: license.map(str::to_owned),
        source: source.map(str::to_owned),
    }
}

/// What is said about a package beside `lonely`, whose exception is then in use.
fn check_package(name: &str, license: Option<&str>, source: Option<&str>) -> String {
    let registry = Some("registry+https://example.test/index");
    let packages = [
        package("lonely", Some("Zlib"), registry),
        package(name, license, source),
    ];
    let said: Vec<_> = check(&packages, Some(DENY))
        .iter()
        .map(Breach::to_string)
        .collect();
    said.join("\n")
}

fn check_licence(license: &str) -> String {
    check_package(
        "widget",
        Some(license),
        Some("registry+https://example.test/index"),
    )
}

#[test]
fn expressions_are_met() {
    for license in [
        "MIT",
        "MIT OR GPL-3.0-only",
        "GPL-3.0-only OR MIT",
        "MIT/Apache-2.0",
        "MIT AND Apache-2.0",
        "(MIT OR Apache-2.0) AND Apache-2.0",
        "GPL-3.0-only AND Zlib OR MIT", // `AND` first
        "Apache-2.0 WITH LLVM-exception OR MIT",
    ] {
        assert_eq!(check_licence(license), "", "{license}");
    }
}

#[test]
fn expressions_are_not_met() {
    for license in [
        "GPL-3.0-only",
        "Zlib", // allowed for another package only
        "MIT AND GPL-3.0-only",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "GPL-3.0-only AND (MIT OR Zlib)",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        let said = format!("error: widget 1.0.0: licence `{license}` is not allowed by deny.toml");
        assert_eq!(check_licence(license), said);
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    for license in [
        "",
        "MIT OR",
        "(MIT",
        "MIT)",
        "MIT Apache-2.0",
        "AND MIT",
        "MIT WITH",
    ] {
        let said = format!("error: widget 1.0.0: licence `{license}` is not an SPDX expression");
        assert_eq!(check_licence(license), said);
    }
}

#[test]
fn a_package_without_licence_is_refused() {
    let said = check_package("widget", None, Some("registry+https://example.test/index"));
    assert_eq!(said, "error: widget 1.0.0: has no licence expression");
}

#[test]
fn other_sources_are_refused() {
    for source in [
        "git+https://example.test/index",
        "registry+https://elsewhere.test/index",
    ] {
        let said = check_package("widget", Some("MIT"), Some(source));
        assert!(said.contains(&format!("comes from `{source}`")), "{said}");
    }
    assert!(check_package("widget", Some("MIT"), None).contains("outside the workspace"));
}

#[test]
fn a_banned_package_is_refused_with_the_reason() {
    let said = check_package(
        "reqwest",
        Some("MIT"),
        Some("registry+https://example.test/index"),
    );
    assert_eq!(
        said,
        "error: reqwest 1.0.0: is banned by deny.toml: rewrites paths"
    );
}

#[test]
fn an_exception_that_nobody_needs_is_named() {
    let said: Vec<_> = check(&[], Some(DENY))
        .iter()
        .map(Breach::to_string)
        .collect();
    assert_eq!(
        said,
        ["error: deny.toml: the exception for `lonely` is not needed any more"]
    );
}

#[test]
fn a_missing_or_broken_file_is_refused() {
    assert_eq!(check(&[], None).len(), 1);
    assert_eq!(check(&[], Some("[licenses")).len(), 1);
}
