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
    /// Anything else, as it was written.
    Other(String),
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
            return Ok(test.unwrap_or_else(|| self.other(start)));
        }
        let compares = ["!=", "<", ">", "<=", ">=", "=~", "!~"];
        let is_other = compares.iter().any(|sign| self.take(sign)) || self.take_word("in");
        if is_other {
            self.operand()?;
            return Ok(self.other(start));
        }
        match left {
            Operand::Call(function, arguments) => {
                Ok(call(function, arguments).unwrap_or_else(|| self.other(start)))
            }
            _ => Ok(self.other(start)),
        }
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
            // A list, as `in` has it; what stands in it does not matter.
            while !self.take(")") {
                if self.peek().is_none() {
                    return Err("a closing parenthesis is missing".to_owned());
                }
                self.at += 1;
            }
            return Ok(Operand::Other);
        }
        let Some(token) = self.peek().cloned() else {
            return Err("it ends too early".to_owned());
        };
        self.at += 1;
        match token.kind {
            Kind::Text => Ok(Operand::Text(token.text)),
            Kind::Sign => Err(format!("`{}` is not understood here", token.text)),
            Kind::Word if self.take("(") => self.arguments(token.text),
            Kind::Word => Ok(field(&token.text)),
        }
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
        let written = self.tokens.get(start..self.at).unwrap_or_default();
        let shown = written.iter().map(|token| match token.kind {
            Kind::Text => format!("\"{}\"", token.text),
            _ => token.text.clone(),
        });
        Test::Other(shown.collect::<Vec<_>>().join(" "))
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
    Text(String),
    Call(String, Vec<Operand>),
    Other,
}

/// `r.sub`; what has more parts is an attribute.
fn field(word: &str) -> Operand {
    let (object, field) = word.split_once('.').unwrap_or((word, ""));
    let is_field = !field.is_empty() && !field.contains('.');
    match object {
        "r" if is_field => Operand::Request(field.to_owned()),
        "p" if is_field => Operand::Policy(field.to_owned()),
        _ => Operand::Other,
    }
}

fn equal(left: &Operand, right: &Operand) -> Option<Test> {
    Some(match (left.clone(), right.clone()) {
        (Operand::Request(request), Operand::Policy(policy)) => Test::Equal { request, policy },
        (Operand::Request(request), Operand::Text(text)) => Test::RequestIs { request, text },
        (Operand::Policy(policy), Operand::Text(text)) => Test::PolicyIs { policy, text },
        _ => return None,
    })
}

fn call(function: String, arguments: Vec<Operand>) -> Option<Test> {
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
