//! Power that goes at any operation: a disk that forgets what was not synced, and the promise that is left to keep.
//!
//! In: a random life of appends, seals and drains, and the operations at which the power goes. Out: a verdict. The model
//! is as unkind as a file system may be: of what was written and not synced any part may have reached the disk, also as
//! zeros; of names that were made, moved or removed and not synced, any subset.

use super::disk::Disk;
use super::{AppendError, Record, Spool, SpoolOptions, StoredRecord, Table};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use wire::BatchId;

#[derive(Clone, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Change {
    Put(PathBuf, u64),
    Move(PathBuf, PathBuf),
    Take(PathBuf),
}

impl Change {
    fn is_in(&self, folder: &Path) -> bool {
        let (Change::Put(path, _) | Change::Move(_, path) | Change::Take(path)) = self;
        path.parent() == Some(folder)
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Change::Put(path, file) => drop(names.insert(path.clone(), *file)),
            Change::Take(path) => drop(names.remove(path)),
            Change::Move(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

/// What is on disk for sure, and what may be.
struct Model {
    operations_left: u32,
    contents: HashMap<u64, Content>,
    names: BTreeMap<PathBuf, u64>,
    pending: Vec<Change>,
}

/// Carries the calls out on the real folder, and remembers which of it would outlive the power.
struct PowerDisk(Mutex<Model>);

impl PowerDisk {
    fn on(folder: &Path, operations_left: u32) -> Arc<PowerDisk> {
        let (mut contents, mut names) = (HashMap::new(), BTreeMap::new());
        for path in
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
        {
            let (file, bytes) = (fs::metadata(&path).unwrap().ino(), fs::read(&path).unwrap());
            contents.insert(file, Content { now: bytes.clone(), synced: bytes });
            names.insert(path, file);
        }
        Arc::new(PowerDisk(Mutex::new(Model { operations_left, contents, names, pending: Vec::new() })))
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap()
    }

    /// Takes one operation's worth of power.
    fn power(&self) -> io::Result<MutexGuard<'_, Model>> {
        let mut model = self.model();
        if model.operations_left == 0 {
            return Err(io::Error::other("the power is gone"));
        }
        model.operations_left -= 1;
        Ok(model)
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.power()?.pending.push(change);
        Ok(())
    }

    /// The folder as the next start finds it.
    fn survive(&self, dice: &mut Dice) -> TempDir {
        let mut model = self.model();
        model.operations_left = 0;
        let mut names = model.names.clone();
        model.pending.iter().filter(|_| dice.roll(2) == 0).for_each(|change| change.apply(&mut names));
        let folder = tempfile::tempdir().unwrap();
        for (path, file) in names {
            let bytes = dice.reached(&model.contents[&file]);
            fs::write(folder.path().join(path.file_name().unwrap()), bytes).unwrap();
        }
        folder
    }
}

fn id(file: &File) -> u64 {
    file.metadata().unwrap().ino()
}

impl Disk for PowerDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        let file = fs::OpenOptions::new().append(true).create_new(true).open(path)?;
        let mut model = self.power()?;
        model.contents.insert(id(&file), Content::default());
        model.pending.push(Change::Put(path.to_owned(), id(&file)));
        Ok(file)
    }

    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let powered = self.power().map(drop);
        // The power goes in the middle of a write.
        let written = if powered.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        file.write_all(written)?;
        if let Some(content) = self.model().contents.get_mut(&id(file)) {
            content.now.extend_from_slice(written);
        }
        powered
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        let mut model = self.power()?;
        file.set_len(length)?;
        model.contents.get_mut(&id(file)).unwrap().now.truncate(length as usize);
        Ok(())
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        let mut model = self.power()?;
        let content = model.contents.get_mut(&id(file)).unwrap();
        content.synced = content.now.clone();
        Ok(())
    }

    fn stamp(&self, path: &Path, at: SystemTime) -> io::Result<()> {
        drop(self.power()?);
        File::open(path)?.set_modified(at)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Change::Move(from.to_owned(), to.to_owned()))?;
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        // Only to quarantine, which this model does not look into.
        drop(self.power()?);
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if !path.exists() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(Change::Take(path.to_owned()))?;
        fs::remove_file(path)
    }

    fn sync_directory(&self, folder: &Path) -> io::Result<()> {
        let mut model = self.power()?;
        let (synced, pending) =
            std::mem::take(&mut model.pending).into_iter().partition(|one| one.is_in(folder));
        let synced: Vec<Change> = synced;
        synced.iter().for_each(|change| change.apply(&mut model.names));
        model.pending = pending;
        Ok(())
    }
}

/// Chance that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// What of a file's content reached the disk.
    fn reached(&mut self, content: &Content) -> Vec<u8> {
        if !content.now.starts_with(&content.synced) {
            return if self.roll(2) == 0 { content.now.clone() } else { content.synced.clone() };
        }
        let unsynced = (content.now.len() - content.synced.len()) as u64;
        let mut bytes = content.now[..content.synced.len() + self.roll(unsynced + 1) as usize].to_vec();
        if self.roll(2) == 0 {
            bytes.resize(content.now.len(), 0);
        }
        bytes
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Append(u8),
    Seal,
    Drain,
    Erase,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![6 => (0..24_u8).prop_map(Step::Append), 1 => Just(Step::Seal), 2 => Just(Step::Drain), 1 => Just(Step::Erase)]
}

/// The receipt of these batches is dead from the beginning, and nothing is promised of their rows.
const DEAD_FROM: u8 = 18;

fn erase(spool: &Spool) {
    spool.erase_waiting(Duration::ZERO, |record| match record.consent_id {
        9 => record.rows().enumerate().filter(|(_, row)| !row.is_blank()).map(|(at, _)| at).collect(),
        _ => Vec::new(),
    });
}

/// A store that holds what it was given, as the drain uses it.
#[derive(Default)]
struct Held(HashMap<u64, Vec<u8>>);

impl Held {
    /// Drains until nothing waits or the power goes.
    fn drain(&mut self, spool: &Spool) {
        while let Some(segment) = spool.oldest_now() {
            let numbers = |records: &[StoredRecord<'_>]| -> Vec<u8> {
                let rows = records.iter().flat_map(|record| record.rows().filter(|row| !row.is_blank()));
                rows.map(|row| row.whole()[8] - 1).filter(|number| *number < DEAD_FROM).collect()
            };
            let Ok((contents, numbers)) = spool.read(&segment, numbers) else { return };
            let held = self.0.entry(segment.id()).or_default();
            assert!(segment.inherited() || held.is_empty() || *held == numbers, "an id is there twice");
            *held = numbers;
            if spool.finish(&segment, &contents).is_err() {
                return;
            }
        }
    }

    fn numbers(&self) -> Vec<u8> {
        let mut all: Vec<u8> = self.0.values().flatten().copied().collect();
        all.sort_unstable();
        all
    }
}

const OPTIONS: SpoolOptions =
    SpoolOptions { bytes_max: 1 << 20, segment_bytes: 300, segment_age: Duration::from_secs(3600) };

async fn append(spool: &Spool, number: u8) -> Result<(), AppendError> {
    let rows = vec![[&[0; 8][..], &[number + 1; 20]].concat()];
    let batch = Some(BatchId(u128::from(number)));
    let consent_id = if number < DEAD_FROM { 1 } else { 9 };
    let record = Record { batch, consent_id, ..Record::of(Table::Events, rows.into()) };
    spool.append(record).await.map(drop)
}

async fn live(steps: &[Step], cuts: &[u32], mut dice: Dice) {
    let mut folder = tempfile::tempdir().unwrap();
    let (mut held, mut acknowledged) = (Held::default(), BTreeSet::new());
    let share = steps.len().div_ceil(cuts.len());
    for (cut, steps) in cuts.iter().zip(steps.chunks(share.max(1))) {
        let disk = PowerDisk::on(folder.path(), *cut);
        // Without a spool the power went while an earlier loss was recovered from.
        let opened = Spool::open_on(folder.path(), OPTIONS, Arc::<PowerDisk>::clone(&disk));
        if let Ok((spool, _)) = &opened {
            for step in steps {
                match step {
                    Step::Append(number) => {
                        if append(spool, *number).await.is_ok() && *number < DEAD_FROM {
                            acknowledged.insert(*number);
                        }
                    }
                    Step::Seal => drop(spool.seal().await),
                    Step::Drain => held.drain(spool),
                    Step::Erase => erase(spool),
                }
            }
        }
        let survived = disk.survive(&mut dice);
        drop(opened);
        folder = survived;
    }

    let disk = PowerDisk::on(folder.path(), u32::MAX);
    let (spool, _) = Spool::open_on(folder.path(), OPTIONS, disk).unwrap();
    erase(&spool);
    for entry in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap()) {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        let dead = |row: &[u8]| row[0] > DEAD_FROM && row.iter().all(|byte| *byte == row[0]);
        assert!(!bytes.windows(20).any(dead), "a row of the dead receipt is left");
    }
    held.drain(&spool);
    let stored = held.numbers();
    let once: BTreeSet<u8> = stored.iter().copied().collect();
    assert_eq!(stored.len(), once.len(), "stored twice: {stored:?}");
    let lost: Vec<&u8> = acknowledged.difference(&once).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    // Every browser repeats what it sent, answered or not.
    for number in 0..24 {
        append(&spool, number).await.unwrap();
    }
    spool.seal().await;
    held.drain(&spool);
    assert_eq!(held.numbers(), (0..DEAD_FROM).collect::<Vec<u8>>(), "after the retries");
}

proptest! {
    #[test]
    fn whenever_the_power_goes_what_was_acknowledged_is_there_once(
        steps in prop::collection::vec(step(), 1..60),
        cuts in prop::collection::vec(0..80_u32, 1..5),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(&steps, &cuts, Dice(seed)));
    }
}
