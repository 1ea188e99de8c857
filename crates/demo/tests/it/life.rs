//! Starting and stopping.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpStream;

use crate::client::Client;

#[tokio::test]
async fn the_variables_are_the_environment_of_a_suite() {
    let client = Client::start(&[]).await;
    let variables = client.demo.variables();
    let names: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
    let expected = [
        "ACCOUNTS_URL",
        "POSTS_URL",
        "ROOT_PASSWORD",
        "ADMIN_PASSWORD",
        "EDITOR_PASSWORD",
        "DEPUTY_PASSWORD",
        "VIEWER_PASSWORD",
        "OUTSIDER_PASSWORD",
        "SIGNING_KEY",
    ];
    assert_eq!(names, expected);
    assert_eq!(variables[0].1, client.demo.accounts_url());
    assert_eq!(variables[1].1, client.demo.posts_url());
}

#[tokio::test]
async fn every_start_has_its_own_addresses_and_passwords() {
    let (one, another) = (Client::start(&[]).await, Client::start(&[]).await);
    let values = [&one, &another].map(|client| client.demo.variables());
    let distinct: BTreeSet<&String> = values.iter().flatten().map(|(_, value)| value).collect();
    assert_eq!(distinct.len(), 18);
}

/// A connection that is kept, and idle, does not hold the stop up, and is closed by it.
#[tokio::test]
async fn a_stopped_system_takes_no_connection() {
    let client = Client::start(&[]).await;
    let urls = [client.demo.accounts_url(), client.demo.posts_url()];
    let addresses = urls.map(|url| url.strip_prefix("http://").unwrap().to_owned());
    let mut idle = TcpStream::connect(&addresses[0]).unwrap();
    client.token("editor").await.unwrap();
    client.demo.stop().await;
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    for address in addresses {
        assert!(TcpStream::connect(address).is_err());
    }
}
