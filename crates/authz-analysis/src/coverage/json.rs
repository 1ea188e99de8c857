//! Coverage as JSON: all parts, so that a program needs nothing but this.

use serde_json::{Map, Value as Json, json};

use super::{Coverage, Tally, kind_name};

/// The whole of it: the totals, and each part with whether it was exercised.
pub fn as_json(coverage: &Coverage) -> Json {
    let kinds = coverage.by_kind().into_iter();
    let kinds = kinds.map(|(kind, tally)| (kind_name(kind).to_owned(), counts(tally)));
    let parts = coverage.parts().map(|(part, exercised)| {
        json!({
            "kind": part.kind,
            "text": part.text,
            "place": part.place,
            "exercised": exercised,
        })
    });
    let total = coverage.total();
    json!({
        "version": 1,
        "percent": total.percent(),
        "total": counts(total),
        "kinds": kinds.collect::<Map<String, Json>>(),
        "parts": parts.collect::<Vec<Json>>(),
    })
}

fn counts(tally: Tally) -> Json {
    json!({ "parts": tally.parts, "exercised": tally.exercised })
}
