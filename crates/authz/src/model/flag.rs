//! Feature flags, for which conditions may ask: on for whoever any of their lines names.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::facts::{Reference, Subject};

/// A flag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flag {
    pub(crate) name: Arc<str>,
    /// Whether it is on for those whom no line names.
    pub(crate) default: bool,
    pub(crate) users: BTreeSet<Reference>,
    /// The indices of the roles.
    pub(crate) roles: BTreeSet<usize>,
    pub(crate) tenants: BTreeSet<Arc<str>>,
    /// For how many of a hundred users it is on.
    pub(crate) rollout: u8,
}

impl Flag {
    /// Whether the flag is on for the subject. Each line only adds to the others.
    pub(crate) fn is_on(&self, subject: &Subject) -> bool {
        self.default
            || self.roles.iter().any(|role| subject.held.contains(role))
            || (subject.signed_in && self.names(subject))
    }

    fn names(&self, subject: &Subject) -> bool {
        let tenant = subject.tenant.as_ref();
        let user = subject.reference.as_ref();
        tenant.is_some_and(|tenant| self.tenants.contains(tenant))
            || user.is_some_and(|user| self.users.contains(user) || self.is_rolled_out(user))
    }

    /// A user's share of the circle is a hash of flag and user, so that a user is not always among
    /// the first. It is compared with a share of all 2^64 hashes: a remainder would favour some.
    fn is_rolled_out(&self, user: &Reference) -> bool {
        let share = (u128::from(self.rollout) << 64) / 100;
        u128::from(hash(&self.name, &user.to_string())) < share
    }
}

/// A hash that stays the same over versions and machines: FNV-1a of 64 bits over the flag, a zero
/// byte and the user, its bits then mixed as MurmurHash3 does at the end, because the first bits of
/// FNV-1a hardly depend on the last bytes.
fn hash(flag: &str, user: &str) -> u64 {
    let bytes = flag.bytes().chain([0]).chain(user.bytes());
    let fnv = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::{Flag, hash};
    use crate::facts::Reference;

    fn share(name: &str, rollout: u8) -> Vec<bool> {
        let flag = Flag {
            name: name.into(),
            rollout,
            ..Flag::default()
        };
        let users = (0..10_000).map(|number| Reference::new("user", &number.to_string()));
        users.map(|user| flag.is_rolled_out(&user)).collect()
    }

    #[test]
    fn a_rollout_reaches_its_share_of_the_users_and_grows_by_adding() {
        let quarter = share("new_editor", 25);
        let half = share("new_editor", 50);
        let count = quarter.iter().filter(|&&on| on).count();
        assert!((2_300..2_700).contains(&count), "{count}");
        assert!(quarter.iter().zip(&half).all(|(few, more)| !few || *more));
        assert!(share("new_editor", 100).iter().all(|&on| on));
        assert!(!share("new_editor", 0).iter().any(|&on| on));
    }

    #[test]
    fn two_flags_reach_different_users() {
        let (a, b) = (share("a", 50), share("b", 50));
        let both = a.iter().zip(&b).filter(|(a, b)| **a && **b).count();
        assert!((2_300..2_700).contains(&both), "{both}");
    }

    #[test]
    fn the_hash_is_the_same_in_every_version() {
        assert_eq!(hash("new_editor", "user:vera"), 9_983_007_128_428_581_470);
        assert_ne!(hash("ab", "c"), hash("a", "bc"));
    }
}
