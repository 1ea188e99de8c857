//! The changes of one file.

use authz::Policy;
use authz::language::is_relation_model;
use authz::source::{Diagnostics, Place, Source, yaml};

use super::text::Splice;
use super::{Operator, models, policies};

/// A change of a file, with what it means.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) operator: Operator,
    pub(super) what: String,
    pub(super) place: Place,
    pub(super) splice: Splice,
}

/// Where changes are gathered.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<Change>);

impl Changes {
    /// Adds a change, if there is one to make.
    pub(super) fn add(
        &mut self,
        operator: Operator,
        place: &Place,
        what: String,
        splice: Option<Splice>,
    ) {
        self.0.extend(splice.map(|splice| Change {
            operator,
            what,
            place: place.clone(),
            splice,
        }));
    }
}

/// Every change of a file that is worth a try; some of them make no policy.
pub(super) fn changes(source: &Source, policy: &Policy) -> Vec<Change> {
    let mut changes = Changes::default();
    if is_relation_model(source.name()) {
        models::changes(source, policy, &mut changes);
    } else if let Some(root) = yaml::read(source, &mut Diagnostics::default()) {
        policies::changes(source, &root, policy, &mut changes);
    }
    changes.0
}
