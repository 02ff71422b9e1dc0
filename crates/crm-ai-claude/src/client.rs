//! The adapter itself: one hardened HTTP client, one request per draft.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use crm_core::port::llm::{Draft, DraftRequest, Llm, LlmError, LlmFailure};
use crm_core::{Error, ErrorKind, Result};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode, redirect};

use crate::config::{Checked, ClaudeConfig, check};
use crate::errors::{bad_output, classify, configuration, transport};
use crate::{request, response};

/// Largest answer that is read. A draft is a few kilobytes.
const MAX_BODY: usize = 1024 * 1024;
const USER_AGENT: &str = concat!("crm-ai-claude/", env!("CARGO_PKG_VERSION"));

/// Drafts messages with Claude.
pub struct Claude {
    config: ClaudeConfig,
    checked: Checked,
    http: Client,
}

impl Claude {
    /// Checks the settings and prepares the HTTP client; sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when a setting cannot be used; the text names it, never its
    /// value.
    pub fn new(config: ClaudeConfig) -> Result<Self> {
        let checked = check(&config)?;
        let http = client(&config, checked.plain_http)?;
        Ok(Self {
            config,
            checked,
            http,
        })
    }

    async fn send(&self, request: &DraftRequest) -> Result<Response, LlmFailure> {
        let demands = request::demands(request);
        let body = request::body(&self.config.model, self.config.cache_ttl, request, &demands);
        let body = serde_json::to_vec(&body).map_err(|_| configuration("invalid_request"))?;
        self.http
            .post(self.checked.endpoint.clone())
            .header("x-api-key", self.checked.key.clone())
            .header("anthropic-version", self.checked.version.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body)
            .send()
            .await
            .map_err(|error| transport(&error))
    }
}

impl fmt::Debug for Claude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claude").field(&self.config).finish()
    }
}

#[async_trait]
impl Llm for Claude {
    async fn draft(&self, request: &DraftRequest) -> Result<Draft, LlmError> {
        if self.config.prices.get(&self.config.model).is_none() {
            return Err(configuration("unknown_price").into());
        }
        if !request::is_sendable(request) {
            return Err(configuration("invalid_request").into());
        }
        let answer = self.send(request).await?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let body = read_capped(answer).await;
        if status != StatusCode::OK {
            // The status says enough when the body cannot be read.
            let body = body.unwrap_or_default();
            return Err(classify(status, &headers, &body, SystemTime::now()).into());
        }
        response::read(
            &body?,
            request,
            &self.config.prices,
            self.config.cache_ttl,
            request_id(&headers),
        )
    }
}

/// The only place where a client is made. The TLS settings are handed over ready-made because
/// reqwest is built without a cryptography provider of its own. Redirects are never followed:
/// reqwest would carry `x-api-key` along to another host.
fn client(config: &ClaudeConfig, plain_http: bool) -> Result<Client> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(redirect::Policy::none())
        // One call is one request, also at the protocol level.
        .retry(reqwest::retry::never())
        .user_agent(USER_AGENT)
        .connect_timeout(config.connect_timeout)
        .timeout(config.timeout)
        .https_only(!plain_http);
    if plain_http {
        // A proxy would see the key in the clear.
        builder = builder.no_proxy();
    }
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
async fn read_capped(mut answer: Response) -> Result<Vec<u8>, LlmFailure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| transport(&error))? {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(bad_output("response_too_large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The provider's request id, when it looks like one.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("request-id")?.to_str().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!id.is_empty() && id.len() <= 128 && id.chars().all(plain)).then(|| id.to_owned())
}
