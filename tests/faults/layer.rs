//! A thin layer below the real server that makes faults of the machine: a few lines of C, loaded before the C library.
//!
//! In: orders, in a file that the layer has in its memory. Out: a wall clock that is set (the monotonic one goes on, as on a
//! machine whose clock is corrected), and syncs of the spool that fail and take with them what was not on disk yet. The
//! engine below the same server sees the same clock.

use crate::stack::Stack;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What is synced: the order of `layer.c`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sync {
    /// A segment that is appended to.
    Segment = 1,
    /// Another file of the spool.
    OtherFile,
    /// The spool's folder.
    Folder,
    /// The list of withdrawn receipts.
    List,
}

/// The orders of one server.
pub(super) struct Layer(File);

impl Layer {
    /// Starts the demo above a layer that makes no fault yet.
    pub(super) fn start() -> (Stack, Layer) {
        let stack = Stack::start_above(library());
        let orders = File::options().read(true).write(true).open(stack.faults()).unwrap();
        (stack, Layer(orders))
    }

    /// Sets the wall clock so many milliseconds off the machine's.
    pub(super) fn set_clock(&self, off_ms: i64) {
        self.order(0, off_ms);
    }

    /// The next so many of these syncs fail.
    pub(super) fn fail(&self, sync: Sync, times: i64) {
        self.order(sync as u64, times);
    }

    /// Whether all failed that were to.
    pub(super) fn have_failed(&self, sync: Sync) -> bool {
        self.left(sync) <= 0
    }

    /// How many of these syncs are still to fail.
    pub(super) fn left(&self, sync: Sync) -> i64 {
        let mut left = [0; 8];
        self.0.read_exact_at(&mut left, sync as u64 * 8).unwrap();
        i64::from_ne_bytes(left)
    }

    fn order(&self, place: u64, value: i64) {
        self.0.write_all_at(&value.to_ne_bytes(), place * 8).unwrap();
    }
}

/// The layer, compiled once for a run of the tests.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| compile("layer.so", include_str!("layer.c"), &["-shared", "-fPIC", "-pthread"]))
}

/// Compiles a source, with these arguments besides, to a file of that name. What was there under it is replaced whole, so
/// that another run of the tests may be using it.
pub(super) fn compile(name: &str, source: &str, arguments: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (fresh, compiled) = (folder.join(format!("{name}.{}", std::process::id())), folder.join(name));
    let written = folder.join(format!("{name}.{}.c", std::process::id()));
    fs::write(&written, source).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror"]).args(arguments).arg("-o");
    let status = compiler.arg(&fresh).arg(&written).status().expect("a C compiler, which links Rust too");
    assert!(status.success(), "{name}.c does not compile");
    fs::remove_file(written).unwrap();
    fs::rename(&fresh, &compiled).unwrap();
    compiled
}
