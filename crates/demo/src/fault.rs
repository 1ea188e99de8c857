//! The faults that can be planted, by name. Each has its correct twin: the same system with the fault left out.
//!
//! Where a fault acts is written in the handler that has it; `FAULTS.md` says what it does to whom.

/// A fault of the sample system: one mistake in one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `GET /posts/{id}` forgets the tenant.
    ReadForeign,
    /// `PUT /users/{id}/bio` writes the bio of whoever is named in the path.
    SilentCrossOwnerWrite,
    /// `DELETE /posts/{id}` forgets the role and the owner.
    OpenPrivilegedVerb,
    /// `PATCH /posts/{id}` takes the owner from the body.
    MassAssignment,
    /// `GET /debug/config` is served.
    DebugRoute,
    /// The refusal of `GET /drafts/{id}` tells the title.
    TitleIn403,
    /// `POST /login` refuses the role `admin`.
    LockedOutAdmin,
    /// `GET /users` takes the caller's role from the token without checking its signature.
    SwappedClaims,
    /// `GET /posts` does not look at the expiry of the token.
    UncheckedExpiry,
    /// `POST /drafts` verifies the token by the algorithm that it names itself.
    AlgNone,
    /// `POST /posts` does not look whether the user of the token is still there.
    StaleToken,
    /// The total of `GET /posts` counts the posts of every tenant.
    ListTotal,
    /// `PUT /posts/{id}` looks at the post and at the body before it looks at who asks.
    ErrorBeforeAuthorization,
    /// `POST /posts/{id}/publish` does not check the CSRF token of a session in a cookie.
    CsrfSkipped,
    /// `DELETE /drafts/{id}` writes no record when it refuses.
    AuditMissing,
    /// `GET /users/{id}/bio` fails when the user of the token is gone.
    StaleToken500,
}

impl Fault {
    /// Every fault, in the order of the table in `FAULTS.md`.
    pub const ALL: [Fault; 16] = [
        Fault::ReadForeign,
        Fault::SilentCrossOwnerWrite,
        Fault::OpenPrivilegedVerb,
        Fault::MassAssignment,
        Fault::DebugRoute,
        Fault::TitleIn403,
        Fault::LockedOutAdmin,
        Fault::SwappedClaims,
        Fault::UncheckedExpiry,
        Fault::AlgNone,
        Fault::StaleToken,
        Fault::ListTotal,
        Fault::ErrorBeforeAuthorization,
        Fault::CsrfSkipped,
        Fault::AuditMissing,
        Fault::StaleToken500,
    ];

    /// The fault of this name, if there is one; names are matched exactly.
    pub fn from_name(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// The name that users type.
    pub fn name(self) -> &'static str {
        match self {
            Fault::ReadForeign => "read-foreign",
            Fault::SilentCrossOwnerWrite => "silent-cross-owner-write",
            Fault::OpenPrivilegedVerb => "open-privileged-verb",
            Fault::MassAssignment => "mass-assignment",
            Fault::DebugRoute => "debug-route",
            Fault::TitleIn403 => "title-in-403",
            Fault::LockedOutAdmin => "locked-out-admin",
            Fault::SwappedClaims => "swapped-claims",
            Fault::UncheckedExpiry => "unchecked-expiry",
            Fault::AlgNone => "alg-none",
            Fault::StaleToken => "stale-token",
            Fault::ListTotal => "list-total",
            Fault::ErrorBeforeAuthorization => "error-before-authorization",
            Fault::CsrfSkipped => "csrf-skipped",
            Fault::AuditMissing => "audit-missing",
            Fault::StaleToken500 => "stale-token-500",
        }
    }

    /// What the planted system does wrong, in one line without a final period.
    pub fn summary(self) -> &'static str {
        match self {
            Fault::ReadForeign => "`GET /posts/{id}` serves another tenant's post",
            Fault::SilentCrossOwnerWrite => {
                "`PUT /users/{id}/bio` changes somebody else's bio, and answers 204 either way"
            }
            Fault::OpenPrivilegedVerb => {
                "`DELETE /posts/{id}` lets every member of the tenant delete"
            }
            Fault::MassAssignment => "`PATCH /posts/{id}` takes a new owner from the body",
            Fault::DebugRoute => "`GET /debug/config` is open to everybody",
            Fault::TitleIn403 => "the 403 of `GET /drafts/{id}` tells the title of the draft",
            Fault::LockedOutAdmin => "`POST /login` refuses administrators with the right password",
            Fault::SwappedClaims => {
                "`GET /users` believes the claims of a token without checking its signature"
            }
            Fault::UncheckedExpiry => "`GET /posts` takes a token that has expired",
            Fault::AlgNone => "`POST /drafts` takes a token of the algorithm `none`",
            Fault::StaleToken => "`POST /posts` takes the token of a user who was deleted",
            Fault::ListTotal => "the total of `GET /posts` counts the posts of all tenants",
            Fault::ErrorBeforeAuthorization => {
                "`PUT /posts/{id}` refuses a malformed body before it looks at who asks"
            }
            Fault::CsrfSkipped => {
                "`POST /posts/{id}/publish` does not ask a browser's session for its CSRF token"
            }
            Fault::AuditMissing => {
                "`DELETE /drafts/{id}` leaves no record of a refusal in the audit log"
            }
            Fault::StaleToken500 => {
                "`GET /users/{id}/bio` fails on the token of a user who was deleted: inconclusive, and no finding"
            }
        }
    }
}
