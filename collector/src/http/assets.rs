//! What a browser downloads: the loader of each site with its public config, and the content-hashed children.
//!
//! Composed once at start from the built files that this library embeds, the site's declaration and the texts of each
//! language; compressed once, served from memory. The same for every visitor.

use super::texts::banner_texts;
use crate::config::{Language, Site};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use wire::{ChildAsset, PublicConfig};

/// A file that the build compressed already, because nothing in it depends on a site.
struct Built {
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

macro_rules! built {
    ($name:literal) => {
        Built {
            plain: include_bytes!(concat!("../../../banner/dist/", $name)),
            brotli: include_bytes!(concat!("../../../banner/dist/", $name, ".br")),
            gzip: include_bytes!(concat!("../../../banner/dist/", $name, ".gz")),
        }
    };
}

const LOADER: &str = include_str!("../../../banner/dist/loader.js");
const BANNER_GLUE: &str = include_str!("../../../banner/dist/banner.js");
const BANNER_MODULE: Built = built!("banner.wasm");
const TRACKER_GLUE: Built = built!("tracker.js");
const TRACKER_MODULE: Built = built!("tracker.wasm");

const CONFIG_PLACEHOLDER: &str = "__KRUIMEL_CONFIG__";
const TEXT_PLACEHOLDER: &str = "__KRUIMEL_TEXT__";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const WASM: &str = "application/wasm";
/// How many tags can have a glue with a hash and an integrity of its own: they hardly compress, and the loader has 2,048
/// bytes. Beyond, every glue carries one hash over all of them in its name, and no integrity: a script of the site's own
/// host, under a name that changes with its content.
const INTEGRITIES_MAX: usize = 4;
/// A config changes seldom and an owner wants to see it soon.
const LOADER_CACHE: &str = "public, max-age=300, stale-while-revalidate=86400";
const CHILD_CACHE: &str = "public, max-age=31536000, immutable";

/// One file in its three encodings.
pub struct Asset {
    plain: Bytes,
    brotli: Bytes,
    gzip: Bytes,
    content_type: &'static str,
    cache: &'static str,
    etag: HeaderValue,
}

/// Every file that browsers download.
pub struct Assets {
    loaders: HashMap<String, Asset>,
    children: HashMap<String, Asset>,
}

impl Assets {
    /// Composes the files of every site. `prefix` is the public path that they live under.
    pub fn compose(sites: &[Site], prefix: &str) -> Assets {
        let mut assets = Assets { loaders: HashMap::new(), children: HashMap::new() };
        let banner = assets.add_built("banner", "wasm", &BANNER_MODULE, WASM);
        let tracker_glue = assets.add_built("tracker", "js", &TRACKER_GLUE, JAVASCRIPT);
        let tracker = assets.add_built("tracker", "wasm", &TRACKER_MODULE, WASM);
        for site in sites {
            let glue = assets.add_glues(site, prefix);
            let config = PublicConfig {
                glue,
                banner: banner.clone(),
                tracker_glue: tracker_glue.clone(),
                tracker: tracker.clone(),
                ..public_config(site)
            };
            let json = serde_json::to_string(&config).expect("a config of texts and numbers is always JSON");
            let loader = LOADER.replacen(CONFIG_PLACEHOLDER, &json, 1);
            assets.loaders.insert(site.id.to_string(), Asset::new(loader.into(), JAVASCRIPT, LOADER_CACHE));
        }
        super::visitor::add_style(&mut assets);
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

    /// Adds the banner's glue in each language of the site; names it for every tag that asks for it.
    fn add_glues(&mut self, site: &Site, prefix: &str) -> BTreeMap<String, ChildAsset> {
        let glue = |language: &Language| {
            let texts = banner_texts(site, *language, prefix).to_string();
            (*language, BANNER_GLUE.replacen(TEXT_PLACEHOLDER, &texts, 1))
        };
        let glues: Vec<(Language, String)> = site.languages.iter().map(glue).collect();
        let tags: usize = site.languages.iter().map(|language| language.tags().len()).sum();
        let shared = (tags > INTEGRITIES_MAX).then(|| shared_hash(&glues));
        let mut named = BTreeMap::new();
        for (language, glue) in glues {
            let child = match &shared {
                None => self.add_child("banner", "js", glue.into(), JAVASCRIPT),
                Some(hash) => {
                    let name = format!("banner.{hash}.{}.js", language.code());
                    let asset = Asset::new(glue.into(), JAVASCRIPT, CHILD_CACHE);
                    self.children.entry(name.clone()).or_insert(asset);
                    ChildAsset(name, String::new())
                }
            };
            let tags = language.tags().iter();
            named.extend(tags.map(|tag| ((*tag).to_owned(), child.clone())));
        }
        named
    }

    fn add_built(
        &mut self,
        stem: &str,
        ending: &str,
        built: &Built,
        content_type: &'static str,
    ) -> ChildAsset {
        let asset = Asset {
            plain: Bytes::from_static(built.plain),
            brotli: Bytes::from_static(built.brotli),
            gzip: Bytes::from_static(built.gzip),
            content_type,
            cache: CHILD_CACHE,
            etag: etag(built.plain),
        };
        self.add(stem, ending, asset)
    }

    /// Compresses a file and adds it under a name that its content decides; returns that name with its integrity.
    pub fn add_child(
        &mut self,
        stem: &str,
        ending: &str,
        bytes: Vec<u8>,
        content_type: &'static str,
    ) -> ChildAsset {
        self.add(stem, ending, Asset::new(bytes, content_type, CHILD_CACHE))
    }

    fn add(&mut self, stem: &str, ending: &str, asset: Asset) -> ChildAsset {
        let child = named(stem, ending, &asset.plain);
        self.children.entry(child.0.clone()).or_insert(asset);
        child
    }
}

/// The name and the integrity that a child's content gives it.
pub(crate) fn named(stem: &str, ending: &str, bytes: &[u8]) -> ChildAsset {
    let digest = STANDARD.encode(Sha256::digest(bytes));
    // The same characters as in the integrity beside it compress better in the loader than others would.
    let hash: String = digest.chars().take(8).map(in_name).collect();
    ChildAsset(format!("{stem}.{hash}.{ending}"), format!("sha256-{digest}"))
}

/// A character of Base64 as it may stand in an address.
fn in_name(character: char) -> char {
    match character {
        '+' => '-',
        '/' => '_',
        other => other,
    }
}

/// One hash over the glue of every language.
fn shared_hash(glues: &[(Language, String)]) -> String {
    let mut digest = Sha256::new();
    for (_, glue) in glues {
        digest.update(glue);
    }
    digest.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn public_config(site: &Site) -> PublicConfig {
    let none = || ChildAsset(String::new(), String::new());
    PublicConfig {
        site: site.id.to_string(),
        revision: site.revision,
        days: site.choice_days,
        google: site.google,
        domain: String::new(),
        glue: BTreeMap::new(),
        language: site.language.code().to_owned(),
        banner: none(),
        tracker_glue: none(),
        tracker: none(),
    }
}

impl Asset {
    fn new(plain: Vec<u8>, content_type: &'static str, cache: &'static str) -> Asset {
        let etag = etag(&plain);
        Asset {
            brotli: brotli(&plain).into(),
            gzip: gzip(&plain).into(),
            plain: plain.into(),
            content_type,
            cache,
            etag,
        }
    }

    /// Bytes of the Brotli encoding, the figure that the budgets hold.
    pub fn brotli_bytes(&self) -> usize {
        self.brotli.len()
    }

    /// Answers a request: 304 where the browser has it, otherwise the smallest encoding that it takes.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let known = request.get(header::IF_NONE_MATCH).is_some_and(|value| value == self.etag);
        let accepted =
            request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let takes = |coding: &str| {
            accepted.split(',').any(|one| one.split(';').next().is_some_and(|name| name.trim() == coding))
        };
        let (body, coding) = if takes("br") {
            (&self.brotli, Some("br"))
        } else if takes("gzip") {
            (&self.gzip, Some("gzip"))
        } else {
            (&self.plain, None)
        };
        let mut response = Response::new(if known { Body::empty() } else { Body::from(body.clone()) });
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if let (Some(coding), false) = (coding, known) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

fn etag(plain: &[u8]) -> HeaderValue {
    let hash: String = Sha256::digest(plain).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hash}\"")).expect("hexadecimal digits in quotes are a header")
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // A window of 256 KiB holds every file whole; a larger one costs memory and time at each start, and saves no byte.
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 18, ..Default::default() };
    brotli::BrotliCompress(&mut &plain[..], &mut out, &parameters)
        .expect("memory takes what is written to it");
    out
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("memory takes what is written to it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const LOADER_BYTES_MAX: usize = 2_048;
    const BANNER_PATH_BYTES_MAX: usize = 13_000;
    const TRACKER_PATH_BYTES_MAX: usize = 12_000;

    fn demo() -> (Config, Assets) {
        let local = |port| ([127, 0, 0, 1], port).into();
        let config = Config::demo("data".into(), local(0), local(1));
        let assets = Assets::compose(&config.sites, "/kruimel/");
        (config, assets)
    }

    /// A site that speaks these languages; its one service speaks for itself.
    fn speaking(languages: &[Language]) -> Assets {
        speaking_with(languages, "")
    }

    /// The same with more lines of the config.
    fn speaking_with(languages: &[Language], more: &str) -> Assets {
        let codes: Vec<String> = languages.iter().map(|language| format!("{:?}", language.code())).collect();
        let text = format!(
            "[listen]\ndirect = true\n[[site]]\nid = \"demo\"\nname = \"Example\"\nhosts = [\"example.org\"]\n\
             controller = \"City of Example\"\ncontact = \"privacy@example.org\"\ntime_zone = \"Europe/Brussels\"\n\
             languages = [{}]\n[[site.service]]\nid = \"filmkade\"\ncategory = \"functional\"\nname = \"Filmkade\"\n\
             provider = \"Filmkade BV\"\nthird_party = true\nprovider_country = \"BE\"\npurpose = \"Video.\"\n[[site.service.cookies]]\n\
             name = \"fk_player\"\nduration = \"12 months\"\npurpose = \"Volume\"\n{more}\n",
            codes.join(", ")
        );
        let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
        Assets::compose(&config.map_err(|errors| errors.to_string()).unwrap().sites, "/kruimel/")
    }

    fn public_config(assets: &Assets) -> PublicConfig {
        let loader = String::from_utf8(assets.loader("demo").unwrap().plain.to_vec()).unwrap();
        let start = loader.find("{\"site\":").unwrap();
        let mut json = serde_json::Deserializer::from_str(&loader[start..]).into_iter();
        json.next().unwrap().unwrap()
    }

    #[test]
    fn what_is_served_stays_within_the_budgets_in_every_language() {
        let (config, assets) = demo();
        let bytes = |child: &ChildAsset| assets.child(&child.0).unwrap().brotli_bytes();
        let loader = assets.loader("demo").unwrap().brotli_bytes();
        assert!(loader <= LOADER_BYTES_MAX, "{loader}");
        let public = public_config(&assets);
        assert_eq!(public.glue.len(), config.sites[0].languages.len());
        for (language, glue) in &public.glue {
            let path = loader + bytes(glue) + bytes(&public.banner);
            assert!(path <= BANNER_PATH_BYTES_MAX, "{language}: {path}");
        }
        let tracker = bytes(&public.tracker_glue) + bytes(&public.tracker);
        assert!(tracker <= TRACKER_PATH_BYTES_MAX, "{tracker}");
    }

    #[test]
    fn all_thirty_languages_stay_within_the_budgets_under_one_hash() {
        let assets = speaking(&Language::ALL);
        let loader = assets.loader("demo").unwrap().brotli_bytes();
        assert!(loader <= LOADER_BYTES_MAX, "{loader}");
        let public = public_config(&assets);
        let bytes = |child: &ChildAsset| assets.child(&child.0).unwrap().brotli_bytes();
        let hash = public.glue["en"].0.split('.').nth(1).unwrap();
        assert_eq!(hash.len(), 8);
        for language in Language::ALL {
            for tag in language.tags() {
                let glue = &public.glue[*tag];
                assert_eq!(
                    (glue.0.as_str(), glue.1.as_str()),
                    (&*format!("banner.{hash}.{}.js", language.code()), "")
                );
                let text = String::from_utf8(assets.child(&glue.0).unwrap().plain.to_vec()).unwrap();
                assert!(text.contains(&language.shipped().text["accept"]), "{tag}");
                assert!(text.contains(&format!("\"dir\":\"{}\"", language.direction())), "{tag}");
                let path = loader + bytes(glue) + bytes(&public.banner);
                assert!(path <= BANNER_PATH_BYTES_MAX, "{tag}: {path}");
            }
        }
    }

    #[test]
    fn up_to_four_tags_keep_their_integrity_and_norwegian_counts_for_three() {
        let integrities = |languages: &[Language]| {
            let glue = public_config(&speaking(languages)).glue;
            (glue.len(), glue.values().filter(|child| !child.1.is_empty()).count())
        };
        assert_eq!(integrities(&[Language::En, Language::Ar, Language::Uk, Language::El]), (4, 4));
        assert_eq!(integrities(&[Language::Nb, Language::En]), (4, 4));
        assert_eq!(integrities(&[Language::Nb, Language::En, Language::Sv]), (5, 0));
        let assets = speaking(&[Language::Nb, Language::En]);
        assert!(assets.loader("demo").unwrap().brotli_bytes() <= LOADER_BYTES_MAX);
    }

    #[test]
    fn a_changed_word_in_one_language_renames_the_glue_of_all() {
        let name = |more| public_config(&speaking_with(&Language::ALL[..5], more)).glue["nl"].0.clone();
        assert_eq!(name(""), name(""));
        assert_ne!(name(""), name("[site.texts.ar]\naccept = \"نعم\""));
    }

    #[test]
    fn a_child_is_what_its_integrity_says_in_every_encoding() {
        let (_, assets) = demo();
        let public = public_config(&assets);
        for child in public.glue.values().chain([&public.banner, &public.tracker_glue, &public.tracker]) {
            let asset = assets.child(&child.0).unwrap();
            assert_eq!(child.1, format!("sha256-{}", STANDARD.encode(Sha256::digest(&asset.plain))));
            let mut unpacked = Vec::new();
            brotli::BrotliDecompress(&mut asset.brotli.as_ref(), &mut unpacked).unwrap();
            assert_eq!(unpacked, asset.plain, "{}", child.0);
            let mut unpacked = Vec::new();
            std::io::copy(&mut flate2::read::GzDecoder::new(asset.gzip.as_ref()), &mut unpacked).unwrap();
            assert_eq!(unpacked, asset.plain, "{}", child.0);
        }
    }

    #[test]
    fn a_browser_that_has_the_file_gets_304_and_the_others_the_smallest_they_take() {
        let (_, assets) = demo();
        let loader = assets.loader("demo").unwrap();
        let ask = |name: header::HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            let answer = loader.answer(&headers);
            let coding = answer
                .headers()
                .get(header::CONTENT_ENCODING)
                .map(|value| value.to_str().unwrap().to_owned());
            (answer.status().as_u16(), coding)
        };
        assert_eq!(ask(header::ACCEPT_ENCODING, "gzip, deflate, br"), (200, Some("br".to_owned())));
        assert_eq!(ask(header::ACCEPT_ENCODING, "gzip"), (200, Some("gzip".to_owned())));
        assert_eq!(ask(header::ACCEPT, "*/*"), (200, None));
        assert_eq!(ask(header::IF_NONE_MATCH, loader.etag.to_str().unwrap()), (304, None));
    }
}
