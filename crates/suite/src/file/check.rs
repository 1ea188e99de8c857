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
}
