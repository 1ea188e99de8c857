//! `+ - * / %` and `-` on numbers, times, texts and lists. What does not fit is an error and
//! never wraps (CEL language definition, section "Overflow").

use std::sync::Arc;

use super::syntax::Operator;
use super::time;
use super::value::Value;

/// The result of an arithmetic operator.
///
/// # Errors
/// Overflow, division by zero, or operands that the operator does not take.
pub(super) fn apply(operator: Operator, left: &Value, right: &Value) -> Result<Value, String> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Ok(Value::Int(int(operator, *a, *b)?)),
        (Value::Uint(a), Value::Uint(b)) => Ok(Value::Uint(uint(operator, *a, *b)?)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(double(operator, *a, *b)?)),
        (Value::String(a), Value::String(b)) if operator == Operator::Add => {
            Ok(Value::String(format!("{a}{b}").into()))
        }
        (Value::List(a), Value::List(b)) if operator == Operator::Add => {
            let items: Arc<[Value]> = a.iter().chain(b.iter()).cloned().collect();
            Ok(Value::List(items))
        }
        (a, b) => time::arithmetic(operator, a, b).unwrap_or_else(|| Err(mismatch(operator, a, b))),
    }
}

/// The number with the other sign.
///
/// # Errors
/// Overflow, or something that is not a number with sign.
pub(super) fn negate(value: &Value) -> Result<Value, String> {
    match value {
        Value::Int(value) => {
            let negated = value.checked_neg();
            Ok(Value::Int(negated.ok_or(Fault::Overflow)?))
        }
        Value::Double(value) => Ok(Value::Double(-value)),
        other => Err(format!("`-` does not take {}", other.kind())),
    }
}

/// What an operator says of operands that it does not take.
pub(super) fn mismatch(operator: Operator, left: &Value, right: &Value) -> String {
    let sign = operator.sign();
    format!(
        "`{sign}` does not take {} and {}",
        left.kind(),
        right.kind()
    )
}

/// Why two numbers have no result.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Overflow,
    DivisionByZero,
    RemainderByZero,
    /// The operator is none for numbers.
    Operator(Operator),
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Overflow => "the number does not fit into 64 bits".to_owned(),
            Fault::DivisionByZero => "division by zero".to_owned(),
            Fault::RemainderByZero => "remainder of a division by zero".to_owned(),
            Fault::Operator(operator) => {
                format!("`{}` does not take these numbers", operator.sign())
            }
        }
    }
}

/// What an operator makes of two numbers with sign.
#[inline]
pub(super) fn int(operator: Operator, a: i64, b: i64) -> Result<i64, Fault> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide if b == 0 => return Err(Fault::DivisionByZero),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder if b == 0 => return Err(Fault::RemainderByZero),
        Operator::Remainder => a.checked_rem(b),
        _ => return Err(Fault::Operator(operator)),
    };
    result.ok_or(Fault::Overflow)
}

/// What an operator makes of two numbers without sign.
#[inline]
pub(super) fn uint(operator: Operator, a: u64, b: u64) -> Result<u64, Fault> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide if b == 0 => return Err(Fault::DivisionByZero),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder if b == 0 => return Err(Fault::RemainderByZero),
        Operator::Remainder => a.checked_rem(b),
        _ => return Err(Fault::Operator(operator)),
    };
    result.ok_or(Fault::Overflow)
}

/// What an operator makes of two numbers of IEEE 754.
#[inline]
pub(super) fn double(operator: Operator, a: f64, b: f64) -> Result<f64, Fault> {
    Ok(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => return Err(Fault::Operator(operator)),
    })
}
