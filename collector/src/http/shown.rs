//! What the ledger keeps of that which visitors are shown: the artefacts of everything that is served.
//!
//! In: the sites, what is composed for browsers, and the history of the declarations. Out: artefacts, one for each site
//! and language of the banner and of the visitor's page, and one for each version of a declaration.

use super::{Assets, visitor};
use crate::config::Site;
use crate::declaration::{Declarations, Snapshot};
use crate::ledger::Artefact;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Bytes of a hash that a decision names.
const HASH_BYTES: usize = 8;

/// A digest of what a site declares in every language, and of the revision. It is long in the making, so it is made once for
/// all languages.
pub(super) fn declared(site: &Site) -> String {
    let all = json!({ "revision": site.revision, "declaration": Snapshot::of(site) });
    crate::ledger::hex(&Sha256::digest(all.to_string()))
}

/// What a decision names as that which the visitor saw: sixteen hexadecimal digits that stand for what was `shown`, for what
/// the site [`declared`], and for the `build` that drew it. So a decision on a page that was loaded before another
/// declaration or build came names the former ones.
pub(super) fn hash(declared: &str, shown: &Value, build: &Value) -> String {
    let all = json!({ "shown": shown, "declared": declared, "build": build });
    Sha256::digest(all.to_string()).iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// Every artefact of what is served now, each with its content.
pub fn artefacts<'a>(
    sites: &'a [Site],
    assets: &'a Assets,
    declarations: &'a Declarations,
) -> impl Iterator<Item = (Artefact, String)> + 'a {
    sites.iter().flat_map(move |site| {
        banners(site, assets, declarations)
            .chain(pages(site, declarations))
            .chain(versions(site, declarations))
    })
}

fn banners<'a>(
    site: &'a Site,
    assets: &'a Assets,
    declarations: &Declarations,
) -> impl Iterator<Item = (Artefact, String)> + use<'a> {
    let version = in_force(site, declarations);
    let build = assets.build_of(site.id.as_str());
    assets.texts_of(site.id.as_str()).filter_map(move |(language, texts)| {
        let shown: Value = serde_json::from_slice(texts).ok()?;
        let text_hash = shown["hash"].as_str()?.to_owned();
        let artefact = artefact(site, "banner", language.code(), text_hash, version.clone());
        Some(artefact.compose(&build, &shown))
    })
}

fn pages<'a>(
    site: &'a Site,
    declarations: &Declarations,
) -> impl Iterator<Item = (Artefact, String)> + use<'a> {
    let version = in_force(site, declarations);
    let build = visitor::build();
    let declared = declared(site);
    site.languages.iter().map(move |language| {
        let (text_hash, shown) = visitor::shown(site, *language, &declared);
        artefact(site, "page", language.code(), text_hash, version.clone()).compose(&build, &shown)
    })
}

fn versions<'a>(
    site: &'a Site,
    declarations: &'a Declarations,
) -> impl Iterator<Item = (Artefact, String)> + 'a {
    let versions = declarations.of(site.id.as_str()).map(|history| history.versions()).unwrap_or_default();
    versions.iter().map(move |version| {
        let of = artefact(site, "declaration", "", String::new(), version.hash.clone());
        let shown = json!({
            "date": version.date.to_string(),
            "version": version.label,
            "declaration": version.snapshot,
        });
        Artefact { revision: version.revision, ..of }.compose(&Value::Null, &shown)
    })
}

/// The hash of the version of the declaration that is in force.
fn in_force(site: &Site, declarations: &Declarations) -> String {
    let last = declarations.of(site.id.as_str()).and_then(|history| history.versions().last());
    last.map(|version| version.hash.clone()).unwrap_or_default()
}

fn artefact(
    site: &Site,
    kind: &str,
    language: &str,
    text_hash: String,
    declaration_hash: String,
) -> Artefact {
    Artefact {
        hash: String::new(),
        site: site.id.to_string(),
        kind: kind.to_owned(),
        language: language.to_owned(),
        revision: site.revision,
        text_hash,
        declaration_hash,
    }
}
