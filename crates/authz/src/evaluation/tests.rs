//! The combining algorithm against the text of XACML 3.0, section C.2.

use super::combining::{Could, DenyOverrides, Extended, Member};

const VALUES: [Extended; 6] = [
    Extended::Permit,
    Extended::Deny,
    Extended::NotApplicable,
    Extended::Indeterminate(Could::Permit),
    Extended::Indeterminate(Could::Deny),
    Extended::Indeterminate(Could::Either),
];

/// The pseudo-code of the standard, line by line.
fn standard(values: &[Extended]) -> Extended {
    let (mut error_d, mut error_p, mut error_dp, mut permit) = (false, false, false, false);
    for value in values {
        match value {
            Extended::Deny => return Extended::Deny,
            Extended::Permit => permit = true,
            Extended::NotApplicable => {}
            Extended::Indeterminate(Could::Deny) => error_d = true,
            Extended::Indeterminate(Could::Permit) => error_p = true,
            Extended::Indeterminate(Could::Either) => error_dp = true,
        }
    }
    if error_dp || (error_d && (error_p || permit)) {
        return Extended::Indeterminate(Could::Either);
    }
    if error_d {
        return Extended::Indeterminate(Could::Deny);
    }
    if permit {
        return Extended::Permit;
    }
    if error_p {
        return Extended::Indeterminate(Could::Permit);
    }
    Extended::NotApplicable
}

#[test]
fn all_combinations_of_four_values_are_as_the_standard_says() {
    for code in 0..6_usize.pow(4) {
        let digits = [0, 1, 2, 3].map(|place| code / 6_usize.pow(place) % 6);
        let values = digits.map(|digit| VALUES[digit]);
        let mut members = DenyOverrides::new();
        for value in values {
            members.add(Member { value, by: value });
        }
        let (value, by) = members.finish();
        assert_eq!(value, standard(&values), "{values:?}");
        assert_eq!(by.is_none(), value == Extended::NotApplicable, "{values:?}");
    }
}
