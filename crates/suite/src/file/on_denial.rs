//! `on_denial:` — what a denied call leaves behind: a record in an audit log.

use authz::Denial;
use authz::source::Diagnostic;
use authz::source::yaml::{Entry, Node};

use super::Reader;
use super::action::Shared;
use super::actor::settle;
use crate::model::{Assertion, Owed};

impl Reader<'_> {
    /// `{ KIND: { VIEW: { PATH: MATCHER } } }`, for one kind of denial or several.
    pub(super) fn on_denial(&mut self, node: &Node, shared: &Shared<'_>) -> Option<Vec<Owed>> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let kinds = [
            (Denial::Unauthenticated, fields.optional("unauthenticated")),
            (Denial::Forbidden, fields.optional("forbidden")),
            (Denial::Concealed, fields.optional("concealed")),
        ];
        fields.finish(&mut self.diagnostics);
        let owed: Vec<Option<Owed>> = kinds
            .into_iter()
            .filter_map(|(denial, views)| {
                let views = self.owed_views(views?, shared);
                Some(views.map(|views| Owed { denial, views }))
            })
            .collect();
        if super::names::entries(Some(node)).next().is_none() {
            let message = "no kind of denial is given";
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message)
                    .label("expected `unauthenticated`, `forbidden` or `concealed`"),
            );
        }
        super::complete(owed)
    }

    fn owed_views(
        &mut self,
        node: &Node,
        shared: &Shared<'_>,
    ) -> Option<Vec<(usize, Vec<Assertion>)>> {
        let entries = node.map(&mut self.diagnostics)?;
        if entries.is_empty() {
            let message = "no view is given: nothing would be left behind";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
        }
        let views: Vec<_> = entries
            .iter()
            .map(|view| self.owed_view(view, shared))
            .collect();
        super::complete(views)
    }

    fn owed_view(&mut self, view: &Entry, shared: &Shared<'_>) -> Option<(usize, Vec<Assertion>)> {
        let index = self.view_of(&view.key, &view.place, shared);
        let log = index.map(|index| self.check_log(view, index, shared));
        let assertions = self.assertions(&view.value, &shared.scope, true);
        let nothing = assertions.as_ref().is_some_and(Vec::is_empty);
        if nothing {
            let mistake = view.value.mismatch("`{ $.path: value }`");
            self.diagnostics.push(mistake);
        }
        settle(log)??;
        Some((index?, assertions.filter(|_| !nothing)?))
    }

    /// What a denial leaves in any other view is an effect that it must not have.
    fn check_log(&mut self, view: &Entry, index: usize, shared: &Shared<'_>) -> Option<()> {
        let named = shared.resource.and_then(|it| it.views.get(index));
        if named.is_none_or(|it| it.log) {
            return Some(());
        }
        let message = format!("view `{}` is no log", view.key);
        self.diagnostics.push(
            Diagnostic::new(view.place.clone(), message)
                .label("whatever a denial changes there is an effect that it must not have")
                .help("say `log: true` at the view, if it grows with every call"),
        );
        None
    }
}
