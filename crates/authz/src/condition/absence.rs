//! What a condition can come to where there is no session.

use super::program::Expression;

/// Whether the expression could come to `wanted` without a session. A part that is about the
/// subject has no value there; only `&&`, `||` and `?:` can do without one.
pub(super) fn may_be(expression: &Expression, wanted: bool) -> bool {
    match expression {
        Expression::And(operands) if wanted => operands.iter().all(|it| may_be(it, true)),
        Expression::And(operands) => operands.iter().any(|it| may_be(it, false)),
        Expression::Or(operands) if wanted => operands.iter().any(|it| may_be(it, true)),
        Expression::Or(operands) => operands.iter().all(|it| may_be(it, false)),
        Expression::Not(inner) => may_be(inner, !wanted),
        Expression::Conditional(parts) => {
            let [condition, yes, no] = &**parts;
            (may_be(condition, true) && may_be(yes, wanted))
                || (may_be(condition, false) && may_be(no, wanted))
        }
        Expression::Binary(_, left, right) => !is_of_subject(left) && !is_of_subject(right),
        other => !is_of_subject(other),
    }
}

/// Whether it is the subject, or something of it, itself.
fn is_of_subject(expression: &Expression) -> bool {
    match expression {
        Expression::Subject
        | Expression::Tenant
        | Expression::Claims
        | Expression::SubjectAttribute(_)
        | Expression::HasSubjectAttribute(_) => true,
        Expression::Field(inner, _)
        | Expression::HasField(inner, _)
        | Expression::Negate(inner)
        | Expression::Matches(inner, _) => is_of_subject(inner),
        Expression::Index(a, b) | Expression::Binary(_, a, b) => {
            is_of_subject(a) || is_of_subject(b)
        }
        Expression::Call(_, arguments) => arguments.iter().any(is_of_subject),
        _ => false,
    }
}
