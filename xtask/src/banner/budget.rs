//! Weighs what a visitor downloads, and refuses what is too heavy.
//!
//! In: `banner/dist/`, a sample site of four languages, the English texts. Out: a table, raw and brotli 11.
//! Invariant: the budgets are those of the project's design, measured with the placeholder filled in as the
//! collector fills it; the headers of a response are not counted.

use super::dist::{self, CONFIG};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use wire::{ChildHash, PublicConfig};

/// Loader with config.
const LOADER_MAX: usize = 2_048;
/// Everything that is fetched before a choice.
const BANNER_PATH_MAX: usize = 13_000;
/// Everything that is fetched after a grant, beyond the loader.
const TRACKER_PATH_MAX: usize = 12_000;
/// What is seldom fetched: placeholders, what a withdrawal removes, the plain bar.
const MORE_MAX: usize = 4_096;

/// The set of switches that a site has by default: Google's signals and the mark, see `SWITCHES` in `bundle.mjs`.
const BY_DEFAULT: usize = 0b100_0001;

/// How many sets of hashes the loader is weighed with.
const DRAWS: u8 = 8;

struct Weight {
    name: &'static str,
    raw: usize,
    brotli: usize,
}

/// Prints the bytes of each file and each path, and fails where one is over its budget.
pub(crate) fn weigh(root: &Path) -> Result<()> {
    let folder = root.join("banner/dist");
    let read =
        |name: &str| fs::read(folder.join(name)).with_context(|| format!("banner/dist/{name} is missing"));
    let loaders = dist::loaders(&read("loaders.json")?)?;
    let weights = [
        heaviest_loader(&loaders[BY_DEFAULT])?,
        weight("banner.js, styles, module", &read("banner.js")?)?,
        weight("texts of one language", sample_text(root)?.as_bytes())?,
        weight("gate.js", &read("gate.js")?)?,
        weight("tracker.js, module", &read("tracker.js")?)?,
        weight("more.js", &read("more.js")?)?,
    ];
    println!("\n{:<34}{:>9}{:>9}", "bytes", "raw", "brotli");
    for weight in &weights {
        println!("  {:<32}{:>9}{:>9}", weight.name, weight.raw, weight.brotli);
    }
    let sum =
        |range: std::ops::Range<usize>| weights[range].iter().map(|weight| weight.brotli).sum::<usize>();
    println!("\n{:<34}{:>9}{:>9}", "what a visitor downloads", "budget", "brotli");
    let paths = [
        ("loader, each page", sum(0..1), LOADER_MAX),
        ("banner path, 3 requests", sum(0..3), BANNER_PATH_MAX),
        ("tracker path, after a grant", sum(3..5), TRACKER_PATH_MAX),
        ("what is seldom needed", sum(5..6), MORE_MAX),
    ];
    for (name, brotli, budget) in paths {
        println!("  {name:<32}{budget:>9}{brotli:>9}");
    }
    println!();
    match paths.iter().find(|(_, brotli, budget)| brotli > budget) {
        Some((name, brotli, budget)) => bail!("over budget: {name} is {brotli} bytes, allowed are {budget}"),
        None => Ok(()),
    }
}

fn weight(name: &'static str, content: &[u8]) -> Result<Weight> {
    Ok(Weight { name, raw: content.len(), brotli: dist::brotli(content)?.len() })
}

/// The loader with the config of a site of four languages. Its hashes do not compress, and how well they fit beside one
/// another differs by some bytes from build to build: the heaviest of several draws counts.
fn heaviest_loader(loader: &str) -> Result<Weight> {
    let mut heaviest = weight("loader with config", &[])?;
    for draw in 0..DRAWS {
        let config = serde_json::to_string(&sample_config(draw))?;
        let next = weight(heaviest.name, loader.replace(CONFIG, &config).as_bytes())?;
        if next.brotli > heaviest.brotli {
            heaviest = next;
        }
    }
    Ok(heaviest)
}

fn sample_config(draw: u8) -> PublicConfig {
    PublicConfig {
        site: "kaaidam".to_owned(),
        revision: 3,
        days: wire::limits::CHOICE_DAYS_DEFAULT,
        domain: String::new(),
        dnt: false,
        theme: String::new(),
        words: std::collections::BTreeMap::new(),
        text: hash("texts", draw)[..8].to_owned(),
        banner: ChildHash(hash("banner", draw)),
        gate: ChildHash(hash("gate", draw)),
    }
}

/// As long and as random as a real one.
fn hash(name: &str, draw: u8) -> String {
    base64(&Sha256::digest(format!("{name} {draw}"))).trim_end_matches('=').to_owned()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let value =
            group.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS[(value >> (18 - 6 * place)) as usize & 63];
            text.push(if place > group.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

/// The English texts with the declaration of a middling site: the four categories, three services, five cookies.
fn sample_text(root: &Path) -> Result<String> {
    let path = root.join("banner/assets/text/en.json");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let english: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    let categories: Vec<Value> = wire::Category::ALL
        .map(|category| {
            let words = &english["categories"][category.name()];
            json!({
                "name": category.name(), "title": words["title"], "description": words["description"],
                "services": sample_services(category),
            })
        })
        .into();
    let all = json!({
        "hash": "5f0c9a1e77b3d264", "lang": "en", "dir": "ltr", "text": english["text"],
        "controller": "City of Kaaidam", "policy": "/kruimel/cookies", "parties": 3, "days": 182,
        "categories": categories, "position": "bottom",
    });
    Ok(serde_json::to_string(&all)?)
}

fn sample_services(category: wire::Category) -> Value {
    let cookie = |name: &str, purpose: &str, duration: &str, party: &str| json!({"name": name, "provider": "City of Kaaidam", "purpose": purpose, "duration": duration, "party": party});
    match category {
        wire::Category::Necessary => json!([{
            "id": "choice", "name": "Your choice", "provider": "City of Kaaidam",
            "purpose": "Remembers what you chose here.",
            "cookies": [cookie("kruimel", "Your choice, without anything about you if you refuse.", "6 months", "first")],
        }]),
        wire::Category::Functional => json!([{
            "id": "video", "name": "Videos", "provider": "Vimeo Inc., United States",
            "purpose": "Shows videos inside our pages.",
            "cookies": [cookie("vuid", "Recognises your browser between videos.", "2 years", "third")],
        }]),
        wire::Category::Analytics => json!([{
            "id": "kruimel", "name": "Kruimel", "provider": "City of Kaaidam",
            "purpose": "Counts which pages are read and for how long.",
            "cookies": [
                cookie("kruimel_id", "A random number that tells visits of one browser together.", "6 months", "first"),
                cookie("kruimel_visit", "Keeps the pages of one visit together.", "30 minutes", "first"),
            ],
        }]),
        wire::Category::Advertising => json!([{
            "id": "ads", "name": "Google Ads", "provider": "Google Ireland Ltd",
            "purpose": "Measures which of our advertisements led you here.",
            "cookies": [cookie("_gcl_au", "Recognises a click on an advertisement.", "90 days", "third")],
        }]),
    }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_matches_the_vectors_of_rfc_4648() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in vectors {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
