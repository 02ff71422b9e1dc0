//! The adapter itself: one request per draft.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crm_core::port::llm::{Draft, DraftRequest, Llm, LlmError, LlmFailure, Usage};
use crm_core::{Error, ErrorKind, Result};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Response, StatusCode, redirect};

use crate::failure::{bad_output, classify, configuration, request_id, transport};
use crate::settings::{Checked, Settings, check};
use crate::{answer, request};

/// Largest answer that is read. A draft is a few kilobytes.
const MAX_BODY: usize = 1024 * 1024;

/// Drafts messages with a model behind a chat-completions endpoint.
pub struct OpenAiCompatible {
    settings: Settings,
    checked: Checked,
    client: Client,
}

impl OpenAiCompatible {
    /// Checks the settings and prepares the HTTP client; sends nothing.
    ///
    /// # Errors
    /// [`Configuration`](ErrorKind::Configuration) when a setting cannot be used; the text names it, never its value.
    pub fn new(settings: Settings) -> Result<Self> {
        let checked = check(&settings)?;
        let client = client(&settings, &checked)?;
        Ok(Self {
            settings,
            checked,
            client,
        })
    }
}

/// Redirects are never followed, or the data would travel to an address that the provider's answer chooses.
fn client(settings: &Settings, checked: &Checked) -> Result<Client> {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(redirect::Policy::none())
        // One call is one request, also at the protocol level.
        .retry(reqwest::retry::never())
        .user_agent(concat!("crm-openai-compatible/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.timeout)
        .https_only(!checked.plain_http);
    let builder = if checked.plain_http {
        // A proxy would see the key in the clear.
        builder.no_proxy()
    } else {
        builder
    };
    builder.build().map_err(|_| cannot_prepare())
}

/// The TLS settings are handed over ready-made because the workspace builds reqwest without a cryptography provider.
fn tls() -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| cannot_prepare())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(tls)
}

fn cannot_prepare() -> Error {
    let text = "the HTTP client for the model cannot be prepared";
    Error::new(ErrorKind::Configuration, text)
}

/// Reads the body up to [`MAX_BODY`].
async fn read_capped(mut response: Response) -> Result<Vec<u8>, LlmFailure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(bad_output("response_too_large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl fmt::Debug for OpenAiCompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenAiCompatible")
            .field(&self.settings)
            .finish()
    }
}

/// What a provider puts around the texts of a request, in tokens at most.
const AROUND: u64 = 1_024;

#[async_trait]
impl Llm for OpenAiCompatible {
    fn model(&self) -> String {
        self.settings.model.clone()
    }

    /// Every byte of the request counts as a token, which none is shorter than, and the answer as long as allowed.
    fn worst_cost(&self, request: &DraftRequest) -> Result<u64, LlmError> {
        let body = request::body(&self.settings, request).to_string();
        let usage = Usage {
            input_tokens: u64::try_from(body.len())
                .unwrap_or(u64::MAX)
                .saturating_add(AROUND),
            output_tokens: request.max_tokens.into(),
            ..Usage::default()
        };
        let price = self.settings.price(&self.settings.model);
        price
            .and_then(|price| price.cost(&usage))
            .ok_or_else(|| configuration("unknown_price").into())
    }

    async fn draft(&self, request: &DraftRequest) -> Result<Draft, LlmError> {
        if self.settings.price(&self.settings.model).is_none() {
            return Err(configuration("unknown_price").into());
        }
        let body = request::body(&self.settings, request).to_string();
        let sent = self
            .client
            .post(self.checked.url.clone())
            .header(AUTHORIZATION, self.checked.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .send();
        let response = sent.await.map_err(|error| transport(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_capped(response).await;
        if status != StatusCode::OK {
            // The status says enough when the body cannot be read.
            return Err(classify(status, &headers, &body.unwrap_or_default()));
        }
        let id = request_id(&headers);
        match body {
            Ok(body) => answer::read(&self.settings, &body, request.subject, id),
            Err(failure) => Err(LlmError {
                request_id: id,
                ..failure.into()
            }),
        }
    }
}
