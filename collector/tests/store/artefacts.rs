//! What visitors were shown outlives the newest row that names it, and no longer than its time.

use crate::ledger::{grant, refusal, site};
use crate::stand::{Stand, tests};
use kruimel_collector::ledger::{Artefact, Artefacts, Seen, UNSEEN_TIME};
use serde_json::json;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

tests![
    what_a_row_names_stays_and_what_none_names_goes_when_its_time_is_over,
    what_a_decision_on_its_way_names_stays,
    what_another_collector_still_has_comes_back,
];

/// The text of [`refusal`].
const REFUSED: &str = "0123456789abcdef";

fn artefact(kind: &str, text_hash: &str, declaration_hash: &str) -> (Artefact, String) {
    let artefact = Artefact {
        hash: String::new(),
        site: site().id.to_string(),
        kind: kind.into(),
        language: String::new(),
        revision: 1,
        text_hash: text_hash.into(),
        declaration_hash: declaration_hash.into(),
    };
    artefact.compose(&json!("build"), &json!({ "text": text_hash, "declaration": declaration_hash }))
}

/// A folder that served all of these once and serves none any more.
fn served_once(folder: &Path, all: &[(Artefact, String)]) -> Arc<Artefacts> {
    Artefacts::open(folder, all.iter().cloned()).unwrap();
    Arc::new(Artefacts::open(folder, std::iter::empty()).unwrap())
}

/// The days pass in which nothing shows them.
fn let_them_age(folder: &Path, all: &[(Artefact, String)]) {
    for (artefact, _) in all {
        let long_ago = SystemTime::now() - UNSEEN_TIME - Duration::from_secs(60);
        File::open(folder.join(&artefact.hash)).unwrap().set_modified(long_ago).unwrap();
    }
}

/// The text or declaration of each that the store has and of each that the folder has.
async fn left(stand: &Stand, artefacts: &Artefacts) -> [Vec<String>; 2] {
    let sql = "SELECT DISTINCT if(text_hash = '', declaration_hash, text_hash) AS name FROM ledger_artefacts ORDER BY name";
    let stored = stand.client.query(sql).fetch_all().await.unwrap();
    let name = |one: Artefact| if one.text_hash.is_empty() { one.declaration_hash } else { one.text_hash };
    let mut kept: Vec<String> = artefacts.all().into_iter().map(name).collect();
    kept.sort();
    [stored, kept]
}

async fn what_a_row_names_stays_and_what_none_names_goes_when_its_time_is_over(stand: Stand) {
    let (mut running, ledger) = stand.decide_in(stand.folder.path());
    running.drain(&[]);
    let home = tempfile::tempdir().unwrap();
    let all = [
        artefact("banner", "named", "d-named"),
        artefact("declaration", "", "d-named"),
        artefact("page", REFUSED, "d-other"),
        artefact("banner", "unnamed", "d-unnamed"),
        artefact("declaration", "", "d-unnamed"),
    ];
    let artefacts = served_once(home.path(), &all);
    let banner = artefacts.seen("demo", "named").unwrap();
    let seen = Seen {
        banner_hash: banner.hash,
        declaration_hash: banner.declaration_hash,
        domain: "localhost".into(),
    };
    ledger.append(grant(7).having_seen(seen)).await.unwrap();
    ledger.append(refusal()).await.unwrap();
    running.spool.settled().await;

    stand.store.keep_artefacts(&artefacts).await.unwrap();
    assert_eq!(left(&stand, &artefacts).await[0].len(), 5, "seen not long ago");
    let_them_age(home.path(), &all);
    stand.store.keep_artefacts(&artefacts).await.unwrap();
    let expected = [REFUSED, "d-named", "named"].map(str::to_owned);
    assert_eq!(left(&stand, &artefacts).await, [expected.to_vec(), expected.to_vec()]);

    // The retention of the grant ends, then that of the refusal.
    stand.execute("ALTER TABLE consents DELETE WHERE consent_id = 7").await;
    stand.store.keep_artefacts(&artefacts).await.unwrap();
    assert_eq!(left(&stand, &artefacts).await, [[REFUSED], [REFUSED]]);
    stand.execute("ALTER TABLE consents DELETE WHERE 1").await;
    stand.store.keep_artefacts(&artefacts).await.unwrap();
    assert_eq!(left(&stand, &artefacts).await, [[""; 0], [""; 0]]);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "the index alone");
    running.end().await;
}

async fn what_a_decision_on_its_way_names_stays(stand: Stand) {
    stand.store.migrate().await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let all =
        [artefact("banner", "late", "d"), artefact("declaration", "", "d"), artefact("banner", "never", "e")];
    let artefacts = served_once(home.path(), &all);
    let_them_age(home.path(), &all);
    // The row that names it waits in a spool: the store cannot know.
    assert!(artefacts.seen("demo", "late").is_some());
    stand.store.keep_artefacts(&artefacts).await.unwrap();
    assert_eq!(left(&stand, &artefacts).await, [["d", "late"], ["d", "late"]]);
}

async fn what_another_collector_still_has_comes_back(stand: Stand) {
    stand.store.migrate().await.unwrap();
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let all = [artefact("banner", "text", "d")];
    let long_ago = served_once(homes[0].path(), &all);
    let_them_age(homes[0].path(), &all);
    let serves = Arc::new(Artefacts::open(homes[1].path(), all.iter().cloned()).unwrap());
    stand.store.keep_artefacts(&serves).await.unwrap();
    stand.store.keep_artefacts(&long_ago).await.unwrap();
    assert_eq!(left(&stand, &long_ago).await, [[""; 0], [""; 0]]);
    stand.store.keep_artefacts(&serves).await.unwrap();
    assert_eq!(left(&stand, &serves).await, [["text"], ["text"]]);
}
