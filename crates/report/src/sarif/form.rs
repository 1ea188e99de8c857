//! The objects of SARIF 2.1.0 that are written, and nothing else of the format. The numbers are
//! those of the sections of the specification.

mod lints;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::rules::{
    DRIFT, DRIFT_INDEX, LAYERS, LAYERS_INDEX, Rule, SURFACE, SURFACE_INDEX, drift_level, id, index,
    level, rules,
};
use super::{Apart, Drifted, Kept, Spot, Untold};
use crate::at_end::Ran;

pub use lints::{LintFinding, LintRule, lints};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The root of the repository, by the name that readers know without being told (3.14.14).
const ROOT: &str = "%SRCROOT%";

/// What a segment of a path keeps (RFC 3986, `pchar`). Not the colon: before the first slash it
/// would end a scheme.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+')
    .remove(b'=')
    .remove(b',');

/// The whole file (3.13).
#[derive(Serialize)]
pub(super) struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

/// A run (3.14).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    column_kind: &'static str,
    invocations: [Invocation<'a>; 1],
    results: Vec<ResultObject<'a>>,
}

/// The tool (3.18).
#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

/// The tool itself, as opposed to its extensions (3.19).
#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

/// How the tool ran (3.20).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification<'a>>,
}

/// Something that belongs to no single result (3.58).
#[derive(Serialize)]
struct Notification<'a> {
    level: &'static str,
    message: Message<'a>,
}

/// A text (3.11).
#[derive(Serialize)]
struct Message<'a> {
    text: &'a str,
}

/// A result (3.27).
///
/// Its kind is `fail`, which is the default, of an inconclusive cell too: with `open` its level
/// would have to be `none` (3.27.10), and it would look green.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultObject<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message<'a>,
    locations: [Location<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location<'a>>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Properties<'a>>,
}

/// Why a result does not count (3.35).
#[derive(Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    justification: &'a str,
}

/// A place, and what it is (3.28).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
}

/// A place in a file (3.29).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

/// A file (3.4).
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

/// A place within a file (3.30).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
}

/// What we say of a result beside the format (3.8).
#[derive(Serialize)]
struct Properties<'a> {
    cell: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<&'a str>,
}

/// The whole file of these results.
pub(super) fn log<'a>(
    results: &[(&'a str, &'a Kept)],
    (drifts, untried, apart): (&'a [Drifted], &'a [Untold], &'a [Apart<'a>]),
    told: &'a [String],
    ran: &Ran,
) -> Log<'a> {
    let results = results.iter().map(|(cell, kept)| result(cell, kept));
    let notifications = told.iter().map(|text| Notification {
        level: "note",
        message: Message { text },
    });
    let invocation = Invocation {
        execution_successful: ran.is_whole(),
        tool_execution_notifications: notifications.collect(),
    };
    let results = results
        .chain(drifts.iter().map(drifted))
        .chain(untried.iter().map(operation))
        .chain(apart.iter().map(layers));
    with_rules(rules(), invocation, results.collect())
}

fn with_rules<'a>(
    rules: Vec<Rule>,
    invocation: Invocation<'a>,
    results: Vec<ResultObject<'a>>,
) -> Log<'a> {
    Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "Lockstep",
                    version: env!("CARGO_PKG_VERSION"),
                    rules,
                },
            },
            column_kind: "unicodeCodePoints",
            invocations: [invocation],
            results,
        }],
    }
}

fn result<'a>(cell: &'a str, kept: &'a Kept) -> ResultObject<'a> {
    let policy = kept.policy.iter().map(|spot| Location {
        id: Some(1),
        physical_location: spot.into(),
        message: Some(Message {
            text: "where it is written what is expected",
        }),
    });
    ResultObject {
        rule_id: id(kept.verdict),
        rule_index: index(kept.verdict),
        level: level(kept.verdict),
        message: Message {
            text: &kept.message,
        },
        locations: [Location {
            id: None,
            physical_location: (&kept.action).into(),
            message: None,
        }],
        related_locations: policy.collect(),
        partial_fingerprints: fingerprints(cell, id(kept.verdict)),
        suppressions: Vec::new(),
        properties: Some(Properties {
            cell,
            actor: Some(&kept.actor),
            owner: kept.owner.as_deref(),
            expected: Some(&kept.expected),
            observed: Some(&kept.observed),
        }),
    }
}

/// The result of a grant in which the run differs from the baseline.
fn drifted(drifted: &Drifted) -> ResultObject<'_> {
    ResultObject {
        rule_id: DRIFT,
        rule_index: DRIFT_INDEX,
        level: drift_level(drifted.change),
        message: Message {
            text: &drifted.message,
        },
        locations: [Location {
            id: None,
            physical_location: (&drifted.place).into(),
            message: None,
        }],
        related_locations: Vec::new(),
        partial_fingerprints: fingerprints(&drifted.cell, DRIFT),
        suppressions: Vec::new(),
        properties: Some(Properties {
            cell: &drifted.cell,
            actor: None,
            owner: None,
            expected: None,
            observed: None,
        }),
    }
}

/// The result of an operation that is not tried as it should be.
fn operation(untried: &Untold) -> ResultObject<'_> {
    ResultObject {
        rule_id: SURFACE,
        rule_index: SURFACE_INDEX,
        level: if untried.is_finding {
            "error"
        } else {
            "warning"
        },
        message: Message {
            text: &untried.message,
        },
        locations: [Location {
            id: None,
            physical_location: (&untried.place).into(),
            message: None,
        }],
        related_locations: Vec::new(),
        partial_fingerprints: fingerprints(&untried.name, SURFACE),
        suppressions: Vec::new(),
        properties: Some(Properties {
            cell: &untried.name,
            actor: None,
            owner: None,
            expected: None,
            observed: None,
        }),
    }
}

/// The result of layers that disagree: at the one that is not as expected, and from there at the other.
fn layers<'a>(apart: &'a Apart<'a>) -> ResultObject<'a> {
    let parted = apart.parted;
    let at = |spot: &Spot, id: usize, text: &'static str| Location {
        id: Some(id),
        physical_location: spot.into(),
        message: Some(Message { text }),
    };
    let other = apart.other.iter();
    let other = other.map(|spot| at(spot, 1, "the layer that does otherwise"));
    let policy = apart.policy.iter();
    let policy = policy.map(|spot| at(spot, 2, "where it is written what is expected"));
    let hash = parted.fingerprint.clone();
    ResultObject {
        rule_id: LAYERS,
        rule_index: LAYERS_INDEX,
        level: "error",
        message: Message {
            text: &apart.message,
        },
        locations: [Location {
            id: None,
            physical_location: (&apart.place).into(),
            message: None,
        }],
        related_locations: other.chain(policy).collect(),
        partial_fingerprints: hashed("layers/v1", hash),
        suppressions: Vec::new(),
        properties: Some(Properties {
            cell: &parted.name,
            actor: Some(&parted.actor),
            owner: parted.owner.as_deref(),
            expected: Some(&apart.expected),
            observed: Some(&apart.observed),
        }),
    }
}

impl From<&Spot> for PhysicalLocation {
    fn from(spot: &Spot) -> Self {
        Self {
            artifact_location: artifact(&spot.file),
            region: Region {
                start_line: spot.line.max(1),
                start_column: spot.column.max(1),
            },
        }
    }
}

/// A file as a URI: from the root of the repository, or of the machine.
fn artifact(file: &str) -> ArtifactLocation {
    let file = file.strip_prefix("./").unwrap_or(file);
    let path = utf8_percent_encode(file, PATH);
    if file.starts_with('/') {
        return ArtifactLocation {
            uri: format!("file://{path}"),
            uri_base_id: None,
        };
    }
    ArtifactLocation {
        uri: path.to_string(),
        uri_base_id: Some(ROOT),
    }
}

/// What stays the same of a result from run to run, whatever moves in the files (3.27.16).
///
/// GitHub tells alerts apart by `primaryLocationLineHash` alone, and makes one of the text of the
/// line where there is none. Many cells share the line of their action, and would be one alert.
fn fingerprints(cell: &str, rule: &str) -> BTreeMap<&'static str, String> {
    let hash = suite::hash::fnv_1a(&format!("{cell}\n{rule}"));
    hashed("cellAndVerdict/v1", format!("{hash:016x}"))
}

fn hashed(what: &'static str, hash: String) -> BTreeMap<&'static str, String> {
    BTreeMap::from([(what, hash.clone()), ("primaryLocationLineHash", hash)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_uris() {
        let cases = [
            ("lockstep.yaml", "lockstep.yaml", true),
            ("./policy/policy.yaml", "policy/policy.yaml", true),
            ("../a b/ü#?%.yaml", "../a%20b/%C3%BC%23%3F%25.yaml", true),
            ("javascript:alert(1)", "javascript%3Aalert%281%29", true),
            ("/srv/lockstep.yaml", "file:///srv/lockstep.yaml", false),
            ("a\n\"<b>", "a%0A%22%3Cb%3E", true),
        ];
        for (file, uri, is_relative) in cases {
            let expected = ArtifactLocation {
                uri: uri.to_owned(),
                uri_base_id: is_relative.then_some(ROOT),
            };
            assert_eq!(artifact(file), expected);
        }
    }
}
