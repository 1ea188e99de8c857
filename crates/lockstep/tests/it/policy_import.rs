//! `lockstep policy import`.

use testkit::Project;

use crate::support::{lockstep, run};

const MODEL: &str = "\
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act
";
const LINES: &str = "p, editor, post, write\ng, alice, editor\n";

#[test]
fn what_is_imported_decides_at_once() {
    let project = Project::new([("model.conf", MODEL), ("policy.csv", LINES)]);
    let import = |more: &[&str]| {
        let arguments = [
            "policy",
            "import",
            "--from",
            "casbin",
            "model.conf",
            "policy.csv",
        ];
        lockstep(project.path(), &[&arguments, more].concat()).run()
    };
    let dry = import(&["--dry-run"]);
    assert_eq!(dry.code, Some(0), "{}", dry.told());
    insta::assert_snapshot!("policy_import_dry_run", dry.stdout);
    assert_eq!(project.files_under("").len(), 2, "nothing was written");

    let written = import(&[]);
    assert_eq!(written.code, Some(0), "{}", written.told());
    assert!(
        written
            .stdout
            .starts_with("policy/policy.yaml\npolicy/facts.yaml\n")
    );
    for (subject, code) in [("user:alice", 0), ("user:bob", 1)] {
        let check = lockstep(project.path(), &["check", subject, "write", "post"]).run();
        assert_eq!(check.code, Some(code), "{}", check.told());
    }

    project.write("policy/policy.yaml", b"mine");
    let again = import(&[]);
    assert_eq!(again.code, Some(2), "{}", again.told());
    assert!(
        again.stderr.contains("is there already"),
        "{}",
        again.told()
    );
    assert_eq!(project.read("policy/policy.yaml"), "mine");
    assert_eq!(import(&["--force"]).code, Some(0));
    assert_ne!(project.read("policy/policy.yaml"), "mine");
}

#[test]
fn what_does_not_map_is_told_and_is_no_success() {
    let lines = format!("{LINES}p, editor, post\np2, editor, post, \u{1b}[2J\n");
    let project = Project::new([("model.conf", MODEL), ("policy.csv", &*lines)]);
    let arguments = [
        "policy",
        "import",
        "--from",
        "casbin",
        "model.conf",
        "policy.csv",
    ];
    let finished = lockstep(project.path(), &arguments).run();
    assert_eq!(finished.code, Some(3), "{}", finished.told());
    insta::assert_snapshot!("policy_import_lost", finished.stdout);

    let broken = MODEL.replace("[matchers]", "[matcher]");
    project.write("model.conf", broken.as_bytes());
    let finished = lockstep(
        project.path(),
        &[&arguments[..], &["--to", "other"]].concat(),
    )
    .run();
    assert_eq!(finished.code, Some(2), "{}", finished.told());
    assert!(!project.path().join("other").exists());
}

#[test]
fn a_store_with_its_files_becomes_a_policy_with_its_model() {
    let store = "model_file: model/model.fga\ntuple_file: ../tuples.yaml\n";
    let model =
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n";
    let tuples = "- { user: user:ann, relation: viewer, object: doc:1 }\n";
    let project = Project::new([
        ("old/doc.fga.yaml", store),
        ("old/model/model.fga", model),
        ("tuples.yaml", tuples),
        ("old/tuples.yaml", tuples),
    ]);
    let arguments = [
        "policy",
        "import",
        "--from",
        "openfga",
        "old/doc.fga.yaml",
        "--to",
        "new/policy",
    ];
    let outside = lockstep(project.path(), &arguments).run();
    assert_eq!(outside.code, Some(2), "{}", outside.told());
    assert!(
        outside.stderr.contains("is outside of the folder"),
        "{}",
        outside.told()
    );
    project.write("old/doc.fga.yaml", store.replace("../", "").as_bytes());
    let finished = lockstep(project.path(), &arguments).run();
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    assert_eq!(project.read("new/policy/model.fga"), model);
    let check = |subject: &str| {
        let asked = [
            "check",
            subject,
            "viewer",
            "doc:1",
            "--policy",
            "new/policy",
        ];
        lockstep(project.path(), &asked).run().code
    };
    assert_eq!((check("user:ann"), check("user:bob")), (Some(0), Some(1)));
}

#[test]
fn the_manual_of_import() {
    insta::assert_snapshot!(
        "help_policy_import",
        run(&["policy", "import", "--help"]).stdout
    );
}
