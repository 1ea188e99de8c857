//! A run as JUnit XML, for the test views of CI systems.
//!
//! There is no standard. The form is that of the schema which Jenkins holds reports against
//! (`junit-10.xsd` of its xUnit plugin), the strictest of those in use, and nothing beyond it.
//!
//! An actor is a test suite: totals such as "viewer: 30 tests, 2 failures" are what a reader can
//! act on, while a target is often the only one. A cell is a test case, its class `type.action`,
//! which Jenkins splits at the dot and GitLab shows beside the name. A finding is a failure. A
//! cell of which nothing can be said is an error: skipped tests are green in most views. For the
//! same reason a run that did not come to its end has a test case of its own that says so, and so
//! has each grant in which the run differs from the baseline; it fails if the grant is a new one.
//! Layers that disagree fail in a suite of their own.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event as Xml};
use suite::event::{CellRecord, Change, Drift, Event, RunStarted};
use suite::verdict::Verdict;

use crate::Reporter;
use crate::at_end::{AtEnd, Document, Ran};
use crate::finding::Finding;
use crate::layers::Parted;
use crate::surface::Untried;
use crate::text::{clean, clean_short, grouped};

/// The most cells that did not hold whose details are told; of the others the sentence is. Of a
/// cell that held only its names and its time are kept.
const DETAILS_MAX: usize = 10_000;

/// The suite of the test cases that are no cells.
const RUN: &str = "lockstep";

/// The suite of the test cases that stand for operations which are not tried as they should be.
const SURFACE: &str = "surface";

/// The suite of the test cases that stand for layers which disagree.
const LAYERS: &str = "layers";

/// Writes a run as JUnit XML, when the run is over.
///
/// The counts stand before the cases, so every cell is kept until then: about 100 bytes of one
/// that held. It makes many small writes: give it a writer that buffers.
#[derive(Debug)]
pub struct JunitReporter<W: Write>(AtEnd<W, Cases>);

impl<W: Write> JunitReporter<W> {
    /// A report that goes to `out`.
    pub fn new(out: W) -> Self {
        Self(AtEnd::new(out, Cases::default()))
    }
}

impl<W: Write> Reporter for JunitReporter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.0.event(event)
    }
}

/// The cells so far.
#[derive(Debug, Default)]
struct Cases {
    by_actor: Vec<(String, Vec<Case>)>,
    /// Each class once: many cells share one.
    classes: BTreeSet<Arc<str>>,
    details: usize,
}

/// What is written of a cell.
#[derive(Debug)]
struct Case {
    name: Box<str>,
    class: Arc<str>,
    duration_ms: u64,
    trouble: Option<Box<Trouble>>,
}

/// As what JUnit knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Failure,
    Error,
    Skipped,
}

impl Element {
    fn of(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Held => None,
            Verdict::NotApplicable => Some(Self::Skipped),
            Verdict::Inconclusive => Some(Self::Error),
            _ => Some(Self::Failure),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

/// Why a cell did not hold.
#[derive(Debug)]
struct Trouble {
    element: Element,
    kind: &'static str,
    message: String,
    details: String,
}

impl Case {
    fn element(&self) -> Option<Element> {
        self.trouble.as_ref().map(|trouble| trouble.element)
    }
}

impl Document for Cases {
    fn judged(&mut self, record: &CellRecord, run: &RunStarted) {
        let case = Case {
            name: clean(&record.cell).into(),
            class: self.class(&record.action),
            duration_ms: record.duration_ms,
            trouble: self.trouble(record, run.environment.as_deref()),
        };
        let actor = clean(&record.actor);
        match self.by_actor.iter_mut().find(|(name, _)| *name == actor) {
            Some((_, cases)) => cases.push(case),
            None => self.by_actor.push((actor, vec![case])),
        }
    }

    fn write(&mut self, ran: &Ran, out: &mut dyn Write) -> io::Result<()> {
        let mut apart: Vec<Case> = ran.drifts.iter().map(drifted).collect();
        if !ran.is_whole() {
            apart.push(not_whole(ran));
        }
        if !apart.is_empty() {
            self.by_actor.push((RUN.to_owned(), apart));
        }
        if !ran.surface.is_empty() {
            let cases = ran.surface.iter().map(of_operation).collect();
            self.by_actor.push((SURFACE.to_owned(), cases));
        }
        if !ran.parted.is_empty() {
            let cases = ran.parted.iter().map(of_layers).collect();
            self.by_actor.push((LAYERS.to_owned(), cases));
        }
        for (_, cases) in &mut self.by_actor {
            cases.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let rank = |name: &str| ran.run.actors.iter().position(|actor| clean(actor) == name);
        self.by_actor
            .sort_by_key(|(name, _)| (rank(name).unwrap_or(usize::MAX), name.clone()));
        write_all(&self.by_actor, ran, out)
    }
}

impl Cases {
    fn class(&mut self, action: &str) -> Arc<str> {
        let class = clean(action);
        if let Some(known) = self.classes.get(class.as_str()) {
            return Arc::clone(known);
        }
        let class: Arc<str> = class.into();
        self.classes.insert(Arc::clone(&class));
        class
    }

    fn trouble(&mut self, record: &CellRecord, environment: Option<&str>) -> Option<Box<Trouble>> {
        let element = Element::of(record.verdict)?;
        let finding = Finding::of(record, environment);
        self.details += 1;
        let details = if self.details > DETAILS_MAX {
            format!("details of the first {} only", grouped(DETAILS_MAX))
        } else {
            details(&finding)
        };
        Some(Box::new(Trouble {
            element,
            kind: record.verdict.word(),
            message: finding.sentence,
            details,
        }))
    }
}

/// The lines behind the sentence.
fn details(finding: &Finding) -> String {
    let expected = &finding.expected;
    let mut lines = vec![
        format!("expected  {}  ({})", expected.what, expected.reason),
        format!("observed  {}", finding.observed),
    ];
    if !expected.place.is_empty() {
        lines.insert(1, format!("written   {}", expected.place));
    }
    let because = finding.because.iter();
    lines.extend(because.map(|because| format!("because   {because}")));
    let control = finding.control.iter();
    lines.extend(control.map(|control| format!("control   {control}")));
    lines.push(format!("action    {}", finding.place));
    for (index, line) in finding.repeat_short().iter().enumerate() {
        let label = if index == 0 { "repeat" } else { "" };
        lines.push(format!("{label:<10}{line}"));
    }
    format!("\n{}\n", lines.join("\n"))
}

/// The case of a grant in which the run differs from the baseline.
fn drifted(drift: &Drift) -> Case {
    let line = clean(&drift.line());
    let details = format!(
        "\n{line}\nreason    {}\nplace     {}\n",
        clean_short(&drift.reason),
        clean(&drift.place.to_string())
    );
    let trouble = Trouble {
        element: Element::Failure,
        kind: "drift",
        message: format!("the baseline does not allow {}", clean(&drift.cell)),
        details,
    };
    Case {
        name: line.into(),
        class: "lockstep.baseline".into(),
        duration_ms: 0,
        trouble: (drift.change == Change::Added).then(|| Box::new(trouble)),
    }
}

/// The case of a run that did not come to its end.
fn not_whole(ran: &Ran) -> Case {
    let judged = grouped(ran.counts.total());
    let planned = grouped(ran.run.cells);
    Case {
        name: "the whole run".into(),
        class: RUN.into(),
        duration_ms: 0,
        trouble: Some(Box::new(Trouble {
            element: Element::Error,
            kind: "interrupted",
            message: format!("{judged} of {planned} cells were judged"),
            details: "\nWhat was not tried has not held.\n".to_owned(),
        })),
    }
}

/// The case of an operation that is not tried as it should be.
fn of_operation(untried: &Untried) -> Case {
    let mut details = vec![
        format!("because   {}", untried.reason),
        format!("written   {}", untried.place),
    ];
    for (index, line) in untried.paste.iter().enumerate() {
        let label = if index == 0 { "paste" } else { "" };
        details.push(format!("{label:<10}{line}"));
    }
    Case {
        name: untried.name.as_str().into(),
        class: SURFACE.into(),
        duration_ms: 0,
        trouble: Some(Box::new(Trouble {
            element: if untried.gap.is_finding() {
                Element::Failure
            } else {
                Element::Error
            },
            kind: untried.gap.word(),
            message: untried.sentence.clone(),
            details: format!("\n{}\n", details.join("\n")),
        })),
    }
}

/// The case of layers that disagree.
fn of_layers(parted: &Parted) -> Case {
    let expected = &parted.expected;
    let mut details = vec![format!(
        "expected  {}  ({})",
        expected.what, expected.reason
    )];
    if !expected.place.is_empty() {
        details.push(format!("written   {}", expected.place));
    }
    for (label, sides) in [("allows", &parted.allows), ("denies", &parted.denies)] {
        details.extend(sides.iter().map(|side| format!("{label:<10}{side}")));
    }
    details.push(format!("means     {}", parted.meaning));
    details.push(format!("action    {}", parted.place));
    Case {
        name: parted.name.as_str().into(),
        class: parted.action.as_str().into(),
        duration_ms: 0,
        trouble: Some(Box::new(Trouble {
            element: Element::Failure,
            kind: LAYERS,
            message: parted.sentence.clone(),
            details: format!("\n{}\n", details.join("\n")),
        })),
    }
}

fn write_all(suites: &[(String, Vec<Case>)], ran: &Ran, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = suites.iter().flat_map(|(_, cases)| cases);
    let mut root = xml
        .create_element("testsuites")
        .with_attribute(("name", clean(&ran.run.suite).as_str()))
        .with_attributes(totals(all));
    if let Some(summary) = &ran.summary {
        root = root.with_attribute(("time", seconds(summary.duration_ms).as_str()));
    }
    root.write_inner_content(|xml| {
        suites
            .iter()
            .try_for_each(|(name, cases)| write_suite(name, cases, ran, xml))
    })?;
    xml.get_mut().write_all(b"\n")
}

fn write_suite(
    name: &str,
    cases: &[Case],
    ran: &Ran,
    xml: &mut Writer<&mut dyn Write>,
) -> io::Result<()> {
    let time = cases.iter().map(|case| case.duration_ms).sum();
    let is_skipped = |case: &&Case| case.element() == Some(Element::Skipped);
    let skipped = cases.iter().filter(is_skipped).count();
    xml.create_element("testsuite")
        .with_attribute(("name", name))
        .with_attributes(totals(cases))
        .with_attribute(("skipped", skipped.to_string().as_str()))
        .with_attribute(("time", seconds(time).as_str()))
        .with_attribute(("timestamp", timestamp(&ran.run.started).as_str()))
        .write_inner_content(|xml| cases.iter().try_for_each(|case| write_case(case, xml)))?;
    Ok(())
}

fn write_case(case: &Case, xml: &mut Writer<&mut dyn Write>) -> io::Result<()> {
    let element = xml
        .create_element("testcase")
        .with_attribute(("name", &*case.name))
        .with_attribute(("classname", &*case.class))
        .with_attribute(("time", seconds(case.duration_ms).as_str()));
    match &case.trouble {
        None => element.write_empty()?,
        Some(trouble) => element.write_inner_content(|xml| write_trouble(trouble, xml))?,
    };
    Ok(())
}

fn write_trouble(trouble: &Trouble, xml: &mut Writer<&mut dyn Write>) -> io::Result<()> {
    xml.create_element(trouble.element.name())
        .with_attribute(("type", trouble.kind))
        .with_attribute(("message", trouble.message.as_str()))
        .write_text_content(BytesText::new(&trouble.details))?;
    Ok(())
}

fn totals<'a>(cases: impl IntoIterator<Item = &'a Case>) -> [(&'static str, Cow<'static, str>); 3] {
    let (mut tests, mut failures, mut errors) = (0_usize, 0_usize, 0_usize);
    for case in cases {
        tests += 1;
        match case.element() {
            Some(Element::Failure) => failures += 1,
            Some(Element::Error) => errors += 1,
            Some(Element::Skipped) | None => {}
        }
    }
    [
        ("tests", tests.to_string().into()),
        ("failures", failures.to_string().into()),
        ("errors", errors.to_string().into()),
    ]
}

/// Seconds with three digits behind the point, without thousands set apart.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

/// The time to the second, without its zone: readers take no other form.
fn timestamp(started: &str) -> String {
    clean(
        started
            .get(.."2026-11-22T10:15:00".len())
            .unwrap_or(started),
    )
}
