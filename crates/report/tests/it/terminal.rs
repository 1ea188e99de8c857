//! The report that people read.

use authz::Denial;
use report::terminal::{Style, TerminalReporter};
use suite::event::{CellRecord, Event, Summary};
use suite::model::Expected;
use suite::verdict::{Control, EffectSeen, Observation, Received, Shown, Trace, Verdict, judge};

use crate::given::{self, PLAIN};

fn text(events: &[Event], style: Style) -> String {
    let mut out = Vec::new();
    given::told(events, &mut out, |out| TerminalReporter::new(out, style));
    String::from_utf8(out).unwrap()
}

#[test]
fn each_verdict_in_80_columns() {
    insta::assert_snapshot!(text(&given::run(given::each_verdict()), PLAIN));
}

#[test]
fn each_verdict_in_120_columns() {
    let style = Style {
        width: 120,
        ..PLAIN
    };
    insta::assert_snapshot!(text(&given::run(given::each_verdict()), style));
}

#[test]
fn each_verdict_in_40_columns() {
    let style = Style { width: 20, ..PLAIN };
    insta::assert_snapshot!(text(&given::run(given::each_verdict()), style));
}

#[test]
fn each_verdict_in_colour() {
    let style = Style {
        colour: true,
        width: 120,
        ..PLAIN
    };
    let text = text(&given::run(given::each_verdict()), style);
    insta::assert_snapshot!(text.replace('\u{1b}', "ESC"));
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    for width in [40, 60, 80, 100, 120, 200] {
        let plain = text(&given::run(given::each_verdict()), Style { width, ..PLAIN });
        let coloured = text(
            &given::run(given::each_verdict()),
            Style {
                width,
                colour: true,
                ..PLAIN
            },
        );
        let stripped: String = coloured
            .split('\u{1b}')
            .map(|part| {
                part.split_once('m')
                    .filter(|(code, _)| code.starts_with('['))
                    .map_or(part, |(_, rest)| rest)
            })
            .collect();
        assert_eq!(stripped, plain);
    }
}

#[test]
fn verbose_tells_every_cell() {
    let style = Style {
        verbose: true,
        ..PLAIN
    };
    let held = given::each_verdict()
        .into_iter()
        .filter(|cell| !cell.verdict.is_finding());
    insta::assert_snapshot!(text(&given::run(held), style));
}

/// What the judge says of the plain case of each verdict only repeats what the verdict means.
#[test]
fn a_reason_that_adds_nothing_is_left_out() {
    let seen = |received, effect| Observation {
        received,
        shown: Shown {
            canary: false,
            body: true,
            secret: false,
            like_absent: Some(true),
        },
        effect,
        control: Control::Succeeded,
        trace: Trace::NotOwed,
    };
    let forbidden = Received::Denied(Denial::Forbidden);
    let deny = Expected::Deny(Denial::Forbidden);
    let cases = [
        (
            deny,
            Received::Success,
            EffectSeen::Declared,
            Verdict::Escalation,
        ),
        (deny, forbidden, EffectSeen::Declared, Verdict::SideEffect),
        (
            Expected::Allow,
            forbidden,
            EffectSeen::NotLooked,
            Verdict::Lockout,
        ),
        (
            Expected::Deny(Denial::Unauthenticated),
            forbidden,
            EffectSeen::NotLooked,
            Verdict::WrongDenial,
        ),
    ];
    for (expected, received, effect, verdict) in cases {
        let judgement = judge(expected, &seen(received, effect));
        assert_eq!(judgement.verdict, verdict);
        let record = CellRecord {
            verdict,
            because: Some(judgement.because.to_owned()),
            ..given::escalation()
        };
        let text = text(&given::run([record]), PLAIN);
        assert!(!text.contains("because"), "{text}");
    }
}

#[test]
fn everything_held() {
    let held: Vec<CellRecord> = given::each_verdict()
        .into_iter()
        .filter(|cell| cell.verdict == Verdict::Held)
        .collect();
    insta::assert_snapshot!(text(&given::run(held), PLAIN));
}

#[test]
fn what_was_measured_is_told_with_its_limits() {
    let mut events = given::run(given::each_verdict());
    events.insert(1, given::note("`viewer` and `editor` are one and the same: both say that they are `user:vera`, so that nothing can be said of either"));
    if let Some(Event::RunFinished(summary)) = events.last_mut() {
        summary.effects_unseen = 4;
        summary.requests = 12_345;
        summary.duration_ms = 125_000;
    }
    let style = Style {
        width: 120,
        ..PLAIN
    };
    insta::assert_snapshot!(text(&events, style));
}

#[test]
fn interrupted() {
    let mut events = given::run(given::each_verdict());
    events[0] = given::started(1_087);
    events.pop();
    let end = given::finished(&events, true);
    events.push(end);
    insta::assert_snapshot!(text(&events, PLAIN));
}

#[test]
fn interrupted_before_the_first_cell() {
    let events = [
        given::started(87),
        Event::RunFinished(Summary {
            interrupted: true,
            ..Summary::default()
        }),
    ];
    insta::assert_snapshot!(text(&events, PLAIN));
}

#[test]
fn inconclusive_cells_stand_under_their_reasons() {
    let cell = |index: usize, because: Option<&str>, observed: &str| CellRecord {
        because: because.map(str::to_owned),
        ..given::cell(
            &format!("actor{index:02}/post.update/editor"),
            Verdict::Inconclusive,
            given::expected("deny", Some("forbidden"), "nothing permits it"),
            observed,
        )
    };
    let failed = "its control failed: the same call by someone who may";
    let mut cells = vec![cell(
        99,
        None,
        "the target did not answer within 10 s, three times in a row; the last time after 2 of 11 bytes",
    )];
    // The names are those of the first in their own order, whichever verdict came first.
    cells.extend((0..23).rev().map(|index| cell(index, Some(failed), "403")));
    cells.push(cell(
        50,
        Some("the target failed"),
        "500 after a very long wait; the body says that the database is being restarted",
    ));
    insta::assert_snapshot!(text(&given::run(cells), PLAIN));
}

#[test]
fn reasons_are_bounded() {
    let cells = (0..100).map(|index| {
        given::cell(
            &format!("viewer/post.read/owner{index:03}"),
            Verdict::Inconclusive,
            given::expected("allow", None, "role `viewer`"),
            &format!("connection {index:03} was closed"),
        )
    });
    let text = text(&given::run(cells), PLAIN);
    assert_eq!(text.matches("INCONCLUSIVE").count(), 41);
    assert!(
        text.contains("INCONCLUSIVE  60 cells: other reasons\n"),
        "{text}"
    );
    assert!(
        text.contains("viewer/post.read/owner040  connection 040 was closed\n"),
        "{text}"
    );
    assert!(text.contains("  and 50 more\n"), "{text}");
}

#[test]
fn findings_are_bounded() {
    let cells = (0..1_003).map(|index| {
        given::cell(
            &format!("viewer/post.read/owner{index:04}"),
            Verdict::Escalation,
            given::expected("deny", Some("forbidden"), "nothing permits it"),
            "200",
        )
    });
    let text = text(&given::run(cells), PLAIN);
    assert_eq!(text.matches("ESCALATION").count(), 1_000);
    assert!(text.contains("and 3 more findings; the JSON report has them all\n"));
    assert!(
        text.contains("1,003 cells: 0 held, 1,003 findings (1,003 escalations), 0 inconclusive.")
    );
}

#[test]
fn the_order_of_the_verdicts_does_not_matter() {
    let cells = given::each_verdict();
    let forwards = text(&given::run(cells.clone()), PLAIN);
    let backwards = text(&given::run(cells.into_iter().rev()), PLAIN);
    assert_eq!(forwards, backwards);
}

#[test]
fn a_live_matrix_leaves_nothing_in_the_report() {
    // Standard error is no terminal here, so that nothing is drawn either.
    let events = given::run(given::each_verdict());
    let live = Style {
        progress: true,
        ..PLAIN
    };
    assert_eq!(text(&events, live), text(&events, PLAIN));
}
