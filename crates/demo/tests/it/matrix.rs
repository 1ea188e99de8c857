//! Everybody makes every call: what the correct system answers and does, and what each fault changes in that, and
//! nothing else.

use std::fmt::Write;

use demo::Fault;
use tokio::sync::OnceCell;

use crate::calls::CALLS;
use crate::observer::{ACTORS, Matrix, NO_SESSION, observe};
use crate::spoilt::OPENINGS;

#[tokio::test]
async fn the_correct_system() {
    insta::assert_snapshot!("correct", render(correct().await));
}

/// And all together change what each changes. The administrator, whom one of the faults locks out, is left out there.
#[tokio::test]
async fn each_fault_changes_this_and_nothing_else() {
    let correct = correct().await;
    let mut expected = correct.clone();
    for fault in Fault::ALL.into_iter().filter(is_of_the_handlers) {
        let changed = difference(correct, &observe(&[fault]).await);
        assert!(!changed.is_empty(), "{fault:?}");
        insta::assert_snapshot!(fault.name(), render(&changed));
        expected.extend(changed);
    }
    let mut together = observe(&Fault::ALL).await;
    for matrix in [&mut expected, &mut together] {
        matrix.retain(|(_, actor), _| ACTORS[*actor] != "admin");
    }
    assert_eq!(render(&together), render(&expected));
}

/// Whoever has a good session does not notice that bad ones are taken.
#[tokio::test]
async fn faults_of_sessions_change_nothing_here() {
    let of_sessions = Fault::ALL
        .into_iter()
        .filter(|fault| !is_of_the_handlers(fault));
    let of_sessions: Vec<Fault> = of_sessions.collect();
    let changed = difference(correct().await, &observe(&of_sessions).await);
    assert_eq!(render(&changed), "");
}

/// What comes of every call in the correct system; observed once for all tests.
async fn correct() -> &'static Matrix {
    static CORRECT: OnceCell<Matrix> = OnceCell::const_new();
    CORRECT.get_or_init(|| observe(&[])).await
}

fn is_of_the_handlers(fault: &Fault) -> bool {
    OPENINGS
        .iter()
        .all(|(of_sessions, ..)| of_sessions != fault)
}

/// The cells of `other` that are not as in `base`.
fn difference(base: &Matrix, other: &Matrix) -> Matrix {
    let mut changed = other.clone();
    changed.retain(|cell, came_of_it| base[cell] != *came_of_it);
    changed
}

/// Each call once, with who got what. Whoever has no session is named once, at the top.
fn render(matrix: &Matrix) -> String {
    let mut text = String::new();
    for (actor, name) in ACTORS.iter().enumerate() {
        let mut cells = matrix.iter().filter(|(cell, _)| cell.1 == actor);
        if cells.any(|(_, came_of_it)| came_of_it == NO_SESSION) {
            writeln!(text, "{name} has no session").unwrap();
        }
    }
    for (number, (method, path, body)) in CALLS.iter().enumerate() {
        let answers = render_answers(matrix, number);
        if !answers.is_empty() {
            let call = format!("{method} {path} {body}");
            writeln!(text, "{}\n{answers}", call.trim_end()).unwrap();
        }
    }
    text
}

/// What came of one call, those who got the same together.
fn render_answers(matrix: &Matrix, number: usize) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (actor, name) in ACTORS.iter().enumerate() {
        match matrix.get(&(number, actor)).map(String::as_str) {
            None | Some(NO_SESSION) => {}
            Some(came_of_it) => match groups.iter_mut().find(|group| group.0 == came_of_it) {
                Some((_, names)) => names.push(name),
                None => groups.push((came_of_it, vec![name])),
            },
        }
    }
    let lines = groups
        .iter()
        .map(|(came_of_it, names)| format!("  {}\n    {came_of_it}", names.join(" ")));
    lines.collect::<Vec<_>>().join("\n")
}
