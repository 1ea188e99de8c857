//! TLS as the addresses of libpq ask for it, against a PostgreSQL whose certificate is for `localhost`.

use authz_sql::connection::Address;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use testkit::postgres::{Certificate, PASSWORD, SUPERUSER, cluster_with_tls};

/// Somebody who signs certificates.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[test]
fn modes_mean_what_they_mean_to_libpq() {
    let (authority, other) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let database = cluster_with_tls(Certificate {
        certificate: &certificate.pem(),
        key: &key.serialize_pem(),
    })
    .database();
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().replace('/', "%2F")
    };
    let (ca, wrong, empty) = (
        write("ca.pem", &authority.as_ref().pem()),
        write("other.pem", &other.as_ref().pem()),
        write("empty.pem", "nothing"),
    );
    // Host, options, and whether TLS is spoken then; `None` where it is not entered.
    let cases = [
        ("127.0.0.1", String::new(), Some("true")),
        ("127.0.0.1", "sslmode=disable".to_owned(), Some("false")),
        ("127.0.0.1", "sslmode=prefer".to_owned(), Some("true")),
        ("127.0.0.1", "sslmode=require".to_owned(), Some("true")),
        (
            "127.0.0.1",
            format!("sslmode=require&sslrootcert={ca}"),
            Some("true"),
        ),
        (
            "127.0.0.1",
            format!("sslmode=require&sslrootcert={wrong}"),
            None,
        ),
        (
            "127.0.0.1",
            format!("sslmode=prefer&sslrootcert={wrong}"),
            Some("false"),
        ),
        (
            "127.0.0.1",
            format!("sslrootcert={ca}&sslmode=verify-ca"),
            Some("true"),
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca&sslrootcert={wrong}"),
            None,
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-full&sslrootcert={ca}"),
            None,
        ),
        (
            "localhost",
            format!("sslmode=verify-full&sslrootcert={ca}"),
            Some("true"),
        ),
        (
            "localhost",
            format!("sslmode=verify-full&sslrootcert={wrong}"),
            None,
        ),
        ("localhost", "sslmode=verify-full".to_owned(), None),
        (
            "localhost",
            "sslmode=require&sslrootcert=system".to_owned(),
            None,
        ),
        (
            "localhost",
            format!("sslmode=verify-full&sslrootcert={empty}"),
            None,
        ),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert=no-such.pem".to_owned(),
            None,
        ),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (host, options, expected) in cases {
        let (port, name) = (database.port(), database.name());
        let url = format!("postgres://{SUPERUSER}:{PASSWORD}@{host}:{port}/{name}?{options}");
        let address = Address::parse(&url).unwrap();
        let seen = runtime.block_on(async {
            let client = address.connect().await.map_err(|error| error.to_string())?;
            let sql = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            let row = client.query_typed_one(sql, &[]).await;
            Ok::<String, String>(row.unwrap().get(0))
        });
        match expected {
            Some(tls) => assert_eq!(seen.as_deref(), Ok(tls), "{host} {options}"),
            None => {
                let told = seen.expect_err(&options);
                assert!(!told.contains(PASSWORD), "{told}");
            }
        }
    }
    let url = format!("postgres://{SUPERUSER}:{PASSWORD}@localhost/shop?sslmode=");
    for mode in ["sometimes", "verify-ca&sslrootcert=system", ""] {
        Address::parse(&format!("{url}{mode}")).unwrap_err();
    }
}

/// Where the server has no TLS, only those who do not insist on it enter.
#[test]
fn a_server_without_tls_is_entered_only_without() {
    let database = testkit::postgres::Database::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (mode, enters) in [
        ("disable", true),
        ("allow", true),
        ("prefer", true),
        ("require", false),
        ("verify-full", false),
    ] {
        let address = Address::parse(&format!("{}?sslmode={mode}", database.url())).unwrap();
        let entered = runtime.block_on(async { address.connect().await.map(drop) });
        assert_eq!(entered.is_ok(), enters, "{mode}: {entered:?}");
    }
}
