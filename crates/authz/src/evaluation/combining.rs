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

/// Deny-overrides (XACML 3.0, section C.2), one member after the other. Of each value the first
/// member is kept: it is the one to name as the reason.
#[derive(Debug)]
pub(super) struct DenyOverrides<T> {
    deny: Option<T>,
    permit: Option<T>,
    could_permit: Option<T>,
    could_deny: Option<T>,
    could_either: Option<T>,
}

impl<T> DenyOverrides<T> {
    pub(super) fn new() -> Self {
        Self {
            deny: None,
            permit: None,
            could_permit: None,
            could_deny: None,
            could_either: None,
        }
    }

    pub(super) fn add(&mut self, member: Member<T>) {
        let slot = match member.value {
            Extended::NotApplicable => return,
            Extended::Deny => &mut self.deny,
            Extended::Permit => &mut self.permit,
            Extended::Indeterminate(Could::Permit) => &mut self.could_permit,
            Extended::Indeterminate(Could::Deny) => &mut self.could_deny,
            Extended::Indeterminate(Could::Either) => &mut self.could_either,
        };
        slot.get_or_insert(member.by);
    }

    /// Whether no further member can change the result.
    pub(super) fn is_decided(&self) -> bool {
        self.deny.is_some()
    }

    /// Whether a further member that says or could say "permit" changes nothing.
    pub(super) fn is_permitted(&self) -> bool {
        self.permit.is_some()
    }

    /// The combined value, and the member to name for it; none for "not applicable".
    pub(super) fn finish(self) -> (Extended, Option<T>) {
        let permits = self.permit.is_some() || self.could_permit.is_some();
        let indeterminate = Extended::Indeterminate;
        if self.deny.is_some() {
            (Extended::Deny, self.deny)
        } else if self.could_either.is_some() {
            (indeterminate(Could::Either), self.could_either)
        } else if self.could_deny.is_some() {
            let could = if permits { Could::Either } else { Could::Deny };
            (indeterminate(could), self.could_deny)
        } else if self.permit.is_some() {
            (Extended::Permit, self.permit)
        } else if self.could_permit.is_some() {
            (indeterminate(Could::Permit), self.could_permit)
        } else {
            (Extended::NotApplicable, None)
        }
    }
}
