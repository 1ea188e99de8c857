//! What a run makes and nobody takes away.

use crate::model::{Actor, Origin, Suite};

use super::actor_name;

/// Says what a run makes and does not remove, because the suite does not say how; `None` where
/// nothing stays behind.
pub fn never_removed(suite: &Suite) -> Option<String> {
    let stays = |actor: &Actor| {
        let made = actor.throw_away.as_ref();
        made.is_some_and(|made| {
            let is_deleted = made.then.iter().any(|call| call.method == "DELETE");
            made.remove.is_none() && !is_deleted
        })
    };
    let actors = suite.actors.iter().enumerate();
    let users = actors
        .filter(|(_, actor)| stays(actor))
        .map(|(index, _)| format!("the user of `{}`", actor_name(suite, index)));
    let resources = suite.resources.iter().filter(|resource| {
        resource.remove.is_none() && matches!(resource.origin, Origin::Created(_))
    });
    let resources = resources.map(|resource| format!("`{}`", resource.type_name));
    let left: Vec<String> = users.chain(resources).collect();
    (!left.is_empty() && !suite.read_only).then(|| {
        format!(
            "without `remove`, what is made stays behind: {}",
            left.join(", ")
        )
    })
}
