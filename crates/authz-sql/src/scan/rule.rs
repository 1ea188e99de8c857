//! What can be wrong with the permissions of a database. The names are stable: they stand in
//! exceptions and in reports.

/// Something that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A table that others than its owner may use, without row security.
    RowSecurityMissing,
    /// Policies are there, and row security is off.
    PoliciesNotInForce,
    /// A partition or heir without the row security of its parent, which can be used directly.
    PartitionBypassesPolicies,
    /// A view that reads past the policies of a table.
    ViewWithoutSecurityInvoker,
    /// A view whose WHERE hides rows of what its readers may not read, and which is no barrier.
    ViewWithoutSecurityBarrier,
    /// A materialised view with rows of a table that has policies.
    MaterialisedViewBypassesPolicies,
    /// Policies do not bind the owner, as whom somebody can act.
    OwnerBypassesPolicies,
    /// A role as which somebody can act is bound by no policy.
    RoleBypassesPolicies,
    /// Somebody can act as the owner of tables.
    OwnerLogsIn,
    /// A role can grant itself or others more than it has.
    RoleGrantsItselfMore,
    /// A policy that lets every row pass.
    PolicyAlwaysTrue,
    /// A policy that lets every row be written.
    CheckAlwaysTrue,
    /// A policy for writing whose USING, which is its check, lets whoever write some rows.
    CheckMissing,
    /// A check that forgets who must be what for the row to be seen.
    CheckWeakerThanUsing,
    /// A policy that compares a column with itself, where another table's was meant.
    ComparisonWithItself,
    /// Policies that ask each other without end.
    PolicyRecursion,
    /// A policy that fails where a setting was never made.
    SettingWithoutDefault,
    /// A policy whose rows no index finds.
    PolicyWithoutIndex,
    /// A function that acts as its owner and looks names up where others can put some.
    DefinerSearchPath,
    /// A function that acts as an owner whom nothing binds.
    DefinerWithWiderRights,
    /// A function that acts as an owner whom policies of some table do not bind, or bind otherwise.
    DefinerBypassesPolicies,
    /// Something that everybody may do.
    PublicGrant,
    /// What is made later is open from the start.
    DefaultPrivileges,
    /// TRUNCATE, REFERENCES or TRIGGER, which no policy binds.
    BypassingGrant,
    /// Something that a role may grant on.
    GrantOption,
    /// A grant without effect: no policy lets a row pass.
    GrantWithoutPolicy,
    /// A grant of what has never happened, as far as statistics know.
    UnusedGrant,
}

/// How grave it is when something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody may more than policies say.
    Error,
    /// Somebody could come to that.
    Warning,
    /// Nobody may more; it is in vain, slow or bound to fail.
    Note,
}

impl Level {
    /// The word of SARIF.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Rule {
    /// All of them, in the order in which findings are told.
    pub const ALL: [Self; 27] = [
        Self::RowSecurityMissing,
        Self::PoliciesNotInForce,
        Self::PartitionBypassesPolicies,
        Self::ViewWithoutSecurityInvoker,
        Self::ViewWithoutSecurityBarrier,
        Self::MaterialisedViewBypassesPolicies,
        Self::OwnerBypassesPolicies,
        Self::RoleBypassesPolicies,
        Self::OwnerLogsIn,
        Self::RoleGrantsItselfMore,
        Self::PolicyAlwaysTrue,
        Self::CheckAlwaysTrue,
        Self::CheckMissing,
        Self::CheckWeakerThanUsing,
        Self::ComparisonWithItself,
        Self::PolicyRecursion,
        Self::SettingWithoutDefault,
        Self::PolicyWithoutIndex,
        Self::DefinerSearchPath,
        Self::DefinerWithWiderRights,
        Self::DefinerBypassesPolicies,
        Self::PublicGrant,
        Self::DefaultPrivileges,
        Self::BypassingGrant,
        Self::GrantOption,
        Self::GrantWithoutPolicy,
        Self::UnusedGrant,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RowSecurityMissing => "row-security-missing",
            Self::PoliciesNotInForce => "policies-not-in-force",
            Self::PartitionBypassesPolicies => "partition-bypasses-policies",
            Self::ViewWithoutSecurityInvoker => "view-without-security-invoker",
            Self::ViewWithoutSecurityBarrier => "view-without-security-barrier",
            Self::MaterialisedViewBypassesPolicies => "materialised-view-bypasses-policies",
            Self::OwnerBypassesPolicies => "owner-bypasses-policies",
            Self::RoleBypassesPolicies => "role-bypasses-policies",
            Self::OwnerLogsIn => "owner-logs-in",
            Self::RoleGrantsItselfMore => "role-grants-itself-more",
            Self::PolicyAlwaysTrue => "policy-always-true",
            Self::CheckAlwaysTrue => "check-always-true",
            Self::CheckMissing => "check-missing",
            Self::CheckWeakerThanUsing => "check-weaker-than-using",
            Self::ComparisonWithItself => "comparison-with-itself",
            Self::PolicyRecursion => "policy-recursion",
            Self::SettingWithoutDefault => "setting-without-default",
            Self::PolicyWithoutIndex => "policy-without-index",
            Self::DefinerSearchPath => "definer-search-path",
            Self::DefinerWithWiderRights => "definer-with-wider-rights",
            Self::DefinerBypassesPolicies => "definer-bypasses-policies",
            Self::PublicGrant => "public-grant",
            Self::DefaultPrivileges => "default-privileges",
            Self::BypassingGrant => "bypassing-grant",
            Self::GrantOption => "grant-option",
            Self::GrantWithoutPolicy => "grant-without-policy",
            Self::UnusedGrant => "unused-grant",
        }
    }

    /// How grave it is.
    pub fn level(self) -> Level {
        match self {
            Self::OwnerLogsIn
            | Self::DefaultPrivileges
            | Self::GrantOption
            | Self::BypassingGrant
            | Self::SettingWithoutDefault
            | Self::ViewWithoutSecurityBarrier
            | Self::DefinerBypassesPolicies
            | Self::PolicyRecursion => Level::Warning,
            Self::PolicyWithoutIndex | Self::GrantWithoutPolicy | Self::UnusedGrant => Level::Note,
            _ => Level::Error,
        }
    }

    /// What it is, in a sentence.
    pub fn summary(self) -> &'static str {
        match self {
            Self::RowSecurityMissing => {
                "A table that others than its owner may use has no row security: they reach every row."
            }
            Self::PoliciesNotInForce => {
                "A table has policies, but row security is not enabled: none of them counts."
            }
            Self::PartitionBypassesPolicies => {
                "A partition can be used directly, where the policies of its parent do not count."
            }
            Self::ViewWithoutSecurityInvoker => {
                "A view reads as its owner, whom the policies of a table under it do not bind, or not as its readers."
            }
            Self::ViewWithoutSecurityBarrier => {
                "A view keeps rows from its readers by its WHERE, and is no security barrier: a function in a query sees them first."
            }
            Self::MaterialisedViewBypassesPolicies => {
                "A materialised view holds rows of a table with policies, and has none itself."
            }
            Self::OwnerBypassesPolicies => {
                "Policies do not bind a table's owner without FORCE, and somebody can act as the owner."
            }
            Self::RoleBypassesPolicies => {
                "A role as which somebody can act is a superuser or has BYPASSRLS: no policy binds it."
            }
            Self::OwnerLogsIn => {
                "Somebody can act as the owner of tables, and change their policies and grants."
            }
            Self::RoleGrantsItselfMore => {
                "A role can make itself or others members of roles that have more."
            }
            Self::PolicyAlwaysTrue => "A permissive policy lets every row pass.",
            Self::CheckAlwaysTrue => "A permissive policy lets every row be written.",
            Self::CheckMissing => {
                "Without WITH CHECK, USING says what may be written too, and part of it does not ask who is writing."
            }
            Self::CheckWeakerThanUsing => {
                "WITH CHECK leaves out a column by which USING asks whose the row is: it can be given away or moved."
            }
            Self::ComparisonWithItself => {
                "A policy compares a column with itself, as a bare name in a query of its own means the nearest table."
            }
            Self::PolicyRecursion => {
                "Policies read each other's tables: every query fails, or every write."
            }
            Self::SettingWithoutDefault => {
                "A policy reads a setting that need not be there: queries fail where it was never set."
            }
            Self::PolicyWithoutIndex => {
                "No index begins with a column by which a policy looks for rows."
            }
            Self::DefinerSearchPath => {
                "A SECURITY DEFINER function looks names up where its caller can put others."
            }
            Self::DefinerWithWiderRights => {
                "A SECURITY DEFINER function acts as an owner whom no policy binds."
            }
            Self::DefinerBypassesPolicies => {
                "A SECURITY DEFINER function acts as an owner whom the policies of some table do not bind, or not as its callers."
            }
            Self::PublicGrant => "Everybody who can connect, or use the schema, may do it.",
            Self::DefaultPrivileges => {
                "What is made later is granted from the start, before it has row security."
            }
            Self::BypassingGrant => "TRUNCATE, REFERENCES and TRIGGER are bound by no policy.",
            Self::GrantOption => "A role may grant on what it was granted.",
            Self::GrantWithoutPolicy => {
                "A grant is without effect: row security is on, and no policy lets a row pass."
            }
            Self::UnusedGrant => "What is granted has never happened, as far as statistics know.",
        }
    }

    /// The rule of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}
