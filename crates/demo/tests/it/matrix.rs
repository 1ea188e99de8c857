//! Everybody makes every call: what the correct system answers and does, and what each fault changes in that, and
//! nothing else.

use std::fmt::Write;

use demo::Fault;

use crate::calls::CALLS;
use crate::observer::{ACTORS, Matrix, NO_SESSION, observe};

#[tokio::test]
async fn the_correct_system() {
    insta::assert_snapshot!("correct", render(&observe(&[]).await));
}

#[tokio::test]
async fn each_fault_changes_this_and_nothing_else() {
    let correct = observe(&[]).await;
    for fault in Fault::ALL {
        let changed = difference(&correct, &observe(&[fault]).await);
        assert!(!changed.is_empty(), "{fault:?}");
        insta::assert_snapshot!(fault.name(), render(&changed));
    }
}

/// The administrator, whom one of the faults locks out, is left out.
#[tokio::test]
async fn all_faults_together_change_what_each_changes() {
    let correct = observe(&[]).await;
    let mut expected = correct.clone();
    for fault in Fault::ALL {
        expected.extend(difference(&correct, &observe(&[fault]).await));
    }
    let mut together = observe(&Fault::ALL).await;
    for matrix in [&mut expected, &mut together] {
        matrix.retain(|(_, actor), _| ACTORS[*actor] != "admin");
    }
    assert_eq!(render(&together), render(&expected));
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
