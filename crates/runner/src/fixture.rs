//! Resources on which cells are tried: made when first needed, shared by what only reads, one
//! of its own for each cell that changes something, and taken away again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use suite::model::{
    ActorIndex, Call, Caller, Create, Origin, Resource, ResourceIndex, Suite, View,
};
use suite::observation::{Answer, Sight, captured, denials, place_of};
use suite::template::{Encoding, Template};
use tokio::sync::{Mutex, OnceCell};

use crate::caller::{About, World};
use crate::journal::{Entry, Intent};
use crate::scope::{CallScope, Values};
use crate::session::Sending;

/// A resource of an owner.
#[derive(Debug, Clone)]
pub(crate) struct Fixture {
    pub(crate) resource: ResourceIndex,
    pub(crate) owner: ActorIndex,
    /// Its id and captures.
    pub(crate) values: Values,
    /// The text by which it is recognised in an answer; empty for a resource that was there
    /// already, which has none.
    pub(crate) canary: String,
    /// Its entry in the journal, if it can be taken away again.
    pub(crate) entry: Option<Entry>,
}

impl Fixture {
    /// What a call about this resource refers to; `unique` is that of the cell.
    pub(crate) fn about<'a>(&'a self, resource: &'a Resource, unique: &'a str) -> About<'a> {
        About {
            owner: Some(self.owner),
            resource: Some((&resource.type_name, &self.values)),
            unique,
        }
    }
}

type Shared = Arc<OnceCell<Result<Arc<Fixture>, String>>>;

/// The fixtures of a run.
#[derive(Debug)]
pub(crate) struct Fixtures {
    shared: Mutex<BTreeMap<(ResourceIndex, ActorIndex), Shared>>,
    /// One for each kind of resource that exists already: cells that change those run one at a
    /// time, because nobody knows what else they touch.
    lanes: Vec<Mutex<()>>,
}

impl Fixtures {
    pub(crate) fn new(suite: &Suite) -> Self {
        Self {
            shared: Mutex::default(),
            lanes: suite.resources.iter().map(|_| Mutex::default()).collect(),
        }
    }

    /// The lane of a resource whose fixtures are not made by the run.
    pub(crate) async fn lane(
        &self,
        world: &World,
        resource: ResourceIndex,
    ) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let declared = world.suite.resources.get(resource)?;
        match declared.origin {
            Origin::Existing { .. } => Some(self.lanes.get(resource)?.lock().await),
            Origin::Created(_) => None,
        }
    }

    /// The fixture that reading cells share; made by the first of them.
    pub(crate) async fn shared(
        &self,
        world: &World,
        resource: ResourceIndex,
        owner: ActorIndex,
        unique: &str,
        log: &mut Vec<Sending>,
    ) -> Result<Arc<Fixture>, String> {
        let cell = {
            let mut shared = self.shared.lock().await;
            Arc::clone(shared.entry((resource, owner)).or_default())
        };
        cell.get_or_init(|| async {
            make(world, resource, owner, unique, log)
                .await
                .map(Arc::new)
        })
        .await
        .clone()
    }

    /// The fixture that cells share, if it has been made.
    pub(crate) async fn made(
        &self,
        resource: ResourceIndex,
        owner: ActorIndex,
    ) -> Option<Arc<Fixture>> {
        let shared = self.shared.lock().await;
        let made = shared.get(&(resource, owner))?.get()?;
        made.clone().ok()
    }

    /// Takes away what cells shared.
    pub(crate) async fn remove_shared(&self, world: &World, failures: &mut Vec<String>) {
        for cell in self.shared.lock().await.values() {
            if let Some(Ok(fixture)) = cell.get()
                && let Err(why) = remove(world, fixture, &mut Vec::new()).await
            {
                failures.push(why);
            }
        }
    }
}

/// Makes a fixture, or finds the one that is there.
pub(crate) async fn make(
    world: &World,
    resource: ResourceIndex,
    owner: ActorIndex,
    unique: &str,
    log: &mut Vec<Sending>,
) -> Result<Fixture, String> {
    let declared = world
        .suite
        .resources
        .get(resource)
        .ok_or("there is no such resource")?;
    let made = match &declared.origin {
        Origin::Created(create) => {
            create_fixture(world, declared, create, owner, unique, log).await
        }
        Origin::Existing { id } => find_fixture(world, id, owner, log).await,
    };
    let made = made.map_err(|why| {
        if world.is_unreached(&why) {
            return why;
        }
        let owner = suite::plan::actor_name(&world.suite, owner);
        format!(
            "the {} of `{owner}` could not be made: {why}",
            declared.type_name
        )
    })?;
    Ok(Fixture {
        resource,
        owner,
        values: made.values,
        canary: made.canary,
        entry: made.entry,
    })
}

/// What making or finding a fixture gave.
struct Made {
    values: Values,
    canary: String,
    entry: Option<Entry>,
}

async fn find_fixture(
    world: &World,
    id: &Template,
    owner: ActorIndex,
    log: &mut Vec<Sending>,
) -> Result<Made, String> {
    let live = world.open(owner, log).await?;
    let scope = CallScope {
        owner: world.known(owner, &live.learnt),
        ..CallScope::default()
    };
    let id = id
        .fill(&scope, Encoding::Verbatim)
        .map_err(|unresolved| unresolved.to_string())?;
    Ok(Made {
        values: Values::from([("id".to_owned(), Value::from(id))]),
        canary: String::new(),
        entry: None,
    })
}

async fn create_fixture(
    world: &World,
    resource: &Resource,
    create: &Create,
    owner: ActorIndex,
    unique: &str,
    log: &mut Vec<Sending>,
) -> Result<Made, String> {
    world.check_changes()?;
    let about = About {
        owner: Some(owner),
        resource: None,
        unique,
    };
    let caller = caller(create.call.caller, Some(owner), None);
    let purpose = format!("create {}", resource.type_name);
    // A session that does not open makes nothing, and must leave nothing to be put back.
    if let Some(caller) = caller {
        world.open(caller, log).await?;
    }
    let entry = intend(world, resource, owner, unique).await?;
    let answer = world
        .call(&create.call, caller, about, &purpose, log)
        .await?;
    if !(200..300).contains(&answer.status) {
        if answer.status < 500 {
            finish(world, entry);
        }
        return Err(format!("answered {}", answer.status));
    }
    let values = learn(world, create, &answer)?;
    note_made(world, resource, entry, &values);
    Ok(Made {
        values,
        canary: unique.to_owned(),
        entry,
    })
}

/// Writes down that something is about to be made, if the suite says how it is taken away.
pub(crate) async fn intend(
    world: &World,
    resource: &Resource,
    owner: ActorIndex,
    unique: &str,
) -> Result<Option<Entry>, String> {
    let (Some(journal), Some(_)) = (&world.journal, &resource.remove) else {
        return Ok(None);
    };
    let intent = Intent::Resource {
        resource: resource.type_name.to_string(),
        owner: suite::plan::actor_name(&world.suite, owner).to_owned(),
        unique: unique.to_owned(),
    };
    journal.intend(intent).await.map(Some)
}

/// Writes down what was made, as far as taking it away needs it: what else was captured may be
/// a secret.
pub(crate) fn note_made(world: &World, resource: &Resource, entry: Option<Entry>, values: &Values) {
    let (Some(journal), Some(entry), Some(remove)) = (&world.journal, entry, &resource.remove)
    else {
        return;
    };
    let values = values
        .iter()
        .filter(|(name, _)| remove.uses_resource(name))
        .map(|(name, value)| (name.clone(), value.clone()));
    journal.made(entry, values.collect());
}

/// Writes down that something is gone, or was never made.
pub(crate) fn finish(world: &World, entry: Option<Entry>) {
    if let (Some(journal), Some(entry)) = (&world.journal, entry) {
        journal.done(entry);
    }
}

/// The id and captures of something that was made; secrets among them are never shown.
pub(crate) fn learn(world: &World, create: &Create, answer: &Answer) -> Result<Values, String> {
    let json = answer.json().ok_or("the answer is not JSON")?;
    let id = create.id.query(json).first();
    let id = id.ok_or_else(|| format!("the answer has nothing at `{}`", create.id))?;
    let mut values = Values::from([("id".to_owned(), id.clone())]);
    for capture in &create.captures {
        let value = captured(&capture.source, answer);
        let value = value.ok_or_else(|| format!("the answer has {}", place_of(&capture.source)))?;
        world.sessions.hide_captured(capture, &value);
        values.insert(capture.name.clone(), value);
    }
    Ok(values)
}

/// Takes a fixture away, if the suite says how. That it is gone already is no failure.
pub(crate) async fn remove(
    world: &World,
    fixture: &Fixture,
    log: &mut Vec<Sending>,
) -> Result<(), String> {
    let Some(resource) = world.suite.resources.get(fixture.resource) else {
        return Ok(());
    };
    let Some(call) = &resource.remove else {
        return Ok(());
    };
    world.check_changes()?;
    let caller = caller(call.caller, Some(fixture.owner), None);
    let purpose = format!("remove {}", resource.type_name);
    let about = fixture.about(resource, "");
    let answer = world.call(call, caller, about, &purpose, log).await;
    let why = match answer {
        Ok(answer) if (200..300).contains(&answer.status) => None,
        Ok(answer) if is_gone(world, call, &answer) => {
            // Its path may be wrong.
            let shown = is_shown(world, fixture, resource, log).await;
            shown.then(|| format!("answered {}, but a view still shows it", answer.status))
        }
        Ok(answer) => Some(format!("answered {}", answer.status)),
        Err(why) => Some(why),
    };
    let Some(why) = why else {
        finish(world, fixture.entry);
        return Ok(());
    };
    let id = fixture.values.get("id").map(suite::template::plain);
    Err(format!(
        "{} `{}` could not be removed: {why}",
        resource.type_name,
        id.unwrap_or_default()
    ))
}

/// Whether some view of the resource itself shows it.
async fn is_shown(
    world: &World,
    fixture: &Fixture,
    resource: &Resource,
    log: &mut Vec<Sending>,
) -> bool {
    for view in resource
        .views
        .iter()
        .filter(|view| view.of_instance && !view.log)
    {
        let sight = look(
            world,
            view,
            fixture.about(resource, ""),
            "after removal",
            log,
        )
        .await;
        if matches!(&sight, Sight::Shown(answer) if (200..300).contains(&answer.status)) {
            return true;
        }
    }
    false
}

/// Who makes a call: the actor of the cell, the owner, somebody named, or nobody.
pub(crate) fn caller(
    caller: Caller,
    owner: Option<ActorIndex>,
    actor: Option<ActorIndex>,
) -> Option<ActorIndex> {
    match caller {
        Caller::Actor => actor,
        Caller::Owner => owner,
        Caller::Named(named) => Some(named),
        Caller::Nobody => None,
    }
}

/// Looks at a view.
pub(crate) async fn look(
    world: &World,
    view: &View,
    about: About<'_>,
    when: &str,
    log: &mut Vec<Sending>,
) -> Sight {
    let purpose = format!("view {} {when}", view.name);
    let caller = caller(view.call.caller, about.owner, None);
    match world.call(&view.call, caller, about, &purpose, log).await {
        Err(why) => Sight::Unreadable(why),
        Ok(answer) if is_gone(world, &view.call, &answer) => Sight::Gone,
        Ok(answer) if matches!(answer.status, 200..300 | 401 | 403) => Sight::Shown(answer),
        Ok(answer) => Sight::Unreadable(format!("answered {}", answer.status)),
    }
}

pub(crate) fn is_gone(world: &World, call: &Call, answer: &Answer) -> bool {
    let concealed = world
        .suite
        .targets
        .get(call.target)
        .map(|target| denials(answer, &target.denies, &CallScope::default()))
        .is_some_and(|denials| denials.contains(&authz::Denial::Concealed));
    concealed || matches!(answer.status, 404 | 410)
}
