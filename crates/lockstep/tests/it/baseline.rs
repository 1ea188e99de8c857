//! The baseline: what a system was seen to allow, accepted by somebody, and every grant beyond it a reason to fail.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use demo::Fault;
use testkit::Project;

use crate::hall::{Hall, SUITE, project};
use crate::support::{Report, Sample, demo_suite, lockstep, strings};

/// A hall and a project whose baseline is accepted.
fn accepted() -> (Hall, Project) {
    let (hall, project) = (Hall::open(), project());
    hall.expect(0, &project, &["test"]);
    hall.expect(0, &project, &["baseline", "accept"]);
    (hall, project)
}

/// The grants of the project's baseline.
fn grants(project: &Project) -> Vec<String> {
    let text = project.read("lockstep.baseline");
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

fn replace(project: &Project, file: &str, from: &str, to: &str) {
    let text = project.read(file);
    assert!(text.contains(from), "{from} in {text}");
    project.write(file, text.replace(from, to).as_bytes());
}

/// The words of a message without the name of the run.
fn without_run(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split(' ') {
        let is_run = word.len() == "20261122T101500.000Z-00000000".len() && word.contains("Z-");
        words.push(if is_run { "RUN" } else { word });
    }
    words.join(" ")
}

const GRANTS: [&str; 4] = [
    "allow guest/hall.enter",
    "allow keeper/hall.climb",
    "allow keeper/hall.enter",
    "allow keeper/hall.sing",
];

#[test]
fn a_service_and_its_policy_that_gain_one_grant_fail_until_it_is_accepted() {
    let (hall, project) = (Hall::open(), project());
    let first = hall.expect(0, &project, &["test"]);
    assert!(
        first.stderr.contains("`lockstep baseline accept`"),
        "{}",
        first.told()
    );
    hall.expect(0, &project, &["baseline", "accept"]);
    assert_eq!(grants(&project), GRANTS);
    let second = hall.expect(0, &project, &["test"]);
    assert_eq!(second.stderr, "", "with a baseline, nobody is told of it");
    hall.expect(0, &project, &["baseline", "diff"]);

    // Both gain a grant: they agree, and yet somebody has to say so.
    hall.allow("guest", "/climb");
    replace(&project, "policy.yaml", "[enter] }", "[enter, climb] }");
    let reports = ["test", "--report", "md=r.md", "--report", "json=-"];
    let drifted = hall.run(&project, &reports);
    let report = Report::of(&drifted);
    assert_eq!(report.code, Some(1), "{}", report.told);
    assert!(report.findings().is_empty());
    let drift = &report.json["drift"][0];
    assert_eq!(drift["cell"], "guest/hall.climb");
    assert_eq!(drift["place"]["file"], "policy.yaml");
    assert_eq!(drift["place"]["line"], 6);
    assert!(
        drifted.stderr.contains("+ allow guest/hall.climb"),
        "{}",
        drifted.told()
    );
    let page = project.read("r.md");
    assert!(page.contains("\n+ allow guest/hall.climb\n"), "{page}");
    assert!(page.contains("1 grant is not in the baseline"), "{page}");
    let diff = hall.expect(1, &project, &["baseline", "diff"]);
    assert!(
        diff.stdout
            .contains("+ allow guest/hall.climb  policy.yaml:6"),
        "{}",
        diff.told()
    );

    let accepted = hall.expect(0, &project, &["baseline", "accept"]);
    insta::assert_snapshot!(without_run(&accepted.stdout));
    assert_eq!(grants(&project).len(), 5);
    let last = hall.run(&project, &reports);
    assert_eq!(Report::of(&last).code, Some(0), "{}", last.told());
    assert!(!project.read("r.md").contains("### Grants"));
}

#[test]
fn a_grant_that_is_gone_is_told_and_fails_nothing() {
    let (hall, project) = accepted();
    // The system and the policy deny one, and another action is tried no more.
    hall.deny("keeper", "/climb");
    hall.allow("guest", "/climb");
    replace(&project, "policy.yaml", "[enter] }", "[enter, climb] }");
    replace(
        &project,
        "policy.yaml",
        "includes: [guest], can: { hall: [climb, sing] }",
        "can: { hall: [enter, sing] }",
    );
    replace(
        &project,
        "lockstep.yaml",
        "    sing:  { hall: { GET: /sing } }\n",
        "",
    );
    replace(
        &project,
        "lockstep.baseline",
        "allow guest/hall.enter\n",
        "allow guest/hall.climb\nallow guest/hall.enter\n",
    );
    let finished = hall.run(&project, &["test", "--report", "json=-"]);
    let report = Report::of(&finished);
    assert_eq!(report.code, Some(0), "{}", report.told);
    let told: Vec<String> = report.json["drift"]
        .as_array()
        .unwrap()
        .iter()
        .map(|drift| format!("{} {}", drift["change"], drift["cell"]))
        .collect();
    assert_eq!(
        told,
        [
            r#""denied" "keeper/hall.climb""#,
            r#""vanished" "keeper/hall.sing""#,
        ]
    );
    assert!(
        report.told.contains("2 grants of the baseline are gone."),
        "{}",
        report.told
    );
    // A part of the suite, or of the machines, says nothing of what it does not try.
    for part in [["test", "guest/*"], ["test", "--shard=1/2"]] {
        let part = hall.expect(0, &project, &part);
        assert!(!part.stdout.contains("hall.sing"), "{}", part.told());
    }
    hall.expect(0, &project, &["test"]);
    let diff = hall.expect(0, &project, &["baseline", "diff"]);
    insta::assert_snapshot!(without_run(&diff.stdout));
    hall.expect(0, &project, &["baseline", "accept"]);
    assert_eq!(
        grants(&project),
        [
            "allow guest/hall.climb",
            "allow guest/hall.enter",
            "allow keeper/hall.enter"
        ]
    );
}

#[test]
fn what_is_accepted_twice_is_the_same() {
    let (hall, project) = accepted();
    let first = project.read("lockstep.baseline");
    let again = hall.expect(0, &project, &["baseline", "accept"]);
    assert_eq!(
        without_run(&again.stdout),
        "lockstep.baseline: 0 added, 0 taken out, 4 in all; from run RUN of `lockstep.yaml`\n"
    );
    assert_eq!(project.read("lockstep.baseline"), first);
    // Nothing is left of the writing, and everybody who reads the project reads the file.
    let mut names: Vec<String> = fs::read_dir(project.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            ".lockstep",
            "lockstep.baseline",
            "lockstep.yaml",
            "policy.yaml"
        ]
    );
    let mode = fs::metadata(project.path().join("lockstep.baseline")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o400, 0o400);
}

#[test]
fn a_link_stays_one() {
    let (hall, project) = accepted();
    project.write("elsewhere/grants", b"");
    let path = project.path().join("lockstep.baseline");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("elsewhere/grants", &path).unwrap();
    hall.expect(1, &project, &["test"]);
    hall.expect(1, &project, &["baseline", "diff"]);
    hall.run(&project, &["baseline", "accept"]);
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(grants(&project), GRANTS);
}

#[test]
fn comments_stay_with_their_lines() {
    let (hall, project) = accepted();
    let commented = "# ours\n\n# keepers climb to clean\nallow keeper/hall.climb # on Mondays\nallow guest/hall.enter\n";
    project.write("lockstep.baseline", commented.as_bytes());
    hall.expect(1, &project, &["test"]);
    hall.expect(0, &project, &["baseline", "accept"]);
    assert_eq!(
        project.read("lockstep.baseline"),
        "# ours\n\nallow guest/hall.enter\n# keepers climb to clean\nallow keeper/hall.climb  # on Mondays\n\
         allow keeper/hall.enter\nallow keeper/hall.sing\n"
    );
}

#[test]
fn a_run_that_does_not_hold_is_refused_with_its_reasons() {
    let (hall, project) = (Hall::open(), project());
    let none = hall.expect(2, &project, &["baseline", "accept"]);
    assert_eq!(
        none.stderr,
        "error: no run of `lockstep.yaml` is recorded under `.lockstep/`\nhelp: `lockstep test` records one\n"
    );
    let refused = |code: i32| {
        let refused = hall.expect(code, &project, &["baseline", "accept"]);
        assert!(!project.path().join("lockstep.baseline").exists());
        without_run(&refused.stderr)
    };
    hall.expect(0, &project, &["test", "guest/hall.enter"]);
    let mut told = refused(3);
    hall.expect(0, &project, &["test", "--shard", "1/2"]);
    told += &refused(3);
    hall.change(|rules| rules.broken = Some("/sing"));
    hall.expect(3, &project, &["test"]);
    told += &refused(3);
    hall.allow("guest", "/climb");
    hall.deny("keeper", "/enter");
    hall.expect(1, &project, &["test"]);
    told += &refused(1);
    insta::assert_snapshot!(told);
}

#[test]
fn a_part_of_a_run_is_accepted_when_that_is_said() {
    let (hall, project) = accepted();
    hall.change(|rules| rules.broken = Some("/sing"));
    hall.allow("guest", "/climb");
    hall.deny("keeper", "/enter");
    let drifted = hall.run(&project, &["test", "--report", "json=-"]);
    let report = Report::of(&drifted);
    assert_eq!(report.code, Some(1));
    // An escalation is a finding, and a grant that nobody has accepted.
    assert_eq!(report.json["summary"]["drift"]["added"], 1);
    assert_eq!(report.json["drift"][0]["place"]["file"], "lockstep.yaml");
    hall.expect(1, &project, &["baseline", "accept"]);
    assert_eq!(grants(&project), GRANTS);
    let partial = hall.expect(0, &project, &["baseline", "accept", "--partial"]);
    assert_eq!(
        partial.stderr,
        "accepted although it is a finding: guest/hall.climb\n"
    );
    // What could not be established stays.
    assert_eq!(
        grants(&project),
        [
            "allow guest/hall.climb",
            "allow guest/hall.enter",
            "allow keeper/hall.climb",
            "allow keeper/hall.sing",
        ]
    );
    // It is no drift any more, and a finding as before.
    let again = hall.run(&project, &["test", "--report", "json=-"]);
    let report = Report::of(&again);
    assert_eq!(report.verdict("guest/hall.climb"), "escalation");
    assert_eq!(report.json["summary"]["drift"]["added"], 0);

    // Of a part, only what was tried.
    hall.change(|rules| rules.broken = None);
    hall.deny("guest", "/climb");
    hall.expect(0, &project, &["test", "guest/hall.climb"]);
    hall.expect(0, &project, &["baseline", "accept", "--partial"]);
    assert!(!grants(&project).contains(&"allow guest/hall.climb".to_owned()));
    assert_eq!(grants(&project).len(), 3);
}

#[test]
fn what_is_only_observed_can_be_accepted() {
    let (hall, project) = (Hall::open(), project());
    let table = "expect: |\n  action      guest  keeper\n  hall.enter  ?      allow\n  hall.climb  ?      allow\n  hall.sing   403    allow\n";
    project.write("lockstep.yaml", format!("{SUITE}{table}").as_bytes());
    replace(&project, "lockstep.yaml", "policy: policy.yaml\n", "");
    hall.expect(3, &project, &["test"]);
    hall.expect(0, &project, &["baseline", "accept"]);
    assert_eq!(grants(&project), GRANTS);
    hall.allow("guest", "/climb");
    let finished = hall.run(&project, &["test", "--report", "json=-"]);
    let report = Report::of(&finished);
    assert_eq!(report.code, Some(1), "{}", report.told);
    assert_eq!(
        report.json["drift"][0]["reason"],
        "nothing is expected of it"
    );
}

#[test]
fn an_interrupted_run_says_nothing_of_what_it_did_not_try() {
    let (hall, project) = accepted();
    hall.change(|rules| rules.waits = Some("/climb"));
    let mut running = lockstep(
        project.path(),
        &["test", "--report", "json=-", "--concurrency", "1"],
    )
    .env("HALL_URL", &hall.server.url())
    .start();
    hall.wait_until_somebody_waits();
    running.interrupt();
    assert!(running.says("stopping"), "{}", running.stderr());
    hall.change(|rules| rules.waits = None);
    let report = Report::of(&running.finish());
    assert_eq!(report.code, Some(130), "{}", report.told);
    assert!(report.cells.len() < 6, "not every cell was tried");
    assert_eq!(report.json["drift"].as_array().unwrap().len(), 0);
    let refused = hall.expect(3, &project, &["baseline", "accept"]);
    assert!(
        refused.stderr.contains("  the run was interrupted: "),
        "{}",
        refused.told()
    );
    hall.expect(3, &project, &["baseline", "diff"]);
    hall.expect(0, &project, &["baseline", "accept", "--partial"]);
    assert_eq!(grants(&project), GRANTS);
}

#[test]
fn a_record_that_is_cut_off_counts_as_interrupted() {
    let (hall, project) = accepted();
    let log = project.files_under(".lockstep/runs").pop().unwrap();
    let whole = fs::read_to_string(&log).unwrap();
    let cut = whole.get(..whole.len() - 30).unwrap();
    fs::write(&log, cut).unwrap();
    let refused = hall.expect(3, &project, &["baseline", "accept"]);
    assert!(
        refused.stderr.contains("the run was interrupted"),
        "{}",
        refused.told()
    );
    let diff = hall.expect(3, &project, &["baseline", "diff"]);
    assert!(
        diff.stderr.contains("the run was interrupted"),
        "{}",
        diff.told()
    );
    // Of one that has no head nobody knows what it is of.
    fs::write(&log, "nonsense\n").unwrap();
    let none = hall.expect(2, &project, &["baseline", "accept"]);
    assert!(none.stderr.contains("is passed over"), "{}", none.told());
    assert!(
        none.stderr.contains("no run of `lockstep.yaml`"),
        "{}",
        none.told()
    );
    assert_eq!(grants(&project), GRANTS);
}

#[test]
fn each_suite_has_a_baseline_and_runs_of_its_own() {
    let (hall, project) = (Hall::open(), project());
    project.write("other.yaml", SUITE.as_bytes());
    hall.expect(0, &project, &["test", "--suite", "other.yaml"]);
    let refused = hall.expect(2, &project, &["baseline", "accept"]);
    assert!(
        refused.stderr.contains("no run of `lockstep.yaml` is recorded under `.lockstep/`; there are runs of `other.yaml`"),
        "{}",
        refused.told()
    );
    hall.expect(
        0,
        &project,
        &["baseline", "accept", "--suite", "./other.yaml"],
    );
    let baseline = project.read("other.baseline");
    assert!(baseline.contains("allow keeper/hall.sing"), "{baseline}");
    assert!(!project.path().join("lockstep.baseline").exists());
}

/// One file serves all environments: what one of them has no cell for is not its to take out.
#[test]
fn an_environment_that_lacks_a_cell_takes_nothing_out() {
    let (hall, project) = (Hall::open(), project());
    let environments = "environments: { production: { actions: { hall: { sing: null } } } }\n";
    project.write("lockstep.yaml", format!("{SUITE}{environments}").as_bytes());
    hall.expect(0, &project, &["test"]);
    hall.expect(0, &project, &["baseline", "accept"]);
    assert_eq!(grants(&project), GRANTS);
    let there = ["test", "--env", "production"];
    let told = hall.expect(0, &project, &there).stdout;
    let gone = "the suite has no such cell in the environment `production`";
    assert!(told.contains(gone), "{told}");
    hall.expect(0, &project, &["baseline", "accept", "--env", "production"]);
    assert_eq!(grants(&project), GRANTS);
    hall.expect(0, &project, &["test"]);
    // What it has, and denies now, it takes out all the same.
    hall.deny("keeper", "/climb");
    hall.allow("guest", "/climb");
    replace(&project, "policy.yaml", "[enter] }", "[enter, climb] }");
    let both = "includes: [guest], can: { hall: [climb, sing] }";
    replace(
        &project,
        "policy.yaml",
        both,
        "can: { hall: [enter, sing] }",
    );
    hall.expect(1, &project, &there);
    hall.expect(0, &project, &["baseline", "accept", "--env", "production"]);
    assert_eq!(
        grants(&project),
        [
            "allow guest/hall.climb",
            "allow guest/hall.enter",
            "allow keeper/hall.enter",
            "allow keeper/hall.sing",
        ]
    );
}

#[test]
fn the_manual() {
    for command in ["accept", "diff"] {
        let manual = crate::support::run(&["baseline", command, "--help"]);
        assert_eq!(manual.code, Some(0));
        insta::assert_snapshot!(format!("help_baseline_{command}"), manual.stdout);
    }
}

#[test]
fn a_broken_baseline_sends_nothing() {
    let (hall, project) = (Hall::open(), project());
    let broken = "# ours\n\nallw guest/hall.enter\nallow keeper\nallow a/b.c\nallow a/b.c\n+ allow keeper/hall.sing\n";
    project.write("lockstep.baseline", broken.as_bytes());
    let finished = hall.expect(2, &project, &["test"]);
    insta::assert_snapshot!(finished.stderr);
    assert_eq!(hall.server.connections(), 0);
    for command in ["accept", "diff"] {
        let told = hall.expect(2, &project, &["baseline", command]);
        assert_eq!(told.stderr, finished.stderr);
    }
    assert_eq!(project.read("lockstep.baseline"), broken);
    project.write("lockstep.baseline", &[b'#'; (4 << 20) + 1]);
    let large = hall.expect(2, &project, &["test"]);
    assert!(
        large.stderr.contains("at most 4194304 are read"),
        "{}",
        large.told()
    );
    assert_eq!(hall.server.connections(), 0);
}

/// Each machine tells what it finds; together they tell it once. A run that is told again tells it again.
#[test]
fn what_differs_is_kept_by_records_and_by_merged_reports() {
    let (hall, project) = accepted();
    hall.allow("guest", "/climb");
    replace(&project, "policy.yaml", "[enter] }", "[enter, climb] }");
    replace(
        &project,
        "lockstep.baseline",
        "allow guest/hall.enter",
        "allow guest/hall.enter\nallow guest/hall.sing",
    );
    let mut codes = Vec::new();
    for part in ["1/2", "2/2"] {
        let report = format!("json={}.json", part.replace('/', "-"));
        let finished = hall.run(&project, &["test", "--shard", part, "--report", &report]);
        codes.push(finished.code);
    }
    assert!(codes.contains(&Some(1)), "{codes:?}");
    let merge = [
        "report", "merge", "1-2.json", "2-2.json", "--report", "json=-",
    ];
    let merged = Report::of(&hall.run(&project, &merge));
    let whole = Report::of(&hall.run(&project, &["test", "--report", "json=-"]));
    for report in [&merged, &whole] {
        assert_eq!(report.code, Some(1), "{}", report.told);
        assert!(report.told.contains("+ allow guest/hall.climb"));
        assert!(report.told.contains("- allow guest/hall.sing"));
    }
    assert_eq!(merged.json["drift"], whole.json["drift"]);
    let again = hall.expect(0, &project, &["runs", "show", "--report", "md=-"]);
    assert!(again.stdout.contains("\n+ allow guest/hall.climb\n"));
}

#[test]
fn the_difference_can_be_had_as_json() {
    let (hall, project) = (Hall::open(), project());
    hall.expect(0, &project, &["test"]);
    let diff = hall.expect(1, &project, &["baseline", "diff", "--json"]);
    assert_eq!(
        diff.stderr,
        "note: there is no `lockstep.baseline`: nothing is accepted\n"
    );
    let json: serde_json::Value = serde_json::from_str(&diff.stdout).unwrap();
    assert!(crate::support::schema("drift").is_valid(&json), "{json}");
    assert_eq!(json["drift"].as_array().unwrap().len(), 4);
}

/// The sample system: no session stands in its baseline, and a planted fault is a grant too many.
#[test]
fn the_sample_system_has_a_baseline() {
    let sample = Sample::start(&[]);
    let project = Project::empty();
    let suite = demo_suite();
    let copy = project.path().join("lockstep.yaml");
    fs::copy(&suite, copy).unwrap();
    for name in [
        "policy/policy.yaml",
        "openapi/accounts.json",
        "openapi/posts.json",
    ] {
        let file = fs::read(std::path::Path::new(&suite).with_file_name(name)).unwrap();
        project.write(name, &file);
    }
    let run = |sample: &Sample, arguments: &[&str]| {
        let invocation = lockstep(project.path(), arguments);
        invocation.envs(sample.variables()).run()
    };
    assert_eq!(run(&sample, &["test"]).code, Some(0));
    assert_eq!(run(&sample, &["baseline", "accept"]).code, Some(0));
    let grants = grants(&project);
    assert!(
        grants.contains(&"allow viewer/post.read/editor".to_owned()),
        "{grants:?}"
    );
    assert!(grants.is_sorted());
    assert!(!grants.iter().any(|grant| grant.contains("session.open")));
    assert_eq!(run(&sample, &["test"]).code, Some(0));

    let faulty = Sample::start(&[Fault::ALL[0]]);
    let found = run(&faulty, &["test", "--report", "json=-"]);
    let report = Report::of(&found);
    let escalations: BTreeSet<String> = report.with("escalation");
    let added = report.json["drift"].as_array().unwrap().iter();
    let added: BTreeSet<String> = added
        .filter(|drift| drift["change"] == "added")
        .map(|drift| drift["cell"].as_str().unwrap().to_owned())
        .collect();
    assert!(!escalations.is_empty(), "{}", report.told);
    assert_eq!(added, escalations);
    let findings: Vec<String> = strings(&report.json["findings"]).collect();
    assert!(!findings.is_empty());
}
