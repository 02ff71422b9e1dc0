//! Channels made of channels: what stands between the engine and a provider.

mod breaker;
mod failover;
mod paced;

pub use breaker::{Breaker, BreakerOptions, Passage};
pub use failover::Failover;
pub use paced::Paced;
