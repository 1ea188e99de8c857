//! A compiled condition and the same written by hand as a closure.

use std::hint::black_box;

use authz::condition::{ParameterType, Predicate, Value};

use crate::measure::{Random, Report, sides};

const EVALUATIONS: usize = 5_000;

/// What both sides look at: a struct for the closure, values for the condition.
struct Row {
    amount: i64,
    limit: i64,
    role: String,
    urgent: bool,
    score: f64,
    values: [Option<Value>; 5],
}

/// Measures and prints.
///
/// # Errors
/// A condition of ours is not read, or the two sides do not agree.
pub(crate) fn run() -> anyhow::Result<usize> {
    let mut report = Report::default();
    let one = |row: &Row| row.amount <= row.limit;
    compare(&mut report, "one comparison", "amount <= limit", one)?;
    let three = |row: &Row| {
        row.amount <= row.limit && row.role == "manager" && (row.urgent || row.score > 0.5)
    };
    let text = "amount <= limit && role == \"manager\" && (urgent || score > 0.5)";
    compare(&mut report, "four comparisons", text, three)?;
    let member = |row: &Row| ["manager", "owner"].contains(&row.role.as_str());
    let text = "role in [\"manager\", \"owner\"]";
    compare(&mut report, "membership in a list", text, member)?;
    let sum = |row: &Row| {
        row.amount
            .checked_mul(2)
            .and_then(|it| it.checked_add(10))
            .is_some_and(|it| it < row.limit)
    };
    compare(&mut report, "arithmetic", "amount * 2 + 10 < limit", sum)?;
    Ok(report.missed())
}

fn compare(
    report: &mut Report,
    name: &str,
    text: &str,
    closure: impl Fn(&Row) -> bool,
) -> anyhow::Result<()> {
    let predicate = Predicate::new(
        text,
        [
            ("amount".into(), ParameterType::Int),
            ("limit".into(), ParameterType::Int),
            ("role".into(), ParameterType::String),
            ("urgent".into(), ParameterType::Bool),
            ("score".into(), ParameterType::Double),
        ],
    );
    let predicate = predicate.map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))?;
    for row in rows(1_000) {
        anyhow::ensure!(predicate.holds(&row.values) == Ok(closure(&row)), "{text}");
    }
    let (floor, ours) = sides(
        EVALUATIONS,
        rows,
        |rows| {
            for row in rows {
                black_box(closure(black_box(row)));
            }
        },
        |rows| {
            for row in rows {
                let _ = black_box(predicate.holds(black_box(&row.values)));
            }
        },
    );
    report.at_most(&format!("condition to closure, {name}"), ours / floor, 10.0);
    Report::note("  nanoseconds", &format!("{ours:.1} to {floor:.1}"));
    let rows = rows(2_000);
    let info = allocation_counter::measure(|| {
        for row in &rows {
            let _ = black_box(predicate.holds(&row.values));
        }
    });
    report.at_most("  allocations", info.count_total as f64, 0.0);
    Ok(())
}

fn rows(round: u64) -> Vec<Row> {
    let mut random = Random::new(round);
    let row = |_| {
        let (amount, limit) = (random.below(100) as i64, random.below(200) as i64);
        let role = match random.below(3) {
            0 => "member",
            1 => "manager",
            _ => "owner",
        };
        let (urgent, score) = (random.below(2) == 0, random.below(100) as f64 / 100.0);
        Row {
            amount,
            limit,
            role: role.to_owned(),
            urgent,
            score,
            values: [
                Some(Value::Int(amount)),
                Some(Value::Int(limit)),
                Some(Value::String(role.into())),
                Some(Value::Bool(urgent)),
                Some(Value::Double(score)),
            ],
        }
    };
    (0..EVALUATIONS).map(row).collect()
}
