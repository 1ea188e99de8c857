//! The conditions and the limits of time of facts.

use std::sync::Arc;

use crate::condition::Failure;
use crate::relationships::{Detail, Edge, NO_RELATION};

use super::check::{Checker, Value};
use super::{FailedCondition, ResolutionError};

impl Checker<'_> {
    /// Whether a fact that the model allows counts now.
    pub(super) fn counts(&mut self, edge: &Edge) -> Value {
        let Some(detail) = self.engine.snapshot.detail(edge.detail) else {
            return Value::Yes;
        };
        self.read_now |= detail.has_limits();
        if !detail.is_valid_at(self.now) {
            return Value::No;
        }
        if detail.condition == NO_RELATION {
            return Value::Yes;
        }
        let index = self.engine.binding.condition(detail.condition);
        let declared = index.and_then(|it| self.engine.model.conditions.get_index(it));
        let Some((name, declared)) = declared else {
            return Value::No;
        };
        let failed = |message: String| {
            let name = Arc::clone(name);
            let failed = Box::new(FailedCondition { name, message });
            Value::Failed(Arc::new(ResolutionError::Condition(failed)))
        };
        let parameters = &declared.parameters;
        let values = match parameters.values(Some(&detail.context), self.context) {
            Ok(values) => values,
            Err(message) => return failed(message),
        };
        if self.engine.rules.needs_all_parameters {
            let missing = parameters.without_value(&values);
            if !missing.is_empty() {
                return Value::Unknown(Arc::new(missing.into_iter().collect()));
            }
        }
        match declared.condition.holds_for(parameters, &values) {
            Ok(true) => Value::Yes,
            Ok(false) => Value::No,
            Err(Failure::Unknown(names)) => Value::Unknown(Arc::new(names)),
            Err(Failure::Error(message)) => failed(message),
            Err(Failure::Absent) => failed("there is no request".to_owned()),
        }
    }

    /// Whether the fact counts now, and nothing of it is unknown.
    pub(super) fn counts_now(&mut self, edge: &Edge) -> bool {
        matches!(self.counts(edge), Value::Yes)
    }

    /// Whether the fact is over, or has not begun: it is as if it were not there.
    pub(super) fn is_out_of_time(&mut self, edge: &Edge) -> bool {
        let detail = self.engine.snapshot.detail(edge.detail);
        self.read_now |= detail.is_some_and(Detail::has_limits);
        detail.is_some_and(|detail| !detail.is_valid_at(self.now))
    }
}
