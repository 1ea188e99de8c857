//! Whatever things are called and whatever is written: names are quoted by the server, values are
//! bound.

use serde_json::json;

use super::Shop;

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names that go wrong where statements are built from texts; the last has 63 bytes.
const NAMES: [&str; 7] = [
    "we\"ird",
    "$$ table",
    "Posts",
    "select",
    "x'; DROP TABLE other; --",
    "größe",
    "abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_123456789",
];

/// Values that go wrong there.
const VALUES: [&str; 5] = ["' OR 1=1 --", "\"; DROP TABLE other; --", "$$", "\\", "{}"];

#[test]
fn odd_names_and_values_break_nothing() {
    for (index, name) in NAMES.into_iter().enumerate() {
        let value = VALUES[index % VALUES.len()];
        let (schema, table, key, tenant, role) = (
            format!("{name}.s").chars().take(40).collect::<String>(),
            name,
            name,
            "the \"tenant\"",
            format!("r {name}").chars().take(40).collect::<String>(),
        );
        let shop = Shop::new("CREATE TABLE other (id int)");
        let role = format!("{role} {}", shop.member);
        let full = format!("{}.{}", quoted(&schema), quoted(table));
        let [quoted_key, quoted_tenant, quoted_role, quoted_schema] =
            [key, tenant, &role, &schema].map(quoted);
        let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
        let (mine, foreign) = (text(value), text("other"));
        shop.change(&format!(
            "SET standard_conforming_strings = on; CREATE SCHEMA {quoted_schema};
             CREATE TABLE {full} ({quoted_key} text PRIMARY KEY, {quoted_tenant} text);
             INSERT INTO {full} VALUES ({mine}, {mine}), ('2', {foreign});
             ALTER TABLE {full} ENABLE ROW LEVEL SECURITY;
             CREATE POLICY p ON {full} USING ({quoted_tenant} = current_setting('app.t', true));
             CREATE ROLE {quoted_role}; GRANT {quoted_role} TO APP;
             GRANT USAGE ON SCHEMA {quoted_schema} TO {quoted_role}; GRANT ALL ON {full} TO {quoted_role};"
        ));
        let suite = json!({
            "version": 1,
            "policy": "policy.yaml",
            "targets": { "db": {
                "postgres": "${APP_URL}",
                "witness": "${WITNESS_URL}",
                "role": role,
                "schema": schema,
                "session": { "app.t": "{{ actor.tenant }}" },
                "rows": { table: { "type": "post", "key": key, "attributes": { "tenant": tenant } } },
            } },
            "actors": { "vera": { "subject": "user:vera", "tenant": value, "roles": ["reader"] } },
            "actions": { "post": {
                "read": { "db": { "select": [schema, table], "columns": [tenant] } },
                "change": { "permission": "read", "db": { "update": [schema, table], "values": { tenant: value } } },
                "remove": { "permission": "read", "db": { "delete": [schema, table] } },
                "add": { "permission": "read", "db": { "insert": [schema, table], "values": { key: "9", tenant: value } } },
                "count": { "permission": "read", "db": { "select": [schema, table], "copy": true } },
            } },
        });
        // The name of a table under `rows` is split at its first dot, where it has one.
        let policy = super::POLICY.replace("owner: user, ", "");
        let policy = policy.split("rules:").next().unwrap();
        let report = shop.run_by(policy, &suite.to_string(), &[]);
        assert_eq!(report.code, Some(0), "{name}: {}", report.told);
        assert_eq!(report.with("held").len(), 5, "{name}: {}", report.told);
        let left = shop.database.execute(&format!(
            "SELECT count(*) FROM {full}, (SELECT count(*) FROM other) AS o"
        ));
        assert_eq!(left, "2\n", "{name}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    let shop = Shop::new(super::SCHEMA);
    let cases = [
        (
            "select: posts, columns: [title]",
            "select: posts, columns: [titel]",
            "has no column `titel`",
        ),
        (
            "role: MEMBER",
            "role: nobody-of-that-name",
            "role \"nobody-of-that-name\" does not exist (22023)",
        ),
        (
            "select: posts, columns: [title]",
            "truncate: Posts",
            "there is no table `Posts`",
        ),
    ];
    for (right, wrong, why) in cases {
        let report = shop.run(&super::SUITE.replace(right, wrong), &["vera/post.read"]);
        assert_eq!(report.code, Some(3), "{wrong}: {}", report.told);
        let words = report.words("vera/post.read");
        assert!(words.contains(why), "{wrong}: {words}");
    }
}
