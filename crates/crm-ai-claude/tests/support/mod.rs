//! Shared by the integration tests.

// Each test target uses its part.
#![allow(dead_code)]

use std::sync::Arc;
use std::time::Duration;

use crm_ai_claude::{Claude, ClaudeConfig};
use crm_core::port::llm::DraftRequest;
use crm_core::testing::FakeClock;

/// Stands for the key; must never be seen outside the `x-api-key` header.
pub(crate) const KEY_CANARY: &str = "key-canary-5e1f0d4a";
/// Stands for the rules.
pub(crate) const RULES_CANARY: &str = "rules-canary-7b9c2d3e";
/// Stands for contact data.
pub(crate) const DATA_CANARY: &str = "data-canary-4f5a6b7c";

/// Stands for our id of the person.
pub(crate) const ABOUT_CANARY: &str = "about-canary-0a1b2c3d";

/// Settings against a local server.
pub(crate) fn config(base_url: &str) -> ClaudeConfig {
    let mut config = ClaudeConfig::new(KEY_CANARY.to_owned().into());
    config.base_url = base_url.to_owned();
    config.timeout = Duration::from_secs(10);
    config
}

/// Noon of the day the fixtures were composed.
pub(crate) fn clock() -> Arc<FakeClock> {
    let noon = "2026-11-22T12:00:00Z".parse().expect("moment");
    Arc::new(FakeClock::new(noon))
}

/// An adapter with these settings on that day.
pub(crate) fn with(config: ClaudeConfig) -> Claude {
    Claude::with_clock(config, clock()).expect("usable settings")
}

/// An adapter against a local server.
pub(crate) fn claude(base_url: &str) -> Claude {
    with(config(base_url))
}

/// A request with canaries in every text.
pub(crate) fn request() -> DraftRequest {
    DraftRequest {
        system: RULES_CANARY.to_owned(),
        user: format!("{{\"first_name\":\"{DATA_CANARY}\"}}"),
        language: "ru".to_owned(),
        subject: false,
        max_length: 160,
        max_tokens: 1024,
        about: Some(ABOUT_CANARY.to_owned()),
    }
}

/// Fails when a printed value holds a canary.
pub(crate) fn assert_silent(printed: &str) {
    for canary in [KEY_CANARY, RULES_CANARY, DATA_CANARY, ABOUT_CANARY] {
        assert!(!printed.contains(canary), "{canary} in {printed}");
    }
}
