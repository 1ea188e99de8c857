//! The combining algorithms against the text of XACML 3.0, appendix C.

use super::combining::{Algorithm, Combination, Could, Extended, Member};

const VALUES: [Extended; 6] = [
    Extended::Permit,
    Extended::Deny,
    Extended::NotApplicable,
    Extended::Indeterminate(Could::Permit),
    Extended::Indeterminate(Could::Deny),
    Extended::Indeterminate(Could::Either),
];

/// The pseudo-code of section C.2, line by line.
fn deny_overrides(values: &[Extended]) -> Extended {
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

/// That of section C.4.
fn permit_overrides(values: &[Extended]) -> Extended {
    let (mut error_d, mut error_p, mut error_dp, mut deny) = (false, false, false, false);
    for value in values {
        match value {
            Extended::Permit => return Extended::Permit,
            Extended::Deny => deny = true,
            Extended::NotApplicable => {}
            Extended::Indeterminate(Could::Deny) => error_d = true,
            Extended::Indeterminate(Could::Permit) => error_p = true,
            Extended::Indeterminate(Could::Either) => error_dp = true,
        }
    }
    if error_dp || (error_p && (error_d || deny)) {
        return Extended::Indeterminate(Could::Either);
    }
    if error_p {
        return Extended::Indeterminate(Could::Permit);
    }
    if deny {
        return Extended::Deny;
    }
    if error_d {
        return Extended::Indeterminate(Could::Deny);
    }
    Extended::NotApplicable
}

/// That of section C.8.
fn first_applicable(values: &[Extended]) -> Extended {
    for value in values {
        if *value != Extended::NotApplicable {
            return *value;
        }
    }
    Extended::NotApplicable
}

/// That of section C.9, of policies whose targets all apply.
fn only_one_applicable(values: &[Extended]) -> Extended {
    match values {
        [] => Extended::NotApplicable,
        [one] => *one,
        _ => Extended::Indeterminate(Could::Either),
    }
}

type Standard = fn(&[Extended]) -> Extended;

const ALGORITHMS: [(Algorithm, Standard); 4] = [
    (Algorithm::DenyOverrides, deny_overrides),
    (Algorithm::PermitOverrides, permit_overrides),
    (Algorithm::FirstApplicable, first_applicable),
    (Algorithm::OnlyOneApplicable, only_one_applicable),
];

fn combined(algorithm: Algorithm, values: &[Extended]) -> (Extended, Option<Extended>) {
    let mut members = Combination::new(algorithm);
    for &value in values {
        if members.is_decided() {
            break;
        }
        members.add(Member { value, by: value });
    }
    members.finish()
}

#[test]
fn all_sequences_of_up_to_four_values_are_as_the_standard_says() {
    for length in 0..=4_u32 {
        for code in 0..6_usize.pow(length) {
            let digits = (0..length).map(|place| code / 6_usize.pow(place) % 6);
            let values: Vec<Extended> = digits.map(|digit| VALUES[digit]).collect();
            for (algorithm, standard) in ALGORITHMS {
                let (value, by) = combined(algorithm, &values);
                assert_eq!(value, standard(&values), "{algorithm:?} {values:?}");
                if algorithm != Algorithm::OnlyOneApplicable {
                    let nobody = value == Extended::NotApplicable;
                    assert_eq!(by.is_none(), nobody, "{algorithm:?} {values:?}");
                }
            }
        }
    }
}

#[test]
fn what_overrides_does_not_depend_on_the_order() {
    for code in 0..6_usize.pow(4) {
        let digits = [0, 1, 2, 3].map(|place| code / 6_usize.pow(place) % 6);
        let mut values = digits.map(|digit| VALUES[digit]);
        for algorithm in [Algorithm::DenyOverrides, Algorithm::PermitOverrides] {
            let (value, _) = combined(algorithm, &values);
            for _ in 0..4 {
                values.rotate_left(1);
                assert_eq!(combined(algorithm, &values).0, value, "{values:?}");
                values.swap(0, 1);
                assert_eq!(combined(algorithm, &values).0, value, "{values:?}");
            }
        }
    }
}
