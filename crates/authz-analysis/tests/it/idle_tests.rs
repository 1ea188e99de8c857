//! Tests of a policy that would hold whatever the policy says, and what a test takes from the facts.

use authz::source::{Source, render};
use authz_analysis::policy_tests;

use crate::conformance::now;

const POLICY: &str = "version: 1
types:
  user: {}
  doc: { actions: { read: instance, list: collection }, attributes: { tenant: tenant } }
tenants: {}
roles:
  reader: { can: { doc: [read] } }
relations: model.fga
related: { doc: { read: viewer } }
";
const MODEL: &str =
    "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n";
const FACTS: &str = "subjects:
  user:bob: { roles: { acme: [reader] } }
  user:two: { roles: { acme: [reader], globex: [reader] } }
resources:
  doc:plan: { attributes: { tenant: acme } }
  doc:7: { attributes: { tenant: acme } }
relationships: [\"doc:7#viewer@user:ann\"]
";

/// The assertions that hold and those that fail, or the mistakes.
fn run(tests: &str) -> String {
    let mut load = |name: &str| {
        Ok(match name {
            "policy.yaml" => Source::new(name, POLICY),
            "model.fga" => Source::new(name, MODEL),
            "facts.yaml" => Source::new(name, FACTS),
            other => return Err(format!("no {other}")),
        })
    };
    let source = Source::new("policy.test.yaml", &format!("facts: facts.yaml\n{tests}\n"));
    match policy_tests::run(&source, &mut load, now()) {
        Ok(report) => {
            let failed = report.assertions.iter();
            let failed = failed.filter(|it| !it.differences.is_empty()).count();
            let held = report.assertions.len() - failed;
            format!("{held} held, {failed} failed\n")
        }
        Err(broken) => render(&broken.mistakes, &broken.sources, false),
    }
}

#[test]
fn a_test_that_asks_for_nothing_is_a_mistake() {
    let told = [
        "tests: []",
        "tests: [{ name: a, given: { subject: \"user:ann\", tenant: acme, resource: { doc: { id: plan } } } }]",
        "tests: [{ name: a, given: { subject: \"user:ann\", tenant: acme, resource: { doc: { id: plan } } }, allow: [], deny: [] }]",
        "tests: [{ name: a, given: { subject: \"user:ann\", tenant: acme, resource: { doc: { id: 7 } } }, deny: [read] }]",
        "tests: [{ name: a, given: { roles: [reader], tenant: acme, scopes: [], resource: { doc: { id: plan } } }, deny: [read] }]",
    ];
    insta::assert_snapshot!(told.map(run).join("\n"));
}

#[test]
fn the_tenant_is_that_of_the_facts_if_it_is_one() {
    let test = |subject: &str, tenant: &str, assertion: &str| {
        run(&format!(
            "tests: [{{ name: a, given: {{ subject: \"{subject}\", {tenant}resource: {{ doc: {{ id: plan }} }} }}, {assertion}: [read] }}]"
        ))
    };
    assert_eq!(test("user:bob", "", "allow"), "1 held, 0 failed\n");
    assert_eq!(test("user:bob", "", "deny"), "0 held, 1 failed\n");
    assert_eq!(
        test("user:bob", "tenant: globex, ", "deny"),
        "1 held, 0 failed\n"
    );
    assert_eq!(
        test("user:two", "tenant: acme, ", "allow"),
        "1 held, 0 failed\n"
    );
    insta::assert_snapshot!(test("user:two", "", "allow"));
}
