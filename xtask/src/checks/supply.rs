//! What we take from others: licences, sources and banned packages, as deny.toml has them.
//!
//! `cargo deny` reads the same file and knows more, but takes minutes to build; this is the part
//! that must hold on every machine.

use serde::Deserialize;

use crate::breach::Breach;
use crate::house::Package;

mod expression;
#[cfg(test)]
mod tests;

/// The part of deny.toml that is held here.
#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

/// Licences that one package alone may have.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
struct Sources {
    #[serde(rename = "allow-registry")]
    allow_registry: Vec<String>,
}

pub(crate) fn check(packages: &[Package], deny: Option<&str>) -> Vec<Breach> {
    let Some(text) = deny else {
        return vec![Breach::error("deny.toml", "no tracked file is there")];
    };
    let deny: Deny = match toml::from_str(text) {
        Ok(deny) => deny,
        Err(error) => return vec![Breach::error("deny.toml", error.message())],
    };
    let mut breaches = unused_exceptions(packages, &deny.licenses);
    for package in packages {
        let said = [
            licence(package, &deny.licenses),
            source(package, &deny.sources),
            ban(package, &deny.bans),
        ];
        let place = || format!("{} {}", package.name, package.version);
        breaches.extend(
            said.into_iter()
                .flatten()
                .map(|message| Breach::error(place(), message)),
        );
    }
    breaches
}

fn licence(package: &Package, licenses: &Licenses) -> Option<String> {
    let Some(written) = &package.license else {
        return Some("has no licence expression".to_owned());
    };
    let accepts = |id: &str| licenses.accepts(&package.name, id);
    match expression::is_met(written, accepts) {
        Some(true) => None,
        Some(false) => Some(format!("licence `{written}` is not allowed by deny.toml")),
        None => Some(format!("licence `{written}` is not an SPDX expression")),
    }
}

impl Licenses {
    fn accepts(&self, package: &str, id: &str) -> bool {
        let mut exceptions = self.exceptions.iter();
        self.allow.iter().any(|allowed| allowed == id)
            || exceptions.any(|exception| {
                exception.name == package && exception.allow.iter().any(|allowed| allowed == id)
            })
    }
}

/// An exception outlives its package easily, and then waits for the wrong one.
fn unused_exceptions(packages: &[Package], licenses: &Licenses) -> Vec<Breach> {
    licenses
        .exceptions
        .iter()
        .filter(|exception| {
            packages
                .iter()
                .all(|package| package.name != exception.name)
        })
        .map(|exception| {
            let message = format!(
                "the exception for `{}` is not needed any more",
                exception.name
            );
            Breach::error("deny.toml", message)
        })
        .collect()
}

fn source(package: &Package, sources: &Sources) -> Option<String> {
    let Some(source) = &package.source else {
        return Some("comes from a path outside the workspace".to_owned());
    };
    let registry = source.strip_prefix("registry+");
    match registry.is_some_and(|registry| sources.allow_registry.iter().any(|it| it == registry)) {
        true => None,
        false => Some(format!(
            "comes from `{source}`, which deny.toml does not allow"
        )),
    }
}

fn ban(package: &Package, bans: &Bans) -> Option<String> {
    let banned = bans
        .deny
        .iter()
        .find(|banned| banned.name == package.name)?;
    Some(format!("is banned by deny.toml: {}", banned.reason))
}
