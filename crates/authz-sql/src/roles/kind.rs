//! What a difference between the tables of roles and the policy is.

use authz::source::Place;

/// What is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftKind {
    /// A row gives a role what the policy does not.
    GrantAdded,
    /// No row gives a role what the policy does.
    GrantMissing,
    /// A row puts a role above another, and that gives it what the policy does not.
    InclusionAdded,
    /// No row puts a role above another that it includes.
    InclusionMissing,
    /// Rows put roles above themselves.
    InclusionCycle,
    /// A role that the policy does not know.
    RoleUnknown,
    /// A role of the policy that is not there.
    RoleMissing,
    /// A permission that the policy does not know.
    PermissionUnknown,
    /// A row gives somebody a role that the facts do not.
    AssignmentAdded,
    /// No row gives somebody a role that the facts do.
    AssignmentMissing,
    /// A row names something that is not there.
    DanglingRow,
}

impl DriftKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::GrantAdded => "grant-added",
            Self::GrantMissing => "grant-missing",
            Self::InclusionAdded => "inclusion-added",
            Self::InclusionMissing => "inclusion-missing",
            Self::InclusionCycle => "inclusion-cycle",
            Self::RoleUnknown => "role-unknown",
            Self::RoleMissing => "role-missing",
            Self::PermissionUnknown => "permission-unknown",
            Self::AssignmentAdded => "assignment-added",
            Self::AssignmentMissing => "assignment-missing",
            Self::DanglingRow => "dangling-row",
        }
    }
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What is different.
    pub kind: DriftKind,
    /// What that means.
    pub sentence: String,
    /// The row that makes it; none where one is missing.
    pub row: Option<String>,
    /// The line of the policy that says otherwise.
    pub place: Option<Place>,
    /// Who made the row, where the tables say so.
    pub granted_by: Option<String>,
    /// When.
    pub granted_at: Option<String>,
}
