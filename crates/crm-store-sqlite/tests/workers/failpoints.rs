//! Processes end at named points: see [`crm_store_testing::workers::failpoints`].

use crm_store_testing::workers::failpoints;

use crate::file::File;

/// More than the processes deliver that die late.
const PEOPLE: usize = 400;

#[test]
fn processes_that_end_at_named_points_lose_nothing_and_repeat_nothing() {
    failpoints::run::<File>(PEOPLE);
}
