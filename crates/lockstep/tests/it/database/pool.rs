//! One connection for everybody: nothing of one actor is left for the next.

use super::{SCHEMA, SUITE, Shop};
use crate::support::names;

#[test]
fn a_pool_of_one_connection_keeps_nothing() {
    let shop = Shop::new(SCHEMA);
    shop.change("ALTER ROLE APP CONNECTION LIMIT 1");
    // Somebody with empty settings; and statements that fail, so that their transactions abort.
    let suite = SUITE
        .replace("tenant: \"{{ actor.tenant }}\"", "tenant: \"{{ actor.t }}\"")
        .replace("{{ actor.tenant }}", "{{ actor.t }}")
        .replace("visitor: {}", "visitor: {}\n  empty: { uid: \"\", t: \"\" }")
        .replace("tenant: acme, roles", "tenant: acme, t: acme, roles")
        .replace("tenant: globex, roles", "tenant: globex, t: globex, roles")
        .replace(
            "    update:",
            "    fail: { permission: read, db: { insert: posts, values: { id: none, author_id: x, tenant_id: y } } }\n    update:",
        );
    let report = shop.run(&suite, &["--concurrency", "1"]);
    let failed =
        ["empty", "oscar", "vera", "vic", "visitor"].map(|actor| format!("{actor}/post.fail"));
    let failed = names(failed.iter().map(String::as_str));
    assert_eq!(report.with("inconclusive"), failed, "{}", report.told);
    assert!(
        report.words("vera/post.fail").contains("(22P02)"),
        "{}",
        report.told
    );
    assert!(report.findings().is_empty(), "{}", report.told);
    let nobody = report.words("empty/post.read");
    assert!(nobody.contains("reaches 0 of 3 rows"), "{nobody}");
    let unset = report.words("visitor/post.read");
    assert!(unset.contains("reaches 0 of 3 rows"), "{unset}");
    assert_eq!(
        shop.database
            .execute("SELECT count(*), max(title) FROM posts"),
        "3|two\n"
    );
}
