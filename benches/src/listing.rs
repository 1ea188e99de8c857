//! The documents that a user may view: about 1,000 of 300,000.

use std::hint::black_box;

use anyhow::ensure;
use authz::resolution::Circumstances;
use authz::{Reference, SubjectReference};
use serde_json::Map;

use crate::measure::{Random, Report, sides};
use crate::world::{Bare, LISTERS, World, engine};

/// Measures and prints.
///
/// # Errors
/// The two sides do not agree.
pub(crate) fn run() -> anyhow::Result<usize> {
    let mut report = Report::default();
    let world = World::new();
    let engine = engine(&world.store()?)?;
    let bare = Bare::new(&world)?;
    let context = Map::new();
    let at = Circumstances {
        context: &context,
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let ours = |user: &str| {
        let user = SubjectReference::object(Reference::new("user", user));
        let listing = engine.list_objects("doc", "viewer", &user, at, (None, usize::MAX));
        listing.map_or_else(|_| Vec::new(), |it| it.items)
    };
    let theirs = |user: &str| {
        let number = bare.names.get(&format!("user:{user}"));
        number.map_or_else(Vec::new, |number| bare.list(*number))
    };
    let mut listed = 0;
    for lister in 0..LISTERS {
        let user = format!("lister{lister}");
        let found = ours(&user);
        let found: Vec<String> = found.iter().map(|it| it.object.to_string()).collect();
        listed += found.len();
        ensure!(found == theirs(&user), "the two sides differ for {user}");
    }
    let mean = listed / LISTERS;
    Report::note("documents in a listing", &mean.to_string());
    let users = |round| {
        let mut random = Random::new(round);
        let users = (0..40).map(|_| format!("lister{}", random.below(LISTERS)));
        users.collect::<Vec<_>>()
    };
    let (floor, time) = sides(
        40,
        users,
        |users| users.iter().for_each(|user| drop(black_box(theirs(user)))),
        |users| users.iter().for_each(|user| drop(black_box(ours(user)))),
    );
    report.at_most(
        "listing, to the bare walk that touches them",
        time / floor,
        3.0,
    );
    Report::note(
        "  microseconds",
        &format!("{:.0} to {:.0}", time / 1e3, floor / 1e3),
    );
    Ok(report.missed())
}
