//! What a run makes and nobody takes away.

use crate::model::{Actor, EffectKind, Layer, Origin, Suite};

use super::actor_name;

/// Whether a run of the suite may make something that has to be put back. O(suite).
pub fn makes_something(suite: &Suite) -> bool {
    let creates = |layer: &Layer| {
        let effect = layer.effect.as_ref();
        effect.is_some_and(|effect| matches!(effect.kind, EffectKind::Created))
    };
    let resources = &mut suite.resources.iter();
    let actions = &mut suite.actions.iter();
    let steps = &mut suite.flows.iter().flat_map(|flow| &flow.steps);
    !suite.read_only
        && (resources.any(|resource| matches!(resource.origin, Origin::Created(_)))
            || suite.actors.iter().any(|actor| actor.throw_away.is_some())
            || actions.any(|action| action.layers.iter().any(creates))
            || steps.any(|step| step.remove.is_some()))
}

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
