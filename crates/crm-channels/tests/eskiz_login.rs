//! Deliveries through Eskiz that run at once share one login, and a refused token is renewed once.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use common::Draft;
use common::eskiz::{accepted, draft, eskiz, taken, token};
use common::http::{Provider, json};
use common::stages::shown;
use crm_channels::Eskiz;
use crm_core::port::channel::Channel as _;

fn targets(provider: &Provider) -> Vec<String> {
    let requests = provider.requests().into_iter();
    requests.map(|request| request.target).collect()
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let refused = || json(401, r#"{"status":"error","message":"Token has expired"}"#);
    let acts = vec![token("one"), refused(), token("two"), taken(), taken()];
    let provider = Provider::start(acts).await;
    let eskiz = eskiz(&provider);
    for _ in 0..2 {
        assert_eq!(eskiz.send(&draft().approved()).await, accepted());
    }
    let seen = provider.requests().into_iter();
    let seen: Vec<String> = seen
        .filter_map(|request| request.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(seen, ["Bearer one", "Bearer two", "Bearer two"]);

    // Then it is not the token.
    let acts = vec![token("one"), refused(), token("two"), refused(), taken()];
    let provider = Provider::start(acts).await;
    let outcome = self::eskiz(&provider).send(&draft().approved()).await;
    assert_eq!(shown(&outcome), "stop http_401");
    assert_eq!(provider.requests().len(), 4);

    let provider = Provider::start(vec![refused(), token("one")]).await;
    let outcome = self::eskiz(&provider).send(&draft().approved()).await;
    assert_eq!(shown(&outcome), "stop login_401");
    assert_eq!(provider.requests().len(), 1);
}

/// Four deliveries at once, and how often the provider saw a login.
async fn at_once(eskiz: &Eskiz, provider: &Provider) -> (Vec<String>, usize) {
    let drafts: Vec<_> = (1..=4)
        .map(|number| {
            let draft = Draft {
                attempt: number,
                ..draft()
            };
            draft.approved()
        })
        .collect();
    let send = |at: usize| eskiz.send(&drafts[at]);
    let (a, b, c, d) = tokio::join!(send(0), send(1), send(2), send(3));
    let logins = targets(provider).into_iter();
    let logins = logins.filter(|target| target == "/api/auth/login").count();
    ([a, b, c, d].iter().map(shown).collect(), logins)
}

#[tokio::test]
async fn deliveries_at_once_share_one_login() {
    let provider = Provider::answering(|request| {
        let known = request.header("authorization");
        match (request.target.as_str(), known) {
            ("/api/auth/login", _) => token("one"),
            (_, Some("Bearer one")) => taken(),
            _ => json(401, "{}"),
        }
    })
    .await;
    let eskiz = eskiz(&provider);
    assert_eq!(
        at_once(&eskiz, &provider).await,
        (vec!["accepted ".to_owned(); 4], 1)
    );
    assert_eq!(
        at_once(&eskiz, &provider).await,
        (vec!["accepted ".to_owned(); 4], 1)
    );
}

#[tokio::test]
async fn deliveries_at_once_renew_a_token_once() {
    let logins = std::sync::atomic::AtomicUsize::new(0);
    let provider = Provider::answering(move |request| {
        let known = request.header("authorization");
        match (request.target.as_str(), known) {
            ("/api/auth/login", _) => {
                let number = logins.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                token(["one", "two", "three"][number])
            }
            (_, Some("Bearer two")) => taken(),
            _ => json(401, "{}"),
        }
    })
    .await;
    let eskiz = eskiz(&provider);
    assert_eq!(
        at_once(&eskiz, &provider).await,
        (vec!["accepted ".to_owned(); 4], 2)
    );
}

#[tokio::test]
async fn deliveries_at_once_share_a_failed_login() {
    let provider = Provider::answering(|_| json(503, "{}")).await;
    let eskiz = eskiz(&provider);
    let expected = vec!["retry_after Channel 30 login_503".to_owned(); 4];
    assert_eq!(at_once(&eskiz, &provider).await, (expected.clone(), 1));
    // The next ones try anew.
    assert_eq!(at_once(&eskiz, &provider).await, (expected, 2));
}
