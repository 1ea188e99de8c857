//! What a suite as a whole must have.

use authz::source::Diagnostic;
use authz::source::yaml::Node;

use super::Reader;

impl Reader<'_> {
    /// Something must say what is expected, and a policy that is named must be there.
    pub(super) fn check_policy(&mut self, policy: Option<&Node>, has_expect: bool, root: &Node) {
        if let Some(node) = policy {
            let Some(path) = node.text(&mut self.diagnostics) else {
                return;
            };
            if self.inputs.policy.is_empty() {
                let message = format!("there is no policy at `{path}`");
                self.diagnostics
                    .push(Diagnostic::new(node.place.clone(), message));
            }
            return;
        }
        if !has_expect && self.inputs.policy.is_empty() {
            let message = "nothing says what is expected";
            self.diagnostics.push(
                Diagnostic::new(root.place.clone(), message)
                    .help("give `policy`, the path of a policy, or `expect`, a table"),
            );
        }
    }

    /// `facts` is a path or a list of them.
    pub(super) fn check_facts(&mut self, facts: Option<&Node>, has_policy: bool) {
        let Some(facts) = facts else {
            return;
        };
        for node in super::fact_files(Some(facts)) {
            node.text(&mut self.diagnostics);
        }
        if !has_policy {
            let message = "facts without a policy";
            let mistake = Diagnostic::new(facts.place.clone(), message);
            self.diagnostics
                .push(mistake.label("nothing would be decided from them"));
        }
    }
}
