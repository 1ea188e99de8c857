//! Layers that disagree, as every report for people tells them.

use std::collections::BTreeMap;

use authz::source::Place;
use suite::event::{Clash, Disagreement, LayerCounts, Side};
use suite::verdict::Verdict;

use crate::finding::Expected;
use crate::sentence::row_name;
use crate::text::{clean, clean_short, count, grouped};

/// The most disagreements that a report keeps.
pub(crate) const DISAGREEMENTS_MAX: usize = 1_000;

/// A disagreement of layers, every text of it clean.
#[derive(Debug, Clone)]
pub(crate) struct Parted {
    pub(crate) clash: Clash,
    pub(crate) name: String,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) owner: Option<String>,
    pub(crate) fingerprint: String,
    /// `` `db` allows vic post.delete, which `api` denies ``.
    pub(crate) sentence: String,
    pub(crate) expected: Expected,
    /// A line for each layer: what it did, and in which cell.
    pub(crate) allows: Vec<String>,
    pub(crate) denies: Vec<String>,
    /// What follows from it.
    pub(crate) meaning: String,
    /// The cells that are not as expected.
    pub(crate) wrong: Vec<String>,
    pub(crate) place: String,
    /// The same place; its file is not clean. So are the next two.
    pub(crate) spot: Place,
    /// Where the other side is declared.
    pub(crate) other: Option<Place>,
    /// Where it is written what is expected.
    pub(crate) policy: Option<Place>,
}

impl Parted {
    pub(crate) fn of(it: &Disagreement) -> Self {
        let (allowing, denying) = (layers(&it.allows), layers(&it.denies));
        let action = clean(&row_name(&it.action, it.owner.as_deref()));
        let actor = clean(&it.actor);
        let says = format!("{actor} {action}");
        let allow = does(&allowing, "allows", "allow");
        let deny = does(&denying, "denies", "deny");
        let sentence = match it.clash {
            Clash::Bypass => format!("{allow} {says}, which {deny}"),
            Clash::Lockout => format!("{deny} {says}, which {allow}"),
            Clash::Undecided => format!("{allow} {says}, and {deny} it"),
        };
        let other = match it.clash {
            Clash::Bypass | Clash::Undecided => it.denies.first(),
            Clash::Lockout => it.allows.first(),
        };
        Self {
            clash: it.clash,
            name: clean(&it.name),
            actor,
            action: clean(&it.action),
            owner: it.owner.as_deref().map(clean),
            fingerprint: clean(&it.fingerprint),
            sentence,
            expected: Expected::of(&it.expected, Verdict::Escalation),
            allows: sides(&it.allows),
            denies: sides(&it.denies),
            meaning: meaning(it.clash, &named(&allowing), &named(&denying)),
            wrong: it.wrong().iter().map(|side| clean(&side.cell)).collect(),
            place: clean(&it.place.to_string()),
            spot: it.place.clone(),
            other: other.map(|side| side.place.clone()),
            policy: it.expected.place.clone(),
        }
    }

    /// What was observed at all layers, in a line.
    pub(crate) fn observed(&self) -> String {
        let allows = self.allows.iter().map(|side| format!("allowed by {side}"));
        let denies = self.denies.iter().map(|side| format!("denied by {side}"));
        allows.chain(denies).collect::<Vec<_>>().join("; ")
    }
}

fn meaning(clash: Clash, allowing: &str, denying: &str) -> String {
    match clash {
        Clash::Bypass => format!(
            "bypass: {allowing} is the weaker layer, and whoever comes that way passes {denying} by"
        ),
        Clash::Lockout => {
            format!("lockout: what {allowing} rightly grants ends at {denying}")
        }
        Clash::Undecided => format!(
            "undecided: {allowing} is the weaker layer, and nothing says which of them is right"
        ),
    }
}

/// The layers of one side, each with its cells.
fn layers(sides: &[Side]) -> BTreeMap<&str, Vec<&Side>> {
    let mut layers: BTreeMap<&str, Vec<&Side>> = BTreeMap::new();
    for side in sides {
        layers.entry(&side.target).or_default().push(side);
    }
    layers
}

/// `` `api`: 403, nothing has changed (vic/post.delete/vera/api and 1 more) ``, one for each layer.
fn sides(sides: &[Side]) -> Vec<String> {
    let line = |(layer, sides): (&str, Vec<&Side>)| {
        let first = sides.first()?;
        let more = match sides.len() - 1 {
            0 => String::new(),
            more => format!(" and {} more", grouped(more)),
        };
        let (layer, cell) = (clean(layer), clean(&first.cell));
        let observed = clean_short(&first.observed);
        Some(format!("`{layer}`: {observed} ({cell}{more})"))
    };
    layers(sides).into_iter().filter_map(line).collect()
}

/// `` `api` and `db` ``.
fn named(layers: &BTreeMap<&str, Vec<&Side>>) -> String {
    let names: Vec<String> = layers
        .keys()
        .map(|name| format!("`{}`", clean(name)))
        .collect();
    names.join(" and ")
}

/// `` `db` allows ``, `` `api` and `db` allow ``.
fn does(layers: &BTreeMap<&str, Vec<&Side>>, one: &str, several: &str) -> String {
    let verb = if layers.len() == 1 { one } else { several };
    format!("{} {verb}", named(layers))
}

/// `layers: 40 rules compared, 3 disagree.`
pub(crate) fn sentence(counts: &LayerCounts) -> String {
    let compared = count(counts.compared, "rule", "rules");
    let disagree = match counts.disagreements {
        0 => "none disagrees".to_owned(),
        1 => "1 disagrees".to_owned(),
        more => format!("{} disagree", grouped(more)),
    };
    format!("layers: {compared} compared, {disagree}.")
}

/// `3 disagreements between layers`
pub(crate) fn disagreements(number: usize) -> String {
    count(
        number,
        "disagreement between layers",
        "disagreements between layers",
    )
}
