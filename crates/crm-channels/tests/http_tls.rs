//! Providers over HTTPS: whom a channel believes, and that a failed handshake is not the message's end. Shown
//! on the webhook; every channel over HTTP has the same client.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::Draft;
use crm_channels::{HttpOptions, Webhook, WebhookConfig};
use crm_core::port::channel::{Channel as _, Outcome, RetryScope};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The authority that signed the server's certificate for `localhost`.
const CA: &str = include_str!("data/ca.pem");

/// What the server does with a connection.
#[derive(Clone, Copy)]
enum Manner {
    /// Speaks TLS and takes what comes.
    Takes,
    /// Closes before the handshake.
    Closes,
    /// Waits for ever before the handshake.
    Hangs,
}

fn acceptor() -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(include_bytes!("data/server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("data/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(stream: TcpStream, manner: Manner, requests: &AtomicUsize) {
    match manner {
        Manner::Closes => return,
        Manner::Hangs => return std::future::pending().await,
        Manner::Takes => {}
    }
    let Ok(mut stream) = acceptor().accept(stream).await else {
        return;
    };
    // One read is enough to know that a request has come; the answer does not depend on it.
    let mut start = [0; 4];
    if stream.read_exact(&mut start).await.is_ok() {
        requests.fetch_add(1, Ordering::SeqCst);
        let mut rest = vec![0; 64 * 1024];
        let _ = stream.read(&mut rest).await;
        let answer = b"HTTP/1.1 204 ok\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    }
}

/// Sends one message to a server of this manner, asked for as `host`: the outcome, and how many requests came.
async fn send(manner: Manner, host: &str, roots: Option<&str>) -> (Outcome, usize) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move { serve(stream, manner, &seen).await });
        }
    });
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    let url = format!("https://{host}:{port}/hook");
    let connect = match manner {
        Manner::Hangs => Duration::from_millis(500),
        _ => Duration::from_secs(20),
    };
    let channel = Webhook::new(WebhookConfig {
        allowed: vec!["127.0.0.0/8".to_owned(), "::1".to_owned()],
        http: HttpOptions {
            connect,
            extra_roots_pem: roots.map(str::to_owned),
            ..HttpOptions::default()
        },
        ..WebhookConfig::new(url.into(), vec![secret.into()])
    });
    let outcome = channel.unwrap().send(&Draft::default().approved()).await;
    (outcome, requests.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_trusted_provider_is_believed() {
    let (outcome, requests) = send(Manner::Takes, "localhost", Some(CA)).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn an_untrusted_or_foreign_certificate_stops_the_channel() {
    // Signed by nobody we know; and by somebody we know, for another host.
    for (host, roots) in [("localhost", None), ("127.0.0.2", Some(CA))] {
        let (outcome, requests) = send(Manner::Takes, host, roots).await;
        let wanted = Outcome::Stop {
            reason: "certificate_not_trusted".to_owned(),
        };
        assert_eq!(outcome, wanted, "{host}");
        assert_eq!(requests, 0, "{host}");
    }
}

#[tokio::test]
async fn a_failed_handshake_may_be_tried_again() {
    for manner in [Manner::Closes, Manner::Hangs] {
        let (outcome, requests) = send(manner, "localhost", Some(CA)).await;
        let wanted = Outcome::RetryAfter {
            scope: RetryScope::Channel,
            at_least: Duration::from_secs(60),
            reason: "not_connected".to_owned(),
        };
        assert_eq!(outcome, wanted);
        assert_eq!(requests, 0);
    }
}
