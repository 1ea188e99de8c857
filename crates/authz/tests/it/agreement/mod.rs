//! The evaluator against a naive one, on random models, facts and questions; and the listings
//! against the checks. The fuzz target `relations` is made of this folder too.

mod naive;
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use authz::language::{openfga, spicedb};
use authz::resolution::{Answer, Circumstances, Engine, ResolutionError, Rules, SubjectFilter};
use authz::source::Source;
use authz::{Reference, RelationModel, Relationship, Store, SubjectReference};
use serde_json::{Map, Value as Json};

use crate::round_trips::round_trips;
use naive::{Found, Naive};
pub(crate) use random::Random;
use random::{Fact, Model, OBJECTS, Subject};

/// One question with everything that it is asked about.
struct Case<'a> {
    model: &'a Model,
    facts: &'a [Fact],
    engine: &'a Engine,
    context: [Option<i64>; 2],
    hops_max: usize,
}

fn read(model: &Model) -> Option<RelationModel> {
    let source = Source::new("random", &model.text());
    let read = if model.openfga {
        openfga::read(&source)
    } else {
        spicedb::read(&source)
    };
    match read {
        Ok(read) => Some(read),
        Err(mistakes) => {
            // What is left of a random model may be a relation that nobody can enter, or an arrow
            // that leads nowhere: OpenFGA refuses both. Anything else is a mistake of ours.
            let expected = |message: &str| {
                message.contains("nobody can ever be") || message.contains("no type that")
            };
            assert!(model.openfga, "{}\n{mistakes:?}", model.text());
            assert!(
                mistakes.iter().all(|it| expected(&it.message)),
                "{}\n{mistakes:?}",
                model.text()
            );
            None
        }
    }
}

fn json(context: [Option<i64>; 2]) -> Map<String, Json> {
    let names = ["xxx", "yyy"].into_iter().zip(context);
    names
        .filter_map(|(name, value)| Some((name.to_owned(), Json::from(value?))))
        .collect()
}

fn now() -> jiff::Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

impl Case<'_> {
    fn naive(
        &self,
        object: (&'static str, usize),
        relation: &'static str,
        asker: Subject,
        hops_max: usize,
    ) -> Option<Found> {
        let mut naive = Naive {
            model: self.model,
            facts: self.facts,
            context: self.context,
            asker,
            hops_max,
            budget: 20_000,
        };
        naive.ask(object, relation)
    }

    fn check(&self, object: (&str, usize), relation: &str, asker: Subject) -> Answer {
        let context = json(self.context);
        let circumstances = Circumstances {
            context: &context,
            now: now(),
        };
        let object = Reference::new(object.0, &object.1.to_string());
        let subject: SubjectReference = asker.text().parse().unwrap();
        self.engine
            .check(&object, relation, &subject, circumstances)
            .unwrap()
    }

    fn shown(&self) -> String {
        let facts: Vec<String> = self.facts.iter().map(Fact::text).collect();
        format!(
            "{}\n{}\n{:?} {}",
            self.model.text(),
            facts.join("\n"),
            self.context,
            self.hops_max
        )
    }

    /// Whether the two agree; none if the naive one gave up.
    fn compare(
        &self,
        object: (&'static str, usize),
        relation: &'static str,
        asker: Subject,
    ) -> Option<Found> {
        let found = self.naive(object, relation, asker, self.hops_max)?;
        let answer = self.check(object, relation, asker);
        let agrees = |found: &Found| match (found, &answer) {
            (Found::Yes, Answer::Yes) | (Found::No, Answer::No) => true,
            (Found::Needs(names), Answer::Conditional(found)) => {
                names.iter().copied().eq(found.iter().map(|it| &**it))
            }
            (Found::Cycle, Answer::No) => self.model.openfga,
            (Found::Cycle, Answer::Failed(ResolutionError::Cycle)) => !self.model.openfga,
            // Which of the two is met first depends on what was asked before.
            (Found::Depth | Found::Cycle, Answer::Failed(ResolutionError::Depth)) => {
                self.hops_max < 24
            }
            _ => false,
        };
        // A way that is too long may have been walked before, from nearer by; and OpenFGA says no
        // of a subject that is in no fact, however long the ways are.
        let right = agrees(&found)
            || (self.hops_max < 24 && agrees(&self.naive(object, relation, asker, 1_000)?));
        assert!(
            right,
            "{}\n{}:{}#{relation}@{}: naive {found:?}, engine {answer:?}",
            self.shown(),
            object.0,
            object.1,
            asker.text()
        );
        Some(found)
    }

    /// The listings hold exactly what the checks say.
    fn compare_listings(&self, type_name: &'static str, relation: &'static str, asker: Subject) {
        let context = json(self.context);
        let circumstances = Circumstances {
            context: &context,
            now: now(),
        };
        let subject: SubjectReference = asker.text().parse().unwrap();
        let page = (None, 1_000);
        let listed = self
            .engine
            .list_objects(type_name, relation, &subject, circumstances, page)
            .unwrap();
        let listed: BTreeSet<String> = listed
            .items
            .iter()
            .map(|it| it.object.id().to_owned())
            .collect();
        let held = (0..OBJECTS).filter(|id| holds(&self.check((type_name, *id), relation, asker)));
        let held: BTreeSet<String> = held.map(|id| id.to_string()).collect();
        assert_eq!(
            listed,
            held,
            "{}\n{type_name} {relation} {}",
            self.shown(),
            asker.text()
        );
        for id in 0..OBJECTS {
            let object = Reference::new(type_name, &id.to_string());
            let filter = SubjectFilter {
                type_name: "user",
                relation: None,
            };
            let listed = self
                .engine
                .list_subjects(&object, relation, filter, circumstances, page)
                .unwrap();
            let all = listed.items.iter().find(|it| it.subject.is_wildcard());
            for user in 0..OBJECTS + 1 {
                let asker = Subject {
                    type_name: "user",
                    id: Some(user),
                    relation: None,
                };
                let text = asker.text();
                let named = listed.items.iter().any(|it| it.subject.to_string() == text);
                let excluded =
                    all.is_some_and(|it| it.excluded.iter().any(|it| it.to_string() == text));
                let failed = listed
                    .failed
                    .iter()
                    .any(|it| it.0.subject.to_string() == text || it.0.subject.is_wildcard());
                let answer = self.check((type_name, id), relation, asker);
                let is_listed = named || (all.is_some() && !excluded);
                if !failed && !matches!(answer, Answer::Failed(_)) {
                    assert_eq!(
                        is_listed,
                        holds(&answer),
                        "{}\n{object}#{relation}@{text} {listed:?}",
                        self.shown()
                    );
                }
            }
        }
    }
}

fn holds(answer: &Answer) -> bool {
    matches!(answer, Answer::Yes | Answer::Conditional(_))
}

/// What a model and its facts make use of.
fn features(model: &Model, facts: &[Fact]) -> Vec<&'static str> {
    let text = model.text();
    let mut features = Vec::new();
    let mut note = |name: &'static str, is: bool| {
        if is {
            features.push(name);
        }
    };
    note("wildcard", facts.iter().any(|it| it.subject.id.is_none()));
    note(
        "exclusion",
        text.contains(" but not ") || text.contains(" - "),
    );
    note(
        "intersection",
        text.contains(" and ") || text.contains(" & "),
    );
    note("arrow", text.contains(" from ") || text.contains("->"));
    note("arrow to all", text.contains(".all("));
    note(
        "userset",
        facts.iter().any(|it| it.subject.relation.is_some()),
    );
    note("condition", facts.iter().any(|it| it.condition.is_some()));
    note("expiry", facts.iter().any(|it| it.expired == Some(true)));
    note(
        "self",
        text.contains("self)") || text.contains("self\n") || text.contains("(self"),
    );
    features
}

/// How many questions were compared, and how often each outcome and each feature was among them.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) cases: usize,
    pub(crate) counts: BTreeMap<&'static str, usize>,
}

/// Compares on one random model, with several sets of facts and several questions to each. Panics
/// where the two do not agree.
pub(crate) fn compare_on_a_model(random: &mut Random, tally: &mut Tally) {
    let model = random::model(random);
    let Some(parsed) = read(&model) else { return };
    round_trips(&parsed);
    let parsed = Arc::new(parsed);
    for _ in 0..3 {
        let facts = random::facts(random, &model);
        let hops_max = *random.pick(&[0, 0, 1, 24, 24, 24]);
        let engine = engine(&model, &parsed, &facts, hops_max);
        let features = features(&model, &facts);
        for question in 0..8 {
            let mut value = || *random.pick(&[None, None, None, Some(0), Some(2)]);
            let context = [value(), value()];
            let case = Case {
                model: &model,
                facts: &facts,
                engine: &engine,
                context,
                hops_max,
            };
            case.ask(random, tally, &features, question == 0);
        }
    }
}

fn engine(model: &Model, parsed: &Arc<RelationModel>, facts: &[Fact], hops_max: usize) -> Engine {
    let mut store = Store::new();
    for fact in facts {
        let fact: Relationship = fact.text().parse().unwrap();
        fact.check(parsed)
            .unwrap_or_else(|error| panic!("{fact}: {error}\n{}", model.text()));
        store.write(&fact);
    }
    let rules = Rules {
        hops_max: u32::try_from(hops_max).unwrap(),
        ..Rules::of(parsed)
    };
    Engine::with_rules(Arc::clone(parsed), store.snapshot(), rules)
}

impl Case<'_> {
    /// One random question, and the listings beside it.
    fn ask(
        &self,
        random: &mut Random,
        tally: &mut Tally,
        features: &[&'static str],
        and_list: bool,
    ) {
        let (type_name, relations) = &self.model.types[1 + random.below(2)];
        let relation = random.pick(relations).name;
        let asker = self.asker(random);
        let object = (*type_name, random.below(OBJECTS));
        let Some(found) = self.compare(object, relation, asker) else {
            return;
        };
        // A no is the commonest answer: most of them are compared and not counted.
        if found == Found::No && !random.chance(6) {
            return;
        }
        tally.cases += 1;
        let outcome = match found {
            Found::Yes => "yes",
            Found::No => "no",
            Found::Needs(_) => "missing context",
            Found::Cycle => "cycle",
            Found::Depth => "depth",
        };
        for name in [&outcome].into_iter().chain(features) {
            *tally.counts.entry(name).or_default() += 1;
        }
        if and_list && self.hops_max > 1 && asker.relation.is_none_or(|it| it == "bbb") {
            self.compare_listings(type_name, relation, asker);
        }
    }

    fn asker(&self, random: &mut Random) -> Subject {
        // Of those that stand in some fact more is to be said than of others.
        let named = self.facts.iter().map(|it| it.subject);
        let named: Vec<Subject> = named.filter(|it| it.id.is_some()).collect();
        match random.below(10) {
            0 => Subject {
                type_name: "group",
                id: Some(random.below(OBJECTS)),
                relation: Some("bbb"),
            },
            1 => Subject {
                type_name: "folder",
                id: Some(random.below(OBJECTS)),
                relation: None,
            },
            2 if self.model.openfga => Subject {
                type_name: "user",
                id: None,
                relation: None,
            },
            3..=6 if !named.is_empty() => *random.pick(&named),
            _ => Subject {
                type_name: "user",
                id: Some(random.below(OBJECTS)),
                relation: None,
            },
        }
    }
}
