//! Power goes under everything at once: server, engine, and the disk below both.
//!
//! The data folder is an ext4 file system of its own, in a file, which only the server and its engine see. It is shut down as
//! its developers do to test it: at once and without its journal being written. Mounted again, it holds what it held then:
//! what was written and not synced is there only where the system had written it by itself.

use super::layer::compile;
use super::load::{ALL, Visitors};
use super::{Moments, rounds};
use crate::sender::{batch, try_batch};
use crate::stack::{LOG, PATIENCE, Stack, children, command, signal, try_signal};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The size of the disk. The file that it is in takes what is written.
const DISK_BYTES: u64 = 1 << 30;
/// Mounts the disk where nobody else sees it, and becomes the server. The journal is written when something is synced, and
/// hardly ever by itself.
const MOUNT: &str = "mount -o loop,commit=600 \"$0\" \"$1\" && shift && exec \"$@\"";
/// Pause between two looks at something that is awaited.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// The numbers of the batches of visitors who leave.
const LEAVING: u64 = 1 << 40;

#[test]
#[ignore = "needs root, to mount: cargo xtask faults"]
fn what_was_acknowledged_outlives_a_loss_of_power_once_and_what_was_withdrawn_stays_gone() {
    let mut moments = Moments::begin("loss of power");
    let disk = disk();
    let server = on_disk(disk.path());
    let mut stack = Stack::launch(disk, server, on_disk);
    let mut visitors = Visitors::of(&stack);
    let mut leaving: Vec<String> = Vec::new();
    let (rounds, mut forgotten) = (rounds(5), 0);
    for round in 0..rounds {
        leaving.push(stack.decide("accept", &ALL, "").cookies());
        assert_eq!(leave(&stack, &leaving, round), 202);
        let load = visitors.start(&stack);
        let moment = moments.next(1..600);
        stack.await_that("some batches were acknowledged", || load.acknowledged() >= moment);
        // In every other round nothing is synced after the withdrawal that could take it to the disk too.
        let load = match round % 2 {
            0 => Some(load),
            _ => {
                visitors.end(load);
                None
            }
        };
        write_beside(&stack.data_within(), round);
        assert_eq!(stack.decide("withdraw", &[], &leaving[round]).status, 200);
        cut_power(stack.process_id(), stack.folder());
        if let Some(load) = load {
            visitors.end(load);
        }
        stack = stack.kill_and_restart();
        forgotten += usize::from(forgot(&stack.data_within(), round));
        visitors.repeat(&stack);
        visitors.assert_exactly_once(&stack);
        assert_eq!(leave(&stack, &leaving, round), 403, "a withdrawal is forgotten");
        stack.await_count("SELECT count() FROM events WHERE path LIKE '/leaving/%'", 0);
        let decisions = 2 * leaving.len() as u64 + 1;
        assert_eq!(stack.count("SELECT count() FROM consents"), decisions, "the ledger's rows");
    }
    // The system may have written it by itself, but seldom within a moment. Otherwise this would show nothing.
    assert!(
        2 * forgotten > rounds,
        "the disk kept what was not synced in {} of {rounds}",
        rounds - forgotten
    );
}

#[test]
#[ignore = "needs root, to mount: cargo xtask faults"]
fn a_loss_of_power_on_the_way_up_leaves_what_can_be_started_again() {
    // In the first start of all, which makes keys, spool and tables.
    for logged in ["the engine answers", "The store's schema was extended.", "The spool is open."] {
        let disk = disk();
        let mut server = Alone(on_disk(disk.path()).spawn().unwrap());
        let log = || fs::read_to_string(disk.path().join("log")).unwrap();
        await_that(logged, || log().contains(logged));
        cut_power(server.0.id(), disk.path());
        server.0.wait().unwrap();
        let again = on_disk(disk.path());
        let stack = Stack::launch(disk, again, on_disk);
        let mut visitors = Visitors::of(&stack);
        let load = visitors.start(&stack);
        stack.await_that("batches are acknowledged", || load.acknowledged() >= 20);
        visitors.end(load);
        visitors.assert_exactly_once(&stack);
    }
}

/// A batch of the visitor who leaves in that round; its status.
fn leave(stack: &Stack, leaving: &[String], round: usize) -> u16 {
    let number = LEAVING + round as u64;
    try_batch(stack.public, &leaving[round], &batch(number, &format!("/leaving/{round}"))).unwrap().status
}

/// Writes a file that is synced and one that is not. Their names are new: what is written over another file is flushed when
/// it is closed, so that careless programs lose less.
fn write_beside(data: &Path, round: usize) {
    let mut synced = File::create(data.join(format!("synced-{round}"))).unwrap();
    synced.write_all(b"synced").unwrap();
    synced.sync_all().unwrap();
    fs::write(data.join(format!("written-{round}")), "written").unwrap();
}

/// Whether the disk forgot the one. It never forgets the other.
fn forgot(data: &Path, round: usize) -> bool {
    assert_eq!(fs::read(data.join(format!("synced-{round}"))).unwrap(), b"synced");
    fs::read(data.join(format!("written-{round}"))).unwrap_or_default().is_empty()
}

/// A folder with an empty disk in it.
fn disk() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    File::create(image(folder.path())).unwrap().set_len(DISK_BYTES).unwrap();
    let made = Command::new("/sbin/mkfs.ext4").arg("-q").arg(image(folder.path())).status();
    assert!(made.unwrap().success(), "a file system cannot be made");
    folder
}

fn image(folder: &Path) -> PathBuf {
    folder.join("disk")
}

/// The demo, without sample history, with its data on the disk.
fn on_disk(folder: &Path) -> Command {
    let inner = command(folder, &["--demo-days", "0"]);
    let mut outer = Command::new("unshare");
    outer.args(["--mount", "sh", "-c", MOUNT]).arg(image(folder)).arg(folder.join("data"));
    outer.arg(inner.get_program()).args(inner.get_args()).env("KRUIMEL_LOG", LOG);
    let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
    outer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    outer
}

/// Cuts the power under server, engine and disk. Returns when nobody holds the disk any more. Both stand still first, as they
/// do without power: a sync that is under way when the disk goes is told to have succeeded now and then, and what is answered
/// for it would be a promise that no machine without power makes.
fn cut_power(server: u32, folder: &Path) {
    static CUTTER: OnceLock<PathBuf> = OnceLock::new();
    let cutter = CUTTER.get_or_init(|| compile("power", include_str!("power.c"), &[]));
    let data = format!("/proc/{server}/root{}/data", folder.display());
    let mut still = Still(Vec::new());
    still.stop(server);
    // Only now: a server that goes on may start another.
    children(server).into_iter().for_each(|engine| still.stop(engine));
    assert!(Command::new(cutter).arg(data).status().unwrap().success(), "the power cannot be cut");
    drop(still);
    await_that("the disk is let go of", || {
        let mut held = Command::new("losetup");
        held.arg("--associated").arg(image(folder)).output().unwrap().stdout.is_empty()
    });
}

/// Processes that stand still. They end with this and never go on: one that stands still outlives its parent, and holds the
/// disk.
struct Still(Vec<u32>);

impl Still {
    fn stop(&mut self, process: u32) {
        self.0.push(process);
        signal(process, "STOP");
        await_that("all of it stands still", || stands_still(process));
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        // The parent last: while it stands still it asks no child how it ended, so that a number stays that child's.
        for process in self.0.iter().rev() {
            try_signal(*process, "KILL");
        }
    }
}

/// A server that no [`Stack`] stands for. It ends with this, and its engine with it.
struct Alone(Child);

impl Drop for Alone {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

/// Whether no thread runs, or will before it is told to: one that waits for the disk (`D`) stops when it has its answer.
fn stands_still(process: u32) -> bool {
    let state_of = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
    };
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads.flatten().filter_map(state_of).all(|state| "TDZX".contains(state))
}

fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come to pass");
        std::thread::park_timeout(LOOK_INTERVAL);
    }
}
