//! The matrix: a golden file of everything that a cell can say, and each cell of random policies held
//! against what the evaluator decides.

use authz::source::{Source, render};
use authz::{Outcome, Policy, Reference, Request, Says, StepKind, read_policy};
use authz_analysis::matrix::{self, Cell, Condition, Difference};
use authz_analysis::policy_tests;
use authz_analysis::witness::Question;

use crate::conformance::now;
use crate::worlds::{ROLES, Random, question, world};

const POLICY: &str = r#"version: 1
types:
  user: {}
  post:
    actions: { list: collection, read: instance, update: instance, delete: instance }
    attributes: { owner: user, tenant: tenant, locked: { type: bool, default: false }, public: { type: bool, default: false } }
  report: { actions: { read: instance } }
roles:
  anyone: { can: { post: [list] } }
  editor: { can: { post: [read, update] } }
  auditor: { across_tenants: true, can: { post: [read] } }
tenants: {}
relations: model.fga
related: { post: { read: viewer } }
rules:
  - name: published
    permit: { post: [read] }
    when: resource.public
  - name: own
    permit: { post: [update, delete] }
    when: resource.owner == subject
  - name: locked
    deny: { post: [update, delete] }
    when: resource.locked
  - name: frozen
    deny: { post: [delete] }
    when: flag('freeze')
  - name: never
    deny: { report: [read] }
flags: { freeze: false }
shares: { may_grant: { post: [read] } }
"#;
const MODEL: &str =
    "model\n  schema 1.1\ntype user\ntype post\n  relations\n    define viewer: [user]\n";

fn policy(text: &str) -> Policy {
    let sources = [
        Source::new("policy.yaml", text),
        Source::new("model.fga", MODEL),
    ];
    read_policy(&sources).unwrap_or_else(|it| panic!("{}", render(&it, &sources, false)))
}

#[test]
fn the_table_tells_what_a_role_may_and_on_what_it_depends() {
    let table = matrix::of(&policy(POLICY));
    insta::assert_snapshot!(table.to_text());
}

#[test]
fn the_algorithms_make_other_conditions_of_the_same_parts() {
    let mut shown = String::new();
    for algorithm in [
        "permit-overrides",
        "first-applicable",
        "only-one-applicable",
    ] {
        let table = matrix::of(&policy(&format!("{POLICY}combine: {algorithm}\n")));
        shown += &format!("## {algorithm}\n\n{}\n", table.to_text());
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn cells_that_differ_are_told() {
    let before = matrix::of(&policy(POLICY)).to_text();
    let changed = POLICY
        .replace(
            "can: { post: [read, update] }",
            "can: { post: [read, delete] }",
        )
        .replace(
            "  - name: frozen\n    deny: { post: [delete] }\n    when: flag('freeze')\n",
            "",
        );
    let table = matrix::of(&policy(&changed));
    let shown = matrix::differences(&before, &table);
    let shown: Vec<String> = shown.iter().map(|it| format!("{it:?}")).collect();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(matrix::differences(&table.to_text(), &table), []);
    assert!(table.is_in(&table.to_text().replace('\n', "\r\n")));
    // What says the same and more is not the same.
    let more = format!("{}\nposts are fine\n", table.to_text());
    assert!(!table.is_in(&more));
    let gone = matrix::differences("", &table);
    let is_new = |it: &Difference| it.before.is_none() && it.after.is_some();
    assert!(!gone.is_empty() && gone.iter().all(is_new));
}

#[test]
fn a_file_of_tests_may_name_a_matrix() {
    let golden = matrix::of(&policy(POLICY)).to_text();
    let run = |tests: &str, golden: &str| {
        let source = Source::new("policy.test.yaml", tests);
        let load = &mut |name: &str| match name {
            "policy.yaml" => Ok(Source::new(name, POLICY)),
            "model.fga" => Ok(Source::new(name, MODEL)),
            "policy.matrix" => Ok(Source::new(name, golden)),
            _ => Err("there is no such file".to_owned()),
        };
        match policy_tests::run(&source, load, now()) {
            Ok(report) => policy_tests::render(&report),
            Err(broken) => render(&broken.mistakes, &broken.sources, false),
        }
    };
    let named = "matrix: policy.matrix\n";
    assert_eq!(run(named, &golden), "1 held, 0 failed\n");
    let with_tests = format!("{named}tests: []\n");
    assert_eq!(run(&with_tests, &golden), "1 held, 0 failed\n");
    let changed = golden.replacen("allow", "deny ", 1);
    let mut shown = run(named, &changed);
    shown += &run(named, &format!("{golden}# and more\n"));
    shown += &run("matrix: other.matrix\n", &golden);
    insta::assert_snapshot!(shown);
}

/// Whether a condition is met, where each of these names holds or not; none if one is not known.
fn is_met(condition: &Condition, known: &[(String, bool)]) -> Option<bool> {
    let value = |name: &String| known.iter().find(|it| it.0 == *name).map(|it| it.1);
    let mut met = false;
    for term in &condition.terms {
        let holds = term.holds.iter().map(value).collect::<Option<Vec<_>>>()?;
        let fails = term.fails.iter().map(value).collect::<Option<Vec<_>>>()?;
        met |= holds.iter().all(|it| *it) && !fails.iter().any(|it| *it);
    }
    Some(met)
}

/// What the account says of everything that a cell may name; none where something is not known.
fn known(
    question: &Question<'_>,
    request: &Request<'_>,
    is_foreign: bool,
) -> Option<Vec<(String, bool)>> {
    let account = question.policy.account(request);
    let mut known = Vec::new();
    let mut is_shared = false;
    for step in &account.steps {
        let holds = match step.says {
            Says::Unknown => return None,
            Says::Permit | Says::Deny | Says::Open => true,
            Says::Nothing | Says::Closed => false,
        };
        match step.kind {
            StepKind::Tenant => is_shared = is_foreign && holds,
            StepKind::Relation => {
                let relation = question.policy.related("document", question.action)?;
                known.push((format!("{relation} of it"), holds));
            }
            StepKind::Rule => {
                let name = step.text.split('`').nth(1)?.to_owned();
                known.push((name, holds));
            }
            StepKind::Credential | StepKind::Roles => {}
        }
    }
    known.push(("shared".to_owned(), is_shared));
    // Behind a closed gate neither relations nor rules that permit are asked: without a share no
    // term holds that names them.
    for rule in
        question
            .policy
            .rule_names()
            .chain(["viewer of it", "editor of it", "publisher of it"])
    {
        if !known.iter().any(|it| it.0 == rule) {
            known.push((rule.to_owned(), false));
        }
    }
    Some(known)
}

#[test]
fn every_cell_says_what_is_decided() {
    let (mut conditional, mut plain) = (0, 0);
    for seed in 0..300_u64 {
        let mut random = Random(seed << 32 | 7);
        let world = world(&mut random);
        let table = matrix::of(&world.policy);
        for _ in 0..8 {
            let mut question = question(&world, &mut random);
            let role = *random.pick(&ROLES);
            let has_role = random.below(4) > 0;
            question.subject.roles = has_role.then(|| role.to_owned()).into_iter().collect();
            let subject = world.policy.subject(question.subject.clone()).unwrap();
            let resource = world
                .policy
                .resource("document", question.id, &question.attributes)
                .unwrap();
            let request = Request {
                subject: &subject,
                action: question.action,
                resource: &resource,
                now: question.now,
                facts: &world.facts,
                context: question.context,
            };
            let tenant = question.attributes.get("tenant").and_then(|it| it.as_str());
            let is_foreign = world.policy.has_tenant_gate("document")
                && tenant != question.subject.tenant.as_deref();
            let (Some(_), Some(known)) = (tenant, known(&question, &request, is_foreign)) else {
                continue;
            };
            let column = if has_role { role } else { "signed-in" };
            let column = table.roles.iter().position(|it| it == column).unwrap();
            let of = |is_foreign: bool| {
                table.rows.iter().find(|row| {
                    row.type_name == "document"
                        && row.action == question.action
                        && row.is_foreign == is_foreign
                })
            };
            let row = of(is_foreign).or_else(|| of(false)).unwrap();
            let outcome = world.policy.decide(&request).outcome;
            let told = match &row.cells[column] {
                Cell::Allow => outcome == Outcome::Permit,
                Cell::Deny => outcome != Outcome::Permit,
                Cell::Error => outcome == Outcome::Indeterminate,
                Cell::When(condition) => {
                    conditional += 1;
                    is_met(condition, &known).unwrap() == (outcome == Outcome::Permit)
                }
            };
            plain += 1;
            let of = Reference::new("document", question.id.unwrap());
            assert!(told, "{seed} {of}: {row:?} {known:?} {outcome:?}");
        }
    }
    assert!(conditional > 300 && plain > 1_000, "{conditional} {plain}");
}

/// The cell of a role to read a post, with rules on it beside a role that grants as said.
fn read_by(role: &str, can: &str, rules: &[(&str, usize)], combine: &str) -> String {
    let rules = rules.iter().map(|(effect, at)| {
        format!(
            "  - name: {effect}-{at}\n    {effect}: {{ post: [read] }}\n    when: resource.n == {at} || subject == resource.owner\n"
        )
    });
    let rules: String = rules.collect();
    let text = format!(
        "version: 1\ntypes:\n  user: {{}}\n  post: {{ actions: {{ read: instance }}, attributes: {{ n: int, owner: user }} }}\nroles:\n  viewer: {{ can: {can} }}\n{rules_key}{rules}combine: {combine}\n",
        rules_key = "rules:\n"
    );
    let table = matrix::of(&policy(&text));
    let column = table.roles.iter().position(|it| it == role).unwrap();
    match &table.rows[0].cells[column] {
        Cell::When(condition) => condition.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cell_that_is_not_worked_out_differs_where_its_parts_do() {
    let many: Vec<(&str, usize)> = (0..11).map(|at| ("deny", at)).collect();
    let mut one_permits = many.clone();
    one_permits[4].0 = "permit";
    let cells = [
        read_by("viewer", "{}", &many, "deny-overrides"),
        read_by("viewer", "{ post: [read] }", &many, "deny-overrides"),
        read_by("viewer", "{}", &one_permits, "deny-overrides"),
        read_by("viewer", "{}", &one_permits, "first-applicable"),
    ];
    insta::assert_snapshot!(cells.join("\n"));
    for (at, cell) in cells.iter().enumerate() {
        assert!(!cells[at + 1..].contains(cell), "{cell}");
    }
}

#[test]
fn for_a_visitor_a_rule_that_asks_who_it_is_applies_all_the_same() {
    let of_own = "version: 1
types:
  user: {}
  post: { actions: { read: instance }, attributes: { owner: user } }
roles:
  anyone: { can: { post: [read] } }
rules:
  - name: own
    permit: { post: [read] }
    when: resource.owner == subject
combine: only-one-applicable
";
    let table = matrix::of(&policy(of_own));
    assert_eq!(table.rows[0].cells, [Cell::Error, Cell::Error]);
}
