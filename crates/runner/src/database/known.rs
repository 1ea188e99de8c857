//! Rows of a table that calls are tried on too: there the two layers of an action can be held against each other.

use suite::model::{Action, ActorIndex, ResourceIndex, Statement, Suite};
use suite::template::{Encoding, plain};
use suite::verdict::{Access, RowsSeen, row_access};

use crate::caller::World;
use crate::fixture::Fixtures;
use crate::scope::CallScope;

/// What became of a row that calls are tried on too.
#[derive(Debug)]
pub(crate) struct RowTried {
    /// To whom the resource belongs; none for a row that is added.
    pub(crate) owner: Option<ActorIndex>,
    pub(crate) key: String,
    pub(crate) permitted: bool,
    pub(crate) access: Access,
}

/// The rows of the fixtures that are there, on which the calls of an action are tried.
pub(super) async fn known_rows(
    world: &World,
    fixtures: &Fixtures,
    action: &Action,
    statement: &Statement,
) -> Vec<(ActorIndex, String)> {
    let mut known = Vec::new();
    for (resource, owner) in fixtures_of(&world.suite, action, statement) {
        let Some(fixture) = fixtures.made(resource, owner).await else {
            continue;
        };
        let scope = CallScope {
            resource: Some((&action.type_name, &fixture.values)),
            ..CallScope::default()
        };
        let key = match &statement.key {
            Some(key) => key.fill(&scope, Encoding::Verbatim).ok(),
            None => fixture.values.get("id").map(plain),
        };
        known.extend(key.map(|key| (owner, key)));
    }
    known
}

/// The fixtures whose rows a statement is tried on as calls are: none where no call is.
pub(crate) fn fixtures_of(
    suite: &Suite,
    action: &Action,
    statement: &Statement,
) -> Vec<(ResourceIndex, ActorIndex)> {
    let is_called = !action.layers.is_empty() && statement.is_on_known_rows();
    let index = action.instance_of.filter(|_| is_called);
    let resource = index.and_then(|index| Some((index, suite.resources.get(index)?)));
    let owners = resource.map(|(index, it)| it.owners.iter().map(move |owner| (index, *owner)));
    owners.into_iter().flatten().collect()
}

/// What became of the rows that calls are tried on too, or of the one that was to be added.
pub(super) fn rows_tried(
    known: &[(ActorIndex, String)],
    adds: bool,
    seen: &RowsSeen,
) -> Vec<RowTried> {
    let known = known.iter();
    let known = known.map(|(owner, key)| (Some(*owner), key.as_str()));
    let new = match seen.rows.as_slice() {
        [row] if adds && seen.told.is_none() => Some((None, row.key.as_str())),
        _ => None,
    };
    let tried = known.chain(new).filter_map(|(owner, key)| {
        let (permitted, access) = row_access(seen, key)?;
        Some(RowTried {
            owner,
            key: key.to_owned(),
            permitted,
            access,
        })
    });
    tried.collect()
}
