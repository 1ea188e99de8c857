//! Values around constants: enough of each type that one of them stands in every place that
//! questions tell apart.

use std::collections::BTreeSet;

use authz::condition::{ClockPart, Value, clock_in_zone};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Names beside the constants, before numbered ones.
const NAMES: [&str; 5] = ["one", "two", "three", "four", "five"];
const TENANTS: [&str; 5] = ["acme", "globex", "initech", "umbrella", "hooli"];

/// So many names that none of the constants is; those of tenants look like it.
pub(super) fn fresh(known: &BTreeSet<&str>, count: usize, of_tenants: bool) -> Vec<String> {
    let names = if of_tenants { TENANTS } else { NAMES };
    let numbered = (1_usize..).map(|number| format!("other-{number}"));
    let names = names.into_iter().map(str::to_owned).chain(numbered);
    let unused = names.filter(|it| !known.contains(it.as_str()));
    unused.take(count).collect()
}

/// Whole numbers around the constants: each, and `count` on both sides.
pub(super) fn whole_numbers(constants: &[Value], count: usize) -> BTreeSet<i64> {
    let mut points: BTreeSet<i64> = constants.iter().filter_map(whole).collect();
    if points.is_empty() {
        points.insert(0);
    }
    let count = i64::try_from(count).unwrap_or(1);
    let around = points.into_iter().flat_map(|point| {
        let near = (0..=count).map(move |by| [point.saturating_sub(by), point.saturating_add(by)]);
        near.flatten()
    });
    around.collect()
}

/// The constants, and `count` numbers in each place between, before and behind them, where there
/// are as many.
pub(super) fn numbers(constants: &[Value], count: usize) -> Vec<f64> {
    let mut points: Vec<f64> = constants.iter().filter_map(number).collect();
    points.retain(|it| it.is_finite());
    points.sort_by(f64::total_cmp);
    points.dedup();
    if points.is_empty() {
        points.push(0.0);
    }
    let mut values = points.clone();
    // Far enough that the sum is another number.
    let far = |it: &f64| it.abs().max(8.0);
    let edges = [
        points.first().map(|it| (it - far(it)).max(f64::MIN)),
        points.last().map(|it| (it + far(it)).min(f64::MAX)),
    ];
    points.extend(edges.into_iter().flatten());
    points.sort_by(f64::total_cmp);
    for pair in points.windows(2) {
        let [low, high] = pair else { continue };
        values.extend(between(*low, *high, count));
    }
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// `count` numbers between two others, or all if there are fewer.
fn between(low: f64, high: f64, count: usize) -> Vec<f64> {
    let is_inside = |it: &f64| low < *it && *it < high;
    let share = |part: usize| part as f64 / (count + 1) as f64;
    let even = (1..=count).map(|part| low * (1.0 - share(part)) + high * share(part));
    let mut found: Vec<f64> = even.filter(is_inside).collect();
    found.dedup();
    if found.len() < count {
        let next = std::iter::successors(Some(low.next_up()), |it| Some(it.next_up()));
        found = next.take(count).filter(is_inside).collect();
    }
    found
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Uint(value) => Some(i64::try_from(*value).unwrap_or(i64::MAX)),
        // Beyond the range it becomes the last number of it.
        Value::Double(value) => Some(value.floor() as i64),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

/// What is asked of clock and calendar.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Between which times of day, in which zone.
    pub(super) daily: BTreeSet<[String; 3]>,
    /// Which parts, in which zone.
    pub(super) parts: BTreeSet<(ClockPart, String)>,
    /// The minutes that are asked for.
    pub(super) minutes: BTreeSet<i64>,
}

impl Clock {
    pub(super) fn is_asked(&self) -> bool {
        !self.daily.is_empty() || !self.parts.is_empty()
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.daily.extend(other.daily);
        self.parts.extend(other.parts);
        self.minutes.extend(other.minutes);
    }

    /// The zones in which it is asked.
    pub(super) fn zones(&self) -> BTreeSet<&str> {
        let of_daily = self.daily.iter().map(|[_, _, zone]| zone.as_str());
        let of_parts = self.parts.iter().map(|(_, zone)| zone.as_str());
        of_daily.chain(of_parts).collect()
    }

    fn asks(&self, part: ClockPart) -> bool {
        self.parts.iter().any(|(it, _)| *it == part)
    }

    /// Whether days are asked for in more than one way, so that not every day that there could be is
    /// among the [`Clock::instants`].
    pub(super) fn asks_several_of_calendar(&self) -> bool {
        let calendar = [ClockPart::Weekday, ClockPart::Day, ClockPart::Month];
        calendar.into_iter().filter(|it| self.asks(*it)).count() > 1
    }

    /// The borders of times of day on the day of `now`; where parts of the clock are asked for, an
    /// instant for everything that it may show. None where a clock does not show some of it.
    pub(super) fn instants(&self, now: Timestamp) -> Option<BTreeSet<Timestamp>> {
        let mut found = BTreeSet::new();
        for zone in self.zones() {
            // In a zone that there is not, every question fails at any time.
            let Some((_, zone)) = clock_in_zone("00:00", zone) else {
                continue;
            };
            for day in self.days(now.to_zoned(zone.clone()).date()) {
                for second in self.seconds() {
                    found.insert(at(day, second, &zone)?);
                }
            }
        }
        Some(found)
    }

    /// The seconds of a day at which an answer may change.
    fn seconds(&self) -> BTreeSet<u32> {
        let clocks = self.daily.iter().flat_map(|[from, to, _]| [from, to]);
        let clocks = clocks.filter_map(|it| Some(clock_in_zone(it, "UTC")?.0));
        let mut found: BTreeSet<u32> = clocks.collect();
        if self.asks(ClockPart::Hour) || self.asks(ClockPart::Minute) {
            let minutes = self
                .minutes
                .iter()
                .flat_map(|it| [*it, it.saturating_add(1)]);
            let minutes = minutes.filter(|it| (1..60).contains(it));
            let minutes: Vec<u32> = minutes.filter_map(|it| u32::try_from(it).ok()).collect();
            for hour in 0..24 {
                found.insert(hour * 3600);
                found.extend(minutes.iter().map(|minute| hour * 3600 + minute * 60));
            }
        }
        if !self.parts.is_empty() {
            // The day begins before the first border, and ends in no other piece than behind the last.
            found.insert(0);
            found.remove(&(24 * 3600));
        }
        found
    }

    /// The days to try: one for each answer that the calendar may give.
    fn days(&self, today: Date) -> Vec<Date> {
        let january = today.first_of_year();
        let (from, by, count) = match () {
            () if self.asks(ClockPart::Weekday) => (today, 1.day(), 7),
            () if self.asks(ClockPart::Day) => (january, 1.day(), 31),
            () if self.asks(ClockPart::Month) => (january, 1.month(), 12),
            () => (today, 1.day(), 1),
        };
        let days = (0..count).filter_map(|number| from.checked_add(by * number).ok());
        days.collect()
    }
}

/// The instant at which the clock in a zone shows this second of a day; none if it never does.
fn at(day: Date, second: u32, zone: &TimeZone) -> Option<Timestamp> {
    let midnight = day.to_datetime(jiff::civil::Time::midnight());
    let shown = midnight
        .checked_add(SignedDuration::from_secs(second.into()))
        .ok()?;
    let found = shown.to_zoned(zone.clone()).ok()?;
    (found.datetime() == shown).then(|| found.timestamp())
}

/// Each point, and `count` instants in each place between, before and behind them.
pub(super) fn spread(points: &BTreeSet<Timestamp>, count: usize) -> Vec<Timestamp> {
    let hour = SignedDuration::from_hours(1);
    let mut all: BTreeSet<Timestamp> = points.clone();
    let step = |at: Timestamp, by: SignedDuration| at.checked_add(by).ok();
    let sorted: Vec<Timestamp> = points.iter().copied().collect();
    let (mut before, mut behind) = (sorted.first().copied(), sorted.last().copied());
    for _ in 0..count {
        before = before.and_then(|at| step(at, -hour));
        behind = behind.and_then(|at| step(at, hour));
        all.extend(before.into_iter().chain(behind));
    }
    let parts = i32::try_from(count + 1).unwrap_or(2);
    for pair in sorted.windows(2) {
        let [low, high] = pair else { continue };
        let gap = high.duration_since(*low).checked_div(parts);
        let mut at = Some(*low);
        for _ in 0..count {
            at = at.zip(gap).and_then(|(at, gap)| step(at, gap));
            all.extend(at);
        }
    }
    all.into_iter().collect()
}
