//! Listings over the joined decision: complete, in one order, page by page, and never otherwise
//! than the decisions.

use authz::{
    Facts, Inquiry, Outcome, Policy, Reference, Request, Subject, SubjectFacts, no_context,
};

use crate::joined::{FACTS, MODEL, POLICY, facts, policy};

/// The facts of `policies/joined`, and twenty documents more.
fn many(policy: &Policy) -> Facts {
    let resources: String = (0..20)
        .map(|index| format!("  document:n{index}: {{ attributes: {{ tenant: acme }} }}\n"))
        .collect();
    let relationships: String = (0..20)
        .filter(|index| index % 3 != 0)
        .map(|index| format!("  - document:n{index}#viewer@user:bob\n"))
        .collect();
    assert!(MODEL.contains("in_region"));
    let text = FACTS.replace(
        "relationships:\n",
        &format!("{resources}relationships:\n{relationships}"),
    );
    facts(policy, &text)
}

fn subject(policy: &Policy, facts: &Facts, name: &str, tenant: &str) -> Subject {
    let given = SubjectFacts {
        reference: Some(format!("user:{name}")),
        signed_in: true,
        tenant: Some(tenant.to_owned()),
        ..SubjectFacts::default()
    };
    policy.subject(facts.complete(given)).unwrap()
}

fn inquiry<'a>(subject: &'a Subject, facts: &'a Facts, action: &'a str) -> Inquiry<'a> {
    Inquiry {
        subject,
        action,
        type_name: "document",
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        facts,
        context: no_context(),
    }
}

fn ids(items: &[Reference]) -> Vec<String> {
    items.iter().map(|it| it.id().to_owned()).collect()
}

#[test]
fn resources_are_listed_page_by_page_whatever_the_size_of_a_page() {
    let policy = policy(POLICY);
    let facts = many(&policy);
    let bob = subject(&policy, &facts, "bob", "acme");
    let inquiry = inquiry(&bob, &facts, "read");
    let whole = policy.list_resources(&inquiry, None, usize::MAX).unwrap();
    assert_eq!(whole.next, None);
    assert_eq!(whole.items.len(), 14, "{:?}", ids(&whole.items));
    assert!(whole.items.is_sorted());
    for limit in [0, 1, 4, 13, 14, 15] {
        let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = policy
                .list_resources(&inquiry, after.as_deref(), limit)
                .unwrap();
            assert!(page.items.len() <= limit.max(1));
            found.extend(page.items);
            pages += 1;
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        assert_eq!(found, whole.items, "{limit}");
        assert_eq!(pages, 14_usize.div_ceil(limit.max(1)), "{limit}");
    }
}

#[test]
fn what_cannot_be_said_is_listed_apart() {
    let policy = policy(POLICY);
    let facts = facts(&policy, FACTS);
    let bob = subject(&policy, &facts, "bob", "globex");
    let page = policy
        .list_resources(&inquiry(&bob, &facts, "update"), None, 10)
        .unwrap();
    assert_eq!(ids(&page.items), Vec::<String>::new());
    let undecided: Vec<&str> = page.undecided.iter().map(|(it, _)| it.id()).collect();
    assert_eq!(undecided, ["wall"]);
    let inquiry = Inquiry {
        type_name: "docment",
        ..inquiry(&bob, &facts, "update")
    };
    assert_eq!(
        policy.list_resources(&inquiry, None, 10).unwrap_err(),
        "unknown type `docment`; did you mean `document`?"
    );
    assert!(policy.residual(inquiry).is_none());
}

#[test]
fn subjects_and_actions_are_listed_as_they_are_decided() {
    let policy = policy(POLICY);
    let facts = facts(&policy, FACTS);
    let attributes = facts
        .attributes_of(&Reference::new("document", "plan"))
        .unwrap();
    let plan = policy
        .resource("document", Some("plan"), attributes)
        .unwrap();
    let nobody = policy.subject(SubjectFacts::default()).unwrap();
    let request = Request {
        subject: &nobody,
        action: "read",
        resource: &plan,
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        facts: &facts,
        context: no_context(),
    };
    let readers = |tenant: Option<&str>| {
        let page = policy
            .list_subjects(&request, ("user", tenant), None, 10)
            .unwrap();
        ids(&page.items)
    };
    // The share lets gina in, and the auditor's role crosses every gate.
    assert_eq!(readers(Some("acme")), ["alice", "gina", "otto", "tess"]);
    assert_eq!(readers(Some("globex")), ["alice", "gina", "otto", "tess"]);
    assert_eq!(readers(None), ["otto"]);
    let alice = subject(&policy, &facts, "alice", "acme");
    let request = Request {
        subject: &alice,
        ..request
    };
    let listed = policy.list_actions(&request);
    let said: Vec<(&str, bool)> = listed
        .iter()
        .map(|it| (it.action.as_str(), it.decision.outcome == Outcome::Permit))
        .collect();
    assert_eq!(
        said,
        [
            ("create", true),
            ("list", true),
            ("read", true),
            ("update", true),
            ("delete", false)
        ]
    );
    let requests = ["read", "delete"].map(|action| Request { action, ..request });
    let batch = policy.decide_all(&requests);
    assert_eq!(batch, requests.map(|it| policy.decide(&it)));
}
