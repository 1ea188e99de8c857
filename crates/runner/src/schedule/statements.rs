//! Cells on databases: several at once, each in a transaction of its own that is rolled back.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use suite::model::ActionIndex;
use suite::plan::{Cell, CellIndex, Trial};

use super::Run;
use crate::database::{fixtures_of, try_statement};
use crate::record::Recorder;

impl Run<'_> {
    /// Tries every cell that is a statement, in the order of the plan.
    pub(super) async fn try_statements(&mut self) {
        let cells: Vec<CellIndex> = (0..self.plan.cells.len())
            .filter(|index| self.is_statement(*index))
            .collect();
        self.make_rows(&cells).await;
        let world = Arc::clone(&self.world);
        let fixtures = Arc::clone(&self.fixtures);
        let plan = Arc::clone(&self.plan);
        let marker = self.head.marker.clone();
        let stop = self.options.stop.clone();
        let tried = stream::iter(cells)
            .take_while(|_| std::future::ready(!stop.is_set()))
            .map(|index| {
                let (world, fixtures, plan) = (&world, &fixtures, &plan);
                let unique = format!("{marker}-{index}x");
                async move {
                    let cell = plan.cells.get(index)?;
                    Some((index, try_statement(world, fixtures, cell, &unique).await?))
                }
            })
            .buffered(self.options.concurrency.max(1));
        let mut tried = std::pin::pin!(tried);
        while let Some(tried) = tried.next().await {
            let Some((index, tried)) = tried else {
                continue;
            };
            let recorder = Recorder {
                suite: &world.suite,
                plan: &plan,
                every_exchange: self.options.every_exchange,
            };
            let masker = world.sessions.masker();
            let record = recorder.statement(index, &tried, &masker);
            self.tell(record);
        }
    }

    /// Makes the resources that calls of the same actions are tried on, unless they are there already: a row that came
    /// into being while a table is looked at would be in the way. Where one cannot be made, the layers are not compared.
    async fn make_rows(&mut self, cells: &[CellIndex]) {
        let mut wanted = BTreeSet::new();
        // Where nobody calls, there is nothing to compare; another part may.
        let is_part = self.head.shard.is_some();
        let called: BTreeSet<ActionIndex> = self.plan.cells.iter().filter_map(called).collect();
        for cell in cells.iter().filter_map(|index| self.plan.cells.get(*index)) {
            let suite = self.suite();
            let action = cell.trial.action(suite);
            let is_called = is_part || stated(cell).is_some_and(|it| called.contains(&it));
            let statement = cell.trial.statement(suite).filter(|_| is_called);
            if let Some((action, statement)) = action.zip(statement) {
                wanted.extend(fixtures_of(suite, action, statement));
            }
        }
        let (world, fixtures) = (Arc::clone(&self.world), Arc::clone(&self.fixtures));
        for (number, (resource, owner)) in wanted.into_iter().enumerate() {
            if self.options.stop.is_set() {
                return;
            }
            let unique = format!("{}-r{number}f", self.head.marker);
            let mut log = Vec::new();
            let made = fixtures.shared(&world, resource, owner, &unique, &mut log);
            // Why it is not there is told by the cells of its calls.
            let _ = self.telling(made).await;
        }
    }

    fn is_statement(&self, index: CellIndex) -> bool {
        let cell = self.plan.cells.get(index);
        cell.is_some_and(|it| it.untried.is_none() && matches!(it.trial, Trial::Statement { .. }))
    }
}

/// The action that a cell tries by a call.
fn called(cell: &Cell) -> Option<ActionIndex> {
    match cell.trial {
        Trial::Action { action, .. } => Some(action),
        _ => None,
    }
}

/// The action that a cell tries by a statement.
fn stated(cell: &Cell) -> Option<ActionIndex> {
    match cell.trial {
        Trial::Statement { action, .. } => Some(action),
        _ => None,
    }
}
