//! Random models, facts and questions, as plain data: what the naive evaluator reads, and what is
//! written out as text for the real one.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// Choices: first those that were given, then SplitMix64 (Steele, Lea, Flood, "Fast Splittable
/// Pseudorandom Number Generators").
pub(crate) struct Random {
    given: VecDeque<u8>,
    state: u64,
}

impl Random {
    /// The choices of a fuzzer, a byte each; and the seed of what they leave open.
    pub(crate) fn new(given: &[u8], seed: u64) -> Self {
        let given = given.iter().copied().collect();
        Self { given, state: seed }
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        match self.given.pop_front() {
            Some(byte) => usize::from(byte) % bound,
            None => usize::try_from(self.next() % bound as u64).unwrap(),
        }
    }

    /// The next number of SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Object,
    Userset(&'static str),
    Wildcard,
}

/// `type`, `type#relation` or `type:*`, with a condition and an expiration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Allowed {
    pub(super) type_name: &'static str,
    pub(super) kind: Kind,
    pub(super) condition: Option<&'static str>,
    pub(super) expires: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Expression {
    Direct,
    Computed(&'static str),
    Arrow {
        through: &'static str,
        to: &'static str,
        all: bool,
    },
    Union(Vec<Expression>),
    Intersection(Vec<Expression>),
    Exclusion(Box<Expression>, Box<Expression>),
    Itself,
    Nobody,
}

#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) name: &'static str,
    pub(super) allowed: Vec<Allowed>,
    pub(super) expression: Expression,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) openfga: bool,
    pub(super) types: Vec<(&'static str, Vec<Relation>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    pub(super) object: (&'static str, usize),
    pub(super) relation: &'static str,
    pub(super) subject: Subject,
    pub(super) condition: Option<&'static str>,
    /// The stored values of `xxx` and `yyy`.
    pub(super) stored: [Option<i64>; 2],
    /// Whether it has an expiration, and whether that is over.
    pub(super) expired: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Subject {
    pub(super) type_name: &'static str,
    /// None for every object.
    pub(super) id: Option<usize>,
    pub(super) relation: Option<&'static str>,
}

pub(super) const NAMES: [&str; 5] = ["aaa", "bbb", "ccc", "ddd", "eee"];
pub(super) const OBJECTS: usize = 3;
/// The conditions, with whether they depend on `xxx` and `yyy`.
const CONDITIONS: [&str; 2] = ["small", "either"];

pub(super) fn model(random: &mut Random) -> Model {
    let openfga = random.chance(50);
    let mut types: Vec<(&'static str, Vec<Relation>)> = vec![("user", Vec::new())];
    for type_name in ["group", "folder"] {
        let mut relations = vec![Relation {
            name: "parent",
            allowed: parents(random),
            expression: Expression::Direct,
        }];
        let count = 2 + random.below(4);
        for (index, name) in NAMES.iter().enumerate().take(count) {
            relations.push(relation(random, type_name, name, index, openfga));
        }
        types.push((type_name, relations));
    }
    Model { openfga, types }
}

fn plain(type_name: &'static str, kind: Kind) -> Allowed {
    Allowed {
        type_name,
        kind,
        condition: None,
        expires: false,
    }
}

fn parents(random: &mut Random) -> Vec<Allowed> {
    let mut allowed = vec![plain("folder", Kind::Object)];
    if random.chance(50) {
        allowed.push(plain("group", Kind::Object));
    }
    if random.chance(20) {
        allowed.push(Allowed {
            condition: Some(*random.pick(&CONDITIONS)),
            ..plain("folder", Kind::Object)
        });
    }
    allowed
}

fn relation(
    random: &mut Random,
    type_name: &'static str,
    name: &'static str,
    index: usize,
    openfga: bool,
) -> Relation {
    let written = index < 2 || (openfga && random.chance(50));
    let allowed = if written {
        allowed(random, type_name, index, openfga)
    } else {
        Vec::new()
    };
    let is_plain = index < 2 && (!openfga || random.chance(60));
    let expression = if is_plain {
        Expression::Direct
    } else {
        let mut expression = expression(random, index, openfga, 0);
        if written {
            expression = match random.below(4) {
                0 => Expression::Intersection(vec![Expression::Direct, expression]),
                1 => Expression::Exclusion(Box::new(Expression::Direct), Box::new(expression)),
                _ => Expression::Union(vec![Expression::Direct, expression]),
            };
        }
        expression
    };
    Relation {
        name,
        allowed,
        expression,
    }
}

fn allowed(random: &mut Random, type_name: &str, index: usize, openfga: bool) -> Vec<Allowed> {
    let mut allowed = vec![plain("user", Kind::Object)];
    // Only the first relation may hold everybody, and only the second one usersets: of the second.
    if index == 0 && random.chance(70) {
        allowed.push(plain("user", Kind::Wildcard));
        if random.chance(30) {
            allowed.push(Allowed {
                condition: Some("small"),
                ..plain("user", Kind::Wildcard)
            });
        }
    }
    if index >= 1 || openfga {
        let of = if openfga {
            *random.pick(&NAMES[..2])
        } else {
            "bbb"
        };
        allowed.push(plain("group", Kind::Userset(of)));
        if type_name == "folder" {
            allowed.push(plain("folder", Kind::Userset("bbb")));
        }
    }
    if random.chance(60) {
        let condition = Some(*random.pick(&CONDITIONS));
        let base = random.pick(&allowed).clone();
        let conditional = Allowed { condition, ..base };
        if !allowed.contains(&conditional) {
            allowed.push(conditional);
        }
    }
    if !openfga && random.chance(50) {
        let expiring = Allowed {
            expires: true,
            ..plain("user", Kind::Object)
        };
        allowed.push(expiring);
    }
    allowed
}

fn expression(random: &mut Random, index: usize, openfga: bool, depth: usize) -> Expression {
    let inner = |random: &mut Random| expression(random, index, openfga, depth + 1);
    match random.below(if depth >= 2 { 5 } else { 9 }) {
        0..=2 if index > 0 => Expression::Computed(NAMES[random.below(index)]),
        0..=3 => {
            let bound = if random.chance(70) { 2 } else { 4 };
            Expression::Arrow {
                through: "parent",
                to: NAMES[random.below(bound)],
                all: !openfga && random.chance(35),
            }
        }
        4 if !openfga && random.chance(40) => Expression::Itself,
        4 if !openfga && random.chance(20) => Expression::Nobody,
        4 if index > 0 => Expression::Computed(NAMES[random.below(index)]),
        4 => Expression::Arrow {
            through: "parent",
            to: "aaa",
            all: false,
        },
        5 | 6 => Expression::Union(vec![inner(random), inner(random)]),
        7 => Expression::Intersection(vec![inner(random), inner(random)]),
        _ => Expression::Exclusion(Box::new(inner(random)), Box::new(inner(random))),
    }
}

pub(super) fn facts(random: &mut Random, model: &Model) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for _ in 0..14 + random.below(24) {
        let (type_name, relations) = &model.types[1 + random.below(2)];
        let written: Vec<&Relation> = relations
            .iter()
            .filter(|it| !it.allowed.is_empty())
            .collect();
        let relation = *random.pick(&written);
        let conditional: Vec<&Allowed> = relation
            .allowed
            .iter()
            .filter(|it| it.condition.is_some())
            .collect();
        let allowed = match conditional.is_empty() || random.chance(60) {
            true => random.pick(&relation.allowed),
            false => random.pick(&conditional),
        };
        let id = random.below(OBJECTS);
        let fact = Fact {
            object: (type_name, random.below(OBJECTS)),
            relation: relation.name,
            subject: Subject {
                type_name: allowed.type_name,
                id: (allowed.kind != Kind::Wildcard).then_some(id),
                relation: match allowed.kind {
                    Kind::Userset(relation) => Some(relation),
                    _ => None,
                },
            },
            condition: allowed.condition,
            stored: match allowed.condition {
                Some(name) if random.chance(35) => {
                    let value = Some(if random.chance(50) { 0 } else { 2 });
                    if name == "either" && random.chance(50) {
                        [None, value]
                    } else {
                        [value, None]
                    }
                }
                _ => [None, None],
            },
            expired: allowed.expires.then(|| random.chance(40)),
        };
        let same_ends = |it: &Fact| {
            it.object == fact.object && it.relation == fact.relation && it.subject == fact.subject
        };
        if !facts.iter().any(same_ends) {
            facts.push(fact);
        }
    }
    facts
}

impl Model {
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        if self.openfga {
            out.push_str("model\n  schema 1.1\n");
        } else {
            out.push_str("use expiration\nuse self\n");
        }
        for (name, relations) in &self.types {
            let (open, close) = if self.openfga {
                ("\n  relations\n", "")
            } else {
                (" {\n", "}\n")
            };
            let word = if self.openfga { "type" } else { "definition" };
            let open = if self.openfga && relations.is_empty() {
                "\n"
            } else {
                open
            };
            let _ = write!(out, "{word} {name}{open}");
            relations.iter().for_each(|it| out.push_str(&self.line(it)));
            out.push_str(close);
        }
        out.push_str(if self.openfga {
            "condition small(xxx: int) { xxx < 1 }\ncondition either(xxx: int, yyy: int) { xxx > 1 || yyy > 1 }\n"
        } else {
            "caveat small(xxx int) { xxx < 1 }\ncaveat either(xxx int, yyy int) { xxx > 1 || yyy > 1 }\n"
        });
        out
    }

    fn line(&self, relation: &Relation) -> String {
        let types: Vec<String> = relation.allowed.iter().map(Allowed::text).collect();
        let name = relation.name;
        if self.openfga {
            let types = format!("[{}]", types.join(", "));
            return format!(
                "    define {name}: {}\n",
                self.expression(&relation.expression, &types)
            );
        }
        match relation.expression {
            Expression::Direct => format!("  relation {name}: {}\n", types.join(" | ")),
            _ => format!(
                "  permission {name} = {}\n",
                self.expression(&relation.expression, "")
            ),
        }
    }

    fn expression(&self, expression: &Expression, types: &str) -> String {
        let [or, and, not] = if self.openfga {
            ["or", "and", "but not"]
        } else {
            ["+", "&", "-"]
        };
        let of = |part: &Expression| self.expression(part, types);
        let join = |parts: &[Expression], sign: &str| {
            let parts: Vec<String> = parts.iter().map(of).collect();
            format!("({})", parts.join(&format!(" {sign} ")))
        };
        match expression {
            Expression::Direct => types.to_owned(),
            Expression::Computed(name) => (*name).to_owned(),
            Expression::Arrow { through, to, .. } if self.openfga => format!("{to} from {through}"),
            Expression::Arrow {
                through,
                to,
                all: false,
            } => format!("{through}->{to}"),
            Expression::Arrow { through, to, .. } => format!("{through}.all({to})"),
            Expression::Union(parts) => join(parts, or),
            Expression::Intersection(parts) => join(parts, and),
            Expression::Exclusion(base, subtracted) => {
                format!("({} {not} {})", of(base), of(subtracted))
            }
            Expression::Itself => "self".to_owned(),
            Expression::Nobody => "nil".to_owned(),
        }
    }
}

impl Allowed {
    fn text(&self) -> String {
        let mut text = match self.kind {
            Kind::Object => self.type_name.to_owned(),
            Kind::Userset(relation) => format!("{}#{relation}", self.type_name),
            Kind::Wildcard => format!("{}:*", self.type_name),
        };
        match (self.condition, self.expires) {
            (Some(name), _) => text.push_str(&format!(" with {name}")),
            (None, true) => text.push_str(" with expiration"),
            (None, false) => {}
        }
        text
    }
}

impl Subject {
    pub(super) fn text(&self) -> String {
        let id = self.id.map_or("*".to_owned(), |id| id.to_string());
        match self.relation {
            None => format!("{}:{id}", self.type_name),
            Some(relation) => format!("{}:{id}#{relation}", self.type_name),
        }
    }
}

impl Fact {
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{}:{}#{}@{}",
            self.object.0,
            self.object.1,
            self.relation,
            self.subject.text()
        );
        if let Some(condition) = self.condition {
            let names = ["xxx", "yyy"].iter().zip(self.stored);
            let stored: Vec<String> = names
                .filter_map(|(name, value)| value.map(|it| format!("\"{name}\":{it}")))
                .collect();
            let _ = write!(text, "[{condition}:{{{}}}]", stored.join(","));
        }
        match self.expired {
            Some(true) => text.push_str("[expiration:2020-01-01T00:00:00Z]"),
            Some(false) => text.push_str("[expiration:2120-01-01T00:00:00Z]"),
            None => {}
        }
        text
    }
}
