//! What the loader knows of a site: the same for every visitor, so that it can be cached.

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
    /// Domain of the consent cookie where the choice covers subdomains; empty for this host alone.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "String::is_empty"))]
    pub domain: String,
    /// Whether Do Not Track counts like Global Privacy Control, where a signal stands for a refusal.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "std::ops::Not::not"))]
    pub dnt: bool,
    /// The site's own colours of the button that reopens the preferences, as CSS declarations.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "String::is_empty"))]
    pub theme: String,
    /// What the button that reopens the preferences is called, by the code of a language that says it otherwise than "Cookies".
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")
    )]
    pub words: std::collections::BTreeMap<String, String>,
    /// The hash in the name of the texts: `a/text.<hash>.json?<tags>`, with the language tags that the visitor prefers, best
    /// first, parted by commas.
    pub text: String,
    /// The banner, a script with its module in it.
    pub banner: ChildHash,
    /// The gate, which opens what was granted and fetches the tracker.
    pub gate: ChildHash,
}

/// The SHA-256 of a script under the collector's prefix, in Base64 without its one `=`: its name (`a/<stem>.<hash>.js`) and its
/// integrity (`sha256-<hash>=`) in one. It holds no `+` and no `/`, so that it can be a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct ChildHash(pub String);
