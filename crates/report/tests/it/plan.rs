//! The plan that people read.

use report::terminal::{Style, plan_matrix};
use suite::plan::{DiffersIn, Phase, PlannedCell};

use crate::given::{self, PLAIN};

const ACTORS: [&str; 5] = ["anonymous", "viewer", "editor", "漢字", "unused"];

/// `name`, what is expected, the kind of denial, the control.
const CELLS: [(&str, &str, Option<&str>, Option<&str>); 18] = [
    ("viewer/session.open", "allow", None, None),
    ("editor/session.open", "allow", None, None),
    ("editor/post.read/editor", "allow", None, None),
    ("viewer/post.read/editor", "allow", None, None),
    (
        "anonymous/post.read/editor",
        "deny",
        Some("unauthenticated"),
        Some("editor/post.read/editor"),
    ),
    (
        "漢字/post.read/editor",
        "deny",
        Some("concealed"),
        Some("editor/post.read/editor"),
    ),
    ("anonymous/debug.open", "absent", None, None),
    ("editor/post.update/editor", "allow", None, None),
    (
        "anonymous/post.update/editor",
        "deny",
        Some("unauthenticated"),
        Some("editor/post.update/editor"),
    ),
    (
        "viewer/post.update/editor",
        "deny",
        Some("forbidden"),
        Some("editor/post.update/editor"),
    ),
    ("漢字/post.update/editor", "?", None, None),
    (
        "editor/post.update/editor/body=malformed",
        "reject",
        None,
        Some("editor/post.update/editor"),
    ),
    (
        "viewer/post.update/editor/body=malformed",
        "deny",
        Some("forbidden"),
        Some("editor/post.update/editor"),
    ),
    (
        "anonymous/post.purge/editor",
        "deny",
        Some("unauthenticated"),
        None,
    ),
    ("viewer/post.purge/editor", "deny", Some("forbidden"), None),
    ("viewer/post.hide/editor", "deny", Some("forbidden"), None),
    ("editor/flow.publish/write", "allow", None, None),
    (
        "editor/flow.publish/early",
        "deny",
        Some("forbidden"),
        Some("editor/flow.publish/approve"),
    ),
];

pub(crate) fn cells() -> Vec<PlannedCell> {
    CELLS
        .iter()
        .map(|(name, what, denial, control)| {
            let mut parts = name.split('/').map(str::to_owned);
            let (actor, mut action) = (parts.next().unwrap(), parts.next().unwrap());
            let is_step = action.starts_with("flow.");
            if is_step {
                action = format!("{action}/{}", parts.next().unwrap());
            }
            let changes = ["post.update", "post.purge"].contains(&action.as_str());
            let is_opening = action == "session.open";
            PlannedCell {
                cell: (*name).to_owned(),
                actor,
                target: (!is_opening).then(|| "posts".to_owned()),
                phase: match (is_opening, changes) {
                    _ if is_step => Phase::Flow,
                    (true, _) => Phase::Opening,
                    (false, false) => Phase::Reading,
                    (false, true) => Phase::Changing,
                },
                expected: given::expected(
                    what,
                    *denial,
                    "role `viewer` may not update post, and no rule says otherwise",
                ),
                // Where the target says no by a 200 as well.
                statuses: match (action.as_str(), *denial) {
                    ("post.purge", Some("forbidden")) => vec![403, 200],
                    _ => Vec::new(),
                },
                control: control.map(str::to_owned),
                differs_in: control.map(|_| DiffersIn::Actor),
                fixture: (!is_opening && !is_step && action != "debug.open")
                    .then(|| "a post of editor for this cell alone".to_owned()),
                owner: parts.next(),
                untried: (action == "post.hide")
                    .then(|| "`DELETE` may change something".to_owned()),
                situation: parts.next(),
                counts_alone: false,
                action,
            }
        })
        .collect()
}

fn text(cells: &[PlannedCell], style: Style) -> String {
    plan_matrix(cells, &ACTORS.map(str::to_owned), &[], style)
}

#[test]
fn the_matrix_can_be_pasted_as_expect() {
    insta::assert_snapshot!(text(&cells(), PLAIN));
}

#[test]
fn verbose_gives_the_reasons() {
    let style = Style {
        verbose: true,
        ..PLAIN
    };
    insta::assert_snapshot!(text(&cells(), style));
}

#[test]
fn in_colour() {
    let style = Style {
        colour: true,
        ..PLAIN
    };
    insta::assert_snapshot!(text(&cells(), style).replace('\u{1b}', "ESC"));
}

#[test]
fn a_plan_of_sessions_alone_has_no_matrix() {
    assert_eq!(
        text(&cells()[..2], PLAIN),
        "2 cells: 0 allowed, 0 denied, 2 sessions to open.\n"
    );
}
