use super::{LINES_SHOWN, Order, stat, telling};

fn parse(words: &str) -> Result<Order, String> {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    Order::parse(&words).map_err(|error| format!("{error:#}"))
}

#[test]
fn an_order_is_read() {
    let order = |targets: &[&str], seconds, seed| Order {
        targets: targets.iter().map(|&name| name.to_owned()).collect(),
        seconds,
        seed,
    };
    assert_eq!(parse(""), Ok(order(&[], 60, 0)));
    assert_eq!(
        parse("policy --seconds 10 suite --seed 3"),
        Ok(order(&["policy", "suite"], 10, 3))
    );
    assert_eq!(
        parse("--seconds"),
        Err("`--seconds` needs a number".to_owned())
    );
    assert_eq!(
        parse("--fast"),
        Err("there is no option `--fast`".to_owned())
    );
    assert!(parse("--seconds 0").is_err());
    assert!(parse("--seconds soon").is_err());
}

#[test]
fn what_a_target_did_is_read_from_its_end() {
    let log = "stat::peak_rss_mb: 1\nDone\nstat::number_of_executed_units: 7969\nstat::peak_rss_mb:  42\n";
    assert_eq!(stat(log, "number_of_executed_units"), 7_969);
    assert_eq!(stat(log, "peak_rss_mb"), 42);
    assert_eq!(stat("died at once", "peak_rss_mb"), 0);
}

#[test]
fn of_a_failure_what_it_panicked_about_is_shown() {
    let log = "INFO: Seed: 1\nthread panicked at x.rs:1:\nno\nSUMMARY\n";
    let shown: Vec<&str> = telling(log).collect();
    assert_eq!(shown, ["thread panicked at x.rs:1:", "no", "SUMMARY"]);
    let long = "line\n".repeat(100) + "SUMMARY: timeout\n";
    assert_eq!(telling(&long).count(), LINES_SHOWN);
    assert_eq!(telling(&long).last(), Some("SUMMARY: timeout"));
}
