//! Calls of functions.

use crate::condition::functions::Function;
use crate::condition::program::Expression;
use crate::condition::value::Value;
use crate::condition::{address, convert, time};

use super::{Evaluated, Evaluator, Held};

/// No function takes more.
const ARGUMENTS_MAX: usize = 4;

impl<'a> Evaluator<'a> {
    pub(super) fn call(&mut self, function: Function, arguments: &'a [Expression]) -> Evaluated {
        let [a, b, c, d] = self.arguments(arguments)?;
        let values = [a.as_deref(), b.as_deref(), c.as_deref(), d.as_deref()];
        let mut given = [&Value::Null; ARGUMENTS_MAX];
        let mut count = 0;
        for (slot, value) in given.iter_mut().zip(values.iter().flatten()) {
            self.charge_text(value)?;
            *slot = value;
            count += 1;
        }
        let given = given.get(..count).unwrap_or_default();
        if function == Function::Matches {
            // To build an automaton costs far more than to run it.
            let pattern = given.get(1).and_then(|it| it.as_str());
            self.charge(pattern.map_or(0, str::len))?;
        }
        Ok(apply(function, given)?)
    }

    /// The values of the arguments; of their failures the one that counts, as in a list.
    fn arguments(
        &mut self,
        expressions: &'a [Expression],
    ) -> Evaluated<[Option<Held<'a>>; ARGUMENTS_MAX]> {
        let mut failure = None;
        let mut values = [const { None }; ARGUMENTS_MAX];
        for (slot, expression) in values.iter_mut().zip(expressions) {
            match self.held(expression) {
                Ok(value) => *slot = Some(value),
                Err(new) => failure = Some(new.or(failure.take())),
            }
        }
        failure.map_or(Ok(values), Err)
    }
}

fn apply(function: Function, arguments: &[&Value]) -> Result<Value, String> {
    use Value::{Bool, Duration, Int, List, Map, String, Timestamp};
    let count = |count: usize| Int(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(match (function, arguments) {
        (Function::Size, [String(text)]) => count(text.chars().count()),
        (Function::Size, [List(items)]) => count(items.len()),
        (Function::Size, [Map(entries)]) => count(entries.len()),
        (Function::Contains, [String(a), String(b)]) => Bool(a.contains(&**b)),
        (Function::StartsWith, [String(a), String(b)]) => Bool(a.starts_with(&**b)),
        (Function::EndsWith, [String(a), String(b)]) => Bool(a.ends_with(&**b)),
        (Function::Matches, [String(a), String(b)]) => Bool(convert::pattern(b)?.is_match(a)),
        (Function::ToInt, [value]) => convert::to_int(value)?,
        (Function::ToUint, [value]) => convert::to_uint(value)?,
        (Function::ToDouble, [value]) => convert::to_double(value)?,
        (Function::ToString, [value]) => convert::to_text(value)?,
        (Function::ToBool, [value]) => convert::to_bool(value)?,
        (Function::ToTimestamp, [value]) => convert::to_timestamp(value)?,
        (Function::ToDuration, [value]) => convert::to_duration(value)?,
        (Function::ToDyn, [value]) => Value::clone(value),
        (Function::Part(of), [Timestamp(at)]) => Int(time::part(of, *at, jiff::tz::TimeZone::UTC)),
        (Function::Part(of), [Timestamp(at), String(zone)]) => {
            Int(time::part(of, *at, time::zone(zone)?))
        }
        (Function::Part(of), [Duration(value)]) => {
            let part = time::duration_part(of, *value);
            Int(part.ok_or_else(|| "a duration has no such part".to_owned())?)
        }
        (Function::Within, [Timestamp(now), String(from), String(to), String(zone)]) => {
            Bool(time::within(*now, from, to, zone)?)
        }
        (Function::ToAddress, [String(text)]) => Value::Address(address::parse(text)?),
        (Function::InCidr, [Value::Address(at), String(network)]) => {
            Bool(address::is_in(*at, network)?)
        }
        (Function::IsSubtreeOf, [a @ Map(_), b @ Map(_)]) => Bool(is_subtree(a, b)),
        (_, arguments) => {
            let kinds: Vec<&str> = arguments.iter().map(|it| it.kind()).collect();
            return Err(format!("a function does not take {}", kinds.join(", ")));
        }
    })
}

/// Whether every key of `a` is in `b` with the same value, maps inside of maps likewise.
fn is_subtree(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Map(a), Value::Map(b)) => a
            .iter()
            .all(|(key, value)| b.get(key).is_some_and(|other| is_subtree(value, other))),
        (a, b) => a == b,
    }
}
