//! What a credential may be used for, whatever its holder may do: scopes, and the claims that
//! actions ask for.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::source::Place;

/// The scopes: the most that a token or API key with one of them can do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scopes(pub(crate) IndexMap<Arc<str>, Scope>);

/// A scope.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// The numbers of the actions that it covers, sorted.
    pub(crate) actions: Vec<usize>,
    pub(crate) place: Place,
}

/// A claim that a credential has to carry for an action.
#[derive(Debug, Clone)]
pub(crate) struct RequiredClaim {
    pub(crate) name: Arc<str>,
    pub(crate) value: Json,
    pub(crate) place: Place,
}

impl Scopes {
    /// Whether any of the named scopes covers the action. An unknown scope covers nothing.
    pub(crate) fn cover(&self, names: &[Arc<str>], action: usize) -> bool {
        let known = names.iter().filter_map(|name| self.0.get(name));
        known.into_iter().any(|scope| scope.covers(action))
    }

    /// The scopes that cover the action.
    pub(crate) fn covering(&self, action: usize) -> impl Iterator<Item = (&str, &Scope)> {
        let all = self.0.iter().map(|(name, scope)| (&**name, scope));
        all.filter(move |(_, scope)| scope.covers(action))
    }
}

impl Scope {
    fn covers(&self, action: usize) -> bool {
        self.actions.binary_search(&action).is_ok()
    }
}

impl RequiredClaim {
    /// Whether this is the value of the claim, or one in the list that is.
    pub(crate) fn is_met_by(&self, found: Option<&Json>) -> bool {
        match found {
            Some(Json::Array(items)) => items.contains(&self.value),
            Some(found) => *found == self.value,
            None => false,
        }
    }
}
