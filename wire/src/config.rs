//! What the loader knows of a site: the same for every visitor, so that it can be cached.

use std::collections::BTreeMap;

/// The site's public config. The collector puts it into the loader as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PublicConfig {
    /// The id of the site.
    pub site: String,
    /// The revision of the declaration; a choice of another revision is asked again.
    pub revision: u32,
    /// How long a choice is kept, in days.
    pub days: u16,
    /// Whether Google's consent signals are set.
    pub google: bool,
    /// Domain of the consent cookie where the choice covers subdomains; empty for this host alone.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "String::is_empty"))]
    pub domain: String,
    /// Per language the banner's glue with styles and texts; the first is the fallback.
    pub glue: BTreeMap<String, ChildAsset>,
    /// The fallback language, a key of `glue`.
    pub language: String,
    /// The banner's module.
    pub banner: ChildAsset,
    /// The tracker's glue.
    pub tracker_glue: ChildAsset,
    /// The tracker's module.
    pub tracker: ChildAsset,
}

/// A content-hashed file under the collector's prefix, as `[name, integrity]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ChildAsset(pub String, pub String);
