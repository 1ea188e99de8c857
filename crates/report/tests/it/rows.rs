//! Cells of databases: what is decided row by row.

use report::terminal::{exchanges, plan_matrix};
use suite::verdict::Verdict;

use crate::given::{self, PLAIN};
use crate::plan;

#[test]
fn sentences_speak_of_rows() {
    let cases = [
        (Verdict::Held, "viewer reads only the posts that it may"),
        (Verdict::Escalation, "viewer reads posts that it must not"),
        (
            Verdict::Lockout,
            "viewer cannot read every post that it may",
        ),
        (Verdict::Inconclusive, "unknown which posts viewer can read"),
    ];
    for (verdict, sentence) in cases {
        let expected = given::expected("rows", None, "the policy decides on each post");
        let mut record = given::cell("viewer/post.read", verdict, expected, "reaches 2 of 3 rows");
        record.owner = None;
        let text = exchanges(&record, PLAIN);
        assert!(text.contains(sentence), "{text}");
        record.action = "post.give-away".to_owned();
        let text = exchanges(&record, PLAIN);
        assert!(text.contains("viewer: post.give-away "), "{text}");
    }
}

/// A database says why it refuses, so that its denials count without a control.
#[test]
fn denials_of_a_database_need_no_control() {
    let mut cells = plan::cells();
    cells.retain(|cell| cell.cell == "viewer/post.purge/editor");
    let text = |cells: &[_]| plan_matrix(cells, &["viewer".to_owned()], &[], PLAIN);
    assert!(text(&cells).contains("no control"), "{}", text(&cells));
    cells[0].counts_alone = true;
    assert!(!text(&cells).contains("no control"), "{}", text(&cells));
    cells[0].expected = given::expected("rows", None, "the policy decides on each post");
    assert!(
        text(&cells).contains("1 decided row by row"),
        "{}",
        text(&cells)
    );
}
