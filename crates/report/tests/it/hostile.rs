//! A hostile system must not steer the terminal of whoever tests it.

use report::json::JsonReporter;
use report::terminal::{Style, TerminalReporter, exchanges, plan_matrix};
use suite::event::{AnswerRecord, CellRecord, Exchange, ExpectedRecord};
use suite::plan::{Phase, PlannedCell};
use suite::verdict::Verdict;
use unicode_width::UnicodeWidthStr as _;

use crate::given::{self, PLAIN};

/// Clears the screen, renames the window, overwrites the line, turns the text around.
pub(crate) const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\rheld\u{9b}1A\u{8}\u{202e}\u{2028}x";

fn evil_cell(verdict: Verdict) -> CellRecord {
    spoilt_cell(verdict, EVIL)
}

/// A cell with this text behind each of its own.
pub(crate) fn spoilt_cell(verdict: Verdict, spoil: &str) -> CellRecord {
    let found = given::escalation();
    let evil = |text: &str| format!("{text}{spoil}");
    CellRecord {
        cell: evil("viewer/post.update/"),
        actor: evil("viewer"),
        caller: None,
        action: evil("post.update"),
        owner: Some(evil("editor")),
        situation: None,
        verdict,
        expected: ExpectedRecord {
            what: evil("deny"),
            denial: Some(evil("concealed")),
            reason: evil("role"),
            place: Some(given::place(&evil("policy"), 1)),
        },
        observed: evil("204"),
        because: Some(evil("because")),
        place: given::place(&evil("lockstep.yaml"), 1),
        control: found.control.map(|mut control| {
            control.cell = evil("control");
            control.differs_in = evil("the actor");
            control
        }),
        curl: Some(evil("curl")),
        exchanges: vec![Exchange {
            purpose: evil("probe"),
            actor: Some(evil("viewer")),
            method: evil("GET"),
            url: evil("http://"),
            headers: vec![(evil("name"), evil("value"))],
            body: Some(evil("sent\nlines\n")),
            answer: AnswerRecord::Answered {
                status: 200,
                headers: vec![(evil("name"), evil("value"))],
                body: evil("came\r\nback\tin\n"),
            },
        }],
        ..found
    }
}

fn assert_harmless(text: &str) {
    let steering = text.chars().find(|&character| {
        (character.is_control() && character != '\n') || "\u{202e}\u{2028}".contains(character)
    });
    assert_eq!(steering, None, "{text:?}");
    assert!(text.contains("\\u{1b}[2J"), "{text}");
}

#[test]
fn neither_names_nor_reasons_nor_bodies_steer_the_terminal() {
    for verdict in Verdict::ALL {
        let mut events = given::run([evil_cell(verdict)]);
        events.insert(1, given::note(EVIL));
        let mut out = Vec::new();
        let style = Style {
            verbose: true,
            ..PLAIN
        };
        given::told(&events, &mut out, |out| TerminalReporter::new(out, style));
        assert_harmless(&String::from_utf8(out).unwrap());
        assert_harmless(&exchanges(&evil_cell(verdict), PLAIN));
    }
}

#[test]
fn a_failure_does_not_steer_the_terminal() {
    let mut record = evil_cell(Verdict::Inconclusive);
    record.exchanges[0].answer = AnswerRecord::Failed(EVIL.to_owned());
    assert_harmless(&exchanges(&record, PLAIN));
}

#[test]
fn a_plan_does_not_steer_the_terminal() {
    let evil = evil_cell(Verdict::Held);
    let cell = PlannedCell {
        cell: evil.cell,
        actor: evil.actor.clone(),
        action: evil.action,
        owner: evil.owner,
        situation: None,
        target: Some(EVIL.to_owned()),
        phase: Phase::Reading,
        expected: evil.expected,
        statuses: vec![403],
        control: Some(EVIL.to_owned()),
        differs_in: None,
        fixture: Some(EVIL.to_owned()),
        untried: Some(EVIL.to_owned()),
        counts_alone: false,
    };
    let style = Style {
        verbose: true,
        ..PLAIN
    };
    assert_harmless(&plan_matrix(
        &[cell],
        &[evil.actor],
        &[evil.observed],
        style,
    ));
}

#[test]
fn json_does_not_steer_the_terminal() {
    let mut events = given::run([evil_cell(Verdict::Leak)]);
    events.insert(1, given::note(EVIL));
    let mut out = Vec::new();
    given::told(&events, &mut out, JsonReporter::new);
    let text = String::from_utf8(out).unwrap();
    let control = text
        .chars()
        .find(|&character| character.is_control() && character != '\n');
    assert_eq!(control, None, "{text:?}");
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["notes"], serde_json::json!([EVIL]));
}

#[test]
fn long_and_wide_texts_stay_within_the_width() {
    let long = "漢字 and more of it, ".repeat(200) + &"x".repeat(5_000);
    for width in [40, 80, 120] {
        let cell = |name: &str, verdict| CellRecord {
            because: Some(long.clone()),
            ..given::cell(
                name,
                verdict,
                given::expected("deny", Some("forbidden"), &long),
                &format!("{long} again"),
            )
        };
        let cells = [
            cell("viewer/post.read/漢字漢字", Verdict::Escalation),
            cell("viewer/post.list", Verdict::Inconclusive),
        ];
        let mut out = Vec::new();
        let style = Style { width, ..PLAIN };
        given::told(&given::run(cells), &mut out, |out| {
            TerminalReporter::new(out, style)
        });
        let text = String::from_utf8(out).unwrap();
        for line in text.lines() {
            // A command is not broken: it is there to be copied.
            assert!(
                line.width() <= width || line.contains("lockstep repeat"),
                "{width}: {line}"
            );
        }
        assert!(text.len() < 10_000, "{}", text.len());
    }
}
