//! The choice: what the visitor's browser says, and the two shapes that the consent cookie can have.

use crate::HexId;
use std::collections::BTreeMap;

/// A purpose that a visitor grants or refuses. Sites may add their own; these four are always known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// Always on; the site does not work without it.
    Necessary,
    /// Settings, embedded media.
    Functional,
    /// Measuring use.
    Analytics,
    /// Measuring campaigns, personal advertising.
    Advertising,
}

impl Category {
    /// The four default categories in the order they are shown.
    pub const ALL: [Category; 4] =
        [Category::Necessary, Category::Functional, Category::Analytics, Category::Advertising];

    /// The name in cookies, markup, columns and the config.
    pub const fn name(self) -> &'static str {
        match self {
            Category::Necessary => "necessary",
            Category::Functional => "functional",
            Category::Analytics => "analytics",
            Category::Advertising => "advertising",
        }
    }
}

/// What the visitor did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum DecisionAction {
    /// "Accept all".
    Accept,
    /// "Refuse all", with nothing granted before.
    Refuse,
    /// "Save choice".
    Save,
    /// Everything that was granted before is taken back.
    Withdraw,
}

impl DecisionAction {
    /// The name on the wire and in the column `action`.
    pub const fn name(self) -> &'static str {
        match self {
            DecisionAction::Accept => "accept",
            DecisionAction::Refuse => "refuse",
            DecisionAction::Save => "save",
            DecisionAction::Withdraw => "withdraw",
        }
    }
}

/// Where the visitor decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Surface {
    /// The first layer.
    Notice,
    /// The preferences.
    Preferences,
    /// A call of the page's own script, after a gesture.
    Api,
    /// The page `/kruimel/privacy`.
    Page,
    /// A placeholder of an embedded frame.
    Placeholder,
    /// A refusal made in another tool and taken over; nothing was shown.
    Import,
}

impl Surface {
    /// The name on the wire and in the column `surface`.
    pub const fn name(self) -> &'static str {
        match self {
            Surface::Notice => "notice",
            Surface::Preferences => "preferences",
            Surface::Api => "api",
            Surface::Page => "page",
            Surface::Placeholder => "placeholder",
            Surface::Import => "import",
        }
    }
}

/// The body of `POST /kruimel/consent`. The earlier receipt, if any, travels in the `Cookie` header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DecisionRequest {
    /// [`crate::VERSION`].
    pub v: u8,
    /// The id of the site.
    pub site: String,
    /// What the visitor did.
    pub action: DecisionAction,
    /// The categories that are granted; `necessary` may be left out.
    pub categories: Vec<String>,
    /// Services granted of each category that is granted in part, where the site lets them be chosen one by one.
    #[cfg_attr(feature = "serde", serde(default))]
    pub services: BTreeMap<String, Vec<String>>,
    /// The revision of the declaration that was shown.
    pub revision: u32,
    /// The hash of what was shown, as the texts name it: it stands for the declaration and the build too.
    pub text: String,
    /// The language that was shown.
    pub language: String,
    /// Where the visitor decided.
    pub surface: Surface,
    /// The consent cookie that this decision replaced, percent-encoded as it stood, where the page has overwritten it
    /// before the collector could be reached.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub earlier: Option<String>,
    /// Asks for a new visitor id under the same consent, as on log-out; nothing is decided then.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub reset: Option<bool>,
    /// The choice ends with the browser's session, where the site offers that.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub session: bool,
    /// The visitor said to be of age, where the site asks. It is not kept.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub of_age: bool,
    /// The end of a refusal that is taken over, `YYYY-MM-DD` in UTC; with [`Surface::Import`] alone.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub until_day: Option<String>,
}

/// The consent cookie after a refusal: no id, no signature, no time finer than the day.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Refusal {
    /// `["necessary"]`.
    pub categories: Vec<String>,
    /// Empty; there so that readers of the `vanilla-cookieconsent` shape find it.
    #[cfg_attr(feature = "serde", serde(default))]
    pub services: BTreeMap<String, Vec<String>>,
    /// The revision that was refused.
    pub revision: u32,
    /// The day of the refusal, `YYYY-MM-DD` in UTC, so that it is known when to ask again.
    pub day: String,
    /// It ends with the browser's session.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub session: bool,
    /// The day on which it ends, where that is before the site's term: the end that it had in the tool it is from.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub until: Option<String>,
}

/// The consent cookie after a grant, without its last member `sig`: readable JSON, signed over its exact bytes.
///
/// The cookie's text is this JSON with `,"sig":"<43 characters of base64url>"` put before the closing brace. The
/// signature is HMAC-SHA256 over every byte before that comma.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct Receipt {
    /// Every granted category, `necessary` first.
    pub categories: Vec<String>,
    /// Services granted of each category that is granted in part; a category that is not named here is granted whole.
    #[cfg_attr(feature = "serde", serde(default))]
    pub services: BTreeMap<String, Vec<String>>,
    /// The revision that was granted.
    pub revision: u32,
    /// Random; the same until it is withdrawn or expires.
    pub consent_id: HexId,
    /// First grant under this id, RFC 3339 in UTC.
    pub consent_timestamp: String,
    /// This decision, RFC 3339 in UTC.
    pub last_consent_timestamp: String,
    /// The language that was shown.
    pub language_code: String,
    /// End of the receipt, in milliseconds since 1970 (the unit of `vanilla-cookieconsent`).
    pub expiration_time: u64,
    /// It ends with the browser's session, if that is before its end.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
    pub session: bool,
    /// The site that it is valid for.
    pub site: String,
    /// The id of the key that signed it.
    pub key: String,
}

impl Receipt {
    /// Whether a service of a category is granted.
    pub fn allows(&self, category: &str, service: &str) -> bool {
        let named = |granted: &Vec<String>| granted.iter().any(|one| one == service);
        self.categories.iter().any(|one| one == category) && self.services.get(category).is_none_or(named)
    }
}
