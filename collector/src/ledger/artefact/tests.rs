//! What is kept of what was shown, for how long, and beside another config.

use super::*;

fn artefact(text_hash: &str, build: &str) -> (Artefact, String) {
    let artefact = Artefact {
        hash: String::new(),
        site: "demo".into(),
        kind: "banner".into(),
        language: "en".into(),
        revision: 1,
        text_hash: text_hash.into(),
        declaration_hash: "d".into(),
    };
    artefact.compose(&json!(build), &json!({"text": text_hash}))
}

#[test]
fn what_was_shown_stays_and_a_row_names_what_is_served_or_else_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |served: &[(Artefact, String)]| Artefacts::open(folder.path(), served.iter().cloned()).unwrap();
    let (one, two, other) = (artefact("a", "1"), artefact("a", "2"), artefact("b", "2"));
    open(std::slice::from_ref(&one));
    let artefacts = open(&[two.clone(), other.clone()]);
    assert_eq!(artefacts.seen("demo", "a"), Some(two.0.clone()));
    assert_eq!(artefacts.read(&one.0.hash).unwrap(), one.1);
    assert_eq!((artefacts.seen("demo", ""), artefacts.seen("other", "a")), (None, None));
    let back = open(std::slice::from_ref(&one));
    assert_eq!(back.seen("demo", "a"), Some(one.0));
    assert_eq!(back.seen("demo", "b"), Some(other.0));
    assert_eq!(back.all().len(), 3);
}

#[test]
fn a_changed_file_is_not_read_and_one_that_is_gone_comes_back_while_it_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let one = artefact("a", "1");
    let artefacts = Artefacts::open(folder.path(), [one.clone()].into_iter()).unwrap();
    fs::copy(folder.path().join(INDEX), folder.path().join(&one.0.hash)).unwrap();
    assert!(artefacts.read(&one.0.hash).is_err());
    fs::remove_file(folder.path().join(&one.0.hash)).unwrap();
    let artefacts = Artefacts::open(folder.path(), [one.clone()].into_iter()).unwrap();
    assert_eq!(artefacts.read(&one.0.hash).unwrap(), one.1);
    assert_eq!(artefacts.all().len(), 1);
}

#[test]
fn only_what_was_not_shown_for_long_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (artefact("a", "1"), artefact("b", "1"));
    Artefacts::open(folder.path(), [one.clone()].into_iter()).unwrap();
    let artefacts = Artefacts::open(folder.path(), [two].into_iter()).unwrap();
    let now = SystemTime::now();
    assert!(artefacts.unseen(now).is_empty());
    let later = now + UNSEEN_TIME + Duration::from_secs(60);
    let unseen = artefacts.unseen(later);
    assert_eq!(unseen, std::slice::from_ref(&one.0));
    let retired = artefacts.retire(HashSet::from([one.0.hash.clone()]), later);
    assert_eq!((artefacts.all().len(), artefacts.seen("demo", "a")), (1, None));
    artefacts.remove(&retired, later).unwrap();
    assert!(!folder.path().join(&one.0.hash).exists());
    let artefacts = Artefacts::open(folder.path(), std::iter::empty()).unwrap();
    assert_eq!(artefacts.all().len(), 1);
}

#[test]
fn what_another_config_added_meanwhile_stays_in_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (artefact("a", "1"), artefact("b", "1"));
    Artefacts::open(folder.path(), [one.clone()].into_iter()).unwrap();
    let former = Artefacts::open(folder.path(), std::iter::empty()).unwrap();
    let later = SystemTime::now() + UNSEEN_TIME + Duration::from_secs(60);
    let retired = former.retire(HashSet::from([one.0.hash.clone()]), later);
    Artefacts::open(folder.path(), [two.clone()].into_iter()).unwrap();
    former.remove(&retired, later).unwrap();
    assert_eq!(Artefacts::open(folder.path(), std::iter::empty()).unwrap().all(), [two.0]);
}

#[test]
fn what_another_config_shows_again_meanwhile_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let one = artefact("a", "1");
    Artefacts::open(folder.path(), [one.clone()].into_iter()).unwrap();
    let former = Artefacts::open(folder.path(), std::iter::empty()).unwrap();
    let now = SystemTime::now();
    let file = File::open(folder.path().join(&one.0.hash)).unwrap();
    file.set_modified(now - UNSEEN_TIME - Duration::from_secs(60)).unwrap();
    let retired = former.retire(HashSet::from([one.0.hash.clone()]), now);
    assert_eq!(retired.len(), 1);
    let next = Artefacts::open(folder.path(), [one.clone()].into_iter()).unwrap();
    former.remove(&retired, now).unwrap();
    assert_eq!(next.read(&one.0.hash).unwrap(), one.1);
    assert_eq!(Artefacts::open(folder.path(), std::iter::empty()).unwrap().all(), [one.0]);
}

#[test]
fn what_a_decision_names_meanwhile_is_not_retired_nor_what_leads_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let declaration = Artefact { kind: "declaration".into(), text_hash: String::new(), ..artefact("", "").0 };
    let all = [
        artefact("a", "1"),
        artefact("a", "2"),
        declaration.compose(&json!(1), &json!(2)),
        artefact("b", "1"),
    ];
    Artefacts::open(folder.path(), all.iter().cloned()).unwrap();
    let artefacts = Artefacts::open(folder.path(), std::iter::empty()).unwrap();
    let now = SystemTime::now();
    for (artefact, _) in &all {
        let file = File::open(folder.path().join(&artefact.hash)).unwrap();
        file.set_modified(now - UNSEEN_TIME - Duration::from_secs(60)).unwrap();
    }
    let unseen: HashSet<String> = artefacts.unseen(now).into_iter().map(|one| one.hash).collect();
    assert_eq!(unseen.len(), 4);
    // Between the question to the store and the removal.
    assert!(artefacts.seen("demo", "a").is_some());
    assert_eq!(artefacts.retire(unseen, now), HashSet::from([all[3].0.hash.clone()]));
    assert_eq!(artefacts.seen("demo", "b"), None, "no row names it from here on");
    assert!(artefacts.seen("demo", "a").is_some());
}
