//! Whatever stands in a policy file, there is an answer and no panic, and every mistake can be
//! shown.

use authz::source::{Source, render};
use authz::{Policy, read_policy};
use proptest::prelude::*;

use crate::decisions::PUBLISHING;

fn read(text: &str) -> Option<Policy> {
    let sources = [Source::new("policy.yaml", text)];
    match read_policy(&sources) {
        Ok(policy) => Some(policy),
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            let shown = render(&mistakes, &sources, false);
            assert!(shown.contains("found\n"), "{shown}");
            None
        }
    }
}

/// The text with some of its characters replaced, left out or put in.
fn damaged(text: &str, damage: &[(usize, usize, String)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (at, length, with) in damage {
        let at = at % (characters.len() + 1);
        let end = (at + length).min(characters.len());
        characters.splice(at..end, with.chars());
    }
    characters.into_iter().collect()
}

proptest! {
    #[test]
    fn any_text(text in "\\PC{0,300}") {
        read(&text);
    }

    #[test]
    fn any_lines(text in "([a-z]{0,3}[-:\\[\\]{}\"'|>&*# ]{0,4}\n?){0,40}") {
        read(&text);
    }

    #[test]
    fn a_damaged_policy(
        damage in prop::collection::vec((any::<usize>(), 0..6_usize, "[-:\\[\\]{}\"'|>&*#\na-zé ]{0,5}"), 1..4)
    ) {
        read(&damaged(PUBLISHING, &damage));
    }

    #[test]
    fn any_condition(text in "\\PC{0,100}") {
        let rule = serde_json::json!({ "name": "x", "permit": { "post": ["*"] }, "when": text });
        read(&format!("{PUBLISHING}  - {rule}\n"));
    }
}

#[test]
fn a_hierarchy_as_long_as_a_file_needs_no_stack() {
    let mut text = "version: 1\nroles:\n  r0: {}\n".to_owned();
    for index in 1..20_000 {
        text.push_str(&format!("  r{index}: {{ includes: [r{}] }}\n", index - 1));
    }
    let policy = read(&text).unwrap();
    assert_eq!(policy.role_names().count(), 20_002);
}
