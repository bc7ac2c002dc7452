//! Whom we trust on an encrypted connection: the web's roots and those of this machine, built once per process.
//!
//! Both, since a slim container has no store of its own, and a company's proxy is known only to the machine.
//! HTTP/1.1 alone is offered: we ask one thing at a time, an idle HTTP/2 connection is not probed by awc before it is
//! used again, and its HTTP/2 side writes the request's path to the trace log, which holds Telegram's token.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};

/// The settings of every outgoing TLS connection.
pub(super) fn client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| Arc::new(build())))
}

fn build() -> ClientConfig {
    // Fails only if the process has chosen a provider already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = ClientConfig::builder().with_root_certificates(roots()).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        log::debug!("a part of this machine's certificate store could not be read: {error}");
    }
    let (added, ignored) = roots.add_parsable_certificates(native.certs);
    log::debug!("trusting the web's roots and {added} of this machine's ({ignored} could not be read)");
    roots
}
