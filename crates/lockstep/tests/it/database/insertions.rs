//! Rows that are added in other ways than by a plain `INSERT`, and rows of which nothing is said.

use super::statements::{WHOLE, WHOLE_POLICY, WHOLE_SCHEMA};
use super::{SCHEMA, SUITE, Shop};
use crate::support::names;

/// The usual suite, in which rows are added like this.
fn suite(statement: &str) -> String {
    let create = "create: { db: { insert: posts, values: { id: 9, author_id: vera, tenant_id: acme, title: new } } }";
    assert!(SUITE.contains(create));
    SUITE.replace(create, &format!("create: {{ db: {{ {statement} }} }}"))
}

const COPY: &str = "insert: posts, copy: true, values: { id: 9, author_id: vera, tenant_id: acme, title: \"a\\tb\\\\\\nc\" }";
const KEEP: &str = "insert: posts, on_conflict: nothing, values: { id: 9, author_id: vera, tenant_id: acme, title: new }";

/// PostgreSQL has no `COPY ... FROM` where policies hold: that is no denial by any of them.
#[test]
fn copying_in_is_a_denial_by_grants_only() {
    let shop = Shop::new(SCHEMA);
    let cells = ["vera/post.create", "oscar/post.create"];
    let report = shop.run(&suite(COPY), &cells);
    assert_eq!(report.with("inconclusive"), names(cells), "{}", report.told);
    let words = report.words("oscar/post.create");
    assert!(
        words.contains("adds no row by `COPY` where policies hold"),
        "{words}"
    );
    assert!(words.contains("(0A000)"), "{words}");
    shop.change("REVOKE INSERT ON posts FROM MEMBER");
    let report = shop.run(&suite(COPY), &cells);
    assert_eq!(
        report.verdict("vera/post.create"),
        "lockout",
        "{}",
        report.told
    );
    assert_eq!(
        report.verdict("oscar/post.create"),
        "held",
        "{}",
        report.told
    );
    // Without policies it works, and is an escalation for all but one.
    shop.change("GRANT INSERT ON posts TO MEMBER; ALTER TABLE posts DISABLE ROW LEVEL SECURITY");
    let report = shop.run(&suite(COPY), &cells);
    let words = report.words("oscar/post.create");
    assert!(words.contains("row security is not enabled"), "{words}");
    assert_eq!(shop.database.execute("SELECT count(*) FROM posts"), "3\n");
}

/// Tables whose rows the policy does not know.
#[test]
fn copying_in_is_tried_as_a_whole() {
    let shop = Shop::new(WHOLE_SCHEMA);
    let guest = shop.user("guest");
    shop.change(&format!(
        "GRANT {guest} TO APP; GRANT USAGE ON SCHEMA app TO MEMBER, {guest}; GRANT INSERT ON app.log TO MEMBER"
    ));
    let suite = WHOLE
        .replace("GUEST", &guest)
        .replace("insert: log,", "insert: log, copy: true,")
        .replace("{{ unique }}", "' \\\\. \\\\N");
    let report = shop.run_by(WHOLE_POLICY, &suite, &["*/works.write"]);
    let cells = ["boss/works.write", "guest/works.write"];
    assert_eq!(report.with("held"), names(cells), "{}", report.told);
    assert_eq!(shop.database.execute("SELECT count(*) FROM app.log"), "1\n");
}

/// No row was added: because one is there already, or because a trigger filtered it.
#[test]
fn a_conflict_is_told_from_a_filter() {
    let shop = Shop::new(SCHEMA);
    let report = shop.run(&suite(KEEP), &["*/post.create"]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.with("held").len(), 4, "{}", report.told);
    // One that its actor sees: nothing was tried.
    let seen = suite(&KEEP.replace("id: 9", "id: 2"));
    let report = shop.run(&seen, &["vera/post.create"]);
    assert_eq!(
        report.verdict("vera/post.create"),
        "inconclusive",
        "{}",
        report.told
    );
    let words = report.words("vera/post.create");
    assert!(words.contains("one is there already"), "{words}");
    // One that nobody of that tenant sees: silence tells of it.
    let hidden = suite(&KEEP.replace("id: 9", "id: 3"));
    let report = shop.run(&hidden, &["vera/post.create"]);
    assert_eq!(
        report.verdict("vera/post.create"),
        "leak",
        "{}",
        report.told
    );
    // One that a trigger takes away: nobody adds it.
    shop.change(
        "CREATE FUNCTION filter() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER filter BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION filter();
         DROP POLICY adding ON posts; CREATE POLICY adding ON posts FOR INSERT WITH CHECK (true)",
    );
    for statement in [KEEP.to_owned(), KEEP.replace("on_conflict: nothing, ", "")] {
        let report = shop.run(&suite(&statement), &["*/post.create"]);
        assert_eq!(
            report.with("lockout"),
            names(["vera/post.create"]),
            "{}",
            report.told
        );
        assert_eq!(report.with("held").len(), 3, "{}", report.told);
        let words = report.words("vera/post.create");
        assert!(words.contains("filtered"), "{words}");
    }
    // Where a child may have it, silence says nothing.
    shop.change("CREATE TABLE more () INHERITS (posts)");
    let report = shop.run(&suite(KEEP), &["oscar/post.create"]);
    assert_eq!(
        report.verdict("oscar/post.create"),
        "inconclusive",
        "{}",
        report.told
    );
}

/// Whoever changes a row that is there needs to see it and to be let change it.
#[test]
fn changing_on_conflict_needs_every_policy() {
    let put = "insert: posts, on_conflict: update, values: { id: 1, author_id: vera, tenant_id: acme, title: mine }";
    let suite = suite(put)
        .replace("    create: {", "    put: { permission: update, ")
        .replace("permission: update,  db:", "permission: update, db:");
    let cell = "vera/post.put";
    let cases = [
        ("SELECT 1", "held"),
        ("DROP POLICY reading ON posts", "lockout"),
        ("DROP POLICY writing ON posts", "lockout"),
        ("DROP POLICY adding ON posts", "lockout"),
        ("REVOKE UPDATE ON posts FROM MEMBER", "lockout"),
    ];
    for (fault, verdict) in cases {
        let shop = Shop::new(SCHEMA);
        let report = shop.change(fault).run(&suite, &[cell]);
        assert_eq!(report.verdict(cell), verdict, "{fault}: {}", report.told);
    }
}

/// To ask for the next number takes none.
#[test]
fn a_sequence_stays_where_it_is() {
    let shop = Shop::new("CREATE SEQUENCE numbers; SELECT nextval('numbers')");
    let suite = SUITE
        .replace("create: { db: { insert: posts, values: { id: 9, author_id: vera, tenant_id: acme, title: new } } }",
            "create: { permission: read, db: { usage: { sequence: numbers } } }");
    let cell = "vera/post.create";
    for (grant, verdict) in [
        ("GRANT USAGE ON SEQUENCE numbers TO MEMBER", "held"),
        (
            "REVOKE USAGE ON SEQUENCE numbers FROM MEMBER; GRANT UPDATE ON SEQUENCE numbers TO MEMBER",
            "held",
        ),
        (
            "REVOKE UPDATE ON SEQUENCE numbers FROM MEMBER; GRANT SELECT ON SEQUENCE numbers TO MEMBER",
            "lockout",
        ),
    ] {
        let report = shop.change(grant).run(&suite, &[cell]);
        assert_eq!(report.verdict(cell), verdict, "{grant}: {}", report.told);
    }
    assert_eq!(
        shop.database.execute("SELECT last_value FROM numbers"),
        "1\n"
    );
}

/// Who may not even connect reaches no row: that is right where nothing is permitted.
#[test]
fn who_may_not_connect_reaches_no_row() {
    let shop = Shop::new(SCHEMA);
    let name = shop.database.name().to_owned();
    shop.change(&format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC"));
    let report = shop.run(SUITE, &["visitor/*", "vera/post.read", "oscar/post.create"]);
    let held = [
        "oscar/post.create",
        "visitor/post.create",
        "visitor/post.delete",
        "visitor/post.give",
        "visitor/post.read",
        "visitor/post.update",
    ];
    assert_eq!(report.with("held"), names(held), "{}", report.told);
    assert_eq!(
        report.with("lockout"),
        names(["vera/post.read"]),
        "{}",
        report.told
    );
    let words = report.words("vera/post.read");
    assert!(words.contains("permission denied for database"), "{words}");
    // Whoever may see rows of which there are none is not locked out of any.
    shop.change("DELETE FROM posts");
    let report = shop.run(SUITE, &["visitor/post.read", "vera/post.read"]);
    assert_eq!(
        report.with("held"),
        names(["visitor/post.read"]),
        "{}",
        report.told
    );
    assert_eq!(
        report.with("inconclusive"),
        names(["vera/post.read"]),
        "{}",
        report.told
    );
}
