//! Every request and answer of one cell.

use report::terminal::{Style, exchanges};
use suite::event::{AnswerRecord, BODY_CHARS_MAX, CellRecord};
use suite::verdict::Verdict;

use crate::given::{self, PLAIN};

#[test]
fn a_cell_is_shown_whole() {
    let mut record = given::escalation();
    let answer = AnswerRecord::Answered {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: "{\n\t\"title\": \"changed k3\"\n}\n".to_owned(),
    };
    record.exchanges.insert(
        1,
        given::exchange("view body before", Some("editor"), answer),
    );
    insta::assert_snapshot!(exchanges(&record, PLAIN));
}

#[test]
fn what_a_database_answers() {
    let mut record = given::escalation();
    let answer = AnswerRecord::Returned("permission denied (42501)".to_owned());
    record.exchanges = vec![given::exchange("probe", Some("editor"), answer)];
    let text = exchanges(&record, PLAIN);
    assert!(text.contains("   < permission denied (42501)\n"), "{text}");
}

#[test]
fn in_colour() {
    let style = Style {
        colour: true,
        ..PLAIN
    };
    let text = exchanges(&given::escalation(), style);
    insta::assert_snapshot!(text.replace('\u{1b}', "ESC"));
}

#[test]
fn each_verdict_is_told() {
    let texts: Vec<String> = given::each_verdict()
        .into_iter()
        .map(|record| CellRecord {
            exchanges: Vec::new(),
            ..record
        })
        .map(|record| {
            exchanges(
                &record,
                Style {
                    width: 100,
                    ..PLAIN
                },
            )
        })
        .collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_long_line_is_not_broken_and_a_cut_body_says_so() {
    let with_body = |length: usize| {
        let mut record = given::escalation();
        record.verdict = Verdict::Held;
        record.exchanges.truncate(1);
        record.exchanges[0].answer = AnswerRecord::Answered {
            status: 200,
            headers: Vec::new(),
            body: "é".repeat(length),
        };
        exchanges(&record, PLAIN)
    };
    let note = "   < (recorded up to 2,000 characters)\n";
    let whole = with_body(BODY_CHARS_MAX - 1);
    assert!(whole.contains(&format!("   < {}\n", "é".repeat(BODY_CHARS_MAX - 1))));
    assert!(!whole.contains(note));
    assert!(with_body(BODY_CHARS_MAX).contains(note));
}
