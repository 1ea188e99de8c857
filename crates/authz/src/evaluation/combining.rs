//! Combining what the parts of a policy say into what the policy says: XACML 3.0, appendix C,
//! with the extended values of section C.1.

/// What one policy or rule says, or several combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extended {
    Permit,
    Deny,
    NotApplicable,
    /// It could not be evaluated, and would have been what is named or not applicable.
    Indeterminate(Could),
}

/// What something that could not be evaluated might have said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Could {
    Permit,
    Deny,
    Either,
}

/// What is combined, with what one wants to know of it afterwards.
#[derive(Debug)]
pub(super) struct Member<T> {
    pub(super) value: Extended,
    pub(super) by: T,
}

/// The algorithms, by which several policies become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Algorithm {
    /// A denial wins (section C.2).
    #[default]
    DenyOverrides,
    /// A permit wins (section C.4).
    PermitOverrides,
    /// The first that says anything wins (section C.8).
    FirstApplicable,
    /// One alone may be applicable, and it wins (section C.9). Whether one is, its target says and
    /// not its condition.
    OnlyOneApplicable,
}

impl Algorithm {
    /// The names of the algorithms, as policies have them.
    pub(crate) const NAMES: [&str; 4] = [
        "deny-overrides",
        "permit-overrides",
        "first-applicable",
        "only-one-applicable",
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DenyOverrides => "deny-overrides",
            Self::PermitOverrides => "permit-overrides",
            Self::FirstApplicable => "first-applicable",
            Self::OnlyOneApplicable => "only-one-applicable",
        }
    }

    /// The algorithm of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "deny-overrides" => Self::DenyOverrides,
            "permit-overrides" => Self::PermitOverrides,
            "first-applicable" => Self::FirstApplicable,
            "only-one-applicable" => Self::OnlyOneApplicable,
            _ => return None,
        })
    }
}

/// Members combined, one after the other. Of each value the first member is kept: it is the one to
/// name as the reason.
#[derive(Debug)]
pub(super) struct Combination<T> {
    algorithm: Algorithm,
    deny: Option<T>,
    permit: Option<T>,
    could_permit: Option<T>,
    could_deny: Option<T>,
    could_either: Option<T>,
    /// How many were added, whatever they said: those whose target applies.
    applicable: usize,
    first: Option<Extended>,
}

impl<T> Combination<T> {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            deny: None,
            permit: None,
            could_permit: None,
            could_deny: None,
            could_either: None,
            applicable: 0,
            first: None,
        }
    }

    /// Adds one whose target applies.
    pub(super) fn add(&mut self, member: Member<T>) {
        self.applicable += 1;
        let slot = match member.value {
            Extended::NotApplicable => return,
            Extended::Deny => &mut self.deny,
            Extended::Permit => &mut self.permit,
            Extended::Indeterminate(Could::Permit) => &mut self.could_permit,
            Extended::Indeterminate(Could::Deny) => &mut self.could_deny,
            Extended::Indeterminate(Could::Either) => &mut self.could_either,
        };
        self.first.get_or_insert(member.value);
        slot.get_or_insert(member.by);
    }

    /// Whether no further member can change the result.
    pub(super) fn is_decided(&self) -> bool {
        match self.algorithm {
            Algorithm::DenyOverrides => self.deny.is_some(),
            Algorithm::PermitOverrides => self.permit.is_some(),
            Algorithm::FirstApplicable => self.first.is_some(),
            Algorithm::OnlyOneApplicable => self.applicable > 1,
        }
    }

    /// Whether a further member that says or could say "permit" changes nothing.
    pub(super) fn is_permitted(&self) -> bool {
        self.algorithm == Algorithm::DenyOverrides && self.permit.is_some()
    }

    /// The combined value, and the member to name for it; none for "not applicable", and none
    /// where several are applicable of which only one may be.
    pub(super) fn finish(self) -> (Extended, Option<T>) {
        let value = match self.algorithm {
            Algorithm::DenyOverrides => self.deny_overrides(),
            Algorithm::PermitOverrides => self.permit_overrides(),
            Algorithm::OnlyOneApplicable if self.applicable > 1 => {
                return (Extended::Indeterminate(Could::Either), None);
            }
            Algorithm::FirstApplicable | Algorithm::OnlyOneApplicable => {
                self.first.unwrap_or(Extended::NotApplicable)
            }
        };
        let by = match value {
            Extended::Deny => self.deny,
            Extended::Permit => self.permit,
            Extended::NotApplicable => None,
            Extended::Indeterminate(_) => {
                let (deny, permit) = (self.could_deny, self.could_permit);
                let either = self.could_either;
                match self.algorithm {
                    Algorithm::PermitOverrides => either.or(permit).or(deny),
                    _ => either.or(deny).or(permit),
                }
            }
        };
        (value, by)
    }

    fn deny_overrides(&self) -> Extended {
        let permits = self.permit.is_some() || self.could_permit.is_some();
        if self.deny.is_some() {
            Extended::Deny
        } else if self.could_either.is_some() || (self.could_deny.is_some() && permits) {
            Extended::Indeterminate(Could::Either)
        } else if self.could_deny.is_some() {
            Extended::Indeterminate(Could::Deny)
        } else if self.permit.is_some() {
            Extended::Permit
        } else if self.could_permit.is_some() {
            Extended::Indeterminate(Could::Permit)
        } else {
            Extended::NotApplicable
        }
    }

    fn permit_overrides(&self) -> Extended {
        let denies = self.deny.is_some() || self.could_deny.is_some();
        if self.permit.is_some() {
            Extended::Permit
        } else if self.could_either.is_some() || (self.could_permit.is_some() && denies) {
            Extended::Indeterminate(Could::Either)
        } else if self.could_permit.is_some() {
            Extended::Indeterminate(Could::Permit)
        } else if self.deny.is_some() {
            Extended::Deny
        } else if self.could_deny.is_some() {
            Extended::Indeterminate(Could::Deny)
        } else {
            Extended::NotApplicable
        }
    }
}
