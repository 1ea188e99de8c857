//! Checks, memory, loading and publishing, on 1,000,000 relationships.

use std::hint::black_box;

use anyhow::{Context as _, ensure};
use authz::resolution::{Answer, Checker, Circumstances, Engine};
use authz::{Reference, Relationship, Snapshot, Store, SubjectReference};
use serde_json::Map;

use crate::measure::{Random, Report, nanoseconds, sides};
use crate::world::{Bare, RELATIONSHIPS, USERS, World, engine, pair};

/// Checks in a round.
const CHECKS: usize = 5_000;
/// Writes in a round.
const WRITES: usize = 1_000;
/// What the allocator adds to an allocation, at most, in bytes.
const HEADER: i64 = 16;

/// A pair of a document and a user, in every form in which it can be asked about.
struct Pair {
    strings: (String, String),
    references: (Reference, SubjectReference),
    numbers: (u32, u32),
}

/// Measures and prints.
///
/// # Errors
/// The two sides do not agree, or a file of ours is not read.
pub(crate) fn run() -> anyhow::Result<usize> {
    let mut report = Report::default();
    let world = World::new();
    let store = loading(&world, &mut report)?;
    let bare = Bare::new(&world)?;
    let engine = engine(&store)?;
    agree(&world, &bare, &engine)?;
    for (name, kind) in [
        ("mixed", 4),
        ("who may view the document itself", 0),
        ("member of a group of a folder above", 1),
        ("random, nearly always no", 2),
    ] {
        let pairs = |round| pairs(&world, &bare, CHECKS, kind, round);
        checks(name, &mut report, &bare, &engine, pairs);
    }
    for (name, document, users) in [
        ("group of 100,000", "all", "u"),
        ("user in 10,000 groups", "busy", "busy"),
        ("chain of 25 folders", "deep", "deep"),
    ] {
        let pairs = |round| special(&bare, document, users, round);
        checks(name, &mut report, &bare, &engine, pairs);
    }
    allocations(&world, &bare, &engine, &mut report)?;
    publishing(&world, &mut report)?;
    after_writes(&world, &bare, store, &mut report)?;
    Ok(report.missed())
}

fn loading(world: &World, report: &mut Report) -> anyhow::Result<Store> {
    // The fastest of several: whoever else uses the machine only makes it slower.
    let mut fastest = f64::INFINITY;
    for _ in 0..9 {
        let mut store = None;
        let time = nanoseconds(RELATIONSHIPS, || store = Some(world.store()));
        fastest = fastest.min(time);
        store.context("nothing loaded")??;
    }
    let mut loaded = None;
    let info = allocation_counter::measure(|| loaded = Some(world.store()));
    let store = loaded.context("nothing loaded")??;
    ensure!(store.snapshot().len() > RELATIONSHIPS * 99 / 100);
    let facts = store.snapshot().len() as f64;
    let bytes = (info.bytes_current + info.count_current * HEADER) as f64;
    report.at_most("bytes a relationship, all included", bytes / facts, 80.0);
    Report::note(
        "bytes a relationship at the peak of loading",
        &format!("{:.0}", info.bytes_max as f64 / facts),
    );
    let rate = 1e9 / fastest;
    report.at_least("relationships a second, from text", rate, 1_000_000.0);
    Ok(store)
}

/// The bare walk and the engine say the same.
fn agree(world: &World, bare: &Bare, engine: &Engine) -> anyhow::Result<()> {
    let context = Map::new();
    let mut checker = Checker::new(engine);
    let mut yes = 0;
    for pair in pairs(world, bare, 20_000, 4, 99) {
        let (document, user) = &pair.references;
        let ours = checker.check(document, "viewer", user, at(&context));
        let ours = ours.map_err(|error| anyhow::anyhow!("{error}"))? == Answer::Yes;
        ensure!(ours == bare.walk(pair.numbers.0, pair.numbers.1, 0));
        yes += usize::from(ours);
    }
    Report::note(
        "20,000 mixed pairs, both sides agree",
        &format!("{:.0} % may", yes as f64 / 200.0),
    );
    Ok(())
}

fn checks(
    name: &str,
    report: &mut Report,
    bare: &Bare,
    engine: &Engine,
    mut pairs: impl FnMut(u64) -> Vec<Pair>,
) {
    let context = Map::new();
    let mut checker = Checker::new(engine);
    let asked = |round| {
        let pairs = pairs(round);
        let questions = pairs.iter().filter_map(|pair| {
            let (document, user) = &pair.references;
            engine.question(document, "viewer", user).ok()
        });
        let questions: Vec<_> = questions.collect();
        (pairs, questions)
    };
    let (floor, ours) = sides(
        CHECKS,
        asked,
        |(pairs, _)| {
            for pair in pairs {
                black_box(bare.walk(pair.numbers.0, pair.numbers.1, 0));
            }
        },
        |(_, questions)| {
            for question in questions {
                black_box(checker.answer(question, at(&context)));
            }
        },
    );
    report.at_most(&format!("interned ids, {name}"), ours / floor, 1.5);
    Report::note("  nanoseconds", &format!("{ours:.0} to {floor:.0}"));
    let (floor, ours) = sides(
        CHECKS,
        |round| pairs(100 + round),
        |pairs| {
            for pair in pairs {
                let found = |name: &str| bare.names.get(name).copied();
                let ends = (found(&pair.strings.0), found(&pair.strings.1));
                if let (Some(document), Some(user)) = ends {
                    black_box(bare.walk(document, user, 0));
                }
            }
        },
        |pairs| {
            for pair in pairs {
                let (document, user) = &pair.references;
                let _ = black_box(checker.check(document, "viewer", user, at(&context)));
            }
        },
    );
    report.at_most(&format!("string ids, {name}"), ours / floor, 2.0);
    Report::note("  nanoseconds", &format!("{ours:.0} to {floor:.0}"));
}

fn allocations(
    world: &World,
    bare: &Bare,
    engine: &Engine,
    report: &mut Report,
) -> anyhow::Result<()> {
    let context = Map::new();
    let mut checker = Checker::new(engine);
    // The memory of a checker grows with its largest question so far.
    for pair in pairs(world, bare, 1_000, 4, 7) {
        let (document, user) = &pair.references;
        let _ = checker.check(document, "viewer", user, at(&context));
    }
    let pairs = pairs(world, bare, 10_000, 4, 8);
    let info = allocation_counter::measure(|| {
        for pair in &pairs {
            let (document, user) = &pair.references;
            let _ = black_box(checker.check(document, "viewer", user, at(&context)));
        }
    });
    let a_check = info.count_total as f64 / pairs.len() as f64;
    report.at_most("allocations a check", a_check, 0.0);
    Ok(())
}

/// One write and the snapshot that readers get, while the snapshot before is still read.
fn publishing(world: &World, report: &mut Report) -> anyhow::Result<()> {
    let small = Store::from_texts(world.text.lines().step_by(RELATIONSHIPS / 10_000));
    let small = small.map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))?;
    let (mut small, mut large) = (small, world.store()?);
    let mut worst = 0.0_f64;
    let (floor, ours) = sides(
        WRITES,
        |round| (writes(10_000, round), writes(world.documents, round)),
        |(facts, _)| {
            publish(&mut small, facts);
        },
        |(_, facts)| worst = worst.max(publish(&mut large, facts)),
    );
    let name = "publishing one write, 1,000,000 to 10,000 relationships";
    report.at_most(name, ours / floor, 3.0);
    Report::note(
        "  microseconds",
        &format!(
            "{:.2} to {:.2}, the slowest {:.0}",
            ours / 1e3,
            floor / 1e3,
            worst / 1e3
        ),
    );
    Ok(())
}

/// Publishes each write; the nanoseconds of the slowest.
fn publish(store: &mut Store, facts: &[Relationship]) -> f64 {
    let mut read: Snapshot = store.snapshot();
    let mut slowest = 0.0_f64;
    for fact in facts {
        let time = nanoseconds(1, || {
            store.write(fact);
            let next = store.snapshot();
            drop(std::mem::replace(&mut read, next));
        });
        slowest = slowest.max(time);
    }
    slowest
}

/// Checks on facts of which one in ten was written one by one, and not loaded.
fn after_writes(
    world: &World,
    bare: &Bare,
    mut store: Store,
    report: &mut Report,
) -> anyhow::Result<()> {
    for round in 0..100 {
        publish(&mut store, &writes(world.documents, 1_000 + round));
    }
    let engine = engine(&store)?;
    let pairs = |round| pairs(world, bare, CHECKS, 4, 200 + round);
    checks("mixed, after 100,000 writes", report, bare, &engine, pairs);
    Ok(())
}

/// New viewers of documents.
fn writes(documents: usize, round: u64) -> Vec<Relationship> {
    let mut random = Random::new(5_000 + round);
    let facts = (0..WRITES).map(|_| {
        let (document, user) = (random.below(documents), random.below(USERS));
        let (document, user) = pair(&document.to_string(), &format!("u{user}"));
        Relationship::new(document, "viewer", user)
    });
    facts.collect()
}

/// Pairs of one kind, or of all in turn.
fn pairs(world: &World, bare: &Bare, count: usize, kind: usize, round: u64) -> Vec<Pair> {
    let mut random = Random::new(77 + round * 10 + kind as u64);
    let pairs = (0..count).filter_map(|index| {
        let document = random.below(world.documents);
        let user = match if kind == 4 { index % 3 } else { kind } {
            0 => *world.direct.get(document)?,
            1 => viewer_above(world, bare, document).unwrap_or(random.below(USERS)),
            _ => random.below(USERS),
        };
        form(bare, &document.to_string(), &format!("u{user}"))
    });
    pairs.collect()
}

/// A member of a squad that may view the folder of the document, where there is one.
fn viewer_above(world: &World, bare: &Bare, document: usize) -> Option<usize> {
    let folder = bare
        .names
        .get(&format!("folder:3-{}", world.folder_of.get(document)?))?;
    let squad = bare.squad_of(*folder)?;
    world.member_of.get(squad).copied()
}

fn special(bare: &Bare, document: &str, users: &str, round: u64) -> Vec<Pair> {
    let mut random = Random::new(900 + round);
    let pairs = (0..CHECKS).filter_map(|index| {
        let user = match (users, index % 2) {
            ("u", _) | (_, 1) => format!("u{}", random.below(USERS)),
            (user, _) => user.to_owned(),
        };
        form(bare, document, &user)
    });
    pairs.collect()
}

fn form(bare: &Bare, document: &str, user: &str) -> Option<Pair> {
    let strings = (format!("doc:{document}"), format!("user:{user}"));
    Some(Pair {
        numbers: (*bare.names.get(&strings.0)?, *bare.names.get(&strings.1)?),
        references: pair(document, user),
        strings,
    })
}

fn at(context: &Map<String, serde_json::Value>) -> Circumstances<'_> {
    Circumstances {
        context,
        now: jiff::Timestamp::UNIX_EPOCH,
    }
}
