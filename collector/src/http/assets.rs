//! What a browser downloads: the loader of each site with its public config, and the content-hashed children.
//!
//! Composed once at start from the built files that this library embeds, the site's declaration and the texts of each
//! language; compressed once, served from memory. The same for every visitor. Scripts are the same for every site and
//! checked by integrity; texts are data.

use super::asset::{Asset, Built, CHILD_CACHE};
use super::texts::banner_texts;
use crate::config::{Language, Signal, Site};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use wire::limits::LANGUAGE_TAGS_MAX;
use wire::{ChildHash, PublicConfig};

macro_rules! built {
    ($name:literal) => {
        Built {
            plain: include_bytes!(concat!("../../../banner/dist/", $name)),
            brotli: include_bytes!(concat!("../../../banner/dist/", $name, ".br")),
            gzip: include_bytes!(concat!("../../../banner/dist/", $name, ".gz")),
        }
    };
}

/// A loader for every set of [`Switches`], as a JSON list.
const LOADERS: &str = include_str!("../../../banner/dist/loaders.json");
const BANNER: Built = built!("banner.js");
const GATE: Built = built!("gate.js");
const TRACKER: Built = built!("tracker.js");
const MORE: Built = built!("more.js");
const STYLES: Built = built!("banner.css");

const CONFIG_PLACEHOLDER: &str = "__KRUIMEL_CONFIG__";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JSON: &str = "application/json";
/// What the loader may weigh, compressed, with its config in it.
pub const LOADER_BYTES_MAX: usize = 2_048;
/// What the button that reopens the preferences is called where nothing else is said.
const REOPEN: &str = "Cookies";
/// Most languages whose shipped word for that button rides in the loader, if there is room; the owner's own always do.
const REOPEN_WORDS_MAX: usize = 4;
/// Most sets of texts of one site that were served before a reload and still are: the newest. One weighs some 20 KB a
/// language.
const FORMER_TEXTS_MAX: usize = 4;
/// A config changes seldom and an owner wants to see it soon.
const LOADER_CACHE: &str = "public, max-age=300, stale-while-revalidate=86400";

/// Every file that browsers download.
pub struct Assets {
    loaders: HashMap<String, Asset>,
    children: HashMap<String, Asset>,
    /// The texts of each site by their name, and those of before.
    texts: HashMap<String, Spoken>,
    /// The name of each site's texts.
    text_names: HashMap<String, String>,
    /// The names of the scripts and the style sheet; each holds the hash of its file.
    build: Vec<String>,
}

/// The texts of a site.
#[derive(Clone)]
struct Spoken {
    site: String,
    revision: u32,
    /// So many reloads ago they were served last under the site's name.
    reloads: u32,
    /// The language first that others fall back to.
    languages: Vec<(Language, Asset)>,
}

/// What a site uses of the loader; the order is that of `SWITCHES` in `xtask/bundle.mjs`.
#[derive(Clone, Copy)]
struct Switches {
    google: bool,
    microsoft: bool,
    aliases: bool,
    quiet: bool,
    theme: bool,
    trusted_types: bool,
    mark: bool,
}

impl Switches {
    fn of(site: &Site) -> Switches {
        let options = &site.options;
        Switches {
            google: site.google,
            microsoft: options.microsoft,
            aliases: options.event_aliases,
            quiet: options.signal == Signal::Quiet,
            theme: !button_theme(site).is_empty(),
            trusted_types: options.trusted_types,
            mark: true,
        }
    }

    /// The place of the loader with these switches in [`LOADERS`].
    fn place(self) -> usize {
        let Switches { google, microsoft, aliases, quiet, theme, trusted_types, mark } = self;
        let all = [google, microsoft, aliases, quiet, theme, trusted_types, mark];
        all.into_iter().enumerate().map(|(bit, on)| usize::from(on) << bit).sum()
    }
}

impl Assets {
    /// Composes the files of every site. `prefix` is the public path that they live under.
    pub fn compose(sites: &[Site], prefix: &str) -> Assets {
        let loaders: Vec<String> = serde_json::from_str(LOADERS).expect("the build writes a list of scripts");
        let mut assets = Assets {
            loaders: HashMap::new(),
            children: HashMap::new(),
            texts: HashMap::new(),
            text_names: HashMap::new(),
            build: Vec::new(),
        };
        let banner = assets.add_script("banner", &BANNER);
        let gate = assets.add_script("gate", &GATE);
        let tracker = assets.add_script("tracker", &TRACKER);
        let more = assets.add_script("more", &MORE);
        let styles = named("banner", "css", STYLES.plain);
        assets.children.insert(styles.clone(), Asset::built(&STYLES, CSS));
        assets.build = [("banner", &banner), ("gate", &gate), ("tracker", &tracker), ("more", &more)]
            .map(|(stem, hash)| format!("{stem}.{}.js", hash.0))
            .to_vec();
        assets.build.push(styles.clone());
        for site in sites {
            let config = PublicConfig {
                text: assets.add_texts(site, prefix, &more, &styles),
                banner: banner.clone(),
                gate: gate.clone(),
                ..public_config(site)
            };
            assets.loaders.insert(site.id.to_string(), loader(&loaders, site, &config));
        }
        super::visitor::add_styles(&mut assets, sites);
        assets
    }

    /// The loader of a site.
    pub fn loader(&self, site: &str) -> Option<&Asset> {
        self.loaders.get(site)
    }

    /// A child by its content-hashed name.
    pub fn child(&self, name: &str) -> Option<&Asset> {
        self.children.get(name)
    }

    /// The texts of that name in the first language of these tags that the site speaks, or else in its own.
    pub fn texts(&self, name: &str, tags: &str) -> Option<&Asset> {
        self.spoken(name, tags).map(|(_, _, texts)| texts)
    }

    /// The site, the revision and the language of the texts that [`Assets::texts`] gives for these tags.
    pub fn display(&self, name: &str, tags: &str) -> Option<(&str, u32, Language)> {
        self.spoken(name, tags).map(|(spoken, language, _)| (spoken.site.as_str(), spoken.revision, language))
    }

    fn spoken(&self, name: &str, tags: &str) -> Option<(&Spoken, Language, &Asset)> {
        let spoken = self.texts.get(name)?;
        let of = |wanted: Language| spoken.languages.iter().find(|(language, _)| *language == wanted);
        let found = tags.split(',').take(LANGUAGE_TAGS_MAX).filter_map(Language::of_tag).find_map(of);
        found.or(spoken.languages.first()).map(|(language, texts)| (spoken, *language, texts))
    }

    /// Goes on serving the texts of before, of the sites that are still there: a page that is open, or a loader in a cache,
    /// asks for them by their name.
    pub(crate) fn take_over(&mut self, before: &Assets) {
        let is_former = |(name, spoken): &(&String, &Spoken)| {
            self.text_names.contains_key(&spoken.site) && !self.texts.contains_key(*name)
        };
        let mut former: Vec<(&String, &Spoken)> = before.texts.iter().filter(is_former).collect();
        former.sort_unstable_by_key(|(name, spoken)| (spoken.site.as_str(), spoken.reloads, *name));
        let of_sites = former.chunk_by(|(_, one), (_, next)| one.site == next.site);
        let kept = of_sites.flat_map(|of_site| of_site.iter().copied().take(FORMER_TEXTS_MAX));
        self.texts.extend(kept.map(|(name, spoken)| {
            let reloads = spoken.reloads + 1;
            (name.clone(), Spoken { reloads, ..spoken.clone() })
        }));
    }

    /// Adds the texts of each language of the site; returns the hash in their name. They name what only scripts that have
    /// them fetch: `more` and the style sheet.
    fn add_texts(&mut self, site: &Site, prefix: &str, more: &ChildHash, styles: &str) -> String {
        let mut digest = Sha256::new();
        let declared = super::shown::declared(site);
        let mut composed = |language: &Language| {
            let mut texts = banner_texts(site, *language, prefix, &declared);
            texts["more"] = Value::from(more.0.as_str());
            texts["css"] = Value::from(styles);
            let texts = texts.to_string().into_bytes();
            digest.update(&texts);
            (*language, Asset::new(texts, JSON, CHILD_CACHE))
        };
        let languages: Vec<(Language, Asset)> = site.languages.iter().map(&mut composed).collect();
        let hash: String = digest.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("text.{hash}.json");
        let id = site.id.to_string();
        self.text_names.insert(id.clone(), name.clone());
        self.texts.insert(name, Spoken { site: id, revision: site.revision, reloads: 0, languages });
        hash
    }

    /// The texts of a site as they are served.
    pub(crate) fn texts_of(&self, site: &str) -> impl Iterator<Item = (Language, &[u8])> {
        let texts = self.text_names.get(site).and_then(|name| self.texts.get(name));
        let languages = texts.into_iter().flat_map(|spoken| &spoken.languages);
        languages.map(|(language, asset)| (*language, asset.plain.as_ref()))
    }

    /// What draws the banner of a site: the version of this build, the hash of the loader, and the names of the other
    /// files, which hold their hashes.
    pub(crate) fn build_of(&self, site: &str) -> Value {
        let loader = self.loaders.get(site).map(|loader| crate::ledger::hex(&Sha256::digest(&loader.plain)));
        serde_json::json!({"version": env!("CARGO_PKG_VERSION"), "loader": loader, "files": self.build})
    }

    /// Adds a script of the build under the name that its content gave it there.
    fn add_script(&mut self, stem: &str, built: &Built) -> ChildHash {
        let hash = STANDARD.encode(Sha256::digest(built.plain)).trim_end_matches('=').to_owned();
        self.children.insert(format!("{stem}.{hash}.js"), Asset::built(built, JAVASCRIPT));
        ChildHash(hash)
    }

    /// Compresses a file and adds it under a name that its content decides; returns that name.
    pub(crate) fn add_child(
        &mut self,
        stem: &str,
        ending: &str,
        bytes: Vec<u8>,
        content_type: &'static str,
    ) -> String {
        let name = named(stem, ending, &bytes);
        self.children.entry(name.clone()).or_insert_with(|| Asset::new(bytes, content_type, CHILD_CACHE));
        name
    }
}

/// What of a site's config rides in its loader, without the names of other files.
fn public_config(site: &Site) -> PublicConfig {
    PublicConfig {
        site: site.id.to_string(),
        revision: site.revision,
        days: site.choice_days,
        domain: site.options.cookie_domain.as_ref().map(ToString::to_string).unwrap_or_default(),
        dnt: site.options.do_not_track && site.options.signal == Signal::Quiet,
        theme: button_theme(site),
        text: String::new(),
        words: reopen_words(site, usize::MAX),
        banner: ChildHash(String::new()),
        gate: ChildHash(String::new()),
    }
}

/// What draws the banner of a site, its texts apart: the version and files of this build, and what of the config is in the
/// loader.
pub(super) fn drawing(site: &Site) -> Value {
    static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let built = [BANNER, GATE, TRACKER, MORE, STYLES].map(|built| built.plain);
        let files = built.into_iter().chain([LOADERS.as_bytes()]);
        files.map(|file| crate::ledger::hex(&Sha256::digest(file))).collect()
    });
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "files": *FILES,
        "switches": Switches::of(site).place(),
        "config": public_config(site),
    })
}

/// The loader of a site: with the mark as it is drawn, or, where it would weigh too much, with a simple one, and then with
/// fewer of the words that ship.
fn loader(loaders: &[String], site: &Site, config: &PublicConfig) -> Asset {
    let with = |mark: bool, words_max: usize| {
        let config = PublicConfig { words: reopen_words(site, words_max), ..config.clone() };
        let json = serde_json::to_string(&config).expect("a config of texts and numbers is always JSON");
        let switches = Switches { mark, ..Switches::of(site) };
        let script = loaders[switches.place()].replacen(CONFIG_PLACEHOLDER, &json, 1);
        Asset::new(script.into(), JAVASCRIPT, LOADER_CACHE)
    };
    let fits = |loader: &Asset| loader.brotli_bytes() <= LOADER_BYTES_MAX;
    let lighter = (1..=REOPEN_WORDS_MAX).rev().map(|words_max| with(false, words_max));
    let mut all = std::iter::once_with(|| with(true, REOPEN_WORDS_MAX)).chain(lighter);
    all.find(fits).unwrap_or_else(|| with(false, 0))
}

/// What the button that reopens the preferences is called in the site's languages, where that is not [`REOPEN`]: in so many of those
/// that the owner has no own words for.
fn reopen_words(site: &Site, words_max: usize) -> BTreeMap<String, String> {
    let own = |language: &Language| site.texts.get(language).and_then(|texts| texts.get("reopen"));
    let word = |language: &Language| {
        let shipped = || language.shipped().text.get("reopen").map(String::as_str);
        Some((*language, own(language).map(String::as_str).or_else(shipped)?))
    };
    let mut rest = words_max;
    let words = site.languages.iter().filter_map(word).filter(|(_, word)| *word != REOPEN);
    let fits = words.filter(|(language, _)| {
        own(language).is_some() || {
            let room = rest > 0;
            rest = rest.saturating_sub(1);
            room
        }
    });
    fits.flat_map(|(language, word)| {
        language.tags().iter().map(move |tag| ((*tag).to_owned(), word.to_owned()))
    })
    .collect()
}

/// The owner's tokens that the loader draws its button with, as CSS declarations.
fn button_theme(site: &Site) -> String {
    const DRAWN: [&str; 3] = ["--kruimel-surface", "--kruimel-crumb", "--kruimel-scheme"];
    let own = site.options.theme.properties().filter(|(name, _)| DRAWN.contains(name));
    let declarations: Vec<String> = own.map(|(name, value)| format!("{name}:{value}")).collect();
    declarations.join(";")
}

/// The name that a child's content gives it.
pub(crate) fn named(stem: &str, ending: &str, bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{stem}.{hash}.{ending}")
}

#[cfg(test)]
mod tests;
