//! Witnesses of denials and paths of permits, held against the evaluator and, for small sets, against
//! every set of facts that there is.

use authz::{Facts, Outcome, Reference, Relationship, Request};
use authz_analysis::witness::{Fact, Question, Side, Why, explain};
use serde_json::json;

use crate::worlds::{ROLES, Random, question, relationships, world};

/// What the policy says of the question with some facts more, and without some.
fn outcome(question: &Question<'_>, more: &[&Fact], less: &[&Fact]) -> Outcome {
    let (policy, mut subject) = (question.policy, question.subject.clone());
    let mut attributes = question.attributes.clone();
    let mut facts = question.facts.clone();
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    let of = Reference::new(question.type_name, question.id.unwrap());
    for (fact, is_more) in more
        .iter()
        .map(|it| (it, true))
        .chain(less.iter().map(|it| (it, false)))
    {
        match (fact, is_more) {
            (Fact::Relationship(fact), true) => added.push(fact),
            (Fact::Relationship(fact), false) => removed.push(fact),
            (Fact::Role { role, .. }, true) => subject.roles.push(role.clone()),
            (Fact::Role { role, .. }, false) => subject.roles.retain(|it| it != role),
            (Fact::Share { with, action, .. }, true) => {
                facts = facts.with_share(policy, &of, with, action).unwrap();
            }
            (Fact::Share { .. }, false) => facts = facts.without_shares_of(&of),
            (
                Fact::Attribute {
                    side, name, value, ..
                },
                _,
            ) => {
                let attributes = match side {
                    Side::Subject => &mut subject.attributes,
                    Side::Resource => &mut attributes,
                };
                match is_more {
                    true => attributes.insert(name.clone(), value.clone()),
                    false => attributes.remove(name),
                };
            }
        }
    }
    let facts: Facts = facts.with_changed(policy, &added, &removed).unwrap();
    let subject = policy.subject(subject).unwrap();
    let resource = policy
        .resource(question.type_name, question.id, &attributes)
        .unwrap();
    let request = Request {
        subject: &subject,
        action: question.action,
        resource: &resource,
        now: question.now,
        facts: &facts,
        context: question.context,
    };
    policy.decide(&request).outcome
}

fn permits(question: &Question<'_>, more: &[&Fact]) -> bool {
    outcome(question, more, &[]) == Outcome::Permit
}

/// Everything that could be added, told by hand.
fn universe(question: &Question<'_>) -> Vec<Fact> {
    let subject = question.subject.reference.clone().unwrap();
    let of = Reference::new(question.type_name, question.id.unwrap());
    let relationships = relationships().into_iter();
    let relationships =
        relationships.map(|it| Fact::Relationship(it.parse::<Relationship>().unwrap()));
    let roles = ROLES.iter().map(|role| Fact::Role {
        subject: subject.clone(),
        role: (*role).to_owned(),
        tenant: question.subject.tenant.clone(),
    });
    let mut all: Vec<Fact> = relationships.chain(roles).collect();
    if question.policy.may_share("document", question.action) {
        all.push(Fact::Share {
            resource: of.clone(),
            with: question.subject.tenant.clone().unwrap(),
            action: question.action.to_owned(),
        });
    }
    let resource = [
        ("owner", json!(subject)),
        ("owner", json!("user:zoe")),
        ("locked", json!(true)),
        ("locked", json!(false)),
    ];
    let of_resource = |(name, value): (&str, serde_json::Value)| Fact::Attribute {
        side: Side::Resource,
        of: of.to_string(),
        name: name.to_owned(),
        value,
    };
    all.extend(resource.into_iter().map(of_resource));
    if !question.attributes.contains_key("tenant") {
        all.push(of_resource(("tenant", json!(question.subject.tenant))));
    }
    for value in ["news", "legal", "sales"] {
        all.push(of_resource(("department", json!(value))));
        all.push(Fact::Attribute {
            side: Side::Subject,
            of: subject.clone(),
            name: "department".to_owned(),
            value: json!(value),
        });
    }
    all
}

/// Whether both are the same fact, or values of the same attribute: of these, one is told.
fn is_same_but_for_value(one: &Fact, other: &Fact) -> bool {
    match (one, other) {
        (
            Fact::Attribute { side, name, .. },
            Fact::Attribute {
                side: other_side,
                name: other_name,
                ..
            },
        ) => side == other_side && name == other_name,
        _ => one == other,
    }
}

/// The questions of random worlds, with what is told of them.
fn each(worlds: u64, tell: &mut dyn FnMut(&Question<'_>, &Why)) {
    for seed in 0..worlds {
        let mut random = Random(seed << 32);
        let world = world(&mut random);
        for _ in 0..6 {
            let question = question(&world, &mut random);
            let why = explain(&question, true).unwrap();
            tell(&question, &why);
        }
    }
}

#[test]
fn the_witness_of_a_denial_turns_it_and_no_part_of_it_does() {
    let (mut denials, mut sizes, mut unproven) = (0, [0; 5], 0);
    each(330, &mut |question, why| {
        if permits(question, &[]) {
            assert!(why.witnesses.is_empty());
            return;
        }
        denials += 1;
        let size = why.witnesses.first().map_or(0, |it| it.facts.len());
        sizes[size] += 1;
        unproven += usize::from(size == 0 && !why.is_complete);
        for witness in &why.witnesses {
            assert_eq!(witness.facts.len(), size);
            for chosen in 0..1_usize << size {
                let part = witness.facts.iter().enumerate();
                let part = part.filter(|(index, _)| chosen >> index & 1 == 1);
                let part: Vec<&Fact> = part.map(|(_, fact)| fact).collect();
                let turns = permits(question, &part);
                assert_eq!(turns, part.len() == size, "{part:?} of {witness:?}");
            }
        }
    });
    assert!(denials >= 1_000, "{denials}");
    // Of the others it is proven that there is none of four facts or fewer.
    assert!(unproven * 20 < denials, "{unproven} of {denials} gave up");
    // Of every size there are some, and some denials that nothing turns.
    assert!(sizes.iter().take(4).all(|&count| count >= 10), "{sizes:?}");
}

#[test]
fn no_smaller_set_turns_a_denial_and_none_of_the_smallest_is_left_out() {
    let mut looked_at = [0; 3];
    each(15, &mut |question, why| {
        if permits(question, &[]) {
            return;
        }
        let all = universe(question);
        let single: Vec<&Fact> = all
            .iter()
            .filter(|fact| permits(question, &[fact]))
            .collect();
        let told: Vec<&Fact> = why.witnesses.iter().flat_map(|it| &it.facts).collect();
        let size = why.witnesses.first().map_or(0, |it| it.facts.len());
        if size == 1 || !single.is_empty() {
            looked_at[1] += 1;
            assert_eq!(size, 1, "{single:?}");
            let left_out = single
                .iter()
                .find(|it| !told.iter().any(|told| is_same_but_for_value(told, it)));
            assert_eq!(left_out, None, "told: {told:?}");
            return;
        }
        let pairs = all.iter().enumerate();
        let mut pairs =
            pairs.flat_map(|(index, one)| all[..index].iter().map(move |two| [one, two]));
        let pair = pairs.find(|pair| permits(question, pair));
        looked_at[usize::from(size == 2) * 2] += 1;
        assert_eq!(pair.is_some(), size == 2, "{pair:?}, told {told:?}");
    });
    assert!(looked_at.iter().all(|&count| count >= 5), "{looked_at:?}");
}

#[test]
fn without_its_facts_a_path_is_none_and_without_a_fact_of_each_nothing_permits() {
    let (mut paths, mut cuts) = (0, 0);
    each(250, &mut |question, why| {
        if !permits(question, &[]) {
            assert!(why.paths.is_empty());
            return;
        }
        assert!(!why.paths.is_empty() && why.is_complete, "{question:?}");
        for path in &why.paths {
            let others = others(question, &path.facts);
            let alone = outcome(question, &[], &others.iter().collect::<Vec<_>>());
            assert_eq!(alone, Outcome::Permit, "{path:?} alone");
            for fact in &path.facts {
                paths += 1;
                let less = without(question, fact);
                let again = explain(&less, true).unwrap();
                let still = again.paths.iter().any(|it| it.facts == path.facts);
                assert!(!still, "{path:?} without {fact}");
            }
        }
        if why.paths.iter().all(|path| !path.facts.is_empty()) {
            cuts += 1;
            for cut in [0, 1] {
                let of_each = why.paths.iter();
                let cut: Vec<&Fact> = of_each.map(|it| &it.facts[cut % it.facts.len()]).collect();
                let after = outcome(question, &[], &cut);
                assert_ne!(after, Outcome::Permit, "{cut:?} of {:?}", why.paths);
            }
        }
    });
    assert!(paths >= 300 && cuts >= 150, "{paths} {cuts}");
}

/// All relationships, roles and shares but these.
fn others(question: &Question<'_>, but: &[Fact]) -> Vec<Fact> {
    let relationships = relationships().into_iter();
    let relationships = relationships.map(|it| Fact::Relationship(it.parse().unwrap()));
    let subject = question.subject.reference.clone().unwrap();
    let roles = question.subject.roles.iter().map(|role| Fact::Role {
        subject: subject.clone(),
        role: role.clone(),
        tenant: question.subject.tenant.clone(),
    });
    let share = Fact::Share {
        resource: Reference::new(question.type_name, question.id.unwrap()),
        with: question.subject.tenant.clone().unwrap(),
        action: question.action.to_owned(),
    };
    let all = relationships.chain(roles).chain([share]);
    all.filter(|fact| !but.contains(fact)).collect()
}

/// The question without a fact.
fn without<'a>(question: &Question<'a>, fact: &Fact) -> Question<'a> {
    let mut less = question.clone();
    match fact {
        Fact::Relationship(fact) => {
            let facts = less.facts.with_changed(less.policy, &[], &[fact]).unwrap();
            less.facts = Box::leak(Box::new(facts));
        }
        Fact::Role { role, .. } => less.subject.roles.retain(|it| it != role),
        Fact::Share { resource, .. } => {
            less.facts = Box::leak(Box::new(less.facts.without_shares_of(resource)));
        }
        Fact::Attribute { side, name, .. } => {
            match side {
                Side::Subject => less.subject.attributes.remove(name),
                Side::Resource => less.attributes.remove(name),
            };
        }
    }
    less
}
