//! What is known of one row of a table, beside all others.

use suite::plan::{Bounds, RowExpectation};
use suite::verdict::{Access, RowSeen, RowsSeen, row_access};

/// `7 deny reached`: rows, what the policy says of each, and whether naming it reached it.
fn seen(rows: &[&str], unnamed: Option<u64>) -> RowsSeen {
    let rows = rows.iter().map(|row| {
        let words: Vec<&str> = row.split_whitespace().collect();
        let permitted = match words[1] {
            "allow" => Some(true),
            "deny" => Some(false),
            _ => None,
        };
        RowSeen {
            key: words[0].to_owned(),
            expected: RowExpectation {
                permitted,
                reason: String::new(),
            },
            permitted_before: permitted == Some(true),
            reached: words[2] == "reached",
        }
    });
    RowsSeen {
        bounds: Bounds::Some,
        visitor: false,
        rows: rows.collect(),
        unknown: Vec::new(),
        unnamed,
        refused: false,
        hidden: None,
        told: None,
    }
}

#[test]
fn a_row_is_reached_or_not_or_that_is_not_known() {
    let rows = ["1 allow reached", "2 deny hidden", "3 ? hidden"];
    let of = |key: &str, unnamed| row_access(&seen(&rows, unnamed), key);
    for unnamed in [None, Some(0), Some(1)] {
        assert_eq!(of("1", unnamed), Some((true, Access::Allowed)));
        assert_eq!(of("2", unnamed), Some((false, Access::Denied)));
    }
    // Without naming one, two of three are reached: perhaps this one.
    assert_eq!(of("1", Some(2)), Some((true, Access::Allowed)));
    assert_eq!(of("2", Some(2)), None);
    // All of them: this one too.
    assert_eq!(of("2", Some(3)), Some((false, Access::Allowed)));
    // Of one that the policy cannot decide, or that is not there, nothing is said.
    assert_eq!(of("3", None), None);
    assert_eq!(of("4", None), None);
}
