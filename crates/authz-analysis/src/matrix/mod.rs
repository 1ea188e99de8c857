//! The matrix: what each role may do to each type, as a table for reviewers. It is worked out from
//! the policy alone: what depends on a relation or a condition says so, and a row is added for
//! resources of other tenants where these make a difference.

mod condition;
mod text;

use authz::model::{ANYONE, SIGNED_IN};
use authz::{ActionKind, Outcome, Policy, Supposed, Supposition};

pub use condition::{Condition, Term};
pub use text::{Difference, differences};

/// The most things on which one cell is worked out; with more of them it tells what it follows from.
const SUPPOSITIONS_MAX: usize = 10;

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// The roles, in the order of the policy: `anyone` is a visitor, `signed-in` a session without
    /// a role.
    pub roles: Vec<String>,
    /// The actions of all types.
    pub rows: Vec<Row>,
}

/// One action of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The type.
    pub type_name: String,
    /// The action.
    pub action: String,
    /// Whether the resource is of another tenant.
    pub is_foreign: bool,
    /// What each role may.
    pub cells: Vec<Cell>,
}

/// What a role may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// It may.
    Allow,
    /// It may not.
    Deny,
    /// It cannot be said: several parts apply of which only one may.
    Error,
    /// It may under a condition.
    When(Condition),
}

/// The table of a policy.
pub fn of(policy: &Policy) -> Matrix {
    let roles: Vec<String> = policy.role_names().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for type_name in policy.type_names() {
        for action in policy.action_names(type_name) {
            let row = |is_foreign: bool| Row {
                type_name: type_name.to_owned(),
                action: action.to_owned(),
                is_foreign,
                cells: cells(policy, &roles, (type_name, action), is_foreign),
            };
            let own = row(false);
            let is_instance = policy.action_kind(type_name, action) == Some(ActionKind::Instance);
            let foreign = (is_instance && policy.has_tenant_gate(type_name)).then(|| row(true));
            let foreign = foreign.filter(|foreign| foreign.cells != own.cells);
            rows.push(own);
            rows.extend(foreign);
        }
    }
    Matrix { roles, rows }
}

fn cells(
    policy: &Policy,
    roles: &[String],
    (type_name, action): (&str, &str),
    is_foreign: bool,
) -> Vec<Cell> {
    let cells = roles.iter().map(|role| {
        let supposed = Supposed {
            role,
            type_name,
            action,
            is_foreign,
        };
        cell(policy, supposed)
    });
    cells.collect()
}

/// Something on which a cell depends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Variable {
    /// The resource is shared with the subject's tenant.
    Share,
    Other(Supposition),
}

impl Variable {
    fn name(&self) -> String {
        match self {
            Self::Share => "shared".to_owned(),
            Self::Other(Supposition::Relation(name)) => format!("{name} of it"),
            Self::Other(Supposition::Rule(name)) => name.to_string(),
        }
    }
}

fn cell(policy: &Policy, supposed: Supposed<'_>) -> Cell {
    let variables = variables(policy, supposed);
    let names: Vec<String> = variables.iter().map(Variable::name).collect();
    if variables.len() > SUPPOSITIONS_MAX {
        let parts = follows_from(policy, supposed, &variables);
        return Cell::When(Condition::unresolved(parts));
    }
    let outcomes = (0..1_usize << variables.len()).map(|chosen| {
        let holds = |wanted: &Variable| {
            let place = variables.iter().position(|variable| variable == wanted);
            place.is_some_and(|place| chosen >> place & 1 == 1)
        };
        let supposed = Supposed {
            is_foreign: supposed.is_foreign && !holds(&Variable::Share),
            ..supposed
        };
        let other = |it: &Supposition| holds(&Variable::Other(it.clone()));
        policy.decide_supposing(supposed, &other)
    });
    let outcomes: Vec<Option<Outcome>> = outcomes.collect();
    let is = |wanted: Outcome| move |it: &Option<Outcome>| *it == Some(wanted);
    if outcomes.iter().all(is(Outcome::Permit)) {
        Cell::Allow
    } else if outcomes.iter().all(is(Outcome::Indeterminate)) {
        Cell::Error
    } else if outcomes.iter().any(is(Outcome::Permit)) {
        let permits: Vec<bool> = outcomes.iter().map(is(Outcome::Permit)).collect();
        Cell::When(Condition::of(&names, &permits))
    } else {
        Cell::Deny
    }
}

/// Everything that tells this cell from another one on other grants, rules, or another way to
/// combine them: "deny-overrides of: by itself deny, viewer of it, own, not locked".
fn follows_from(policy: &Policy, supposed: Supposed<'_>, variables: &[Variable]) -> String {
    let by_itself = |is_foreign: bool| {
        let supposed = Supposed {
            is_foreign,
            ..supposed
        };
        match policy.decide_supposing(supposed, &|_| false) {
            Some(Outcome::Permit) => "allow",
            Some(Outcome::Indeterminate) => "error",
            Some(Outcome::Deny(_)) | None => "deny",
        }
    };
    let denials: Vec<&str> = policy
        .rules_on(supposed.type_name, supposed.action)
        .filter(|rule| !rule.permits)
        .map(|rule| rule.name)
        .collect();
    let mut parts = vec![format!("by itself {}", by_itself(supposed.is_foreign))];
    parts.extend(variables.iter().map(|it| match it {
        Variable::Share => format!("shared, by that {}", by_itself(false)),
        Variable::Other(Supposition::Rule(name)) if denials.contains(&&**name) => {
            format!("not {name}")
        }
        other => other.name(),
    }));
    format!("{} of: {}", policy.algorithm_name(), parts.join(", "))
}

/// What the cell depends on. A share opens the gate between tenants, with all that stands behind it.
fn variables(policy: &Policy, supposed: Supposed<'_>) -> Vec<Variable> {
    let found = policy.suppositions(supposed).into_iter();
    let mut variables: Vec<Variable> = found.map(Variable::Other).collect();
    let can_be_shared = policy.may_share(supposed.type_name, supposed.action);
    if !supposed.is_foreign || !can_be_shared || supposed.role == ANYONE {
        return variables;
    }
    let open = Supposed {
        is_foreign: false,
        ..supposed
    };
    for behind in policy.suppositions(open) {
        let behind = Variable::Other(behind);
        if !variables.contains(&behind) {
            variables.push(behind);
        }
    }
    variables.insert(0, Variable::Share);
    variables
}

/// What the reserved roles stand for, for whoever reads the table.
const RESERVED: [(&str, &str); 2] = [
    (ANYONE, "a visitor without a session"),
    (SIGNED_IN, "a session without a role"),
];
