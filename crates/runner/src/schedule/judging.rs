//! Judging a cell that was tried: beside which control, and whether it may be told at once.

use authz::Denial;
use suite::model::{EffectKind, Expected};
use suite::plan::{Cell, CellIndex, caller, is_allowed};
use suite::verdict::{Control, EffectSeen, Judgement, Received, Verdict, judge};

use super::Run;
use super::alive::Doubted;
use crate::record::Recorder;
use crate::trial::Tried;

impl Run<'_> {
    pub(crate) fn judge(
        &mut self,
        index: CellIndex,
        mut tried: Tried,
        believed_later: &mut Vec<Doubted>,
    ) {
        let Some(cell) = self.plan.cells.get(index) else {
            return;
        };
        let actor = caller(self.suite(), cell).unwrap_or(cell.actor);
        let expected = cell.expectation.expected;
        let (control, named) = self.control(cell);
        tried.observation.control = control;
        if tried.observation.effect == EffectSeen::Unchanged && self.is_blind(cell, named) {
            tried.observation.effect = EffectSeen::NotLooked;
        }
        if let Some(why) = self.distrust(cell) {
            tried.unsure = Some(why.clone());
        }
        let apart = self.not_applicable.get(&cell.actor);
        let judgement = match tried.unsure {
            Some(_) if apart.is_some() => Judgement {
                verdict: Verdict::NotApplicable,
                because: "",
            },
            Some(_) => Judgement {
                verdict: Verdict::Inconclusive,
                because: "",
            },
            None => judge(expected, &tried.observation),
        };
        let mut doubted = self.perhaps_dead(cell, &tried);
        let judgement = match tried.doubt.take() {
            Some(doubt) if judgement.verdict == Verdict::Held => {
                tried.unsure = Some(doubt);
                Judgement {
                    verdict: Verdict::Inconclusive,
                    because: "",
                }
            }
            _ => judgement,
        };
        let recorder = Recorder {
            suite: &self.world.suite,
            plan: &self.plan,
            every_exchange: self.options.every_exchange,
        };
        let masker = self.world.sessions.masker();
        let record = recorder.cell(index, &tried, judgement, named, &masker);
        std::mem::take(&mut tried.left_behind)
            .into_iter()
            .for_each(|text| self.note(text));
        let has_session = tried.probe.is_some_and(|(_, sent)| sent.is_some());
        let Some(record) = record else {
            return;
        };
        let is_denial = matches!(
            expected,
            Expected::Deny(_) | Expected::Absent | Expected::Reject
        );
        if has_session && record.verdict == Verdict::Held && is_denial {
            doubted.insert(actor);
        }
        match doubted.is_empty() || record.verdict == Verdict::Inconclusive {
            true => self.tell(Some(record)),
            false => believed_later.push((doubted, record)),
        }
    }

    pub(super) fn must_wait(&self, index: CellIndex, tried: &Tried) -> bool {
        self.plan.cells.get(index).is_some_and(is_allowed)
            && tried.observation.received == Received::Denied(Denial::Concealed)
    }

    /// Why a cell cannot be relied on: the session of its actor, or of who makes its call, is not
    /// what the suite takes it for.
    pub(super) fn distrust(&self, cell: &Cell) -> Option<&String> {
        let caller = caller(self.suite(), cell);
        let own = self.distrusted.get(&cell.actor);
        own.or_else(|| self.distrusted.get(&caller?))
    }

    /// The cell itself, if it succeeded before its session turned.
    fn rehearsal(&self, cell: &Cell) -> Option<CellIndex> {
        let is_it =
            |other: &Cell| other.actor == cell.actor && other.trial == cell.trial.well_formed();
        let mut cells = self.plan.cells.iter();
        let index = self.turns(cell).then(|| cells.position(is_it))??;
        self.rehearsed.get(index)?.then_some(index)
    }

    /// Whether the views of a collection say nothing of what a cell would make: they did not show
    /// what its control made, or that is another tenant's.
    fn is_blind(&self, cell: &Cell, control: Option<(CellIndex, bool)>) -> bool {
        let creates = cell.trial.layer(self.suite()).is_some_and(|layer| {
            let effect = layer.effect.as_ref();
            effect.is_some_and(|effect| matches!(effect.kind, EffectKind::Created))
        });
        let Some((control, _)) = control.filter(|_| creates && !is_allowed(cell)) else {
            return false;
        };
        let actors = &self.world.suite.actors;
        let tenant = |cell: &Cell| actors.get(cell.actor)?.tenant.as_deref();
        let other = self.plan.cells.get(control).and_then(tenant);
        let own = tenant(cell);
        !self.listed.contains(&control) || (own.is_some() && own != other)
    }

    /// The first control that succeeded, else the best one.
    fn control(&self, cell: &Cell) -> (Control, Option<(CellIndex, bool)>) {
        if !matches!(
            cell.expectation.expected,
            Expected::Allow | Expected::Deny(_) | Expected::Absent | Expected::Reject
        ) {
            return (Control::Missing, None);
        }
        if let Some(index) = self.rehearsal(cell) {
            return (Control::Succeeded, Some((index, true)));
        }
        let did = |&control: &CellIndex| self.succeeded.get(control) == Some(&Some(true));
        match (
            cell.controls.iter().copied().find(did),
            cell.controls.first(),
        ) {
            (Some(control), _) => (Control::Succeeded, Some((control, true))),
            (None, Some(&control)) => (Control::Failed, Some((control, false))),
            (None, None) => (Control::Missing, None),
        }
    }
}
