//! Matchers, `g(r.sub, p.sub) && r.obj == p.obj`, as alternatives of which each is a list of tests.

/// The most alternatives that a matcher may have once it is multiplied out.
const ALTERNATIVES_MAX: usize = 64;
/// The deepest nesting of parentheses.
const DEPTH_MAX: usize = 32;

/// One test of a matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// `r.obj == p.obj`.
    Equal { request: String, policy: String },
    /// `g(r.sub, p.sub)` or `keyMatch(r.obj, p.obj)`, with `r.dom` behind them if there is a third.
    Call {
        function: String,
        request: String,
        policy: String,
        third: Option<String>,
    },
    /// `r.sub == "root"`.
    RequestIs { request: String, text: String },
    /// `p.obj == "*"`.
    PolicyIs { policy: String, text: String },
    /// `r.sub.Age > 18`.
    Attribute(Attribute),
    /// `eval(p.sub_rule)`: the line itself has a condition.
    Rule { policy: String },
    /// Anything else, as it was written.
    Other(String),
}

/// A question about what is known of a part of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    /// The field of the request.
    pub(super) request: String,
    pub(super) name: String,
    pub(super) operator: &'static str,
    pub(super) values: Vec<Literal>,
    /// As it was written.
    pub(super) text: String,
}

/// A value that is written in a matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    Number(String),
    Text(String),
    Bool(bool),
}

/// The tests that all hold.
pub(super) type Alternative = Vec<Test>;

/// The alternatives of a matcher.
///
/// # Errors
/// Why it is not understood, as a fragment for people.
pub(super) fn alternatives(text: &str) -> Result<Vec<Alternative>, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        depth: 0,
    };
    let found = parser.either()?;
    match parser.peek() {
        None => Ok(found),
        Some(token) => Err(format!("`{}` is not understood here", token.text)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `r.sub`, `keyMatch`, `18`.
    Word,
    Text,
    Sign,
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    /// Without the quotes, if it is a text.
    text: String,
}

/// Signs of more than one character, before those of which they begin.
const SIGNS: [&str; 8] = ["&&", "||", "==", "!=", "<=", ">=", "=~", "!~"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let (kind, found, after) = if let quote @ ('"' | '\'') = first {
            let inner = rest.get(1..).unwrap_or_default();
            let (text, after) = inner
                .split_once(quote)
                .ok_or_else(|| format!("`{rest}` has no closing quote"))?;
            (Kind::Text, text, after)
        } else if is_word(first) {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            (Kind::Word, word, after)
        } else {
            let long = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let (sign, after) = rest.split_at(long.map_or(first.len_utf8(), |it| it.len()));
            (Kind::Sign, sign, after)
        };
        tokens.push(Token {
            kind,
            text: found.to_owned(),
        });
        rest = after.trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

type Parsed = Result<Vec<Alternative>, String>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is_next(&self, sign: &str) -> bool {
        self.peek()
            .is_some_and(|it| it.kind == Kind::Sign && it.text == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_next = self.is_next(sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn either(&mut self) -> Parsed {
        let mut found = self.all()?;
        while self.take("||") {
            found.extend(self.all()?);
        }
        bounded(found)
    }

    fn all(&mut self) -> Parsed {
        let mut found = self.one()?;
        while self.take("&&") {
            let more = self.one()?;
            let both = found.iter().flat_map(|left| {
                more.iter()
                    .map(move |right| left.iter().chain(right).cloned().collect())
            });
            found = bounded(both.collect())?;
        }
        Ok(found)
    }

    /// A test, or alternatives in parentheses.
    fn one(&mut self) -> Parsed {
        if self.is_next("!") {
            let start = self.at;
            self.at += 1;
            self.deeper(Self::one)?;
            return Ok(vec![vec![self.other(start)]]);
        }
        if self.take("(") {
            let found = self.deeper(Self::either)?;
            return match self.take(")") {
                true => Ok(found),
                false => Err("a closing parenthesis is missing".to_owned()),
            };
        }
        Ok(vec![vec![self.test()?]])
    }

    fn deeper(&mut self, part: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("it is nested too deeply".to_owned());
        }
        let found = part(self);
        self.depth -= 1;
        found
    }

    fn test(&mut self) -> Result<Test, String> {
        let start = self.at;
        let left = self.operand()?;
        if self.take("==") {
            let right = self.operand()?;
            let test = equal(&left, &right).or_else(|| equal(&right, &left));
            let test = test.or_else(|| self.attribute(start, (left, "==", right)));
            return Ok(test.unwrap_or_else(|| self.other(start)));
        }
        let compares = ["!=", "<=", ">=", "<", ">", "=~", "!~"];
        let sign = compares.into_iter().find(|sign| self.take(sign));
        if let Some(sign) = sign.or_else(|| self.take_word("in").then_some("in")) {
            let right = self.operand()?;
            let test = self.attribute(start, (left, sign, right));
            return Ok(test.unwrap_or_else(|| self.other(start)));
        }
        let test = match left {
            Operand::Call(function, arguments) => call(function, arguments),
            Operand::Attribute(..) => {
                let holds = Operand::Literals(vec![Literal::Bool(true)], false);
                self.attribute(start, (left, "==", holds))
            }
            _ => None,
        };
        Ok(test.unwrap_or_else(|| self.other(start)))
    }

    /// The question that an attribute and literals are compared by.
    fn attribute(
        &self,
        start: usize,
        (left, operator, right): (Operand, &'static str, Operand),
    ) -> Option<Test> {
        let (request, name, operator, (values, is_list)) = match (left, right) {
            (Operand::Attribute(request, name), Operand::Literals(values, is_list)) => {
                (request, name, operator, (values, is_list))
            }
            (Operand::Literals(values, false), Operand::Attribute(request, name)) => {
                let turned = match operator {
                    "<" => ">",
                    ">" => "<",
                    "<=" => ">=",
                    ">=" => "<=",
                    "==" | "!=" => operator,
                    _ => return None,
                };
                (request, name, turned, (values, false))
            }
            _ => return None,
        };
        let is_ordered = ["<", ">", "<=", ">="].contains(&operator);
        let is_number = |it: &Literal| matches!(it, Literal::Number(_));
        let maps = match operator {
            "in" => is_list,
            "=~" | "!~" => false,
            _ => !is_list && (!is_ordered || values.iter().all(is_number)),
        };
        let text = self.written(start);
        maps.then_some(Test::Attribute(Attribute {
            request,
            name,
            operator,
            values,
            text,
        }))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self
            .peek()
            .is_some_and(|it| it.kind == Kind::Word && it.text == word);
        self.at += usize::from(is_next);
        is_next
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if self.take("(") {
            return self.list();
        }
        let Some(token) = self.peek().cloned() else {
            return Err("it ends too early".to_owned());
        };
        self.at += 1;
        match token.kind {
            Kind::Text => Ok(Operand::Literals(vec![Literal::Text(token.text)], false)),
            Kind::Sign => Err(format!("`{}` is not understood here", token.text)),
            Kind::Word if self.take("(") => self.arguments(token.text),
            Kind::Word => Ok(field(&token.text)),
        }
    }

    /// A list of literals, as `in` has it, behind its parenthesis.
    fn list(&mut self) -> Result<Operand, String> {
        let mut values = Vec::new();
        let mut is_plain = true;
        while !self.take(")") {
            let Some(token) = self.peek().cloned() else {
                return Err("a closing parenthesis is missing".to_owned());
            };
            self.at += 1;
            match (token.kind, literal(&token.text)) {
                (Kind::Text, _) => values.push(Literal::Text(token.text)),
                (Kind::Word, Some(value)) => values.push(value),
                (Kind::Sign, _) if token.text == "," => {}
                _ => is_plain = false,
            }
        }
        Ok(match is_plain {
            true => Operand::Literals(values, true),
            false => Operand::Other,
        })
    }

    fn arguments(&mut self, function: String) -> Result<Operand, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("it is nested too deeply".to_owned());
        }
        let mut arguments = Vec::new();
        while !self.take(")") {
            arguments.push(self.operand()?);
            if !self.take(",") && !self.is_next(")") {
                return Err(format!("the arguments of `{function}` are not understood"));
            }
        }
        self.depth -= 1;
        Ok(Operand::Call(function, arguments))
    }

    /// What was written from a token on.
    fn other(&self, start: usize) -> Test {
        Test::Other(self.written(start))
    }

    fn written(&self, start: usize) -> String {
        let written = self.tokens.get(start..self.at).unwrap_or_default();
        let shown = written.iter().map(|token| match token.kind {
            Kind::Text => format!("\"{}\"", token.text),
            _ => token.text.clone(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

fn bounded(found: Vec<Alternative>) -> Parsed {
    match found.len() <= ALTERNATIVES_MAX {
        true => Ok(found),
        false => Err(format!("it has more than {ALTERNATIVES_MAX} alternatives")),
    }
}

#[derive(Debug, Clone)]
enum Operand {
    Request(String),
    Policy(String),
    /// A field of the request, and what is known of it.
    Attribute(String, String),
    /// One value, or several as a list.
    Literals(Vec<Literal>, bool),
    Call(String, Vec<Operand>),
    Other,
}

/// A number, `true` or `false`.
fn literal(word: &str) -> Option<Literal> {
    match word {
        "true" | "false" => Some(Literal::Bool(word == "true")),
        _ if word.starts_with(|c: char| c.is_ascii_digit()) => {
            let number = word.parse::<f64>().ok().filter(|it| it.is_finite());
            number.map(|it| Literal::Number(format!("{it:?}")))
        }
        _ => None,
    }
}

/// `r.sub`; what has one part more is an attribute.
fn field(word: &str) -> Operand {
    if let Some(value) = literal(word) {
        return Operand::Literals(vec![value], false);
    }
    let (object, field) = word.split_once('.').unwrap_or((word, ""));
    let is_field = !field.is_empty() && !field.contains('.');
    match object {
        "r" if is_field => Operand::Request(field.to_owned()),
        "p" if is_field => Operand::Policy(field.to_owned()),
        "r" => match field.split_once('.') {
            Some((field, name)) if !name.contains('.') => {
                Operand::Attribute(field.to_owned(), name.to_owned())
            }
            _ => Operand::Other,
        },
        _ => Operand::Other,
    }
}

fn equal(left: &Operand, right: &Operand) -> Option<Test> {
    let text = match right {
        Operand::Literals(values, false) => match values.as_slice() {
            [Literal::Text(text)] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    };
    match (left.clone(), right.clone()) {
        (Operand::Request(request), Operand::Policy(policy)) => {
            Some(Test::Equal { request, policy })
        }
        (Operand::Request(request), _) => text.map(|text| Test::RequestIs { request, text }),
        (Operand::Policy(policy), _) => text.map(|text| Test::PolicyIs { policy, text }),
        _ => None,
    }
}

fn call(function: String, arguments: Vec<Operand>) -> Option<Test> {
    if let ("eval", [Operand::Policy(policy)]) = (function.as_str(), arguments.as_slice()) {
        let policy = policy.clone();
        return Some(Test::Rule { policy });
    }
    let mut arguments = arguments.into_iter();
    let (Some(Operand::Request(request)), Some(Operand::Policy(policy))) =
        (arguments.next(), arguments.next())
    else {
        return None;
    };
    let third = match arguments.next() {
        None => None,
        Some(Operand::Request(third)) => Some(third),
        Some(_) => return None,
    };
    Some(Test::Call {
        function,
        request,
        policy,
        third,
    })
}
