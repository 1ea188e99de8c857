//! Tests of policies in their three forms.

use authz::source::Source;
use authz_analysis::policy_tests::{self, Load};
use jiff::Timestamp;

use super::policies::SHARED;
use super::{now, source, told};

pub(crate) fn policy_tests(bytes: &[u8]) {
    let Some(source) = source("x.yaml", bytes) else {
        return;
    };
    run(&source, &mut load, now());
}

/// The files of a policy, by any path that ends in their names.
fn load(path: &str) -> Result<Source, String> {
    let found = SHARED.iter().find(|(name, _)| path.ends_with(name));
    let found = found.map(|(_, text)| Source::new(path, text));
    found.ok_or_else(|| "no such file".to_owned())
}

pub(super) fn run(source: &Source, load: &mut Load<'_>, now: Timestamp) {
    match policy_tests::run(source, load, now) {
        Ok(report) => {
            assert_eq!(
                report.failed().count() == 0,
                report.assertions.iter().all(policy_tests::Assertion::held)
            );
            policy_tests::render(&report);
            policy_tests::junit([("x", &report)]);
        }
        Err(broken) => drop(told::<()>(Err(broken.mistakes), &broken.sources)),
    }
}
