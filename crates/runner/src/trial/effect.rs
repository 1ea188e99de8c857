//! What a probe did, as views show it.

use std::sync::Arc;
use std::time::Duration;

use suite::model::{ActorIndex, EffectKind, Expected, Origin, Resource, View};
use suite::observation::{Answer, Look, Sight, created, effect_seen, trace_seen};
use suite::plan::Phase;
use suite::verdict::{EffectSeen, Received, Trace};

use super::{ActionTrial, Seen};
use crate::caller::About;
use crate::client::Failure;
use crate::fixture::{self, Fixture, look};
use crate::journal::Entry;
use crate::session::Live;

/// How long after a surprise the views are looked at once more.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

impl<'a> ActionTrial<'a> {
    /// Looks at every view of the fixture, if the cell may change something.
    pub(super) async fn sights(
        &mut self,
        fixture: Option<&Fixture>,
        when: &str,
    ) -> Vec<(usize, Sight)> {
        let (Some(fixture), Some(resource)) = (fixture, self.resource()) else {
            return Vec::new();
        };
        if self.cell.phase != Phase::Changing {
            return Vec::new();
        }
        let mut sights = Vec::new();
        for (index, view) in resource.views.iter().enumerate() {
            if view.of_instance && self.layer.looks_at(index, view) {
                let about = fixture.about(resource, self.unique);
                sights.push((
                    index,
                    look(self.world, view, about, when, &mut self.log).await,
                ));
            }
        }
        sights
    }

    pub(super) async fn looks(
        &mut self,
        before: Vec<(usize, Sight)>,
        fixture: Option<&Fixture>,
    ) -> Vec<Look<'a>> {
        let after = self.sights(fixture, "after").await;
        let views = self.resource().map_or(&[][..], |resource| &resource.views);
        before
            .into_iter()
            .zip(after)
            .filter_map(|((index, before), (_, after))| {
                Some(Look {
                    index,
                    view: views.get(index)?,
                    before,
                    after,
                })
            })
            .collect()
    }

    /// What the probe did. What would decide the verdict against expectation is looked at once
    /// more after a while: a view may fail for a moment, and an effect may come late.
    pub(super) async fn see_effect(
        &mut self,
        result: &Result<Arc<Answer>, Failure>,
        live: &Live,
        fixture: Option<&Fixture>,
        looks: &mut [Look<'_>],
        entry: Option<Entry>,
        seen: &mut Seen,
    ) {
        if self.creates() {
            let (effect, words) = self.see_created(result.as_ref().ok(), entry, seen).await;
            seen.observation.effect = effect;
            seen.details.extend(words);
            let mut told = self.compare_trace(live, fixture, looks, seen);
            if is_wanting(seen.observation.trace) {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
                self.look_again(looks, fixture).await;
                told = self.compare_trace(live, fixture, looks, seen);
            }
            seen.details.extend(told);
            return;
        }
        let mut told = self.compare(live, fixture, looks, seen);
        let trace = seen.observation.trace;
        if self.is_surprising(seen.observation.effect, seen) || is_wanting(trace) {
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            self.look_again(looks, fixture).await;
            told = self.compare(live, fixture, looks, seen);
        }
        seen.details.extend(told);
    }

    /// What the views say of an effect, and of what a denial is to leave behind.
    fn compare(
        &self,
        live: &Live,
        fixture: Option<&Fixture>,
        looks: &[Look<'_>],
        seen: &mut Seen,
    ) -> Vec<String> {
        let scope = self.scope(live, fixture);
        let (effect, effect_words) = effect_seen(self.layer.effect.as_ref(), looks, &scope);
        seen.observation.effect = effect;
        let trace_words = self.compare_trace(live, fixture, looks, seen);
        effect_words.into_iter().chain(trace_words).collect()
    }

    /// What the views say of what a denial is to leave behind.
    fn compare_trace(
        &self,
        live: &Live,
        fixture: Option<&Fixture>,
        looks: &[Look<'_>],
        seen: &mut Seen,
    ) -> Option<String> {
        let owed = match self.cell.expectation.expected {
            Expected::Deny(denial) => self.layer.owed(denial),
            _ => None,
        };
        let scope = self.scope(live, fixture);
        let (trace, words) = trace_seen(owed, looks, &scope);
        seen.observation.trace = trace;
        words
    }

    /// Whether an effect is not what was to be expected of such an answer.
    fn is_surprising(&self, effect: EffectSeen, seen: &Seen) -> bool {
        use EffectSeen::{Declared, Forbidden, Otherwise, Unchanged, Undeclared, Unknown};
        match (self.cell.expectation.expected, seen.observation.received) {
            (Expected::Allow, Received::Success) => {
                matches!(effect, Unchanged | Otherwise | Unknown)
            }
            (Expected::Deny(_) | Expected::Reject, Received::Denied(_) | Received::BadInput) => {
                matches!(
                    effect,
                    Declared | Undeclared | Forbidden | Otherwise | Unknown
                )
            }
            _ => false,
        }
    }

    async fn look_again(&mut self, looks: &mut [Look<'_>], fixture: Option<&Fixture>) {
        let after = self.sights(fixture, "after a while").await;
        for (look, (_, sight)) in looks.iter_mut().zip(after) {
            look.after = sight;
        }
    }

    /// Whether something new is there: in a view of the whole collection by the probe's unique
    /// text, else by the id that the answer tells.
    async fn see_created(
        &mut self,
        answer: Option<&Arc<Answer>>,
        entry: Option<Entry>,
        seen: &Seen,
    ) -> (EffectSeen, Option<String>) {
        let Some(resource) = self.resource() else {
            return (EffectSeen::NotLooked, None);
        };
        let made = answer.and_then(|answer| self.made(resource, answer, entry));
        let mut found = self.look_for_created(resource, made.as_ref()).await;
        if self.is_surprising(found.0, seen) {
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            found = self.look_for_created(resource, made.as_ref()).await;
        }
        let refused = answer.is_some_and(|answer| matches!(answer.status, 400..500));
        match made {
            Some(made) => {
                fixture::note_made(self.world, resource, entry, &made.values);
                self.take_away(&made).await;
            }
            None if found.0 == EffectSeen::Unchanged
                || (refused && found.0 == EffectSeen::NotLooked) =>
            {
                fixture::finish(self.world, entry);
            }
            // It may be there: whoever cleans up looks for it.
            None => {}
        }
        found
    }

    async fn look_for_created(
        &mut self,
        resource: &Resource,
        made: Option<&Fixture>,
    ) -> (EffectSeen, Option<String>) {
        let about = |owner| About {
            owner: Some(owner),
            resource: made.map(|made| (&*resource.type_name, &made.values)),
            unique: self.unique,
        };
        // What a spoilt session makes belongs to the account whose session it is.
        let maker = self.cell.like.unwrap_or(self.cell.actor);
        let viewer = self.viewer(resource);
        let mut collections = Vec::new();
        let mut instances = Vec::new();
        for view in &resource.views {
            if view.log || (view.of_instance && made.is_none()) {
                continue;
            }
            let owner = if view.of_instance { maker } else { viewer };
            let sight = look(self.world, view, about(owner), "after", &mut self.log).await;
            if view.of_instance {
                instances.push((view, sight));
            } else {
                collections.push((view, sight));
            }
        }
        match created(&collections, self.unique) {
            (EffectSeen::Declared, words) => {
                self.listed_by_a_view = true;
                (EffectSeen::Declared, words)
            }
            by_text if made.is_none() => by_text,
            by_text => found(&instances, by_text),
        }
    }

    /// Who looks at a view of the whole collection that is its owner's: somebody who has such
    /// resources, of the actor's own tenant if possible. A visitor could see nothing.
    fn viewer(&self, resource: &Resource) -> ActorIndex {
        let actors = &self.world.suite.actors;
        let tenant = |actor: ActorIndex| actors.get(actor).and_then(|actor| actor.tenant.as_ref());
        let (actor, owners) = (self.cell.actor, &resource.owners);
        let neighbour = owners.iter().find(|&&owner| tenant(owner) == tenant(actor));
        match neighbour.or(owners.first()) {
            Some(&owner) if !owners.contains(&actor) => owner,
            _ => actor,
        }
    }

    /// Whether an allowed call makes something.
    pub(super) fn creates(&self) -> bool {
        let effect = self.layer.effect.as_ref();
        effect.is_some_and(|effect| matches!(effect.kind, EffectKind::Created))
    }

    /// Writes down that the probe may make something.
    pub(super) async fn intend(&self) -> Result<Option<Entry>, String> {
        match self.resource().filter(|_| self.creates()) {
            Some(resource) => {
                fixture::intend(self.world, resource, self.cell.actor, self.unique).await
            }
            None => Ok(None),
        }
    }

    /// What the probe made, if its answer says so.
    fn made(&self, resource: &Resource, answer: &Answer, entry: Option<Entry>) -> Option<Fixture> {
        let Origin::Created(create) = &resource.origin else {
            return None;
        };
        if !(200..300).contains(&answer.status) {
            return None;
        }
        Some(Fixture {
            resource: self.resource_index()?,
            owner: self.cell.actor,
            values: fixture::learn(create, answer).ok()?,
            canary: self.unique.to_owned(),
            entry,
        })
    }
}

/// Whether what a denial owes may still come.
fn is_wanting(trace: Trace) -> bool {
    matches!(trace, Trace::Missing | Trace::Unknown)
}

/// Whether what was made can be seen under the id that was answered. An answer that names an id
/// is never believed to have made nothing: its view may be one that does not show everything.
fn found(
    instances: &[(&View, Sight)],
    by_text: (EffectSeen, Option<String>),
) -> (EffectSeen, Option<String>) {
    let is_yes = |answer: &Answer| (200..300).contains(&answer.status);
    let shows_it =
        |(_, sight): &(&View, Sight)| matches!(sight, Sight::Shown(answer) if is_yes(answer));
    if instances.iter().any(shows_it) {
        return (EffectSeen::Declared, None);
    }
    if instances.is_empty() && by_text.0 == EffectSeen::NotLooked {
        return by_text;
    }
    let why = "the answer names an id, but no view shows what was made".to_owned();
    (EffectSeen::Unknown, Some(why))
}
