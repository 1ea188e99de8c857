use super::*;

fn check_text(text: &str) -> Vec<String> {
    let file = |path: &str| File {
        path: path.to_owned(),
        text: String::new(),
    };
    let files = [file("crates/authz/src/lib.rs"), file(".ci/run")];
    check_paths(text, &files)
        .iter()
        .map(Breach::to_string)
        .collect()
}

#[test]
fn files_and_folders_that_exist_pass() {
    for text in [
        "see `crates/authz/src/lib.rs` and `crates/authz/` and `crates/authz`",
        "`.ci/run` is the gate",
        "`https://example.test/`, `a b/c`, `no-slash`, and/or",
        "```\ncrates/gone.rs `crates/gone.rs`\n```",
    ] {
        assert_eq!(check_text(text), [""; 0], "{text}");
    }
}

#[test]
fn a_path_that_is_gone_is_named_with_its_line() {
    let said = "error: ARCHITECTURE.md:2: `crates/gone` is named, but no tracked file is there";
    assert_eq!(check_text("one\ntwo `.ci/run` three `crates/gone`"), [said]);
    assert_eq!(check_text("`crates/aut`").len(), 1);
    assert_eq!(check_text("```\n```\n`crates/gone`").len(), 1);
}

#[test]
fn the_changelog_awaits_the_next_change() {
    assert_eq!(
        check_changelog(Some("# Changelog\n\n## [Unreleased]\n")),
        None
    );
    for text in [
        None,
        Some("## [0.1.0]"),
        Some("# Unreleased"),
        Some("no ## [Unreleased]"),
    ] {
        assert!(check_changelog(text).is_some(), "{text:?}");
    }
}
