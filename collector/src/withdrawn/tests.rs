//! The list over restarts, beside damage, and under a clock that was wrong.

use super::*;

fn open(folder: &Path) -> Withdrawn {
    Withdrawn::open(folder, &[]).unwrap()
}

fn ended(consent_id: u64, at_ms: u64) -> Ended {
    Ended { consent_id, at_ms, erased: false }
}

#[test]
fn a_killed_receipt_is_dead_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let list = open(folder.path());
    let clone = list.clone();
    let before = now_ms();
    list.kill(7, before);
    assert!(clone.is_dead(7) && !clone.is_dead(8));
    assert!(clone.has_died_since(7, before) && !clone.has_died_since(7, before + 1));
    assert!(!clone.has_died_since(8, 0));
    list.save().unwrap();
    list.kill(8, now_ms());
    assert!(open(folder.path()).is_dead(7));
    assert!(!open(folder.path()).is_dead(8), "not saved: its decision is in the spool");
    assert!(Withdrawn::open(folder.path(), &[ended(8, now_ms())]).unwrap().is_dead(8));
    assert!(open(folder.path()).is_dead(8), "what the spool told is on disk before the spool is drained");
}

#[test]
fn a_torn_or_damaged_entry_costs_itself_alone() {
    let folder = tempfile::tempdir().unwrap();
    let list = open(folder.path());
    for id in 1..=3 {
        list.kill(id, now_ms());
        list.save().unwrap();
    }
    let path = folder.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    bytes[MAGIC.len() + ENTRY_BYTES] ^= 1;
    bytes.pop();
    fs::write(&path, bytes).unwrap();
    let list = open(folder.path());
    assert_eq!([1, 2, 3].map(|id| list.is_dead(id)), [true, false, false]);
    list.kill(9, now_ms());
    list.save().unwrap();
    assert!(open(folder.path()).is_dead(9), "entries after a torn one are read");
}

#[test]
fn what_is_saved_into_a_file_without_a_head_or_with_a_torn_end_is_read() {
    for length in [0, 5, MAGIC.len() + 2 * ENTRY_BYTES - 3] {
        let folder = tempfile::tempdir().unwrap();
        let list = open(folder.path());
        list.kill(7, now_ms());
        list.kill(8, now_ms());
        list.save().unwrap();
        let file = OpenOptions::new().write(true).open(folder.path().join(FILE)).unwrap();
        file.set_len(length as u64).unwrap();
        list.kill(9, now_ms());
        list.save().unwrap();
        let again = open(folder.path());
        assert!(again.is_dead(9), "{length}");
        assert_eq!(again.is_dead(7), length > MAGIC.len(), "{length}");
    }
}

#[test]
fn a_receipt_that_has_long_expired_is_forgotten_with_its_entry_but_not_by_a_start_whose_clock_may_be_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let list = open(folder.path());
    list.kill(1, now_ms() - DEAD_TIME.as_millis() as u64 - 1);
    list.kill(2, now_ms());
    list.save().unwrap();
    let list = open(folder.path());
    assert!(list.is_dead(1) && list.is_dead(2));
    list.forget_expired();
    assert!(!list.is_dead(1) && list.is_dead(2));
    list.kill(3, now_ms());
    list.save().unwrap();
    // Into the file that took the former one's place.
    list.kill(4, now_ms());
    list.save().unwrap();
    let again = open(folder.path());
    assert_eq!([1, 2, 3, 4].map(|id| again.is_dead(id)), [false, true, true, true]);
}

#[test]
fn where_the_file_cannot_be_written_anew_a_death_is_added_to_it_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let list = open(folder.path());
    list.kill(1, now_ms() - DEAD_TIME.as_millis() as u64 - 1);
    list.save().unwrap();
    list.forget_expired();
    list.kill(2, now_ms());
    // What the new file would be written to first.
    let draft = folder.path().join(format!("{FILE}{}", crate::spool::disk::DRAFT_SUFFIX));
    fs::create_dir(&draft).unwrap();
    list.save().unwrap();
    assert!(listed(folder.path()).contains(&2));
    fs::remove_dir(&draft).unwrap();
    list.save().unwrap();
    assert_eq!(listed(folder.path()), [2]);
}

/// The receipts in the file.
fn listed(folder: &Path) -> Vec<u64> {
    read(&fs::read(folder.join(FILE)).unwrap()).map(|(id, _)| id).collect()
}

#[test]
fn what_died_while_the_clock_was_wrong_is_listed_when_it_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = MAGIC.to_vec();
    // As a collector writes it whose machine began in 1970.
    write(&mut whole, 1, Death { at_ms: 60_000, erased: true });
    fs::write(folder.path().join(FILE), whole).unwrap();
    for list in [open(folder.path()), open(folder.path())] {
        assert!(list.is_dead(1) && list.is_erased(1));
    }
    let list = Withdrawn::open(folder.path(), &[ended(2, 70_000)]).unwrap();
    list.kill(3, 80_000);
    list.save().unwrap();
    assert!(open(folder.path()).is_dead(2) && open(folder.path()).is_dead(3));
}

#[test]
fn every_listed_receipt_is_still_to_be_erased_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let days_ago = now_ms() - 3 * 24 * 60 * 60 * 1_000;
    let list = open(folder.path());
    list.kill(8, days_ago);
    list.save().unwrap();
    let list = Withdrawn::open(folder.path(), &[ended(7, days_ago)]).unwrap();
    let mut unerased = list.take_unerased();
    unerased.sort_unstable();
    assert_eq!(unerased, [7, 8]);
    assert!(list.take_unerased().is_empty());
}

#[test]
fn an_erasure_is_known_after_a_restart_and_no_later_word_of_a_withdrawal_takes_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let list = open(folder.path());
    list.kill(7, now_ms());
    list.kill(8, now_ms());
    list.erase(7, now_ms());
    list.kill(7, now_ms());
    list.save().unwrap();
    for list in [list, Withdrawn::open(folder.path(), &[ended(7, now_ms())]).unwrap(), open(folder.path())] {
        assert!(list.is_dead(7) && list.is_erased(7) && !list.is_erased(8));
        assert_eq!(list.erased(), [7]);
    }
}

#[test]
fn an_erasure_that_only_the_spool_tells_of_is_one_also_of_a_receipt_that_is_listed_as_dead() {
    let folder = tempfile::tempdir().unwrap();
    let list = open(folder.path());
    list.kill(7, now_ms());
    list.save().unwrap();
    let erased = [7, 8].map(|id| Ended { erased: true, ..ended(id, now_ms()) });
    for list in [Withdrawn::open(folder.path(), &erased).unwrap(), open(folder.path())] {
        assert!(list.is_erased(7) && list.is_erased(8));
    }
}

#[test]
fn no_receipt_is_the_receipt_that_is_never_dead() {
    let folder = tempfile::tempdir().unwrap();
    let list = open(folder.path());
    list.kill(0, now_ms());
    assert!(!list.is_dead(0));
}
