//! Drafts messages with Claude through Anthropic's Messages API (`POST /v1/messages`).
//!
//! [`Claude`] implements [`crm_core::port::llm::Llm`]: one call is one request, never a retry. A
//! draft is handed back only when the model finished by itself and answered in the agreed JSON form;
//! everything else is an error with a stable code. The cost is exact, in 10^-12 US dollars, from a
//! dated table ([`prices`]); a model without a price is refused before anything is sent, and
//! [`Claude::worst_cost`] bounds a call before it is made.
//!
//! It also implements [`crm_core::port::llm_batch::LlmBatch`] on the Message Batches API: half the price,
//! within a day.
//!
//! ```no_run
//! use crm_ai_claude::{Claude, ClaudeConfig};
//!
//! # fn main() -> crm_core::Result<()> {
//! let key = std::env::var("ANTHROPIC_API_KEY").unwrap_or_default();
//! let claude = Claude::new(ClaudeConfig::new(key.into()))?;
//! # let _ = claude;
//! # Ok(())
//! # }
//! ```
//!
//! The contract was read from Anthropic's documentation (<https://docs.claude.com/en/api/messages>)
//! and from the types of its Python SDK; requests are valid under the API versions `2023-06-01` and
//! `2026-10-21`.

mod batch;
mod client;
pub mod config;
mod count;
mod errors;
mod http;
pub mod models;
pub mod price_list;
pub mod prices;
mod request;
mod response;
mod wait;

pub use client::Claude;
pub use config::{CacheTtl, ClaudeConfig, Egress};
pub use models::{Capabilities, Effort, ModelTable};
pub use prices::{Geo, ModelPrice, PriceTable, Rates, Terms};
