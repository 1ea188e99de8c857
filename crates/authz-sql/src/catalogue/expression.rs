//! What an expression of a policy says: whether it asks who is calling, which columns it compares
//! with that, and which tables and settings it reads.

use std::collections::BTreeSet;

use super::tree::{Node, Object};

/// `current_setting(text)` and `current_setting(text, boolean)`; the numbers of what is built in
/// never change (`pg_proc.dat`).
const CURRENT_SETTING: u32 = 2077;
const CURRENT_SETTING_OR_NULL: u32 = 3294;
/// `current_user`, `session_user` and `pg_has_role` in its forms, where they are called.
const ABOUT_THE_CALLER: [u32; 8] = [745, 746, 2705, 2706, 2707, 2708, 2709, 2710];
/// The first number that an object of a user can have (`FirstNormalObjectId`).
pub(crate) const FIRST_OF_USERS: u32 = 16_384;
/// `CURRENT_ROLE`, `CURRENT_USER`, `USER` and `SESSION_USER` (`SQLValueFunctionOp`).
const CALLER_WORDS: std::ops::RangeInclusive<u32> = 9..=12;
/// The bytes before a text (`varlena`).
const HEADER: usize = 4;

/// A column's number, as in `pg_attribute`.
pub type Column = i16;

/// An expression of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expression {
    /// As the server prints it.
    pub text: String,
    /// What it always is, whatever row it is asked of.
    pub always: Option<bool>,
    /// What is joined by OR at the top of it.
    pub arms: Vec<Arm>,
    /// The columns in comparisons that ask who is calling.
    pub caller_columns: BTreeSet<Column>,
    /// Of these, the columns by which an index could find the rows.
    pub searched_columns: BTreeSet<Column>,
    /// The tables and views that it reads.
    pub relations: BTreeSet<u32>,
    /// The functions of users that it calls.
    pub functions: BTreeSet<u32>,
    /// The settings that it cannot do without.
    pub settings: BTreeSet<String>,
    /// The columns that it compares with themselves.
    pub with_itself: BTreeSet<ColumnOf>,
}

/// A column of a table: of the policy's own, or of another that a query in it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnOf {
    /// The other table.
    pub other: Option<u32>,
    /// The column.
    pub column: Column,
}

/// One of several ways in which an expression may be true.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arm {
    /// Whether it asks who is calling, itself or by what it calls or reads.
    pub asks_caller: bool,
    /// The columns of the policy's own table in it.
    pub columns: BTreeSet<Column>,
}

impl Expression {
    /// Reads an expression from its tree.
    ///
    /// `constant` is what the server made of it, if it is made of constants alone; `not_null` says
    /// which columns of the policy's table are never NULL. `None` for a tree that cannot be read.
    pub fn read(
        tree: &str,
        text: String,
        constant: Option<bool>,
        not_null: &BTreeSet<Column>,
    ) -> Option<Self> {
        let tree = Node::read(tree)?;
        let mut read = Self {
            text,
            always: constant.or_else(|| truth(&tree, not_null)),
            arms: arms(&tree).into_iter().map(Arm::of).collect(),
            ..Self::default()
        };
        for clause in clauses(&tree).into_iter().filter(|it| asks_caller(it)) {
            read.caller_columns.extend(columns(clause));
            read.searched_columns.extend(searched(clause));
        }
        tree.any(&mut |node| {
            read.note(node);
            false
        });
        compared(&tree, &mut Vec::new(), &mut read.with_itself);
        Some(read)
    }

    /// Whether an expression is made of constants alone, so that the server can say what it is. A
    /// type or an operator of a user is none: a domain's check, say, is somebody's code.
    pub(crate) fn is_constant(tree: &str) -> bool {
        let varies = |node: &Node| {
            let object = node.object();
            object.is_some_and(|object| {
                let of_system =
                    |field: &str| object.number(field).is_some_and(|it| it < FIRST_OF_USERS);
                match object.kind.as_str() {
                    "BOOLEXPR" | "NULLTEST" | "BOOLEANTEST" => false,
                    "CONST" => !of_system("consttype"),
                    "RELABELTYPE" => !of_system("resulttype"),
                    "OPEXPR" => !(of_system("opno") && of_system("opfuncid")),
                    _ => true,
                }
            })
        };
        Node::read(tree).is_some_and(|tree| !tree.any(&mut |node| varies(node)))
    }

    fn note(&mut self, node: &Node) {
        let Some(object) = node.object() else {
            return;
        };
        if object.kind == "RANGETBLENTRY" {
            self.relations
                .extend(object.number("relid").filter(|id| *id != 0));
        }
        if let Some(function) = called(object) {
            if function >= FIRST_OF_USERS {
                self.functions.insert(function);
            }
            self.settings.extend(needed_setting(function, object));
        }
    }
}

impl Arm {
    fn of(node: &Node) -> Self {
        Self {
            asks_caller: asks_caller(node),
            columns: columns(node),
        }
    }
}

/// What the tree is without any row: `true`, `id IS NOT NULL` where it cannot be NULL, and what
/// AND, OR and NOT make of these.
fn truth(node: &Node, not_null: &BTreeSet<Column>) -> Option<bool> {
    let object = node.object()?;
    let of = |node: &Node| truth(node, not_null);
    let args = object.list("args");
    match (object.kind.as_str(), object.word("boolop")) {
        ("CONST", _) => {
            let is_null = object.word("constisnull") == Some("true");
            let byte = object.bytes()?.first().copied();
            byte.filter(|_| !is_null).map(|byte| byte != 0)
        }
        ("NULLTEST", _) => {
            let is_not_null = object.number("nulltesttype") == Some(1);
            let column = column(object.field("arg")?, 0)?;
            not_null.contains(&column).then_some(is_not_null)
        }
        ("BOOLEXPR", Some("or")) if args.iter().any(|arg| of(arg) == Some(true)) => Some(true),
        ("BOOLEXPR", Some("or")) => args
            .iter()
            .all(|arg| of(arg) == Some(false))
            .then_some(false),
        ("BOOLEXPR", Some("and")) if args.iter().any(|arg| of(arg) == Some(false)) => Some(false),
        ("BOOLEXPR", Some("and")) => args.iter().all(|arg| of(arg) == Some(true)).then_some(true),
        ("BOOLEXPR", Some("not")) => of(args.first()?).map(|is| !is),
        _ => None,
    }
}

/// What is joined by OR at the top.
fn arms(node: &Node) -> Vec<&Node> {
    match node.of_kind("BOOLEXPR") {
        Some(joined) if joined.word("boolop") == Some("or") => {
            joined.list("args").iter().flat_map(arms).collect()
        }
        _ => vec![node],
    }
}

/// What is joined by AND, OR and NOT.
fn clauses(node: &Node) -> Vec<&Node> {
    match node.of_kind("BOOLEXPR") {
        Some(joined) => joined.list("args").iter().flat_map(clauses).collect(),
        None => vec![node],
    }
}

/// Whether a part asks who is calling, itself or in what it reads or calls: what a function of a
/// user or another table says can depend on that.
fn asks_caller(node: &Node) -> bool {
    node.any(&mut |node| {
        let Some(object) = node.object() else {
            return false;
        };
        match object.kind.as_str() {
            "SUBLINK" => true,
            "SQLVALUEFUNCTION" => object
                .number("op")
                .is_some_and(|op| CALLER_WORDS.contains(&op)),
            _ => called(object).is_some_and(|function| {
                function >= FIRST_OF_USERS
                    || matches!(function, CURRENT_SETTING | CURRENT_SETTING_OR_NULL)
                    || ABOUT_THE_CALLER.contains(&function)
            }),
        }
    })
}

fn called(object: &Object) -> Option<u32> {
    match object.kind.as_str() {
        "FUNCEXPR" => object.number("funcid"),
        "OPEXPR" | "SCALARARRAYOPEXPR" => object.number("opfuncid"),
        _ => None,
    }
}

/// The setting that a call needs to be there.
fn needed_setting(function: u32, call: &Object) -> Option<String> {
    let args = call.list("args");
    let insists = match function {
        CURRENT_SETTING => true,
        CURRENT_SETTING_OR_NULL => {
            let missing_ok = args.get(1)?.of_kind("CONST")?.bytes()?;
            missing_ok.first() == Some(&0)
        }
        _ => false,
    };
    let name = args.first()?.of_kind("CONST")?.bytes()?;
    let name = name.get(HEADER..).filter(|_| insists)?;
    String::from_utf8(name.to_vec()).ok()
}

/// Whether a view, by the tree of its query, leaves out rows. One that cannot be read may.
pub(super) fn filters(tree: &str) -> bool {
    let is_filter = |node: &Node| {
        let from = node.of_kind("FROMEXPR");
        from.is_some_and(|from| from.field("quals").and_then(Node::object).is_some())
    };
    Node::read(tree).is_none_or(|tree| tree.any(&mut |node| is_filter(node)))
}

/// The columns that are compared with themselves, within these queries.
fn compared<'a>(node: &'a Node, queries: &mut Vec<&'a Object>, found: &mut BTreeSet<ColumnOf>) {
    let comparison = node.of_kind("OPEXPR").map(|it| it.list("args"));
    if let Some([left, right]) = comparison {
        let (left, right) = (bare(left), bare(right));
        if left.of_kind("VAR").is_some() && is_same_variable(left, right) {
            found.extend(column_of(left, queries));
        }
    }
    let query = node.of_kind("QUERY");
    queries.extend(query);
    for child in node.children() {
        compared(child, queries, found);
    }
    if query.is_some() {
        queries.pop();
    }
}

fn is_same_variable(left: &Node, right: &Node) -> bool {
    let (Some(left), Some(right)) = (left.of_kind("VAR"), right.of_kind("VAR")) else {
        return false;
    };
    let fields = ["varno", "varattno", "varlevelsup"];
    fields
        .into_iter()
        .all(|field| left.word(field) == right.word(field))
}

/// Which column a variable within these queries is; `None` for one of no table.
fn column_of(node: &Node, queries: &[&Object]) -> Option<ColumnOf> {
    let variable = node.of_kind("VAR")?;
    let number = |field: &str| variable.number(field).map(|it| it as usize);
    let column = variable.word("varattno")?.parse().ok()?;
    let other = match queries.len().checked_sub(number("varlevelsup")?)? {
        0 => None,
        depth => {
            let tables = queries.get(depth - 1)?.list("rtable");
            let entry = tables.get(number("varno")?.checked_sub(1)?)?;
            let relation = entry.of_kind("RANGETBLENTRY")?.number("relid")?;
            Some(relation).filter(|id| *id != 0).map(Some)?
        }
    };
    Some(ColumnOf { other, column })
}

/// Without what only gives it another type.
fn bare(node: &Node) -> &Node {
    let relabelled = node.of_kind("RELABELTYPE");
    relabelled.and_then(|it| it.field("arg")).unwrap_or(node)
}

/// The columns of the policy's own table in a part, also from within queries in it.
fn columns(node: &Node) -> BTreeSet<Column> {
    let mut found = BTreeSet::new();
    gather(node, 0, &mut found);
    found
}

fn gather(node: &Node, queries: u32, found: &mut BTreeSet<Column>) {
    found.extend(column(node, queries));
    let inside = queries + u32::from(node.of_kind("QUERY").is_some());
    for child in node.children() {
        gather(child, inside, found);
    }
}

/// The number of a column of the policy's own table, seen from within so many queries.
fn column(node: &Node, queries: u32) -> Option<Column> {
    let variable = node.of_kind("VAR")?;
    let is_own =
        variable.number("varno") == Some(1) && variable.number("varlevelsup") == Some(queries);
    let number = variable.word("varattno").filter(|_| is_own)?;
    number.parse().ok()
}

/// The column that a comparison with something outside of the row looks for.
fn searched(clause: &Node) -> Option<Column> {
    let comparison = clause
        .of_kind("OPEXPR")
        .or_else(|| clause.of_kind("SCALARARRAYOPEXPR"))?;
    let [left, right] = comparison.list("args") else {
        return None;
    };
    let own = |node: &Node| column(bare(node), 0);
    match (own(left), own(right)) {
        (Some(column), None) if columns(right).is_empty() => Some(column),
        (None, Some(column)) if columns(left).is_empty() => Some(column),
        _ => None,
    }
}
