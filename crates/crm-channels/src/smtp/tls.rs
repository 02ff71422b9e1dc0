//! TLS for the relay.

use std::io;
use std::sync::Arc;

use crm_core::Result;
use crm_core::port::channel::{Outcome, RetryScope};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::classify::{Stage, retry, stop};
use super::config::{SmtpConfig, wrong};
use super::connection::Stream;

/// Everything a handshake needs.
#[derive(Clone)]
pub(super) struct TlsSettings {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl TlsSettings {
    /// Trusts the public authorities and those of the settings.
    pub(super) fn new(config: &SmtpConfig) -> Result<Self> {
        let client = crate::tls::client(config.extra_roots_pem.as_deref())?;
        let name = ServerName::try_from(config.host.clone())
            .map_err(|_| wrong("the SMTP host must be a host name or an IP address"))?;
        Ok(Self {
            connector: TlsConnector::from(Arc::new(client)),
            name,
        })
    }

    /// Shakes hands over `stream`. A certificate that does not verify stops the channel; anything else
    /// may pass.
    pub(super) async fn handshake(
        &self,
        stage: Stage,
        stream: Box<dyn Stream>,
    ) -> std::result::Result<Box<dyn Stream>, Outcome> {
        match self.connector.connect(self.name.clone(), stream).await {
            Ok(protected) => Ok(Box::new(protected)),
            Err(error) if bad_certificate(&error) => Err(stop("tls_certificate")),
            Err(_) => Err(retry(
                RetryScope::Channel,
                std::time::Duration::from_secs(60),
                format!("{}_tls_handshake", stage.as_str()),
            )),
        }
    }
}

fn bad_certificate(error: &io::Error) -> bool {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(crate::tls::is_untrusted)
}
