//! PostgreSQL as something that enforces: what its catalogues say of who may do what, and what is
//! wrong with it.
//!
//! The modules stand in the order in which a scan passes them; `guard` is for whoever tries a
//! database as somebody. Nothing here changes a database.

pub mod connection;
mod tls;

pub mod catalogue;

pub mod scan;

pub mod probe;

pub mod roles;

pub mod guard;
