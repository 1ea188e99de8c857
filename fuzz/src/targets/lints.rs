//! Comments that allow what a lint finds, and the table of a policy as a file.

use authz::source::Source;
use authz::{Facts, Policy, read_facts, read_policy};
use authz_analysis::lint::{self, Inputs};
use authz_analysis::matrix;

use super::policies::SHARED;
use super::{source, told};

/// The bytes as files, each behind a line `--- NAME`, as the tests have them; or as a policy.
pub(crate) fn lints(bytes: &[u8]) {
    let Some(all) = source("policy.yaml", bytes) else {
        return;
    };
    let parts = all.text().split("--- ").skip(1);
    let mut files: Vec<Source> = parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(name, text)| Source::new(name, text))
        .collect();
    if files.is_empty() {
        files.push(all);
    }
    let (facts, policy): (Vec<Source>, Vec<Source>) =
        files.into_iter().partition(|it| it.name() == "facts.yaml");
    let Ok(read) = read_policy(&policy) else {
        return;
    };
    let known = read_facts(&read, &facts);
    let inputs = Inputs {
        policy: &read,
        sources: &policy,
        facts: known.as_ref().unwrap_or_else(|_| Facts::none()),
        facts_sources: &facts,
    };
    if let Some(report) = told(
        lint::lint(&inputs),
        &[policy.clone(), facts.clone()].concat(),
    ) {
        for it in &report.findings {
            assert!(!it.message.is_empty(), "found without a word");
        }
        for (_, reason) in &report.allowed {
            assert!(!reason.is_empty(), "allowed without a reason");
        }
    }
}

/// The bytes as the table of the shared policy: it is the one, or there is a difference to tell.
pub(crate) fn table(bytes: &[u8]) {
    let Some(file) = source("policy.matrix", bytes) else {
        return;
    };
    let matrix = matrix::of(&shared());
    let differences = matrix::differences(file.text(), &matrix);
    if matrix.is_in(file.text()) {
        assert!(differences.is_empty(), "{differences:?}");
    }
    let own = matrix.to_text();
    assert!(matrix.is_in(&own) && matrix::differences(&own, &matrix).is_empty());
}

fn shared() -> Policy {
    let [policy, model, _] = SHARED;
    read_policy(&[policy, model].map(|(name, text)| Source::new(name, text))).unwrap()
}
