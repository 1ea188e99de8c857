//! `openapi:` and `surface:` end to end: what an operation that is not tried does to the exit code.

use testkit::{Finished, Project};

use crate::support::{Sample, lockstep, root};

/// The sample system's project, with its suite changed.
fn project(old: &str, new: &str) -> Project {
    let read = |name: &str| std::fs::read_to_string(root().join("suites/demo").join(name)).unwrap();
    let suite = read("lockstep.yaml");
    assert!(suite.contains(old), "{old}");
    Project::new([
        ("lockstep.yaml", suite.replace(old, new).as_str()),
        ("policy/policy.yaml", &read("policy/policy.yaml")),
        ("openapi/accounts.json", &read("openapi/accounts.json")),
        ("openapi/posts.json", &read("openapi/posts.json")),
    ])
}

fn run(sample: &Sample, project: &Project, arguments: &[&str]) -> Finished {
    let invocation = lockstep(project.path(), arguments);
    invocation.envs(sample.variables()).run()
}

#[test]
fn each_kind_of_gap_has_its_exit_code() {
    let sample = Sample::start(&[]);
    let exception = "    - { operation: deleteUser, reason: only root removes what was made, until: 2036-12-31 }\n";
    let other = |from: &str, to: &str| exception.replace(from, to);
    let cases = [
        ("as it is", exception.to_owned(), [0, 0], "excepted"),
        (
            "no exception",
            String::new(),
            [1, 1],
            "operation: deleteUser",
        ),
        (
            "ended",
            other("2036", "2024"),
            [1, 1],
            "ended with 2024-12-31",
        ),
        (
            "nobody knows",
            other(
                "only root removes what was made",
                "\"to be filled: who may?\"",
            ),
            [0, 3],
            "to be filled",
        ),
        (
            "gone",
            other("deleteUser", "deleteUsers, target: accounts"),
            [1, 1],
            "deleteUsers",
        ),
        (
            "needless",
            exception.to_owned() + "    - { operation: getPost, reason: why, until: 2036-12-31 }\n",
            [1, 1],
            "excepted for nothing",
        ),
    ];
    for (case, written, [plan, test], word) in cases {
        let project = project(exception, &written);
        let told = run(&sample, &project, &["plan"]);
        assert_eq!(told.code, Some(plan), "{case}: {}", told.told());
        assert!(told.stdout.contains(word), "{case}: {}", told.told());
        let told = run(&sample, &project, &["test"]);
        assert_eq!(told.code, Some(test), "{case}: {}", told.told());
        assert!(told.stdout.contains(word), "{case}: {}", told.told());
        // Of chosen cells, and of all parts but the first, the surface is not asked.
        let chosen = run(&sample, &project, &["test", "viewer/health.*"]);
        assert_eq!(chosen.code, Some(0), "{case}: {}", chosen.told());
        let part = run(&sample, &project, &["plan", "--shard", "2/8"]);
        assert_eq!(part.code, Some(0), "{case}: {}", part.told());
    }
}

#[test]
fn documents_of_the_suite_that_cannot_be_read() {
    let cases = [
        ("openapi/posts.json", "openapi/none.json", "cannot be read"),
        (
            "openapi/posts.json",
            "policy/policy.yaml",
            "not an OpenAPI document",
        ),
    ];
    let sample = Sample::start(&[]);
    for (old, new, word) in cases {
        let project = project(old, new);
        let told = run(&sample, &project, &["test"]);
        assert_eq!(told.code, Some(2), "{}", told.told());
        assert!(told.stderr.contains(word), "{}", told.told());
    }
}
