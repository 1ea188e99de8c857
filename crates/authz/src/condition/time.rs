//! Instants, durations and clocks (CEL language definition, sections "Timestamp" and "Duration").
//! Zones come from the database built into the program: a result never depends on the machine.

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, Zoned};

use super::functions::Part;
use super::syntax::Operator;
use super::value::Value;

/// The longest duration, in seconds, as protobuf has it.
const SECONDS_MAX: i64 = 315_576_000_000;
const NANOSECONDS_A_SECOND: i128 = 1_000_000_000;
const SECONDS_A_DAY: u32 = 24 * 60 * 60;

/// An instant as RFC 3339 writes it.
///
/// # Errors
/// Other text, and instants outside of the range, see [`is_in_range`].
pub(crate) fn timestamp(text: &str) -> Result<Timestamp, String> {
    let found = text.parse::<Timestamp>().ok().or_else(|| last(text));
    let found = found.filter(|found| is_in_range(*found));
    found.ok_or_else(|| format!("`{text}` is not a time such as \"2027-01-01T00:00:00Z\""))
}

/// The last instant that the library knows, for one of the hours behind it: the range of CEL ends
/// with the year 9999 and that of the library a day earlier, and `9999-12-31T23:59:59Z` is how many
/// write "never".
fn last(text: &str) -> Option<Timestamp> {
    let rest = text.strip_prefix("9999-12-3")?;
    let is_instant = format!("9998-12-3{rest}").parse::<Timestamp>().is_ok();
    is_instant.then_some(Timestamp::MAX)
}

/// Whether the instant lies in the years from 1 to 9999, as the standard has it.
pub(super) fn is_in_range(found: Timestamp) -> bool {
    (1..=9999).contains(&found.to_zoned(TimeZone::UTC).year())
}

/// A duration such as `1h30m` or `-1.5s`: numbers with the units h, m, s, ms, us and ns.
pub(super) fn duration(text: &str) -> Result<SignedDuration, String> {
    let nanoseconds = nanoseconds(text).and_then(from_nanoseconds);
    nanoseconds.ok_or_else(|| format!("`{text}` is not a duration such as \"1h30m\""))
}

/// The duration in seconds, with as many digits behind the point as it has.
pub(super) fn duration_text(value: SignedDuration) -> String {
    let nanoseconds = value.as_nanos().unsigned_abs();
    let sign = if value.is_negative() { "-" } else { "" };
    let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let fraction = format!("{rest:09}");
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{seconds}s"),
        digits => format!("{sign}{seconds}.{digits}s"),
    }
}

/// A zone by its name in the IANA database, or a fixed offset such as `+02:00`.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    if let Some(offset) = offset(name) {
        return Ok(TimeZone::fixed(offset));
    }
    let found = TimeZoneDatabase::bundled().get(name);
    found.map_err(|_| format!("unknown time zone `{name}`"))
}

/// A time of day, `08:00` or `08:00:30`, in seconds since midnight; `24:00` ends the day.
pub(super) fn clock(text: &str) -> Result<u32, String> {
    clock_seconds(text).ok_or_else(|| format!("`{text}` is not a time of day such as \"08:00\""))
}

/// Whether the clock in the zone stands from `from` on and before `to`. Where `from` is later
/// than `to`, midnight lies in between; where they are equal, no time does.
pub(super) fn within(now: Timestamp, from: &str, to: &str, in_zone: &str) -> Result<bool, String> {
    let (from, to) = (clock(from)?, clock(to)?);
    let local = now.to_zoned(zone(in_zone)?).time();
    let [hour, minute, second] = [local.hour(), local.minute(), local.second()].map(seconds);
    let at = hour * 3600 + minute * 60 + second;
    Ok(if from <= to {
        from <= at && at < to
    } else {
        from <= at || at < to
    })
}

/// A part of an instant on the clock of a zone.
pub(super) fn part(of: Part, instant: Timestamp, zone: TimeZone) -> i64 {
    let local = instant.to_zoned(zone);
    match of {
        Part::FullYear => i64::from(local.year()),
        Part::Month => i64::from(local.month()) - 1,
        Part::Date => i64::from(local.day()),
        Part::DayOfMonth => i64::from(local.day()) - 1,
        Part::DayOfWeek => i64::from(local.weekday().to_sunday_zero_offset()),
        Part::DayOfYear => i64::from(day_of_year(&local)) - 1,
        Part::Hours => i64::from(local.hour()),
        Part::Minutes => i64::from(local.minute()),
        Part::Seconds => i64::from(local.second()),
        Part::Milliseconds => i64::from(local.millisecond()),
    }
}

/// A duration in whole units; milliseconds are those beyond the last whole second.
pub(super) fn duration_part(of: Part, value: SignedDuration) -> Option<i64> {
    Some(match of {
        Part::Hours => value.as_hours(),
        Part::Minutes => value.as_mins(),
        Part::Seconds => value.as_secs(),
        Part::Milliseconds => i64::from(value.subsec_millis()),
        _ => return None,
    })
}

/// `+` and `-` where a time is involved; none where none is.
pub(super) fn arithmetic(
    operator: Operator,
    left: &Value,
    right: &Value,
) -> Option<Result<Value, String>> {
    use Operator::{Add, Subtract};
    let result = match (operator, left, right) {
        (Add, Value::Duration(by), Value::Timestamp(at))
        | (Add | Subtract, Value::Timestamp(at), Value::Duration(by)) => {
            moved(operator, *at, *by).map(Value::Timestamp)
        }
        (Subtract, Value::Timestamp(a), Value::Timestamp(b)) => {
            between(*a, *b).map(Value::Duration)
        }
        (Add | Subtract, Value::Duration(a), Value::Duration(b)) => {
            combined(operator, *a, *b).map(Value::Duration)
        }
        _ => return None,
    };
    Some(result.ok_or_else(|| "the time is out of range".to_owned()))
}

/// An instant later (`+`) or earlier (`-`) by a duration; none out of range.
pub(super) fn moved(operator: Operator, at: Timestamp, by: SignedDuration) -> Option<Timestamp> {
    let by = match operator {
        Operator::Subtract => by.checked_neg()?,
        _ => by,
    };
    let moved = at.checked_add(by).ok();
    moved.filter(|it| is_in_range(*it))
}

/// From instant `b` to instant `a`; none out of range.
pub(super) fn between(a: Timestamp, b: Timestamp) -> Option<SignedDuration> {
    from_nanoseconds(a.as_nanosecond() - b.as_nanosecond())
}

/// The sum (`+`) or the difference (`-`) of two durations; none out of range.
pub(super) fn combined(
    operator: Operator,
    a: SignedDuration,
    b: SignedDuration,
) -> Option<SignedDuration> {
    let (a, b) = (a.as_nanos(), b.as_nanos());
    from_nanoseconds(match operator {
        Operator::Subtract => a - b,
        _ => a + b,
    })
}

fn day_of_year(local: &Zoned) -> i16 {
    Date::from(local.datetime()).day_of_year()
}

fn seconds(part: i8) -> u32 {
    u32::try_from(part).unwrap_or(0)
}

fn clock_seconds(text: &str) -> Option<u32> {
    let mut parts = text.split(':');
    let (hour, minute) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    let second = parts.next().map_or(Some(0), two_digits)?;
    let at = hour * 3600 + minute * 60 + second;
    let is_clock = minute < 60 && second < 60 && at <= SECONDS_A_DAY && parts.next().is_none();
    is_clock.then_some(at)
}

fn two_digits(text: &str) -> Option<u32> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// `+02:00`, `-02:00` or `02:00`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, clock) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let seconds = i32::try_from(clock_seconds(clock)?).ok()?;
    Offset::from_seconds(sign * seconds).ok()
}

fn from_nanoseconds(nanoseconds: i128) -> Option<SignedDuration> {
    let seconds = i64::try_from(nanoseconds / NANOSECONDS_A_SECOND).ok()?;
    let rest = i32::try_from(nanoseconds % NANOSECONDS_A_SECOND).ok()?;
    let is_in_range = (-SECONDS_MAX..=SECONDS_MAX).contains(&seconds);
    is_in_range.then(|| SignedDuration::new(seconds, rest))
}

fn nanoseconds(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut sum: i128 = 0;
    while !rest.is_empty() || sum == 0 {
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(length)?;
        let length = after.find(|c: char| !c.is_ascii_alphabetic() && c != 'µ');
        let (unit, after) = after.split_at_checked(length.unwrap_or(after.len()))?;
        sum = sum.checked_add(amount(number, unit_nanoseconds(unit)?)?)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    Some(sign * sum)
}

fn unit_nanoseconds(unit: &str) -> Option<i128> {
    Some(match unit {
        "h" => 3600 * NANOSECONDS_A_SECOND,
        "m" => 60 * NANOSECONDS_A_SECOND,
        "s" => NANOSECONDS_A_SECOND,
        "ms" => 1_000_000,
        "us" | "µs" => 1_000,
        "ns" => 1,
        _ => return None,
    })
}

/// A decimal number of units in nanoseconds; what is less than one is cut off.
fn amount(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| match text {
        "" => Some(0),
        text => text.parse::<i128>().ok(),
    };
    let fraction: String = fraction.chars().take(15).collect();
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let whole = digits(whole)?.checked_mul(unit)?;
    whole.checked_add(digits(&fraction)?.checked_mul(unit)? / scale)
}
