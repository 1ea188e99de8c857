//! The throw-away PostgreSQL: databases apart from each other, and nothing left behind.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use testkit::postgres::Database;

/// How long a cluster may take to end.
const END_MAX: Duration = Duration::from_secs(30);

#[test]
fn each_test_has_a_database_of_its_own() {
    let one = Database::with("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2)");
    let other = Database::new();
    assert_eq!(one.execute("SELECT sum(id) FROM t"), "3\n");
    assert_eq!(other.execute("SELECT to_regclass('t')"), "\n");
    let copy = one.copy();
    one.execute("DELETE FROM t");
    assert_eq!(
        copy.execute("SELECT id, id * 2 FROM t ORDER BY id"),
        "1|2\n2|4\n"
    );
}

#[test]
fn roles_of_one_name_do_not_meet() {
    let (one, other) = (Database::new(), Database::new());
    let (vera, second_vera) = (one.role("vera", "BYPASSRLS"), other.role("vera", ""));
    assert_ne!(vera, second_vera);
    let bypass = format!("SELECT rolbypassrls FROM pg_roles WHERE rolname = '{vera}'");
    assert_eq!(one.execute(&bypass), "t\n");
    assert!(one.url_as(&vera).contains(&format!("{vera}:")));
}

/// Run by the next test, as a process of its own.
#[test]
#[ignore = "waits until it is killed"]
fn a_process_with_a_cluster() {
    let database = Database::new();
    println!("\nport {}", database.port());
    loop {
        thread::park();
    }
}

#[test]
fn a_cluster_ends_with_a_process_that_is_killed() {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--nocapture",
            "--exact",
            "postgres::a_process_with_a_cluster",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let told = lines
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("port ").map(str::to_owned));
    let port: u16 = told.unwrap().parse().unwrap();
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(
            began.elapsed() < END_MAX,
            "the cluster outlives the process"
        );
        thread::yield_now();
    }
}
