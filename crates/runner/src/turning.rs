//! Sessions that must not work any more: their cells are tried while they still do, as their own
//! controls; then their tokens expire or something happens to their users; then the cells are
//! tried for good.

use suite::model::ActorIndex;
use suite::plan::{Cell, CellIndex, Phase};
use suite::verdict::succeeded;

use crate::schedule::Run;

impl Run<'_> {
    /// Whether a cell belongs to a session that turns in mid-run.
    pub(crate) fn turns(&self, cell: &Cell) -> bool {
        let actor = self.world.suite.actors.get(cell.actor);
        actor.is_some_and(|actor| actor.turns())
    }

    /// Rehearses the cells of sessions that turn, turns them, and tries the cells.
    pub(crate) async fn try_turning(&mut self) {
        let cells = self.plan.cells.iter().enumerate();
        let cells: Vec<CellIndex> = cells
            .filter(|(_, cell)| cell.phase != Phase::Opening && self.turns(cell))
            .filter(|(_, cell)| cell.untried.is_none())
            .map(|(index, _)| index)
            .collect();
        if cells.is_empty() {
            return;
        }
        let is_well_formed = |index: &CellIndex| {
            let cell = self.plan.cells.get(*index);
            cell.is_some_and(|cell| !cell.trial.is_malformed())
        };
        let well_formed: Vec<CellIndex> = cells.iter().copied().filter(is_well_formed).collect();
        self.rehearse(&well_formed).await;
        if self.options.stop.is_set() {
            return;
        }
        self.turn_all(&cells).await;
        self.run_cells(cells).await;
    }

    async fn rehearse(&mut self, cells: &[CellIndex]) {
        let mut results = self.start(cells.to_vec(), self.options.concurrency, "r");
        while let Some((index, tried)) = self.telling(results.recv()).await {
            let success = tried.unsure.is_none() && succeeded(&tried.observation);
            if let Some(slot) = self.rehearsed.get_mut(index) {
                *slot = success;
            }
            for text in tried.left_behind {
                self.note(text);
            }
        }
    }

    /// Turns every session at the same time: some of them wait.
    async fn turn_all(&mut self, cells: &[CellIndex]) {
        let mut actors: Vec<ActorIndex> = Vec::new();
        for &index in cells {
            if let Some(cell) = self.plan.cells.get(index)
                && !actors.contains(&cell.actor)
            {
                actors.push(cell.actor);
            }
        }
        let world = &*std::sync::Arc::clone(&self.world);
        let mut worked = Vec::new();
        for &actor in &actors {
            // What was selected of its cells may be nothing that it could ever do.
            let seen = self.worked_before(actor, cells)
                || world.sessions.is_taken(world, actor, &mut Vec::new()).await;
            worked.extend(seen.then_some(actor));
        }
        let turns = actors.into_iter().map(|actor| async move {
            let log = &mut Vec::new();
            (actor, world.sessions.turn(world, actor, log).await)
        });
        let turned = futures_util::future::join_all(turns);
        let turned = self.telling(turned).await;
        for (actor, result) in turned {
            let why = match result {
                Err(why) => why,
                Ok(()) if !worked.contains(&actor) => {
                    "it was never seen to work before, so that its refusal proves nothing"
                        .to_owned()
                }
                Ok(()) => continue,
            };
            self.distrusted.entry(actor).or_insert(why);
        }
    }

    fn worked_before(&self, actor: ActorIndex, cells: &[CellIndex]) -> bool {
        cells.iter().any(|&index| {
            let cell = self.plan.cells.get(index);
            cell.is_some_and(|cell| cell.actor == actor) && self.rehearsed.get(index) == Some(&true)
        })
    }
}
