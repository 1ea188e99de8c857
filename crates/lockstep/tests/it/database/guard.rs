//! Sessions that would be green whatever the policies are, and the statements that mend them.

use super::{SCHEMA, SUITE, Shop};
use crate::support::Report;

/// The cell that is looked at.
const CELL: &str = "vera/post.read";

/// What is wrong with a session or a table.
struct Case {
    name: &'static str,
    /// What makes it so.
    spoil: &'static str,
    /// What is told of it.
    why: &'static str,
    /// The beginning of the statement that mends it.
    fix: &'static str,
    /// What stands in place of values that only a user knows.
    values: Option<&'static str>,
}

const CASES: [Case; 12] = [
    Case {
        name: "a superuser takes the role",
        spoil: "ALTER ROLE APP SUPERUSER",
        why: "superuser",
        fix: "ALTER ROLE APP NOSUPERUSER;",
        values: None,
    },
    Case {
        name: "the role itself is a superuser",
        spoil: "ALTER ROLE MEMBER SUPERUSER",
        why: "whom no grant and no policy holds",
        fix: "ALTER ROLE MEMBER NOSUPERUSER;",
        values: None,
    },
    Case {
        name: "BYPASSRLS",
        spoil: "ALTER ROLE MEMBER BYPASSRLS",
        why: "has BYPASSRLS",
        fix: "ALTER ROLE MEMBER NOBYPASSRLS;",
        values: None,
    },
    Case {
        name: "the owner, without FORCE",
        spoil: "GRANT CREATE ON SCHEMA public TO MEMBER; ALTER TABLE posts OWNER TO MEMBER",
        why: "owns public.posts",
        fix: "ALTER TABLE public.posts FORCE ROW LEVEL SECURITY;",
        values: None,
    },
    Case {
        name: "may become the owner",
        spoil: "CREATE ROLE owner_MEMBER; GRANT owner_MEMBER TO APP; ALTER TABLE posts OWNER TO owner_MEMBER",
        why: "or can become its owner",
        fix: "ALTER TABLE public.posts FORCE ROW LEVEL SECURITY;",
        values: None,
    },
    Case {
        name: "may become a superuser",
        spoil: "CREATE ROLE super_MEMBER SUPERUSER; GRANT super_MEMBER TO APP",
        why: "a superuser, by SET ROLE",
        fix: "REVOKE super_MEMBER FROM APP;",
        values: None,
    },
    Case {
        name: "may become somebody with BYPASSRLS, by way of another role",
        spoil: "CREATE ROLE by_MEMBER BYPASSRLS; CREATE ROLE way_MEMBER; GRANT by_MEMBER TO way_MEMBER; GRANT way_MEMBER TO APP",
        why: "a role with BYPASSRLS, by SET ROLE",
        fix: "REVOKE by_MEMBER FROM way_MEMBER;",
        values: None,
    },
    Case {
        name: "gives itself roles",
        spoil: "ALTER ROLE APP CREATEROLE",
        why: "has CREATEROLE and so, before PostgreSQL 16,",
        fix: "ALTER ROLE APP NOCREATEROLE;",
        values: None,
    },
    Case {
        name: "row_security is off",
        spoil: "ALTER ROLE APP SET row_security = off",
        why: "`row_security` is off",
        fix: "ALTER ROLE APP RESET row_security;",
        values: None,
    },
    Case {
        name: "an empty table",
        spoil: "DELETE FROM posts",
        why: "the table is empty",
        fix: "INSERT INTO public.posts (id, author_id, tenant_id) VALUES (...);",
        values: Some("(1, 'vera', 'acme'), (2, 'oscar', 'globex')"),
    },
    Case {
        name: "only own rows",
        spoil: "DELETE FROM posts WHERE tenant_id <> 'acme'",
        why: "there are only rows that the actor may reach",
        fix: "INSERT INTO public.posts (id, author_id, tenant_id) VALUES (...);",
        values: Some("(3, 'oscar', 'globex')"),
    },
    Case {
        name: "row security is not enabled",
        spoil: "ALTER TABLE posts DISABLE ROW LEVEL SECURITY",
        why: "row security is not enabled on public.posts",
        fix: "ALTER TABLE public.posts ENABLE ROW LEVEL SECURITY;",
        values: None,
    },
];

#[test]
fn a_session_that_proves_nothing_is_told_with_what_mends_it() {
    for case in CASES {
        let shop = Shop::new(SCHEMA);
        let report = shop.change(case.spoil).run(SUITE, &[CELL]);
        assert_eq!(report.code, Some(3), "{}: {}", case.name, report.told);
        assert_eq!(report.verdict(CELL), "inconclusive", "{}", case.name);
        let why = because(&report);
        assert!(why.contains(case.why), "{}: {why}", case.name);
        let roles = |text: &str| {
            text.replace("MEMBER", &shop.member)
                .replace("APP", &shop.app)
        };
        let fix = roles(case.fix);
        assert!(why.contains(&fix), "{}: {why}", case.name);
        let fix = fix.replace("(...)", case.values.unwrap_or_default());
        let report = shop.change(&fix).run(SUITE, &[CELL]);
        assert_eq!(report.code, Some(0), "{}: {}", case.name, report.told);
    }
}

/// What is added by somebody whom no policy holds says nothing of policies either.
#[test]
fn a_row_that_is_added_past_the_policies_proves_nothing() {
    let shop = Shop::new(SCHEMA);
    shop.change("ALTER ROLE MEMBER BYPASSRLS");
    let report = shop.run(SUITE, &["vera/post.create", "vic/post.create"]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    assert_eq!(report.with("inconclusive").len(), 2, "{}", report.told);
}

/// Where grants alone refuse, no policy is needed.
#[test]
fn a_refusal_by_grants_counts_without_row_security() {
    let shop = Shop::new(SCHEMA);
    shop.change("ALTER TABLE posts DISABLE ROW LEVEL SECURITY; REVOKE ALL ON posts FROM MEMBER");
    let report = shop.run(SUITE, &["visitor/post.read"]);
    assert_eq!(report.code, Some(0), "{}", report.told);
}

/// Who is to see all rows must see all.
#[test]
fn a_witness_that_is_held_by_policies_is_none() {
    let shop = Shop::new(SCHEMA);
    let witness = SUITE.replace("${WITNESS_URL}", "${APP_URL}");
    shop.change("GRANT SELECT ON posts TO APP");
    let report = shop.run(&witness, &[CELL]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    let why = because(&report);
    assert!(why.contains("sees only what policies leave"), "{why}");
}

fn because(report: &Report) -> String {
    report.cells[CELL].json["because"]
        .to_string()
        .replace("\\\"", "\"")
}
