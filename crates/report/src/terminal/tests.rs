use std::fmt::Write as _;

use authz::source::Place;
use suite::event::{CellRecord, ExpectedRecord};
use suite::verdict::Verdict;

use super::text::{hang, width, wrap};
use crate::sentence::sentence;
use crate::text::{clean, grouped};

/// A judged cell; `name` is `actor/type.action[/owner]`.
pub(super) fn record(name: &str, what: &str, verdict: Verdict) -> CellRecord {
    let mut parts = name.split('/').map(str::to_owned);
    CellRecord {
        cell: name.to_owned(),
        actor: parts.next().unwrap(),
        caller: None,
        action: parts.next().unwrap(),
        owner: parts.next(),
        situation: None,
        target: "posts".to_owned(),
        verdict,
        access: suite::verdict::Access::Unknown,
        expected: ExpectedRecord {
            what: what.to_owned(),
            denial: (what == "deny").then(|| "forbidden".to_owned()),
            reason: String::new(),
            place: None,
        },
        observed: String::new(),
        because: None,
        place: Place {
            file: "lockstep.yaml".into(),
            span: 0..0,
            line: 1,
            column: 1,
        },
        control: None,
        effect_seen: None,
        curl: None,
        rows: Vec::new(),
        exchanges: Vec::new(),
        duration_ms: 1,
    }
}

/// Every kind of name with every verdict that it can have.
#[test]
fn sentences() {
    let names = [
        "viewer/post.read/editor",
        "viewer/post.update/viewer",
        "viewer/category.publish/boss",
        "viewer/post.copy/editor",
        "viewer/entry.create",
        "viewer/post.list",
        "viewer/post.give-away/editor",
        "viewer/user.set_password/admin",
        "viewer/audit_log.list",
        "admin/session.open",
    ];
    let expected = [
        ("allow", Verdict::ALL.as_slice()),
        ("deny", Verdict::ALL.as_slice()),
        ("?", &[Verdict::Inconclusive]),
    ];
    let mut text = String::new();
    for name in names {
        writeln!(text, "{name}").unwrap();
        for (what, verdict) in expected
            .iter()
            .flat_map(|(what, verdicts)| verdicts.iter().map(move |verdict| (*what, *verdict)))
        {
            let sentence = sentence(&record(name, what, verdict));
            writeln!(text, "  {what:<6} {:<13} {sentence}", verdict.word()).unwrap();
        }
    }
    for verdict in Verdict::ALL {
        let sentence = sentence(&record("anonymous/debug.open", "absent", verdict));
        writeln!(text, "absent {:<13} {sentence}", verdict.word()).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn whatever_steers_a_terminal_is_spelled_out() {
    let cases = [
        (
            "plain `text` of ünïcode 漢字 🙂",
            "plain `text` of ünïcode 漢字 🙂",
        ),
        ("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
        ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
        ("\u{9b}2J", "\\u{9b}2J"),
        ("a\r\nb\tc\u{8}\u{7f}", "a\\r\\nb\\tc\\u{8}\\u{7f}"),
        ("user\u{202e}nimda", "user\\u{202e}nimda"),
        ("\u{2066}a\u{2069}\u{200f}", "\\u{2066}a\\u{2069}\\u{200f}"),
        (
            "a\u{2028}b\u{feff}\u{200b}",
            "a\\u{2028}b\\u{feff}\\u{200b}",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(clean(text), expected);
    }
}

#[test]
fn lines_break_at_spaces_and_within_long_words() {
    let cases: [(&str, usize, &[&str]); 7] = [
        ("", 5, &[""]),
        ("one two three", 7, &["one two", "three"]),
        ("deny   (no)", 20, &["deny   (no)"]),
        ("deny   (no)", 6, &["deny", "(no)"]),
        ("abcdefghij", 4, &["abcd", "efgh", "ij"]),
        ("go abcdefgh", 4, &["go", "abcd", "efgh"]),
        // A wide character takes two columns, and is never cut in half.
        ("漢字漢字漢", 5, &["漢字", "漢字", "漢"]),
    ];
    for (text, columns, expected) in cases {
        assert_eq!(wrap(text, columns), expected, "`{text}` in {columns}");
    }
}

#[test]
fn no_line_is_wider_than_asked_for() {
    let text = "a 漢字 of some length, averyveryveryverylongwordwithoutspaces 🙂🙂🙂 and more";
    for columns in 24..90 {
        for line in hang("  label   ", 10, text, columns).lines() {
            assert!(width(line) <= columns, "`{line}` in {columns}");
        }
    }
}

#[test]
fn thousands_are_set_apart() {
    let cases = [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (1_234_567, "1,234,567"),
    ];
    for (number, expected) in cases {
        assert_eq!(grouped(number), expected);
    }
}

#[test]
fn durations_are_told_in_their_own_unit() {
    let cases = [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1.0 s"),
        (59_949, "59.9 s"),
        (59_950, "1 min 0 s"),
        (125_400, "2 min 5 s"),
    ];
    for (milliseconds, expected) in cases {
        assert_eq!(crate::summary::duration(milliseconds), expected);
    }
}
