//! PostgreSQL as something that enforces: what its catalogues say of who may do what, and what is
//! wrong with it.
//!
//! The modules stand in the order in which a scan passes them. Nothing here changes a database.

pub mod connection;

pub mod catalogue;

pub mod scan;

pub mod probe;
