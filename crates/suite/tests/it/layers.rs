//! Layers that disagree, found in the cells of a run.

use authz::source::Place;
use suite::event::{CellRecord, Change, Clash, Disagreement, Drift, DriftCounts, ExpectedRecord};
use suite::event::{Event, LayerCounts, RowRecord, Summary};
use suite::layers::Layers;
use suite::verdict::{Access, Verdict};

fn place() -> Place {
    Place {
        file: "lockstep.yaml".into(),
        span: 0..0,
        line: 7,
        column: 3,
    }
}

/// `vic/post.delete/vera/api rows held allowed`: a cell, what is expected of it, and what became of it.
fn cell(line: &str) -> CellRecord {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, what, verdict, access] = words[..] else {
        panic!("{line}");
    };
    let parts: Vec<&str> = name.split('/').collect();
    let (owner, situation) = match parts[..] {
        [_, _, owner, situation, _] => (Some(owner), Some(situation)),
        [_, _, owner, _] => (Some(owner), None),
        _ => (None, None),
    };
    CellRecord {
        cell: name.to_owned(),
        actor: parts[0].to_owned(),
        caller: None,
        action: parts[1].to_owned(),
        owner: owner.map(str::to_owned),
        situation: situation.map(str::to_owned),
        target: (*parts.last().unwrap()).to_owned(),
        verdict: Verdict::ALL
            .into_iter()
            .find(|it| it.word() == verdict)
            .unwrap(),
        access: match access {
            "allowed" => Access::Allowed,
            "denied" => Access::Denied,
            _ => Access::Unknown,
        },
        expected: ExpectedRecord {
            what: what.to_owned(),
            denial: None,
            reason: format!("the reason of {name}"),
            place: None,
        },
        observed: format!("what {name} observed"),
        because: None,
        place: place(),
        control: None,
        effect_seen: None,
        curl: None,
        rows: Vec::new(),
        exchanges: Vec::new(),
        duration_ms: 1,
    }
}

fn found(cells: &[CellRecord]) -> (Vec<Disagreement>, Option<LayerCounts>) {
    let mut layers = Layers::default();
    cells.iter().for_each(|cell| layers.judged(cell));
    let mut summary = Summary::default();
    let found = layers.finish(&mut summary);
    (found, summary.layers)
}

/// `bypass vic/post.delete db > api`: what was found, the weaker layers first.
fn told(lines: &[&str]) -> Vec<String> {
    told_of(&lines.iter().map(|line| cell(line)).collect::<Vec<_>>())
}

fn told_of(cells: &[CellRecord]) -> Vec<String> {
    let (found, _) = found(cells);
    let backwards: Vec<CellRecord> = cells.iter().rev().cloned().collect();
    assert_eq!(
        self::found(&backwards).0,
        found,
        "the order of cells is no matter"
    );
    found
        .iter()
        .map(|it| {
            let denies: Vec<&str> = it.denies.iter().map(|side| &*side.target).collect();
            let (word, weaker) = (it.clash.word(), it.weaker.join(" "));
            format!("{word} {} {weaker} > {}", it.name, denies.join(" "))
        })
        .collect()
}

#[test]
fn calls_on_the_same_resource_are_held_against_each_other() {
    let cases: [(&[&str], &[&str]); 9] = [
        // Both as the policy says.
        (
            &[
                "vic/post.delete/vera/api deny held denied",
                "vic/post.delete/vera/web deny held denied",
            ],
            &[],
        ),
        // Whichever of two is the weaker.
        (
            &[
                "vic/post.delete/vera/api deny held denied",
                "vic/post.delete/vera/web deny escalation allowed",
            ],
            &["bypass vic/post.delete/vera web > api"],
        ),
        (
            &[
                "vic/post.delete/vera/api deny escalation allowed",
                "vic/post.delete/vera/web deny held denied",
            ],
            &["bypass vic/post.delete/vera api > web"],
        ),
        (
            &[
                "ada/post.delete/vera/api allow held allowed",
                "ada/post.delete/vera/web allow lockout denied",
            ],
            &["lockout ada/post.delete/vera api > web"],
        ),
        // Both wrong in the same way: they agree.
        (
            &[
                "vic/post.delete/vera/api deny escalation allowed",
                "vic/post.delete/vera/web deny escalation allowed",
            ],
            &[],
        ),
        // With a leak, and refused all the same.
        (
            &[
                "vic/post.delete/vera/api deny leak denied",
                "vic/post.delete/vera/web deny escalation allowed",
                "vic/post.delete/vera/old deny held denied",
            ],
            &["bypass vic/post.delete/vera web > api old"],
        ),
        // Of the resources of two owners nothing follows for one another.
        (
            &[
                "vic/post.delete/vera/api deny held denied",
                "vic/post.delete/oscar/web deny escalation allowed",
            ],
            &[],
        ),
        // Nor from what is not established, or was not to be decided.
        (
            &[
                "vic/post.delete/vera/api deny inconclusive unknown",
                "vic/post.delete/vera/web deny escalation allowed",
            ],
            &[],
        ),
        (
            &[
                "vic/post.delete/vera/body=malformed/api deny held denied",
                "vic/post.delete/vera/web deny escalation allowed",
            ],
            &[],
        ),
    ];
    for (cells, expected) in cases {
        assert_eq!(told(cells), expected, "{cells:?}");
    }
}

/// A cell that is decided row by row, with what became of the rows of fixtures: `vera deny denied, oscar deny allowed`.
fn of_rows(line: &str, rows: &str) -> CellRecord {
    let rows = rows.split(", ").map(|row| {
        let words: Vec<&str> = row.split_whitespace().collect();
        RowRecord {
            owner: Some(words[0].to_owned()),
            key: format!("{}-7", words[0]),
            permitted: words[1] == "allow",
            access: match words[2] {
                "allowed" => Access::Allowed,
                _ => Access::Denied,
            },
        }
    });
    CellRecord {
        rows: rows.collect(),
        ..cell(line)
    }
}

/// Whatever else it reaches: the row is the resource that the call was tried on.
#[test]
fn a_statement_on_all_rows_is_held_against_calls_row_by_row() {
    let api = ["oscar", "vera"]
        .map(|owner| cell(&format!("vic/post.delete/{owner}/api deny held denied")));
    let beside =
        |line: &str, rows: &str| told_of(&[api[0].clone(), api[1].clone(), of_rows(line, rows)]);
    let held = "vic/post.delete/db rows held denied";
    let broken = "vic/post.delete/db rows escalation allowed";
    let none: [&str; 0] = [];
    assert_eq!(beside(held, "vera deny denied, oscar deny denied"), none);
    assert_eq!(
        beside(broken, "vera deny allowed, oscar deny denied"),
        ["bypass vic/post.delete/vera db > api"]
    );
    // It reaches another row, and that row no call was tried on.
    assert_eq!(beside(broken, "vera deny denied, oscar deny denied"), none);
    // For the database, it is the row of somebody else.
    assert_eq!(
        beside(broken, "vera allow allowed, oscar deny denied"),
        none
    );
    assert_eq!(told_of(&[api[0].clone(), cell(broken)]), none);

    let own = cell("ada/post.delete/vera/api allow held allowed");
    let locked = of_rows(
        "ada/post.delete/db rows lockout denied",
        "vera allow denied",
    );
    assert_eq!(
        told_of(&[own, locked]),
        ["lockout ada/post.delete/vera api > db"]
    );
    let (found, _) = found(&[api[1].clone(), of_rows(broken, "vera deny allowed")]);
    assert_eq!(
        found[0].allows[0].observed,
        "row vera-7 is reached; what vic/post.delete/db observed"
    );
    assert_eq!(found[0].expected, api[1].expected);
}

#[test]
fn only_actions_with_several_layers_count() {
    let one = cell("vic/post.read/api deny held denied");
    let (found, counts) = found(&[
        CellRecord {
            cell: "vic/post.read/vera".to_owned(),
            ..one.clone()
        },
        one,
    ]);
    assert_eq!((found.len(), counts), (0, None));
}

#[test]
fn it_is_counted_how_many_could_be_compared() {
    let lines = [
        "vic/post.delete/vera/api deny held denied",
        "vic/post.delete/vera/web deny held denied",
        "vic/post.update/vera/api deny held denied",
        "vic/post.update/vera/web deny escalation allowed",
        // A part of a run that has seen one of both.
        "vic/post.read/vera/api allow held allowed",
        "vic/post.read/vera/web allow inconclusive unknown",
    ];
    let (_, counts) = found(&lines.map(cell));
    let expected = LayerCounts {
        compared: 2,
        disagreements: 1,
    };
    assert_eq!(counts, Some(expected));
}

/// Its fingerprint is the same from run to run, whatever was observed, and another one the other way round.
#[test]
fn a_fingerprint_is_that_of_layers_and_of_nothing_else() {
    let print = |lines: [&str; 2], observed: &str| {
        let cells = lines.map(|line| CellRecord {
            observed: observed.to_owned(),
            ..cell(line)
        });
        found(&cells).0[0].fingerprint.clone()
    };
    let weak_db = [
        "vic/post.delete/vera/api deny held denied",
        "vic/post.delete/vera/db deny escalation allowed",
    ];
    let weak_api = [
        "vic/post.delete/vera/api deny escalation allowed",
        "vic/post.delete/vera/db deny held denied",
    ];
    assert_eq!(print(weak_db, "403"), print(weak_db, "404"));
    assert_ne!(print(weak_db, "403"), print(weak_api, "403"));
    assert_eq!(print(weak_db, "403"), "0f4ee742e1f55dba");
}

/// Where nothing is expected, the layers disagree until somebody has accepted what they allow.
#[test]
fn what_nobody_expects_is_decided_by_the_baseline() {
    let lines = [
        "vic/post.delete/vera/api ? inconclusive allowed",
        "vic/post.delete/vera/db ? inconclusive denied",
    ];
    let run = |has_baseline: bool, added: &[&str]| {
        let mut layers = Layers::default();
        let mut events: Vec<Event> = lines
            .map(|line| Event::CellJudged(Box::new(cell(line))))
            .into();
        events.extend(added.iter().map(|cell| {
            Event::Drift(Drift {
                change: Change::Added,
                cell: (*cell).to_owned(),
                reason: String::new(),
                place: place(),
            })
        }));
        events.push(Event::RunFinished(Summary {
            drift: has_baseline.then(DriftCounts::default),
            ..Summary::default()
        }));
        let told = events.into_iter().flat_map(|event| layers.follow(event));
        let told: Vec<Event> = told.collect();
        let Some(Event::RunFinished(end)) = told.last() else {
            panic!("{told:?}");
        };
        let clashes = told.iter().filter_map(|event| match event {
            Event::Disagreement(it) => Some(it.clash),
            _ => None,
        });
        (clashes.collect::<Vec<_>>(), end.fails())
    };
    assert_eq!(run(false, &[]), (vec![Clash::Undecided], true));
    let new = ["vic/post.delete/vera/api"];
    assert_eq!(run(true, &new), (vec![Clash::Undecided], true));
    assert_eq!(run(true, &[]), (Vec::new(), false));
}
