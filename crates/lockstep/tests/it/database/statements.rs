//! Every kind of statement, allowed and denied.

use testkit::postgres::PASSWORD;

use super::{SCHEMA, SUITE, Shop};
use crate::support::names;

/// What is allowed or denied as a whole.
pub(super) const WHOLE: &str = r#"
version: 1
policy: policy.yaml
targets:
  db: { postgres: "${APP_URL}", role: "{{ actor.db_role }}", schema: app }
actors:
  boss: { subject: "user:boss", roles: [boss], db_role: MEMBER }
  guest: { subject: "user:guest", db_role: GUEST }
actions:
  works:
    empty: { db: { truncate: log } }
    write: { db: { insert: log, values: { id: 7, note: "{{ unique }}" } } }
    read: { db: { select: log, columns: [note] } }
    publish: { db: { execute: publish, arguments: [7, acme] } }
    archive: { db: { execute: archive } }
    look: { db: { usage: { schema: app } } }
    count: { db: { usage: { sequence: log_numbers } } }
"#;

pub(super) const WHOLE_POLICY: &str = "
version: 1
types:
  user: {}
  works:
    actions:
      empty: collection
      write: collection
      read: collection
      publish: collection
      archive: collection
      look: collection
      count: collection
roles: { boss: { can: { works: ['*'] } } }
";

pub(super) const WHOLE_SCHEMA: &str = "
CREATE SCHEMA app; CREATE TABLE app.log (id int, note text); INSERT INTO app.log VALUES (1, 'one');
CREATE SEQUENCE app.log_numbers;
CREATE FUNCTION app.publish(number int, tenant text) RETURNS int LANGUAGE sql AS 'SELECT number';
CREATE PROCEDURE app.archive() LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON ALL ROUTINES IN SCHEMA app FROM PUBLIC;
";

/// What each grant lets do.
const GRANTS: [(&str, &str); 7] = [
    ("TRUNCATE ON app.log", "empty"),
    ("INSERT ON app.log", "write"),
    ("SELECT ON app.log", "read"),
    ("EXECUTE ON FUNCTION app.publish(int, text)", "publish"),
    ("EXECUTE ON PROCEDURE app.archive()", "archive"),
    ("USAGE ON SCHEMA app", "look"),
    ("USAGE ON SEQUENCE app.log_numbers", "count"),
];

#[test]
fn grants_decide_on_what_is_done_as_a_whole() {
    let shop = Shop::new(WHOLE_SCHEMA);
    let guest = shop.user("guest");
    let suite = WHOLE.replace("GUEST", &guest);
    shop.change(&format!("GRANT {guest} TO APP;"));
    for (grant, _) in GRANTS {
        shop.change(&format!("GRANT {grant} TO MEMBER"));
    }
    let right = shop.run_by(WHOLE_POLICY, &suite, &[]);
    assert_eq!(right.code, Some(0), "{}", right.told);
    assert_eq!(right.with("held").len(), 14, "{}", right.told);
    assert!(
        right.words("guest/works.empty").contains("(42501)"),
        "{}",
        right.told
    );
    // Nothing of it lasts.
    assert_eq!(shop.database.execute("SELECT count(*) FROM app.log"), "1\n");
    shop.change(&format!("GRANT USAGE ON SCHEMA app TO {guest}"));
    for (grant, action) in GRANTS {
        shop.change(&format!(
            "GRANT {grant} TO {guest}; REVOKE {grant} FROM MEMBER"
        ));
        let cells = format!("*/works.{action}");
        let report = shop.run_by(WHOLE_POLICY, &suite, &[&cells]);
        let (boss, guest) = (
            format!("boss/works.{action}"),
            format!("guest/works.{action}"),
        );
        assert_eq!(report.code, Some(1), "{grant}: {}", report.told);
        assert_eq!(report.verdict(&boss), "lockout", "{grant}: {}", report.told);
        assert_eq!(
            report.verdict(&guest),
            "escalation",
            "{grant}: {}",
            report.told
        );
        shop.change(&format!("GRANT {grant} TO MEMBER"));
    }
}

/// Anything but a denial is no denial.
#[test]
fn other_errors_are_inconclusive() {
    let shop = Shop::new(WHOLE_SCHEMA);
    let guest = shop.user("guest");
    let suite = WHOLE
        .replace("GUEST", &guest)
        .replace("arguments: [7, acme]", "arguments: [seven, acme]");
    shop.change(&format!(
        "GRANT {guest} TO APP; GRANT USAGE ON SCHEMA app TO {guest}"
    ));
    let report = shop.run_by(WHOLE_POLICY, &suite, &["guest/works.publish"]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    assert!(
        report.words("guest/works.publish").contains("(22P02)"),
        "{}",
        report.told
    );
}

/// Actors who are users of the database themselves.
#[test]
fn users_of_the_database_enter_as_themselves() {
    let shop = Shop::new(
        "CREATE TABLE posts (id int PRIMARY KEY, author_id text, tenant_id text, title text);
         ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON posts USING (author_id = current_user);",
    );
    let (vera, vic) = (shop.user("vera"), shop.user("vic"));
    shop.change(&format!(
        "INSERT INTO posts VALUES (1, '{vera}', 'acme', 'one'), (2, '{vic}', 'acme', 'two');
         GRANT ALL ON posts TO {vera}, {vic}"
    ));
    let suite = SUITE
        .replace(
            "    role: MEMBER\n",
            "    login: { user: \"{{ actor.uid }}\", password: \"{{ actor.pass }}\" }\n",
        )
        .replace(
            "    session: { app.user: \"{{ actor.uid }}\", app.tenant: \"{{ actor.tenant }}\" }\n",
            "",
        )
        .replace("  visitor: {}\n", "")
        .replace(
            "  oscar: { subject: \"user:oscar\", uid: oscar, tenant: globex, roles: [reader] }\n",
            "",
        )
        .replace(
            "user:vera\", uid: vera",
            &format!("user:{vera}\", pass: {PASSWORD}, uid: {vera}"),
        )
        .replace(
            "user:vic\", uid: vic",
            &format!("user:{vic}\", pass: {PASSWORD}, uid: {vic}"),
        )
        .replace("author_id: vera", &format!("author_id: {vera}"))
        .replace(
            "    read: ",
            "    read: { permission: update, db: { select: posts } }\n    look: ",
        )
        .replace("look: { db", "look: { permission: read, db");
    let chosen = [
        "*/post.read",
        "*/post.update",
        "*/post.delete",
        "*/post.create",
    ];
    let report = shop.run(&suite, &chosen);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.with("held").len(), 8, "{}", report.told);
    let wrong = suite.replace(PASSWORD, "wrong-battery");
    let report = shop.run(&wrong, &["*/post.read"]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    assert!(
        report.words("vera/post.read").contains("was not entered"),
        "{}",
        report.told
    );
    assert!(!report.told.contains("wrong-battery"), "{}", report.told);
}

/// A view shows what its owner sees, unless it says otherwise.
#[test]
fn a_view_reads_as_its_owner() {
    let suite = SUITE
        .replace("      posts: {", "      listing: { type: post, key: id, attributes: { owner: author_id, tenant: tenant_id } }\n      posts: {")
        .replace("select: posts", "select: listing");
    for (options, verdict) in [
        ("", "escalation"),
        ("WITH (security_invoker = true)", "held"),
    ] {
        let shop = Shop::new(SCHEMA);
        shop.change(&format!(
            "CREATE VIEW listing {options} AS SELECT * FROM posts; GRANT SELECT ON listing TO MEMBER"
        ));
        let report = shop.run(&suite, &["vera/post.read"]);
        assert_eq!(report.verdict("vera/post.read"), verdict, "{}", report.told);
    }
}

/// What is put off to the end of a transaction counts, although it never ends.
#[test]
fn deferred_triggers_are_seen() {
    let shop = Shop::new(SCHEMA);
    shop.change(
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE insufficient_privilege; END $$;
         CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON posts DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION stop();",
    );
    let report = shop.run(SUITE, &["vera/post.update"]);
    assert_eq!(
        report.verdict("vera/post.update"),
        "lockout",
        "{}",
        report.told
    );
}

#[test]
fn a_column_that_may_not_be_read_is_a_denial() {
    let shop = Shop::new(SCHEMA);
    shop.change(
        "REVOKE SELECT ON posts FROM MEMBER; GRANT SELECT (id, author_id) ON posts TO MEMBER",
    );
    let report = shop.run(SUITE, &["vera/post.read"]);
    assert_eq!(
        report.verdict("vera/post.read"),
        "lockout",
        "{}",
        report.told
    );
    assert!(
        report.words("vera/post.read").contains("refused (42501)"),
        "{}",
        report.told
    );
    let only_keys = SUITE.replace("select: posts, columns: [title]", "select: posts");
    let report = shop.run(&only_keys, &["vera/post.read"]);
    assert_eq!(report.verdict("vera/post.read"), "held", "{}", report.told);
}

/// What is there already may be written over, and rows may leave by `COPY`.
#[test]
fn upserts_and_copies_are_held_against_the_policy() {
    let suite = SUITE.replace(
        "    update:",
        "    put: { permission: update, db: { insert: posts, on_conflict: update, values: { id: 2, author_id: \"{{ actor.uid }}\", tenant_id: \"{{ actor.tenant }}\", title: mine } } }
    export: { permission: read, db: { select: posts, copy: true, columns: [title] } }
    update:",
    )
    .replace("  visitor: {}\n", "");
    let cells = ["*/post.put", "*/post.export"];
    let shop = Shop::new(SCHEMA);
    let right = shop.run(&suite, &cells);
    assert_eq!(right.code, Some(0), "{}", right.told);
    assert_eq!(right.with("held").len(), 6, "{}", right.told);
    shop.change(
        "DROP POLICY writing ON posts; CREATE POLICY writing ON posts FOR UPDATE USING (true)
           WITH CHECK (author_id = current_setting('app.user', true));
         DROP POLICY reading ON posts; CREATE POLICY reading ON posts FOR SELECT USING (true)",
    );
    let wrong = shop.run(&suite, &cells);
    let found = [
        "oscar/post.export",
        "oscar/post.put",
        "vera/post.export",
        "vera/post.put",
        "vic/post.export",
    ];
    assert_eq!(wrong.with("escalation"), names(found), "{}", wrong.told);
}
