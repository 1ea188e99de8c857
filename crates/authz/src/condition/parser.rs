//! Tokens into a syntax tree: the grammar of the CEL language definition, section "Syntax", by
//! recursive descent. Left out are bytes, message construction and names with a leading dot.

mod macros;

use std::ops::Range;

use super::lexer::{self, Spanned, Token};
use super::mistake::Mistake;
use super::syntax::{Kind, MacroKind, Node, Operator, Word};
use super::value::Value;

/// The longest condition that is read, in bytes.
pub(crate) const BYTES_MAX: usize = 16 << 10;
/// The deepest nesting that is read, of brackets as of operators in a row.
pub(crate) const DEPTH_MAX: usize = 100;

/// Names that the language keeps for itself (section "Syntax", RESERVED).
const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

/// The syntax tree of a condition.
///
/// # Errors
/// The first thing that is not a condition; more than [`BYTES_MAX`] or [`DEPTH_MAX`] allow.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    if text.len() > BYTES_MAX {
        let message = format!(
            "the condition has {} bytes; at most {BYTES_MAX} are read",
            text.len()
        );
        return Err(Mistake::new(0..0, message));
    }
    let mut parser = Parser {
        tokens: lexer::tokens(text)?,
        at: 0,
        end: text.trim_end().len(),
        depth: 0,
    };
    let node = parser.expression()?;
    match parser.tokens.get(parser.at) {
        None => Ok(node),
        Some(_) => Err(parser.unexpected("the end of the condition")),
    }
}

type Parsed<T = Node> = Result<T, Mistake>;

struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    /// `a ? b : c`, or less.
    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(too_deep(self.span()));
        }
        let condition = self.or()?;
        let node = if self.take("?") {
            let yes = self.or()?;
            self.expect(":")?;
            let no = self.expression()?;
            let span = condition.span.start..no.span.end;
            let kind = Kind::Conditional(Box::new(condition), Box::new(yes), Box::new(no));
            node(kind, span)?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(node)
    }

    fn or(&mut self) -> Parsed {
        self.chain("||", Kind::Or, |parser| {
            parser.chain("&&", Kind::And, |parser| parser.binary(0))
        })
    }

    /// One or more operands with `sign` between them, as one node however many there are.
    fn chain(
        &mut self,
        sign: &str,
        join: fn(Vec<Node>) -> Kind,
        operand: impl Fn(&mut Self) -> Parsed,
    ) -> Parsed {
        let first = operand(self)?;
        if !self.is(sign) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.take(sign) {
            operands.push(operand(self)?);
        }
        let span = joined(&operands);
        node(join(operands), span)
    }

    /// Operators that bind at least as tightly as `level`, from the left.
    fn binary(&mut self, level: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((operator, own_level)) = self.operator().filter(|it| it.1 >= level) {
            self.at += 1;
            let right = self.binary(own_level + 1)?;
            let span = left.span.start..right.span.end;
            left = node(
                Kind::Binary(operator, Box::new(left), Box::new(right)),
                span,
            )?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        Some(match self.peek()? {
            Token::Name(name) if name == "in" => (Operator::In, 0),
            Token::Sign("==") => (Operator::Equal, 0),
            Token::Sign("!=") => (Operator::NotEqual, 0),
            Token::Sign("<") => (Operator::Less, 0),
            Token::Sign("<=") => (Operator::LessOrEqual, 0),
            Token::Sign(">") => (Operator::Greater, 0),
            Token::Sign(">=") => (Operator::GreaterOrEqual, 0),
            Token::Sign("+") => (Operator::Add, 1),
            Token::Sign("-") => (Operator::Subtract, 1),
            Token::Sign("*") => (Operator::Multiply, 2),
            Token::Sign("/") => (Operator::Divide, 2),
            Token::Sign("%") => (Operator::Remainder, 2),
            _ => return None,
        })
    }

    /// `!` or `-` before something. The grammar allows several of one, not both mixed.
    fn unary(&mut self) -> Parsed {
        let start = self.span().start;
        let sign = if self.is("!") { "!" } else { "-" };
        let mut count = 0_usize;
        while self.take(sign) {
            count += 1;
        }
        // The sign next to a whole number is part of it: the smallest int has no positive twin.
        let negative = sign == "-" && count > 0 && matches!(self.peek(), Some(Token::Int(_)));
        count -= usize::from(negative);
        let mut inner = self.member(negative)?;
        for _ in 0..count {
            let span = start..inner.span.end;
            let kind = match sign {
                "!" => Kind::Not(Box::new(inner)),
                _ => Kind::Negate(Box::new(inner)),
            };
            inner = node(kind, span)?;
        }
        Ok(inner)
    }

    /// A primary with what is selected from it.
    fn member(&mut self, negative: bool) -> Parsed {
        let mut object = self.primary(negative)?;
        loop {
            if self.take(".") {
                let field = self.selector()?;
                object = if self.is("(") {
                    self.method(object, field)?
                } else {
                    let span = object.span.start..field.span.end;
                    node(Kind::Select(Box::new(object), field), span)?
                };
            } else if self.take("[") {
                let index = self.expression()?;
                let end = self.expect("]")?.end;
                let span = object.span.start..end;
                object = node(Kind::Index(Box::new(object), Box::new(index)), span)?;
            } else {
                return Ok(object);
            }
        }
    }

    fn selector(&mut self) -> Parsed<Word> {
        match self.peek() {
            Some(Token::Name(name)) if !is_keyword(name) => {
                let text = name.clone();
                let span = self.advance();
                Ok(Word { text, span })
            }
            _ => Err(self.unexpected("the name of an attribute or function")),
        }
    }

    fn method(&mut self, receiver: Node, function: Word) -> Parsed {
        let (arguments, end) = self.arguments()?;
        let span = receiver.span.start..end;
        if let Some(kind) = MacroKind::of(&function.text) {
            let found = macros::expand(kind, receiver, &function, arguments)?;
            return node(Kind::Macro(Box::new(found)), span);
        }
        let receiver = Some(Box::new(receiver));
        let kind = Kind::Call {
            receiver,
            function,
            arguments,
        };
        node(kind, span)
    }

    /// The arguments of a call, and where it ends.
    fn arguments(&mut self) -> Parsed<(Vec<Node>, usize)> {
        self.expect("(")?;
        let arguments = self.items(")", Self::expression)?;
        let end = self.expect(")")?.end;
        Ok((arguments, end))
    }

    /// Items up to, but not with, the sign that closes them. A comma may follow the last one,
    /// but not in calls.
    fn items<T>(&mut self, close: &str, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        while !self.is(close) {
            items.push(item(self)?);
            if !self.take(",") {
                break;
            }
            if close == ")" && self.is(close) {
                return Err(self.unexpected("an argument"));
            }
        }
        Ok(items)
    }

    fn primary(&mut self, negative: bool) -> Parsed {
        let Some(token) = self.peek().cloned() else {
            return Err(self.unexpected("an expression"));
        };
        match token {
            Token::Name(name) => self.name(name),
            Token::Int(value) => self.int(value, negative),
            Token::Uint(value) => self.literal(Value::Uint(value)),
            Token::Double(value) => self.literal(Value::Double(value)),
            Token::String(text) => self.literal(Value::String(text.into())),
            Token::Sign("(") => self.group(),
            Token::Sign("[") => self.list(),
            Token::Sign("{") => self.map(),
            Token::Sign(_) => Err(self.unexpected("an expression")),
        }
    }

    fn literal(&mut self, value: Value) -> Parsed {
        let span = self.advance();
        node(Kind::Literal(value), span)
    }

    fn int(&mut self, value: u64, negative: bool) -> Parsed {
        let whole = i128::from(value);
        let signed = if negative { -whole } else { whole };
        match i64::try_from(signed) {
            Ok(value) => self.literal(Value::Int(value)),
            Err(_) => {
                let message = format!("`{value}` is not an int");
                let mistake = Mistake::new(self.span(), message);
                Err(mistake.help(format!("as a uint it is written {value}u")))
            }
        }
    }

    fn name(&mut self, name: String) -> Parsed {
        match name.as_str() {
            "true" => return self.literal(Value::Bool(true)),
            "false" => return self.literal(Value::Bool(false)),
            "null" => return self.literal(Value::Null),
            word if RESERVED.contains(&word) => {
                let message = format!("`{word}` is a reserved word");
                return Err(Mistake::new(self.span(), message).label("expected an expression"));
            }
            _ => {}
        }
        let span = self.advance();
        if !self.is("(") {
            return node(Kind::Name(name), span);
        }
        let start = span.start;
        let function = Word { text: name, span };
        let (arguments, end) = self.arguments()?;
        if function.text == "has" {
            return macros::has(arguments, start..end);
        }
        let kind = Kind::Call {
            receiver: None,
            function,
            arguments,
        };
        node(kind, start..end)
    }

    fn group(&mut self) -> Parsed {
        let start = self.advance().start;
        let inner = self.expression()?;
        let end = self.expect(")")?.end;
        let span = start..end;
        Ok(Node { span, ..inner })
    }

    fn list(&mut self) -> Parsed {
        let start = self.advance().start;
        let items = self.items("]", Self::expression)?;
        let end = self.expect("]")?.end;
        node(Kind::List(items), start..end)
    }

    fn map(&mut self) -> Parsed {
        let start = self.advance().start;
        let entries = self.items("}", |parser| {
            let key = parser.expression()?;
            parser.expect(":")?;
            Ok((key, parser.expression()?))
        })?;
        let end = self.expect("}")?.end;
        node(Kind::Map(entries), start..end)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|it| &it.token)
    }

    /// Where the next token stands; the end, if there is none.
    fn span(&self) -> Range<usize> {
        let next = self.tokens.get(self.at);
        next.map_or(self.end..self.end, |it| it.span.clone())
    }

    fn advance(&mut self) -> Range<usize> {
        let span = self.span();
        self.at += 1;
        span
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Parsed<Range<usize>> {
        if self.is(sign) {
            return Ok(self.advance());
        }
        Err(self.unexpected(&format!("`{sign}`")))
    }

    fn unexpected(&self, expected: &str) -> Mistake {
        let found = match self.peek() {
            None => "the condition ends too early".to_owned(),
            Some(Token::Sign(sign)) => format!("unexpected `{sign}`"),
            Some(Token::Name(name)) => format!("unexpected `{name}`"),
            Some(Token::String(_)) => "unexpected string".to_owned(),
            Some(_) => "unexpected number".to_owned(),
        };
        let mistake = Mistake::new(self.span(), found).label(format!("expected {expected}"));
        match self.peek() {
            Some(Token::Name(name)) if name == "and" => mistake.help("\"and\" is `&&`"),
            Some(Token::Name(name)) if name == "or" => mistake.help("\"or\" is `||`"),
            Some(Token::Name(name)) if name == "not" => mistake.help("\"not\" is `!`"),
            _ => mistake,
        }
    }
}

fn node(kind: Kind, span: Range<usize>) -> Parsed {
    let depth = kind.depth() + 1;
    if depth > DEPTH_MAX {
        return Err(too_deep(span));
    }
    Ok(Node { kind, span, depth })
}

fn too_deep(span: Range<usize>) -> Mistake {
    Mistake::new(
        span,
        format!("the condition is nested more than {DEPTH_MAX} deep"),
    )
}

fn joined(nodes: &[Node]) -> Range<usize> {
    let start = nodes.first().map_or(0, |node| node.span.start);
    start..nodes.last().map_or(start, |node| node.span.end)
}

/// Words that are neither names nor attributes.
fn is_keyword(name: &str) -> bool {
    matches!(name, "true" | "false" | "null" | "in")
}
