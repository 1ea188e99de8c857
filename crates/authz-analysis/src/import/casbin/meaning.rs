//! What a policy line means under the matcher: who may, or may not, do what to what, and where.

use indexmap::IndexSet;

use super::super::write::quoted;
use super::attributes::{self, Condition};
use super::groups::Groups;
use super::matcher::{Alternative, Test};
use super::model::{Line, Model};
use super::patterns::{PATTERNS, compiled, is_path, path_condition, words_of};

/// Which field of a request is what.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) subject: String,
    pub(super) tenant: Option<String>,
    pub(super) object: String,
    pub(super) action: String,
}

/// Whom a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Everyone,
    /// Whoever is called so, or has the role of this name.
    Named(String),
}

impl Who {
    /// Whether the name is empty, which is that of nobody.
    pub(super) fn is_nobody(&self) -> bool {
        matches!(self, Self::Named(name) if name.is_empty())
    }
}

/// What it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Objects, each by its name.
    Objects(Vec<String>),
    /// Paths: the condition that they meet, none if all do.
    Paths(Option<String>),
}

/// One way in which a line applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) who: Who,
    /// Where it applies; none for everywhere.
    pub(super) tenants: Option<Vec<String>>,
    pub(super) what: What,
    pub(super) actions: Vec<String>,
    /// What has to be known of the subject.
    pub(super) when: Vec<Condition>,
}

/// All that lines are understood with.
#[derive(Debug)]
pub(super) struct Meaning<'a> {
    pub(super) model: &'a Model,
    pub(super) groups: &'a Groups,
    pub(super) fields: Fields,
    pub(super) alternatives: Vec<Alternative>,
    /// Whether objects are held against patterns, so that their names are not known.
    pub(super) has_paths: bool,
    /// The names that lines mention.
    pub(super) objects: IndexSet<String>,
    pub(super) actions: IndexSet<String>,
    pub(super) tenants: IndexSet<String>,
}

impl Fields {
    /// Finds out by the use of `g` and by the usual names.
    ///
    /// # Errors
    /// Why that is not possible.
    pub(super) fn of(model: &Model, alternatives: &[Alternative]) -> Result<Self, String> {
        let named = |names: &[&str]| {
            let mut fields = model.request.iter();
            fields
                .find(|field| names.contains(&field.as_str()))
                .cloned()
        };
        let mut roles = alternatives.iter().flatten().filter_map(|test| match test {
            Test::Call {
                function,
                request,
                third,
                ..
            } if function == "g" => Some((request.clone(), third.clone())),
            _ => None,
        });
        let by_role = roles.next();
        let first = model.request.first().cloned();
        let subject = by_role.as_ref().map(|it| it.0.clone());
        let subject = subject
            .or_else(|| named(&["sub", "subject", "user"]))
            .or(first);
        let tenant = by_role.and_then(|it| it.1);
        let tenant = tenant.or_else(|| named(&["dom", "domain", "tenant", "org", "organization"]));
        let last = model.request.last().cloned();
        let action = named(&["act", "action", "method", "verb", "permission"]).or(last);
        let (Some(subject), Some(action)) = (subject, action) else {
            return Err("a request has no fields".to_owned());
        };
        let is_taken = |field: &&String| {
            **field == subject || **field == action || Some(*field) == tenant.as_ref()
        };
        let rest: Vec<&String> = model.request.iter().filter(|it| !is_taken(it)).collect();
        match rest.as_slice() {
            [object] => Ok(Self {
                object: (*object).clone(),
                subject,
                tenant,
                action,
            }),
            _ => Err(format!(
                "it is not clear which of `{}` are subject, domain, object and action",
                model.request.join("`, `")
            )),
        }
    }
}

impl<'a> Meaning<'a> {
    /// The meaning of lines, with the alternatives that are understood; why others are not is
    /// told, with what to do instead.
    pub(super) fn new(
        model: &'a Model,
        groups: &'a Groups,
        alternatives: Vec<Alternative>,
        lines: &[Line],
        mut lose: impl FnMut(String, &str),
    ) -> Result<Self, String> {
        let fields = Fields::of(model, &alternatives)?;
        let mut meaning = Self {
            model,
            groups,
            fields,
            alternatives: Vec::new(),
            has_paths: false,
            objects: IndexSet::new(),
            actions: IndexSet::new(),
            tenants: IndexSet::new(),
        };
        for alternative in alternatives {
            let unknown = alternative.iter().find_map(|test| meaning.unknown(test));
            match unknown {
                Some((why, instead)) => lose(why, instead),
                None => meaning.alternatives.push(alternative),
            }
        }
        let mut tests = meaning.alternatives.iter().flatten();
        meaning.has_paths = tests.any(|test| match test {
            Test::Call {
                function, request, ..
            } => *request == meaning.fields.object && PATTERNS.contains(&function.as_str()),
            _ => false,
        });
        meaning.learn_names(lines);
        Ok(meaning)
    }

    /// Why a test is not understood, and what to do instead.
    fn unknown(&self, test: &Test) -> Option<(String, &'static str)> {
        const RULE: &str =
            "write it as a rule of the policy, such as `when: resource.owner == subject`";
        let (request, function, third) = match test {
            Test::Equal { request, .. } | Test::RequestIs { request, .. } => (request, None, None),
            Test::PolicyIs { .. } => return None,
            Test::Call {
                request,
                function,
                third,
                ..
            } => (request, Some(function.as_str()), third.as_ref()),
            Test::Attribute(attribute) => {
                let maps = attribute.request == self.fields.subject;
                return (!maps).then(|| (format!("`{}` does not map", attribute.text), RULE));
            }
            Test::Rule { .. } => return None,
            Test::Other(text) => return Some((format!("`{text}` does not map"), RULE)),
        };
        let fields = &self.fields;
        let is_tenant = Some(request) == fields.tenant.as_ref();
        let is_field =
            is_tenant || [&fields.subject, &fields.object, &fields.action].contains(&request);
        if !is_field {
            return Some((format!("a request has no field `{request}`"), RULE));
        }
        let function = function?;
        let is_group = self.groups.has(function);
        let is_pattern = PATTERNS.contains(&function);
        let maps = match (is_group, *request == fields.subject) {
            (true, true) => function == "g" && (third.is_none() || third == fields.tenant.as_ref()),
            (true, false) => !is_tenant && third.is_none(),
            (false, is_subject) => is_pattern && !is_subject && !is_tenant && third.is_none(),
        };
        (!maps).then(|| (format!("`{function}` of `r.{request}` does not map"), RULE))
    }

    fn learn_names(&mut self, lines: &[Line]) {
        for test in self.alternatives.clone().iter().flatten() {
            let (request, names): (&str, Vec<String>) = match test {
                Test::RequestIs { request, text } => (request, vec![text.clone()]),
                Test::Equal { request, policy } => {
                    let values = self.values(lines, policy);
                    (request, values.into_iter().map(str::to_owned).collect())
                }
                Test::Call {
                    function,
                    request,
                    policy,
                    ..
                } => {
                    let values = self.values(lines, policy).into_iter();
                    let names: Vec<String> = match self.groups.has(function) {
                        true => {
                            let of_lines = values.map(str::to_owned);
                            of_lines.chain(self.groups.names(function)).collect()
                        }
                        false => values.flat_map(words_of).collect(),
                    };
                    (request, names)
                }
                Test::PolicyIs { .. } | Test::Attribute(_) | Test::Rule { .. } | Test::Other(_) => {
                    continue;
                }
            };
            let known = match request {
                _ if *request == self.fields.object => &mut self.objects,
                _ if *request == self.fields.action => &mut self.actions,
                _ if Some(request) == self.fields.tenant.as_deref() => &mut self.tenants,
                _ => continue,
            };
            known.extend(names);
        }
        if self.fields.tenant.is_some() {
            self.tenants.extend(self.groups.tenants("g"));
        }
    }

    /// Whether the matcher lets lines speak of what none of them names.
    pub(super) fn is_open(&self) -> bool {
        let is_pattern = |test: &Test| match test {
            Test::PolicyIs { .. } => true,
            Test::Call {
                function, request, ..
            } => !self.groups.has(function) && *request != self.fields.object,
            _ => false,
        };
        self.alternatives.iter().any(|alternative| {
            let says = |field: &str| tests_of(alternative, field).next().is_some();
            alternative.iter().any(is_pattern)
                || !(says(&self.fields.object) && says(&self.fields.action))
        })
    }

    /// The values of a field of lines, but for those that stand for all, such as `*`.
    fn values<'l>(&self, lines: &'l [Line], policy: &str) -> Vec<&'l str> {
        let values = lines.iter().filter_map(|line| self.value(line, policy));
        let for_all = |value: &str| {
            self.alternatives.iter().flatten().any(|test| {
                matches!(test, Test::PolicyIs { policy: of, text } if of == policy && text == value)
            })
        };
        values.filter(|value| !for_all(value)).collect()
    }

    pub(super) fn value<'l>(&self, line: &'l Line, policy: &str) -> Option<&'l str> {
        let at = self.model.policy.iter().position(|field| field == policy)?;
        line.values.get(at).map(String::as_str)
    }

    /// The ways in which a line applies.
    ///
    /// # Errors
    /// Why it does not map.
    pub(super) fn ways(&self, line: &Line) -> Result<Vec<Way>, String> {
        let mut ways: Vec<Way> = Vec::new();
        for alternative in &self.alternatives {
            let way = self.way(line, alternative)?;
            ways.extend(way.filter(|way| !ways.contains(way)));
        }
        match ways.is_empty() {
            false => Ok(ways),
            true => Err("nothing is known that it is about".to_owned()),
        }
    }

    /// How a line applies by one alternative; none if not at all.
    fn way(&self, line: &Line, alternative: &Alternative) -> Result<Option<Way>, String> {
        let is_met = |test: &Test| match test {
            Test::PolicyIs { policy, text } => self.value(line, policy) == Some(text),
            _ => true,
        };
        if !alternative.iter().all(is_met) {
            return Ok(None);
        }
        let fields = &self.fields;

        let Some(who) = self.who(line, tests_of(alternative, &fields.subject))? else {
            return Ok(None);
        };
        let tenants = match &fields.tenant {
            // In a tenant that no line names nobody has a role, so that no denial would hold there.
            Some(field)
                if who == Who::Everyone || tests_of(alternative, field).next().is_some() =>
            {
                Some(self.names(line, tests_of(alternative, field), &self.tenants)?)
            }
            _ => None,
        };
        let what = match self.has_paths {
            true => What::Paths(self.paths(line, tests_of(alternative, &fields.object))?),
            false => What::Objects(self.names(
                line,
                tests_of(alternative, &fields.object),
                &self.objects,
            )?),
        };
        let way = Way {
            who,
            tenants,
            what,
            actions: self.names(line, tests_of(alternative, &fields.action), &self.actions)?,
            when: self.conditions(line, alternative)?,
        };
        let is_empty = way.tenants.as_ref().is_some_and(Vec::is_empty)
            || way.actions.is_empty()
            || way.what == What::Objects(Vec::new());
        Ok((!is_empty).then_some(way))
    }

    /// What the tests, and the rule of the line that they evaluate, ask of the subject.
    fn conditions(&self, line: &Line, tests: &[Test]) -> Result<Vec<Condition>, String> {
        let mut found = Vec::new();
        for test in tests {
            match test {
                Test::Attribute(attribute) => found.push(attributes::condition(attribute)?),
                Test::Rule { policy } => {
                    let rule = self.value(line, policy).unwrap_or_default();
                    found.push(attributes::of_rule(rule, &self.fields.subject)?);
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Whom the tests name; nobody if they contradict one another.
    fn who<'t>(
        &self,
        line: &Line,
        tests: impl Iterator<Item = &'t Test>,
    ) -> Result<Option<Who>, String> {
        let mut who = Who::Everyone;
        for test in tests {
            let (name, exactly) = match test {
                Test::Call { policy, .. } => (self.value(line, policy), false),
                Test::Equal { policy, .. } => (self.value(line, policy), true),
                Test::RequestIs { text, .. } => (Some(text.as_str()), true),
                _ => continue,
            };
            let name = name.unwrap_or_default();
            if exactly && self.groups.is_parent("g", name) {
                return Err(format!(
                    "`{name}` alone is meant, and not whoever has the role of that name"
                ));
            }
            match &who {
                Who::Everyone => who = Who::Named(name.to_owned()),
                Who::Named(other) if other == name => {}
                Who::Named(_) => return Ok(None),
            }
        }
        Ok(Some(who))
    }

    /// The names that meet all tests.
    fn names<'t>(
        &self,
        line: &Line,
        tests: impl Iterator<Item = &'t Test>,
        all: &IndexSet<String>,
    ) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = all.iter().cloned().collect();
        for test in tests {
            match test {
                Test::RequestIs { text, .. } => names.retain(|name| name == text),
                Test::Equal { policy, .. } => {
                    let value = self.value(line, policy).unwrap_or_default();
                    names.retain(|name| name == value);
                }
                Test::Call {
                    function, policy, ..
                } => {
                    let value = self.value(line, policy).unwrap_or_default();
                    if self.groups.has(function) {
                        let members = self.groups.members(function, value);
                        names.retain(|name| members.contains(name));
                    } else {
                        let regex = compiled(function, value)?;
                        names.retain(|name| regex.is_match(name));
                    }
                }
                _ => {}
            }
        }
        Ok(names)
    }

    /// The condition on paths that the tests are.
    fn paths<'t>(
        &self,
        line: &Line,
        tests: impl Iterator<Item = &'t Test>,
    ) -> Result<Option<String>, String> {
        let mut parts = Vec::new();
        for test in tests {
            match test {
                Test::RequestIs { text, .. } => parts.push(is_path(text)),
                Test::Equal { policy, .. } => {
                    parts.push(is_path(self.value(line, policy).unwrap_or_default()));
                }
                Test::Call {
                    function, policy, ..
                } => {
                    let value = self.value(line, policy).unwrap_or_default();
                    if self.groups.has(function) {
                        let members = self.groups.members(function, value);
                        let members: Vec<String> = members.iter().map(|it| quoted(it)).collect();
                        parts.push(format!("resource.path in [{}]", members.join(", ")));
                    } else {
                        parts.extend(path_condition(function, value)?);
                    }
                }
                _ => {}
            }
        }
        Ok((!parts.is_empty()).then(|| parts.join(" && ")))
    }
}

fn tests_of<'t>(alternative: &'t [Test], field: &'t str) -> impl Iterator<Item = &'t Test> {
    let tests = alternative.iter();
    tests.filter(move |test| request_of(test) == Some(field))
}

fn request_of(test: &Test) -> Option<&str> {
    match test {
        Test::Equal { request, .. }
        | Test::RequestIs { request, .. }
        | Test::Call { request, .. } => Some(request),
        _ => None,
    }
}
