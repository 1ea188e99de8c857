//! Small files that ask for much: each ends by itself, with an answer or an explicit limit, and within a bounded memory.
//! The time that a command may take is a watchdog: far more than it needs, far less than the bomb would.

use std::time::Duration;

use testkit::Project;

use crate::support::lockstep;

const WATCHDOG: Duration = Duration::from_secs(30);
const MEMORY_KIB_MAX: u64 = 200 * 1024;

const POLICY: &str = "\
version: 1
types:
  user: {}
  folder: { actions: { read: instance }, attributes: { name: string } }
relations: model.fga
related: { folder: { read: viewer } }
";
const MODEL: &str = "\
model
  schema 1.1
type user
type folder
  relations
    define parent: [folder]
    define viewer: [user, folder#viewer] or viewer from parent
";

/// Asks whether ann may read a folder; the exit code, and all that was written.
fn ask(policy: &str, model: &str, facts: &str) -> (Option<i32>, String) {
    let project = Project::new([
        ("policy.yaml", policy),
        ("model.fga", model),
        ("facts.yaml", facts),
    ]);
    let name = format!("{{\"name\":\"{}!\"}}", "a".repeat(20_000));
    let arguments = [
        "check",
        "user:ann",
        "read",
        "folder:f0",
        "--attributes",
        &name,
    ];
    let finished = lockstep(project.path(), &arguments).limit(WATCHDOG).run();
    let peak = finished.peak_kib;
    assert!(peak.is_none_or(|kib| kib < MEMORY_KIB_MAX), "{peak:?} KiB");
    assert!(peak.is_some() || !cfg!(target_os = "linux"), "not measured");
    (finished.code, finished.stdout + &finished.stderr)
}

fn with_rule(condition: &str) -> String {
    format!(
        "{POLICY}rules: [{{ name: bomb, permit: {{ folder: [read] }}, when: \"{condition}\" }}]\n"
    )
}

/// It ends with this exit code, and says this.
fn ends_with((code, told): (Option<i32>, String), expected: i32, text: &str) {
    assert_eq!(code, Some(expected), "{told}");
    assert!(told.contains(text), "{told}");
    assert!(told.len() < 10_000, "{} bytes are told", told.len());
}

#[test]
fn a_chain_of_100_000_folders() {
    let links = (0..100_000).map(|at| format!("- folder:f{at}#parent@folder:f{}\n", at + 1));
    let facts: String = links.collect();
    let facts = format!("relationships:\n{facts}- folder:f100000#viewer@user:ann\n");
    ends_with(
        ask(POLICY, MODEL, &facts),
        3,
        "the way along the facts is too long",
    );
}

#[test]
fn a_union_of_10_000_usersets() {
    let groups = (0..10_000).map(|at| format!("- folder:f0#viewer@folder:g{at}#viewer\n"));
    let facts: String = groups.collect();
    let facts = format!("relationships:\n{facts}- folder:g9999#viewer@user:ann\n");
    ends_with(ask(POLICY, MODEL, &facts), 0, "allowed");
}

#[test]
fn a_union_of_10_000_relations() {
    let relations: String = (0..10_000)
        .map(|at| format!("    define r{at}: [user]\n"))
        .collect();
    let names: Vec<String> = (0..10_000).map(|at| format!("r{at}")).collect();
    let viewer = format!("    define viewer: {}\n", names.join(" or "));
    let model =
        format!("model\n  schema 1.1\ntype user\ntype folder\n  relations\n{relations}{viewer}");
    let facts = "relationships: [\"folder:f0#r9999@user:ann\"]\n";
    ends_with(ask(POLICY, &model, facts), 0, "allowed");
    ends_with(ask(POLICY, &model, "{}"), 1, "denied");
}

#[test]
fn parentheses_of_64_kib() {
    let deep = format!("{}true{}", "(".repeat(32 << 10), ")".repeat(32 << 10));
    ends_with(ask(&with_rule(&deep), MODEL, "{}"), 2, "at most 16384");
    let flat = format!("{}true{}", "(".repeat(8_000), ")".repeat(8_000));
    ends_with(ask(&with_rule(&flat), MODEL, "{}"), 2, "deep");
    let model = MODEL.replace("[user, folder#viewer]", &"(".repeat(64 << 10));
    let (code, told) = ask(POLICY, &model, "{}");
    assert_eq!(code, Some(2), "{} bytes", told.len());
}

#[test]
fn six_nested_macros() {
    let nested = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .rfold("a + b + c + d + e + f > 0".to_owned(), |inner, name| {
            format!("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all({name}, {inner})")
        });
    ends_with(ask(&with_rule(&nested), MODEL, "{}"), 3, "steps");
}

#[test]
fn a_pattern_that_backtracks_elsewhere() {
    ends_with(
        ask(&with_rule("resource.name.matches('(a+)+$')"), MODEL, "{}"),
        1,
        "denied",
    );
}

#[test]
fn aliases_of_aliases() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (from, to) in ["ab", "bc", "cd", "de", "ef", "fg", "gh"].map(|it| it.split_at(1)) {
        let ten = vec![format!("*{from}"); 10].join(", ");
        bomb.push_str(&format!("{to}: &{to} [{ten}]\n"));
    }
    ends_with(
        ask(&format!("{POLICY}{bomb}"), MODEL, "{}"),
        2,
        "aliases counted",
    );
    ends_with(ask(POLICY, MODEL, &bomb), 2, "aliases counted");
}
