//! The sides that are compared. Each makes the same exchanges with a bearer token, `GET /items/N`
//! where one is simple, and looks at the status and one field.

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufWriter;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use authz::source::{Source, render};
use report::Reporter as _;
use report::json::JsonReporter;
use report::record::EventLog;
use runner::{Bounds, Client, Head, Options, Stop};
use suite::event::{Event, Summary};
use suite::file::{Inputs, read_suite};
use suite::model::Suite;
use suite::plan::Plan;
use suite::probe::Request;

use crate::CONCURRENCY;

/// How many actors the cells belong to.
const ACTORS: usize = 50;

fn bounds() -> Bounds {
    Bounds {
        timeout: Duration::from_secs(10),
        body_bytes_max: 1 << 20,
    }
}

/// The floor: the same client in a loop, a status and a field looked at.
pub(crate) async fn bare_loop(base: &str, cells: usize) -> anyhow::Result<()> {
    let client = Arc::new(Client::new(bounds(), [None]));
    let next = Arc::new(AtomicUsize::new(0));
    let workers = (0..CONCURRENCY).map(|_| {
        let (client, next, base) = (Arc::clone(&client), Arc::clone(&next), base.to_owned());
        tokio::spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= cells {
                    return Ok(());
                }
                exchange(&client, &base, index).await?;
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        let done: anyhow::Result<()> = worker.await?;
        done?;
    }
    Ok(())
}

async fn exchange(client: &Client, base: &str, index: usize) -> anyhow::Result<()> {
    let request = Request {
        target: 0,
        method: "GET".to_owned(),
        url: format!("{base}/items/{}", index / ACTORS),
        headers: vec![(
            "authorization".to_owned(),
            format!("Bearer token-{}", index % ACTORS),
        )],
        body: None,
    };
    let answer = client.send(&request).await;
    let answer = answer.map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let id = answer.json().and_then(|json| json.get("id"));
    let expected = (index / ACTORS).to_string();
    ensure!(answer.status == 200, "status {}", answer.status);
    ensure!(id.and_then(|id| id.as_str()) == Some(&expected), "wrong id");
    Ok(())
}

/// Ours: a suite of so many cells of one call, recorded and reported.
pub(crate) async fn suite(base: &str, cells: usize) -> anyhow::Result<()> {
    let suite = read(&suite_text(base, cells), None)?;
    run(suite, cells).await.map(drop)
}

/// Ours: a suite of so many cells, recorded and reported, each of which must hold.
pub(crate) async fn run(suite: Suite, cells: usize) -> anyhow::Result<Summary> {
    let plan = Plan::new(&suite, jiff::Timestamp::now());
    let plan = plan.map_err(|mistakes| anyhow::anyhow!("{}", render(&mistakes, &[], false)))?;
    ensure!(plan.cells.len() == cells, "{} cells", plan.cells.len());
    let folder = tempfile::tempdir()?;
    let mut log = EventLog::new(BufWriter::new(File::create(folder.path().join("events"))?));
    let mut json = JsonReporter::new(BufWriter::new(File::create(folder.path().join("json"))?));
    let options = Options {
        concurrency: CONCURRENCY,
        rate: None,
        bounds: bounds(),
        every_exchange: false,
        stop: Stop::default(),
        journal: None,
    };
    let mut told = Ok(());
    let mut emit = |event: Event| {
        let now = log.event(&event).and(json.event(&event));
        if told.is_ok() {
            told = now;
        }
    };
    let (suite, plan) = (Arc::new(suite), Arc::new(plan));
    let summary = runner::run(
        suite,
        plan,
        Head::new("bench", String::new()),
        options,
        &mut emit,
    )
    .await;
    told?;
    ensure!(
        summary.counts.held == cells,
        "not all held: {:?}",
        summary.counts
    );
    Ok(summary)
}

fn suite_text(base: &str, cells: usize) -> String {
    let mut text = format!(
        "version: 1\ntargets: {{ api: {{ http: \"{base}\" }} }}\nsessions: {{ key: {{ bearer: \"{{{{ actor.key }}}}\" }} }}\nactors:\n"
    );
    for actor in 0..ACTORS {
        let _ = writeln!(
            text,
            "  actor{actor}: {{ session: key, key: token-{actor} }}"
        );
    }
    text.push_str("actions:\n  item:\n");
    let actions = cells / ACTORS;
    for action in 0..actions {
        let _ = writeln!(
            text,
            "    read{action}: {{ api: {{ GET: /items/{action}, status: 200, answer: {{ json: {{ $.id: \"{action}\" }} }} }} }}"
        );
    }
    let columns: Vec<String> = (0..ACTORS).map(|actor| format!("actor{actor}")).collect();
    let _ = writeln!(text, "expect: |\n  action  {}", columns.join("  "));
    for action in 0..actions {
        let _ = writeln!(
            text,
            "  item.read{action}  {}",
            ["allow"; ACTORS].join("  ")
        );
    }
    text
}

/// Reads a suite, and its policy if it has one.
pub(crate) fn read(text: &str, policy: Option<&str>) -> anyhow::Result<Suite> {
    let source = Source::new("bench.yaml", text);
    let policy: Vec<Source> = policy
        .map(|it| Source::new("policy.yaml", it))
        .into_iter()
        .collect();
    let inputs = Inputs {
        suite: &source,
        policy: &policy,
        facts: &[],
        schemas: &[],
        documents: &[],
        chosen: None,
        environment: &|_| None,
        unset_is_mistake: true,
    };
    read_suite(&inputs)
        .map_err(|mistakes| anyhow::anyhow!("{}", render(&mistakes, &[source], false)))
}

/// The peer, if it is installed: one file for each actor, the same calls and checks.
pub(crate) fn hurl(base: &str, cells: usize) -> anyhow::Result<Option<Duration>> {
    let version = Command::new("hurl")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if version.is_err() {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let mut files = Vec::new();
    for actor in 0..ACTORS {
        let mut text = String::new();
        for action in 0..cells / ACTORS {
            let _ = write!(
                text,
                "GET {base}/items/{action}\nAuthorization: Bearer token-{actor}\nHTTP 200\n[Asserts]\njsonpath \"$.id\" == \"{action}\"\n\n"
            );
        }
        let path = folder.path().join(format!("{actor}.hurl"));
        std::fs::write(&path, text)?;
        files.push(path);
    }
    let started = Instant::now();
    let status = Command::new("hurl")
        .args([
            "--test",
            "--parallel",
            "--jobs",
            &CONCURRENCY.to_string(),
            "--report-json",
        ])
        .arg(folder.path().join("report"))
        .args(files)
        .stderr(Stdio::null())
        .status()
        .context("hurl does not start")?;
    if !status.success() {
        bail!("hurl failed");
    }
    Ok(Some(started.elapsed()))
}
