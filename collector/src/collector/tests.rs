//! What a collector shares with the one that a reload puts in its place, and what it begins with.

use super::*;
use crate::config::SiteId;
use crate::pipeline::Rejection;
use std::fs;

#[test]
fn another_config_shares_what_lasts_and_is_heard_by_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let config = || Config::demo(folder.path().to_owned(), address, address);
    let first = Collector::open(config(), clickhouse::Client::default()).unwrap();
    let kept = Arc::clone(&first.kept_sites);
    assert!(kept.load().is_empty());

    let mut next = config();
    let justification = next.sites[0].services[0].name.clone();
    next.sites[0].on_withdrawal = OnWithdrawal::Keep { justification };
    next.sites[0].ledger_months = 7;
    let second = first.with_config(next).unwrap();
    assert_eq!(first.in_force.load().ledger_months["demo"], 7, "and so does the upkeep");
    assert_eq!(**kept.load(), ["demo"], "the drain sees it");
    assert_eq!(second.config.sites[0].revision, 2, "visitors are asked again");
    assert_eq!(first.config.sites[0].revision, 1, "who began with the former one ends with it");
    second.outcomes.rejected("demo", Rejection::NotJson, "", 1, 0);
    second.withdrawn.kill(7, 1);
    assert!(first.withdrawn.is_dead(7) && !first.outcomes.flush().is_empty());

    let mut restart = config();
    restart.spool.bytes_max += 1;
    assert_eq!(
        first.with_config(restart).err().map(|error| error.to_string()).as_deref(),
        Some("spool cannot change while the collector runs; restart it for that, or take the change back")
    );
}

/// A config with two sites in a folder.
fn two(folder: &Path) -> Config {
    let address = "127.0.0.1:0".parse().unwrap();
    let mut config = Config::demo(folder.to_owned(), address, address);
    let mut shop = config.sites[0].clone();
    shop.id = SiteId::parse("shop").unwrap();
    config.sites.push(shop);
    config
}

#[test]
fn a_config_that_is_not_taken_leaves_every_declaration_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let first = Collector::open(two(folder.path()), clickhouse::Client::default()).unwrap();
    let histories = || {
        ["demo", "shop"]
            .map(|site| fs::read_to_string(folder.path().join(format!("declarations/{site}.jsonl"))).unwrap())
    };
    let longer = || {
        let mut next = two(folder.path());
        next.sites.iter_mut().for_each(|site| site.retention_months += 1);
        next
    };
    let before = histories();
    let in_the_way = |name: &str| {
        let (path, aside) = (folder.path().join(name), folder.path().join("aside"));
        fs::rename(&path, &aside).unwrap();
        fs::create_dir_all(path.join("in the way")).unwrap();
        assert!(first.with_config(longer()).is_err(), "{name}");
        assert!(histories() == before, "{name}");
        fs::remove_dir_all(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    };
    in_the_way("texts");
    in_the_way("artefacts/index");
    // Nor is that of one site written where another's is damaged.
    let shop = folder.path().join("declarations/shop.jsonl");
    fs::write(&shop, "{}\n").unwrap();
    assert!(first.with_config(longer()).is_err());
    assert!(histories()[0] == before[0]);
    fs::write(&shop, &before[1]).unwrap();

    let revisions = |config: &Config| config.sites.iter().map(|site| site.revision).collect::<Vec<_>>();
    let same = first.with_config(two(folder.path())).unwrap();
    assert_eq!(revisions(&same.config), [1, 1], "nobody is asked again for what never held");
    assert!(histories() == before);
    assert_eq!(revisions(&first.with_config(longer()).unwrap().config), [2, 2]);
}

#[test]
fn keys_that_are_gone_at_a_reload_are_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let first = Collector::open(two(folder.path()), clickhouse::Client::default()).unwrap();
    let path = keys_path(folder.path());
    fs::remove_file(&path).unwrap();
    let told = first.with_config(two(folder.path())).err().unwrap().to_string();
    assert!(told.contains("keys is not there") && told.contains("Restore"), "{told}");
    assert!(!path.exists());
}
