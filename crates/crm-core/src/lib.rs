//! The core of the outreach engine: domain, ports and use cases, without any I/O of its own.
//!
//! A host puts an [`Engine`](engine::Engine) together from adapters (a store, channels, a model), lets
//! each of its users act through [`act_as`](engine::Engine::act_as), and runs a `Worker` somewhere. The
//! whole job, in memory and with a channel that only remembers:
//!
//! ```
//! # #[cfg(all(feature = "worker", feature = "testing"))]
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use std::sync::Arc;
//!
//! use crm_core::contact::ContactFields;
//! use crm_core::engine::{Engine, GenerateMessage};
//! use crm_core::memory::MemoryStore;
//! use crm_core::message::{Occasion, Status, decide::Seen};
//! use crm_core::port::channel::ChannelCapabilities;
//! use crm_core::system::{RandomIds, SystemClock};
//! use crm_core::testing::RecordingChannel;
//! use crm_core::worker::{Worker, WorkerOptions};
//! use crm_core::{Actor, Role, Workspace};
//!
//! let channel = Arc::new(RecordingChannel::new(ChannelCapabilities::default()));
//! let store = Arc::new(MemoryStore::default());
//! let engine = Engine::builder(store, Arc::new(SystemClock), Arc::new(RandomIds::default()))
//!     .channel("email", channel.clone())
//!     .build();
//! let manager = engine.act_as(Actor::new(Workspace::default(), "u-17", Role::Manager));
//!
//! let contact = manager.contacts().create(ContactFields {
//!     name: "Гулнора Азимова".to_owned(),
//!     email: Some("gulnora@mail.example".to_owned()),
//!     ..ContactFields::default()
//! }).await?;
//! let draft = manager.messages().generate(GenerateMessage::new(contact.id, Occasion::NewYear)).await?;
//! assert_eq!(draft.status, Status::PendingApproval);
//!
//! // A person has read `draft` and agrees to exactly that.
//! manager.approvals().approve(draft.id, Seen::of(&draft)).await?;
//! Worker::new(engine.clone(), WorkerOptions::default()).run_until_idle().await?;
//!
//! assert_eq!(channel.delivered()[0].content(), draft.revision.content);
//! assert!(manager.audit().verify(None).await?.valid);
//! # Ok::<(), crm_core::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where to look next: [`port`] for writing an adapter, [`message::lifecycle`] for what may happen to a
//! message and who may cause it, [`audience`] for choosing people, [`worker`] (feature `worker`) for what
//! runs in the background, [`testing`] (feature `testing`) for fakes and for the suites that every adapter
//! has to pass. Without features nothing here does I/O, reads a clock or draws random numbers.

pub mod actor;
pub mod audience;
pub mod budget;
pub mod campaign;
pub mod change;
pub mod consent;
pub mod contact;
pub mod counter;
pub mod draft_batch;
pub mod engine;
pub mod error;
pub mod export;
pub mod generation;
pub mod guardrail;
pub mod hold;
pub mod id;
pub mod import;
pub mod intake;
pub mod layer;
pub mod memory;
pub mod message;
pub mod money;
mod note;
pub mod port;
pub mod receipt;
mod spelling;
pub mod stamp;
pub mod subscription;
#[cfg(feature = "worker")]
pub mod system;
pub mod template;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "worker")]
pub mod worker;
pub mod zone;

pub use actor::{Action, Actor, Role, Workspace};
pub use error::{Error, ErrorKind, FieldError, Result, Retry};
