//! One million relationships, the model that they belong to, and the bare walk over them: one
//! function for this one model, on compressed sparse rows.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use authz::resolution::Engine;
use authz::source::Source;
use authz::{Reference, RelationModel, Store, SubjectReference};

use crate::measure::Random;

pub(crate) const RELATIONSHIPS: usize = 1_000_000;
pub(crate) const USERS: usize = 100_000;
const DEPARTMENTS: usize = 200;
const TEAMS: usize = 1_000;
const SQUADS: usize = 5_000;
/// Folders by their depth. Each has one user and one group that may view it.
const FOLDERS: [usize; 4] = [100, 1_000, 10_000, 40_000];
/// Users who may view four folders of the second level each, and with them about 1,000 documents.
pub(crate) const LISTERS: usize = 200;

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type doc
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
";

/// The facts as text, and what is needed to ask about them.
pub(crate) struct World {
    pub(crate) text: String,
    pub(crate) documents: usize,
    /// By document: who may view it directly.
    pub(crate) direct: Vec<usize>,
    /// By document: its folder of the fourth level.
    pub(crate) folder_of: Vec<usize>,
    /// By squad: one of its members.
    pub(crate) member_of: Vec<usize>,
}

impl World {
    /// The facts, the same in each run.
    pub(crate) fn new() -> Self {
        let mut random = Random::new(1);
        let mut text = String::new();
        let mut lines = 0;
        let mut say = |line: std::fmt::Arguments<'_>| {
            let _ = text.write_fmt(line);
            text.push('\n');
            lines += 1;
        };
        for team in 0..TEAMS {
            say(format_args!(
                "group:d{}#member@group:t{team}#member",
                team % DEPARTMENTS
            ));
        }
        for squad in 0..SQUADS {
            say(format_args!(
                "group:t{}#member@group:s{squad}#member",
                squad % TEAMS
            ));
        }
        let mut member_of = vec![0; SQUADS];
        for user in 0..USERS {
            for _ in 0..2 {
                let squad = random.below(SQUADS);
                say(format_args!("group:s{squad}#member@user:u{user}"));
                if let Some(member) = member_of.get_mut(squad) {
                    *member = user;
                }
            }
            say(format_args!("group:everyone#member@user:u{user}"));
        }
        for group in 0..10_000 {
            say(format_args!("group:x{group}#member@user:busy"));
        }
        for (level, folders) in FOLDERS.iter().enumerate() {
            for folder in 0..*folders {
                let parents = level.checked_sub(1).and_then(|above| FOLDERS.get(above));
                if let Some(parents) = parents {
                    say(format_args!(
                        "folder:{level}-{folder}#parent@folder:{}-{}",
                        level - 1,
                        folder % parents
                    ));
                }
                let user = random.below(USERS);
                say(format_args!("folder:{level}-{folder}#viewer@user:u{user}"));
                let group = match random.below(3) {
                    0 => format!("d{}", random.below(DEPARTMENTS)),
                    1 => format!("t{}", random.below(TEAMS)),
                    _ => format!("s{}", random.below(SQUADS)),
                };
                say(format_args!(
                    "folder:{level}-{folder}#viewer@group:{group}#member"
                ));
            }
        }
        for lister in 0..LISTERS {
            for folder in 0..4 {
                say(format_args!(
                    "folder:1-{}#viewer@user:lister{lister}",
                    lister * 4 + folder
                ));
            }
        }
        for link in 1..25 {
            say(format_args!("folder:c{link}#parent@folder:c{}", link - 1));
        }
        say(format_args!("folder:c0#viewer@user:deep"));
        say(format_args!("doc:deep#parent@folder:c24"));
        say(format_args!("doc:all#viewer@group:everyone#member"));
        say(format_args!("doc:busy#viewer@group:x7777#member"));
        let documents = (RELATIONSHIPS - lines) / 2;
        let (mut direct, mut folder_of) = (Vec::new(), Vec::new());
        for document in 0..documents {
            let folder = random.below(40_000);
            let user = random.below(USERS);
            let _ = writeln!(text, "doc:{document}#parent@folder:3-{folder}");
            let _ = writeln!(text, "doc:{document}#viewer@user:u{user}");
            direct.push(user);
            folder_of.push(folder);
        }
        Self {
            text,
            documents,
            direct,
            folder_of,
            member_of,
        }
    }

    /// The facts in our index.
    pub(crate) fn store(&self) -> anyhow::Result<Store> {
        let loaded = Store::from_texts(self.text.lines());
        loaded.map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))
    }
}

/// The model and the facts, ready to be asked.
pub(crate) fn engine(store: &Store) -> anyhow::Result<Engine> {
    let source = Source::new("model.fga", MODEL);
    let model = authz::language::openfga::read(&source);
    let model: RelationModel =
        model.map_err(|mistakes| anyhow::anyhow!("{} mistakes in the model", mistakes.len()))?;
    Ok(Engine::new(Arc::new(model), store.snapshot()))
}

/// `doc:NAME` and `user:NAME` as the engine takes them.
pub(crate) fn pair(document: &str, user: &str) -> (Reference, SubjectReference) {
    let user = SubjectReference::object(Reference::new("user", user));
    (Reference::new("doc", document), user)
}

/// What an edge of the bare graph means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Means {
    User,
    Group,
    Parent,
}

/// The facts as plain rows: for each object the sorted edges of its only relations.
pub(crate) struct Bare {
    pub(crate) names: HashMap<String, u32>,
    pub(crate) texts: Vec<String>,
    starts: Vec<u32>,
    edges: Vec<(Means, u32)>,
    back_starts: Vec<u32>,
    back: Vec<(Means, u32)>,
}

impl Bare {
    /// The same facts, read from the same text.
    pub(crate) fn new(world: &World) -> anyhow::Result<Self> {
        let mut names = HashMap::new();
        let mut texts = Vec::new();
        let mut number = |name: &str| {
            if let Some(found) = names.get(name) {
                return *found;
            }
            let next = texts.len() as u32;
            names.insert(name.to_owned(), next);
            texts.push(name.to_owned());
            next
        };
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        for line in world.text.lines() {
            let (object, rest) = line.split_once('#').context("no relation")?;
            let (relation, subject) = rest.split_once('@').context("no subject")?;
            let (subject, userset) = match subject.split_once('#') {
                Some((subject, _)) => (subject, true),
                None => (subject, false),
            };
            let means = match (relation, userset) {
                ("parent", _) => Means::Parent,
                (_, true) => Means::Group,
                (_, false) => Means::User,
            };
            let (object, subject) = (number(object), number(subject));
            forward.push((object, means, subject));
            backward.push((subject, means, object));
        }
        let (starts, edges) = rows(texts.len(), forward);
        let (back_starts, back) = rows(texts.len(), backward);
        Ok(Self {
            names,
            texts,
            starts,
            edges,
            back_starts,
            back,
        })
    }

    /// Whether the user is a viewer, or a member of a group.
    pub(crate) fn walk(&self, object: u32, user: u32, depth: u32) -> bool {
        let row = row(&self.starts, &self.edges, object);
        if row.binary_search(&(Means::User, user)).is_ok() {
            return true;
        }
        let from = row.partition_point(|it| it.0 == Means::User);
        let rest = row.get(from..).unwrap_or_default();
        depth < 30 && rest.iter().any(|it| self.walk(it.1, user, depth + 1))
    }

    /// The squad among the groups that may view the folder.
    pub(crate) fn squad_of(&self, folder: u32) -> Option<usize> {
        let mut row = row(&self.starts, &self.edges, folder).iter();
        row.find_map(|it| {
            let name = self.texts.get(it.1 as usize)?;
            name.strip_prefix("group:s")?.parse().ok()
        })
    }

    /// The documents that the user may view, by their names, sorted.
    pub(crate) fn list(&self, user: u32) -> Vec<String> {
        let mut seen = std::collections::HashSet::from([user]);
        let mut open = vec![(user, true)];
        let mut names: Vec<&str> = Vec::new();
        while let Some((node, is_user)) = open.pop() {
            for (means, object) in row(&self.back_starts, &self.back, node) {
                let follows = match means {
                    Means::User => is_user,
                    Means::Group | Means::Parent => !is_user,
                };
                if follows && seen.insert(*object) {
                    open.push((*object, false));
                    let name = self.texts.get(*object as usize).map_or("", String::as_str);
                    if name.starts_with("doc:") {
                        names.push(name);
                    }
                }
            }
        }
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect()
    }
}

fn row<'a>(starts: &[u32], edges: &'a [(Means, u32)], object: u32) -> &'a [(Means, u32)] {
    let at = |index: usize| starts.get(index).map_or(0, |it| *it as usize);
    edges
        .get(at(object as usize)..at(object as usize + 1))
        .unwrap_or_default()
}

fn rows(objects: usize, mut facts: Vec<(u32, Means, u32)>) -> (Vec<u32>, Vec<(Means, u32)>) {
    facts.sort_unstable();
    facts.dedup();
    let mut starts = vec![0; objects + 1];
    for (object, _, _) in &facts {
        if let Some(count) = starts.get_mut(*object as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let edges = facts.into_iter().map(|(_, means, other)| (means, other));
    (starts, edges.collect())
}
