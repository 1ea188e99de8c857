//! The arguments of `lockstep roles`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `lockstep roles`.
#[derive(Debug, Args)]
pub(crate) struct Roles {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: RolesCommand,
}

/// What to do with roles that an application keeps in tables.
#[derive(Debug, Subcommand)]
pub(crate) enum RolesCommand {
    /// Shows where the tables differ from the policy, and who has roles that the facts do not give;
    /// does not call the application.
    ///
    /// The tables are the usual ones, or those that `--tables` names: roles (id, name), permissions
    /// (id, resource, action), role_permissions (role_id, permission_id), role_hierarchy
    /// (parent_role_id, child_role_id; the parent has all that the child has) and user_roles
    /// (user_id, role_id, granted_by, granted_at). The last two may be missing.
    Diff(RolesDiff),
}

/// `lockstep roles diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the tables are as the policy; 1 they differ; 2 a mistake in the files or on the command line; 3 the tables could not be read.\n\nWhat `--tables` names, where the names are not the usual ones:\n  version: 1\n  subjects: user                                  # the type of whoever has roles\n  roles: { table: app.roles, id: role_id }\n  assignments: { table: app.members, user: member_id, tenant: org_id }"
)]
pub(crate) struct RolesDiff {
    /// The address of the database: postgres://USER:PASSWORD@HOST:PORT/DATABASE.
    #[arg(value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) url: String,
    /// A file that says how the tables and their columns are called.
    #[arg(long, value_name = "FILE")]
    pub(crate) tables: Option<PathBuf>,
    /// The policy, a file or a folder; by default `policy/`, or else `policy.yaml`.
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
    /// A file of facts; by default the `facts.yaml` beside the policy. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) facts: Vec<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
