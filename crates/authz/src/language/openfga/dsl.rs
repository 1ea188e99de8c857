//! The grammar of the DSL, by recursive descent. Names are looked up later, when all modules are
//! read.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::language::relation::{DEPTH_MAX, Read, Reader, Told, declare};
use crate::language::scanner::{Lexis, Scanner};
use crate::model::relation::{
    At, DeclaredCondition, ObjectType, Relation, Rewrite, SubjectKind, SubjectType,
};
use crate::source::{Diagnostic, Diagnostics, Place, Source, one_of};

use super::VERSIONS;

const LEXIS: Lexis = Lexis {
    is_word: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'),
    long_signs: &[],
    hash_comments: true,
};

/// The words that begin a statement.
const STATEMENTS: [&str; 5] = ["type", "extend", "condition", "define", "relations"];

/// One text, read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) header: Header,
    pub(super) types: Vec<ParsedType>,
    pub(super) conditions: Vec<(Arc<str>, DeclaredCondition)>,
    /// Whether some declaration could not be read.
    pub(super) is_partial: bool,
}

/// What the text begins with.
#[derive(Debug)]
pub(super) enum Header {
    Model(Arc<str>),
    Module(Arc<str>, Place),
    /// It could not be read.
    None,
}

#[derive(Debug)]
pub(super) struct ParsedType {
    pub(super) name: Arc<str>,
    pub(super) extends: bool,
    pub(super) found: ObjectType,
}

pub(super) fn read(source: &Source, part: Range<usize>, diagnostics: &mut Diagnostics) -> Parsed {
    let scanner = Scanner::new(source, part, LEXIS);
    let mut reader = Reader {
        scanner,
        diagnostics,
    };
    let header = reader.header().unwrap_or_else(|Told| {
        reader.recover(&STATEMENTS);
        Header::None
    });
    let mut parsed = Parsed {
        header,
        types: Vec::new(),
        conditions: Vec::new(),
        is_partial: false,
    };
    while reader.scanner.peek().is_some() {
        let before = reader.scanner.place().span.start;
        if reader.statement(&mut parsed).is_err() {
            parsed.is_partial = true;
            if reader.scanner.place().span.start == before {
                reader.scanner.next();
            }
            reader.recover(&STATEMENTS);
        }
    }
    parsed
}

impl Reader<'_, '_> {
    fn header(&mut self) -> Read<Header> {
        let first = self.word("`model` or `module`")?;
        match first.text {
            "model" => {
                self.expect("schema")?;
                let version = self.word("a schema version")?;
                if !VERSIONS.contains(&version.text) {
                    let message = format!("schema version `{}` is not read", version.text);
                    let mistake = Diagnostic::new(version.place.clone(), message);
                    self.tell(mistake.label(format!("expected {}", one_of(VERSIONS))));
                }
                Ok(Header::Model(version.name()))
            }
            "module" => {
                let name = self.word("the name of the module")?;
                Ok(Header::Module(name.name(), first.place))
            }
            _ => {
                let message = format!("unexpected `{}`", first.text);
                let mistake = Diagnostic::new(first.place, message).label("expected `model`");
                Err(self.tell(mistake.help("a model begins with `model` and `schema 1.1`")))
            }
        }
    }

    fn statement(&mut self, parsed: &mut Parsed) -> Read<()> {
        let extends = self.scanner.take("extend");
        if self.scanner.take("type") {
            return self.type_definition(parsed, extends);
        }
        if !extends && self.scanner.is("condition") {
            self.scanner.next();
            let name = self.word("the name of the condition")?;
            let condition = self.condition(name.place.clone(), true);
            let condition = condition.unwrap_or_else(|Told| {
                self.recover(&STATEMENTS);
                self.scanner.take("}");
                DeclaredCondition::unread(name.place.clone())
            });
            parsed.conditions.push((name.name(), condition));
            return Ok(());
        }
        if self.scanner.is("define")
            && let Some(last) = parsed.types.last_mut()
        {
            // The rest of a type in which something could not be read.
            return self.definitions(last);
        }
        Err(self.unexpected("`type` or `condition`"))
    }

    fn type_definition(&mut self, parsed: &mut Parsed, extends: bool) -> Read<()> {
        let name = self.word("the name of a type")?;
        self.refuse_reserved(name.text, &name.place);
        let mut found = ParsedType {
            name: name.name(),
            extends,
            found: ObjectType {
                relations: IndexMap::new(),
                module: None,
                at: At(name.place),
            },
        };
        let read = if self.scanner.take("relations") {
            self.definitions(&mut found)
        } else {
            Ok(())
        };
        parsed.types.push(found);
        read
    }

    fn definitions(&mut self, into: &mut ParsedType) -> Read<()> {
        while self.scanner.take("define") {
            let name = self.word("the name of a relation")?;
            self.refuse_reserved(name.text, &name.place);
            self.expect(":")?;
            let mut subjects = Vec::new();
            let rewrite = self.rewrite(&mut subjects, 0)?;
            let relation = Relation {
                subjects,
                rewrite,
                is_permission: false,
                annotations: Vec::new(),
                module: None,
                at: At(name.place.clone()),
            };
            declare(
                "relation",
                &mut into.found.relations,
                (name.name(), &name.place),
                relation,
                |relation| &relation.at,
                self.diagnostics,
            );
        }
        Ok(())
    }

    fn refuse_reserved(&mut self, name: &str, place: &Place) {
        if matches!(name, "this" | "self") {
            let message = format!("`{name}` is a reserved name");
            self.tell(Diagnostic::new(place.clone(), message));
        }
    }

    /// One operand, or several with one operator between them: a second operator needs brackets.
    fn rewrite(&mut self, subjects: &mut Vec<SubjectType>, depth: usize) -> Read<Rewrite> {
        let first = self.term(subjects, depth)?;
        let Some(operator) = self.operator() else {
            return Ok(first);
        };
        let mut operands = vec![first];
        loop {
            self.step_over_operator(operator)?;
            operands.push(self.term(subjects, depth)?);
            match self.operator() {
                None => break,
                Some(next) if next == operator && operator != "but" => {}
                Some(next) => {
                    let place = self.scanner.place();
                    let message = format!("`{}` beside `{}`", shown(next), shown(operator));
                    let mistake = Diagnostic::new(place, message)
                        .label("it is not said which of the two comes first")
                        .help("put one of them into brackets");
                    return Err(self.tell(mistake));
                }
            }
        }
        Ok(match operator {
            "or" => Rewrite::Union(operands),
            "and" => Rewrite::Intersection(operands),
            _ => {
                let subtracted = operands.pop().unwrap_or(Rewrite::Nobody);
                let base = operands.pop().unwrap_or(Rewrite::Nobody);
                Rewrite::Exclusion(Box::new(base), Box::new(subtracted))
            }
        })
    }

    fn operator(&mut self) -> Option<&'static str> {
        let token = self.scanner.peek()?;
        ["or", "and", "but"]
            .into_iter()
            .find(|it| *it == token.text)
    }

    fn step_over_operator(&mut self, operator: &str) -> Read<()> {
        self.scanner.next();
        match operator {
            "but" => self.expect("not"),
            _ => Ok(()),
        }
    }

    fn term(&mut self, subjects: &mut Vec<SubjectType>, depth: usize) -> Read<Rewrite> {
        if depth > DEPTH_MAX {
            let place = self.scanner.place();
            let message = format!("nested more than {DEPTH_MAX} deep");
            return Err(self.tell(Diagnostic::new(place, message)));
        }
        let place = self.scanner.place();
        if self.scanner.take("(") {
            let inner = self.rewrite(subjects, depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.scanner.take("[") {
            if !subjects.is_empty() {
                let mistake = Diagnostic::new(place, "a second list of types in one relation");
                return Err(self.tell(mistake.label("one list names all types")));
            }
            self.restrictions(subjects)?;
            return Ok(Rewrite::Direct);
        }
        let name = self.word("a relation, `[` or `(`")?;
        if !self.scanner.take("from") {
            return Ok(Rewrite::Computed(name.name(), At(name.place)));
        }
        let tupleset = self.word("the relation that leads to the other objects")?;
        Ok(Rewrite::Arrow {
            tupleset: tupleset.name(),
            computed: name.name(),
            all: false,
            at: At(name.place),
        })
    }

    /// `user, group#member, user:* with condition]`.
    fn restrictions(&mut self, subjects: &mut Vec<SubjectType>) -> Read<()> {
        loop {
            let type_name = self.word("a type")?;
            let kind = if self.scanner.take("#") {
                SubjectKind::Userset(self.word("a relation")?.name())
            } else if self.scanner.take(":") {
                self.expect("*")?;
                SubjectKind::Wildcard
            } else {
                SubjectKind::Object
            };
            let condition = if self.scanner.take("with") {
                Some(self.word("the name of a condition")?.name())
            } else {
                None
            };
            subjects.push(SubjectType {
                type_name: type_name.name(),
                kind,
                condition,
                expires: false,
                at: At(type_name.place),
            });
            if !self.scanner.take(",") {
                return self.expect("]");
            }
        }
    }
}

fn shown(operator: &str) -> &str {
    if operator == "but" {
        "but not"
    } else {
        operator
    }
}
