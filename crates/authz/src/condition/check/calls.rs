//! Calls: which function is meant, and what of its arguments can be checked beforehand.

use std::sync::Arc;

use crate::condition::functions::{Function, Signature, signatures};
use crate::condition::mistake::Mistake;
use crate::condition::program::Expression;
use crate::condition::syntax::{Kind, Node, Word};
use crate::condition::types::Type;
use crate::condition::value::Value;
use crate::condition::{address, convert, time};

use super::{Checker, Names, Scope, Typed};

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        node: &Node,
        receiver: Option<&Node>,
        function: &Word,
        arguments: &[Node],
    ) -> Typed {
        if let (Names::Request(scope), None, "flag") = (self.names, receiver, &*function.text) {
            return self.flag(node, arguments, scope);
        }
        let nodes: Vec<&Node> = receiver.into_iter().chain(arguments).collect();
        let checked: Vec<Typed> = nodes.iter().map(|node| self.check(node)).collect();
        let (expressions, types): (Vec<Expression>, Vec<Type>) = checked.into_iter().unzip();
        let is_method = receiver.is_some();
        let named = || {
            let named = signatures().filter(|it| it.name == function.text);
            named.filter(move |it| it.is_method == is_method)
        };
        let fitting: Vec<&Signature> = named().filter(|it| fits(it, &types)).collect();
        let Some(first) = fitting.first() else {
            let known: Vec<&Signature> = named().collect();
            let mistake = match known.as_slice() {
                [] => unknown(function, is_method),
                known => wrong_arguments(node, function, known, &types),
            };
            return self.mistaken(mistake);
        };
        self.check_literals(first.function, &nodes, &expressions);
        (called(first.function, expressions), result(&fitting))
    }

    /// `flag('new_editor')`: of a flag that the policy declares.
    fn flag(&mut self, node: &Node, arguments: &[Node], scope: Scope<'_>) -> Typed {
        let [argument] = arguments else {
            let mistake = Mistake::new(node.span.clone(), "`flag` takes one argument");
            return self.mistaken(mistake.label("expected flag(string)"));
        };
        let Kind::Literal(Value::String(name)) = &argument.kind else {
            let mistake = Mistake::new(argument.span.clone(), "`flag` takes a name in quotes");
            return self.mistaken(mistake.label("expected the name of a declared flag"));
        };
        if let Some(flag) = scope.flags.declared.get(name) {
            return (Expression::Flag(Arc::clone(flag)), Type::Bool);
        }
        if scope.flags.is_partial {
            return (Expression::Constant(Value::Bool(false)), Type::Bool);
        }
        let known = scope.flags.declared.keys().map(|name| &**name);
        let mistake = Mistake::new(argument.span.clone(), format!("unknown flag `{name}`"));
        let mistake = mistake.nearest(name, known);
        self.mistaken(mistake)
    }

    /// What can be said of literals before anything is evaluated.
    fn check_literals(&mut self, function: Function, nodes: &[&Node], arguments: &[Expression]) {
        for (index, (node, argument)) in nodes.iter().zip(arguments).enumerate() {
            let Expression::Constant(Value::String(text)) = argument else {
                continue;
            };
            let checked = match (function, index) {
                (Function::Matches, 1) => convert::pattern(text).map(drop),
                (Function::ToTimestamp, 0) => time::timestamp(text).map(drop),
                (Function::ToDuration, 0) => time::duration(text).map(drop),
                (Function::Part(_), 1) | (Function::Within, 3) => time::zone(text).map(drop),
                (Function::Within, 1 | 2) => time::clock(text).map(drop),
                (Function::ToAddress, 0) => address::parse(text).map(drop),
                (Function::InCidr, 1) => address::check_network(text),
                _ => Ok(()),
            };
            if let Err(error) = checked {
                self.mistakes.push(Mistake::new(node.span.clone(), error));
            }
        }
    }
}

/// The call, with what is known beforehand done beforehand.
fn called(function: Function, mut arguments: Vec<Expression>) -> Expression {
    if let (Function::Matches, [_, Expression::Constant(Value::String(text))]) =
        (function, arguments.as_slice())
        && let Ok(pattern) = convert::pattern(text)
    {
        let text = arguments.swap_remove(0);
        return Expression::Matches(Box::new(text), pattern);
    }
    Expression::Call(function, arguments)
}

fn fits(signature: &Signature, types: &[Type]) -> bool {
    let parameters = signature.parameters;
    let mut pairs = parameters.iter().zip(types);
    parameters.len() == types.len() && pairs.all(|(it, found)| it.to_type().agrees(found))
}

/// The result, if all ways to call it that fit agree on it.
fn result(fitting: &[&Signature]) -> Type {
    let mut results = fitting.iter().map(|it| it.result.to_type());
    let first = results.next().unwrap_or(Type::Dyn);
    let agreed = results.all(|other| other == first);
    if agreed { first } else { Type::Dyn }
}

fn unknown(function: &Word, is_method: bool) -> Mistake {
    let name = &function.text;
    let mistake = Mistake::new(function.span.clone(), format!("unknown function `{name}`"));
    let other = signatures().find(|it| it.name == name);
    if let Some(other) = other {
        return mistake.help(format!("it is called as {}", other.shape()));
    }
    let known = signatures().filter(|it| it.is_method == is_method);
    mistake.nearest(name, known.map(|it| it.name))
}

fn wrong_arguments(node: &Node, function: &Word, known: &[&Signature], types: &[Type]) -> Mistake {
    let found: Vec<String> = types.iter().map(Type::to_string).collect();
    let found = match found.as_slice() {
        [] => "nothing".to_owned(),
        found => found.join(", "),
    };
    let message = format!("`{}` does not take {found}", function.text);
    let mut shapes: Vec<String> = known.iter().map(|it| it.shape()).collect();
    shapes.dedup();
    Mistake::new(node.span.clone(), message).label(format!("expected {}", shapes.join(" or ")))
}
