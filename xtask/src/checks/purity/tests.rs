use super::*;

fn check_pure(name: &str, tree: &[&str], clippy: Option<&str>) -> Vec<String> {
    let krate = Crate {
        name: name.to_owned(),
        folder: format!("crates/{name}"),
        tree: tree.iter().map(|name| (*name).to_owned()).collect(),
        ..Crate::default()
    };
    check(&[krate], |_| clippy)
        .iter()
        .map(Breach::to_string)
        .collect()
}

/// A clippy.toml with all that any crate must disallow.
fn whole_lists() -> String {
    let methods = list("disallowed-methods", OUTSIDE);
    methods + &list("disallowed-types", HASH_ORDERED)
}

fn list(key: &str, paths: &[&str]) -> String {
    let entries: Vec<_> = paths
        .iter()
        .map(|path| format!("    {{ path = \"{path}\", reason = \"a pure crate\" }},\n"))
        .collect();
    format!("{key} = [\n{}]\n", entries.concat())
}

#[test]
fn whole_lists_and_a_clean_tree_pass() {
    let lists = whole_lists();
    for name in ["authz", "suite"] {
        let said = check_pure(name, &["serde", "regex"], Some(&lists));
        assert_eq!(said, [""; 0], "{name}");
    }
}

#[test]
fn each_missing_path_is_named() {
    for (key, paths) in [
        ("disallowed-methods", OUTSIDE),
        ("disallowed-types", HASH_ORDERED),
    ] {
        for path in paths {
            let lists = whole_lists().replace(&format!("\"{path}\""), "\"std::mem::drop\"");
            let said = check_pure("suite", &[], Some(&lists)).join("\n");
            let expected =
                format!("error: crates/suite/clippy.toml: `{path}` is missing from `{key}`");
            assert_eq!(said, expected);
        }
    }
}

#[test]
fn a_missing_or_broken_list_is_refused() {
    assert_eq!(check_pure("authz", &[], None).len(), 1);
    assert_eq!(
        check_pure("authz", &[], Some("disallowed-methods = [")).len(),
        1
    );
    assert_eq!(check_pure("authz", &[], Some("")).len(), OUTSIDE.len());
}

#[test]
fn a_runtime_in_the_tree_is_refused() {
    for name in NEVER_IN_TREE {
        let said = check_pure("report", &["serde", name], None);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said.concat().contains(&format!("`{name}` is in its tree")));
    }
}

#[test]
fn other_crates_are_not_looked_at() {
    assert_eq!(check_pure("runner", &["tokio"], None), [""; 0]);
}
