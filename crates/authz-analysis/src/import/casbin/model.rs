//! `model.conf` and `policy.csv` as data with places (casbin.org/docs/syntax-for-models).

use authz::source::{Diagnostic, Diagnostics, Place, Source, one_of};

use crate::policy_tests::tuples::cells;

/// `key = value` of a section.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) place: Place,
}

/// How effects of matching lines become one (casbin.org/docs/syntax-for-models#policy-effect).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// One that allows is enough; denials do not count.
    AllowOverride,
    /// One that allows is needed, and none that denies.
    AllowAndDeny,
    /// Whatever is not denied is allowed.
    DenyOverride,
    /// The first counts.
    Priority,
}

/// What `model.conf` says.
#[derive(Debug)]
pub(super) struct Model {
    /// The fields of a request, such as `sub`.
    pub(super) request: Vec<String>,
    /// The fields of a policy line.
    pub(super) policy: Vec<String>,
    pub(super) policy_place: Place,
    /// The names of role definitions, such as `g`, with the number of their fields.
    pub(super) groups: Vec<(String, usize)>,
    pub(super) effect: Definition,
    pub(super) matcher: Definition,
    /// Definitions beside the first of each kind, such as `p2`, which nothing asks for by default.
    pub(super) others: Vec<Definition>,
}

const SECTIONS: [&str; 5] = [
    "request_definition",
    "policy_definition",
    "role_definition",
    "policy_effect",
    "matchers",
];

/// Reads a model; none if something is missing.
pub(super) fn read(source: &Source, mistakes: &mut Diagnostics) -> Option<Model> {
    let mut sections: [Vec<Definition>; 5] = Default::default();
    let mut section: Option<&mut Vec<Definition>> = None;
    for (text, place) in logical_lines(source) {
        if let Some(name) = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            let found = SECTIONS.iter().position(|it| *it == name.trim());
            section = found.and_then(|at| sections.get_mut(at));
            if found.is_none() {
                let mistake = Diagnostic::new(place, format!("unknown section `{name}`"));
                let mistake = mistake.label(format!("expected {}", one_of(SECTIONS)));
                mistakes.push(mistake.nearest(name, SECTIONS));
            }
            continue;
        }
        let Some((key, value)) = text.split_once('=') else {
            let mistake = Diagnostic::new(place, "this is no definition");
            mistakes.push(mistake.label("expected `key = value`"));
            continue;
        };
        if let Some(section) = &mut section {
            section.push(Definition {
                key: key.trim().to_owned(),
                value: without_comment(value).to_owned(),
                place,
            });
        }
    }
    let [request, policy, groups, effect, matcher] = sections;
    let mut others = Vec::new();
    let mut one = |key: &str, of: Vec<Definition>, name: &str| {
        let mut found = None;
        for definition in of {
            match definition.key == key {
                true => found = Some(definition),
                false => others.push(definition),
            }
        }
        if found.is_none() {
            let message = format!("`{key}` of `[{name}]` is missing");
            mistakes.push(Diagnostic::new(source.place(0..0), message));
        }
        found
    };
    let request = one("r", request, SECTIONS[0]);
    let policy = one("p", policy, SECTIONS[1]);
    let effect = one("e", effect, SECTIONS[3]);
    let matcher = one("m", matcher, SECTIONS[4]);
    let policy = policy?;
    Some(Model {
        request: fields(&request?.value),
        policy: fields(&policy.value),
        policy_place: policy.place,
        groups: groups
            .iter()
            .map(|it| (it.key.clone(), fields(&it.value).len()))
            .collect(),
        effect: effect?,
        matcher: matcher?,
        others,
    })
}

impl Model {
    /// How effects become one; none for a way that is not known.
    pub(super) fn combination(&self) -> Option<Effect> {
        let text: String = self.effect.value.split_whitespace().collect();
        Some(match text.replace("p_eft", "p.eft").as_str() {
            "some(where(p.eft==allow))" => Effect::AllowOverride,
            "some(where(p.eft==allow))&&!some(where(p.eft==deny))" => Effect::AllowAndDeny,
            "!some(where(p.eft==deny))" => Effect::DenyOverride,
            "priority(p.eft)||deny" => Effect::Priority,
            _ => return None,
        })
    }
}

fn fields(text: &str) -> Vec<String> {
    text.split(',').map(|it| it.trim().to_owned()).collect()
}

fn without_comment(text: &str) -> &str {
    text.split('#').next().unwrap_or_default().trim()
}

/// The lines that say something; one that ends with `\` goes on with the next.
fn logical_lines(source: &Source) -> Vec<(String, Place)> {
    let mut lines: Vec<(String, Place)> = Vec::new();
    let mut goes_on = false;
    for (line, place) in lines_of(source) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let end = line.strip_suffix('\\');
        let text = end.unwrap_or(line).trim_end();
        match lines.last_mut().filter(|_| goes_on) {
            Some((whole, whole_place)) => {
                whole.push(' ');
                whole.push_str(text);
                whole_place.span.end = place.span.end;
            }
            None => lines.push((text.to_owned(), place)),
        }
        goes_on = end.is_some();
    }
    lines
}

/// The lines of a text without the white space around them, with their places.
fn lines_of(source: &Source) -> Vec<(&str, Place)> {
    let file = source.place(0..0).file;
    let mut at = 0;
    let lines = source.text().split_inclusive('\n').enumerate();
    let placed = lines.map(|(number, line)| {
        let indent = line.len() - line.trim_start().len();
        let start = at + indent;
        at += line.len();
        let text = line.trim();
        let place = Place {
            file: file.clone(),
            span: start..start + text.len(),
            line: number + 1,
            column: indent + 1,
        };
        (text, place)
    });
    placed.collect()
}

/// A line of `policy.csv`: `p, alice, data1, read` or `g, alice, admin`.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// `p`, `g`, ...
    pub(super) kind: String,
    pub(super) values: Vec<String>,
    pub(super) place: Place,
}

/// The lines of a policy.
pub(super) fn lines(source: &Source) -> Vec<Line> {
    let mut found = Vec::new();
    for (text, place) in lines_of(source) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let cells = cells(text);
        let mut cells = cells.iter().map(|cell| cell.trim().to_owned());
        found.push(Line {
            kind: cells.next().unwrap_or_default(),
            values: cells.collect(),
            place,
        });
    }
    found
}
