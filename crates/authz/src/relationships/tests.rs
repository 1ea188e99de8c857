//! The index against a plain set, and what snapshots share.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Relationship, Store};

fn fact(text: &str) -> Relationship {
    text.parse().unwrap()
}

fn shown(facts: impl Iterator<Item = Relationship>) -> Vec<String> {
    let mut texts: Vec<String> = facts.map(|fact| fact.to_string()).collect();
    texts.sort();
    texts
}

#[test]
fn a_fact_is_printed_as_it_was_read() {
    for text in [
        "doc:1#viewer@user:ann",
        "doc:a@b#viewer@user:ann@x.com",
        "folder/sub:1#viewer@group/x:eng#member",
        "doc:1#viewer@user:*[late:{\"limit\":3,\"names\":[\"]\"]}]",
        "doc:1#viewer@user:ann[late][from:2027-01-01T00:00:00Z][expiration:2027-02-01T00:00:00Z]",
    ] {
        assert_eq!(fact(text).to_string(), text);
    }
    assert_eq!(
        fact("doc:1#viewer@user:ann#..."),
        fact("doc:1#viewer@user:ann")
    );
    for text in [
        "",
        "doc:1",
        "doc:1#viewer",
        "doc#viewer@user:ann",
        "doc:1#@user:ann",
        "doc:1#viewer@user",
        ":1#viewer@user:a",
        "doc:1#viewer@user:*#member",
        "doc:1#viewer@user:ann[",
        "doc:1#viewer@user:ann[a:1]",
        "doc:1#viewer@user:ann[a][b]",
        "doc:1#viewer@user:ann[expiration:soon]",
        "doc:1#viewer@a:b:c",
        "doc:1#viewer@user:a b",
        "doc:1#viewer@user:ann[a]x",
    ] {
        assert!(text.parse::<Relationship>().is_err(), "{text}");
    }
}

#[test]
fn a_reader_keeps_its_snapshot() {
    let mut store = Store::new();
    store.write(&fact("doc:1#viewer@user:ann"));
    let before = store.snapshot();
    store.write(&fact("doc:1#viewer@user:bob"));
    store.write(&fact("doc:1#viewer@user:ann[late]"));
    store.delete(
        &fact("doc:1#viewer@user:bob").object,
        "viewer",
        &fact("doc:1#viewer@user:bob").subject,
    );
    store.write(&fact(
        "doc:2#viewer@user:eve[expiration:2027-02-01T00:00:00Z]",
    ));
    assert_eq!(shown(before.relationships()), ["doc:1#viewer@user:ann"]);
    assert_eq!((before.revision(), before.len()), (1, 1));
    let now = store.snapshot();
    assert_eq!(
        shown(now.relationships()),
        [
            "doc:1#viewer@user:ann[late]",
            "doc:2#viewer@user:eve[expiration:2027-02-01T00:00:00Z]"
        ]
    );
    assert_eq!((now.revision(), now.len()), (5, 2));
}

#[test]
fn a_group_of_thousands_is_kept_sorted_in_chunks() {
    let mut store = Store::new();
    for number in 0..5_000 {
        let number = number * 7_919 % 5_000;
        assert!(store.write(&fact(&format!("group:all#member@user:{number}"))));
    }
    let full = store.snapshot();
    for number in (0..5_000).step_by(2) {
        let fact = fact(&format!("group:all#member@user:{number}"));
        assert!(store.delete(&fact.object, "member", &fact.subject));
        assert!(!store.delete(&fact.object, "member", &fact.subject));
    }
    assert_eq!((full.len(), full.relationships().count()), (5_000, 5_000));
    let half = store.snapshot();
    assert_eq!((half.len(), half.relationships().count()), (2_500, 2_500));
    for number in 0..5_000 {
        let fact = fact(&format!("group:all#member@user:{number}"));
        let found = store.find(&fact.object, "member", &fact.subject);
        assert_eq!(found.is_some(), number % 2 == 1);
    }
}

#[test]
fn what_is_loaded_at_once_is_what_is_written_one_by_one() {
    let mut texts: Vec<String> = (0..3_000)
        .map(|number| match number % 5 {
            0 => format!("group:all#member@user:{number}"),
            1 => format!("group:{}#member@group:all#member", number % 50),
            2 => format!("doc:{}#viewer@user:*", number % 70),
            3 => format!("doc:{}#viewer@user:a[late:{{\"x\":{number}}}]", number % 90),
            _ => format!("doc:{}#viewer@user:{}", number % 70, number % 11),
        })
        .collect();
    texts.push("doc:3#viewer@user:a".to_owned());
    let mut written = Store::new();
    for text in &texts {
        written.write(&fact(text));
    }
    let mut loaded = Store::from_texts(texts.iter().map(String::as_str)).unwrap();
    for text in ["doc:new#viewer@user:b", "group:all#member@user:b"] {
        assert!(written.write(&fact(text)) && loaded.write(&fact(text)));
    }
    let (written, loaded) = (written.snapshot(), loaded.snapshot());
    assert_eq!(loaded.len(), written.len());
    assert_eq!(loaded.revision(), written.revision());
    assert_eq!(
        shown(loaded.relationships()),
        shown(written.relationships())
    );
    let mistakes = Store::from_texts(["doc:1#viewer@user:a", "doc:1", "doc:1#viewer@user:a[x"]);
    let mistakes = mistakes.unwrap_err();
    assert_eq!(mistakes.iter().map(|it| it.0).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_reader_keeps_its_snapshot_while_pages_are_listed_anew() {
    let mut store = Store::new();
    let text = |number: usize| format!("doc:{number}#viewer@user:{}", number % 40);
    let mut kept = Vec::new();
    for number in 0..4_000 {
        store.write(&fact(&text(number)));
        if number % 500 == 0 {
            kept.push((number + 1, store.snapshot()));
        }
    }
    for (count, snapshot) in kept {
        let mut expected: Vec<String> = (0..count).map(text).collect();
        expected.sort();
        assert_eq!(shown(snapshot.relationships()), expected);
    }
}

#[test]
fn stores_that_were_one_go_their_own_ways() {
    let text = |number: usize| format!("doc:{number}#viewer@user:{}", number % 40);
    let loaded: Vec<String> = (0..2_000).map(text).collect();
    let mut left = Store::from_texts(loaded.iter().map(String::as_str)).unwrap();
    let mut right = left.clone();
    let before = left.snapshot();
    for number in 0..1_500 {
        left.write(&fact(&format!("doc:{number}#viewer@user:left{number}")));
        right.write(&fact(&format!("doc:{}#viewer@user:right", number * 2)));
    }
    drop(right.clone());
    let with = |more: &dyn Fn(usize) -> String| {
        let mut all = loaded.clone();
        all.extend((0..1_500).map(more));
        all.sort();
        all
    };
    let of = |store: &Store| shown(store.snapshot().relationships());
    let left_wrote = |number: usize| format!("doc:{number}#viewer@user:left{number}");
    let right_wrote = |number: usize| format!("doc:{}#viewer@user:right", number * 2);
    assert_eq!(of(&left), with(&left_wrote));
    assert_eq!(of(&right), with(&right_wrote));
    let mut all = loaded.clone();
    all.sort();
    assert_eq!(shown(before.relationships()), all);
}

#[test]
fn conditions_stay_with_their_facts_in_long_rows() {
    let base = |number: usize| format!("group:all#member@user:{number}");
    let text = |number: usize| match number % 3 {
        0 => format!("{}[late:{{\"x\":{number}}}]", base(number)),
        _ => base(number),
    };
    let mut store = Store::new();
    let mut expected = BTreeMap::new();
    for step in 0..6_000 {
        let number = step * 7_919 % 6_000;
        store.write(&fact(&text(number)));
        expected.insert(base(number), text(number));
        if step % 5 == 0 {
            let gone = fact(&base(number / 2));
            store.delete(&gone.object, "member", &gone.subject);
            expected.remove(&base(number / 2));
        }
    }
    let mut expected: Vec<String> = expected.into_values().collect();
    let loaded = Store::from_texts(expected.iter().map(String::as_str)).unwrap();
    for store in [store, loaded] {
        for text in &expected {
            let wanted = fact(text);
            let found = store.find(&wanted.object, "member", &wanted.subject);
            assert_eq!(found, Some(wanted));
        }
        expected.sort();
        assert_eq!(shown(store.snapshot().relationships()), expected);
    }
}

#[test]
fn each_snapshot_knows_the_names_of_its_time() {
    let text = |number: usize| format!("doc:{number}#viewer@user:u{number}");
    let mut store = Store::new();
    let mut kept = Vec::new();
    for number in 0..6_000 {
        store.write(&fact(&text(number)));
        if number % 1_500 == 700 {
            kept.push((number + 1, store.snapshot()));
        }
    }
    for (count, snapshot) in kept {
        let doc = snapshot.symbol("doc").unwrap();
        let mut numbers: Vec<u32> = (0..count)
            .map(|number| snapshot.find_symbol(doc, &number.to_string()).unwrap())
            .collect();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
        assert!(snapshot.find_symbol(doc, &count.to_string()).is_none());
        assert!(snapshot.find_symbol(doc, "u1").is_none());
    }
}

proptest! {
    #[test]
    fn the_index_holds_what_was_written(writes in proptest::collection::vec((0..3u8, 0..40u8, 0..3u8, 0..40u8, 0..3u8), 0..300)) {
        let mut store = Store::new();
        let mut plain: BTreeMap<String, String> = BTreeMap::new();
        let mut old = Vec::new();
        let half = writes.len() / 2;
        for (step, (kind, object, relation, subject, extra)) in writes.into_iter().enumerate() {
            // The other half is written to facts that were loaded.
            if step == half {
                store = Store::from_texts(plain.values().map(String::as_str)).unwrap();
            }
            let base = format!("doc:{object}#r{relation}@user:{subject}{}", if extra == 2 { "#m" } else { "" });
            let text = if extra == 1 { format!("{base}[c{relation}:{{\"x\":{subject}}}]") } else { base.clone() };
            let found = fact(&text);
            if kind == 0 {
                let was = plain.remove(&base).is_some();
                prop_assert_eq!(store.delete(&found.object, &found.relation, &found.subject), was);
            } else {
                let was = plain.insert(base, text.clone());
                prop_assert_eq!(store.write(&found), was.as_ref() != Some(&text));
            }
            if old.len() < 5 || (step > half && old.len() < 10) {
                old.push((store.snapshot(), plain.values().cloned().collect::<Vec<_>>()));
            }
        }
        old.push((store.snapshot(), plain.values().cloned().collect()));
        for (snapshot, mut facts) in old {
            facts.sort();
            prop_assert_eq!(snapshot.len(), facts.len());
            prop_assert_eq!(shown(snapshot.relationships()), facts);
        }
    }
}
