//! Whatever stands in a condition, there is an answer and no panic.

use proptest::prelude::*;

use super::{outcome, policy};

/// Pieces of conditions, so that nonsense gets past the lexer.
const PIECES: [&str; 48] = [
    "resource",
    "subject",
    ".owner",
    ".title",
    ".words",
    "now",
    "tenant",
    "action",
    "x",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    ">=",
    "in",
    "1",
    "9223372036854775807",
    "2u",
    "1.5",
    "'a'",
    "\"b",
    "r'\\'",
    "null",
    "true",
    ".all(x, ",
    ".map(x, ",
    "has(",
    "size(",
    ".getHours(",
    "timestamp(",
    "duration('1h')",
    "within(",
];

proptest! {
    #[test]
    fn any_text(text in "\\PC{0,200}") {
        outcome(&policy(), &text);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40)) {
        outcome(&policy(), &pieces.concat());
        outcome(&policy(), &pieces.join(" "));
    }
}
