use super::*;

fn check_file(path: &str, text: String) -> Vec<String> {
    let file = File {
        path: path.to_owned(),
        text,
    };
    check(&[file]).iter().map(Breach::to_string).collect()
}

#[test]
fn long_files_are_warned_of_and_longer_ones_refused() {
    for (path, lines, said) in [
        ("a.rs", 600, None),
        (
            "a.rs",
            601,
            Some("warning: a.rs: 601 lines: split it by concern (at most 1000)"),
        ),
        (
            "a.rs",
            1_000,
            Some("warning: a.rs: 1000 lines: split it by concern (at most 1000)"),
        ),
        (
            "a.rs",
            1_001,
            Some("error: a.rs: 1001 lines: split it by concern (at most 1000)"),
        ),
        ("a.json", 1_001, None),
    ] {
        let found = check_file(path, "x\n".repeat(lines));
        assert_eq!(found.first().map(String::as_str), said, "{path} {lines}");
    }
}

#[test]
fn folders_of_one_machine_are_refused() {
    for folder in LOCAL {
        let said = format!("error: a.md:2: `{folder}` is a folder of one machine");
        for before in ["one\nsee `", "\n", "\nfile://"] {
            let found = check_file("a.md", format!("{before}{folder}x"));
            assert_eq!(found.join("\n"), said);
        }
    }
}

#[test]
fn the_same_words_amid_other_paths_pass() {
    for folder in LOCAL {
        for before in ["https://host.test", "..", "src", "${HOME}"] {
            let text = format!("{before}{folder}x");
            assert_eq!(check_file("a.md", text.clone()), [""; 0], "{text}");
        }
    }
}
