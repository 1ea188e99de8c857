//! What a decision looked at: for those who ask which parts of a policy its tests exercise.

use crate::facts::Request;
use crate::model::{ActionKind, Policy};

use super::By;
use super::combining::Extended;

/// A part of the policy that a decision looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Looked {
    /// The grant of an action by a role, which permitted.
    Grant { role: usize, action: usize },
    /// The relation that carries the action.
    Relation { action: usize },
    /// A rule, at one of its actions, and whether it applied.
    Rule {
        index: usize,
        action: usize,
        kind: ActionKind,
        applied: bool,
    },
}

impl Policy {
    /// What the decision of this request looks at behind the gates, in its order; none where a gate
    /// settles it.
    pub(crate) fn looked_at(&self, request: &Request<'_>) -> Option<Vec<Looked>> {
        let (action, kind) = self.requested_action(request)?;
        let clock = &mut false;
        if self.credential_gate(request, action, clock).is_some() {
            return None;
        }
        let gate = self.tenant_gate(request, (action, kind), clock)?;
        let mut looked = Vec::new();
        self.combine(request, (action, kind), gate, clock, |member| {
            looked.push(match member.by {
                By::Roles { granted_by, .. } => Looked::Grant {
                    role: granted_by,
                    action,
                },
                By::Relation { action, .. } => Looked::Relation { action },
                By::Rule { index, .. } => Looked::Rule {
                    index,
                    action,
                    kind,
                    applied: matches!(member.value, Extended::Permit | Extended::Deny),
                },
            });
        });
        Some(looked)
    }
}
