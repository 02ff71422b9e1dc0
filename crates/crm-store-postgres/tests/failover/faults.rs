//! What the proofs have to know of the faults here.

pub(crate) use crm_store_testing::workers::{PLACES, setting};
