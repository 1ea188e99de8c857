//! A condition by itself, over parameters of its own.

use std::sync::Arc;

use super::{Condition, Failure, ParameterType, Parameters, Value};

/// A condition over declared parameters, compiled once: its names are the places of the
/// parameters in their declaration.
#[derive(Debug, Clone)]
pub struct Predicate {
    parameters: Parameters,
    condition: Condition,
}

impl Predicate {
    /// Reads and checks a condition over these parameters.
    ///
    /// # Errors
    /// A name that is declared twice, or what is wrong with the text, each as a fragment for
    /// people.
    pub fn new(
        text: &str,
        declared: impl IntoIterator<Item = (Arc<str>, ParameterType)>,
    ) -> Result<Self, Vec<String>> {
        let mut parameters = Parameters::default();
        for (name, value_type) in declared {
            if !parameters.add(Arc::clone(&name), value_type) {
                return Err(vec![format!("parameter `{name}` is declared twice")]);
            }
        }
        let condition = Condition::with_parameters(text, &parameters);
        let condition = condition.map_err(|mistakes| {
            let messages = mistakes.into_iter().map(|it| it.message);
            messages.collect::<Vec<_>>()
        })?;
        Ok(Self {
            parameters,
            condition,
        })
    }

    /// Whether it holds for these values, in the order of the declaration; none for what is not
    /// known. Takes at most [`super::STEPS_MAX`] steps.
    ///
    /// # Errors
    /// [`Failure::Unknown`] where it depends on what is not known.
    pub fn holds(&self, values: &[Option<Value>]) -> Result<bool, Failure> {
        self.condition.holds_for(&self.parameters, values)
    }
}
