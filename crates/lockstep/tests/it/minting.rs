//! Tokens minted with each kind of key: a vault that is right holds, one that does not look at the end of a token is
//! found by the cell of that point alone, and a key that does not fit is said.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use testkit::Project;

use crate::support::{Report, names, test};
use crate::vault::{Keys, Vault, Wrong};

const SUITE: &str = r#"
version: 1
targets: { vault: { http: "${VAULT_URL}" } }
sessions:
  entry: { on: vault, POST: /login, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, token: $.token, who: { on: vault, GET: /me, subject: $.id } }
actors:
  clerk: { session: entry, login: clerk, password: "${CLERK_PASSWORD}" }
  expired: { like: clerk, token: { expired: { mint: "${VAULT_KEY}" } } }
  early: { like: clerk, token: { not_yet_valid: { mint: "${VAULT_KEY}" } } }
resources:
  paper: { on: vault, owners: [clerk], create: { POST: /papers, json: { text: "{{ unique }}" }, id: $.id } }
actions:
  paper: { read: { vault: { GET: "/papers/{{ paper.id }}" } } }
expect: |
  action               clerk  expired  early
  paper.read of clerk  allow  401      401
"#;

/// A private key as PEM (RFC 7468), made here and now.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
}

/// A key of its kind: what the vault holds, and the PEM for the suite.
fn made(algorithm: Algorithm) -> (Keys, String) {
    let (pem, signing, verifying) = match algorithm {
        Algorithm::ES256 => {
            let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let pem = pem(key.to_pkcs8v1().unwrap().as_ref());
            let signing = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
            let verifying = DecodingKey::from_ec_der(key.public_key().as_ref());
            (pem, signing, verifying)
        }
        Algorithm::EdDSA => {
            let key = Ed25519KeyPair::generate().unwrap();
            let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
            let pem = pem(der.as_ref());
            let signing = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
            let verifying = DecodingKey::from_ed_der(key.public_key().as_ref());
            (pem, signing, verifying)
        }
        _ => {
            let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
            let pem = pem(der.as_ref());
            let signing = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
            let verifying = DecodingKey::from_rsa_der(key.public_key().as_ref());
            (pem, signing, verifying)
        }
    };
    let keys = Keys {
        algorithm,
        signing,
        verifying,
    };
    (keys, pem)
}

fn run(vault: &Vault, key: &str) -> Report {
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let url = vault.server.url();
    let variables = [
        ("VAULT_URL", url.as_str()),
        ("VAULT_KEY", key),
        ("CLERK_PASSWORD", "clerk-password"),
    ];
    test(&project, &variables, &[])
}

/// Right, and wrong in one point, with a key of this kind. As a PEM, and as an environment often has one: with its
/// line breaks written out.
fn try_kind(algorithm: Algorithm) {
    let (keys, pem) = made(algorithm);
    let right = run(&Vault::signing(Wrong::Nowhere, keys), &pem);
    assert_eq!(right.code, Some(0), "{}", right.told);
    assert_eq!(right.with("held").len(), 6, "{}", right.told);
    for (wrong, cell) in [
        (Wrong::Expiry, "expired/paper.read/clerk"),
        (Wrong::NotBefore, "early/paper.read/clerk"),
    ] {
        let (keys, pem) = made(algorithm);
        let report = run(&Vault::signing(wrong, keys), &pem.replace('\n', "\\n"));
        assert_eq!(report.with("escalation"), names([cell]), "{}", report.told);
        assert_eq!(report.with("held").len(), 5, "{}", report.told);
        let inside = pem.lines().nth(1).unwrap();
        assert!(!report.json.to_string().contains(inside));
    }
}

#[test]
fn rs256() {
    try_kind(Algorithm::RS256);
}

#[test]
fn ps256() {
    try_kind(Algorithm::PS256);
}

#[test]
fn es256() {
    try_kind(Algorithm::ES256);
}

#[test]
fn eddsa() {
    try_kind(Algorithm::EdDSA);
}

/// A key of another kind, and another key of the same kind, mint nothing that could be relied on.
#[test]
fn a_key_that_does_not_fit_is_inconclusive() {
    let p384 = {
        let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        pem(key.to_pkcs8v1().unwrap().as_ref())
    };
    let pem = |algorithm| made(algorithm).1;
    let cases = [
        (
            Algorithm::RS256,
            pem(Algorithm::ES256),
            "is none for `RS256`",
        ),
        (
            Algorithm::ES256,
            pem(Algorithm::RS256),
            "is none for `ES256`",
        ),
        (
            Algorithm::EdDSA,
            pem(Algorithm::ES256),
            "is none for `EdDSA`",
        ),
        (Algorithm::PS256, "no key".to_owned(), "is none for `PS256`"),
        (Algorithm::ES256, p384, "cannot sign with `ES256`"),
        (
            Algorithm::RS256,
            pem(Algorithm::RS256),
            "is not the one that signs the live token",
        ),
        (
            Algorithm::EdDSA,
            pem(Algorithm::EdDSA),
            "is not the one that signs the live token",
        ),
        // Their signatures are never the same twice: that the key is wrong shows in the control.
        (
            Algorithm::ES256,
            pem(Algorithm::ES256),
            "never seen to work before",
        ),
        (
            Algorithm::PS256,
            pem(Algorithm::PS256),
            "never seen to work before",
        ),
    ];
    for (algorithm, key, reason) in cases {
        let (keys, _) = made(algorithm);
        let report = run(&Vault::signing(Wrong::Expiry, keys), &key);
        assert_eq!(report.code, Some(3), "{reason}: {}", report.told);
        for cell in ["expired/paper.read/clerk", "early/paper.read/clerk"] {
            assert_eq!(report.verdict(cell), "inconclusive", "{}", report.told);
            let words = report.words(cell);
            assert!(words.contains(reason), "{algorithm:?}: {words}");
        }
    }
}
