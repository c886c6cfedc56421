//! The words of the banner in one language: the texts that ship with it or that the owner put in their place, and the
//! site's declaration, as the JSON that is fetched beside the banner. Its hash is what a decision names as that which the visitor saw.

use crate::config::{CategoryDeclaration, Language, Options, Service, Site, Storage, Translated};
use crate::spool::disk::{RealDisk, write_whole};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The hashes of every text that this collector shows or has shown, per site: what a decision may name as seen.
///
/// Kept in a file of lines `site hash`, because a browser may decide on what it was shown before a word was edited: from
/// its cache, or with a choice that waited for the collector.
pub struct Texts {
    known: HashSet<String>,
    /// What the visitor's page of a site shows now, by language: its making takes longer than the page's.
    pages: HashMap<(String, Language), String>,
}

/// Most texts that are remembered; beyond, the oldest that are not shown any more are forgotten.
const TEXTS_MAX: usize = 100_000;

impl Texts {
    /// The texts of every site in each of its languages, of the banner and of the visitor's page, and those of earlier
    /// starts. What is new is written to the file.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn open(path: &Path, sites: &[Site], prefix: &str) -> io::Result<Texts> {
        let earlier = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            // A damaged line matches nothing.
            read => String::from_utf8_lossy(&read?).into_owned(),
        };
        let shown: Vec<Shown> = sites.iter().map(|site| Shown::by(site, prefix)).collect();
        let now: Vec<String> = shown.iter().flat_map(Shown::lines).collect();
        let pages = shown.into_iter().flat_map(|shown| {
            shown.pages.into_iter().map(move |(language, hash)| ((shown.site.clone(), language), hash))
        });
        let pages = pages.collect();
        let known: HashSet<&str> = earlier.lines().collect();
        let fresh: Vec<&str> = now.iter().map(String::as_str).filter(|line| !known.contains(line)).collect();
        if earlier.lines().count() + fresh.len() > TEXTS_MAX {
            let lines = newest(&earlier, &now);
            write_anew(path, &lines)?;
            return Ok(Texts { known: lines.into_iter().map(str::to_owned).collect(), pages });
        }
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        // A line that a crash cut off is ended first; it matches nothing.
        let ended = if earlier.is_empty() || earlier.ends_with('\n') { "" } else { "\n" };
        if !fresh.is_empty() {
            file.write_all(format!("{ended}{}\n", fresh.join("\n")).as_bytes())?;
        }
        file.sync_all()?;
        Ok(Texts { known: known.into_iter().chain(fresh).map(str::to_owned).collect(), pages })
    }

    /// The hash if it is one of the site's, otherwise an empty text.
    pub fn known<'a>(&self, site: &str, hash: &'a str) -> &'a str {
        if self.known.contains(&format!("{site} {hash}")) { hash } else { "" }
    }

    /// The hash of what the visitor's page of a site shows in one of its languages.
    pub(crate) fn page(&self, site: &str, language: Language) -> &str {
        self.pages.get(&(site.to_owned(), language)).map_or("", String::as_str)
    }
}

/// What is shown now, and before it the newest of what was shown earlier, as far as there is room.
fn newest<'t>(earlier: &'t str, now: &'t [String]) -> Vec<&'t str> {
    let shown: HashSet<&str> = now.iter().map(String::as_str).collect();
    let room = TEXTS_MAX.saturating_sub(now.len());
    let mut kept: Vec<&str> = earlier.lines().rev().filter(|line| !shown.contains(line)).take(room).collect();
    kept.reverse();
    kept.extend(now.iter().map(String::as_str));
    kept
}

/// Puts a file of these lines in the place of the one that is there.
fn write_anew(path: &Path, lines: &[&str]) -> io::Result<()> {
    write_whole(&RealDisk, path, format!("{}\n", lines.join("\n")).as_bytes())
}

/// The hashes of what a site shows.
struct Shown {
    site: String,
    banners: Vec<String>,
    pages: Vec<(Language, String)>,
}

impl Shown {
    fn by(site: &Site, prefix: &str) -> Shown {
        let declared = super::shown::declared(site);
        let banner = |&language: &Language| {
            Some(banner_texts(site, language, prefix, &declared)["hash"].as_str()?.to_owned())
        };
        let page = |&language: &Language| (language, super::visitor::shown(site, language, &declared).0);
        Shown {
            site: site.id.to_string(),
            banners: site.languages.iter().filter_map(banner).collect(),
            pages: site.languages.iter().map(page).collect(),
        }
    }

    /// A line of the file for each.
    fn lines(&self) -> Vec<String> {
        let hashes = self.banners.iter().chain(self.pages.iter().map(|(_, hash)| hash));
        hashes.map(|hash| format!("{} {hash}", self.site)).collect()
    }
}

/// The words that ship in one language, and the owner's in the place of those that they replace.
pub(crate) fn words_of_banner(site: &Site, language: Language) -> BTreeMap<&'static str, String> {
    let shipped = language.shipped().text.iter().map(|(key, text)| (key.as_str(), text.clone()));
    let own = site.texts.get(&language).into_iter().flatten().map(|(key, own)| (*key, own.clone()));
    shipped.chain(own).collect()
}

/// The banner's texts and declaration in one language, with their hash; `prefix` is the public path of the collector.
pub(crate) fn banner_texts(site: &Site, language: Language, prefix: &str, declared: &str) -> Value {
    let mut shown = unhashed(site, language, prefix);
    shown["hash"] = super::shown::hash(declared, &shown, &super::assets::drawing(site)).into();
    shown
}

/// The same without it.
fn unhashed(site: &Site, language: Language, prefix: &str) -> Value {
    let mut text = words_of_banner(site, language);
    text.retain(|key, _| is_used(key, &site.options));
    let categories = categories(site, language);
    let policy = match site.query().as_str() {
        "" => format!("{prefix}cookies"),
        query => format!("{prefix}cookies?{query}"),
    };
    let mut shown = json!({
        "lang": language.code(),
        "dir": language.direction(),
        "text": text,
        "controller": site.controller,
        "policy": policy,
        "parties": site.third_parties(),
        "days": site.choice_days,
        "categories": categories,
        "options": options(site),
    });
    shown["position"] = site.position.name().into();
    let theme: serde_json::Map<String, Value> =
        site.options.theme.properties().map(|(name, value)| (name.to_owned(), value.into())).collect();
    if !theme.is_empty() {
        shown["options"]["theme"] = theme.into();
    }
    shown
}

/// Each category with its services, as the banner shows it.
pub(crate) fn categories(site: &Site, language: Language) -> Vec<Value> {
    site.categories.iter().map(|category| category_json(site, category, language)).collect()
}

/// Whether a text can be shown; those of an option that is off are not downloaded.
fn is_used(key: &str, options: &Options) -> bool {
    match key {
        // It rides in the loader.
        "reopen" => false,
        "close_refuse" => options.close_button,
        "dnt" => options.do_not_track,
        "session" | "session_note" => options.session_choice,
        _ => options.age_limit.is_some() || !key.starts_with("age_"),
    }
}

/// The options that change what a visitor can choose or reads; one that is off is left out.
pub(crate) fn options(site: &Site) -> Value {
    let options = &site.options;
    let mut on = serde_json::Map::new();
    let switches = [
        ("switches", options.service_switches),
        ("close", options.close_button),
        ("session", options.session_choice),
        ("dnt", options.do_not_track),
    ];
    on.extend(switches.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name.to_owned(), true.into())));
    on.extend(options.age_limit.map(|limit| ("age".to_owned(), limit.into())));
    on.into()
}

fn category_json(site: &Site, category: &CategoryDeclaration, language: Language) -> Value {
    let name = category.name.as_str();
    let shipped = language.shipped().categories.get(name);
    let (title, description) =
        shipped.map(|texts| (texts.title.as_str(), texts.description.as_str())).unzip();
    let own = |text: &Option<Translated>, shipped: Option<&str>| match text {
        Some(text) => Value::from(text.in_language(language)),
        None => Value::from(shipped),
    };
    let services: Vec<Value> =
        site.services_of(&category.name).map(|service| service_json(service, language)).collect();
    json!({
        "name": name,
        "title": own(&category.title, title),
        "description": own(&category.description, description),
        "services": services,
    })
}

fn service_json(service: &Service, language: Language) -> Value {
    let cookies: Vec<Value> = service
        .cookies
        .iter()
        .map(|cookie| {
            let mut told = json!({
                "name": cookie.name,
                "provider": cookie.provider,
                "purpose": cookie.purpose.in_language(language),
                "duration": cookie.duration.in_language(language),
                "party": if cookie.third_party { "third" } else { "first" },
            });
            if cookie.storage != Storage::Cookie {
                told["storage"] = cookie.storage.name().into();
            }
            if cookie.http_only {
                told["http_only"] = true.into();
            }
            told
        })
        .collect();
    let mut told = json!({
        "id": service.id.as_str(),
        "name": service.name.in_language(language),
        "provider": service.provider,
        "purpose": service.purpose.in_language(language),
        "cookies": cookies,
    });
    if service.third_party {
        told["third"] = true.into();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_text_that_was_shown_once_stays_known_and_nothing_else_is() {
        let local = |port| ([127, 0, 0, 1], port).into();
        let mut sites = Config::demo("data".into(), local(0), local(1)).sites;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts");
        let before = Shown::by(&sites[0], "/kruimel/").lines();
        Texts::open(&path, &sites, "/kruimel/").unwrap();
        sites[0].controller.push_str(" and others");
        let texts = Texts::open(&path, &sites, "/kruimel/").unwrap();
        for line in before.iter().chain(&Shown::by(&sites[0], "/kruimel/").lines()) {
            let hash = line.split(' ').nth(1).unwrap();
            assert_eq!(texts.known("demo", hash), hash);
        }
        assert_eq!(texts.known("demo", "0123456789abcdef"), "");
    }

    #[test]
    fn of_too_many_texts_the_newest_stay_known() {
        let local = |port| ([127, 0, 0, 1], port).into();
        let mut sites = Config::demo("data".into(), local(0), local(1)).sites;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts");
        let old: String = (0..TEXTS_MAX).map(|number| format!("demo {number:016x}\n")).collect();
        fs::write(&path, old).unwrap();
        let newest = Shown::by(&sites[0], "/kruimel/").lines();
        Texts::open(&path, &sites, "/kruimel/").unwrap();
        sites[0].controller.push_str(" and others");
        let texts = Texts::open(&path, &sites, "/kruimel/").unwrap();
        for line in newest.iter().chain(&Shown::by(&sites[0], "/kruimel/").lines()) {
            let hash = line.split(' ').nth(1).unwrap();
            assert_eq!(texts.known("demo", hash), hash);
        }
        assert_eq!(texts.known("demo", &format!("{:016x}", 0)), "");
        let last = format!("{:016x}", TEXTS_MAX - 1);
        assert_eq!(texts.known("demo", &last), last);
        assert!(fs::read_to_string(&path).unwrap().lines().count() <= TEXTS_MAX);
    }

    fn of_config(more: &str) -> Value {
        let text = format!(
            "[listen]\ndirect = true\n[[site]]\nid = \"example\"\nname = \"Example\"\nhosts = [\"example.org\"]\n\
             controller = \"City\"\ncontact = \"e\"\ntime_zone = \"Europe/Brussels\"\n{more}\n"
        );
        let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
        let site = config.map_err(|errors| errors.to_string()).unwrap().sites.remove(0);
        banner_texts(&site, Language::En, "/kruimel/", &crate::http::shown::declared(&site))
    }

    #[test]
    fn an_option_that_is_on_rides_with_the_texts_and_whatever_is_shown_or_declared_is_in_their_hash() {
        let plain = of_config("");
        assert_eq!(plain["options"], json!({}));
        let choices = [
            ("service_switches = true", json!({"switches": true})),
            ("close_button = true", json!({"close": true})),
            ("session_choice = true", json!({"session": true})),
            ("do_not_track = true", json!({"dnt": true})),
            ("[site.age]\ncountry = \"BE\"", json!({"age": 13})),
        ];
        for (line, expected) in choices {
            let texts = of_config(line);
            assert_eq!(texts["options"], expected, "{line}");
            assert_ne!(texts["hash"], plain["hash"], "{line}");
        }
        for (line, member, expected) in [
            ("position = \"top\"", &["position"][..], json!("top")),
            ("[site.theme]\nline = \"#abc\"", &["options", "theme", "--kruimel-line"], json!("#aabbcc")),
        ] {
            let texts = of_config(line);
            assert_eq!(*member.iter().fold(&texts, |at, name| &at[*name]), expected, "{line}");
            assert_ne!(texts["hash"], plain["hash"], "{line}");
        }
        // What these texts do not say, and what draws them does.
        for line in
            ["retention_months = 3", "revision = 2", "event_aliases = true", "languages = [\"en\", \"nl\"]"]
        {
            let texts = of_config(line);
            assert_ne!(texts["hash"], plain["hash"], "{line}");
            let without = |texts: &Value| {
                Value::from_iter(
                    texts.as_object().unwrap().clone().into_iter().filter(|(key, _)| key != "hash"),
                )
            };
            assert_eq!(without(&texts), without(&plain), "{line}");
        }
        assert_eq!(of_config("")["hash"], plain["hash"]);
    }

    #[test]
    fn a_service_says_where_it_keeps_what_and_whether_it_is_a_third_party() {
        let texts = of_config(
            "[[site.service]]\nid = \"film\"\ncategory = \"functional\"\nname = \"Film\"\nprovider = \"Film BV\"\n\
             purpose = \"Video.\"\nthird_party = true\nprovider_country = \"BE\"\ncookies = [\n\
             {name = \"a\", purpose = \"p\", duration = \"session\", storage = \"cache\"},\n\
             {name = \"b\", purpose = \"p\", duration = \"session\", http_only = true, path = \"/film\"}]",
        );
        let service = &texts["categories"][1]["services"][0];
        assert_eq!((&service["third"], &service["cookies"][0]["storage"]), (&json!(true), &json!("cache")));
        assert_eq!(
            (&service["cookies"][1]["http_only"], &service["cookies"][1]["storage"]),
            (&json!(true), &Value::Null)
        );
        assert_eq!(texts["categories"][2]["services"][0]["third"], Value::Null);
    }
}
