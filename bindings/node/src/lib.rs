//! The Node.js addon under the package `crm-engine`.
//!
//! Only what needs Rust is here: `index.js` around it has the methods. Everything crosses as JSON text.
//! No panic does: every export catches it (without that, a panic ends the process).

#[cfg(feature = "testing")]
pub mod conformance;
pub mod native;
pub mod plugins;
