//! Databases under `targets:` — where each is, as whom actors enter it, and what its rows are to
//! the policy.

use authz::source::yaml::{Entry, Node, Value};
use authz::source::{DatabaseAddress, Diagnostic};

use super::Reader;
use super::actor::settle;
use super::inside::Text;
use super::names::Stage;
use super::template::{Holders, Piece, Scope, mentions};
use crate::model::{Clones, Database, Login, ObjectName, Rows};
use crate::template::Template;

/// The key by which a target is a database.
pub(super) const POSTGRES: &str = "postgres";

/// The longest name in PostgreSQL, in bytes (`NAMEDATALEN` less one); longer ones are cut there.
const NAME_BYTES_MAX: usize = 63;

/// The schema of names that say none, unless the target says another.
const SCHEMA_DEFAULT: &str = "public";

impl Reader<'_> {
    pub(super) fn database(&mut self, entry: &Entry) -> Option<Database> {
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let url = fields.required(POSTGRES, &mut self.diagnostics);
        let witness = fields.optional("witness");
        let schema = fields.optional("schema");
        let login = fields.optional("login");
        let role = fields.optional("role");
        let settings = fields.optional("session");
        let rows = fields.optional("rows");
        let clones = fields.optional("clones");
        fields.finish(&mut self.diagnostics);
        let url = url.map(|it| self.address(it));
        let witness = witness.map(|it| self.address(it));
        let schema = schema.map_or(Some(SCHEMA_DEFAULT.to_owned()), |it| self.object_part(it));
        let login = login.map(|it| self.login_of_database(it));
        let role = role.map(|it| self.template(it, &self.scope_of_all()));
        let settings = settings.map(|it| self.settings(it));
        let rows = rows.map(|it| {
            let schema = schema.as_deref().unwrap_or(SCHEMA_DEFAULT);
            self.rows(it, schema)
        });
        let clones = clones.map(|it| self.clones(it));
        if let (Some(_), None) = (&rows, &witness) {
            let message = "`rows` without a `witness`";
            self.diagnostics.push(
                Diagnostic::new(entry.place.clone(), message)
                    .label("the rows that are there must be known")
                    .help("give `witness`, the address of a user who sees every row"),
            );
            return None;
        }
        let (url, shown) = url??;
        Some(Database {
            name: entry.key.as_str().into(),
            place: entry.place.clone(),
            url,
            shown,
            witness: settle(witness)?.map(|(url, _)| url),
            schema: schema?,
            login: settle(login)?,
            role: settle(role)?,
            settings: settle(settings)?.unwrap_or_default(),
            rows: settle(rows)?.unwrap_or_default(),
            clones: settle(clones)?,
        })
    }

    /// `{ by: ADDRESS, template: NAME }`.
    fn clones(&mut self, node: &Node) -> Option<Clones> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let by = fields.required("by", &mut self.diagnostics);
        let template = fields.required("template", &mut self.diagnostics);
        fields.finish(&mut self.diagnostics);
        let by = by.map(|it| self.address(it));
        let template = template.map(|it| self.object_part(it));
        let (by, shown) = by??;
        Some(Clones {
            by,
            shown,
            template: template??,
        })
    }

    /// An address, and how it is shown: without the password, which is a secret wherever it
    /// comes from.
    fn address(&mut self, node: &Node) -> Option<(String, String)> {
        node.text(&mut self.diagnostics)?;
        let text = Text::of_scalar(node)?;
        let mut url = String::new();
        let mut unset = false;
        for (piece, range) in self.pieces(text)? {
            match piece {
                Piece::Plain(plain) => url.push_str(&plain),
                Piece::Environment(name) => {
                    unset |= (self.inputs.environment)(name).is_none();
                    url.push_str(&self.environment(name, text, range)?);
                }
                Piece::Variable(_) => {
                    let place = text.place_of(self.inputs.suite, range);
                    let message = "an address is the same for everybody";
                    self.diagnostics.push(
                        Diagnostic::new(place, message)
                            .help("as whom an actor enters is said by `login`, or by `role`"),
                    );
                    return None;
                }
            }
        }
        if unset {
            return Some((url.clone(), url));
        }
        let Some((shown, passwords)) = without_password(&url) else {
            // The text is not repeated: it may hold a password.
            let message = "not the address of a PostgreSQL database";
            let label = "expected `postgres://user:password@host:port/database`";
            let help = "in names and passwords `@` and `?` are written percent-encoded, as `%40` and `%3F`";
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message)
                    .label(label)
                    .help(help),
            );
            return None;
        };
        passwords.iter().for_each(|it| self.keep_secret(it));
        Some((url, shown))
    }

    fn login_of_database(&mut self, node: &Node) -> Option<Login> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let user = fields.required("user", &mut self.diagnostics);
        let password = fields.optional("password");
        fields.finish(&mut self.diagnostics);
        let scope = self.scope_of_all();
        let user = user.map(|it| self.template(it, &scope));
        let password = password.map(|it| self.template(it, &scope));
        Some(Login {
            user: user??,
            password: settle(password)?,
        })
    }

    /// What every actor that is tried must know.
    fn scope_of_all<'s>(&self) -> Scope<'s> {
        let actors = self.names.probing();
        let actors = actors.filter(|(_, actor)| !actor.shut_out);
        scope_of(actors.map(|(index, _)| index).collect())
    }

    fn settings(&mut self, node: &Node) -> Option<Vec<(String, Template)>> {
        let mut settings = Vec::new();
        for entry in node.map(&mut self.diagnostics)? {
            let scope = self.scope_of_those_who_know(&entry.value);
            let value = self.template(&entry.value, &scope);
            settings.push(value.map(|value| (entry.key.clone(), value)));
        }
        super::complete(settings)
    }

    /// For a setting that is left out for actors without such a field: at least one must have it.
    fn scope_of_those_who_know<'s>(&self, node: &Node) -> Scope<'s> {
        let all = self.scope_of_all();
        let text = Text::of_scalar(node).map_or("", |it| it.text);
        let used: Vec<&str> = mentions(text)
            .filter(|(base, _)| *base == "actor")
            .map(|(_, field)| field)
            .collect();
        let knows = |actor: &usize| {
            let known = self.names.fields_of(*actor, Stage::Identified);
            known.is_none_or(|known| used.iter().all(|field| known.contains(field)))
        };
        let actors = all.actor.iter().flat_map(|it| &it.actors);
        let knowing: Vec<usize> = actors.copied().filter(knows).collect();
        match knowing.is_empty() {
            true => all,
            false => scope_of(knowing),
        }
    }

    fn rows(&mut self, node: &Node, schema: &str) -> Option<Vec<Rows>> {
        let mut rows = Vec::new();
        for entry in node.map(&mut self.diagnostics)? {
            rows.push(self.rows_of_table(entry, schema));
        }
        super::complete(rows)
    }

    fn rows_of_table(&mut self, entry: &Entry, schema: &str) -> Option<Rows> {
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let type_name = fields.required("type", &mut self.diagnostics);
        let key = fields.required("key", &mut self.diagnostics);
        let attributes = fields.optional("attributes");
        fields.finish(&mut self.diagnostics);
        let table = self.object_text(&entry.key, &entry.place, schema);
        let type_name = type_name.map(|it| self.type_of_rows(it));
        let key = key.map(|it| self.object_part(it));
        let type_name = type_name?;
        let attributes = attributes.map_or(Some(Vec::new()), |it| {
            self.attributes_of_rows(it, type_name.as_deref())
        });
        Some(Rows {
            table: table?,
            type_name: type_name?.as_str().into(),
            key: key??,
            attributes: attributes?,
            place: entry.place.clone(),
        })
    }

    fn type_of_rows(&mut self, node: &Node) -> Option<String> {
        let word = node.text(&mut self.diagnostics)?;
        let Some(policy) = self.policy.filter(|it| !it.has_type(word)) else {
            return Some(word.to_owned());
        };
        let known: Vec<&str> = policy.type_names().collect();
        self.diagnostics
            .push(super::unknown(&node.place, "type", word, &known));
        None
    }

    /// `attribute: column`.
    fn attributes_of_rows(
        &mut self,
        node: &Node,
        type_name: Option<&str>,
    ) -> Option<Vec<(String, String)>> {
        let policy = self.policy;
        let known: Option<Vec<&str>> = policy
            .zip(type_name)
            .map(|(policy, name)| policy.attribute_names(name).collect());
        let mut attributes = Vec::new();
        for entry in node.map(&mut self.diagnostics)? {
            if let Some(known) = known
                .as_ref()
                .filter(|it| !it.contains(&entry.key.as_str()))
            {
                let mistake = super::unknown(&entry.place, "attribute", &entry.key, known);
                self.diagnostics.push(mistake);
            }
            let column = self.object_part(&entry.value);
            attributes.push(column.map(|column| (entry.key.clone(), column)));
        }
        super::complete(attributes)
    }

    /// `table`, `schema.table` or `[schema, table]`, exactly as it is called there.
    pub(super) fn object_name(&mut self, node: &Node, schema: &str) -> Option<ObjectName> {
        let Value::List(parts) = &node.value else {
            let text = node.text(&mut self.diagnostics)?;
            return self.object_text(text, &node.place, schema);
        };
        let [schema, name] = parts.as_slice() else {
            let mistake = node.mismatch("`schema.name`, or `[schema, name]`");
            self.diagnostics.push(mistake);
            return None;
        };
        let schema = self.object_part(schema);
        let name = self.object_part(name);
        Some(ObjectName {
            schema: schema?,
            name: name?,
        })
    }

    fn object_text(
        &mut self,
        text: &str,
        place: &authz::source::Place,
        schema: &str,
    ) -> Option<ObjectName> {
        let (schema, name) = text.split_once('.').unwrap_or((schema, text));
        let both = self
            .check_object(schema, place)
            .and(self.check_object(name, place));
        both.map(|()| ObjectName {
            schema: schema.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The name of a schema, a column, ...
    pub(super) fn object_part(&mut self, node: &Node) -> Option<String> {
        let text = node.text(&mut self.diagnostics)?;
        self.check_object(text, &node.place)?;
        Some(text.to_owned())
    }

    /// Refuses what cannot be a name in PostgreSQL.
    fn check_object(&mut self, name: &str, place: &authz::source::Place) -> Option<()> {
        let mistake = match name {
            "" => "a name is empty".to_owned(),
            _ if name.contains('\0') => "a name cannot hold U+0000".to_owned(),
            _ if name.len() > NAME_BYTES_MAX => format!(
                "`{name}` has {} bytes, and names in PostgreSQL have {NAME_BYTES_MAX} at most",
                name.len()
            ),
            _ => return Some(()),
        };
        let cut = name.floor_char_boundary(NAME_BYTES_MAX);
        let cut = name.get(..cut).unwrap_or_default();
        let mistake = Diagnostic::new(place.clone(), mistake);
        self.diagnostics.push(match name.len() > NAME_BYTES_MAX {
            true => mistake.help(format!("PostgreSQL has cut it to `{cut}`")),
            false => mistake,
        });
        None
    }
}

/// The variables of the given actors, as they are when a probe is made.
pub(super) fn scope_of<'s>(actors: Vec<usize>) -> Scope<'s> {
    Scope {
        actor: Some(Holders {
            actors,
            stage: Stage::Identified,
            session: None,
        }),
        ..Scope::default()
    }
}

/// An address without its passwords, and those, as they are and as they are written; `None` where
/// it is none.
fn without_password(url: &str) -> Option<(String, Vec<String>)> {
    let address = DatabaseAddress::of(url)?;
    let decoded = |text: &str| {
        let plain = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        plain.into_owned()
    };
    let options = address.options.split('&');
    let given = options
        .filter_map(|it| it.split_once('='))
        .filter(|(key, _)| decoded(key) == "password")
        .map(|(_, value)| value);
    let passwords = address.password.into_iter().chain(given);
    let passwords = passwords.flat_map(|it| [decoded(it), it.to_owned()]);
    let user = address.user.map_or(String::new(), |it| format!("{it}@"));
    let shown = format!("{}://{user}{}", address.scheme, address.place);
    Some((shown, passwords.collect()))
}
