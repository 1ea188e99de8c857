//! The events that the tests report.

use authz::source::Place;
use report::Reporter;
use report::terminal::Style;
use suite::event::{
    AnswerRecord, CellRecord, Change, ControlRecord, Counts, Drift, DriftCounts, Event, Exchange,
    ExpectedRecord, Gap, LayerCounts, Note, RunStarted, Summary, SurfaceCounts, SurfaceRecord,
};
use suite::verdict::{Access, Verdict};

pub(crate) const PLAIN: Style = Style {
    colour: false,
    progress: false,
    width: 80,
    verbose: false,
};

pub(crate) fn place(file: &str, line: usize) -> Place {
    Place {
        file: file.into(),
        span: 0..0,
        line,
        column: 3,
    }
}

pub(crate) fn expected(what: &str, denial: Option<&str>, reason: &str) -> ExpectedRecord {
    ExpectedRecord {
        what: what.to_owned(),
        denial: denial.map(str::to_owned),
        reason: reason.to_owned(),
        place: Some(place("policy/policy.yaml", 12)),
    }
}

fn access(verdict: Verdict) -> Access {
    match verdict {
        Verdict::Held | Verdict::Escalation => Access::Allowed,
        Verdict::SideEffect | Verdict::Inconclusive | Verdict::NotApplicable => Access::Unknown,
        _ => Access::Denied,
    }
}

/// A judged cell; `name` is `actor/type.action[/owner]`.
pub(crate) fn cell(
    name: &str,
    verdict: Verdict,
    expected: ExpectedRecord,
    observed: &str,
) -> CellRecord {
    let mut parts = name.split('/').map(str::to_owned);
    CellRecord {
        cell: name.to_owned(),
        actor: parts.next().unwrap(),
        caller: None,
        action: parts.next().unwrap(),
        owner: parts.next(),
        situation: parts.next(),
        target: "posts".to_owned(),
        verdict,
        access: access(verdict),
        expected,
        observed: observed.to_owned(),
        because: None,
        place: place("lockstep.yaml", 41),
        control: None,
        effect_seen: None,
        curl: None,
        rows: Vec::new(),
        exchanges: Vec::new(),
        duration_ms: 12,
    }
}

pub(crate) fn started(cells: usize) -> Event {
    Event::RunStarted(RunStarted {
        run: "20261122T101500-1".to_owned(),
        suite: "lockstep.yaml".to_owned(),
        digest: "9a5c0f0d3e1b7c42".to_owned(),
        environment: None,
        read_only: false,
        started: "2026-11-22T10:15:00Z".to_owned(),
        cells,
        patterns: Vec::new(),
        shard: None,
        cells_of_all: None,
        targets: vec![
            ("accounts".to_owned(), "http://127.0.0.1:4001".to_owned()),
            ("posts".to_owned(), "http://127.0.0.1:4002".to_owned()),
        ],
        actors: ["anonymous", "viewer", "editor", "admin"]
            .map(str::to_owned)
            .to_vec(),
    })
}

pub(crate) fn judged(record: CellRecord) -> Event {
    Event::CellJudged(Box::new(record))
}

/// An operation that is not tried.
pub(crate) fn untried(gap: Gap) -> SurfaceRecord {
    let paste = "actions:\n  post:\n    archive: { posts: { operation: archivePost } }\n";
    SurfaceRecord {
        gap,
        target: "posts".to_owned(),
        operation: "archivePost".to_owned(),
        request: Some("POST /posts/{id}/archive".to_owned()),
        reason: "no cell tries it, and no exception says why".to_owned(),
        place: place("posts.yaml", 12),
        paste: gap.is_finding().then(|| paste.to_owned()),
    }
}

/// The whole run, of a system whose documents say more than is tried.
pub(crate) fn run_with_surface() -> Vec<Event> {
    let mut events = run(each_verdict());
    let Some(Event::RunFinished(mut summary)) = events.pop() else {
        panic!("a run ends");
    };
    summary.surface = Some(surface_counts());
    events.push(Event::Surface(untried(Gap::Undeclared)));
    events.push(Event::Surface(untried(Gap::Unfilled)));
    events.push(Event::RunFinished(summary));
    events
}

pub(crate) fn surface_counts() -> SurfaceCounts {
    SurfaceCounts {
        operations: 17,
        with_cell: 14,
        excepted: 2,
        unfilled: 1,
        findings: 1,
    }
}

/// The end of a run in which `events` happened.
pub(crate) fn finished(events: &[Event], interrupted: bool) -> Event {
    let mut counts = Counts::default();
    let mut drift = None;
    let mut disagreements = 0;
    for event in events {
        match event {
            Event::CellJudged(record) => counts.add(record.verdict),
            Event::Drift(told) => drift
                .get_or_insert_with(DriftCounts::default)
                .add(told.change),
            Event::Disagreement(_) => disagreements += 1,
            _ => {}
        }
    }
    Event::RunFinished(Summary {
        counts,
        effects_unseen: 0,
        requests: 312,
        duration_ms: 1_420,
        interrupted,
        surface: None,
        drift,
        layers: (disagreements > 0).then_some(LayerCounts {
            compared: disagreements + 37,
            disagreements,
        }),
    })
}

fn forbidden() -> ExpectedRecord {
    expected(
        "deny",
        Some("forbidden"),
        "role `viewer` may not update post",
    )
}

pub(crate) fn exchange(purpose: &str, actor: Option<&str>, answer: AnswerRecord) -> Exchange {
    Exchange {
        purpose: purpose.to_owned(),
        actor: actor.map(str::to_owned),
        method: "PUT".to_owned(),
        url: "http://127.0.0.1:4002/posts/7/%2e%2e".to_owned(),
        headers: vec![
            ("authorization".to_owned(), "Bearer ***".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ],
        body: Some("{\"title\":\"changed k3\"}".to_owned()),
        answer,
    }
}

/// A cell that has everything.
pub(crate) fn escalation() -> CellRecord {
    let found = cell(
        "viewer/post.update/editor",
        Verdict::Escalation,
        forbidden(),
        "204, and its effect was seen",
    );
    CellRecord {
        because: Some("allowed, and should not be".to_owned()),
        control: Some(ControlRecord {
            cell: "editor/post.update/editor".to_owned(),
            succeeded: true,
            differs_in: "the actor".to_owned(),
        }),
        effect_seen: Some(true),
        curl: Some(
            "curl -X PUT http://127.0.0.1:4002/posts/7 -H \"Authorization: Bearer $(lockstep token viewer)\" \
             -H 'Content-Type: application/json' -d '{\"title\":\"changed k3\"}'"
                .to_owned(),
        ),
        exchanges: vec![
            exchange(
                "probe",
                Some("viewer"),
                AnswerRecord::Answered {
                    status: 204,
                    headers: vec![("date".to_owned(), "Sun, 22 Nov 2026 10:15:00 GMT".to_owned())],
                    body: String::new(),
                },
            ),
            Exchange {
                method: "GET".to_owned(),
                body: None,
                ..exchange("view body after", None, AnswerRecord::Failed("the connection was closed".to_owned()))
            },
        ],
        ..found
    }
}

/// A cell of each verdict, and two of some.
pub(crate) fn each_verdict() -> Vec<CellRecord> {
    let concealed = expected(
        "deny",
        Some("concealed"),
        "tenant `globex` does not exist for a subject of `acme`, and the policy conceals it",
    );
    let allow = expected("allow", None, "role `admin` includes `editor`");
    vec![
        cell(
            "editor/post.read/editor",
            Verdict::Held,
            allow.clone(),
            "200",
        ),
        CellRecord {
            expected: ExpectedRecord {
                place: None,
                ..expected("allow", None, "an actor's session can be opened")
            },
            ..cell("admin/session.open", Verdict::Lockout, allow, "403")
        },
        CellRecord {
            because: Some("refused in a way that tells that it exists".to_owned()),
            place: place("lockstep.yaml", 7),
            ..cell("editor/post.read/outsider", Verdict::Leak, concealed, "403")
        },
        escalation(),
        cell(
            "viewer/post.delete/editor",
            Verdict::SideEffect,
            expected("deny", Some("forbidden"), "nothing permits it"),
            "403, but view `body` is gone",
        ),
        CellRecord {
            because: Some("refused, but in the wrong way".to_owned()),
            ..cell(
                "anonymous/post.give-away/editor",
                Verdict::WrongDenial,
                expected("deny", Some("unauthenticated"), "no session"),
                "403",
            )
        },
        cell(
            "anonymous/debug.open",
            Verdict::Escalation,
            ExpectedRecord {
                place: Some(place("lockstep.yaml", 9)),
                ..expected("absent", None, "`expect: absent`")
            },
            "200",
        ),
        CellRecord {
            because: Some("its control failed: the same call by someone who may".to_owned()),
            ..cell(
                "viewer/post.publish/editor",
                Verdict::Inconclusive,
                forbidden(),
                "403",
            )
        },
        cell(
            "viewer/post.list",
            Verdict::Inconclusive,
            forbidden(),
            "no answer within 10 s",
        ),
    ]
}

/// A whole run of these cells.
pub(crate) fn run(cells: impl IntoIterator<Item = CellRecord>) -> Vec<Event> {
    let judged: Vec<Event> = cells.into_iter().map(judged).collect();
    let mut events = vec![started(judged.len())];
    events.extend(judged);
    events.push(finished(&events, false));
    events
}

/// A grant in which the run differs from the baseline.
pub(crate) fn drift(change: Change, cell: &str, reason: &str, place: Place) -> Event {
    Event::Drift(Drift {
        change,
        cell: cell.to_owned(),
        reason: reason.to_owned(),
        place,
    })
}

/// One drift of each kind.
pub(crate) fn drifts() -> [Event; 3] {
    [
        drift(
            Change::Added,
            "viewer/post.delete/editor",
            "role `viewer` may delete post",
            place("policy/policy.yaml", 12),
        ),
        drift(
            Change::Denied,
            "editor/post.update/outsider",
            "denied now: 404",
            place("lockstep.baseline", 7),
        ),
        drift(
            Change::Vanished,
            "editor/post.publish/editor",
            "the suite has no such cell any more",
            place("lockstep.baseline", 6),
        ),
    ]
}

/// A run of these cells that differs from the baseline so.
pub(crate) fn run_with_drift(
    cells: impl IntoIterator<Item = CellRecord>,
    drifts: impl IntoIterator<Item = Event>,
) -> Vec<Event> {
    let mut events = run(cells);
    let end = events.len() - 1;
    events.splice(end.., drifts);
    events.push(finished(&events, false));
    events
}

pub(crate) fn note(text: &str) -> Event {
    Event::Note(Note {
        text: text.to_owned(),
    })
}

/// Tells `events` to the reporter that `new` makes, and gives back what it wrote.
pub(crate) fn told<'a, R: Reporter>(
    events: &[Event],
    out: &'a mut Vec<u8>,
    new: impl FnOnce(&'a mut Vec<u8>) -> R,
) {
    let mut reporter = new(out);
    for event in events {
        reporter.event(event).unwrap();
    }
}
