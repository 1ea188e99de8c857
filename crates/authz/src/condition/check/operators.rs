//! Operators: which types they take. Numbers of different types do not mix, as in CEL, and a
//! reference is compared with nothing but references.

use crate::condition::mistake::Mistake;
use crate::condition::program::Expression;
use crate::condition::syntax::{Node, Operator};
use crate::condition::types::Type;

use super::{Checker, Typed};

impl Checker<'_> {
    pub(super) fn binary(
        &mut self,
        node: &Node,
        operator: Operator,
        left: &Node,
        right: &Node,
    ) -> Typed {
        let (left, left_type) = self.check(left);
        let (right, right_type) = self.check(right);
        let is_reference = |it: &Type| matches!(it, Type::Reference(_));
        let claim_to_reference = is_claim(&left) && is_reference(&right_type)
            || is_claim(&right) && is_reference(&left_type);
        let result = match operator {
            Operator::Equal | Operator::NotEqual if claim_to_reference => None,
            Operator::Equal | Operator::NotEqual => {
                left_type.agrees(&right_type).then_some(Type::Bool)
            }
            Operator::In => contains(&left_type, &right_type).then_some(Type::Bool),
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => {
                let joined = left_type.join(&right_type);
                joined
                    .is_some_and(|it| it.is_ordered())
                    .then_some(Type::Bool)
            }
            _ => arithmetic(operator, &left_type, &right_type),
        };
        match result {
            Some(result) => {
                let (left, right) = (Box::new(left), Box::new(right));
                (Expression::Binary(operator, left, right), result)
            }
            None => self.mistaken(mismatch(node, operator, &left_type, &right_type)),
        }
    }

    pub(super) fn negate(&mut self, node: &Node, inner: &Node) -> Typed {
        let (expression, found) = self.check(inner);
        if !matches!(found, Type::Int | Type::Double | Type::Dyn) {
            let mistake = Mistake::new(node.span.clone(), format!("`-` before {found}"));
            return self.mistaken(mistake.label("expected int or double"));
        }
        (Expression::Negate(Box::new(expression)), found)
    }
}

/// Claims hold what JSON does, and so no references.
fn is_claim(expression: &Expression) -> bool {
    match expression {
        Expression::Field(of, _) | Expression::Index(of, _) => is_claim(of),
        other => matches!(other, Expression::Claims),
    }
}

fn contains(item: &Type, collection: &Type) -> bool {
    match collection {
        Type::List(inner) | Type::Map(inner, _) => inner.agrees(item),
        Type::Dyn => true,
        _ => false,
    }
}

fn arithmetic(operator: Operator, left: &Type, right: &Type) -> Option<Type> {
    use Operator::{Add, Remainder, Subtract};
    use Type::{Double, Duration, Dyn, List, String, Timestamp};
    match (operator, left, right) {
        (Remainder, Double, _) | (Remainder, _, Double) => None,
        (_, a, b) if a.is_number() && a == b => Some(a.clone()),
        (_, a, Dyn) | (_, Dyn, a) if a.is_number() => Some(a.clone()),
        (Add, List(_), List(_)) => left.join(right),
        (Add, String, String | Dyn) | (Add, Dyn, String) => Some(String),
        (Add, Timestamp, Duration) | (Add, Duration, Timestamp) => Some(Timestamp),
        (Add | Subtract, Duration, Duration) | (Subtract, Timestamp, Timestamp) => Some(Duration),
        (Subtract, Timestamp, Duration) => Some(Timestamp),
        (_, Dyn, Dyn) => Some(Dyn),
        (Add | Subtract, Timestamp | Duration | List(_), Dyn)
        | (Add | Subtract, Dyn, Timestamp | Duration | List(_)) => Some(Dyn),
        _ => None,
    }
}

fn mismatch(node: &Node, operator: Operator, left: &Type, right: &Type) -> Mistake {
    let sign = operator.sign();
    let message = format!("`{sign}` does not take {left} and {right}");
    let mistake = Mistake::new(node.span.clone(), message);
    match (left, right) {
        (Type::Reference(Some(a)), Type::Reference(Some(b))) if a != b => {
            mistake.label("references to different types are never equal")
        }
        (Type::Reference(_), Type::String) | (Type::String, Type::Reference(_)) => mistake
            .label("a reference is compared with a reference, never with a string")
            .help("`resource.owner == subject` compares references"),
        (Type::Reference(_), Type::Dyn) | (Type::Dyn, Type::Reference(_)) => mistake
            .label("a claim is no reference, and never equals one")
            .help("compare `subject`, or one of its attributes"),
        (a, b) if a.is_number() && b.is_number() => mistake
            .label("numbers of different types do not mix")
            .help("convert one with int(), uint() or double()"),
        (Type::Null, _) | (_, Type::Null) => {
            mistake.help("whether an attribute is given is asked with has()")
        }
        _ => mistake,
    }
}
