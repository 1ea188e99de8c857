//! What is read about databases: how their tables are called, where they are, and what they keep of
//! their own policies.

use std::collections::BTreeSet;

use authz_sql::catalogue::Expression;
use authz_sql::connection::Address;
use authz_sql::roles::RoleTables;

use super::{source, told};

pub(crate) fn role_tables(bytes: &[u8]) {
    if let Some(source) = source("tables.yaml", bytes) {
        told(RoleTables::from_source(&source), &[source]);
    }
}

/// What an address says of itself never has its password in it.
pub(crate) fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Long enough not to stand in the rest by chance.
    let secret = "s3cr3t-of-the-address";
    let text = text.replace("PASSWORD", secret);
    if let Ok(address) = Address::parse(&text)
        && address.password() == Some(secret.as_bytes())
    {
        let told = format!("{address} {}", address.as_user("other", None));
        let elsewhere = text.matches(secret).count() > 1;
        assert!(elsewhere || !told.contains(secret), "{told}");
    }
}

/// A tree that can be read is read the same again.
pub(crate) fn expression(bytes: &[u8]) {
    let Ok(tree) = std::str::from_utf8(bytes) else {
        return;
    };
    let read = || Expression::read(tree, "x".to_owned(), None, &BTreeSet::new());
    let found = read();
    assert_eq!(found, read());
}
