//! The checks. Each is a function of what was read, and says all that it finds.

mod directions;
mod documents;
mod files;
mod manifests;
pub(crate) mod purity;
mod supply;

use crate::breach::Breach;
use crate::house::House;

/// All breaches, errors and warnings, in the order of their places.
pub(crate) fn all(house: &House) -> Vec<Breach> {
    let mut breaches = directions::check(&house.crates);
    breaches.extend(purity::check(&house.crates, |path| house.text(path)));
    breaches.extend(supply::check(&house.packages, house.text("deny.toml")));
    breaches.extend(manifests::check(&house.crates));
    breaches.extend(documents::check(house));
    breaches.extend(files::check(&house.files));
    breaches.sort();
    breaches
}
