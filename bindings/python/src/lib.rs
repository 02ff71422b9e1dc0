//! The Python extension module `crm_engine._native`.
//!
//! Only what needs Rust is here: the package around it, in Python, has the typed methods. Everything
//! crosses as JSON text. No panic does: each entry is guarded and answers `internal` instead.

#[cfg(feature = "testing")]
mod conformance;
mod native;
mod plugins;

/// The module. Private to the package `crm_engine`.
#[pyo3::pymodule]
mod _native {
    #[cfg(feature = "testing")]
    #[pymodule_export]
    use super::conformance::conformance;
    #[pymodule_export]
    use super::native::Native;
    #[pymodule_export]
    use super::plugins::Reply;

    /// The operations, for the test that compares the surfaces.
    #[pymodule_export]
    const OPERATIONS: [&str; crm_bindings::OPERATIONS.len()] = crm_bindings::OPERATIONS;
}
