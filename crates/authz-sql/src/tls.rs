//! TLS as the addresses of libpq ask for it: what is checked of a server's certificate, and whose word
//! counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The word for the roots that everybody trusts, in place of a file.
const SYSTEM: &str = "system";

/// What is checked of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    /// Nothing: whoever listens is kept out, but not whoever stands in between.
    Nothing,
    /// That somebody who is trusted has signed it.
    Chain,
    /// That, and that it is for the name that was asked for.
    ChainAndName,
}

/// How TLS is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    checked: Checked,
    /// The file of those who are trusted; without one, those whom browsers trust.
    roots: Option<PathBuf>,
}

impl Tls {
    /// What `sslmode` and `sslrootcert` ask for, as libpq has it, and what the client's own
    /// `sslmode` is then: `disable`, `prefer` or `require`. `None` for what they cannot be.
    pub(crate) fn of(mode: &str, roots: Option<&str>) -> Option<(Self, &'static str)> {
        let checked_by_roots = match roots {
            None => Checked::Nothing,
            Some(SYSTEM) => Checked::ChainAndName,
            Some(_) => Checked::Chain,
        };
        let (checked, mode) = match mode {
            "disable" => (Checked::Nothing, "disable"),
            "allow" | "prefer" => (checked_by_roots, "prefer"),
            "require" => (checked_by_roots, "require"),
            "verify-ca" if roots != Some(SYSTEM) => (Checked::Chain, "require"),
            "verify-full" => (Checked::ChainAndName, "require"),
            _ => return None,
        };
        let roots = roots.filter(|it| *it != SYSTEM).map(PathBuf::from);
        Some((Self { checked, roots }, mode))
    }

    /// What speaks TLS like this.
    ///
    /// # Errors
    /// That the file of those who are trusted cannot be read.
    pub(crate) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let roots = match &self.roots {
            Some(path) => read_roots(path)?,
            None => RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let inner =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let inner = inner.build().map_err(|error| error.to_string())?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier {
                checked: self.checked,
                inner,
            }))
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}

fn read_roots(path: &Path) -> Result<RootCertStore, String> {
    let shown = path.display();
    let unread = |error: &dyn std::fmt::Display| format!("`sslrootcert` {shown}: {error}");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unread(&error))? {
        let certificate = certificate.map_err(|error| unread(&error))?;
        roots.add(certificate).map_err(|error| unread(&error))?;
    }
    match roots.is_empty() {
        true => Err(unread(&"there is no certificate in it")),
        false => Ok(roots),
    }
}

/// The usual verifier, but for what is not to be checked.
#[derive(Debug)]
struct Verifier {
    checked: Checked,
    inner: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.checked == Checked::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The chain is checked before the name.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.checked == Checked::Chain => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
