//! A small multi-tenant publishing system of two HTTP services, with faults that can be planted in it.
//!
//! It is written as an ordinary team would write it: each handler checks by hand who may do what. It shares no code
//! with what tests it, and must not: a tester that shares its subject's code shares its faults.
//! Every fault, and every correct behaviour that looks like one, stands in `FAULTS.md`.

mod accounts;
mod answer;
mod audit;
mod caller;
mod database;
mod fault;
mod password;
mod posts;
mod seed;
mod service;
mod system;
mod token;

use std::io;
use std::sync::Arc;

use tokio::sync::watch;

pub use fault::Fault;
use service::Service;
use system::System;

/// Both services, running on free loopback ports until [`Demo::stop`] or until this is dropped.
#[derive(Debug)]
pub struct Demo {
    accounts: Service,
    posts: Service,
    /// Name and value of each password variable, and of that of the key that signs tokens.
    secrets: Vec<(&'static str, String)>,
    /// The services stop when this goes.
    running: watch::Sender<()>,
}

/// Starts both services with these faults planted, on fresh data and with fresh secrets. Answers are served from now on.
///
/// Must be called within a Tokio runtime, which then runs the services.
///
/// # Errors
/// When no loopback port can be had, or the data cannot be set up.
pub async fn start(faults: &[Fault]) -> io::Result<Demo> {
    let faults = faults.to_vec();
    let setting_up = tokio::task::spawn_blocking(move || System::new(faults));
    let (system, secrets) = setting_up.await??;
    let system = Arc::new(system);
    let (running, stopped) = watch::channel(());
    let accounts = Service::start(accounts::router(Arc::clone(&system)), stopped.clone()).await?;
    let posts = Service::start(posts::router(system), stopped).await?;
    Ok(Demo {
        accounts,
        posts,
        secrets,
        running,
    })
}

impl Demo {
    /// Where the accounts service is: an origin without a trailing slash.
    pub fn accounts_url(&self) -> String {
        self.accounts.url()
    }

    /// Where the posts service is: an origin without a trailing slash.
    pub fn posts_url(&self) -> String {
        self.posts.url()
    }

    /// The environment of a suite for this system: `ACCOUNTS_URL`, `POSTS_URL`, the password of every
    /// seeded user, and `SIGNING_KEY`, which signs the tokens.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("ACCOUNTS_URL", self.accounts_url()),
            ("POSTS_URL", self.posts_url()),
        ];
        variables.extend(self.secrets.iter().cloned());
        variables
    }

    /// Stops both services: no new connection is taken, and requests under way are answered, for some seconds at most.
    pub async fn stop(self) {
        drop(self.running);
        tokio::join!(self.accounts.stopped(), self.posts.stopped());
    }
}
