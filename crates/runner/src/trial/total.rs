//! The total of a listing, watched while things are made that its reader may not see.

use suite::model::{ActorIndex, CaptureSource, Items, Origin, ResourceIndex};
use suite::observation::{Answer, Movement, Step, captured, movement, place_of, total};
use suite::plan::actor_name;
use suite::template::plain;
use suite::verdict::Received;

use super::{ActionTrial, Seen};
use crate::fixture::{self, Fixture};
use crate::session::{Live, Sending};

/// How often a total must rise with something hidden before that is no chance.
const RISES: usize = 3;

/// What watching a total showed.
enum Watched {
    /// It counts nothing hidden; in words, if there is something to say.
    Fine(Option<String>),
    /// It counts what is hidden.
    Leak(String),
    /// Nothing can be said, and why.
    Unknown(String),
}

/// What is watched.
struct Watch<'a> {
    source: &'a CaptureSource,
    resource: ResourceIndex,
    live: &'a Live,
    /// The owners whose items the actor may not see.
    hidden: Vec<ActorIndex>,
    /// An owner whose items it may see.
    visible: Option<ActorIndex>,
    /// The total as it was seen last.
    last: u64,
    /// What was made to see whether it counts.
    made: Vec<Fixture>,
}

impl ActionTrial<'_> {
    /// Whether the total of a listing counts what its reader may not see.
    pub(super) async fn check_total(&mut self, answer: &Answer, live: &Live, seen: &mut Seen) {
        let layer = self.layer;
        let Some((items, source)) = (layer.items.as_ref())
            .and_then(|items| Some((items, items.total.as_ref()?)))
            .filter(|_| suite::plan::is_allowed(self.cell))
        else {
            return;
        };
        let shown = seen.observation.shown;
        if seen.observation.received != Received::Success || !shown.body || shown.secret {
            return;
        }
        let Some(stated) = total(source, answer) else {
            seen.observation.shown.body = false;
            seen.details.push(no_total(source, answer));
            return;
        };
        match self.watch(items, source, stated, answer, live).await {
            Watched::Fine(words) => seen.details.extend(words),
            Watched::Leak(words) => {
                seen.observation.shown.secret = true;
                seen.details.push(words);
            }
            Watched::Unknown(why) => seen.doubt = Some(why),
        }
    }

    async fn watch(
        &mut self,
        items: &Items,
        source: &CaptureSource,
        stated: u64,
        answer: &Answer,
        live: &Live,
    ) -> Watched {
        let suite = &self.world.suite;
        let of = suite.actions.get(items.of);
        let Some((resource, declared)) = of
            .and_then(|of| of.instance_of)
            .and_then(|index| Some((index, suite.resources.get(index)?)))
        else {
            return Watched::Fine(None);
        };
        let of = |visible: bool| {
            let items = self.cell.items.iter();
            items
                .filter(move |item| item.1 == visible)
                .map(|item| item.0)
        };
        let hidden: Vec<ActorIndex> = of(false).collect();
        if hidden.is_empty() {
            return match self.cell.items.len() == declared.owners.len() {
                true => Watched::Fine(Some(
                    "its total was not judged, because the actor may see what every owner has"
                        .to_owned(),
                )),
                false => Watched::Unknown(
                    "its total cannot be judged: nobody says whose items are hidden from the actor"
                        .to_owned(),
                ),
            };
        }
        let json = answer.json();
        let count = json.map_or(0, |json| items.ids.query(json).all().len());
        if !matches!(declared.origin, Origin::Created(_)) {
            if usize::try_from(stated) == Ok(count) {
                return Watched::Fine(None);
            }
            return Watched::Unknown(format!(
                "its total is {stated} where {count} items are shown, and nothing hidden can be \
                 made to see whether it counts"
            ));
        }
        let is_what_is_shown = usize::try_from(stated) == Ok(count);
        let mut watch = Watch {
            source,
            resource,
            live,
            hidden,
            visible: of(true).next(),
            last: stated,
            made: Vec::new(),
        };
        let watched = self.watch_moving(&mut watch, is_what_is_shown).await;
        for fixture in watch.made {
            self.take_away(&fixture).await;
        }
        match watched {
            Ok(Watched::Fine(_)) if usize::try_from(stated).is_ok_and(|stated| stated < count) => {
                Watched::Unknown(format!(
                    "its total is {stated} where {count} items are shown, so that it is no count \
                     of them"
                ))
            }
            Ok(watched) => watched,
            Err(why) => Watched::Unknown(format!("its total could not be watched: {why}")),
        }
    }

    /// Makes something hidden of every owner, and at last something that the actor may see: a
    /// total that does not count even that tells nothing, unless it counts just what is shown.
    async fn watch_moving(
        &mut self,
        watch: &mut Watch<'_>,
        is_what_is_shown: bool,
    ) -> Result<Watched, String> {
        for owner in watch.hidden.clone() {
            let first = watch.last;
            match self.moves_with(watch, owner, RISES).await? {
                Movement::Still => {}
                Movement::WithMade => {
                    let owner = actor_name(&self.world.suite, owner);
                    return Ok(Watched::Leak(format!(
                        "its total rose from {first} to {} with {RISES} items of `{owner}`, which \
                         the actor may not see, and at no other time",
                        watch.last
                    )));
                }
                Movement::ByItself => return Ok(moves_by_itself()),
            }
        }
        if is_what_is_shown {
            return Ok(Watched::Fine(None));
        }
        let Some(owner) = watch.visible else {
            return Ok(Watched::Unknown(
                "its total never moved, but nothing can be made that the actor may see, which \
                 would show that it can move"
                    .to_owned(),
            ));
        };
        let first = watch.last;
        Ok(match self.moves_with(watch, owner, 1).await? {
            Movement::WithMade if watch.last == first + 1 => Watched::Fine(None),
            // A total that is remembered for a while catches up with what was hidden meanwhile.
            Movement::WithMade => Watched::Unknown(format!(
                "its total rose from {first} to {} with one item that the actor may see: it \
                 catches up with something else",
                watch.last
            )),
            Movement::ByItself => moves_by_itself(),
            Movement::Still => Watched::Unknown(
                "its total does not count what the actor may see either, so that it tells nothing"
                    .to_owned(),
            ),
        })
    }

    /// How the total moves while items of an owner are made, until it is plain or `rounds` are
    /// over; before each it is looked at once more, to see whether it moves by itself.
    async fn moves_with(
        &mut self,
        watch: &mut Watch<'_>,
        owner: ActorIndex,
        rounds: usize,
    ) -> Result<Movement, String> {
        let mut steps = Vec::new();
        for _ in 0..rounds {
            for making in [false, true] {
                if making {
                    let unique = format!("{}t{}f", self.unique, watch.made.len());
                    let (world, log) = (self.world, &mut self.log);
                    let made = fixture::make(world, watch.resource, owner, &unique, log).await?;
                    watch.made.push(made);
                }
                let to = self.total_again(watch).await?;
                let from = std::mem::replace(&mut watch.last, to);
                steps.push(Step {
                    made: making,
                    from,
                    to,
                });
            }
            if movement(&steps) != Movement::WithMade {
                break;
            }
        }
        Ok(movement(&steps))
    }

    async fn total_again(&mut self, watch: &Watch<'_>) -> Result<u64, String> {
        let about = self.about(None);
        let request = self.request(watch.live, about).await?;
        let result = self.world.send(&request, watch.live).await;
        self.log.push(Sending {
            purpose: "the list again".to_owned(),
            actor: Some(self.cell.actor),
            request,
            sent: watch.live.sent.clone(),
            result: result.clone(),
        });
        let answer = result.map_err(|failure| failure.to_string())?;
        match answer.status {
            400.. => Err(format!("the list was answered with {}", answer.status)),
            _ => total(watch.source, &answer).ok_or_else(|| no_total(watch.source, &answer)),
        }
    }
}

fn moves_by_itself() -> Watched {
    Watched::Unknown(
        "its total moves by itself, so that nobody can say what it counts: others make or remove \
         items, or it is late"
            .to_owned(),
    )
}

fn no_total(source: &CaptureSource, answer: &Answer) -> String {
    match captured(source, answer) {
        None => format!("there is no total: the answer has {}", place_of(source)),
        Some(value) => format!("its total is `{}`, which is no whole number", plain(&value)),
    }
}
