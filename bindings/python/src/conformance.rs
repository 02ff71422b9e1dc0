//! The core's conformance suites, for adapters written in Python (feature `testing` alone).

use std::sync::Arc;

use crm_bindings::envelope;
use pyo3::prelude::*;

use crate::plugins::PyPlugins;

/// Runs a suite and returns the envelope of its cases.
#[pyfunction]
pub(crate) fn conformance(py: Python<'_>, wanted: &str, invoke: Py<PyAny>) -> String {
    let plugins = Arc::new(PyPlugins::new(invoke));
    py.detach(|| envelope(crm_bindings::testing::conformance(wanted, plugins)))
}
