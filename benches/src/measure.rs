//! Sides that take turns, ratios of their medians, and goals that cannot be overlooked.

use cpu_time::ThreadTime;

/// Each side is measured so often; the sides take turns, and the median counts.
const ROUNDS: u64 = 41;

/// Collects what was measured, one line each.
#[derive(Debug, Default)]
pub(crate) struct Report {
    missed: usize,
}

impl Report {
    /// A figure that must not be above its goal.
    pub(crate) fn at_most(&mut self, name: &str, found: f64, goal: f64) {
        self.line(name, found, "at most", goal, found <= goal);
    }

    /// A figure that must not be below its goal.
    pub(crate) fn at_least(&mut self, name: &str, found: f64, goal: f64) {
        self.line(name, found, "at least", goal, found >= goal);
    }

    /// A figure without a goal, for orientation.
    pub(crate) fn note(name: &str, text: &str) {
        println!("{name}: {text}");
    }

    /// How many goals were missed.
    pub(crate) fn missed(&self) -> usize {
        self.missed
    }

    fn line(&mut self, name: &str, found: f64, bound: &str, goal: f64, is_met: bool) {
        let shown = if found >= 1_000.0 {
            format!("{found:.0}")
        } else {
            format!("{found:.2}")
        };
        let missed = if is_met { "" } else { "  MISSED" };
        println!("{name}: {shown} ({bound} {goal}){missed}");
        self.missed += usize::from(!is_met);
    }
}

/// Nanoseconds that each side takes for one of `count` pieces of work, the median of all rounds.
/// Both get the same fresh work, which a side must not have seen before.
pub(crate) fn sides<W>(
    count: usize,
    mut work: impl FnMut(u64) -> W,
    mut floor: impl FnMut(&W),
    mut ours: impl FnMut(&W),
) -> (f64, f64) {
    let (mut floors, mut all_ours) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let work = work(round);
        // Who goes first changes, so that neither profits from what the other left in the caches.
        if round % 2 == 0 {
            floors.push(nanoseconds(count, || floor(&work)));
            all_ours.push(nanoseconds(count, || ours(&work)));
        } else {
            all_ours.push(nanoseconds(count, || ours(&work)));
            floors.push(nanoseconds(count, || floor(&work)));
        }
    }
    (median(floors), median(all_ours))
}

/// Nanoseconds of this thread that one of `count` pieces of work takes: what others do on the
/// machine fills the caches, but does not count as time.
pub(crate) fn nanoseconds(count: usize, work: impl FnOnce()) -> f64 {
    let started = ThreadTime::now();
    work();
    started.elapsed().as_secs_f64() * 1e9 / count as f64
}

/// The middle one.
pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Numbers that look random and are the same in each run (SplitMix64, Steele and others 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Numbers of their own for each seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound.max(1) as u64).unwrap_or_default()
    }
}
