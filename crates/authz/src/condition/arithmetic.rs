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
        (Value::Int(a), Value::Int(b)) => int(operator, *a, *b).map(Value::Int),
        (Value::Uint(a), Value::Uint(b)) => uint(operator, *a, *b).map(Value::Uint),
        (Value::Double(a), Value::Double(b)) => double(operator, *a, *b).map(Value::Double),
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
            negated.map(Value::Int).ok_or_else(overflow)
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

fn int(operator: Operator, a: i64, b: i64) -> Result<i64, String> {
    check_divisor(operator, b == 0)?;
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
        _ => return Err(not_arithmetic(operator)),
    };
    result.ok_or_else(overflow)
}

fn uint(operator: Operator, a: u64, b: u64) -> Result<u64, String> {
    check_divisor(operator, b == 0)?;
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
        _ => return Err(not_arithmetic(operator)),
    };
    result.ok_or_else(overflow)
}

fn double(operator: Operator, a: f64, b: f64) -> Result<f64, String> {
    Ok(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => return Err(not_arithmetic(operator)),
    })
}

fn check_divisor(operator: Operator, is_zero: bool) -> Result<(), String> {
    match operator {
        Operator::Divide if is_zero => Err("division by zero".to_owned()),
        Operator::Remainder if is_zero => Err("remainder of a division by zero".to_owned()),
        _ => Ok(()),
    }
}

fn not_arithmetic(operator: Operator) -> String {
    format!("`{}` does not take these numbers", operator.sign())
}

fn overflow() -> String {
    "the number does not fit into 64 bits".to_owned()
}
