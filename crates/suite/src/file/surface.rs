//! `surface:` — the operations that are not tried, with a reason and a date.

use std::collections::BTreeMap;
use std::sync::Arc;

use authz::source::Diagnostic;
use authz::source::yaml::Node;
use jiff::civil::Date;

use super::Reader;
use crate::model::{Exception, TargetIndex};
use crate::openapi::Document;

impl Reader<'_> {
    pub(super) fn surface(&mut self, node: &Node) -> Option<Vec<Exception>> {
        if self.documents.is_empty() && self.names.is_readable("targets") {
            let message = "no target says which operations it has";
            let help = "give a target `openapi`, the path of its OpenAPI document";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message).help(help));
            return None;
        }
        let mut fields = node.fields(&mut self.diagnostics)?;
        let except = fields.required("except", &mut self.diagnostics);
        fields.finish(&mut self.diagnostics);
        let items = except?.list(&mut self.diagnostics)?;
        let exceptions = items.iter().map(|item| self.exception(item)).collect();
        let exceptions = super::complete(exceptions);
        self.each_once(exceptions.as_deref().unwrap_or_default());
        exceptions
    }

    /// Of two exceptions for one operation, the one that has ended hides the other, or is hidden.
    fn each_once(&mut self, exceptions: &[Exception]) {
        let mut seen = BTreeMap::new();
        for exception in exceptions {
            let (target, name) = (exception.target, exception.operation.as_str());
            let target_name = self.names.targets.get(target).copied().unwrap_or_default();
            let document = self.documents.of(target_name).flatten();
            // An operation may be named by its id and by its path.
            let index = document.and_then(|it| it.operation(name));
            let gone = index.is_none().then_some(name);
            let Some(line) = seen.insert((target, index, gone), exception.place.line) else {
                continue;
            };
            let message = format!("`{name}` is excepted twice");
            self.diagnostics.push(
                Diagnostic::new(exception.place.clone(), message)
                    .label(format!("the other exception stands in line {line}"))
                    .help("leave the one that is right"),
            );
        }
    }

    fn exception(&mut self, node: &Node) -> Option<Exception> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let operation = fields.required("operation", &mut self.diagnostics);
        let target = fields.optional("target");
        let reason = fields.required("reason", &mut self.diagnostics);
        let until = fields.required("until", &mut self.diagnostics);
        fields.finish(&mut self.diagnostics);
        let reason = reason.map(|it| self.reason(it));
        let until = until.map(|it| self.date(it));
        let target = target.map(|it| self.documented(it));
        let name = operation?.text(&mut self.diagnostics)?;
        let target = match target {
            Some(target) => target?,
            None => self.only_target_with(operation?, name)?,
        };
        Some(Exception {
            target,
            operation: name.to_owned(),
            reason: reason??,
            until: until??,
            place: operation?.place.clone(),
        })
    }

    fn reason(&mut self, node: &Node) -> Option<String> {
        let reason = node.text(&mut self.diagnostics)?;
        if reason.trim().is_empty() {
            let message = "an exception without a reason";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
            return None;
        }
        Some(reason.to_owned())
    }

    fn date(&mut self, node: &Node) -> Option<Date> {
        let text = node.text(&mut self.diagnostics)?;
        let is_plain = text.len() == "2027-06-30".len();
        let date = is_plain.then(|| text.parse().ok()).flatten();
        if date.is_none() {
            let message = format!("`{text}` is not a day");
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message)
                    .label("expected the last day on which it counts, as in `2027-06-30`"),
            );
        }
        date
    }

    /// A target that has a document.
    fn documented(&mut self, node: &Node) -> Option<TargetIndex> {
        let target = self.on(node)?;
        let name = self.names.targets.get(target).copied().unwrap_or_default();
        if self.documents.of(name).is_none() {
            let message = format!("target `{name}` has no document of its operations");
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
            return None;
        }
        Some(target)
    }

    /// Without `target`, the one target whose document has the operation; where none has, the
    /// first: an operation that is gone is a finding, not a mistake.
    fn only_target_with(&mut self, node: &Node, name: &str) -> Option<TargetIndex> {
        let targets = self.names.targets.iter().enumerate();
        let documented: Vec<(TargetIndex, Option<Arc<Document>>)> = targets
            .filter_map(|(index, target)| Some((index, self.documents.of(target)?)))
            .collect();
        let has = |document: &Option<Arc<Document>>| {
            let document = document.as_ref();
            document.is_some_and(|it| it.operation(name).is_some())
        };
        let with: Vec<TargetIndex> = documented
            .iter()
            .filter(|(_, document)| has(document))
            .map(|(index, _)| *index)
            .collect();
        match with.as_slice() {
            [] => documented.first().map(|(index, _)| *index),
            [only] => Some(*only),
            [first, ..] => {
                let message = format!("several targets have an operation `{name}`");
                let target = self.names.targets.get(*first).copied().unwrap_or_default();
                let help = format!("say which is meant, as in `target: {target}`");
                self.diagnostics
                    .push(Diagnostic::new(node.place.clone(), message).help(help));
                None
            }
        }
    }
}
