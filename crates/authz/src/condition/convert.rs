//! Conversions between types (CEL language definition, section "List of Standard Definitions")
//! and patterns of `matches`.

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};

use super::time;
use super::value::Value;

/// The largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 18;

/// The value as an `int`: doubles are cut off towards zero, timestamps are seconds since 1970.
pub(super) fn to_int(value: &Value) -> Result<Value, String> {
    let converted = match value {
        Value::Int(value) => Some(*value),
        Value::Uint(value) => i64::try_from(*value).ok(),
        Value::Double(value) => int_of(*value),
        Value::String(text) => text.parse().ok(),
        Value::Timestamp(value) => Some(value.as_second()),
        _ => None,
    };
    converted
        .map(Value::Int)
        .ok_or_else(|| failed(value, "int"))
}

/// The value as a `uint`: doubles are cut off towards zero.
pub(super) fn to_uint(value: &Value) -> Result<Value, String> {
    let converted = match value {
        Value::Uint(value) => Some(*value),
        Value::Int(value) => u64::try_from(*value).ok(),
        Value::Double(value) => uint_of(*value),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let converted = converted.map(Value::Uint);
    converted.ok_or_else(|| failed(value, "uint"))
}

/// The value as a `double`, rounded to the nearest one.
pub(super) fn to_double(value: &Value) -> Result<Value, String> {
    let converted = match value {
        Value::Double(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let converted = converted.map(Value::Double);
    converted.ok_or_else(|| failed(value, "double"))
}

/// The value as text: times as RFC 3339 writes them, durations as seconds.
pub(super) fn to_text(value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::String(_) => return Ok(value.clone()),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Timestamp(value) => value.to_string(),
        Value::Duration(value) => time::duration_text(*value),
        _ => return Err(failed(value, "string")),
    };
    Ok(Value::String(text.into()))
}

/// The value as a `bool`, by the spellings that the standard has.
pub(super) fn to_bool(value: &Value) -> Result<Value, String> {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::String(text) => match &**text {
            "1" | "t" | "true" | "T" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "false" | "F" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(failed(value, "bool")),
        },
        _ => Err(failed(value, "bool")),
    }
}

/// The value as a timestamp: text of RFC 3339, or seconds since 1970.
pub(super) fn to_timestamp(value: &Value) -> Result<Value, String> {
    match value {
        Value::Timestamp(_) => Ok(value.clone()),
        Value::String(text) => time::timestamp(text).map(Value::Timestamp),
        Value::Int(seconds) => {
            let found = Timestamp::from_second(*seconds).ok();
            let found = found.filter(|found| time::is_in_range(*found));
            let found = found.map(Value::Timestamp);
            found.ok_or_else(|| failed(value, "timestamp"))
        }
        _ => Err(failed(value, "timestamp")),
    }
}

/// The value as a duration: text such as `1h30m`.
pub(super) fn to_duration(value: &Value) -> Result<Value, String> {
    match value {
        Value::Duration(_) => Ok(value.clone()),
        Value::String(text) => time::duration(text).map(Value::Duration),
        _ => Err(failed(value, "duration")),
    }
}

/// The pattern of `matches`, in the syntax of RE2 as far as both have it.
///
/// # Errors
/// Text that is not a pattern, or whose automaton would be too large.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text)
        .size_limit(PATTERN_BYTES_MAX)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("the pattern `{text}` is too large"),
        _ => format!("`{text}` is not a regular expression"),
    })
}

/// Towards zero; the bounds are the doubles next to those of the type (2^63 has no int).
fn int_of(value: f64) -> Option<i64> {
    let bound = 2_f64.powi(63);
    (value > -bound && value < bound).then_some(value as i64)
}

fn uint_of(value: f64) -> Option<u64> {
    (value >= 0.0 && value < 2_f64.powi(64)).then_some(value as u64)
}

fn failed(value: &Value, target: &str) -> String {
    match value {
        Value::String(text) => format!("the string `{text}` is not {target}"),
        Value::Int(number) => format!("the int {number} is not a {target}"),
        Value::Uint(number) => format!("the uint {number} is not a {target}"),
        Value::Double(number) => format!("the double {number} is not a {target}"),
        other => format!("a {} is not a {target}", other.kind()),
    }
}
