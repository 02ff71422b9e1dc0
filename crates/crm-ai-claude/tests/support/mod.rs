//! Shared by the integration tests.

use std::time::Duration;

use crm_ai_claude::{Claude, ClaudeConfig};
use crm_core::port::llm::DraftRequest;

/// Stands for the key; must never be seen outside the `x-api-key` header.
pub(crate) const KEY_CANARY: &str = "key-canary-5e1f0d4a";
/// Stands for the rules.
pub(crate) const RULES_CANARY: &str = "rules-canary-7b9c2d3e";
/// Stands for contact data.
pub(crate) const DATA_CANARY: &str = "data-canary-4f5a6b7c";

/// Settings against a local server.
pub(crate) fn config(base_url: &str) -> ClaudeConfig {
    let mut config = ClaudeConfig::new(KEY_CANARY.to_owned().into());
    config.base_url = base_url.to_owned();
    config.timeout = Duration::from_secs(10);
    config
}

/// An adapter against a local server.
pub(crate) fn claude(base_url: &str) -> Claude {
    Claude::new(config(base_url)).expect("usable settings")
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
    }
}

/// Fails when a printed value holds a canary.
pub(crate) fn assert_silent(printed: &str) {
    for canary in [KEY_CANARY, RULES_CANARY, DATA_CANARY] {
        assert!(!printed.contains(canary), "{canary} in {printed}");
    }
}
