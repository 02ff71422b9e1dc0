//! Every stage at which a request over HTTP can end, and a front that speaks TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crm_channels::HttpOptions;
use crm_core::port::channel::Outcome;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::http::Act;

const CA: &str = include_str!("../data/ca.pem");
const EXPIRED_CA: &str = include_str!("../data/expired-ca.pem");

/// A provider at this address, with little patience.
pub fn options(base: String) -> HttpOptions {
    HttpOptions {
        base: Some(base),
        connect: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        ..HttpOptions::default()
    }
}

/// Kind, scope and least seconds of a wait, reason.
pub fn shown(outcome: &Outcome) -> String {
    let wait = match outcome {
        Outcome::RetryAfter {
            scope, at_least, ..
        } => format!(" {scope:?} {}", at_least.as_secs()),
        _ => String::new(),
    };
    format!(
        "{}{wait} {}",
        outcome.kind().as_str(),
        outcome.reason().unwrap_or_default()
    )
}

fn html(status: u16) -> Act {
    let header = ("content-type", "text/html".to_owned());
    Act::Answer(status, vec![header], b"<html>no</html>".to_vec())
}

fn redirect(status: u16) -> Act {
    let header = ("location", "/elsewhere".to_owned());
    Act::Answer(status, vec![header], Vec::new())
}

/// What can happen once a request has left, and its outcome, whoever the provider is.
pub fn after_the_request() -> Vec<(Act, &'static str)> {
    let lost = "unknown connection_lost";
    vec![
        (Act::Close, lost),
        (Act::Reset, lost),
        (Act::Hang, "unknown timeout"),
        (Act::Half(200, b"{\"id\":\"a\",".to_vec()), lost),
        (Act::Half(400, b"{\"code\":21211,".to_vec()), lost),
        (Act::Flood(8 * 1024 * 1024), "unknown answer_too_long"),
        (html(500), "unknown http_500"),
        (html(502), "unknown http_502"),
        (html(503), "unknown http_503"),
        (html(504), "unknown http_504"),
        (html(200), "unknown answer_not_understood"),
        (
            Act::Answer(200, vec![], vec![0xff; 9]),
            "unknown answer_not_understood",
        ),
        (
            Act::Answer(204, vec![], vec![]),
            "unknown answer_not_understood",
        ),
        (redirect(302), "unknown http_302"),
        (redirect(303), "unknown http_303"),
        (redirect(307), "stop http_307"),
        (redirect(308), "stop http_308"),
    ]
}

/// "Too many requests" with advice, and how long the channel waits when it has to wait `least` seconds.
pub fn advice(least: u64) -> Vec<(Act, u64)> {
    let rows = [
        ("3600", 3600),
        ("-1", least),
        ("soon", least),
        ("1000000000", 86_400),
        ("Fri, 31 Dec 2100 23:59:59 GMT", 86_400),
        ("Thu, 01 Jan 2026 00:00:00 GMT", least),
    ];
    let act = |value: &str| {
        let header = ("retry-after", value.to_owned());
        Act::Answer(
            429,
            vec![header],
            b"{\"code\":20429,\"status\":429}".to_vec(),
        )
    };
    rows.map(|(value, wait)| (act(value), wait)).to_vec()
}

/// An address at which nobody listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Which certificate a front shows.
#[derive(Debug, Clone, Copy)]
pub enum Certificate {
    /// A good one of an authority that the client is told to trust.
    Trusted,
    /// The same, but the client is not told.
    Untrusted,
    /// Of a trusted authority, and over.
    Expired,
    /// A good one for another name.
    Foreign,
}

/// Speaks TLS in front of a plain provider; how a client reaches it.
pub async fn front(certificate: Certificate, provider: SocketAddr) -> HttpOptions {
    let (pem, root) = match certificate {
        Certificate::Expired => (&include_bytes!("../data/expired.pem")[..], Some(EXPIRED_CA)),
        Certificate::Untrusted => (&include_bytes!("../data/server.pem")[..], None),
        _ => (&include_bytes!("../data/server.pem")[..], Some(CA)),
    };
    let chain = vec![CertificateDer::from_pem_slice(pem).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../data/server.key")).unwrap();
    let provided = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provided)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = TcpStream::connect(provider).await?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    let host = match certificate {
        Certificate::Foreign => "0.0.0.0",
        _ => "127.0.0.1",
    };
    HttpOptions {
        extra_roots_pem: root.map(str::to_owned),
        ..options(format!("https://{host}:{port}"))
    }
}
