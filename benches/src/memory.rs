//! How much memory this process had at most (Linux).

use crate::Outcome;

/// Forgets the peak so far.
///
/// # Errors
/// Where the system does not tell.
pub fn forget() -> Outcome<()> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

/// The most that was resident since, in MB.
///
/// # Errors
/// Where the system does not tell.
pub fn peak() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("the system does not tell of memory")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1_000.0)
}
