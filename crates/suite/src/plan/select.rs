//! A part of a plan: what a pattern names, with everything that it counts beside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{CellIndex, Phase, Plan, Trial, caller};
use crate::hash::fnv_1a;
use crate::model::{ActorIndex, Suite};

impl Plan {
    /// The plan of the cells whose names match one of the patterns (`*` stands for any text),
    /// with their controls and their actors' sessions. No patterns name every cell.
    pub fn select(self, suite: &Suite, patterns: &[String]) -> Self {
        if patterns.is_empty() {
            return self;
        }
        let wanted: BTreeSet<CellIndex> = (0..self.cells.len())
            .filter(|&cell| {
                let name = self.name(suite, cell);
                patterns.iter().any(|pattern| matches(pattern, &name))
            })
            .collect();
        let needed = with_needed(&self, suite, wanted);
        self.keep(&needed)
    }

    /// The part of the plan that falls to one of several machines, by the hash of each cell's
    /// name ([`Shard::has`]), so that they need not speak with one another. Each part has the
    /// controls and sessions that its cells need, so that some cells are in several parts.
    pub fn shard(self, suite: &Suite, shard: Shard) -> Self {
        let wanted: BTreeSet<CellIndex> = (0..self.cells.len())
            .filter(|&cell| shard.has(&self.name(suite, cell)))
            .collect();
        let cells_of_all = self.cells.len();
        let needed = with_needed(&self, suite, wanted);
        Self {
            cells_of_all,
            ..self.keep(&needed)
        }
    }

    /// Whether a pattern names any cell.
    pub fn has_cell(&self, suite: &Suite, pattern: &str) -> bool {
        (0..self.cells.len()).any(|cell| matches(pattern, &self.name(suite, cell)))
    }

    fn keep(self, wanted: &BTreeSet<CellIndex>) -> Self {
        let new_index: BTreeMap<CellIndex, CellIndex> = wanted
            .iter()
            .enumerate()
            .map(|(new, &old)| (old, new))
            .collect();
        let cells = self
            .cells
            .into_iter()
            .enumerate()
            .filter(|(index, _)| wanted.contains(index))
            .map(|(_, mut cell)| {
                cell.controls = cell
                    .controls
                    .iter()
                    .filter_map(|control| new_index.get(control).copied())
                    .collect();
                cell
            })
            .collect();
        let cells_of_all = wanted.len();
        Self {
            cells,
            cells_of_all,
        }
    }
}

/// One part of several: `2/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    /// Which, counted from 1.
    number: u64,
    /// Of how many.
    count: u64,
}

impl Shard {
    /// How many parts there can be.
    pub const COUNT_MAX: u64 = 1_000;

    /// Whether it is the first, which tells what is to be told once.
    pub fn is_first(self) -> bool {
        self.number == 1
    }

    /// Which it is, counted from 1.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Of how many.
    pub fn count(self) -> u64 {
        self.count
    }

    /// Whether a cell falls to this part, by its name alone: whoever merges the parts has no
    /// more. All steps of a flow by one actor fall to one part.
    pub fn has(self, name: &str) -> bool {
        fnv_1a(unit(name)) % self.count == self.number - 1
    }
}

/// What falls to one machine as a whole: a cell, or, of `editor/flow.publish/approve`, all of
/// `editor/flow.publish`.
fn unit(name: &str) -> &str {
    let step = name.rsplit_once('/').filter(|(flow, _)| {
        let action = flow.split_once('/').map(|(_, action)| action);
        action.is_some_and(|action| action.starts_with("flow."))
    });
    step.map_or(name, |(flow, _)| flow)
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text
            .split_once('/')
            .and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
        match parsed {
            Some((number, count)) if (1..=count).contains(&number) && count <= Self::COUNT_MAX => {
                Ok(Self { number, count })
            }
            _ => Err("expected a part of several, such as `2/8`".to_owned()),
        }
    }
}

fn with_needed(plan: &Plan, suite: &Suite, wanted: BTreeSet<CellIndex>) -> BTreeSet<CellIndex> {
    let mut needed = wanted.clone();
    for cell in wanted.iter().filter_map(|&cell| plan.cells.get(cell)) {
        needed.extend(&cell.controls);
    }
    add_earlier_steps(plan, &mut needed);
    let cells = needed.iter().filter_map(|&cell| plan.cells.get(cell));
    let mut actors: BTreeSet<ActorIndex> = cells
        .flat_map(|cell| [Some(cell.actor), caller(suite, cell)])
        .flatten()
        .collect();
    let opened = wanted.iter().filter_map(|&cell| plan.cells.get(cell));
    for cell in opened.filter(|cell| cell.phase == Phase::Opening) {
        actors.extend(peers(plan, suite, cell.actor));
    }
    let openings = plan.cells.iter().enumerate();
    let openings = openings
        .filter(|(_, cell)| cell.phase == Phase::Opening && actors.contains(&cell.actor))
        .map(|(index, _)| index);
    needed.extend(openings);
    needed
}

/// A step needs all that come before it, and these their own controls.
fn add_earlier_steps(plan: &Plan, needed: &mut BTreeSet<CellIndex>) {
    let mut waiting: Vec<CellIndex> = needed.iter().copied().collect();
    while let Some(index) = waiting.pop() {
        let Some(cell) = plan.cells.get(index) else {
            continue;
        };
        let Trial::Step { flow, step } = cell.trial else {
            continue;
        };
        let is_earlier = |other: &super::Cell| {
            let before = |at: usize| at < step;
            other.actor == cell.actor
                && matches!(other.trial, Trial::Step { flow: of, step } if of == flow && before(step))
        };
        // The steps of one actor stand together.
        let earlier = (0..index).rev().take(step);
        let earlier = earlier.filter(|&at| plan.cells.get(at).is_some_and(is_earlier));
        for at in earlier.chain(cell.controls.iter().copied()) {
            if needed.insert(at) {
                waiting.push(at);
            }
        }
    }
}

/// How many peers are opened beside a session: one may be locked out too.
const PEERS_MAX: usize = 2;

/// Others with the same kind of session: a refusal counts only beside somebody who gets in.
fn peers(plan: &Plan, suite: &Suite, actor: ActorIndex) -> Vec<ActorIndex> {
    let plain = |actor: ActorIndex| {
        let declared = suite.actors.get(actor);
        declared.filter(|declared| !declared.is_fixed() && !declared.turns())
    };
    let Some(session) = plain(actor).and_then(|declared| declared.session) else {
        return Vec::new();
    };
    let openings = plan
        .cells
        .iter()
        .filter(|cell| cell.phase == Phase::Opening);
    openings
        .map(|cell| cell.actor)
        .filter(|&peer| peer != actor)
        .filter(|&peer| plain(peer).is_some_and(|declared| declared.session == Some(session)))
        .take(PEERS_MAX)
        .collect()
}

/// Whether a pattern, in which `*` stands for any text, names the whole of `name`.
/// O(pattern x name), without backtracking into earlier stars.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Shard, matches, unit};

    #[test]
    fn a_flow_of_one_actor_falls_to_one_machine() {
        assert_eq!(unit("ann/flow.publish/approve"), "ann/flow.publish");
        for whole in [
            "ann/post.read/ben",
            "ann/hall.enter",
            "ann/session.open",
            "ann/flow.publish",
            "",
        ] {
            assert_eq!(unit(whole), whole);
        }
    }

    #[test]
    fn shards() {
        for text in ["1/1", "2/8", "8/8", "1000/1000"] {
            let shard: Shard = text.parse().unwrap();
            assert_eq!(shard.to_string(), text);
        }
        for text in [
            "", "1", "0/8", "9/8", "1/0", "-1/8", "1/1001", "a/b", "1/2/3",
        ] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn patterns() {
        let name = "viewer/post.update/editor";
        let cases = [
            ("viewer/post.update/editor", true),
            ("viewer/post.*", true),
            ("*/editor", true),
            ("*", true),
            ("*post*", true),
            ("v*post*r", true),
            ("viewer*viewer*", false),
            ("viewer/post.update", false),
            ("post.update/editor", false),
            ("", false),
            ("viewer/post.update/editor*", true),
            ("viewer/post.update/editor**", true),
            ("*/editor/posts", false),
        ];
        for (pattern, matched) in cases {
            assert_eq!(matches(pattern, name), matched, "{pattern}");
        }
    }
}
