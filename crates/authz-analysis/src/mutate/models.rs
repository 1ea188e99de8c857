//! Changes of relation models, in the languages of OpenFGA and SpiceDB: operands that go, operators
//! that become others, arrows that lead elsewhere.

use std::ops::Range;

use authz::Policy;
use authz::source::Source;

use super::Operator;
use super::changes::Changes;
use super::text::Splice;

/// How a language joins what a relation follows from.
struct Language {
    /// The operators; the last one excludes.
    operators: &'static [&'static str],
    /// How a comment behind it begins.
    comment: &'static str,
    /// What stands between the name of a relation and what it follows from.
    equals: char,
    /// How the lines begin that say it.
    leads: &'static [&'static str],
}

const OPENFGA: Language = Language {
    operators: &[" or ", " and ", " but not "],
    comment: " #",
    equals: ':',
    leads: &["define "],
};

const SPICEDB: Language = Language {
    operators: &[" + ", " & ", " - "],
    comment: " //",
    equals: '=',
    leads: &["permission "],
};

/// The changes of a model, line by line.
pub(super) fn changes(source: &Source, policy: &Policy, changes: &mut Changes) {
    let language = match source.name().ends_with(".zed") {
        true => &SPICEDB,
        false => &OPENFGA,
    };
    let mut start = 0;
    for line in source.text().split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let begins = language
            .leads
            .iter()
            .any(|it| line.trim_start().starts_with(it));
        let at = line.find(language.equals).filter(|_| begins);
        if let Some(at) = at {
            let name = line.get(indent..at).unwrap_or_default();
            let name = name.split_whitespace().nth(1).unwrap_or_default();
            let end = line.find(language.comment).unwrap_or(line.len());
            let said = line.get(at + 1..end).unwrap_or_default();
            let lead = said.len() - said.trim_start().len();
            let from = start + at + 1 + lead;
            let span = from..from + said.trim().len();
            let mut found = Found {
                source,
                policy,
                language,
                name,
                changes: &mut *changes,
            };
            found.expression(span);
        }
        start += line.len();
    }
}

struct Found<'a> {
    source: &'a Source,
    policy: &'a Policy,
    language: &'a Language,
    name: &'a str,
    changes: &'a mut Changes,
}

impl Found<'_> {
    fn text(&self, span: &Range<usize>) -> &str {
        self.source.text().get(span.clone()).unwrap_or_default()
    }

    fn add(&mut self, operator: Operator, what: String, splice: Splice) {
        let place = self.source.place(splice.span.clone());
        let what = format!("relation `{}`: {what}", self.name);
        self.changes.add(operator, &place, what, Some(splice));
    }

    fn expression(&mut self, span: Range<usize>) {
        let parts = self.parts(&span);
        if parts.len() < 2 {
            return self.operand(span);
        }
        for (at, (operator, part)) in parts.iter().enumerate() {
            self.dropped(&parts, at);
            if let Some(operator) = operator {
                self.joined_otherwise(operator);
            }
            self.operand(part.clone());
        }
    }

    /// Without an operand and the operator that goes with it.
    fn dropped(&mut self, parts: &[(Option<Range<usize>>, Range<usize>)], at: usize) {
        let Some((operator, part)) = parts.get(at) else {
            return;
        };
        let excludes = self.language.operators.last().copied();
        let is_exclusion = operator
            .as_ref()
            .is_some_and(|it| Some(self.text(it)) == excludes);
        let next = parts.get(at + 1).and_then(|(operator, _)| operator.clone());
        let span = match (operator, next) {
            (Some(operator), _) => operator.start..part.end,
            (None, Some(next)) => part.start..next.end,
            (None, None) => return,
        };
        let kind = match is_exclusion {
            true => Operator::DropExclusion,
            false => Operator::DropBranch,
        };
        let what = format!("`{}` is gone", self.text(part));
        self.add(kind, what, Splice::new(span, ""));
    }

    fn joined_otherwise(&mut self, operator: &Range<usize>) {
        let now = self.text(operator).to_owned();
        let others = self.language.operators.iter();
        let others: Vec<&str> = others.filter(|it| **it != now).copied().collect();
        for other in others {
            let what = format!("`{}` becomes `{}`", now.trim(), other.trim());
            let splice = Splice::new(operator.clone(), other);
            self.add(Operator::ChangeBranch, what, splice);
        }
    }

    /// `[user, group#member]`, `x from y`, `y->x`, or something in brackets.
    fn operand(&mut self, span: Range<usize>) {
        let text = self.text(&span).to_owned();
        if text.starts_with('(') && text.ends_with(')') {
            return self.expression(span.start + 1..span.end - 1);
        }
        if let Some(inner) = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            let kinds: Vec<&str> = inner.split(',').map(str::trim).collect();
            for dropped in kinds.iter().filter(|_| kinds.len() > 1) {
                let others = kinds.iter().filter(|it| *it != dropped);
                let others: Vec<&str> = others.copied().collect();
                let splice = Splice::new(span.clone(), format!("[{}]", others.join(", ")));
                let what = format!("no `{dropped}` may stand in it");
                self.add(Operator::NarrowRelation, what, splice);
            }
            return;
        }
        let (computed, through, is_arrow) = match text.split_once("->") {
            Some((through, computed)) => (computed, through, true),
            None => match text.split_once(" from ") {
                Some((computed, through)) => (computed, through, false),
                None => return,
            },
        };
        for other in self.relations() {
            if other == computed {
                continue;
            }
            let changed = match is_arrow {
                true => format!("{through}->{other}"),
                false => format!("{other} from {through}"),
            };
            let what = format!("`{text}` becomes `{changed}`");
            self.add(
                Operator::ChangeArrow,
                what,
                Splice::new(span.clone(), changed),
            );
        }
    }

    /// The names of all relations.
    fn relations(&self) -> Vec<String> {
        let Some(model) = self.policy.relation_model() else {
            return Vec::new();
        };
        let types = model.type_names();
        let mut all: Vec<&str> = types.flat_map(|it| model.relation_names(it)).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(str::to_owned).collect()
    }

    /// The operands outside of brackets, each with the operator before it.
    fn parts(&self, span: &Range<usize>) -> Vec<(Option<Range<usize>>, Range<usize>)> {
        let text = self.text(span);
        let mut parts = Vec::new();
        let (mut depth, mut begins, mut operator) = (0_usize, 0, None);
        let mut at = 0;
        while let Some(rest) = text.get(at..) {
            let Some(c) = rest.chars().next() else { break };
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            let found = self
                .language
                .operators
                .iter()
                .find(|it| rest.starts_with(**it));
            if let Some(found) = found.filter(|_| depth == 0) {
                parts.push((operator, span.start + begins..span.start + at));
                operator = Some(span.start + at..span.start + at + found.len());
                at += found.len();
                begins = at;
                continue;
            }
            at += c.len_utf8();
        }
        parts.push((operator, span.start + begins..span.end));
        parts
    }
}
