//! The matrix as a file that people review: written so that one changed cell is one changed line, and
//! read again only to tell which cells differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Cell, Matrix, RESERVED, Row};

/// What stands above the table.
const HEAD: &str = "# Who may do what, by role. Made from the policy by `lockstep matrix --write`: review what changes.\n";
/// What tells the row of another tenant's resources.
const FOREIGN: &str = ", other tenant";

/// A cell in which two matrices differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The row: `post.delete`, or `post.delete, other tenant`.
    pub row: String,
    /// The role.
    pub role: String,
    /// What the file says; none if it has no such cell.
    pub before: Option<String>,
    /// What the policy says; none if it has no such cell.
    pub after: Option<String>,
}

impl Cell {
    /// One word of up to five letters, so that no cell moves another column.
    fn word(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
            Self::When(_) => "when",
        }
    }
}

impl Matrix {
    /// The file: for each type the roles, a line for each action, and under it the conditions.
    pub fn to_text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (role, meaning) in RESERVED {
            let _ = writeln!(text, "# `{role}` is {meaning}.");
        }
        let mut type_name = None;
        for row in &self.rows {
            if type_name != Some(&row.type_name) {
                type_name = Some(&row.type_name);
                text.push('\n');
                let width = self.width(&row.type_name);
                line(
                    &mut text,
                    &row.type_name,
                    width,
                    self.columns(self.roles.iter()),
                );
            }
            self.row(&mut text, row);
        }
        text
    }

    /// Whether a file says this and nothing else; how its lines end does not matter.
    pub fn is_in(&self, file: &str) -> bool {
        file.lines().eq(self.to_text().lines())
    }

    fn row(&self, text: &mut String, row: &Row) {
        let width = self.width(&row.type_name);
        let words = row.cells.iter().map(Cell::word);
        line(
            text,
            &format!("  {}", row.label()),
            width,
            self.columns(words),
        );
        let mut conditions: Vec<(String, Vec<&str>)> = Vec::new();
        for (cell, role) in row.cells.iter().zip(&self.roles) {
            let Cell::When(condition) = cell else {
                continue;
            };
            let told = condition.to_string();
            match conditions.iter_mut().find(|(known, _)| *known == told) {
                Some((_, roles)) => roles.push(role),
                None => conditions.push((told, vec![role])),
            }
        }
        for (told, roles) in conditions {
            let _ = writeln!(text, "    {}: {told}", roles.join(", "));
        }
    }

    /// The width of the first column in the table of a type.
    fn width(&self, type_name: &str) -> usize {
        let rows = self.rows.iter().filter(|row| row.type_name == type_name);
        let labels = rows.map(|row| row.label().chars().count() + 2);
        labels.chain([type_name.chars().count()]).max().unwrap_or(0)
    }

    /// The texts, each as wide as its column.
    fn columns<'a>(&self, texts: impl Iterator<Item = impl AsRef<str> + 'a>) -> Vec<String> {
        let columns = self.roles.iter().zip(texts);
        let columns = columns.map(|(role, text)| {
            let width = role.chars().count().max("allow".len());
            format!("{:width$}", text.as_ref())
        });
        columns.collect()
    }
}

impl Row {
    fn label(&self) -> String {
        let foreign = if self.is_foreign { FOREIGN } else { "" };
        format!("{}{foreign}", self.action)
    }
}

fn line(text: &mut String, label: &str, width: usize, columns: Vec<String>) {
    let line = format!("{label:width$}  {}", columns.join("  "));
    let _ = writeln!(text, "{}", line.trim_end());
}

/// The cells in which a file and a table differ, in the order of the table; those that only the file
/// has last. Lines of the file that say nothing of a cell are passed over.
pub fn differences(file: &str, matrix: &Matrix) -> Vec<Difference> {
    let (before, _) = read(file);
    let (after, order) = read(&matrix.to_text());
    let only_before = before.keys().filter(|key| !after.contains_key(key));
    let keys = order.iter().chain(only_before);
    let told = keys.filter_map(|key| {
        let (before, after) = (cell(&before, key), cell(&after, key));
        (before != after).then(|| Difference {
            row: key.0.clone(),
            role: key.1.clone(),
            before: before.cloned(),
            after: after.cloned(),
        })
    });
    told.collect()
}

/// A row and a role.
type Key = (String, String);

/// What is said of a cell. Where nothing is said of other tenants' resources, it is the same for them.
fn cell<'a>(cells: &'a BTreeMap<Key, String>, key: &Key) -> Option<&'a String> {
    let own = || Some((key.0.strip_suffix(FOREIGN)?.to_owned(), key.1.clone()));
    cells.get(key).or_else(|| cells.get(&own()?))
}

/// What a text says of each cell, and the cells in their order.
fn read(text: &str) -> (BTreeMap<Key, String>, Vec<Key>) {
    let mut cells = BTreeMap::new();
    let mut order = Vec::new();
    let (mut type_name, mut roles, mut row) = ("", Vec::new(), String::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.trim_start().split("  ").map(str::trim);
        let mut columns = columns.by_ref().filter(|it| !it.is_empty());
        let label = columns.next().unwrap_or_default();
        if let Some(condition) = line.strip_prefix("    ") {
            let (of, told) = condition.split_once(": ").unwrap_or(("", ""));
            for role in of.split(", ") {
                cells
                    .entry((row.clone(), role.to_owned()))
                    .and_modify(|cell| *cell = told.to_owned());
            }
        } else if line.starts_with("  ") {
            row = format!("{type_name}.{label}");
            for (role, word) in roles.iter().zip(columns) {
                let key = (row.clone(), String::from(*role));
                order.push(key.clone());
                cells.insert(key, word.to_owned());
            }
        } else if !line.is_empty() {
            type_name = label;
            roles = columns.collect();
        }
    }
    (cells, order)
}
