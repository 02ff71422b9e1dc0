//! The one hardened HTTP client: where requests may go, what they carry, and how much is read.

use std::sync::Arc;

use crm_core::port::llm::LlmFailure;
use crm_core::{Error, ErrorKind, Result};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Proxy, RequestBuilder, Response, Url, redirect};
use secrecy::ExposeSecret as _;

use crate::config::{Checked, ClaudeConfig, Egress};
use crate::errors::{bad_output, transport};

/// Largest answer that is read at once. A draft is a few kilobytes, a page of batches under a hundred.
const MAX_BODY: usize = 1024 * 1024;
const USER_AGENT: &str = concat!("crm-ai-claude/", env!("CARGO_PKG_VERSION"));

/// The client with the address and the key.
pub(crate) struct Http {
    client: Client,
    checked: Checked,
}

impl Http {
    pub(crate) fn new(config: &ClaudeConfig, checked: Checked) -> Result<Self> {
        let client = client(config, &checked)?;
        Ok(Self { client, checked })
    }

    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.with_key(self.client.get(url))
    }

    pub(crate) fn post(&self, path: &str, body: Vec<u8>) -> RequestBuilder {
        self.with_key(self.client.post(self.url(path)))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body)
    }

    /// Below the base address and nowhere else: no answer of the provider chooses an address.
    fn url(&self, path: &str) -> Url {
        let mut url = self.checked.base.clone();
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        request
            .header("x-api-key", self.checked.key.clone())
            .header("anthropic-version", self.checked.version.clone())
    }
}

/// The only place where a client is made. The TLS settings are handed over ready-made because
/// reqwest is built without a cryptography provider of its own. Redirects are never followed:
/// reqwest would carry `x-api-key` along to another host.
fn client(config: &ClaudeConfig, checked: &Checked) -> Result<Client> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(redirect::Policy::none())
        // One call is one request, also at the protocol level.
        .retry(reqwest::retry::never())
        .user_agent(USER_AGENT)
        .connect_timeout(config.connect_timeout)
        .timeout(config.timeout)
        .https_only(!checked.plain_http);
    builder = match &config.egress {
        // A proxy would see the key in the clear.
        _ if checked.plain_http => builder.no_proxy(),
        Egress::Environment => builder,
        Egress::Direct => builder.no_proxy(),
        Egress::Proxy(url) => {
            let proxy = Proxy::all(url.expose_secret()).map_err(|_| cannot_prepare())?;
            builder.no_proxy().proxy(proxy)
        }
    };
    builder.build().map_err(|_| cannot_prepare())
}

fn tls() -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| cannot_prepare())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

fn cannot_prepare() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "the HTTP client for Claude cannot be prepared",
    )
}

/// Reads the body up to [`MAX_BODY`].
pub(crate) async fn read_capped(mut answer: Response) -> Result<Vec<u8>, LlmFailure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| transport(&error))? {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(bad_output("response_too_large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
