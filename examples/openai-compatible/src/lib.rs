//! How small an adapter of the [`Llm`](crm_core::port::llm::Llm) port is: drafts through an OpenAI-compatible
//! chat-completions endpoint.
//!
//! One call is one request, never a retry. A draft is handed back only when the model ended by itself and answered in
//! the agreed JSON form; everything else is an error with a stable code. The cost is exact, in 10^-12 US dollars, from
//! prices that the host gives; a model without a price is refused before anything is sent.
//!
//! ```no_run
//! use crm_openai_compatible::{OpenAiCompatible, Price, Settings};
//!
//! # fn main() -> crm_core::Result<()> {
//! let key = std::env::var("OPENAI_API_KEY").unwrap_or_default();
//! let mut settings = Settings::new("https://api.openai.com/v1", "gpt-5-mini", key.into());
//! // In 10^-12 US dollars per token: $0.25, $0.025 and $2.00 per million.
//! let price = Price { input: 250_000, cached_input: 25_000, output: 2_000_000 };
//! settings.prices.insert("gpt-5-mini".to_owned(), price);
//! let llm = OpenAiCompatible::new(settings)?;
//! # let _ = llm;
//! # Ok(())
//! # }
//! ```

mod answer;
mod client;
mod failure;
mod request;
mod settings;

pub use client::OpenAiCompatible;
pub use settings::{Limit, Price, Settings};
