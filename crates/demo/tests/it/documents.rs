//! The documents of the system say what is there: the OpenAPI of both services, and the table of faults.

use std::collections::BTreeSet;

use demo::Fault;
use serde_json::Value;

use crate::client::Client;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The unit tests compare the paths; here every method of every path is tried, documented or not.
#[tokio::test]
async fn openapi_lists_exactly_the_methods_of_each_path() {
    let client = Client::start(&[]).await;
    for service in ["ACCOUNTS_URL", "POSTS_URL"] {
        let document = client
            .send_to(service, "GET", "/openapi.json", None, &Value::Null)
            .await;
        assert_eq!(document.headers["content-type"], "application/json");
        let document = document.json();
        assert_eq!(document["openapi"], "3.1.0");
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in METHODS {
                let upper = method.to_uppercase();
                let answer = client
                    .send_to(service, &upper, path, None, &Value::Null)
                    .await;
                let is_there = answer.status != 405;
                assert_eq!(
                    is_there,
                    item.get(method).is_some(),
                    "{upper} {path}: {answer:?}"
                );
            }
        }
    }
}

/// Whether a session is needed is as the document says: without one, 401 or not.
#[tokio::test]
async fn openapi_says_which_operations_are_open() {
    let client = Client::start(&[]).await;
    let mut operation_ids = BTreeSet::new();
    for service in ["ACCOUNTS_URL", "POSTS_URL"] {
        let document = client
            .send_to(service, "GET", "/openapi.json", None, &Value::Null)
            .await
            .json();
        for (path, item) in document["paths"].as_object().unwrap() {
            let operations = item.as_object().unwrap().iter();
            for (method, operation) in operations.filter(|(key, _)| METHODS.contains(&key.as_str()))
            {
                let is_open = operation["security"] == Value::Array(Vec::new());
                let upper = method.to_uppercase();
                let answer = client
                    .send_to(service, &upper, path, None, &Value::Null)
                    .await;
                assert_eq!(answer.status != 401, is_open, "{upper} {path}: {answer:?}");
                let id = operation["operationId"].as_str().unwrap();
                assert!(operation_ids.insert((service, id.to_owned())), "{id} twice");
            }
        }
    }
}

/// Every schema and every answer that a document refers to stands in it.
#[tokio::test]
async fn every_reference_of_openapi_leads_somewhere() {
    let client = Client::start(&[]).await;
    for service in ["ACCOUNTS_URL", "POSTS_URL"] {
        let answer = client
            .send_to(service, "GET", "/openapi.json", None, &Value::Null)
            .await;
        let document = answer.json();
        let references: Vec<&str> = answer.body.split("\"#").skip(1).collect();
        assert!(!references.is_empty());
        for reference in references {
            let (pointer, _) = reference.split_once('"').unwrap();
            assert!(document.pointer(pointer).is_some(), "{service} {pointer}");
        }
    }
}

#[test]
fn the_table_of_faults_lists_every_fault_once() {
    let verdicts = [
        "escalation",
        "lockout",
        "leak",
        "side effect",
        "wrong denial",
        "inconclusive",
    ];
    let rows: Vec<Vec<&str>> = include_str!("../../FAULTS.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::trim).collect())
        .skip_while(|row: &Vec<&str>| row[0] != "fault")
        .skip(1)
        .take_while(|row| row[0] != "trap")
        .collect();
    let mut names: Vec<String> = rows
        .iter()
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect();
    // One that is found with several verdicts has a row for each.
    names.dedup();
    assert_eq!(names, Fault::ALL.map(|fault| fault.name().to_owned()));
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(verdicts.contains(&row[2]), "{row:?}");
    }
}

#[test]
fn a_fault_is_found_by_its_name() {
    for fault in Fault::ALL {
        assert_eq!(Fault::from_name(fault.name()), Some(fault));
        assert!(!fault.summary().ends_with('.'));
    }
    for name in ["", "Read-Foreign", "silent-ignore", "disguised-denial"] {
        assert_eq!(Fault::from_name(name), None);
    }
}
