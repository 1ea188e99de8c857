//! Every way to get in: a portal that is right holds, and one that is wrong in one point is found by the cells of
//! that point alone.

use testkit::Project;

use crate::portal::{Portal, Wrong};
use crate::support::{Names, Report, names, test};

const SUITE: &str = r#"
version: 1
targets: { portal: { http: "${PORTAL_URL}" } }
sessions:
  form:
    on: portal
    host: "{{ actor.tenant }}.app.test"
    steps:
      - { GET: /login, capture: { page_token: { matches: 'name="csrf" value="([^"]+)"' } } }
      - { POST: /login, form: { csrf: "{{ actor.page_token }}", name: "{{ actor.login }}", password: "{{ actor.password }}" }, status: 303, token: { cookie: sid } }
    csrf: { cookie: XSRF, header: X-XSRF }
    who: { on: portal, GET: /me, subject: $.id }
  short:
    on: portal
    host: acme.app.test
    POST: /token
    json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }
    token: $.access_token
    capture: { refresh_token: $.refresh_token, expires_in: $.expires_in }
    refresh: { POST: /refresh, json: { refresh_token: "{{ actor.refresh_token }}" }, token: $.access_token, capture: { refresh_token: $.refresh_token } }
    who: { on: portal, GET: /me, subject: $.id }
  two-factors:
    on: portal
    host: acme.app.test
    steps:
      - { POST: /first, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, capture: { ticket: { header: X-Ticket } } }
      - { POST: /second, json: { ticket: "{{ actor.ticket }}", code: "{{ totp }}" }, token: $.token }
    who: { on: portal, GET: /me, subject: $.id }
  one-factor: { on: portal, host: acme.app.test, POST: /first, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, token: { header: X-Ticket } }
actors:
  visitor: {}
  clerk: { session: form, tenant: acme, login: clerk, password: "${CLERK_PASSWORD}" }
  stranger: { session: form, tenant: globex, login: stranger, password: "${STRANGER_PASSWORD}" }
  elsewhere: { like: clerk, csrf: absent }
  made-up: { like: clerk, token: { garbage: true } }
  renewed: { session: short, login: renewed, password: "${RENEWED_PASSWORD}" }
  second: { session: two-factors, login: second, password: "${SECOND_PASSWORD}", totp_secret: "${SECOND_SECRET}" }
  half: { session: one-factor, login: half, password: "${HALF_PASSWORD}" }
resources:
  paper:
    on: portal
    owners: [clerk]
    create: { POST: /papers, json: { text: "canary {{ unique }}" }, id: $.id, capture: { place: { header: Location } } }
    views: { body: { GET: "/papers/{{ paper.id }}" } }
actions:
  paper:
    read: { portal: { GET: "/papers/{{ paper.id }}" } }
    update: { portal: { PUT: "/papers/{{ paper.id }}", json: { text: "changed {{ unique }}" }, effect: { body: { $.text: '"changed {{ unique }}"' } } } }
expect: |
  action                 visitor  clerk  stranger  elsewhere  made-up  renewed  second  half
  paper.read of clerk    401      allow  404       allow      401      allow    allow   401
  paper.update of clerk  401      allow  404       403        401      allow    allow   401
"#;

fn run(portal: &Portal) -> Report {
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let url = portal.server.url();
    let variables = [
        ("PORTAL_URL", url.as_str()),
        ("CLERK_PASSWORD", "clerk-password"),
        ("STRANGER_PASSWORD", "stranger-password"),
        ("RENEWED_PASSWORD", "renewed-password"),
        ("SECOND_PASSWORD", "second-password"),
        ("SECOND_SECRET", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
        ("HALF_PASSWORD", "half-password"),
    ];
    test(&project, &variables, &[])
}

#[test]
fn a_portal_that_is_right_holds() {
    let portal = Portal::open(Wrong::Nowhere);
    let report = run(&portal);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.with("held").len(), 16 + 7);
    let state = portal.state.lock().unwrap();
    assert!(state.refreshes >= 1, "a spent token was refreshed");
    assert_eq!(state.logins, 1, "and nobody logged in again");
}

#[test]
fn a_portal_that_is_wrong_in_one_point_is_found_by_its_cells_alone() {
    for (wrong, cells) in [
        (Wrong::Csrf, &["elsewhere/paper.update/clerk"][..]),
        (
            Wrong::Host,
            &["stranger/paper.read/clerk", "stranger/paper.update/clerk"],
        ),
        (
            Wrong::SecondFactor,
            &["half/paper.read/clerk", "half/paper.update/clerk"],
        ),
        (
            Wrong::Cookie,
            &["made-up/paper.read/clerk", "made-up/paper.update/clerk"],
        ),
    ] {
        let report = run(&Portal::open(wrong));
        let told = &report.told;
        let expected = names(cells.iter().copied());
        assert_eq!(report.with("escalation"), expected, "{wrong:?}: {told}");
        assert_eq!(report.findings().len(), cells.len(), "{wrong:?}: {told}");
        assert_eq!(
            report.with("inconclusive"),
            Names::new(),
            "{wrong:?}: {told}"
        );
    }
}

#[test]
fn a_refresh_that_gives_somebody_elses_token_is_not_used() {
    let portal = Portal::open(Wrong::Refresh);
    let report = run(&portal);
    assert_eq!(report.findings().len(), 0, "{}", report.told);
    assert_eq!(report.code, Some(3), "{}", report.told);
    let words = report.words("renewed/session.open");
    assert!(words.contains("somebody else's"), "{words}");
    assert!(
        portal.state.lock().unwrap().logins > 1,
        "it logged in again"
    );
}

#[test]
fn no_cookie_token_or_code_is_told() {
    let report = run(&Portal::open(Wrong::Csrf));
    let told = format!("{}{}", report.told, report.json);
    for secret in [
        "cookie-value-",
        "form-token-",
        "access-token-",
        "refresh-token-",
        "full-token-",
        "-password",
        "GEZDGNBVGY",
    ] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}
