//! Which relation carries which action.

use std::sync::Arc;

use crate::resolution::Engine;
use crate::source::Place;

/// The relation model of a policy, and what its relations are good for.
#[derive(Debug, Clone)]
pub(crate) struct Relations {
    /// The model, with no facts.
    pub(crate) engine: Engine,
    /// The file of the model, from the folder of the policy.
    pub(crate) path: Arc<str>,
    /// By the number of the action.
    pub(crate) related: Vec<Option<Related>>,
}

/// The relation that carries an action.
#[derive(Debug, Clone)]
pub(crate) struct Related {
    pub(crate) relation: Arc<str>,
    pub(crate) place: Place,
}

impl Relations {
    /// The relation that carries the action, if one does.
    pub(crate) fn of(&self, action: usize) -> Option<&Related> {
        self.related.get(action)?.as_ref()
    }
}
