//! Partial evaluation: a condition with the resource unknown becomes one about the resource alone.

use super::about::About;
use super::evaluate::evaluate;
use super::program::Expression;
use super::value::Value;

/// The expression with every part that does not speak of the resource replaced by its value. A part
/// that has no value stays, because it has none for any resource.
pub(super) fn residual(expression: &Expression, about: About<'_>) -> Expression {
    let of = |part: &Expression| residual(part, about);
    let boxed = |part: &Expression| Box::new(of(part));
    if !speaks_of_resource(expression) {
        return match evaluate(expression, about).result {
            Ok(value) => Expression::Constant(value),
            Err(_) => expression.clone(),
        };
    }
    match expression {
        Expression::And(operands) => joined(operands.iter().map(of), true),
        Expression::Or(operands) => joined(operands.iter().map(of), false),
        Expression::Not(inner) => match of(inner) {
            Expression::Constant(Value::Bool(value)) => Expression::Constant(Value::Bool(!value)),
            inner => Expression::Not(Box::new(inner)),
        },
        Expression::Binary(operator, left, right) => {
            Expression::Binary(*operator, boxed(left), boxed(right))
        }
        Expression::Conditional(parts) => {
            let [condition, yes, no] = &**parts;
            match of(condition) {
                Expression::Constant(Value::Bool(true)) => of(yes),
                Expression::Constant(Value::Bool(false)) => of(no),
                condition => Expression::Conditional(Box::new([condition, of(yes), of(no)])),
            }
        }
        Expression::Call(function, arguments) => {
            Expression::Call(*function, arguments.iter().map(of).collect())
        }
        other => other.clone(),
    }
}

/// `&&` of operands (`neutral` is true) or `||` of them: what is neutral goes, and its contrary
/// decides, whatever else fails.
fn joined(operands: impl Iterator<Item = Expression>, neutral: bool) -> Expression {
    let mut kept = Vec::new();
    for operand in operands {
        match operand {
            Expression::Constant(Value::Bool(value)) if value == neutral => {}
            Expression::Constant(Value::Bool(value)) => {
                return Expression::Constant(Value::Bool(value));
            }
            operand => kept.push(operand),
        }
    }
    match (kept.len(), neutral) {
        (0, _) => Expression::Constant(Value::Bool(neutral)),
        (1, _) => kept.swap_remove(0),
        (_, true) => Expression::And(kept),
        (_, false) => Expression::Or(kept),
    }
}

/// Whether a part is about the resource, or about the variable of a macro, which may be.
fn speaks_of_resource(expression: &Expression) -> bool {
    let any = |parts: &[Expression]| parts.iter().any(speaks_of_resource);
    match expression {
        Expression::Resource
        | Expression::ResourceAttribute(_)
        | Expression::HasResourceAttribute(_)
        | Expression::Local(_) => true,
        Expression::Constant(_)
        | Expression::Subject
        | Expression::Action
        | Expression::Tenant
        | Expression::Claims
        | Expression::Flag(_)
        | Expression::Now
        | Expression::SubjectAttribute(_)
        | Expression::HasSubjectAttribute(_)
        | Expression::Parameter(..) => false,
        Expression::Field(inner, _)
        | Expression::HasField(inner, _)
        | Expression::Not(inner)
        | Expression::Negate(inner)
        | Expression::Matches(inner, _) => speaks_of_resource(inner),
        Expression::Index(a, b) | Expression::Binary(_, a, b) => {
            speaks_of_resource(a) || speaks_of_resource(b)
        }
        Expression::List(parts)
        | Expression::And(parts)
        | Expression::Or(parts)
        | Expression::Call(_, parts) => any(parts),
        Expression::Map(entries) => entries
            .iter()
            .any(|(key, value)| speaks_of_resource(key) || speaks_of_resource(value)),
        Expression::Conditional(parts) => any(&**parts),
        // The variable of the macro itself would count as a part about the resource.
        Expression::Macro(_) => true,
    }
}
