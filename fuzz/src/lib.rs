//! What is fuzzed: every parser, and the evaluators against naive ones. A target is a function that
//! takes any bytes and panics where something is wrong: a reader that panics, a refusal without a
//! word, a model that does not survive being printed, two evaluators that disagree.
//!
//! `cargo xtask fuzz` runs them under libFuzzer; as a library this knows nothing of any engine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a target that cannot go on has found something"
)]

#[path = "../../crates/authz/tests/it/agreement/mod.rs"]
mod agreement;
#[path = "../../crates/authz/tests/it/reference.rs"]
mod reference;
#[path = "../../crates/authz/tests/it/round_trips.rs"]
mod round_trips;
mod targets;

/// What the naive evaluator of policies takes from the tests around it.
mod decisions {
    use authz::source::Source;
    use authz::{Policy, read_policy};

    pub(crate) fn policy(text: &str) -> Policy {
        read_policy(&[Source::new("policy.yaml", text)]).unwrap()
    }
}

/// Something that any bytes can be given to.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Files of the repository to begin with: those whose paths contain one of these.
    pub seeds: &'static [&'static str],
    /// Panics where something is wrong.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    target(
        "policy",
        &["/policy.yaml", "authz/tests/it/errors/"],
        targets::policies::policy,
    ),
    target("facts", &["/facts.yaml"], targets::policies::facts),
    target(
        "condition",
        &["condition/tests/"],
        targets::policies::condition,
    ),
    target("openfga", &[".fga"], targets::models::openfga),
    target("openfga-json", &[".fga"], targets::models::openfga_json),
    target("modules", &["fga.mod", "wiki/"], targets::models::modules),
    target("spicedb", &[".zed"], targets::models::spicedb),
    target("tuples", &["/tuples."], targets::models::tuples),
    target(
        "policy-tests",
        &[".test.yaml", ".fga.yaml", "library.yaml"],
        targets::tests::policy_tests,
    ),
    target(
        "import-casbin",
        &["it/import/casbin_"],
        targets::imports::casbin,
    ),
    target(
        "import-openfga",
        &["it/import/openfga_"],
        targets::imports::openfga,
    ),
    target(
        "import-spicedb",
        &["it/import/spicedb_"],
        targets::imports::spicedb,
    ),
    target("lint", &["it/lint/", "/policy.yaml"], targets::lints::lints),
    target("matrix", &["policy.matrix"], targets::lints::table),
    target(
        "suite",
        &[
            "/lockstep.yaml",
            "suite/tests/it/valid/",
            "suite/tests/it/errors/",
        ],
        targets::suites::suite,
    ),
    target("table", &[], targets::suites::table),
    target("template", &[], targets::suites::template),
    target("token", &[], targets::suites::token),
    target("openapi", &["openapi/"], targets::suites::openapi),
    target("role-tables", &[], targets::databases::role_tables),
    target("address", &[], targets::databases::address),
    target("expression", &[], targets::databases::expression),
    target("baseline", &[], targets::runs::baseline),
    target("record", &[], targets::runs::record),
    target("report", &[], targets::runs::report),
    target("journal", &[], targets::runs::journal),
    target("decisions", &[], targets::evaluators::decisions),
    target("relations", &[], targets::evaluators::relations),
];

const fn target(name: &'static str, seeds: &'static [&'static str], run: fn(&[u8])) -> Target {
    Target { name, seeds, run }
}
