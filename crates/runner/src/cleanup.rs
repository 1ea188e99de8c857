//! Puts back what an interrupted run left behind, by its journal.
//!
//! Safe to be interrupted, and to be done twice: what is gone already counts as put back.

use std::time::Duration;

use serde_json::Value;
use suite::model::{ActorIndex, CaptureSource, Create, Origin, Resource, ResourceIndex, View};
use suite::observation::Sight;

use crate::caller::{About, World};
use crate::database::remove_clone;
use crate::fixture::{Fixture, look, remove};
use crate::flow;
use crate::journal::{Addresses, Intent, LeftBehind, Pending};
use crate::scope::Values;
use crate::{Options, Stop, world};

/// A target may go on making what it was asked for after the run that asked was killed. For so long
/// after the last line of its journal, nothing is taken for never made.
const SETTLING: Duration = Duration::from_secs(2);

/// Removes everything that is pending in a journal, the newest first, and returns what could not
/// be put back, in words. That stays in the journal.
///
/// # Errors
/// The journal cannot be written.
pub async fn clean_up(
    suite: std::sync::Arc<suite::model::Suite>,
    left: &mut LeftBehind,
    options: &Options,
) -> std::io::Result<Vec<String>> {
    let now = addresses(&suite);
    let elsewhere = left
        .targets
        .iter()
        .find(|(name, base)| now.get(*name) != Some(base));
    if let Some((name, base)) = elsewhere {
        let count = left.pending.len();
        let now = now.get(name).map_or("nowhere", String::as_str);
        let why = format!("{count} things were made where `{name}` is {base}; now it is {now}");
        return Ok(if count > 0 { vec![why] } else { Vec::new() });
    }
    // What stopped the run does not stop the cleaning up behind it.
    let options = Options {
        stop: Stop::default(),
        ..options.clone()
    };
    let world = world(suite, &options);
    tokio::time::sleep(unsettled(left)).await;
    let mut failures = Vec::new();
    for pending in left.pending.clone() {
        match put_back(&world, &pending).await {
            Ok(()) => left.done(pending.number)?,
            Err(why) => failures.push(world.sessions.masker().mask(&why)),
        }
    }
    Ok(failures)
}

/// How much longer what nobody waits for any more may still be made.
fn unsettled(left: &LeftBehind) -> Duration {
    if left.pending.iter().all(|pending| pending.made.is_some()) {
        return Duration::ZERO;
    }
    let since = left.written.elapsed().unwrap_or_default();
    SETTLING.saturating_sub(since)
}

/// The addresses of a suite's targets, and of where its clones are made.
pub fn addresses(suite: &suite::model::Suite) -> Addresses {
    let targets = suite.targets.iter();
    let databases = suite.databases.iter();
    let cloned = databases.filter_map(|it| Some((&it.name, &it.clones.as_ref()?.shown)));
    targets
        .map(|target| (&target.name, &target.base))
        .chain(cloned)
        .map(|(name, address)| (name.to_string(), address.clone()))
        .collect()
}

async fn put_back(world: &World, pending: &Pending) -> Result<(), String> {
    match &pending.intent {
        Intent::User { user, unique } => {
            let index = actor(world, user)?;
            let learnt = pending.made.as_ref();
            let removed = world
                .sessions
                .remove_left_behind(world, index, unique, learnt);
            let removed = removed.await;
            removed.map_err(|why| format!("the user of `{user}` could not be removed: {why}"))
        }
        Intent::Clone { database, clone } => {
            let removed = remove_clone(world, database, clone).await;
            removed.map_err(|why| format!("the clone `{clone}` could not be dropped: {why}"))
        }
        Intent::Step {
            step,
            actor: name,
            unique,
        } => {
            let index = actor(world, name)?;
            flow::put_back(world, step, index, unique, pending.made.as_ref()).await
        }
        Intent::Resource {
            resource,
            owner,
            unique,
        } => {
            let (index, resource) = declared(world, resource)?;
            let owner = actor(world, owner)?;
            let values = match &pending.made {
                Some(values) => Some(values.clone()),
                None => find(world, resource, unique, owner).await?,
            };
            let Some(values) = values else {
                return Ok(());
            };
            let fixture = Fixture {
                resource: index,
                owner,
                values,
                canary: unique.clone(),
                entry: None,
            };
            remove(world, &fixture, &mut Vec::new()).await
        }
    }
}

fn actor(world: &World, name: &str) -> Result<ActorIndex, String> {
    let mut actors = world.suite.actors.iter();
    let index = actors.position(|actor| *actor.name == *name);
    index.ok_or_else(|| format!("the suite has no actor `{name}` any more"))
}

fn declared<'a>(world: &'a World, name: &str) -> Result<(ResourceIndex, &'a Resource), String> {
    let mut resources = world.suite.resources.iter().enumerate();
    resources
        .find(|(_, resource)| *resource.type_name == *name)
        .ok_or_else(|| format!("the suite has no resource `{name}` any more"))
}

/// Looks for something of which only the unique text is known, in every view that shows many
/// resources. `None`: it was never made.
async fn find(
    world: &World,
    resource: &Resource,
    unique: &str,
    owner: ActorIndex,
) -> Result<Option<Values>, String> {
    let Origin::Created(create) = &resource.origin else {
        return Ok(None);
    };
    let about = About {
        owner: Some(owner),
        resource: None,
        unique,
    };
    let views: Vec<&View> = resource
        .views
        .iter()
        .filter(|view| !view.of_instance && !view.log)
        .collect();
    if views.is_empty() {
        return Err(format!(
            "a {} with `{}` in it may be there, and `{}` has no view that lists what there is",
            resource.type_name, unique, resource.type_name
        ));
    }
    for view in views {
        match look(world, view, about, "to clean up", &mut Vec::new()).await {
            Sight::Shown(answer) => {
                let json = answer.json();
                if let Some(object) = json.and_then(|json| innermost(json, unique)) {
                    return learn(world, object, create).map(Some);
                }
            }
            Sight::Gone => {}
            Sight::Unreadable(why) => return Err(format!("view `{}`: {why}", view.name)),
        }
    }
    Ok(None)
}

/// Reads what a view shows of something as the answer to its creation is read.
fn learn(world: &World, object: &Value, create: &Create) -> Result<Values, String> {
    let id = create.id.query(object).first();
    let id =
        id.ok_or_else(|| format!("it is there, but a view shows it without `{}`", create.id))?;
    let captures = create.captures.iter().filter_map(|capture| {
        let CaptureSource::Json(path) = &capture.source else {
            return None;
        };
        let value = path.query(object).first()?;
        world.sessions.hide_captured(capture, value);
        Some((capture.name.clone(), value.clone()))
    });
    Ok(captures.chain([("id".to_owned(), id.clone())]).collect())
}

/// The innermost object that holds the unique text.
fn innermost<'a>(json: &'a Value, unique: &str) -> Option<&'a Value> {
    let inside = match json {
        Value::Array(items) => items.iter().find_map(|item| innermost(item, unique)),
        Value::Object(members) => members
            .values()
            .find_map(|member| innermost(member, unique)),
        _ => None,
    };
    let holds = |member: &Value| member.as_str().is_some_and(|text| text.contains(unique));
    let own = || {
        let members = json.as_object()?;
        members.values().any(holds).then_some(json)
    };
    inside.or_else(own)
}
