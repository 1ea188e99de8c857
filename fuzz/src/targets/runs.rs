//! What runs leave behind and later commands read: baseline, record, report and journal.

use authz::source::Source;
use report::Recorded;
use runner::journal;
use suite::baseline::Baseline;

use super::{source, told};

pub(crate) fn baseline(bytes: &[u8]) {
    let Some(source) = source("lockstep.baseline", bytes) else {
        return;
    };
    if let Some(baseline) = told(Baseline::parse(&source), &[source]) {
        let printed = Source::new("printed.baseline", &baseline.to_string());
        let again = told(Baseline::parse(&printed), std::slice::from_ref(&printed));
        let again = again.map(|it| it.to_string());
        assert_eq!(again.as_deref(), Some(printed.text()));
    }
}

pub(crate) fn record(bytes: &[u8]) {
    check(Recorded::of_log(bytes));
}

pub(crate) fn report(bytes: &[u8]) {
    check(Recorded::of_report(bytes));
}

/// A run that could be read back counts, ends, and is one part of itself.
fn check(read: std::io::Result<Recorded>) {
    let Ok(recorded) = read else {
        return;
    };
    recorded.counts();
    recorded.end();
    if let Err(reasons) = report::merge(vec![("x".to_owned(), recorded)]) {
        assert!(!reasons.is_empty(), "refused without a word");
    }
}

pub(crate) fn journal(bytes: &[u8]) {
    let (_, pending) = journal::read(bytes).unwrap();
    let lines = bytes.split(|&byte| byte == b'\n').count();
    assert!(pending.len() <= lines);
}
