//! Policies of row security that let too much pass, fail or are slow.

use std::collections::BTreeSet;

use super::{Candidate, Probe, Question, Rule, Scan, column_names, finding};
use crate::catalogue::{Command, Expression, Id, PUBLIC, Policy, Relation};

/// As how many roles a table is asked for its rows, to see whether its policies fail.
const ASKED_MAX: usize = 8;

pub(super) fn find(scan: &Scan<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (policy, table) in scan.policies() {
        let about = About {
            scan,
            policy,
            table,
        };
        found.extend(about.always_true());
        found.extend(about.check());
        found.extend(about.with_itself());
        found.extend(about.setting());
        found.extend(about.index());
    }
    found
}

/// Tables with policies, each with the roles as which to ask for their rows.
pub(super) fn to_ask(scan: &Scan<'_>) -> Vec<(Id, Id)> {
    let tables = scan.relations().filter(|(_, it)| it.row_security);
    tables
        .filter(|(id, _)| scan.catalogue.policies_of(*id).next().is_some())
        .flat_map(|(id, table)| {
            let users = scan.users(id, table, &["SELECT"]);
            users
                .triers
                .into_iter()
                .take(ASKED_MAX)
                .map(move |role| (id, role))
        })
        .collect()
}

struct About<'a> {
    scan: &'a Scan<'a>,
    policy: &'a Policy,
    table: &'a Relation,
}

impl About<'_> {
    fn candidate(&self, rule: Rule, sentence: String, fix: String, probe: Probe) -> Candidate {
        let name = format!("{} on {}", self.policy.name, self.table.name);
        Candidate {
            finding: finding(rule, "policy", &name, sentence, fix),
            probe,
        }
    }

    fn alter(&self, what: &str) -> String {
        format!(
            "ALTER POLICY {} ON {} {what};",
            self.policy.name, self.table.name
        )
    }

    /// As whom the policy can be tried: the roles that it is for, and that may read the table.
    fn triers(&self) -> Vec<Id> {
        let users = self
            .scan
            .users(self.policy.relation, self.table, &["SELECT"]);
        let is_for = |role: &Id| {
            let mut is = self.scan.reach.inherits(*role);
            is.insert(PUBLIC);
            !is.is_disjoint(&self.policy.roles)
        };
        let may = users.triers.into_iter();
        may.filter(is_for)
            .filter(|role| !self.scan.is_unbound(*role, self.table))
            .collect()
    }

    fn who(&self) -> String {
        match self.policy.roles.contains(&PUBLIC) {
            true => "everybody who may use the table".to_owned(),
            false => self.scan.names(self.policy.roles.iter().copied()),
        }
    }

    /// The restrictive policies that count wherever this one does.
    fn restrictions(&self) -> impl Iterator<Item = &Policy> {
        let policies = self.scan.catalogue.policies_of(self.policy.relation);
        policies.filter(|other| {
            let covers_roles =
                other.roles.contains(&PUBLIC) || other.roles.is_superset(&self.policy.roles);
            let covers_command =
                other.command == Command::All || other.command == self.policy.command;
            !other.permissive && covers_roles && covers_command
        })
    }

    /// What of the restrictive policies asks who is calling, whichever way a row takes.
    fn holding(
        &self,
        part: fn(&Policy) -> Option<&Expression>,
    ) -> impl Iterator<Item = &Expression> {
        let parts = self.restrictions().filter_map(part);
        parts.filter(|it| it.always == Some(false) || it.arms.iter().all(|arm| arm.asks_caller))
    }

    fn always_true(&self) -> Option<Candidate> {
        let is_open = is_always(self.policy.using.as_ref());
        if !self.policy.permissive || !is_open || self.holding(reading).next().is_some() {
            return None;
        }
        let what = match self.policy.command {
            Command::All => "read and change",
            Command::Select => "read",
            Command::Update => "update",
            Command::Delete => "delete",
            Command::Insert => "insert",
        };
        let text = self.policy.using.as_ref().map_or("", |it| &it.text);
        let sentence = format!(
            "its USING, `{text}`, is always true: {} may {what} every row{}",
            self.who(),
            self.but_restricted()
        );
        let probe = match self.policy.command {
            Command::All | Command::Select => {
                Probe::As(self.triers(), Question::SeesAll(self.policy.relation))
            }
            _ => Probe::None("a probe would change rows"),
        };
        let fix = self.alter("USING (/* whose the row is */ false)");
        Some(self.candidate(Rule::PolicyAlwaysTrue, sentence, fix, probe))
    }

    /// Restrictive policies that are the same for everybody.
    fn but_restricted(&self) -> String {
        let names: Vec<String> = self
            .restrictions()
            .filter(|it| !is_always(it.using.as_ref()))
            .map(|it| format!("`{}`", it.name))
            .collect();
        match names.is_empty() {
            true => String::new(),
            false => format!(" that {} lets pass, whoever asks", names.join(" and ")),
        }
    }

    /// What may be written.
    fn check(&self) -> Option<Candidate> {
        let writes = matches!(
            self.policy.command,
            Command::All | Command::Insert | Command::Update
        );
        // A USING that is always true is a finding itself.
        if !self.policy.permissive || !writes || is_always(self.policy.using.as_ref()) {
            return None;
        }
        let unproven = Probe::None("a probe would write rows");
        match (&self.policy.using, &self.policy.check) {
            (_, Some(check)) if check.always == Some(true) => {
                if self.holding(writing).next().is_some() {
                    return None;
                }
                let sentence = format!(
                    "its WITH CHECK, `{}`, is always true: {} may write any row, also for others",
                    check.text,
                    self.who()
                );
                let fix = self.alter("WITH CHECK (/* whose the row may be */ false)");
                Some(self.candidate(Rule::CheckAlwaysTrue, sentence, fix, unproven))
            }
            (_, Some(check)) if check.always == Some(false) => None,
            (Some(using), Some(check)) => self.weaker(using, check),
            (Some(using), None) => self.carried_over(using),
            _ => None,
        }
    }

    fn weaker(&self, using: &Expression, check: &Expression) -> Option<Candidate> {
        let in_check = check.arms.iter().flat_map(|arm| &arm.columns);
        let held = self.holding(writing).flat_map(|it| &it.caller_columns);
        let in_check: BTreeSet<_> = in_check.chain(held).collect();
        let forgotten = using
            .caller_columns
            .iter()
            .filter(|it| !in_check.contains(it));
        let forgotten = column_names(self.table, forgotten);
        if forgotten.is_empty() {
            return None;
        }
        let sentence = format!(
            "its WITH CHECK does not look at {forgotten}, by which USING asks whose the row is: {} may give rows away",
            self.who()
        );
        let fix = self.alter(&format!(
            "WITH CHECK (({}) AND ({}))",
            using.text, check.text
        ));
        let probe = Probe::None("a probe would write rows");
        Some(self.candidate(Rule::CheckWeakerThanUsing, sentence, fix, probe))
    }

    /// Without WITH CHECK, PostgreSQL takes USING for it.
    fn carried_over(&self, using: &Expression) -> Option<Candidate> {
        let open = |arm: &&crate::catalogue::Arm| !arm.asks_caller && !arm.columns.is_empty();
        let arm = using.arms.iter().find(open)?;
        if self.holding(writing).next().is_some() {
            return None;
        }
        let columns = column_names(self.table, &arm.columns);
        let sentence = format!(
            "it has no WITH CHECK, so that USING says what may be written too, and part of that asks for {columns} alone: {} may write such rows for anybody",
            self.who()
        );
        let fix = self.alter("WITH CHECK (/* whose the row may be */ false)");
        let probe = Probe::None("a probe would write rows");
        Some(self.candidate(Rule::CheckMissing, sentence, fix, probe))
    }

    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.policy.using.iter().chain(&self.policy.check)
    }

    /// `m.tenant = tenant` in a query on `m`, where the policy's own column was meant.
    fn with_itself(&self) -> Option<Candidate> {
        let mut compared = self.expressions().flat_map(|it| &it.with_itself);
        let (table, column) = compared.find_map(|it| {
            let other = it.other.map(|id| self.scan.catalogue.relations.get(&id));
            let table = other.unwrap_or(Some(self.table))?;
            Some((&table.name, table.columns.get(&it.column)?))
        })?;
        let own = &self.table.name;
        let is_own = self.table.columns.values().any(|it| it == column);
        let (meant, fix) = match is_own && table != own {
            true => (
                format!(": a bare name means the nearest table, and {own}.{column} may be meant"),
                format!("-- in the policy: {own}.{column} for one of the two"),
            ),
            false => (String::new(), String::new()),
        };
        let sentence = format!("it compares {table}.{column} with itself{meant}");
        let probe = Probe::None("it follows from the catalogue");
        Some(self.candidate(Rule::ComparisonWithItself, sentence, fix, probe))
    }

    fn setting(&self) -> Option<Candidate> {
        let known = &self.scan.catalogue.settings;
        let settings = self.expressions().flat_map(|it| &it.settings);
        let missing: BTreeSet<&String> = settings.filter(|it| !known.contains(*it)).collect();
        let first = missing.first()?;
        let names: Vec<String> = missing.iter().map(|it| format!("`{it}`")).collect();
        let sentence = format!(
            "it cannot do without the setting {}: where a session has not set it, every query fails",
            names.join(", ")
        );
        let fix = format!(
            "-- in the policy: current_setting('{}', true)",
            first.replace('\'', "''")
        );
        let probe = match &self.policy.using {
            Some(_) if self.policy.command <= Command::Select => {
                Probe::As(self.triers(), Question::WantsSetting(self.policy.relation))
            }
            _ => Probe::None("a probe would change rows"),
        };
        Some(self.candidate(Rule::SettingWithoutDefault, sentence, fix, probe))
    }

    fn index(&self) -> Option<Candidate> {
        let searched = &self.policy.using.as_ref()?.searched_columns;
        let table = self.policy.relation;
        let is_indexed = |column| self.scan.catalogue.indexed.contains(&(table, column));
        if searched.is_empty() || searched.iter().any(|column| is_indexed(*column)) {
            return None;
        }
        let columns = column_names(self.table, searched);
        let sentence = format!(
            "no index begins with {columns}: every query reads the whole table to find its rows"
        );
        let fix = format!("CREATE INDEX ON {} ({columns});", self.table.name);
        let probe =
            Probe::None("it follows from the catalogue; how much it costs depends on the rows");
        Some(self.candidate(Rule::PolicyWithoutIndex, sentence, fix, probe))
    }
}

fn is_always(expression: Option<&Expression>) -> bool {
    expression.is_some_and(|it| it.always == Some(true))
}

/// What of a policy says which rows there are.
fn reading(policy: &Policy) -> Option<&Expression> {
    policy.using.as_ref()
}

/// What of a policy says which rows may be written.
fn writing(policy: &Policy) -> Option<&Expression> {
    policy.check.as_ref().or(policy.using.as_ref())
}
