//! What is planted in `faults.sql` is found, all of it and nothing else.

use std::collections::BTreeSet;

use authz_sql::catalogue::{self, Catalogue};
use authz_sql::connection::{Address, read_only};
use authz_sql::probe::{Rows, probe};
use authz_sql::scan::{Finding, Found, Proof, Rule, Scope, Stale, scan};
use testkit::postgres::Database;

const FAULTS: &str = include_str!("faults.sql");

/// A scan and what came of it, with the roles by the names that they have in the file.
struct Scanned {
    found: Found,
    findings: Vec<Finding>,
    stale: Vec<Stale>,
}

/// The database of `faults.sql`, with more statements at the end.
struct Shop {
    database: Database,
    prefix: String,
}

impl Shop {
    fn new(more: &str) -> Self {
        let database = Database::new();
        let prefix = format!("{}_", database.role_name("shop"));
        let shop = Self { database, prefix };
        shop.execute(FAULTS);
        shop.execute(more);
        shop
    }

    fn execute(&self, sql: &str) {
        self.database.execute(&sql.replace("shop_", &self.prefix));
    }

    async fn scan(&self, scope: impl Fn(&Catalogue) -> Scope) -> Scanned {
        self.scan_as(&self.database.url(), scope, Rows::AsAll).await
    }

    async fn scan_as(&self, url: &str, scope: impl Fn(&Catalogue) -> Scope, rows: Rows) -> Scanned {
        let address = Address::parse(url).unwrap();
        let mut client = address.connect().await.unwrap();
        let mut transaction = read_only(&mut client).await.unwrap();
        let catalogue = catalogue::read(&mut transaction).await.unwrap();
        let found = scan(&catalogue, &scope(&catalogue));
        let tried = probe(&mut transaction, &catalogue, &found, rows);
        let tried = tried.await.unwrap();
        let findings = tried.findings.into_iter().map(|mut it| {
            for text in [&mut it.object, &mut it.sentence, &mut it.fix] {
                *text = text.replace(&self.prefix, "shop_");
            }
            match &mut it.proof {
                Proof::Confirmed(text) | Proof::NotProbed(text) => {
                    *text = text.replace(&self.prefix, "shop_");
                }
            }
            it
        });
        Scanned {
            findings: findings.collect(),
            found,
            stale: tried.stale,
        }
    }
}

fn all(_: &Catalogue) -> Scope {
    Scope::default()
}

fn told(findings: &[Finding]) -> BTreeSet<(String, String)> {
    let counted = findings.iter().filter(|it| it.exception.is_none());
    counted
        .map(|it| (it.rule.name().to_owned(), it.object.clone()))
        .collect()
}

fn planted() -> BTreeSet<(String, String)> {
    let faults = FAULTS
        .lines()
        .filter_map(|line| line.strip_prefix("-- fault: "));
    let faults = faults.map(|fault| fault.split_once(' ').unwrap());
    faults
        .map(|(rule, object)| (rule.to_owned(), object.to_owned()))
        .collect()
}

#[tokio::test]
async fn what_is_planted_is_found_and_nothing_else() {
    let shop = Shop::new("");
    let scanned = shop.scan(all).await;
    assert_eq!(told(&scanned.findings), planted());
    let mut text = String::new();
    for it in &scanned.findings {
        let (level, rule) = (it.rule.level().name(), it.rule.name());
        text += &format!(
            "{level} {rule}  {} {}\n  {}\n",
            it.kind, it.object, it.sentence
        );
        text += &format!("  {:?}\n  {}\n", it.proof, it.fix);
        if let Some(exception) = &it.exception {
            text += &format!("  allowed: {}\n", exception.reason);
        }
    }
    for stale in &scanned.stale {
        text += &format!("stale  {}: {}\n", stale.object, stale.why);
    }
    insta::assert_snapshot!(text);
}

/// The twin of each fault is looked at, and nothing but exceptions in vain is there to be told.
#[tokio::test]
async fn nothing_is_found_in_the_clean_schema() {
    let shop = Shop::new("");
    let clean = |catalogue: &Catalogue| {
        let schemas = catalogue
            .schemas
            .iter()
            .filter(|(_, it)| it.bare == "clean");
        Scope {
            schemas: schemas.map(|(id, _)| *id).collect(),
            ..Scope::default()
        }
    };
    let scanned = shop.scan(clean).await;
    let of_objects = scanned.findings.iter();
    let of_objects = of_objects.filter(|it| it.kind != "role" && it.exception.is_none());
    assert_eq!(of_objects.collect::<Vec<_>>(), Vec::<&Finding>::new());
    assert!(scanned.found.looked_at > 20, "{}", scanned.found.looked_at);
    assert_eq!(scanned.found.doubts, Vec::<String>::new());
}

/// A role without any rights finds the same; it can confirm less.
#[tokio::test]
async fn a_stranger_finds_the_same_and_says_what_it_could_not_try() {
    let shop = Shop::new("");
    let stranger = shop.database.role("stranger", "");
    let name = shop.database.name();
    shop.execute(&format!("GRANT CONNECT ON DATABASE {name} TO {stranger}"));
    let url = shop.database.url_as(&stranger);
    let scanned = shop.scan_as(&url, all, Rows::AsAll).await;
    let found = told(&scanned.findings);
    let hidden = (
        "setting-without-default".to_owned(),
        "planted.wishes".to_owned(),
    );
    let missing: Vec<_> = planted().difference(&found).cloned().collect();
    assert_eq!(missing, [hidden], "only asking shows what a function does");
    assert_eq!(found.difference(&planted()).count(), 0);
    let orders = scanned
        .findings
        .iter()
        .find(|it| it.object == "planted.orders");
    let Proof::NotProbed(why) = &orders.unwrap().proof else {
        panic!("{orders:?}");
    };
    assert!(why.contains("permission denied to set role"), "{why}");
}

/// With roles named, what others may does not matter.
#[tokio::test]
async fn only_what_the_named_roles_can_come_to_matters() {
    let shop = Shop::new("");
    let gate = |catalogue: &Catalogue| {
        let roles = catalogue
            .roles
            .iter()
            .filter(|(_, it)| it.bare.ends_with("_gate"));
        Scope {
            roles: roles.map(|(id, _)| *id).collect(),
            ..Scope::default()
        }
    };
    let found = told(&shop.scan(gate).await.findings);
    let rules: BTreeSet<&str> = found.iter().map(|(rule, _)| rule.as_str()).collect();
    assert!(rules.contains("role-bypasses-policies"));
    assert!(rules.contains("public-grant"));
    assert!(!rules.contains("row-security-missing"));
    assert!(!rules.contains("owner-logs-in"));
}

/// A grant of what was never done is told only where that is asked for.
#[tokio::test]
async fn a_grant_is_unused_where_statistics_say_so() {
    let shop =
        Shop::new("SELECT pg_stat_force_next_flush(); INSERT INTO clean.stock VALUES (1, 'ada');");
    let unused = |catalogue: &Catalogue| Scope {
        unused: true,
        ..all(catalogue)
    };
    let scanned = shop.scan(unused).await;
    let of_stock = |it: &&Finding| it.rule == Rule::UnusedGrant && it.object == "clean.stock";
    let stock = scanned.findings.iter().find(of_stock).unwrap();
    assert_eq!(
        stock.sentence,
        "`shop_staff` has DELETE, SELECT, UPDATE on it, and nobody has done that since statistics are kept"
    );
    assert!(!shop.scan(all).await.findings.iter().any(|it| of_stock(&it)));
}

/// Nothing to look at, and nobody to look at it as, is not green.
#[tokio::test]
async fn an_empty_database_says_nothing() {
    let database = Database::new();
    database.execute(&format!(
        "REVOKE ALL ON DATABASE {} FROM PUBLIC",
        database.name()
    ));
    let mut client = Address::parse(&database.url())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut transaction = read_only(&mut client).await.unwrap();
    let catalogue = catalogue::read(&mut transaction).await.unwrap();
    let found = scan(&catalogue, &Scope::default());
    let doubts = found.doubts.join("\n");
    assert!(
        doubts.contains("there is no table, view or function"),
        "{doubts}"
    );
    assert!(doubts.contains("only superusers can log in"), "{doubts}");
    let is_superuser = catalogue.roles.iter().find(|(_, it)| it.superuser);
    let named = Scope {
        roles: is_superuser.map(|(id, _)| *id).into_iter().collect(),
        ..Scope::default()
    };
    let found = scan(&catalogue, &named).candidates;
    let rules: Vec<Rule> = found.iter().map(|it| it.finding.rule).collect();
    assert_eq!(rules, [Rule::RoleBypassesPolicies]);
}

/// A member of `pg_read_all_data` reads what was granted to nobody, if it can connect.
#[tokio::test]
async fn what_the_servers_own_roles_may_counts_for_their_members() {
    let shop = Shop::new("CREATE ROLE shop_auditor LOGIN IN ROLE pg_read_all_data");
    let of_prices = |scanned: &Scanned| {
        let mut found = scanned.findings.iter();
        let found = found.find(|it| it.object == "clean.prices");
        found.map(|it| (it.rule, it.sentence.clone(), it.proof.clone()))
    };
    assert_eq!(of_prices(&shop.scan(all).await), None);
    let name = shop.database.name();
    shop.execute(&format!("GRANT CONNECT ON DATABASE {name} TO shop_auditor"));
    let seen = "row security is not active for `shop_auditor`, which sees 0 rows";
    let found = (
        Rule::RowSecurityMissing,
        "no row security: `shop_auditor` has SELECT on every row".to_owned(),
        Proof::Confirmed(seen.to_owned()),
    );
    assert_eq!(of_prices(&shop.scan(all).await), Some(found));
}

/// Rules whose fix is an edit of a policy's text, which no statement makes by itself.
const BY_HAND: [Rule; 3] = [
    Rule::ComparisonWithItself,
    Rule::PolicyRecursion,
    Rule::SettingWithoutDefault,
];

/// A finding is gone when what it says was done, for all that are planted.
#[tokio::test]
async fn what_is_said_to_mend_it_does() {
    let shop = Shop::new("CREATE ROLE a_role_with_less");
    let before = shop.scan(all).await;
    let counted = |it: &&Finding| it.exception.is_none() && !BY_HAND.contains(&it.rule);
    for it in before.findings.iter().filter(counted) {
        assert!(it.fix.ends_with(';'), "{}: {}", it.object, it.fix);
        shop.execute(&it.fix);
    }
    let after = told(&shop.scan(all).await.findings);
    let left = before.findings.iter().filter(counted);
    let left = left.filter(|it| after.contains(&(it.rule.name().to_owned(), it.object.clone())));
    let left: Vec<String> = left
        .map(|it| format!("{}: {}", it.object, it.fix))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn the_manual_has_every_finding() {
    let manual = include_str!("../../../../suites/postgres/kinto/README.md");
    let rows: Vec<&str> = manual
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let rows = rows.iter().filter(|line| !line.starts_with("| `kinto"));
    let written: Vec<String> = rows.map(|row| (*row).to_owned()).collect();
    let row = |rule: Rule| {
        let (name, level) = (rule.name(), rule.level().name());
        format!("| `{name}` | {level} | {} |", rule.summary())
    };
    assert_eq!(written, Rule::ALL.map(row));
}

#[test]
fn every_finding_that_there_is_is_planted_but_one() {
    let planted: BTreeSet<String> = planted().into_iter().map(|(rule, _)| rule).collect();
    let names = Rule::ALL.map(|rule| rule.name().to_owned());
    let missing: Vec<&String> = names.iter().filter(|it| !planted.contains(*it)).collect();
    // It depends on what was done to the tables, and has a test of its own.
    assert_eq!(missing, ["unused-grant"]);
}
