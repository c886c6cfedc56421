//! How an engine is started: where its data and socket are, and how much of the machine it may use.
//!
//! In: the command line or the config. Out: the same as arguments for `kruimel engine`, and caps taken from the machine
//! where none were given.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::Password;
use crate::limits::{MEMORY_BYTES_MAX, MEMORY_BYTES_MIN};

/// What an engine is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The folder that holds the engine's data, its config and its lock. Made, readable by its owner only, if missing.
    pub data: PathBuf,
    /// The Unix socket to listen on.
    pub socket: PathBuf,
    /// The library, or `None` to look in the usual places.
    pub library: Option<PathBuf>,
    /// The most memory the engine may use, or `None` for half of the machine's.
    pub memory_bytes: Option<u64>,
    /// Threads for one query, or `None` for one per core.
    pub threads: Option<usize>,
    /// How far its process stands back where processor time is short, from 0 to 19 as of nice(1), or `None` for no further
    /// than whoever starts it. The process does it itself, before it has any threads.
    pub nice: Option<u8>,
    /// Where to listen besides the socket, for whom else.
    pub listen: Option<Listen>,
}

/// A TCP address, and the password without which nobody is answered there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// The password.
    pub password: Password,
}

/// The variable of the environment in which an engine's process finds the password: a command line is open to everyone on
/// the machine. It is the config's own.
pub const PASSWORD_VARIABLE: &str = "KRUIMEL_STORE__LISTEN_PASSWORD";

impl Options {
    /// Options with the defaults for everything but the two places.
    pub fn new(data: impl Into<PathBuf>, socket: impl Into<PathBuf>) -> Options {
        Options {
            data: data.into(),
            socket: socket.into(),
            library: None,
            memory_bytes: None,
            threads: None,
            nice: None,
            listen: None,
        }
    }

    /// The arguments that follow `kruimel engine` to start an engine with these options. The password goes into its
    /// environment, as [`PASSWORD_VARIABLE`].
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            vec!["--data".into(), self.data.clone().into(), "--socket".into(), self.socket.clone().into()];
        if let Some(library) = &self.library {
            arguments.extend(["--library".into(), library.clone().into()]);
        }
        if let Some(bytes) = self.memory_bytes {
            arguments.extend(["--memory".into(), bytes.to_string().into()]);
        }
        if let Some(threads) = self.threads {
            arguments.extend(["--threads".into(), threads.to_string().into()]);
        }
        if let Some(nice) = self.nice {
            arguments.extend(["--nice".into(), nice.to_string().into()]);
        }
        if let Some(listen) = &self.listen {
            arguments.extend(["--listen".into(), listen.address.to_string().into()]);
        }
        arguments
    }

    /// The cap on memory: as given, else half of the machine's (or of its container's), within reason.
    pub fn memory_cap_bytes(&self) -> u64 {
        self.memory_bytes.unwrap_or_else(|| {
            let machine = machine_memory_bytes().unwrap_or(2 * MEMORY_BYTES_MIN);
            (machine / 2).clamp(MEMORY_BYTES_MIN, MEMORY_BYTES_MAX)
        })
    }

    /// The cap on threads of one query: as given, else one per core.
    pub fn thread_cap(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from)).max(1)
    }

    /// Threads that merge parts: half of [`Options::thread_cap`], and one at least. With one for each core a load that lasts
    /// had both of two cores merging, and visitors waited; with half of them more parts wait to be merged (measured:
    /// docs/collector-speed.md).
    pub fn merge_threads(&self) -> usize {
        (self.thread_cap() / 2).max(1)
    }
}

/// The machine's memory, or the container's limit if that is less.
fn machine_memory_bytes() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|path| std::fs::read_to_string(Path::new(path)).ok()?.trim().parse::<u64>().ok());
    match (machine, container) {
        (Some(machine), Some(container)) => Some(machine.min(container)),
        (machine, container) => machine.or(container),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_only_what_was_given() {
        let mut options = Options::new("d", "s");
        assert_eq!(options.arguments(), ["--data", "d", "--socket", "s"]);
        options.library = Some("l".into());
        options.memory_bytes = Some(5);
        options.threads = Some(3);
        options.nice = Some(5);
        let expected = [
            "--data",
            "d",
            "--socket",
            "s",
            "--library",
            "l",
            "--memory",
            "5",
            "--threads",
            "3",
            "--nice",
            "5",
        ];
        assert_eq!(options.arguments(), expected);
        let mut options = Options::new("d", "s");
        let address = SocketAddr::from(([127, 0, 0, 1], 8123));
        options.listen = Some(Listen { address, password: Password::new("secret") });
        let expected = ["--data", "d", "--socket", "s", "--listen", "127.0.0.1:8123"];
        assert_eq!(options.arguments(), expected, "no command line has a password");
    }

    #[test]
    fn caps_come_from_the_machine_unless_given() {
        let mut options = Options::new("d", "s");
        assert!((MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX).contains(&options.memory_cap_bytes()));
        assert!(options.thread_cap() >= 1);
        options.memory_bytes = Some(7);
        assert_eq!(options.memory_cap_bytes(), 7);
    }

    #[test]
    fn half_of_the_threads_merge_and_one_at_least() {
        for (threads, expected) in [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8)] {
            let mut options = Options::new("d", "s");
            options.threads = Some(threads);
            assert_eq!(options.merge_threads(), expected, "of {threads}");
        }
    }
}
