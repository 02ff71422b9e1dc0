//! What the proofs have to know of the faults here.

/// Deliveries of a worker under way at once: all that one fault may leave in doubt.
pub(crate) const PLACES: usize = 8;

/// A number from the environment.
pub(crate) fn setting(name: &str, standard: usize) -> usize {
    std::env::var(name).map_or(standard, |text| text.parse().unwrap())
}
