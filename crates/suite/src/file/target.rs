//! `targets:` — the running systems, and how each says no.

use authz::source::yaml::{Entry, Node};
use authz::source::{Diagnostic, one_of};

use super::Reader;
use super::actor::settle;
use super::inside::Text;
use super::names::{ACTION_KEYS, entries, is_database};
use super::template::{Piece, Scope};
use crate::model::{Database, Denies, Form, Target};

const RESERVED_MEANING: &str = "it is a key of every action";
const RATE_MAX: u64 = 1_000_000;

impl Reader<'_> {
    pub(super) fn targets(&mut self, node: &Node) -> Option<Vec<Option<Target>>> {
        let mut targets = Vec::new();
        let all = node.map(&mut self.diagnostics)?;
        for entry in all.iter().filter(|it| !is_database(it)) {
            self.check_name(entry);
            targets.push(self.target(entry));
        }
        if all.is_empty() {
            let message = "no target is given: there is nothing to try";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
        }
        Some(targets)
    }

    /// The databases among the targets.
    pub(super) fn databases(&mut self, node: &Node) -> Vec<Option<Database>> {
        let mut databases = Vec::new();
        for entry in entries(Some(node)).filter(|it| is_database(it)) {
            self.check_name(entry);
            self.check_not_reserved(entry, &ACTION_KEYS, RESERVED_MEANING);
            databases.push(self.database(entry));
        }
        databases
    }

    fn target(&mut self, entry: &Entry) -> Option<Target> {
        self.check_not_reserved(entry, &ACTION_KEYS, RESERVED_MEANING);
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let base = fields.required("http", &mut self.diagnostics);
        let denies = fields.optional("denies");
        let rate = fields.optional("rate");
        let openapi = fields.optional("openapi");
        fields.finish(&mut self.diagnostics);
        let base = base.map(|it| self.base(it));
        let denies = denies.map_or_else(|| Some(default_denies()), |it| self.denies(it));
        let rate = rate.map(|it| it.integer(1, RATE_MAX, &mut self.diagnostics));
        let named = openapi.map(|it| it.text(&mut self.diagnostics).map(drop));
        settle(named)?;
        Some(Target {
            name: entry.key.as_str().into(),
            place: entry.place.clone(),
            base: base??,
            denies: denies?,
            rate: match rate {
                Some(rate) => Some(u32::try_from(rate?).ok()?),
                None => None,
            },
            openapi: self.documents.of(&entry.key).flatten(),
        })
    }

    /// An address is shown in reports, so its environment variables are not secrets.
    fn base(&mut self, node: &Node) -> Option<String> {
        node.text(&mut self.diagnostics)?;
        let text = Text::of_scalar(node)?;
        let mut base = String::new();
        let mut unset = false;
        for (piece, range) in self.pieces(text)? {
            match piece {
                Piece::Plain(plain) => base.push_str(&plain),
                Piece::Environment(name) => {
                    unset |= (self.inputs.environment)(name).is_none();
                    base.push_str(&self.environment(name, text, range)?);
                }
                Piece::Variable(name) => {
                    let place = text.place_of(self.inputs.suite, range);
                    let message = format!("unknown variable `{name}`");
                    let label = "an address is the same for every call";
                    self.diagnostics
                        .push(Diagnostic::new(place, message).label(label));
                    return None;
                }
            }
        }
        match check_base(&base) {
            _ if unset => Some(base),
            Ok(()) => Some(base.trim_end_matches('/').to_owned()),
            Err(message) => {
                self.diagnostics.push(
                    Diagnostic::new(node.place.clone(), message)
                        .label("expected `http://host:port/path` or `https://...`"),
                );
                None
            }
        }
    }

    fn denies(&mut self, node: &Node) -> Option<Denies> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let unauthenticated = fields.optional("unauthenticated");
        let forbidden = fields.optional("forbidden");
        let concealed = fields.optional("concealed");
        fields.finish(&mut self.diagnostics);
        let default = default_denies();
        let unauthenticated = self.forms(unauthenticated, default.unauthenticated);
        let forbidden = self.forms(forbidden, default.forbidden);
        let concealed = self.forms(concealed, default.concealed);
        Some(Denies {
            unauthenticated: unauthenticated?,
            forbidden: forbidden?,
            concealed: concealed?,
        })
    }

    fn forms(&mut self, node: Option<&Node>, default: Vec<Form>) -> Option<Vec<Form>> {
        let Some(node) = node else {
            return Some(default);
        };
        let items = node.list(&mut self.diagnostics)?;
        if items.is_empty() {
            let message = "no form of no is given";
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message)
                    .label("expected at least one, such as `{ status: 403 }`"),
            );
        }
        let forms: Vec<_> = items.iter().map(|item| self.form(item)).collect();
        forms.into_iter().collect()
    }

    fn form(&mut self, node: &Node) -> Option<Form> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let status = fields.required("status", &mut self.diagnostics);
        let json = fields.optional("json");
        let headers = fields.optional("headers");
        fields.finish(&mut self.diagnostics);
        let status = status.map(|it| self.status(it));
        let scope = Scope::default();
        let json = json.map_or(Some(Vec::new()), |it| self.assertions(it, &scope, false));
        let headers = headers.map_or(Some(Vec::new()), |it| self.header_matchers(it));
        Some(Form {
            status: status??,
            json: json?,
            headers: headers?,
        })
    }

    /// A status code of HTTP (RFC 9110, section 15).
    pub(super) fn status(&mut self, node: &Node) -> Option<u16> {
        let status = node.integer(100, 599, &mut self.diagnostics)?;
        u16::try_from(status).ok()
    }
}

pub(super) fn default_denies() -> Denies {
    let form = |status| {
        vec![Form {
            status,
            json: Vec::new(),
            headers: Vec::new(),
        }]
    };
    Denies {
        unauthenticated: form(401),
        forbidden: form(403),
        concealed: form(404),
    }
}

/// Whether an address is one to which paths can be added. A credential in it is not shown again.
fn check_base(base: &str) -> Result<(), String> {
    let rest = base
        .strip_prefix("http://")
        .or_else(|| base.strip_prefix("https://"))
        .ok_or_else(|| format!("`{base}` does not begin with `http://` or `https://`"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("an address must not hold credentials; sessions send them".to_owned());
    }
    if let Some(mark) = ["?", "#"].into_iter().find(|mark| rest.contains(mark)) {
        return Err(format!(
            "`{base}` holds `{mark}`; an address ends with its path"
        ));
    }
    if authority.is_empty() {
        return Err(format!("`{base}` names no host"));
    }
    if !is_authority(authority) {
        return Err(format!(
            "`{authority}` is not a host with or without a port"
        ));
    }
    match path.chars().find(|&c| !c.is_ascii_graphic()) {
        Some(c) => Err(format!("`{base}` holds {}", super::call::describe(c))),
        None => Ok(()),
    }
}

/// `host`, `host:port` or `[IPv6]:port` (RFC 3986, section 3.2, without user information).
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) => {
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return false;
                }
                (
                    host,
                    port.strip_prefix(':').or(port.is_empty().then_some("")),
                )
            }
            None => return false,
        },
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("")),
        },
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let host_char = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    !host.is_empty()
        && host.chars().all(host_char)
        && port.is_some_and(|port| is_port(port) || (port.is_empty() && !authority.ends_with(':')))
}

/// The targets' names for messages.
pub(super) fn expected_layers(targets: &[&str]) -> String {
    one_of(targets.iter().chain(&ACTION_KEYS).copied())
}
