use suite::verdict::Verdict;

use super::matrix::Matrix;
use crate::terminal::paint::Paint;
use crate::terminal::tests::record;

const PLAIN: Paint = Paint { colour: false };

fn matrix(judged: usize) -> Matrix {
    let cells = [
        ("viewer/session.open", Verdict::Held),
        ("editor/session.open", Verdict::Held),
        ("anonymous/post.read/editor", Verdict::Held),
        ("viewer/post.read/editor", Verdict::Escalation),
        ("editor/post.read/editor", Verdict::Held),
        ("viewer/post.update/editor", Verdict::Inconclusive),
        // The same place on another layer: the graver verdict stays.
        ("viewer/post.update/editor/db", Verdict::Lockout),
        ("viewer/post.update/editor/db", Verdict::Held),
        ("root/post.update/editor", Verdict::Held),
    ];
    let actors = ["anonymous", "viewer", "editor", "漢字"];
    let mut matrix = Matrix::new(1_200, actors.map(str::to_owned).to_vec());
    for (name, verdict) in cells.into_iter().take(judged) {
        matrix.judged(&record(name, "allow", verdict));
    }
    matrix
}

#[test]
fn the_matrix_fills_in() {
    let frames: Vec<String> = [0, 1, 4, 9]
        .into_iter()
        .map(|judged| matrix(judged).frame(80, 24, PLAIN))
        .collect();
    insta::assert_snapshot!(frames.join("\n========\n"));
}

#[test]
fn the_matrix_in_colour() {
    let frame = matrix(9).frame(80, 24, Paint { colour: true });
    insta::assert_snapshot!(frame.replace('\u{1b}', "ESC"));
}

#[test]
fn a_matrix_that_does_not_fit_is_a_line() {
    let cases = [(80, 8), (80, 7), (79, 6), (46, 24), (43, 24), (30, 24)];
    let frames: Vec<String> = cases
        .into_iter()
        .map(|(columns, rows)| {
            let frame = matrix(9).frame(columns, rows, PLAIN);
            format!("{columns} x {rows}\n{frame}")
        })
        .collect();
    insta::assert_snapshot!(frames.join("\n\n"));
}

#[test]
fn rows_that_no_terminal_shows_are_not_kept() {
    let mut matrix = Matrix::new(2_000, vec!["viewer".to_owned()]);
    for index in 0..2_000 {
        matrix.judged(&record(
            &format!("viewer/post.read/owner{index}"),
            "allow",
            Verdict::Held,
        ));
    }
    let frame = matrix.frame(80, 10_000, PLAIN);
    assert_eq!(
        frame,
        "2,000 of 2,000 cells: 2,000 held, 0 findings, 0 inconclusive"
    );
}

#[test]
fn names_cannot_steer_the_terminal() {
    let mut matrix = Matrix::new(1, vec!["viewer".to_owned()]);
    matrix.judged(&record(
        "viewer/post.read/\u{1b}[2Jeditor",
        "allow",
        Verdict::Held,
    ));
    let frame = matrix.frame(80, 24, PLAIN);
    assert!(!frame.contains('\u{1b}'), "{frame}");
}
