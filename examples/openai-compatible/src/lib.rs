//! How small an adapter of the [`Llm`](crm_core::port::llm::Llm) port is: drafts through an OpenAI-compatible
//! chat-completions endpoint.
//!
//! One call is one request, never a retry. A draft is handed back only when the model ended by itself and answered in
//! the agreed JSON form; everything else is an error with a stable code. The cost is exact, in 10^-12 US dollars, from
//! prices that the host gives; a model without a price is refused before anything is sent.

mod answer;
mod client;
mod failure;
mod request;
mod settings;

pub use client::OpenAiCompatible;
pub use settings::{Limit, Price, Settings};
