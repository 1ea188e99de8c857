//! Users that are made for a run are taken away again: at its end, where no answer came, after a crash.

use testkit::{Finished, Project};

use crate::support::{Report, lockstep};
use crate::vault::{Vault, Wrong};

/// A user that the keeper removes, and one that removes itself.
const SUITE: &str = r#"
version: 1
targets: { vault: { http: "${VAULT_URL}" } }
sessions:
  entry: { on: vault, POST: /login, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, token: $.token, who: { on: vault, GET: /me, subject: $.id } }
actors:
  keeper: { session: entry, only: setup, login: keeper, password: "${KEEPER_PASSWORD}" }
  clerk: { session: entry, login: clerk, password: "${CLERK_PASSWORD}" }
  suspended: { session: entry, login: "{{ unique }}", password: "{{ unique }}-p", create: { on: vault, as: keeper, POST: /users, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, id: $.id }, then: { as: keeper, POST: "/users/{{ actor.id }}/suspend" }, remove: { as: keeper, DELETE: "/users/{{ actor.id }}" } }
  logged-out: { session: entry, login: "{{ unique }}", password: "{{ unique }}-p", create: { on: vault, as: keeper, POST: /users, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, id: $.id }, then: { POST: /logout }, remove: { DELETE: "/users/{{ actor.id }}" } }
resources:
  paper: { on: vault, owners: [clerk], create: { POST: /papers, json: { text: "{{ unique }}" }, id: $.id } }
actions:
  paper: { read: { vault: { GET: "/papers/{{ paper.id }}" } } }
expect: |
  action               clerk  suspended  logged-out
  paper.read of clerk  allow  401        401
"#;

const NOBODY_ELSE: [&str; 3] = ["clerk", "guest", "keeper"];

fn run(vault: &Vault, project: &Project, arguments: &[&str]) -> Finished {
    lockstep(project.path(), arguments)
        .env("VAULT_URL", &vault.server.url())
        .env("KEEPER_PASSWORD", "keeper-password")
        .env("CLERK_PASSWORD", "clerk-password")
        .run()
}

fn journals(project: &Project) -> usize {
    project.files_under(".lockstep/journal").len()
}

/// A journal with these entries.
fn journal(project: &Project, lines: &[&str]) {
    let text = lines.join("\n") + "\n";
    let path = ".lockstep/journal/20261122T000000.000Z-0.jsonl";
    project.write(path, text.as_bytes());
}

#[test]
fn users_are_gone_at_the_end() {
    let vault = Vault::open(Wrong::Nowhere);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let finished = run(&vault, &project, &["test"]);
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    assert_eq!(vault.users(), NOBODY_ELSE);
    assert_eq!(journals(&project), 0);
}

/// Its credential works for as long as its user is there.
#[test]
fn the_user_of_a_printed_credential_is_removed_by_hand() {
    let vault = Vault::open(Wrong::Nowhere);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let token = run(&vault, &project, &["token", "suspended"]);
    assert_eq!(token.code, Some(0), "{}", token.told());
    let help = "a user was made for `suspended`; `lockstep cleanup` takes it away again";
    assert!(token.stderr.contains(help), "{}", token.told());
    assert_eq!((vault.users().len(), journals(&project)), (4, 1));
    let cleanup = run(&vault, &project, &["cleanup"]);
    assert_eq!(
        cleanup.stdout,
        "1 put back, 0 left behind\n",
        "{}",
        cleanup.told()
    );
    assert_eq!(vault.users(), NOBODY_ELSE);
    assert_eq!(journals(&project), 0);
    run(&vault, &project, &["token", "clerk"]);
    assert_eq!(journals(&project), 0, "nothing is made for `clerk`");
}

/// The user was made, and nobody said so: it is found by logging in.
#[test]
fn a_user_of_whom_no_answer_came_is_found() {
    let vault = Vault::open(Wrong::LostAnswer);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let finished = run(&vault, &project, &["test", "--report", "json=-"]);
    let report = Report::of(&finished);
    assert_eq!(report.code, Some(3), "{}", report.told);
    let words = report.words("suspended/paper.read/clerk");
    assert!(
        words.contains("its user is not made: no whole answer"),
        "{words}"
    );
    let made = vault.server.requests().into_iter();
    let made = made.filter(|request| request.method == "POST" && request.path() == "/users");
    assert_eq!(made.count(), 2, "each was made once");
    assert_eq!(vault.users(), NOBODY_ELSE, "{}", report.told);
    assert_eq!(journals(&project), 0);
}

#[test]
fn a_crash_at_any_step_is_put_back() {
    let suspended = r#"{"number":1,"step":{"intent":{"user":"suspended","unique":"lk1u2u"}}}"#;
    let made = r#"{"number":1,"step":{"made":{"id":"lk1u2u"}}}"#;
    let logged_out = r#"{"number":2,"step":{"intent":{"user":"logged-out","unique":"lk1u3u"}}}"#;
    let out_made = r#"{"number":2,"step":{"made":{"id":"lk1u3u"}}}"#;
    for (there, lines) in [
        // Nothing was sent, or the clean-up was killed before it wrote that it was done.
        (&[][..], &[suspended][..]),
        (&[], &[suspended, made]),
        (&[], &[logged_out]),
        // The answer never came.
        (&["lk1u2u"], &[suspended]),
        (&["lk1u3u"], &[logged_out]),
        (&["lk1u2u", "lk1u3u"], &[suspended, logged_out]),
        // In the middle of the run.
        (
            &["lk1u2u", "lk1u3u"],
            &[suspended, made, logged_out, out_made],
        ),
    ] {
        let vault = Vault::open(Wrong::Nowhere);
        for name in there {
            vault.add(name, &format!("{name}-p"));
        }
        let project = Project::new([("lockstep.yaml", SUITE)]);
        journal(&project, lines);
        let first = run(&vault, &project, &["cleanup"]);
        assert_eq!(first.code, Some(0), "{there:?} {lines:?}: {}", first.told());
        assert_eq!(vault.users(), NOBODY_ELSE, "{lines:?}");
        assert_eq!(journals(&project), 0);
        let second = run(&vault, &project, &["cleanup"]);
        assert_eq!(second.stdout, "0 put back, 0 left behind\n");
    }
}

/// What cannot be told is not taken for done.
#[test]
fn a_user_that_may_be_there_stays_in_the_journal() {
    let suspended = r#"{"number":1,"step":{"intent":{"user":"suspended","unique":"lk1u2u"}}}"#;
    let nobody = r#"{"number":1,"step":{"intent":{"user":"somebody","unique":"lk1u2u"}}}"#;
    // The path of the removal is wrong; the target is down; the suite has changed.
    let wrong_path = SUITE.replace("DELETE: \"/users/", "DELETE: \"/user/");
    let no_removal = SUITE.replace(
        ", remove: { as: keeper, DELETE: \"/users/{{ actor.id }}\" }",
        "",
    );
    let elsewhere = SUITE.replace("${VAULT_URL}", "http://127.0.0.1:1");
    for (suite, line, reason) in [
        (
            wrong_path.as_str(),
            suspended,
            "answered 404, but the user can still log in",
        ),
        (
            &no_removal,
            suspended,
            "does not say any more how it is removed",
        ),
        (&elsewhere, suspended, "does not answer"),
        (SUITE, nobody, "no actor `somebody` any more"),
    ] {
        let vault = Vault::open(Wrong::Nowhere);
        vault.add("lk1u2u", "lk1u2u-p");
        let project = Project::new([("lockstep.yaml", suite)]);
        journal(&project, &[line]);
        let cleanup = run(&vault, &project, &["cleanup"]);
        assert_eq!(cleanup.code, Some(3), "{}", cleanup.told());
        assert!(
            cleanup.stderr.contains(reason),
            "{reason}: {}",
            cleanup.told()
        );
        assert_eq!(journals(&project), 1);
    }
}

#[test]
fn what_nothing_removes_is_said() {
    let vault = Vault::open(Wrong::Nowhere);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let note = "note: without `remove`, what is made stays behind: `paper`";
    for command in ["plan", "test"] {
        let finished = run(&vault, &project, &[command]);
        assert!(finished.stdout.contains(note), "{}", finished.told());
    }
    let suite = SUITE.replace(", remove: { DELETE: \"/users/{{ actor.id }}\" }", "");
    project.write("lockstep.yaml", suite.as_bytes());
    let finished = run(&vault, &project, &["plan"]);
    let note = "what is made stays behind: the user of `logged-out`, `paper`";
    assert!(finished.stdout.contains(note), "{}", finished.told());
}
