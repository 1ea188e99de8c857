//! Filters as text, for people.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::condition::string;
use crate::model::Policy;

use super::residual::{Filter, OfTenant, Residual};

impl Policy {
    /// For which resources a residual is a permit, in the words of conditions: `resource in [...]`
    /// names those that relations or shares say it of. The attributes that are read have to have a
    /// value: where one is missing, neither a condition nor its contrary holds.
    pub fn residual_text(&self, residual: &Residual<'_>) -> String {
        let of = Shown {
            policy: self,
            type_name: residual.type_name(),
        };
        of.text(residual.filter())
    }
}

/// Where the words come from.
struct Shown<'a> {
    policy: &'a Policy,
    type_name: &'a str,
}

impl Shown<'_> {
    fn text(&self, filter: &Filter) -> String {
        match filter {
            Filter::Always => "true".to_owned(),
            Filter::Never => "false".to_owned(),
            Filter::All(parts) => self.joined(parts, " && "),
            Filter::Any(parts) => self.joined(parts, " || "),
            Filter::OfTenant(of) => self.of_tenant(of, "==", "||", ""),
            Filter::OfAnother(of) => self.of_tenant(of, "!=", "&&", "!"),
            Filter::Among(ids) => self.among(ids),
            Filter::NotAmong(ids) if ids.is_empty() => "true".to_owned(),
            Filter::NotAmong(ids) => format!("!({})", self.among(ids)),
            Filter::Holds(left) => left.text(),
            Filter::Fails(left) => format!("!({})", left.text()),
        }
    }

    fn joined(&self, parts: &[Filter], by: &str) -> String {
        let parts = parts.iter().map(|part| match part {
            Filter::All(_) | Filter::Any(_) => format!("({})", self.text(part)),
            Filter::OfTenant(of) | Filter::OfAnother(of) if !of.shared.is_empty() => {
                format!("({})", self.text(part))
            }
            Filter::Holds(left) if left.is_joined() => format!("({})", self.text(part)),
            part => self.text(part),
        });
        parts.collect::<Vec<_>>().join(by)
    }

    /// `resource.tenant == "acme"`, with what is shared.
    fn of_tenant(&self, of: &OfTenant, compares: &str, joins: &str, negates: &str) -> String {
        let attribute = self.policy.tenant_attribute(self.type_name);
        let tenant = of.tenant.as_deref().map_or("null".to_owned(), string);
        let own = format!(
            "resource.{} {compares} {tenant}",
            attribute.unwrap_or("tenant")
        );
        match (of.shared.is_empty(), negates) {
            (true, _) => own,
            (false, "") => format!("{own} {joins} {}", self.among(&of.shared)),
            (false, _) => format!("{own} {joins} {negates}({})", self.among(&of.shared)),
        }
    }

    fn among(&self, ids: &BTreeSet<Arc<str>>) -> String {
        let ids = ids
            .iter()
            .map(|id| string(&format!("{}:{id}", self.type_name)));
        format!("resource in [{}]", ids.collect::<Vec<_>>().join(", "))
    }
}
