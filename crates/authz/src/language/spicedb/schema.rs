//! The grammar of the schema language, by recursive descent. Of the operators `+` binds most
//! tightly, then `&`, then `-`.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::language::relation::{DEPTH_MAX, Read, Reader, Told, declare};
use crate::language::scanner::{Lexis, Scanner, Token};
use crate::model::relation::{
    At, DeclaredCondition, Language, ObjectType, Relation, RelationModel, Rewrite, SubjectKind,
    SubjectType,
};
use crate::source::{Diagnostic, Diagnostics, Source, one_of};

use super::USES;

const LEXIS: Lexis = Lexis {
    is_word: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '/'),
    long_signs: &["->", "..."],
    hash_comments: false,
};

/// The words that begin a statement outside of definitions.
const STATEMENTS: [&str; 3] = ["definition", "caveat", "use"];
/// All words that begin a statement.
const ALL_STATEMENTS: [&str; 5] = ["definition", "caveat", "use", "relation", "permission"];

/// The model that the text means, and whether some declaration could not be read.
pub(super) fn read(
    source: &Source,
    part: Range<usize>,
    diagnostics: &mut Diagnostics,
) -> (RelationModel, bool) {
    let scanner = Scanner::new(source, part, LEXIS);
    let mut reader = Reader {
        scanner,
        diagnostics,
    };
    let mut model = RelationModel {
        language: Language::SpiceDb { uses: Vec::new() },
        types: IndexMap::new(),
        conditions: IndexMap::new(),
    };
    let mut is_partial = false;
    while reader.scanner.peek().is_some() {
        if reader.top(&mut model, &mut is_partial).is_err() {
            is_partial = true;
            reader.recover(&STATEMENTS);
            reader.scanner.take("}");
        }
    }
    (model, is_partial)
}

impl Reader<'_, '_> {
    fn top(&mut self, model: &mut RelationModel, is_partial: &mut bool) -> Read<()> {
        if self.scanner.take("use") {
            return self.use_directive(model);
        }
        if self.scanner.take("caveat") {
            let name = self.word("the name of the caveat")?;
            let caveat = self.condition(name.place.clone(), false);
            let caveat = caveat.unwrap_or_else(|Told| {
                self.recover(&STATEMENTS);
                self.scanner.take("}");
                DeclaredCondition::unread(name.place.clone())
            });
            let named = (name.name(), &name.place);
            let declared = &mut model.conditions;
            declare(
                "caveat",
                declared,
                named,
                caveat,
                |it| &it.at,
                self.diagnostics,
            );
            return Ok(());
        }
        if !self.scanner.take("definition") {
            return Err(self.unexpected(&one_of(STATEMENTS)));
        }
        let name = self.word("the name of the definition")?;
        let mut found = ObjectType {
            relations: IndexMap::new(),
            module: None,
            at: At(name.place.clone()),
        };
        self.expect("{")?;
        while !self.scanner.take("}") {
            if self.member(&mut found).is_err() {
                *is_partial = true;
                self.recover(&ALL_STATEMENTS);
                let at_top = STATEMENTS.iter().any(|it| self.scanner.is(it));
                if at_top || self.scanner.peek().is_none() {
                    break;
                }
            }
        }
        let named = (name.name(), &name.place);
        declare(
            "definition",
            &mut model.types,
            named,
            found,
            |it| &it.at,
            self.diagnostics,
        );
        Ok(())
    }

    fn use_directive(&mut self, model: &mut RelationModel) -> Read<()> {
        let name = self.word("what to use")?;
        if !USES.contains(&name.text) {
            let message = format!("`use {}` is not known", name.text);
            let mistake = Diagnostic::new(name.place, message).nearest(name.text, USES);
            self.tell(mistake.label(format!("expected {}", one_of(USES))));
            return Ok(());
        }
        if let Language::SpiceDb { uses } = &mut model.language {
            uses.push(name.name());
        }
        Ok(())
    }

    fn member(&mut self, into: &mut ObjectType) -> Read<()> {
        let is_permission = self.scanner.is("permission");
        if !is_permission && !self.scanner.is("relation") {
            return Err(self.unexpected("`relation`, `permission` or `}`"));
        }
        self.scanner.next();
        let name = self.word("a name")?;
        let relation = if is_permission {
            self.permission(&name)?
        } else {
            self.expect(":")?;
            Relation {
                subjects: self.subject_types()?,
                rewrite: Rewrite::Direct,
                is_permission,
                annotations: Vec::new(),
                module: None,
                at: At(name.place.clone()),
            }
        };
        let named = (name.name(), &name.place);
        let declared = &mut into.relations;
        declare(
            "relation",
            declared,
            named,
            relation,
            |it| &it.at,
            self.diagnostics,
        );
        Ok(())
    }

    fn permission(&mut self, name: &Token<'_>) -> Read<Relation> {
        let annotations = if self.scanner.take(":") {
            self.subject_types()?
        } else {
            Vec::new()
        };
        self.expect("=")?;
        Ok(Relation {
            subjects: Vec::new(),
            rewrite: self.expression(0)?,
            is_permission: true,
            annotations,
            module: None,
            at: At(name.place.clone()),
        })
    }

    /// `user | group#member | user:* with caveat and expiration`.
    fn subject_types(&mut self) -> Read<Vec<SubjectType>> {
        let mut subjects = Vec::new();
        loop {
            subjects.push(self.subject_type()?);
            if !self.scanner.take("|") {
                return Ok(subjects);
            }
        }
    }

    fn subject_type(&mut self) -> Read<SubjectType> {
        let type_name = self.word("a type")?;
        let kind = if self.scanner.take("#") {
            if self.scanner.take("...") {
                SubjectKind::Object
            } else {
                SubjectKind::Userset(self.word("a relation")?.name())
            }
        } else if self.scanner.take(":") {
            self.expect("*")?;
            SubjectKind::Wildcard
        } else {
            SubjectKind::Object
        };
        let mut subject = SubjectType {
            type_name: type_name.name(),
            kind,
            condition: None,
            expires: false,
            at: At(type_name.place),
        };
        if self.scanner.take("with") {
            self.trait_of(&mut subject)?;
            while self.scanner.take("and") {
                self.trait_of(&mut subject)?;
            }
        }
        Ok(subject)
    }

    /// What stands behind `with`: a caveat, or `expiration`.
    fn trait_of(&mut self, subject: &mut SubjectType) -> Read<()> {
        let word = self.word("a caveat or `expiration`")?;
        let twice = if word.text == "expiration" {
            std::mem::replace(&mut subject.expires, true)
        } else {
            subject.condition.replace(word.name()).is_some()
        };
        if twice {
            let message = format!("`{}` is one too many", word.text);
            let label = "a relationship has one caveat and one expiration at most";
            return Err(self.tell(Diagnostic::new(word.place, message).label(label)));
        }
        Ok(())
    }

    /// Exclusions, from the left.
    fn expression(&mut self, depth: usize) -> Read<Rewrite> {
        let mut left = self.intersection(depth)?;
        let mut count = 0;
        while self.scanner.is("-") {
            count += 1;
            self.check_depth(depth + count)?;
            self.scanner.next();
            let right = self.intersection(depth)?;
            left = Rewrite::Exclusion(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn intersection(&mut self, depth: usize) -> Read<Rewrite> {
        let first = self.union(depth)?;
        if !self.scanner.is("&") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.scanner.take("&") {
            parts.push(self.union(depth)?);
        }
        Ok(Rewrite::Intersection(parts))
    }

    fn union(&mut self, depth: usize) -> Read<Rewrite> {
        let first = self.operand(depth)?;
        if !self.scanner.is("+") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.scanner.take("+") {
            parts.push(self.operand(depth)?);
        }
        Ok(Rewrite::Union(parts))
    }

    fn check_depth(&mut self, depth: usize) -> Read<()> {
        if depth <= DEPTH_MAX {
            return Ok(());
        }
        let place = self.scanner.place();
        let message = format!("nested more than {DEPTH_MAX} deep");
        Err(self.tell(Diagnostic::new(place, message)))
    }

    fn operand(&mut self, depth: usize) -> Read<Rewrite> {
        self.check_depth(depth)?;
        if self.scanner.take("(") {
            let inner = self.expression(depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.word("a relation, a permission or `(`")?;
        if self.scanner.take("->") {
            let computed = self.word("a relation or permission")?;
            return Ok(arrow(&name, computed.name(), false));
        }
        if self.scanner.take(".") {
            return self.function(&name);
        }
        Ok(match name.text {
            "nil" => Rewrite::Nobody,
            "self" => Rewrite::Itself,
            _ => Rewrite::Computed(name.name(), At(name.place)),
        })
    }

    /// `relation.any(permission)` or `relation.all(permission)`.
    fn function(&mut self, relation: &Token<'_>) -> Read<Rewrite> {
        let function = self.word("`any` or `all`")?;
        if !matches!(function.text, "any" | "all") {
            let message = format!("unknown function `{}`", function.text);
            let mistake = Diagnostic::new(function.place, message);
            return Err(self.tell(mistake.label("expected `any` or `all`")));
        }
        self.expect("(")?;
        let computed: Arc<str> = self.word("a relation or permission")?.name();
        self.expect(")")?;
        Ok(arrow(relation, computed, function.text == "all"))
    }
}

fn arrow(relation: &Token<'_>, computed: Arc<str>, all: bool) -> Rewrite {
    Rewrite::Arrow {
        tupleset: relation.name(),
        computed,
        all,
        at: At(relation.place.clone()),
    }
}
