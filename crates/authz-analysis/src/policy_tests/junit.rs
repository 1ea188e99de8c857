//! Reports as JUnit XML, which CI systems read: a suite a file, a case an assertion.

use std::fmt::Write as _;

use super::{Assertion, Difference, Report};

/// The reports of files by their names.
pub fn junit<'a>(reports: impl IntoIterator<Item = (&'a str, &'a Report)>) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (name, report) in reports {
        let (count, failed) = (report.assertions.len(), report.failed().count());
        let name = escape(name);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"{failed}\">"
        );
        report
            .assertions
            .iter()
            .for_each(|it| out.push_str(&case(it)));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(assertion: &Assertion) -> String {
    let place = &assertion.place;
    let name = match &assertion.test {
        Some(test) => format!("{test}: {}", assertion.subject),
        None => assertion.subject.clone(),
    };
    let head = format!(
        "    <testcase name=\"{}\" file=\"{}\" line=\"{}\"",
        escape(&name),
        escape(&place.file),
        place.line
    );
    if assertion.held() {
        return format!("{head}/>\n");
    }
    let differences = assertion.differences.iter().map(shown);
    let text = differences.collect::<Vec<String>>().join("\n");
    let message = escape(&format!("{place}: {}", assertion.subject));
    let text = escape(&text);
    format!("{head}>\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>\n")
}

fn shown(difference: &Difference) -> String {
    let expected = difference.expected.as_deref().unwrap_or("nothing");
    let found = difference.found.as_deref().unwrap_or("nothing");
    format!("expected {expected}, found {found}")
}

/// The text without the characters that mean something in XML, and without those that XML 1.0
/// has no way to write.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
