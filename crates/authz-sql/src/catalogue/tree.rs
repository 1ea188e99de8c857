//! Expressions as PostgreSQL keeps them: the text form of `pg_node_tree` (`nodeToString` in
//! `src/backend/nodes/outfuncs.c`), read into plain nodes. Which fields a node has differs from
//! version to version; that nodes have named fields does not.

use std::iter::Peekable;
use std::slice;

/// The deepest nesting that is read. A policy of a person has a few dozen levels.
const DEPTH_MAX: usize = 400;

/// A part of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A number, a name, a word; `<>` where there is nothing.
    Atom(String),
    /// A list, or the bytes of a constant.
    List(Vec<Node>),
    /// A node with its fields.
    Object(Object),
}

/// A node with its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    /// The kind of node: `VAR`, `OPEXPR`.
    pub(super) kind: String,
    fields: Vec<(String, Vec<Node>)>,
}

impl Node {
    /// Reads a tree; `None` for what is none, or is nested too deeply.
    pub(super) fn read(text: &str) -> Option<Self> {
        let tokens = tokens(text);
        let mut reader = Reader {
            tokens: tokens.iter().peekable(),
        };
        let node = reader.node(0)?;
        reader.tokens.next().is_none().then_some(node)
    }

    /// The node with its fields, where it is one of this kind.
    pub(super) fn of_kind(&self, kind: &str) -> Option<&Object> {
        self.object().filter(|object| object.kind == kind)
    }

    /// The node with its fields, where it has some.
    pub(super) fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    fn items(&self) -> &[Node] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The nodes right below this one.
    pub(super) fn children(&self) -> Vec<&Node> {
        match self {
            Self::Atom(_) => Vec::new(),
            Self::List(items) => items.iter().collect(),
            Self::Object(object) => object.fields.iter().flat_map(|(_, nodes)| nodes).collect(),
        }
    }

    /// Whether this node or one below it is so.
    pub(super) fn any(&self, is: &mut dyn FnMut(&Node) -> bool) -> bool {
        is(self) || self.children().into_iter().any(|child| child.any(is))
    }
}

impl Object {
    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Option<&Node> {
        self.values(name).first()
    }

    /// The value of a field that is a list.
    pub(super) fn list(&self, name: &str) -> &[Node] {
        self.field(name).map_or(&[], Node::items)
    }

    /// The value of a field that is a number.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.word(name)?.parse().ok()
    }

    /// The value of a field that is a word.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        match self.field(name)? {
            Node::Atom(word) => Some(word),
            _ => None,
        }
    }

    /// The bytes of a constant.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        let [_, Node::List(bytes)] = self.values("constvalue") else {
            return None;
        };
        let byte = |node: &Node| match node {
            // They are written as signed characters.
            Node::Atom(number) => number.parse::<i16>().ok().map(|it| it.to_le_bytes()[0]),
            _ => None,
        };
        bytes.iter().map(byte).collect()
    }

    fn values(&self, name: &str) -> &[Node] {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map_or(&[], |(_, values)| values)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Bracket(char),
    Word(String),
}

/// Brackets, and the words between them. A backslash takes what follows as it is.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let bracket = match character {
            '(' | ')' | '{' | '}' | '[' | ']' => Some(Token::Bracket(character)),
            ' ' | '\n' => None,
            '\\' => {
                word.extend(characters.next());
                continue;
            }
            other => {
                word.push(other);
                continue;
            }
        };
        if !word.is_empty() {
            tokens.push(Token::Word(std::mem::take(&mut word)));
        }
        tokens.extend(bracket);
    }
    if !word.is_empty() {
        tokens.push(Token::Word(word));
    }
    tokens
}

struct Reader<'a> {
    tokens: Peekable<slice::Iter<'a, Token>>,
}

impl Reader<'_> {
    fn node(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.tokens.next()? {
            Token::Bracket('(') => self.list(')', depth),
            Token::Bracket('[') => self.list(']', depth),
            Token::Bracket('{') => self.object(depth),
            Token::Bracket(_) => None,
            Token::Word(word) => Some(Node::Atom(word.clone())),
        }
    }

    fn list(&mut self, end: char, depth: usize) -> Option<Node> {
        let mut items = Vec::new();
        while **self.tokens.peek()? != Token::Bracket(end) {
            items.push(self.node(depth + 1)?);
        }
        self.tokens.next();
        Some(Node::List(items))
    }

    fn object(&mut self, depth: usize) -> Option<Node> {
        let Token::Word(kind) = self.tokens.next()? else {
            return None;
        };
        let mut fields: Vec<(String, Vec<Node>)> = Vec::new();
        loop {
            let field = match self.tokens.peek()? {
                Token::Bracket('}') => break,
                Token::Word(word) => word.strip_prefix(':'),
                Token::Bracket(_) => None,
            };
            if let Some(name) = field {
                fields.push((name.to_owned(), Vec::new()));
                self.tokens.next();
            } else {
                let value = self.node(depth + 1)?;
                fields.last_mut()?.1.push(value);
            }
        }
        self.tokens.next();
        let kind = kind.clone();
        Some(Node::Object(Object { kind, fields }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_named_fields_lists_and_bytes() {
        let text = "{OPEXPR :opno 98 :args ({VAR :varattno 2} {CONST :constvalue 3 [ 12 0 -1 ]}) :alias {ALIAS :colnames (\"a\\ b\" \"\\(c\")} :rest <>}";
        let node = Node::read(text).unwrap();
        let operator = node.of_kind("OPEXPR").unwrap();
        assert_eq!(operator.number("opno"), Some(98));
        let [column, constant] = operator.list("args") else {
            panic!("{operator:?}");
        };
        assert_eq!(column.of_kind("VAR").unwrap().number("varattno"), Some(2));
        assert_eq!(constant.object().unwrap().bytes(), Some(vec![12, 0, 255]));
        let names = operator.field("alias").unwrap().object().unwrap();
        let names = names.list("colnames");
        assert_eq!(names[0], Node::Atom("\"a b\"".to_owned()));
        assert_eq!(names[1], Node::Atom("\"(c\"".to_owned()));
        assert_eq!(operator.word("rest"), Some("<>"));
    }

    #[test]
    fn what_is_no_tree_is_none() {
        let deep = "(".repeat(100_000);
        for text in [
            "",
            "{",
            "{VAR",
            "{VAR :a 1",
            ")",
            "(1",
            "{VAR 1}",
            "1 2",
            &deep,
        ] {
            assert_eq!(Node::read(text), None, "{}", text.get(..8).unwrap_or(text));
        }
    }
}
