//! A hall with a policy, whose real rules can be changed while it is open.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};

use testkit::{Answer, Finished, Project, Request, Server};

use crate::support::lockstep;

pub(crate) const SUITE: &str = r#"
version: 1
policy: policy.yaml
targets: { hall: { http: "${HALL_URL}" } }
sessions: { key: { header: { X-Key: "{{ actor.key }}" } } }
actors:
  guest:  { session: key, key: key-of-guest, subject: "user:g", roles: [guest] }
  keeper: { session: key, key: key-of-keeper, subject: "user:k", roles: [keeper] }
actions:
  hall:
    enter: { hall: { GET: /enter } }
    climb: { hall: { GET: /climb } }
    sing:  { hall: { GET: /sing } }
"#;

pub(crate) const POLICY: &str = "\
version: 1
types:
  user: { actions: {} }
  hall: { actions: { enter: collection, climb: collection, sing: collection } }
roles:
  guest: { can: { hall: [enter] } }
  keeper: { includes: [guest], can: { hall: [climb, sing] } }
";

/// What a hall allows: who, and where.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) allowed: BTreeSet<(&'static str, &'static str)>,
    /// Where it fails.
    pub(crate) broken: Option<&'static str>,
    /// Where it waits, until this is none again.
    pub(crate) waits: Option<&'static str>,
    pub(crate) waiting: bool,
}

/// A hall whose rules can be changed.
pub(crate) struct Hall {
    pub(crate) server: Server,
    pub(crate) rules: Arc<(Mutex<Rules>, Condvar)>,
}

impl Hall {
    /// A hall whose rules are those of the policy.
    pub(crate) fn open() -> Self {
        let allowed = [
            ("guest", "/enter"),
            ("keeper", "/enter"),
            ("keeper", "/climb"),
            ("keeper", "/sing"),
        ];
        let rules = Rules {
            allowed: allowed.into(),
            ..Rules::default()
        };
        let rules = Arc::new((Mutex::new(rules), Condvar::new()));
        let shared = Arc::clone(&rules);
        let server = Server::start(move |request: &Request| {
            let (rules, changed) = &*shared;
            let mut rules = rules.lock().unwrap();
            while rules.waits == Some(request.path()) {
                rules.waiting = true;
                changed.notify_all();
                rules = changed.wait(rules).unwrap();
            }
            let key = request.header("x-key").unwrap_or_default();
            let Some(who) = key.strip_prefix("key-of-") else {
                return Answer::empty(401);
            };
            match request.path() {
                path if rules.broken == Some(path) => Answer::empty(500),
                // A key that nobody has is refused otherwise, so that a denial shows a good one.
                _ if !["guest", "keeper"].contains(&who) => Answer::empty(401),
                path if rules.allowed.contains(&(who, path)) => Answer::empty(200),
                _ => Answer::empty(403),
            }
        });
        Self { server, rules }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.rules.0.lock().unwrap());
        self.rules.1.notify_all();
    }

    pub(crate) fn allow(&self, who: &'static str, path: &'static str) {
        self.change(|rules| {
            rules.allowed.insert((who, path));
        });
    }

    pub(crate) fn deny(&self, who: &'static str, path: &'static str) {
        self.change(|rules| {
            rules.allowed.remove(&(who, path));
        });
    }

    pub(crate) fn wait_until_somebody_waits(&self) {
        let rules = self.rules.0.lock().unwrap();
        let _waiting = self
            .rules
            .1
            .wait_while(rules, |rules| !rules.waiting)
            .unwrap();
    }

    pub(crate) fn run(&self, project: &Project, arguments: &[&str]) -> Finished {
        lockstep(project.path(), arguments)
            .env("HALL_URL", &self.server.url())
            .run()
    }

    /// Runs a command that must end so.
    pub(crate) fn expect(&self, code: i32, project: &Project, arguments: &[&str]) -> Finished {
        let finished = self.run(project, arguments);
        assert_eq!(
            finished.code,
            Some(code),
            "{arguments:?}: {}",
            finished.told()
        );
        finished
    }
}

pub(crate) fn project() -> Project {
    Project::new([("lockstep.yaml", SUITE), ("policy.yaml", POLICY)])
}
