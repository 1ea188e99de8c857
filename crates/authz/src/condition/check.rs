//! The checker: gives every expression its type, every name its slot, and says all that is wrong.

mod calls;
mod operators;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::model::{AttributeType, Flag, Type as ObjectType};

use super::context::Parameters;
use super::mistake::Mistake;
use super::program::{Expression, Macro, ResourceAttribute, SubjectAttribute};
use super::syntax::{self, Kind, MacroKind, Node, Word};
use super::types::Type;
use super::value::{Key, Value};

/// The names that every condition can use.
const VARIABLES: [&str; 6] = ["subject", "resource", "action", "tenant", "claims", "now"];

/// What the names of a condition mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The declared types, any of which the subject may be.
    pub(crate) types: &'a IndexMap<Arc<str>, ObjectType>,
    /// The type of the resource.
    pub(crate) resource: &'a ObjectType,
    /// Whether some declaration of a type could not be read, so that an attribute of the subject
    /// that is not known may yet be declared.
    pub(crate) is_partial: bool,
    pub(crate) flags: Flags<'a>,
}

/// The flags that conditions may ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flags<'a> {
    pub(crate) declared: &'a IndexMap<Arc<str>, Arc<Flag>>,
    /// Whether one could not be read, so that a flag that is not known may yet be declared.
    pub(crate) is_partial: bool,
}

/// The expression that the syntax tree means and its type. What is mistaken is reported and has
/// the type `dyn`, which goes with everything, so that one mistake is told once.
pub(super) struct Checker<'a> {
    names: Names<'a>,
    locals: Vec<(String, Type)>,
    pub(super) mistakes: Vec<Mistake>,
}

type Typed = (Expression, Type);

/// Where names come from.
#[derive(Debug, Clone, Copy)]
enum Names<'a> {
    /// A request that is judged by a policy.
    Request(Scope<'a>),
    /// The parameters of a declared condition.
    Parameters(&'a Parameters),
}

impl<'a> Checker<'a> {
    pub(super) fn new(scope: Scope<'a>) -> Self {
        Self::with(Names::Request(scope))
    }

    pub(super) fn over(parameters: &'a Parameters) -> Self {
        Self::with(Names::Parameters(parameters))
    }

    fn with(names: Names<'a>) -> Self {
        Self {
            names,
            locals: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    /// The whole condition, which has to be a bool.
    pub(super) fn condition(&mut self, node: &Node) -> Expression {
        let (expression, found) = self.check(node);
        self.expect_bool(node, &found, "a condition");
        expression
    }

    pub(super) fn check(&mut self, node: &Node) -> Typed {
        match &node.kind {
            Kind::Literal(value) => (Expression::Constant(value.clone()), Type::of_literal(value)),
            Kind::Name(name) => self.name(name, node),
            Kind::Select(object, field) => self.select(object, field),
            Kind::Has(object, field) => (self.has(object, field), Type::Bool),
            Kind::Index(object, index) => self.index(object, index),
            Kind::Call {
                receiver,
                function,
                arguments,
            } => self.call(node, receiver.as_deref(), function, arguments),
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Not(inner) => {
                let inner = self.bool(inner, "what `!` negates");
                (Expression::Not(Box::new(inner)), Type::Bool)
            }
            Kind::Negate(inner) => self.negate(node, inner),
            Kind::Binary(operator, left, right) => self.binary(node, *operator, left, right),
            Kind::And(operands) => {
                let operands = self.bools(operands, "an operand of `&&`");
                (Expression::And(operands), Type::Bool)
            }
            Kind::Or(operands) => {
                let operands = self.bools(operands, "an operand of `||`");
                (Expression::Or(operands), Type::Bool)
            }
            Kind::Conditional(condition, yes, no) => self.conditional(condition, yes, no),
            Kind::Macro(found) => self.expand(found),
        }
    }

    fn mistaken(&mut self, mistake: Mistake) -> Typed {
        self.mistakes.push(mistake);
        (Expression::Constant(Value::Null), Type::Dyn)
    }

    fn name(&mut self, name: &str, node: &Node) -> Typed {
        let local = self.locals.iter().rposition(|(local, _)| local == name);
        if let Some((index, (_, found))) = local.and_then(|at| Some((at, self.locals.get(at)?))) {
            return (Expression::Local(index), found.clone());
        }
        match self.names {
            Names::Request(scope) => self.variable(name, scope, node),
            Names::Parameters(parameters) => self.parameter(name, parameters, node),
        }
    }

    fn parameter(&mut self, name: &str, parameters: &Parameters, node: &Node) -> Typed {
        if let Some((slot, value_type)) = parameters.find(name) {
            let found = value_type.to_type();
            return (Expression::Parameter(slot, found.clone()), found);
        }
        let known = self.locals.iter().map(|(name, _)| name.as_str());
        let mistake = Mistake::new(node.span.clone(), format!("unknown name `{name}`"))
            .label("expected a parameter of the condition")
            .nearest(name, known.chain(parameters.names()));
        self.mistaken(mistake)
    }

    fn variable(&mut self, name: &str, scope: Scope<'_>, node: &Node) -> Typed {
        match name {
            "subject" => (Expression::Subject, Type::Reference(None)),
            "resource" => {
                let name = Arc::clone(&scope.resource.name);
                (Expression::Resource, Type::Reference(Some(name)))
            }
            "action" => (Expression::Action, Type::String),
            "tenant" => (Expression::Tenant, Type::String),
            "claims" => {
                let found = Type::Map(Box::new(Type::String), Box::new(Type::Dyn));
                (Expression::Claims, found)
            }
            "now" => (Expression::Now, Type::Timestamp),
            _ => {
                let locals = self.locals.iter().map(|(name, _)| name.as_str());
                let mistake = Mistake::new(node.span.clone(), format!("unknown name `{name}`"))
                    .label("expected `subject`, `resource`, `action`, `tenant`, `claims` or `now`")
                    .nearest(name, locals.chain(VARIABLES));
                self.mistaken(mistake)
            }
        }
    }

    /// The scope, if the node is this variable of it and not a local of the same name.
    fn variable_of(&self, node: &Node, variable: &str) -> Option<Scope<'a>> {
        let Names::Request(scope) = self.names else {
            return None;
        };
        let is_local = || self.locals.iter().any(|(local, _)| local == variable);
        let is_variable = matches!(&node.kind, Kind::Name(name) if name == variable) && !is_local();
        is_variable.then_some(scope)
    }

    fn select(&mut self, object: &Node, field: &Word) -> Typed {
        if let Some(scope) = self.variable_of(object, "resource") {
            return match self.resource_attribute(field, scope) {
                Some(attribute) => {
                    let found = attribute.found.clone();
                    (Expression::ResourceAttribute(attribute), found)
                }
                None => (Expression::Constant(Value::Null), Type::Dyn),
            };
        }
        if let Some(scope) = self.variable_of(object, "subject") {
            return match self.subject_attribute(field, scope) {
                Some(attribute) => {
                    let found = attribute.found.clone();
                    (Expression::SubjectAttribute(Arc::new(attribute)), found)
                }
                None => (Expression::Constant(Value::Null), Type::Dyn),
            };
        }
        let (object, found) = self.field_of(object, field);
        let field = Key::String(field.text.as_str().into());
        (Expression::Field(Box::new(object), field), found)
    }

    fn has(&mut self, object: &Node, field: &Word) -> Expression {
        let missing = Expression::Constant(Value::Bool(false));
        if let Some(scope) = self.variable_of(object, "resource") {
            let found = self.resource_attribute(field, scope);
            return found.map_or(missing, Expression::HasResourceAttribute);
        }
        if let Some(scope) = self.variable_of(object, "subject") {
            let found = self.subject_attribute(field, scope);
            return found.map_or(missing, |it| Expression::HasSubjectAttribute(Arc::new(it)));
        }
        let (object, _) = self.field_of(object, field);
        Expression::HasField(Box::new(object), Key::String(field.text.as_str().into()))
    }

    /// The object that a field is selected from, and the type of the field.
    fn field_of(&mut self, object: &Node, field: &Word) -> Typed {
        let (expression, found) = self.check(object);
        match found {
            Type::Map(key, value) if key.agrees(&Type::String) => (expression, *value),
            Type::Dyn => (expression, Type::Dyn),
            Type::Reference(_) => self.mistaken(
                Mistake::new(field.span.clone(), format!("`{}` is not known", field.text))
                    .label("of other objects only the identity is known")
                    .help("attributes are read of `subject` and of `resource`"),
            ),
            other => self.mistaken(
                Mistake::new(field.span.clone(), format!("{other} has no attributes"))
                    .label("nothing can be selected here"),
            ),
        }
    }

    fn resource_attribute(&mut self, field: &Word, scope: Scope<'_>) -> Option<ResourceAttribute> {
        let object = scope.resource;
        let Some((slot, name, found)) = object.attributes.get_full(field.text.as_str()) else {
            let message = format!("`{}` has no attribute `{}`", object.name, field.text);
            let known = object.attributes.keys().map(|name| &**name);
            let mistake = Mistake::new(field.span.clone(), message).nearest(&field.text, known);
            self.mistakes.push(mistake);
            return None;
        };
        Some(ResourceAttribute {
            name: Arc::clone(name),
            slot,
            found: Type::of_attribute(&found.value_type),
        })
    }

    /// An attribute that at least one type declares. Where those that do disagree about its
    /// type, it is known only with the request.
    fn subject_attribute(&mut self, field: &Word, scope: Scope<'_>) -> Option<SubjectAttribute> {
        let declared = |object: &ObjectType| object.attributes.get_index_of(field.text.as_str());
        let slots: Vec<Option<usize>> = scope.types.values().map(declared).collect();
        let objects = scope.types.values();
        let types = objects.filter_map(|object| object.attributes.get(field.text.as_str()));
        let types: Vec<&AttributeType> = types.map(|found| &found.value_type).collect();
        let Some((first, rest)) = types.split_first() else {
            self.unknown_of_subject(field, scope);
            return None;
        };
        let found = if rest.iter().all(|other| other == first) {
            Type::of_attribute(first)
        } else {
            Type::Dyn
        };
        let name = field.text.as_str().into();
        Some(SubjectAttribute { name, slots, found })
    }

    fn unknown_of_subject(&mut self, field: &Word, scope: Scope<'_>) {
        if scope.is_partial {
            return;
        }
        let types = scope.types.values();
        let known = types.flat_map(|it| it.attributes.keys().map(|name| &**name));
        let message = format!("a subject has no attribute `{}`", field.text);
        let mistake = Mistake::new(field.span.clone(), message)
            .label("no type declares it")
            .nearest(&field.text, known);
        self.mistakes.push(mistake);
    }

    fn index(&mut self, object: &Node, index: &Node) -> Typed {
        let (object_expression, object_type) = self.check(object);
        let (index_expression, index_type) = self.check(index);
        let (wanted, found) = match object_type {
            Type::List(item) => (Type::Int, *item),
            Type::Map(key, value) => (*key, *value),
            Type::Dyn => (Type::Dyn, Type::Dyn),
            other => {
                let mistake = Mistake::new(object.span.clone(), format!("{other} has no items"));
                return self.mistaken(mistake.label("expected a list or map"));
            }
        };
        if !wanted.agrees(&index_type) {
            let mistake = Mistake::new(index.span.clone(), format!("{index_type} as an index"));
            return self.mistaken(mistake.label(format!("expected {wanted}")));
        }
        let parts = (Box::new(object_expression), Box::new(index_expression));
        (Expression::Index(parts.0, parts.1), found)
    }

    fn list(&mut self, items: &[Node]) -> Typed {
        let mut item_type = Type::Dyn;
        let mut expressions = Vec::with_capacity(items.len());
        for item in items {
            let (expression, found) = self.check(item);
            item_type = self.joined(item, &item_type, &found, "the items of a list");
            expressions.push(expression);
        }
        (
            known(&expressions).unwrap_or(Expression::List(expressions)),
            Type::List(Box::new(item_type)),
        )
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Typed {
        let (mut key_type, mut value_type) = (Type::Dyn, Type::Dyn);
        let mut expressions = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let (key_expression, found) = self.check(key);
            self.expect_key(key, &found);
            key_type = self.joined(key, &key_type, &found, "the keys of a map");
            let (value_expression, found) = self.check(value);
            value_type = self.joined(value, &value_type, &found, "the values of a map");
            expressions.push((key_expression, value_expression));
        }
        let found = Type::Map(Box::new(key_type), Box::new(value_type));
        (Expression::Map(expressions), found)
    }

    fn expect_key(&mut self, key: &Node, found: &Type) {
        let keys = [Type::String, Type::Int, Type::Uint, Type::Bool];
        if !keys.iter().any(|key| key.agrees(found)) {
            let mistake = Mistake::new(key.span.clone(), format!("{found} as the key of a map"));
            let label = "expected string, int, uint or bool";
            self.mistakes.push(mistake.label(label));
        }
    }

    /// The common type of what has to have one.
    fn joined(&mut self, node: &Node, so_far: &Type, found: &Type, what: &str) -> Type {
        so_far.join(found).unwrap_or_else(|| {
            let message = format!("{what} are of one type, not {so_far} and {found}");
            let mistake =
                Mistake::new(node.span.clone(), message).label(format!("this is {found}"));
            self.mistakes.push(mistake);
            so_far.clone()
        })
    }

    fn conditional(&mut self, condition: &Node, yes: &Node, no: &Node) -> Typed {
        let condition = self.bool(condition, "what stands before `?`");
        let (yes_expression, yes_type) = self.check(yes);
        let (no_expression, no_type) = self.check(no);
        let found = self.joined(no, &yes_type, &no_type, "the two sides of `:`");
        let parts = Box::new([condition, yes_expression, no_expression]);
        (Expression::Conditional(parts), found)
    }

    fn expand(&mut self, found: &syntax::Macro) -> Typed {
        let (range, range_type) = self.check(&found.range);
        let item = match range_type {
            Type::List(item) => *item,
            Type::Map(key, _) => *key,
            Type::Dyn => Type::Dyn,
            other => {
                let mistake =
                    Mistake::new(found.range.span.clone(), format!("{other} has no items"));
                return self.mistaken(mistake.label("expected a list or map"));
            }
        };
        self.locals
            .push((found.variable.text.clone(), item.clone()));
        let filter = found.filter.as_ref();
        let filter = filter.map(|filter| self.bool(filter, "the condition of `map`"));
        let (body, body_type) = self.check(&found.body);
        self.locals.pop();
        let result = match found.kind {
            MacroKind::Map => Type::List(Box::new(body_type)),
            kind => {
                self.expect_bool(&found.body, &body_type, "the condition of a macro");
                let kept = Type::List(Box::new(item));
                let filters = kind == MacroKind::Filter;
                if filters { kept } else { Type::Bool }
            }
        };
        let expression = Macro {
            kind: found.kind,
            range,
            filter,
            body,
        };
        (Expression::Macro(Box::new(expression)), result)
    }

    fn bools(&mut self, nodes: &[Node], what: &str) -> Vec<Expression> {
        let checked = nodes.iter().map(|node| self.bool(node, what));
        checked.collect()
    }

    fn bool(&mut self, node: &Node, what: &str) -> Expression {
        let (expression, found) = self.check(node);
        self.expect_bool(node, &found, what);
        expression
    }

    fn expect_bool(&mut self, node: &Node, found: &Type, what: &str) {
        if !Type::Bool.agrees(found) {
            let message = format!("{what} must be true or false");
            let mistake = Mistake::new(node.span.clone(), message);
            self.mistakes
                .push(mistake.label(format!("this is {found}")));
        }
    }
}

/// A list whose items are all known beforehand, made once.
fn known(items: &[Expression]) -> Option<Expression> {
    let items = items.iter().map(|item| match item {
        Expression::Constant(value) => Some(value.clone()),
        _ => None,
    });
    let items: Option<Arc<[Value]>> = items.collect();
    Some(Expression::Constant(Value::List(items?)))
}
