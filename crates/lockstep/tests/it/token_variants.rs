//! Spoilt tokens, and tokens of users to whom something has happened: a vault that is right holds, and one that is
//! wrong in one point is found by the cell of that point alone.

use testkit::Project;

use crate::support::{Names, Report, names, test};
use crate::vault::{KEY, Vault, Wrong};

const SUITE: &str = r#"
version: 1
targets: { vault: { http: "${VAULT_URL}" } }
sessions:
  entry: { on: vault, POST: /login, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, token: $.token, who: { on: vault, GET: /me, subject: $.id } }
actors:
  visitor: {}
  keeper: { session: entry, only: setup, login: keeper, password: "${KEEPER_PASSWORD}" }
  clerk: { session: entry, login: clerk, password: "${CLERK_PASSWORD}" }
  guest: { session: entry, login: guest, password: "${GUEST_PASSWORD}" }
  expired: { like: clerk, token: { expired: { mint: "${VAULT_KEY}" } } }
  early: { like: clerk, token: { not_yet_valid: { mint: "${VAULT_KEY}" } } }
  forged: { like: clerk, token: { claims: { role: admin }, signature: kept } }
  borrowed: { like: clerk, token: { signature: of guest } }
  unsigned: { like: clerk, token: { claims: { role: admin }, algorithm: none } }
  garbage: { like: clerk, token: { garbage: true } }
  empty: { like: clerk, token: { empty: true } }
  deleted: { session: entry, login: "{{ unique }}", password: "{{ unique }}-p", create: { on: vault, as: keeper, POST: /users, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, id: $.id }, then: { as: keeper, DELETE: "/users/{{ actor.id }}" } }
  suspended: { session: entry, login: "{{ unique }}", password: "{{ unique }}-p", create: { on: vault, as: keeper, POST: /users, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, id: $.id }, then: [ { as: keeper, POST: "/users/{{ actor.id }}/suspend" } ], remove: { as: keeper, DELETE: "/users/{{ actor.id }}" } }
  logged-out: { session: entry, login: "{{ unique }}", password: "{{ unique }}-p", create: { on: vault, as: keeper, POST: /users, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, id: $.id }, then: { POST: /logout }, remove: { as: keeper, DELETE: "/users/{{ actor.id }}" } }
  changed: { session: entry, login: "{{ unique }}", password: "{{ unique }}-p", create: { on: vault, as: keeper, POST: /users, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, id: $.id }, then: { PUT: /password, json: { new: "{{ unique }}-new" } }, remove: { as: keeper, DELETE: "/users/{{ actor.id }}" } }
resources:
  paper: { on: vault, owners: [clerk], create: { POST: /papers, json: { text: "{{ unique }}" }, id: $.id } }
actions:
  paper: { read: { vault: { GET: "/papers/{{ paper.id }}" } } }
expect: |
  action               visitor  clerk  guest  expired  early  forged  borrowed  unsigned  garbage  empty  deleted  suspended  logged-out  changed
  paper.read of clerk  401      allow  403    401      401    401     401       401       401      401    401      401        401         401
"#;

fn run(vault: &Vault, suite: &str, key: &str) -> Report {
    let project = Project::new([("lockstep.yaml", suite)]);
    let url = vault.server.url();
    let variables = [
        ("VAULT_URL", url.as_str()),
        ("VAULT_KEY", key),
        ("KEEPER_PASSWORD", "keeper-password"),
        ("CLERK_PASSWORD", "clerk-password"),
        ("GUEST_PASSWORD", "guest-password"),
    ];
    test(&project, &variables, &[])
}

fn cells<'a>(actors: impl IntoIterator<Item = &'a str>) -> Names {
    let cells = actors.into_iter();
    cells
        .map(|actor| format!("{actor}/paper.read/clerk"))
        .collect()
}

#[test]
fn a_vault_that_is_right_holds() {
    let vault = Vault::open(Wrong::Nowhere);
    let report = run(&vault, SUITE, KEY);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.with("held").len(), 14 + 13);
    let control = |actor: &str| {
        let cell = &report.cells[&format!("{actor}/paper.read/clerk")];
        let control = &cell.json["control"];
        let text = |key: &str| control[key].as_str().unwrap().to_owned();
        (text("cell"), text("differs_in"))
    };
    let of_clerk = "clerk/paper.read/clerk".to_owned();
    for actor in ["forged", "borrowed", "unsigned", "garbage", "empty"] {
        assert_eq!(control(actor), (of_clerk.clone(), "the token".to_owned()));
    }
    for actor in [
        "expired",
        "early",
        "deleted",
        "suspended",
        "logged-out",
        "changed",
    ] {
        let (cell, differs_in) = control(actor);
        assert_eq!(cell, format!("{actor}/paper.read/clerk"));
        assert!(differs_in.starts_with("the time"), "{differs_in}");
    }
    let expected = ["clerk", "guest", "keeper"];
    assert_eq!(vault.users(), expected, "users that were made are gone");
}

#[test]
fn a_vault_that_is_wrong_in_one_point_is_found_by_its_cells_alone() {
    for (wrong, actors) in [
        (Wrong::Expiry, &["expired"][..]),
        (Wrong::NotBefore, &["early"]),
        (Wrong::Signature, &["forged", "borrowed"]),
        (Wrong::AlgNone, &["unsigned"]),
        (Wrong::Garbage, &["garbage"]),
        (Wrong::Empty, &["empty"]),
        (Wrong::Deleted, &["deleted"]),
        (Wrong::Suspended, &["suspended"]),
        (Wrong::Logout, &["logged-out"]),
        (Wrong::Password, &["changed"]),
    ] {
        let report = run(&Vault::open(wrong), SUITE, KEY);
        let told = &report.told;
        assert_eq!(
            report.with("escalation"),
            cells(actors.iter().copied()),
            "{wrong:?}: {told}"
        );
        assert_eq!(report.findings().len(), actors.len(), "{wrong:?}: {told}");
        assert_eq!(
            report.with("inconclusive"),
            Names::new(),
            "{wrong:?}: {told}"
        );
    }
}

#[test]
fn a_target_that_fails_on_a_stale_token_is_no_finding() {
    let report = run(&Vault::open(Wrong::DeletedFails), SUITE, KEY);
    assert_eq!(report.code, Some(3), "{}", report.told);
    assert_eq!(report.with("inconclusive"), cells(["deleted"]));
}

#[test]
fn a_wrong_key_is_noticed() {
    for wrong in [Wrong::Nowhere, Wrong::Expiry] {
        let report = run(&Vault::open(wrong), SUITE, "another key");
        assert_eq!(report.code, Some(3), "{}", report.told);
        let both = ["expired", "early"];
        let openings = both.map(|actor| format!("{actor}/session.open"));
        let expected: Names = cells(both).into_iter().chain(openings).collect();
        assert_eq!(report.with("inconclusive"), expected, "{}", report.told);
        let words = report.words("expired/session.open");
        assert!(words.contains("is not the one that signs"), "{words}");
    }
}

#[test]
fn a_jwt_that_is_none_is_not_applicable() {
    let report = run(&Vault::open(Wrong::Opaque), SUITE, KEY);
    let apart = ["expired", "early", "forged", "borrowed", "unsigned"];
    let openings = apart.map(|actor| format!("{actor}/session.open"));
    let expected: Names = cells(apart).into_iter().chain(openings).collect();
    assert_eq!(report.with("not-applicable"), expected, "{}", report.told);
    assert!(report.told.contains("10 not applicable"), "{}", report.told);
}

/// A token that is waited out; the words of `expired` stand in the braces.
fn waiting(words: &str) -> String {
    let (head, rest) = SUITE.split_once("  guest:").unwrap();
    let (_, resources) = rest.split_once("resources:").unwrap();
    let (resources, _) = resources.split_once("expect:").unwrap();
    let late =
        format!("  late: {{ like: clerk, token: {{ expired: {{ wait: true, {words} }} }} }}");
    let expect =
        "expect: |\n  action               clerk  late\n  paper.read of clerk  allow  401\n";
    format!("{head}{late}\nresources:{resources}{expect}")
}

#[test]
fn the_end_of_a_token_is_waited_for() {
    let suite = waiting("leeway: 0s, at_most: 10s");
    let right = run(&Vault::open(Wrong::ShortLived), &suite, KEY);
    assert_eq!(right.code, Some(0), "{}", right.told);
    let wrong = run(&Vault::open(Wrong::ShortLivedExpiry), &suite, KEY);
    assert_eq!(wrong.with("escalation"), cells(["late"]), "{}", wrong.told);
}

#[test]
fn a_token_that_lives_too_long_is_not_waited_for() {
    let report = run(&Vault::open(Wrong::Nowhere), &waiting("at_most: 90s"), KEY);
    assert_eq!(report.code, Some(3), "{}", report.told);
    let words = report.words("late/paper.read/clerk");
    assert!(words.contains("more than the 90 of `at_most`"), "{words}");
}

#[test]
fn a_login_that_hands_out_an_expired_session_is_inconclusive() {
    let report = run(&Vault::open(Wrong::ExpiredLogin), SUITE, KEY);
    assert_eq!(report.code, Some(3), "{}", report.told);
    assert_eq!(report.with("held"), Names::new(), "{}", report.told);
    let words = report.words("clerk/session.open");
    assert!(words.contains("has expired already"), "{words}");
}

#[test]
fn no_token_and_no_made_password_is_told() {
    let vault = Vault::open(Wrong::Signature);
    let report = run(&vault, SUITE, KEY);
    let told = format!("{}{}", report.told, report.json);
    for request in vault.server.requests() {
        if let Some(token) = request.authorization("bearer")
            && token.len() > 40
        {
            assert!(!told.contains(token), "{token}");
        }
    }
    assert!(!told.contains(KEY) && !told.contains("-password"));
    assert_eq!(
        names(["forged/paper.read/clerk", "borrowed/paper.read/clerk"]),
        report.with("escalation")
    );
}
