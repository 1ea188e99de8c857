//! Macros: one expression over the items of a list or the keys of a map.

use std::sync::Arc;

use crate::condition::program::{Expression, Macro};
use crate::condition::syntax::MacroKind;
use crate::condition::value::{Key, Value};

use super::{Evaluated, Evaluator, Failure, boolean};

impl<'a> Evaluator<'a> {
    pub(super) fn expand(&mut self, found: &'a Macro) -> Evaluated {
        let range = self.evaluate(&found.range)?;
        let items: Arc<[Value]> = match range {
            Value::List(items) => items,
            Value::Map(entries) => entries.keys().map(Key::to_value).collect(),
            other => return Err(Failure::error(&format!("a {} has no items", other.kind()))),
        };
        match found.kind {
            MacroKind::All => self.any_item(&items, &found.body, false),
            MacroKind::Exists => self.any_item(&items, &found.body, true),
            MacroKind::ExistsOne => {
                let kept = self.kept(&items, Some(&found.body))?;
                Ok(Value::Bool(kept.len() == 1))
            }
            MacroKind::Filter => {
                let kept = self.kept(&items, Some(&found.body))?;
                Ok(Value::List(kept.into()))
            }
            MacroKind::Map => {
                let kept = self.kept(&items, found.filter.as_ref())?;
                let values = kept.iter().map(|item| self.with(item, &found.body));
                let values = values.collect::<Evaluated<Arc<[Value]>>>()?;
                Ok(Value::List(values))
            }
        }
    }

    /// The value of an expression in which `item` is the value of the next local.
    fn with(&mut self, item: &Value, body: &'a Expression) -> Evaluated {
        self.locals.push(item.clone());
        let value = self.evaluate(body);
        self.locals.pop();
        value
    }

    fn any_item(&mut self, items: &[Value], body: &'a Expression, wanted: bool) -> Evaluated {
        let mut failure = None;
        for item in items {
            match self.with(item, body).and_then(|value| boolean(&value)) {
                Ok(value) if value == wanted => return Ok(Value::Bool(wanted)),
                Ok(_) => {}
                Err(new) => failure = Some(new.or(failure.take())),
            }
        }
        failure.map_or(Ok(Value::Bool(!wanted)), Err)
    }

    fn kept(&mut self, items: &[Value], filter: Option<&'a Expression>) -> Evaluated<Vec<Value>> {
        let Some(filter) = filter else {
            return Ok(items.to_vec());
        };
        let mut kept = Vec::new();
        for item in items {
            if boolean(&self.with(item, filter)?)? {
                kept.push(item.clone());
            }
        }
        Ok(kept)
    }
}
