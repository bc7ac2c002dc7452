//! Whom we trust: the roots of the machine and those that Mozilla ships, both. The first know a company's own
//! authority, the second are there when the machine has none (a slim container).

use std::sync::Arc;

use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::url::{Encryption, SmtpUrl};
use crate::clients::error::{ClientError, ErrorKind};

/// How a connection is encrypted, with what that takes. Lettre does STARTTLS itself and wants its own parameters.
#[derive(Clone)]
pub(super) enum Tls {
    Off,
    Upgrade { required: bool, parameters: TlsParameters },
    Implicit { connector: TlsConnector, name: ServerName<'static> },
}

impl Tls {
    /// Reads the machine's certificates, which takes some milliseconds; hence once and not for every mail.
    pub(super) fn new(url: &SmtpUrl) -> Result<Self, ClientError> {
        Ok(match url.encryption {
            Encryption::None => Self::Off,
            Encryption::Opportunistic => Self::start_tls(&url.host, false)?,
            Encryption::Required => Self::start_tls(&url.host, true)?,
            Encryption::Implicit => Self::implicit(&url.host)?,
        })
    }

    fn start_tls(host: &str, required: bool) -> Result<Self, ClientError> {
        let mut builder = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
        for certificate in machine_roots() {
            let certificate = Certificate::from_der(certificate.to_vec()).map_err(|error| unusable(&error))?;
            builder = builder.add_root_certificate(certificate);
        }
        Ok(Self::Upgrade { required, parameters: builder.build_rustls().map_err(|error| unusable(&error))? })
    }

    fn implicit(host: &str) -> Result<Self, ClientError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(machine_roots());
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).map_err(|error| unusable(&error))?;
        Ok(Self::Implicit { connector: TlsConnector::from(Arc::new(config)), name })
    }
}

fn unusable(error: &dyn std::error::Error) -> ClientError {
    ClientError::new(ErrorKind::Tls, format!("TLS cannot be set up: {error}"))
}

/// The machine's roots, without those that cannot be read; lettre would fail over a single one.
fn machine_roots() -> Vec<CertificateDer<'static>> {
    let mut scratch = RootCertStore::empty();
    let mut certificates = rustls_native_certs::load_native_certs().certs;
    certificates.retain(|certificate| scratch.add(certificate.clone()).is_ok());
    certificates
}
