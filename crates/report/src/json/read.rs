//! Reads a report back.

use std::io;

use serde::Deserialize;
use suite::event::{
    CellRecord, Counts, Disagreement, Drift, DriftCounts, FORMAT_VERSION, LayerCounts, Note,
    RunStarted, Summary, SurfaceCounts, SurfaceRecord,
};
use suite::plan::Shard;

use crate::recorded::{Recorded, no_run};

/// What the document is.
#[derive(Deserialize)]
struct Form {
    format: String,
    version: u32,
}

/// The document, as its schema says.
#[derive(Deserialize)]
struct Document {
    run: String,
    suite: String,
    #[serde(default)]
    digest: String,
    environment: Option<String>,
    #[serde(default)]
    read_only: bool,
    started: String,
    planned: usize,
    #[serde(default)]
    patterns: Vec<String>,
    shard: Option<Shard>,
    cells_of_all: Option<usize>,
    targets: Vec<Target>,
    actors: Vec<String>,
    cells: Vec<CellRecord>,
    notes: Vec<String>,
    #[serde(default)]
    surface: Vec<SurfaceRecord>,
    #[serde(default)]
    drift: Vec<Drift>,
    #[serde(default)]
    disagreements: Vec<Disagreement>,
    summary: End,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    address: String,
}

/// The end; what was not measured is left out.
#[derive(Deserialize)]
struct End {
    counts: Counts,
    #[serde(default)]
    effects_unseen: usize,
    #[serde(default)]
    requests: u64,
    #[serde(default)]
    duration_ms: u64,
    interrupted: bool,
    surface: Option<SurfaceCounts>,
    drift: Option<DriftCounts>,
    layers: Option<LayerCounts>,
}

/// A run from its report.
///
/// # Errors
/// It is no report, or one of another version.
pub(crate) fn read(report: &[u8]) -> io::Result<Recorded> {
    let form: Form = serde_json::from_slice(report)?;
    if form.format != "lockstep-report" {
        return Err(no_run("it is no report of a run"));
    }
    if form.version != FORMAT_VERSION {
        let version = form.version;
        return Err(no_run(&format!(
            "it has the form of version {version}, and {FORMAT_VERSION} is read"
        )));
    }
    let document: Document = serde_json::from_slice(report)?;
    let targets = document.targets.into_iter();
    let end = document.summary;
    Ok(Recorded {
        run: RunStarted {
            run: document.run,
            suite: document.suite,
            digest: document.digest,
            environment: document.environment,
            read_only: document.read_only,
            started: document.started,
            cells: document.planned,
            patterns: document.patterns,
            shard: document.shard,
            cells_of_all: document.cells_of_all,
            targets: targets.map(|it| (it.name, it.address)).collect(),
            actors: document.actors,
        },
        cells: document.cells,
        notes: document
            .notes
            .into_iter()
            .map(|text| Note { text })
            .collect(),
        surface: document.surface,
        drifts: document.drift,
        disagreements: document.disagreements,
        summary: Some(Summary {
            counts: end.counts,
            effects_unseen: end.effects_unseen,
            requests: end.requests,
            duration_ms: end.duration_ms,
            interrupted: end.interrupted,
            surface: end.surface,
            drift: end.drift,
            layers: end.layers,
        }),
    })
}
