//! Whom a channel believes: rustls with the ring provider, chosen here and not from the process-wide
//! default, and the authorities of the Mozilla program with those of the settings.

use std::sync::Arc;

use crm_core::{Error, ErrorKind, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Client settings that trust the public authorities and the `extra` ones (PEM).
///
/// # Errors
/// `Configuration` when `extra` holds no certificate or something else.
pub(crate) fn client(extra: Option<&str>) -> Result<ClientConfig> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(pem) = extra {
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            certificate
                .ok()
                .and_then(|certificate| roots.add(certificate).ok())
                .ok_or_else(|| wrong("the extra root certificates are not valid PEM"))?;
            found = true;
        }
        if !found {
            return Err(wrong("the extra root certificates hold no certificate"));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| wrong("the TLS library offers no protocol version"))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Whether a handshake failed because the other side could not prove who it is: waiting mends nothing.
pub(crate) fn is_untrusted(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::UnsupportedNameType
    )
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::Configuration, what)
}
