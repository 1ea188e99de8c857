//! Comparisons: equality, order and membership.

use std::cmp::Ordering;

use crate::condition::arithmetic;
use crate::condition::program::Expression;
use crate::condition::syntax::Operator;
use crate::condition::value::Value;

use super::{BYTES_A_STEP, Evaluated, Evaluator, key};

impl<'a> Evaluator<'a> {
    /// What a comparison says.
    pub(super) fn compare(
        &mut self,
        operator: Operator,
        left: &'a Expression,
        right: &'a Expression,
    ) -> Evaluated<bool> {
        if let (Expression::Action, Operator::Equal | Operator::NotEqual) = (left, operator) {
            let is_equal = self.is_action(left, right)?;
            return Ok(is_equal == (operator == Operator::Equal));
        }
        let (left, right) = self.both(left, right)?;
        match operator {
            Operator::Equal => self.equal(&left, &right),
            Operator::NotEqual => self.equal(&left, &right).map(|it| !it),
            Operator::In => self.contains(&left, &right),
            _ => Ok(order(operator, &left, &right)?),
        }
    }

    /// Whether the action has this name. It is no value yet, and need not become one.
    fn is_action(&mut self, action: &'a Expression, name: &'a Expression) -> Evaluated<bool> {
        self.charge(1)?;
        let action = self.known(self.about.request(), action)?.action;
        let name = self.held(name)?;
        self.charge(1 + action.len() / BYTES_A_STEP)?;
        Ok(name.as_str() == Some(action))
    }

    /// Equality, each item a step: a list can hold one and the same list many times.
    fn equal(&mut self, left: &Value, right: &Value) -> Evaluated<bool> {
        self.charge(1)?;
        match (left, right) {
            (Value::List(a), Value::List(b)) => {
                let mut pairs = a.iter().zip(b.iter());
                Ok(a.len() == b.len() && self.all_equal(&mut pairs)?)
            }
            (Value::Map(a), Value::Map(b)) => {
                let keys = a.keys().eq(b.keys());
                let mut pairs = a.values().zip(b.values());
                Ok(keys && self.all_equal(&mut pairs)?)
            }
            (a, b) => {
                self.charge_text(a)?;
                Ok(a == b)
            }
        }
    }

    fn all_equal<'v>(
        &mut self,
        pairs: &mut dyn Iterator<Item = (&'v Value, &'v Value)>,
    ) -> Evaluated<bool> {
        for (a, b) in pairs {
            if !self.equal(a, b)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn contains(&mut self, item: &Value, collection: &Value) -> Evaluated<bool> {
        match collection {
            Value::List(items) => {
                for other in items.iter() {
                    if self.equal(item, other)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Map(entries) => Ok(key(item).is_some_and(|key| entries.contains_key(&key))),
            other => Err(arithmetic::mismatch(Operator::In, item, other).into()),
        }
    }
}

fn order(operator: Operator, left: &Value, right: &Value) -> Result<bool, String> {
    let is_nan = |value: &Value| matches!(value, Value::Double(value) if value.is_nan());
    let Some(order) = left.order(right) else {
        // Nothing is less or greater than NaN; anything else without an order is a mistake.
        let unordered = is_nan(left) || is_nan(right);
        return if unordered {
            Ok(false)
        } else {
            Err(arithmetic::mismatch(operator, left, right))
        };
    };
    Ok(match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}
