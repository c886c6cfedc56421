//! What raises a revision, and what a history survives: edits of the demo's config, and files as a crash leaves them.

use super::*;
use crate::config::Config;
use crate::config::{Kept, Language, Translated};
use std::fs;
use std::time::Duration;
use time::macros::date;

const DEMO: &str = include_str!("../config/demo.toml");
const SITE: &str = "id = \"demo\"\n";

/// The demo's config with something in the place of something else.
fn site(from: &str, to: &str) -> Site {
    assert!(DEMO.contains(from), "{from}");
    let text = DEMO.replacen(from, to, 1);
    let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
    config.unwrap_or_else(|errors| panic!("{errors}")).sites.remove(0)
}

/// The demo's config with a further line for the site.
fn with(line: &str) -> Site {
    site(SITE, &format!("{SITE}{line}\n"))
}

/// The lines that an operator would read, those that raise the revision marked.
fn told(before: &Site, after: &Site) -> Vec<String> {
    let changes = compare::changes(&Snapshot::of(before), &Snapshot::of(after));
    changes
        .iter()
        .map(|change| format!("{}{}", if change.material { "! " } else { "" }, change.in_english()))
        .collect()
}

/// Expects the lines of a change, and of its way back.
#[track_caller]
fn check(before: &Site, after: &Site, forth: &[&str], back: &[&str]) {
    assert_eq!(told(before, after), forth);
    assert_eq!(told(after, before), back, "back");
}

const NEWCOMER: &str = "[[site.service]]\nid = \"telraam\"\ncategory = \"analytics\"\nname = \"Telraam\"\n\
    provider = \"Telraam Inc.\"\nprovider_country = \"US\"\nthird_party = true\npurpose = \"Counts clicks.\"\n";

#[test]
fn a_service_or_category_that_comes_raises_and_one_that_goes_does_not() {
    let demo = with("");
    let end = "[[site.service]]\nid = \"streetreach\"";
    check(
        &demo,
        &site(end, &format!("{NEWCOMER}\n{end}")),
        &["! added: Telraam: Telraam Inc. (US), third party"],
        &["removed: Telraam: Telraam Inc. (US), third party"],
    );
    let categories = |more: &str| {
        let names = ["necessary", "functional", "analytics", "advertising"];
        let listed: String =
            names.iter().map(|name| format!("[[site.category]]\nname = \"{name}\"\n")).collect();
        site("[[site.service]]\nid = \"forms\"", &format!("{listed}{more}\n[[site.service]]\nid = \"forms\""))
    };
    let own =
        "[[site.category]]\nname = \"community\"\ntitle = \"Community\"\ndescription = \"Neighbours.\"\n";
    check(&demo, &categories(""), &[], &[]);
    check(
        &demo,
        &categories(own),
        &["! added: Community: \"Neighbours.\""],
        &["removed: Community: \"Neighbours.\""],
    );
    let moved =
        site("id = \"leeshoek\"\ncategory = \"analytics\"", "id = \"leeshoek\"\ncategory = \"functional\"");
    check(
        &demo,
        &moved,
        &["! Leeshoek counter, category: \"Functional\"; before: \"Analytics\""],
        &["! Leeshoek counter, category: \"Analytics\"; before: \"Functional\""],
    );
}

#[test]
fn another_recipient_country_or_third_party_raises() {
    let demo = with("");
    let edit = |from: &str, to: &str| {
        site(&format!("provider = \"Filmkade BV\"{from}"), &format!("provider = {to}"))
    };
    let is = "Filmkade BV (NL), third party";
    check(
        &demo,
        &edit("", "\"Filmkade NV\""),
        // The cookie is the provider's.
        &[
            &format!("! Filmkade video, recipient: Filmkade NV (NL), third party; before: {is}"),
            "! Filmkade video, fk_player, recipient: Filmkade NV, third party; before: Filmkade BV, third party",
        ],
        &[
            &format!("! Filmkade video, recipient: {is}; before: Filmkade NV (NL), third party"),
            "! Filmkade video, fk_player, recipient: Filmkade BV, third party; before: Filmkade NV, third party",
        ],
    );
    check(
        &demo,
        &edit("\nprovider_country = \"NL\"", "\"Filmkade BV\"\nprovider_country = \"US\""),
        &[&format!("! Filmkade video, recipient: Filmkade BV (US), third party; before: {is}")],
        &[&format!("! Filmkade video, recipient: {is}; before: Filmkade BV (US), third party")],
    );
    let first =
        edit("\nprovider_country = \"NL\"\nthird_party = true", "\"Filmkade BV\"\nprovider_country = \"NL\"");
    check(
        &demo,
        &first,
        &[
            &format!("Filmkade video, recipient: Filmkade BV (NL); before: {is}"),
            "Filmkade video, fk_player, recipient: Filmkade BV; before: Filmkade BV, third party",
        ],
        &[
            &format!("! Filmkade video, recipient: {is}; before: Filmkade BV (NL)"),
            "! Filmkade video, fk_player, recipient: Filmkade BV, third party; before: Filmkade BV",
        ],
    );
    // Who is responsible is told once, not for everything that is theirs.
    let text = DEMO.replace("City of Kaaidam", "Region of Kaaidam");
    let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty()).unwrap();
    let line = "! controller: Region of Kaaidam; before: City of Kaaidam";
    check(&demo, &config.sites[0], &[line], &["! controller: City of Kaaidam; before: Region of Kaaidam"]);
}

#[test]
fn another_purpose_raises_and_a_slip_does_not() {
    let demo = with("");
    let purpose = |to: &str| site("en = \"Counts campaigns seen\"", &format!("en = \"{to}\""));
    let said = |mark: &str, is: &str, was: &str| {
        format!("{mark}Streetreach, sr_seen, purpose: \"{is}\"; before: \"{was}\"")
    };
    let seen = "Counts campaigns seen";
    for (mark, text) in [
        ("", "Counts campagins seen"),
        ("", "counts campaigns  seen."),
        ("! ", "Counts the campaigns seen"),
        ("! ", "Counts campaigns not seen"),
    ] {
        check(&demo, &purpose(text), &[&said(mark, text, seen)], &[&said(mark, seen, text)]);
    }
    let dutch = site("nl = \"Telt geziene campagnes\"", "nl = \"Deelt geziene campagnes\"");
    assert_eq!(told(&demo, &dutch), [said("! ", seen, seen)], "one language that says otherwise is enough");
}

#[test]
fn a_cookie_that_comes_or_stays_longer_raises_and_one_that_goes_or_stays_shorter_does_not() {
    let demo = with("");
    let cookie = "[[site.service.cookies]]\nname = \"sr_more\"\nduration = \"1 day\"\npurpose = \"More.\"\n";
    let end = "[[site.service.cookies]]\nname = \"sr_seen\"";
    check(
        &demo,
        &site(end, &format!("{cookie}{end}")),
        &["! added: Streetreach, sr_more: 1 day"],
        &["removed: Streetreach, sr_more: 1 day"],
    );
    let duration = |to: &str| {
        site(
            "name = \"sr_seen\"\nduration = \"90 days\"",
            &format!("name = \"sr_seen\"\nduration = \"{to}\""),
        )
    };
    let line = |mark: &str, is: &str, was: &str| {
        format!("{mark}Streetreach, sr_seen, duration: {is}; before: {was}")
    };
    for (longer, shorter) in [
        ("4 months", "90 days"),
        ("91 days", "90 days"),
        ("90 days", "12 weeks"),
        ("1 month", "30 days"),
        ("1 day", "23 hours"),
    ] {
        check(
            &duration(shorter),
            &duration(longer),
            &[&line("! ", longer, shorter)],
            &[&line("", shorter, longer)],
        );
    }
    check(
        &duration("12 months"),
        &duration("1 year"),
        &[&line("", "1 year", "12 months")],
        &[&line("", "12 months", "1 year")],
    );
    let removed = Kept::UntilRemoved.in_language(Language::En).to_lowercase();
    check(
        &duration("90 days"),
        &duration("until removed"),
        &[&line("! ", &removed, "90 days")],
        &[&line("", "90 days", &removed)],
    );
    let session = Kept::Session.in_language(Language::En).to_lowercase();
    check(
        &duration("session"),
        &duration("1 day"),
        &[&line("! ", "1 day", &session)],
        &[&line("", &session, "1 day")],
    );
    check(
        &duration("session"),
        &duration("1 hour"),
        &[&line("! ", "1 hour", &session)],
        &[&line("! ", &session, "1 hour")],
    );
    let elsewhere = site("name = \"sr_seen\"\n", "name = \"sr_seen\"\nstorage = \"local\"\n");
    assert_eq!(
        told(&demo, &elsewhere).first().map(String::as_str),
        Some("! added: Streetreach, sr_seen: 90 days")
    );
}

#[test]
fn a_longer_retention_or_a_weaker_withdrawal_raises() {
    let demo = with("");
    let check = |line: &str, forth: &str, back: &str| check(&with(line), &demo, &[forth], &[back]);
    check(
        "retention_months = 12",
        "! retention of events: 25 months; before: 12 months",
        "retention of events: 12 months; before: 25 months",
    );
    check(
        "ip_retention_days = 7",
        "! retention of truncated addresses: 30 days; before: 7 days",
        "retention of truncated addresses: 7 days; before: 30 days",
    );
    check(
        "ledger_months = 48",
        "retention of decisions: 36 months; before: 48 months",
        "! retention of decisions: 48 months; before: 36 months",
    );
    check(
        "on_withdrawal = \"keep\"\nwithdrawal_justification = \"An audit.\"",
        "on withdrawal: erased within 24 hours; before: kept: \"An audit.\"",
        "! on withdrawal: kept: \"An audit.\"; before: erased within 24 hours",
    );
    let longer = told(&demo, &with("choice_days = 200"));
    assert_eq!(longer.len(), 2, "{longer:?}");
    assert!(
        longer.iter().all(|line| line.starts_with("! ") && line.contains("200 days; before: 182 days")),
        "{longer:?}"
    );
}

#[test]
fn a_stored_field_or_more_of_an_address_raises() {
    let after = Snapshot::of(&with(""));
    let check = |edit: fn(&mut Snapshot), forth: &str, back: &str| {
        let mut before = after.clone();
        edit(&mut before);
        let lines = |one: &Snapshot, other: &Snapshot| {
            let changes = compare::changes(one, other);
            changes.iter().map(|change| (change.material, change.in_english())).collect::<Vec<_>>()
        };
        assert_eq!(lines(&before, &after), [(true, forth.to_owned())]);
        assert_eq!(lines(&after, &before), [(false, back.to_owned())]);
    };
    check(
        |earlier| earlier.fields.retain(|field| field != "events.title"),
        "added: stored field: events.title",
        "removed: stored field: events.title",
    );
    check(
        |earlier| earlier.address_bits = [16, 48],
        "bits of an address: IPv4 /24, IPv6 /48; before: IPv4 /16, IPv6 /48",
        "bits of an address: IPv4 /16, IPv6 /48; before: IPv4 /24, IPv6 /48",
    );
    assert!(after.fields.contains(&"events.utm_term".to_owned()));
    assert!(!after.fields.iter().any(|field| field.contains("segment_id") || field.contains("expires")));
}

#[test]
fn asking_for_an_age_or_a_higher_one_raises() {
    let age = |limit: u8| with(&format!("age = {{ limit = {limit} }}"));
    check(&with(""), &age(13), &["! added: age: 13 or older"], &["removed: age: 13 or older"]);
    check(
        &age(13),
        &age(16),
        &["! age: 16 or older; before: 13 or older"],
        &["age: 13 or older; before: 16 or older"],
    );
    let was = Snapshot::of(&age(16)).as_site(&with(""), 1, DAY);
    assert_eq!(was.options.age_limit, Some(16));
}

#[test]
fn a_database_of_places_places_visitors_more_finely_and_raises() {
    let database = "[geo]\ndatabase = \"places.mmdb\"\n[listen]\n";
    check(
        &with(""),
        &site("[listen]\n", database),
        &["! location: city; before: country"],
        &["location: country; before: city"],
    );
}

#[test]
fn what_visitors_are_not_told_more_by_does_not_raise() {
    let demo = with("");
    let unsaid = |after: &Site| check(&demo, after, &[], &[]);
    unsaid(&with("position = \"corner\""));
    unsaid(&with("test_hosts = [\"test.example\"]"));
    unsaid(&site(
        "languages = [\"en\", \"nl\", \"fr\", \"de\"]",
        "languages = [\"de\", \"fr\", \"en\", \"nl\"]",
    ));
    check(
        &demo,
        &site("languages = [\"en\", \"nl\", \"fr\", \"de\"]", "languages = [\"en\", \"nl\", \"fr\"]"),
        &["removed: language: Deutsch"],
        &["added: language: Deutsch"],
    );
    let contact = site("contact = \"Grote Kaai 1,", "contact = \"Kleine Kaai 1,");
    let (old, new) = (&demo.contact, &contact.contact);
    check(
        &demo,
        &contact,
        &[&format!("contact: {new}; before: {old}")],
        &[&format!("contact: {old}; before: {new}")],
    );
    let turned = DEMO.split("[[site.service]]");
    let (head, services) = (turned.clone().next().unwrap(), turned.skip(1));
    let services: Vec<&str> = services.collect();
    let backwards: String = services.iter().rev().map(|text| format!("[[site.service]]{text}\n")).collect();
    let config = Config::from_toml(&format!("{head}{backwards}"), "kruimel.toml", std::iter::empty());
    unsaid(&config.unwrap().sites[0]);
}

#[test]
fn a_better_translation_of_our_own_texts_asks_nobody_again() {
    let before = Snapshot::of(&with(""));
    let mut after = before.clone();
    for text in [&mut after.services[1].purpose, &mut after.categories[1].description] {
        *text = Translated::Same("Said in other words.".into());
    }
    let material = |after: &Snapshot| compare::changes(&before, after).iter().any(|change| change.material);
    assert_eq!(compare::changes(&before, &after).len(), 2);
    assert!(!material(&after));
    after.own_texts += 1;
    assert!(material(&after), "with another meaning it does");
}

#[test]
fn a_former_version_is_the_site_as_it_was() {
    let before =
        with("on_withdrawal = \"keep\"\nwithdrawal_justification = \"An audit.\"\nretention_months = 3");
    let was = Snapshot::of(&before).as_site(&with(""), 7, DAY);
    let categories = Snapshot::of(&was).categories;
    assert_eq!(Snapshot::of(&was), Snapshot { categories, ..Snapshot::of(&before) });
    let counted = Snapshot { rejections_days: 7, location: Location::City, ..Snapshot::of(&before) };
    let was_counted = counted.as_site(&with(""), 7, DAY);
    assert_eq!(was_counted.retention_table()[3].1, Kept::For(7, crate::config::Unit::Days));
    assert_eq!(Snapshot::of(&was_counted).location, Location::City);
    assert_eq!((was.revision, was.revision_since), (7, Some(date!(2026 - 11 - 27))));
    assert_eq!(was.on_withdrawal, before.on_withdrawal);
}

const DAY: Date = date!(2026 - 11 - 27);
const NEXT_DAY: Date = date!(2026 - 11 - 28);

/// Starts a collector's declarations with one site and says the revision in force, since when, and every version.
fn start(folder: &Path, site: &Site, today: Date) -> Result<(u32, Option<Date>, Vec<String>), HistoryError> {
    let mut sites = [site.clone()];
    let (declarations, settled) = Declarations::settle(folder, &mut sites, today)?;
    settled.write()?;
    let versions = declarations.of("demo").unwrap().versions();
    let labels = versions.iter().map(|version| format!("{} {}", version.label, version.date)).collect();
    Ok((sites[0].revision, sites[0].revision_since, labels))
}

#[test]
fn the_revision_is_the_higher_of_config_and_history_and_dated_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let check = |site: &Site, today, revision, since, versions: &[&str]| {
        let (is, is_since, labels) = start(folder.path(), site, today).unwrap();
        assert_eq!(
            (is, is_since, labels),
            (revision, Some(since), versions.iter().map(|one| (*one).to_owned()).collect())
        );
    };
    let demo = with("");
    check(&demo, DAY, 1, DAY, &["1 2026-11-27"]);
    check(&demo, NEXT_DAY, 1, DAY, &["1 2026-11-27"]);
    let longer = with("choice_days = 200");
    check(&longer, NEXT_DAY, 2, NEXT_DAY, &["1 2026-11-27", "2 2026-11-28"]);
    let shorter = with("choice_days = 100\nrevision_since = \"2020-01-01\"");
    let three = ["1 2026-11-27", "2 2026-11-28", "2.1 2026-11-28"];
    check(&shorter, NEXT_DAY, 2, NEXT_DAY, &three);
    let named = with("choice_days = 100\nrevision = 5\nrevision_since = \"2026-12-01\"");
    let four = ["1 2026-11-27", "2 2026-11-28", "2.1 2026-11-28", "5 2026-11-28"];
    check(&named, NEXT_DAY, 5, date!(2026 - 12 - 1), &four);
    check(&with("choice_days = 100\nrevision = 3"), NEXT_DAY, 5, NEXT_DAY, &four);
}

#[test]
fn two_collectors_with_the_same_history_and_configs_agree() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let sites = [with(""), with("choice_days = 200"), with("choice_days = 300")];
    for site in &sites {
        let started = folders.each_ref().map(|folder| start(folder.path(), site, DAY).unwrap());
        assert_eq!(started[0], started[1]);
    }
    let read = |folder: &tempfile::TempDir| fs::read(path_of(folder.path(), "demo")).unwrap();
    assert_eq!(read(&folders[0]), read(&folders[1]));
    // One that shares the folder finds it written already.
    assert_eq!(start(folders[0].path(), &sites[2], NEXT_DAY).unwrap().0, 3);
    assert_eq!(read(&folders[0]), read(&folders[1]));
}

#[test]
fn a_look_at_the_next_start_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let look = |site: &Site| {
        let next = NextStart::look(folder.path(), site).unwrap();
        (next.recorded, next.revision, next.changes.len())
    };
    assert_eq!(look(&with("")), (None, 1, 0));
    assert!(!folder.path().join("declarations").exists());
    start(folder.path(), &with(""), DAY).unwrap();
    assert_eq!(look(&with("choice_days = 200")), (Some(1), 2, 2));
    assert_eq!(look(&with("")), (Some(1), 1, 0));
}

#[test]
fn a_torn_last_line_is_written_again_and_no_whole_line_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_of(folder.path(), "demo");
    start(folder.path(), &with(""), DAY).unwrap();
    let first = fs::read(&path).unwrap();
    let longer = with("choice_days = 200");
    start(folder.path(), &longer, DAY).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in [first.len(), first.len() + 1, first.len() + 700, whole.len() - 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(NextStart::look(folder.path(), &longer).unwrap().revision, 2, "{length}");
        assert_eq!(start(folder.path(), &longer, DAY).unwrap().0, 2, "{length}");
        let shorter = with("choice_days = 100");
        assert_eq!(start(folder.path(), &shorter, DAY).unwrap().2.len(), 3, "{length}");
        assert!(fs::read(&path).unwrap().starts_with(&whole), "{length}");
    }
    let zeroed = [&whole[..], &[0; 512]].concat();
    fs::write(&path, &zeroed).unwrap();
    assert_eq!(start(folder.path(), &longer, DAY).unwrap().0, 2, "a crash left room that was never written");
}

#[test]
fn a_line_removed_between_others_is_noticed_and_so_is_a_revision_that_falls() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_of(folder.path(), "demo");
    for days in [100, 200, 300] {
        start(folder.path(), &with(&format!("choice_days = {days}")), DAY).unwrap();
    }
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let refused = || start(folder.path(), &with(""), DAY).unwrap_err().to_string();
    fs::write(&path, format!("{}\n{}\n", lines[0], lines[2])).unwrap();
    assert!(refused().contains("line 2:"), "{}", refused());

    fs::write(&path, &whole).unwrap();
    let (mut file, recorded) = HistoryFile::open(&path).unwrap();
    file.append(&Recorded::new(DAY, 2, Snapshot::of(&with("")), recorded.last())).unwrap();
    drop(file);
    assert!(
        refused().contains("line 4:") && refused().contains("revision 2 is lower than 3"),
        "{}",
        refused()
    );
}

#[test]
fn a_history_that_cannot_be_read_stops_the_start_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_of(folder.path(), "demo");
    start(folder.path(), &with(""), DAY).unwrap();
    start(folder.path(), &with("choice_days = 200"), DAY).unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    let check = |text: String, said: &str| {
        fs::write(&path, &text).unwrap();
        let error = start(folder.path(), &with(""), DAY).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("Restore the file from a backup"), "{error}");
        assert_eq!(NextStart::look(folder.path(), &with("")).unwrap_err().to_string(), error);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    };
    check(
        whole.replacen("Shows videos", "Sells videos", 1),
        "line 1: this is not a version of the declaration as Kruimel wrote it (it does not match its hash: it was edited, or \
         the line before it is missing)",
    );
    check(whole.replacen("2026-11-27", "2026-11-26", 1), "line 1:");
    let (first, second) = whole.split_once('\n').unwrap();
    check(format!("{first}\n{}", second.replacen("\"revision\":2", "\"revision\":3", 1)), "line 2:");
    check(second.to_owned(), "line 1:");
    check(format!("{second}{first}\n"), "line 1:");
    check(format!("{whole}nonsense\n"), "line 3:");
    check(whole.replacen("2026-11-27", "yesterday", 1), "line 1:");
    check(format!("\n{whole}"), "line 1:");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = start(folder.path(), &with(""), DAY).unwrap_err().to_string();
    assert!(error.contains("demo.jsonl cannot be read or written"), "{error}");
}

#[test]
fn what_cannot_be_written_for_one_site_is_taken_back_for_all() {
    let [kept, lost] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let path = |folder: &Path| folder.join("declarations/demo.jsonl");
    let before = [&kept, &lost].map(|folder| {
        start(folder.path(), &with(""), DAY).unwrap();
        std::fs::read_to_string(path(folder.path())).unwrap()
    });
    let settle = |folder: &Path| {
        let settled = Declarations::settle(folder, &mut [with("choice_days = 200")], DAY);
        settled.unwrap_or_else(|error| panic!("{error}")).1
    };
    let mut both = settle(kept.path());
    both.seen.extend(settle(lost.path()).seen);
    let held = both.hold().unwrap();
    // The folder of the second cannot be synced: it has another name.
    let aside = lost.path().join("aside");
    std::fs::rename(lost.path().join("declarations"), &aside).unwrap();
    assert!(matches!(append(held), Err(HistoryError::Unreachable(..))));
    let after =
        [path(kept.path()), aside.join("demo.jsonl")].map(|one| std::fs::read_to_string(one).unwrap());
    assert!(after == before, "{after:?}");
}

#[test]
fn what_is_settled_holds_up_nobody_and_is_written_as_it_was_settled_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let read = || fs::read_to_string(path_of(folder.path(), "demo")).unwrap();
    let settle = |days: u16, today| {
        let mut site = [with(&format!("choice_days = {days}"))];
        Declarations::settle(folder.path(), &mut site, today).unwrap().1
    };
    // Before there is any history, and after.
    for (day, days) in [(DAY, 200), (NEXT_DAY, 300)] {
        let (one, same) = (settle(days, day), settle(days, day));
        let (other, later) = (settle(days + 1, day), settle(days, date!(2026 - 11 - 29)));
        one.write().unwrap();
        let written = read();
        same.write().unwrap();
        for refused in [other, later] {
            let error = refused.write().unwrap_err();
            assert!(error.to_string().contains("demo.jsonl has another version since"), "{error}");
        }
        assert_eq!(read(), written);
    }
    assert_eq!(start(folder.path(), &with("choice_days = 301"), NEXT_DAY).unwrap().0, 3);
    // What is on record already may be no longer what is in force.
    let unchanged = settle(301, NEXT_DAY);
    start(folder.path(), &with("choice_days = 302"), NEXT_DAY).unwrap();
    let error = unchanged.write().unwrap_err();
    assert!(error.to_string().contains("demo.jsonl has another version since"), "{error}");
}

#[test]
fn while_one_history_is_written_those_without_anything_new_are_held_too() {
    let [changed, unchanged] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in [&changed, &unchanged] {
        start(folder.path(), &with(""), DAY).unwrap();
    }
    let settle =
        |folder: &Path, more: &str| Declarations::settle(folder, &mut [with(more)], NEXT_DAY).unwrap().1;
    let mut both = settle(unchanged.path(), "");
    both.seen.extend(settle(changed.path(), "choice_days = 200").seen);
    let held = both.hold().unwrap();
    for folder in [&changed, &unchanged] {
        let path = path_of(folder.path(), "demo");
        let other = HistoryFile::open_within(&path, Duration::ZERO, || {}).err();
        assert!(matches!(other, Some(HistoryError::Held(_))), "{other:?}");
    }
    append(held).unwrap();
    assert_eq!(both.hold().unwrap().len(), 2, "nothing is held any more");
}

#[test]
fn a_history_that_is_held_elsewhere_is_waited_for_and_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_of(folder.path(), "demo");
    start(folder.path(), &with(""), DAY).unwrap();
    let held = fs::File::open(&path).unwrap();
    held.lock().unwrap();
    let mut pauses = 0;
    let refused = HistoryFile::open_within(&path, Duration::ZERO, || pauses += 1).err().unwrap();
    assert!(refused.to_string().contains("demo.jsonl is held by another collector"), "{refused}");
    assert_eq!(pauses, 0);
    // Whoever waits has found it held when it is let go, and finds it free at the next try.
    let waited = HistoryFile::open_within(&path, Duration::MAX, || {
        pauses += 1;
        held.unlock().unwrap();
    });
    assert_eq!((waited.unwrap().1.len(), pauses), (1, 1));
}
