//! STARTTLS and TLS from the start, with good and bad certificates.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::Draft;
use common::server::{Act, Protection, Script, Server, say};
use crm_channels::smtp::{Mailbox, Tls};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::port::channel::{Channel as _, Outcome};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

const CA: &str = include_str!("data/ca.pem");

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

const OFFER: &str = "250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN";

async fn send(
    protection: Protection,
    offer: &'static str,
    script: Script,
    change: impl FnOnce(&mut SmtpConfig),
) -> (Server, Outcome) {
    let tls = match protection {
        Protection::Implicit(_) => Tls::Implicit,
        _ => Tls::StartTls,
    };
    let server = Server::start_with(vec![script], protection, offer).await;
    let from = Mailbox::parse("news@salon.example").unwrap();
    let mut config = SmtpConfig::new("localhost", tls, from);
    config.port = server.address.port();
    config.extra_roots_pem = Some(CA.to_owned());
    config.user = Some("user".to_owned());
    config.password = Some("secret".to_owned().into());
    config.timeouts.connect = Duration::from_secs(2);
    change(&mut config);
    let smtp = Smtp::new(config).unwrap();
    let outcome = smtp.send(&Draft::default().approved()).await;
    (server, outcome)
}

#[tokio::test]
async fn protected_connections_deliver() {
    for protection in [
        Protection::StartTls(acceptor()),
        Protection::Implicit(acceptor()),
    ] {
        let (server, outcome) = send(protection, OFFER, vec![], |_| ()).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        assert_eq!(server.messages().len(), 1);
    }
}

#[tokio::test]
async fn an_untrusted_or_foreign_certificate_stops_the_channel() {
    for protection in [
        Protection::StartTls(acceptor()),
        Protection::Implicit(acceptor()),
    ] {
        let untrusted = |config: &mut SmtpConfig| config.extra_roots_pem = None;
        let (server, outcome) = send(protection.clone(), OFFER, vec![], untrusted).await;
        assert_eq!(outcome.reason(), Some("tls_certificate"));
        assert!(matches!(outcome, Outcome::Stop { .. }), "{outcome:?}");
        assert!(
            server
                .commands()
                .concat()
                .iter()
                .all(|c| !c.starts_with("AUTH"))
        );
    }
    // Trusted, but the relay was asked for by an address the certificate does not name.
    let other = |config: &mut SmtpConfig| config.host = "0.0.0.0".to_owned();
    let (_, outcome) = send(Protection::Implicit(acceptor()), OFFER, vec![], other).await;
    assert_eq!(outcome.reason(), Some("tls_certificate"));
}

#[tokio::test]
async fn clear_text_is_never_a_fallback() {
    for (offer, script, reason) in [
        ("250-x\r\n250 AUTH PLAIN", vec![], "starttls_not_offered"),
        (OFFER, vec![("STARTTLS", say("502 no"))], "starttls_502"),
        (
            OFFER,
            vec![("STARTTLS", say("220 go\r\n250 injected"))],
            "starttls_injection",
        ),
    ] {
        let (server, outcome) = send(Protection::None, offer, script, |_| ()).await;
        assert_eq!(outcome.reason(), Some(reason));
        assert!(matches!(outcome, Outcome::Stop { .. }), "{outcome:?}");
        let words = server.commands().concat();
        assert!(
            words
                .iter()
                .all(|c| c.starts_with("EHLO") || c == "STARTTLS")
        );
    }
}

#[tokio::test]
async fn a_failed_handshake_may_be_tried_again() {
    let script = vec![("STARTTLS", say("220 go"))];
    let (_, outcome) = send(Protection::None, OFFER, script, |_| ()).await;
    assert!(matches!(outcome, Outcome::RetryAfter { .. }), "{outcome:?}");
    let script = vec![("STARTTLS", say("454 4.7.0 later"))];
    let (_, outcome) = send(Protection::None, OFFER, script, |_| ()).await;
    assert_eq!(outcome.reason(), Some("starttls_454_4.7.0"));
    let script = vec![("STARTTLS", Act::Close)];
    let (_, outcome) = send(Protection::None, OFFER, script, |_| ()).await;
    assert_eq!(outcome.reason(), Some("starttls_closed"));
}

#[test]
fn roots_must_be_certificates() {
    let from = Mailbox::parse("news@salon.example").unwrap();
    let mut config = SmtpConfig::new("localhost", Tls::Implicit, from);
    for pem in [
        "",
        "not pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        config.extra_roots_pem = Some(pem.to_owned());
        assert!(Smtp::new(config.clone()).is_err(), "{pem}");
    }
}
