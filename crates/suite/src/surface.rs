//! The surface of a system: whether every operation that its OpenAPI document names is tried, or
//! excepted with a reason and a date that has not passed.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use crate::draft;
use crate::draft::names::kinds;
use crate::event::{Gap, SurfaceCounts, SurfaceRecord};
use crate::model::{Call, Exception, Suite, TargetIndex};
use crate::openapi::{CallPath, Document, Operation, OperationIndex};
use crate::plan::{Plan, Trial};

/// How the reason of an exception begins that nobody has decided on yet.
pub const TO_BE_FILLED: &str = "to be filled:";

/// What is known of the surface of a suite's targets.
#[derive(Debug, Clone, Default)]
pub struct Surface {
    /// How much of it is tried.
    pub counts: SurfaceCounts,
    /// What is missing or out of date, in the order of the documents, then of the exceptions.
    pub records: Vec<SurfaceRecord>,
}

/// Holds the documents of the targets against the whole plan; `None` where no target has one.
///
/// An operation is tried if a cell calls it, or if the session of a cell is opened by it. What
/// makes, shows and removes fixtures is sent, but not judged, and does not count.
/// O(calls × operations).
pub fn surface(suite: &Suite, plan: &Plan, today: Date) -> Option<Surface> {
    let documents: Vec<(TargetIndex, &Arc<Document>)> = suite
        .targets
        .iter()
        .enumerate()
        .filter_map(|(index, target)| Some((index, target.openapi.as_ref()?)))
        .collect();
    if documents.is_empty() {
        return None;
    }
    let tried = tried(suite, plan);
    let mut found = Surface::default();
    for (target, document) in documents {
        let kinds = kinds(document);
        for (index, operation) in document.operations.iter().enumerate() {
            found.counts.operations += 1;
            if tried.contains(&(target, index)) {
                found.counts.with_cell += 1;
                continue;
            }
            let exception = exception_of(suite, target, document, index);
            let paste = |gap: Gap| {
                let name = &suite.targets.get(target)?.name;
                let wanted = matches!(gap, Gap::Undeclared | Gap::Expired);
                wanted.then(|| draft::action(suite, name, document, &kinds, operation))
            };
            found.untried(suite, target, operation, exception, today, &paste);
        }
    }
    for exception in &suite.surface {
        found.out_of_date(suite, exception, &tried);
    }
    Some(found)
}

impl Surface {
    fn untried(
        &mut self,
        suite: &Suite,
        target: TargetIndex,
        operation: &Operation,
        exception: Option<&Exception>,
        today: Date,
        paste: &dyn Fn(Gap) -> Option<String>,
    ) {
        let gap = match exception {
            None => Gap::Undeclared,
            Some(it) if it.until < today => Gap::Expired,
            Some(it) => {
                self.counts.excepted += 1;
                if !it.reason.starts_with(TO_BE_FILLED) {
                    return;
                }
                Gap::Unfilled
            }
        };
        self.tell(suite, target, gap, Some(operation), exception, paste(gap));
    }

    /// An exception from nothing hides whatever comes to have its name.
    fn out_of_date(
        &mut self,
        suite: &Suite,
        exception: &Exception,
        tried: &BTreeSet<(TargetIndex, OperationIndex)>,
    ) {
        let target = exception.target;
        let document = suite.targets.get(target).and_then(|it| it.openapi.as_ref());
        let index = document.and_then(|it| it.operation(&exception.operation));
        match index {
            None => self.tell(suite, target, Gap::Gone, None, Some(exception), None),
            Some(index) if tried.contains(&(target, index)) => {
                let operation = document.and_then(|it| it.operations.get(index));
                self.tell(
                    suite,
                    target,
                    Gap::Needless,
                    operation,
                    Some(exception),
                    None,
                );
            }
            Some(_) => {}
        }
    }

    fn tell(
        &mut self,
        suite: &Suite,
        target: TargetIndex,
        gap: Gap,
        operation: Option<&Operation>,
        exception: Option<&Exception>,
        paste: Option<String>,
    ) {
        match gap {
            Gap::Unfilled => self.counts.unfilled += 1,
            _ => self.counts.findings += 1,
        }
        let Some(declared) = suite.targets.get(target) else {
            return;
        };
        let name = operation.map(Operation::name);
        let name = name.or_else(|| Some(exception?.operation.clone()));
        let place = exception.map(|it| &it.place);
        let place = place.or_else(|| Some(&operation?.place));
        self.records.push(SurfaceRecord {
            gap,
            target: declared.name.to_string(),
            operation: name.unwrap_or_default(),
            request: operation.map(Operation::request),
            reason: reason(gap, exception),
            place: place.unwrap_or(&declared.place).clone(),
            paste,
        });
    }
}

fn reason(gap: Gap, exception: Option<&Exception>) -> String {
    let until = || exception.map_or(String::new(), |it| it.until.to_string());
    let why = || exception.map_or("", |it| it.reason.as_str());
    match gap {
        Gap::Undeclared => "no cell tries it, and no exception says why".to_owned(),
        Gap::Expired => format!("its exception ended with {}: {}", until(), why()),
        Gap::Gone => "the document has no such operation any more".to_owned(),
        Gap::Needless => "it is excepted, and tried".to_owned(),
        Gap::Unfilled => {
            let why = why().trim_start_matches(TO_BE_FILLED).trim();
            format!("{why} (until {})", until())
        }
    }
}

fn exception_of<'s>(
    suite: &'s Suite,
    target: TargetIndex,
    document: &Document,
    index: OperationIndex,
) -> Option<&'s Exception> {
    let mut all = suite.surface.iter().filter(|it| it.target == target);
    all.find(|it| document.operation(&it.operation) == Some(index))
}

/// The operations that a cell of the plan calls.
fn tried(suite: &Suite, plan: &Plan) -> BTreeSet<(TargetIndex, OperationIndex)> {
    let mut layers = BTreeSet::new();
    let mut sessions = BTreeSet::new();
    let mut steps = BTreeSet::new();
    for cell in &plan.cells {
        match cell.trial {
            Trial::Action { action, layer, .. } => drop(layers.insert((action, layer))),
            Trial::Step { flow, step } => drop(steps.insert((flow, step))),
            Trial::Statement { .. } => {}
            Trial::Opening => {
                let actor = suite.actors.get(cell.actor);
                sessions.extend(actor.and_then(|it| it.session));
            }
        }
    }
    let probes = layers.into_iter().filter_map(|(action, layer)| {
        let layer = suite.actions.get(action)?.layers.get(layer)?;
        Some(&layer.call)
    });
    let sessions = sessions.into_iter().filter_map(|it| suite.sessions.get(it));
    let logins = sessions.flat_map(|it| &it.login).map(|step| &step.call);
    let steps = steps.into_iter().filter_map(|(flow, step)| {
        let step = suite.flows.get(flow)?.steps.get(step)?;
        Some(&step.call)
    });
    probes
        .chain(logins)
        .chain(steps)
        .flat_map(|call| asked_for(suite, call))
        .collect()
}

fn asked_for(suite: &Suite, call: &Call) -> Vec<(TargetIndex, OperationIndex)> {
    let Some(target) = suite.targets.get(call.target) else {
        return Vec::new();
    };
    let Some(document) = &target.openapi else {
        return Vec::new();
    };
    let path = CallPath::of(&call.path);
    let found = document.asked_for(&call.method, &path, &target.base);
    found.into_iter().map(|it| (call.target, it)).collect()
}
