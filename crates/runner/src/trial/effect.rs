//! What a probe did, as views show it.

use std::sync::Arc;

use suite::model::{EffectKind, Origin, Resource, View};
use suite::observation::{Answer, Look, Sight, created, effect_seen};
use suite::plan::Phase;
use suite::verdict::EffectSeen;

use super::{ActionTrial, Seen};
use crate::caller::About;
use crate::client::Failure;
use crate::fixture::{self, Fixture, look};
use crate::journal::Entry;
use crate::session::Live;

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
            if view.of_instance {
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

    pub(super) async fn see_effect(
        &mut self,
        result: &Result<Arc<Answer>, Failure>,
        live: &Live,
        fixture: Option<&Fixture>,
        looks: &[Look<'_>],
        entry: Option<Entry>,
        seen: &mut Seen,
    ) {
        let declared = self.layer.effect.as_ref();
        let (effect, words) = if self.creates() {
            self.see_created(result.as_ref().ok(), entry).await
        } else {
            let scope = self.scope(live, fixture);
            effect_seen(declared, looks, &scope)
        };
        seen.observation.effect = effect;
        seen.details.extend(words);
    }

    /// Whether something new is there: in a view of the whole collection by the probe's unique
    /// text, else by the id that the answer tells.
    async fn see_created(
        &mut self,
        answer: Option<&Arc<Answer>>,
        entry: Option<Entry>,
    ) -> (EffectSeen, Option<String>) {
        let Some(resource) = self.resource() else {
            return (EffectSeen::NotLooked, None);
        };
        let made = answer.and_then(|answer| self.made(resource, answer, entry));
        let about = About {
            owner: Some(self.cell.actor),
            resource: made
                .as_ref()
                .map(|made| (&*resource.type_name, &made.values)),
            unique: self.unique,
        };
        let by_text = resource.views.iter().any(|view| !view.of_instance);
        let mut sights = Vec::new();
        for view in &resource.views {
            if view.of_instance != by_text && (by_text || made.is_some()) {
                let sight = look(self.world, view, about, "after", &mut self.log).await;
                sights.push((view, sight));
            }
        }
        let seen = if by_text {
            created(&sights, self.unique)
        } else {
            found(&sights)
        };
        let refused = answer.is_some_and(|answer| matches!(answer.status, 400..500));
        match made {
            Some(made) => {
                fixture::note_made(self.world, resource, entry, &made.values);
                self.take_away(&made).await;
            }
            None if refused || seen.0 == EffectSeen::Unchanged => {
                fixture::finish(self.world, entry);
            }
            // It may be there: whoever cleans up looks for it.
            None => {}
        }
        seen
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

/// Whether what was made can be seen under the id that was answered.
fn found(sights: &[(&View, Sight)]) -> (EffectSeen, Option<String>) {
    let seen = match sights.first() {
        None => EffectSeen::NotLooked,
        Some((_, Sight::Shown(answer))) if (200..300).contains(&answer.status) => {
            EffectSeen::Declared
        }
        Some((_, Sight::Gone)) => EffectSeen::Unchanged,
        Some((view, Sight::Unreadable(_) | Sight::Shown(_))) => {
            let why = format!("what was made cannot be seen in view `{}`", view.name);
            return (EffectSeen::Unknown, Some(why));
        }
    };
    (seen, None)
}
