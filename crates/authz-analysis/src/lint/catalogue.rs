//! The lints by their names, what each of them finds, and what to use instead.

/// A lint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lint {
    /// So many roles that nobody can tell what they are for.
    RoleExplosion,
    /// A role for one person.
    PersonalRole,
    /// Roles that are the same in another context.
    ContextRole,
    /// A role that means: what is one's own.
    OwnerRole,
    /// A role that grants nothing, or that nobody has.
    UnusedRole,
    /// A role that is included over two ways.
    RoleDiamond,
    /// A rule that changes nothing.
    ShadowedRule,
    /// A rule whose condition never holds.
    UnreachableRule,
    /// A permit that is always denied.
    UnreachablePermit,
    /// Two parts that apply at once where one alone may.
    CollidingRules,
    /// All actions, whichever they are; all users, whoever they are.
    WildcardGrant,
    /// A way to more than one has.
    SelfGranting,
    /// A relation that nothing follows from.
    UnusedRelation,
    /// Something that the other language of relations has no words for.
    NotPortable,
    /// Relationships that lead back to where they began.
    RelationshipCycle,
    /// A comment that allows what is not there.
    UnusedAllow,
}

impl Lint {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::RoleExplosion,
        Self::PersonalRole,
        Self::ContextRole,
        Self::OwnerRole,
        Self::UnusedRole,
        Self::RoleDiamond,
        Self::ShadowedRule,
        Self::UnreachableRule,
        Self::UnreachablePermit,
        Self::CollidingRules,
        Self::WildcardGrant,
        Self::SelfGranting,
        Self::UnusedRelation,
        Self::NotPortable,
        Self::RelationshipCycle,
        Self::UnusedAllow,
    ];

    /// The lint of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lint| lint.name() == name)
    }

    /// Its name, which stays the same over versions.
    pub fn name(self) -> &'static str {
        match self {
            Self::RoleExplosion => "role-explosion",
            Self::PersonalRole => "personal-role",
            Self::ContextRole => "context-role",
            Self::OwnerRole => "owner-role",
            Self::UnusedRole => "unused-role",
            Self::RoleDiamond => "role-diamond",
            Self::ShadowedRule => "shadowed-rule",
            Self::UnreachableRule => "unreachable-rule",
            Self::UnreachablePermit => "unreachable-permit",
            Self::CollidingRules => "colliding-rules",
            Self::WildcardGrant => "wildcard-grant",
            Self::SelfGranting => "self-granting",
            Self::UnusedRelation => "unused-relation",
            Self::NotPortable => "not-portable",
            Self::RelationshipCycle => "relationship-cycle",
            Self::UnusedAllow => "unused-allow",
        }
    }

    /// What it finds, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::RoleExplosion => "50 roles or more",
            Self::PersonalRole => "a role that carries the name of a person",
            Self::ContextRole => "roles that differ by a word of their names alone",
            Self::OwnerRole => "a role that stands for what is one's own",
            Self::UnusedRole => "a role that grants nothing, or that nobody has",
            Self::RoleDiamond => "a role that is included over two ways",
            Self::ShadowedRule => "a rule that changes nothing, because of another part",
            Self::UnreachableRule => "a rule whose condition never holds",
            Self::UnreachablePermit => "a permit that something always overrides",
            Self::CollidingRules => "two parts that apply at once under `only-one-applicable`",
            Self::WildcardGrant => "a grant of every action, or to everybody",
            Self::SelfGranting => "a way to give oneself more than one has",
            Self::UnusedRelation => "a relation that nothing follows from",
            Self::NotPortable => "what only one of OpenFGA's and SpiceDB's languages can say",
            Self::RelationshipCycle => "relationships that lead back to where they began",
            Self::UnusedAllow => "a comment that allows what is not there",
        }
    }

    /// What to use instead.
    pub fn instead(self) -> &'static str {
        match self {
            Self::RoleExplosion => {
                "keep roles for what people do, and say where they do it by attributes in rules or by relations"
            }
            Self::PersonalRole => {
                "give the person a role that others could have, or a relationship to the one object"
            }
            Self::ContextRole => {
                "one role, and a rule that compares an attribute of subject and resource, such as `subject.department == resource.department`; or roles within tenants"
            }
            Self::OwnerRole => "a rule `when: resource.owner == subject`, or a relation `owner`",
            Self::UnusedRole => "take it out, or grant it what it is meant for",
            Self::RoleDiamond => {
                "include each role over one way; where both arms are meant, say so in a comment that allows it"
            }
            Self::ShadowedRule => "take it out, or narrow the part that makes it superfluous",
            Self::UnreachableRule => "correct the condition, or take the rule out",
            Self::UnreachablePermit => "take the permit out, or give the denial a condition",
            Self::CollidingRules => {
                "let each action be named by one part alone, or combine with `deny-overrides`"
            }
            Self::WildcardGrant => {
                "name the actions, so that a new one is nobody's until somebody decides; name a group instead of everybody, or role `anyone`, which says so"
            }
            Self::SelfGranting => {
                "let only those who have it give it: who may change a relation or assign a role should hold all that it grants"
            }
            Self::UnusedRelation => "take it out, or let a permission follow from it",
            Self::NotPortable => "say it as both languages can, or stay with this one",
            Self::RelationshipCycle => "take one of the relationships out",
            Self::UnusedAllow => "take the comment out",
        }
    }
}
