//! How many connections the machine has open files for.
//!
//! Invariant: what the spool, the store and the engine need stays free.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that are not connections of browsers: spool, store, logs, analysts.
const FILES_KEPT: u64 = 512;
/// Most connections where the config names no number: each costs some 15 KB.
const CONNECTIONS_DEFAULT_MAX: u64 = 4_096;
/// Fewest, on a machine with hardly any open files.
const CONNECTIONS_DEFAULT_MIN: u64 = 64;
/// Up to where the soft limit is raised.
const FILES_MAX: u64 = 65_536;

/// Raises the soft limit of open files as far as this process may: the low default is for programs that use `select`.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = limit.maximum.unwrap_or(FILES_MAX).min(FILES_MAX);
    if limit.current.is_some_and(|current| current < raised)
        && let Err(error) =
            setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum })
    {
        tracing::warn!(%error, "The limit of open files cannot be raised.");
    }
}

/// The number from the config, or what the limit of open files allows.
pub(crate) fn connections_max(configured: Option<usize>) -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(FILES_MAX);
    let allowed = by_files(files);
    if let Some(configured) = configured {
        if configured as u64 > files.saturating_sub(FILES_KEPT) {
            tracing::warn!(
                configured,
                files,
                "listen.connections_max is more than the limit of open files allows. Raise that limit (LimitNOFILE in systemd), or lower the number."
            );
        }
        return configured;
    }
    allowed
}

fn by_files(files: u64) -> usize {
    let half = files.saturating_sub(FILES_KEPT) / 2;
    half.clamp(CONNECTIONS_DEFAULT_MIN, CONNECTIONS_DEFAULT_MAX) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_connections_follows_from_the_open_files() {
        for (files, expected) in [(20_000, 4_096), (1_024, 256), (256, 64), (u64::MAX, 4_096)] {
            assert_eq!(by_files(files), expected, "{files}");
        }
        assert_eq!(connections_max(Some(99)), 99);
    }
}
