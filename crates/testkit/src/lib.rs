//! For tests only: the real binary, folders of projects, servers that behave, misbehave or pass on what they get,
//! servers that somebody else wrote, and a PostgreSQL.
//!
//! It uses none of our crates: what tests share with their subject, they cannot see. Its servers are plain sockets
//! and threads, so that they see every byte that comes and decide on every byte that goes.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up has failed, and says where"
)]

pub mod binary;
pub mod hostile;
pub mod message;
pub mod postgres;
pub mod project;
pub mod proxy;
pub mod python;
pub mod server;
pub mod service;

pub use binary::{Binary, Finished, Running};
pub use message::{Answer, Request};
pub use project::Project;
pub use proxy::{Proxy, Treatment};
pub use python::Python;
pub use server::{Reply, Server};
pub use service::Service;
