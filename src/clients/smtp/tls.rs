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
        let roots = if url.encryption == Encryption::None { Vec::new() } else { machine_roots() };
        Self::trusting(url, roots)
    }

    /// Trusts `roots` besides those that Mozilla ships.
    pub(super) fn trusting(url: &SmtpUrl, roots: Vec<CertificateDer<'static>>) -> Result<Self, ClientError> {
        match url.encryption {
            Encryption::None => Ok(Self::Off),
            Encryption::Opportunistic => Self::upgrade(&url.host, false, &roots),
            Encryption::Required => Self::upgrade(&url.host, true, &roots),
            Encryption::Implicit => Self::implicit(&url.host, roots),
        }
    }

    fn upgrade(host: &str, required: bool, roots: &[CertificateDer<'static>]) -> Result<Self, ClientError> {
        let mut builder = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
        for certificate in roots {
            let certificate = Certificate::from_der(certificate.to_vec()).map_err(|error| unusable(&error))?;
            builder = builder.add_root_certificate(certificate);
        }
        Ok(Self::Upgrade { required, parameters: builder.build_rustls().map_err(|error| unusable(&error))? })
    }

    fn implicit(host: &str, roots: Vec<CertificateDer<'static>>) -> Result<Self, ClientError> {
        let mut trusted = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        trusted.add_parsable_certificates(roots);
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_root_certificates(trusted)
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::time::Duration;

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::ServerConfig;
    use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::clients::smtp::SmtpClient;
    use crate::secret::Secret;

    const DEADLINE: Duration = Duration::from_secs(20);

    /// Answers line by line until STARTTLS or the end: no more of SMTP than `verify` needs.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: S, greet: bool, behind_go_ahead: &str) -> Option<S> {
        let mut stream = BufReader::new(stream);
        if greet {
            stream.write_all(b"220 secure.example\r\n").await.ok()?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let answer = match line.trim_end() {
                "STARTTLS" => format!("220 go ahead\r\n{behind_go_ahead}"),
                line if line.starts_with("EHLO") => "250-secure.example\r\n250 STARTTLS\r\n".to_owned(),
                _ => "250 OK\r\n".to_owned(),
            };
            stream.write_all(answer.as_bytes()).await.ok()?;
            if line.starts_with("STARTTLS") {
                return Some(stream.into_inner());
            }
        }
    }

    /// What `verify` says to a server with a certificate for `certified`, trusted or not.
    async fn verify(
        url: &str,
        certified: &str,
        trusted: bool,
        behind_go_ahead: &'static str,
    ) -> Result<String, ClientError> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([certified.to_owned()]).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_no_client_auth();
        let key = signing_key.serialize_der().try_into().expect("a key");
        let config = config.with_single_cert(vec![cert.der().clone()], key).expect("a configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = url.replace("PORT", &listener.local_addr().expect("an address").port().to_string());
        let implicit = url.starts_with("smtps");
        let serving = async move {
            let (stream, _) = listener.accept().await.ok()?;
            let plain: Option<TcpStream> =
                if implicit { Some(stream) } else { talk(stream, true, behind_go_ahead).await };
            talk(acceptor.accept(plain?).await.ok()?, implicit, "").await
        };
        let server = tokio::spawn(async move { serving.await.is_some() });

        let url = SmtpUrl::parse(&Secret::new(url)).expect("a URL");
        let mut client = SmtpClient::new(&url, DEADLINE).expect("a client");
        let roots = if trusted { vec![cert.der().clone()] } else { Vec::new() };
        client.tls = Tls::trusting(&url, roots).expect("TLS");
        let found = client.verify(DEADLINE).await;
        server.abort();
        found
    }

    #[tokio::test]
    async fn a_trusted_server_of_the_right_name_is_spoken_to_encrypted() {
        for url in
            ["smtps://localhost:PORT", "smtp://localhost:PORT?tls=required", "smtp://localhost:PORT?tls=opportunistic"]
        {
            let found = verify(url, "localhost", true, "").await.unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(found, "secure.example, TLS, no login", "{url}");
        }
        verify("smtps://127.0.0.1:PORT", "127.0.0.1", true, "").await.expect("an address may be certified too");
    }

    #[tokio::test]
    async fn an_unknown_issuer_or_another_name_is_refused() {
        for url in
            ["smtps://localhost:PORT", "smtp://localhost:PORT?tls=required", "smtp://localhost:PORT?tls=opportunistic"]
        {
            let error = verify(url, "localhost", false, "").await.expect_err("nobody vouches for it");
            assert_eq!(error.kind, ErrorKind::Tls, "{url}: {error}");
            let error = verify(url, "mail.example.org", true, "").await.expect_err("another name");
            assert_eq!(error.kind, ErrorKind::Tls, "{url}: {error}");
        }
    }

    #[tokio::test]
    async fn an_answer_slipped_in_before_the_encryption_is_not_taken_for_one_under_it() {
        let slipped = "250-evil.example\r\n250 AUTH PLAIN\r\n";
        let error =
            verify("smtp://localhost:PORT?tls=required", "localhost", true, slipped).await.expect_err("slipped in");
        assert_eq!(error.kind, ErrorKind::Tls, "{error}");
    }
}
