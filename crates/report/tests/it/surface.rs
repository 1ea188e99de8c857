//! Operations that are not tried, in every report.

use report::junit::JunitReporter;
use report::markdown::MarkdownReporter;
use report::sarif::SarifReporter;
use report::terminal::TerminalReporter;

use crate::given;

#[test]
fn an_operation_that_is_not_tried_is_in_every_report() {
    let events = given::run_with_surface();
    let mut reports = [const { Vec::new() }; 4];
    let [terminal, junit, markdown, sarif] = &mut reports;
    given::told(&events, terminal, |out| {
        TerminalReporter::new(out, given::PLAIN)
    });
    given::told(&events, junit, JunitReporter::new);
    given::told(&events, markdown, MarkdownReporter::new);
    given::told(&events, sarif, SarifReporter::new);
    let around = |report: &Vec<u8>| {
        let text = String::from_utf8_lossy(report).into_owned();
        assert!(text.contains("archivePost"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let is_about = |line: &&str| {
            ["archive", "surface", "Operations", "## "]
                .iter()
                .any(|word| line.contains(word))
        };
        lines
            .into_iter()
            .filter(is_about)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let shown: Vec<String> = reports.iter().map(around).collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}
