//! Cells on databases: several at once, each in a transaction of its own that is rolled back.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use suite::plan::{CellIndex, Trial};

use super::Run;
use crate::database::try_statement;
use crate::record::Recorder;

impl Run<'_> {
    /// Tries every cell that is a statement, in the order of the plan.
    pub(super) async fn try_statements(&mut self) {
        let cells: Vec<CellIndex> = (0..self.plan.cells.len())
            .filter(|index| self.is_statement(*index))
            .collect();
        let world = Arc::clone(&self.world);
        let plan = Arc::clone(&self.plan);
        let marker = self.head.marker.clone();
        let stop = self.options.stop.clone();
        let tried = stream::iter(cells)
            .take_while(|_| std::future::ready(!stop.is_set()))
            .map(|index| {
                let (world, plan, unique) = (&world, &plan, format!("{marker}-{index}x"));
                async move {
                    let cell = plan.cells.get(index)?;
                    Some((index, try_statement(world, cell, &unique).await?))
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

    fn is_statement(&self, index: CellIndex) -> bool {
        let cell = self.plan.cells.get(index);
        cell.is_some_and(|it| it.untried.is_none() && matches!(it.trial, Trial::Statement { .. }))
    }
}
