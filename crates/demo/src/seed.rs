//! The data that every start begins with: three tenants, their people, and a post in each that publishes.

use std::io;

use rusqlite::params;

use crate::database::Database;
use crate::password;

/// Someone who is there from the start. The identifier is fixed, the password is random for every start.
struct Person {
    variable: &'static str,
    id: &'static str,
    email: &'static str,
    name: &'static str,
    tenant: &'static str,
    role: &'static str,
}

const PEOPLE: [Person; 6] = [
    Person {
        variable: "ROOT_PASSWORD",
        id: "root",
        email: "root@platform.test",
        name: "Root",
        tenant: "platform",
        role: "root",
    },
    Person {
        variable: "ADMIN_PASSWORD",
        id: "ada",
        email: "ada@acme.test",
        name: "Ada",
        tenant: "acme",
        role: "admin",
    },
    Person {
        variable: "EDITOR_PASSWORD",
        id: "vera",
        email: "vera@acme.test",
        name: "Vera",
        tenant: "acme",
        role: "editor",
    },
    Person {
        variable: "DEPUTY_PASSWORD",
        id: "dan",
        email: "dan@acme.test",
        name: "Dan",
        tenant: "acme",
        role: "editor",
    },
    Person {
        variable: "VIEWER_PASSWORD",
        id: "vic",
        email: "vic@acme.test",
        name: "Vic",
        tenant: "acme",
        role: "viewer",
    },
    Person {
        variable: "OUTSIDER_PASSWORD",
        id: "oscar",
        email: "oscar@globex.test",
        name: "Oscar",
        tenant: "globex",
        role: "editor",
    },
];

/// Title, owner and tenant of each post.
const POSTS: [[&str; 3]; 2] = [
    ["Welcome to Acme", "vera", "acme"],
    ["Globex opens its doors", "oscar", "globex"],
];

/// A fresh random password for each variable, in the order of the people.
pub(crate) fn passwords() -> io::Result<Vec<(&'static str, String)>> {
    let fresh = |person: &Person| Ok((person.variable, password::random()?));
    let passwords: Result<_, argon2::password_hash::Error> = PEOPLE.iter().map(fresh).collect();
    passwords.map_err(io::Error::other)
}

/// Writes the people, with these passwords in their order, and the posts.
pub(crate) fn fill(database: &Database, passwords: &[(&'static str, String)]) -> io::Result<()> {
    for (person, (_, password)) in PEOPLE.iter().zip(passwords) {
        let hash = password::hash(password).map_err(io::Error::other)?;
        write_person(database, person, &hash).map_err(io::Error::other)?;
    }
    let sql = "INSERT INTO posts (title, owner, tenant) VALUES (?1, ?2, ?3)";
    POSTS
        .iter()
        .try_for_each(|post| database.change(sql, post))
        .map_err(io::Error::other)
}

fn write_person(database: &Database, person: &Person, hash: &str) -> rusqlite::Result<()> {
    database.change(
        "INSERT INTO users (id, email, name, tenant, role, password) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![person.id, person.email, person.name, person.tenant, person.role, hash],
    )
}
