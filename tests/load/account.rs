//! What a process used so far, from the kernel's own books: processor time of all its threads, memory.
//!
//! In: a process id. Out: readings of `/proc`. Invariant: a process that is gone is a fault, never a zero.

use std::fs;
use std::time::Duration;

/// What `/proc/<pid>/stat` counts in: a hundredth of a second on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// Processor time in user and kernel mode, of every thread that is or was.
pub(crate) fn processor_time(process: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    // The name, in brackets, may hold anything; the fields after it do not.
    let (_, fields) = text.rsplit_once(") ").expect("the format of proc(5)");
    let ticks: u32 = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

/// Resident memory now, in MB (10^6 bytes).
pub(crate) fn memory_mb(process: u32) -> f64 {
    status_mb(process, "VmRSS:")
}

/// The most resident memory that it ever had, in MB.
pub(crate) fn memory_peak_mb(process: u32) -> f64 {
    status_mb(process, "VmHWM:")
}

fn status_mb(process: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a line of proc(5)");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024.0 / 1e6
}
