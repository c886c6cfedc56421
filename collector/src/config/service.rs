//! The services of a declaration and what each stores on the visitor's device.
//!
//! In: every `[[site.service]]`. Out: [`Service`]s with their [`Cookie`]s, and the two that Kruimel itself is.
//! Invariant: each has a name, a provider, a purpose, and for each cookie how long it stays (L15 of the law's list).

use super::category::{CategoryDeclaration, known_category};
use super::error::Problem;
use super::language::{Kept, Language, Translated, Unit};
use super::name::{CategoryName, CountryCode, ServiceId};
use super::reader::Section;
use serde::{Deserialize, Serialize};
use wire::{Category, limits};

/// Something in a category, with what it stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its id, the `data-service` of gated markup.
    pub id: ServiceId,
    /// The category that must be granted for it.
    pub category: CategoryName,
    /// Its name, as visitors read it.
    pub name: Translated,
    /// Who provides it.
    pub provider: String,
    /// The country of the provider; always known of a third party.
    pub provider_country: Option<CountryCode>,
    /// What it is for.
    pub purpose: Translated,
    /// Whether data reach another organisation than the controller.
    pub third_party: bool,
    /// What it stores on the device.
    pub cookies: Vec<Cookie>,
}

/// One thing that a service stores on the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cookie {
    /// Its name; a trailing `*` stands for any ending.
    pub name: String,
    /// What it is for.
    pub purpose: Translated,
    /// How long it stays.
    pub duration: Kept,
    /// Who sets it.
    pub provider: String,
    /// Whether another organisation than the controller sets it.
    pub third_party: bool,
    /// Where the browser keeps it.
    pub storage: Storage,
    /// A cookie that scripts cannot see, so that only the collector can remove it.
    pub http_only: bool,
    /// The path that a cookie is kept for.
    pub path: String,
}

/// Where the browser keeps something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// A cookie.
    Cookie,
    /// `localStorage`
    Local,
    /// `sessionStorage`
    Session,
    /// An IndexedDB database.
    IndexedDb,
    /// A cache of the Cache API.
    Cache,
}

impl Storage {
    /// The name in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Storage::Cookie => "cookie",
            Storage::Local => "local",
            Storage::Session => "session",
            Storage::IndexedDb => "indexeddb",
            Storage::Cache => "cache",
        }
    }

    fn read(text: &str) -> Result<Storage, Problem> {
        let all = [Storage::Cookie, Storage::Local, Storage::Session, Storage::IndexedDb, Storage::Cache];
        all.into_iter().find(|storage| storage.name() == text).ok_or_else(|| {
            let mend = "Choose from \"cookie\", \"local\", \"session\", \"indexeddb\" and \"cache\".";
            Problem::new(format!("\"{text}\" is not a place where browsers keep things."), mend)
        })
    }
}

/// The service that Kruimel's own measuring is.
pub const KRUIMEL: &str = "kruimel";

impl Service {
    /// The ids of the services that Kruimel declares of itself.
    pub(crate) const OWN_IDS: [&str; 2] = [KRUIMEL, "kruimel-choice"];
}

pub(super) fn read_all(
    section: &Section<'_>,
    languages: &[Language],
    categories: &[CategoryDeclaration],
) -> Vec<Service> {
    let mut ids: Vec<ServiceId> = Vec::new();
    let services = section.sections("service", |service| {
        let id = service.require("id", "Write id = \"…\", the data-service of its markup.", |node| {
            let id = ServiceId::read(node.text()?)?;
            if Service::OWN_IDS.contains(&id.as_str()) {
                return Err(Problem::new(
                    format!("`{id}` is declared for every site already."),
                    "Remove this service.",
                ));
            }
            if ids.contains(&id) {
                return Err(Problem::new(
                    format!("The service `{id}` is declared twice."),
                    "Give it another id.",
                ));
            }
            ids.push(id.clone());
            Ok(id)
        });
        read(service, id, languages, categories)
    });
    for category in categories {
        let count = services.iter().flatten().filter(|service| service.category == category.name).count();
        if count > limits::SERVICES_MAX {
            let wrong = format!("The category `{}` has {count} services.", category.name);
            section.wrong("service", Problem::new(wrong, format!("Keep at most {}.", limits::SERVICES_MAX)));
        }
    }
    services.into_iter().flatten().collect()
}

fn read(
    section: &Section<'_>,
    id: Option<ServiceId>,
    languages: &[Language],
    categories: &[CategoryDeclaration],
) -> Option<Service> {
    // What the preset says is in the section already; see `presets`.
    section.get("preset", |node| node.text().map(drop));
    let category = section
        .require("category", "Write category = \"…\".", |node| known_category(node.text()?, categories));
    let name = section
        .require("name", "Write its name, as visitors know it.", |node| Translated::read(node, languages));
    let provider =
        section.require("provider", "Write who provides it.", |node| node.text().map(str::to_owned));
    let country = section.get("provider_country", |node| CountryCode::read(node.text()?));
    let purpose =
        section.require("purpose", "Write what it is for.", |node| Translated::read(node, languages));
    let third_party = section.get("third_party", |node| node.boolean()).unwrap_or(false);
    if third_party && !section.has("provider_country") {
        let wrong = "Visitors must be told in which country a third party is.";
        section
            .wrong("provider_country", Problem::new(wrong, "Write its two capital letters, such as \"BE\"."));
    }
    let owner = provider.clone().unwrap_or_default();
    let cookies = section.sections("cookies", |cookie| read_cookie(cookie, &owner, third_party, languages));
    Some(Service {
        id: id?,
        category: category?,
        name: name?,
        provider: provider?,
        provider_country: country,
        purpose: purpose?,
        third_party,
        cookies: cookies.into_iter().flatten().collect(),
    })
}

fn read_cookie(
    section: &Section<'_>,
    owner: &str,
    third_party: bool,
    languages: &[Language],
) -> Option<Cookie> {
    let name = section.require("name", "Write the cookie's name.", |node| cookie_name(node.text()?));
    let purpose =
        section.require("purpose", "Write what it is for.", |node| Translated::read(node, languages));
    let duration = section.require("duration", "Write how long it stays, such as \"6 months\".", |node| {
        Kept::read(node.text()?)
    });
    let provider = section.get("provider", |node| node.text().map(str::to_owned));
    let third_party = section.get("third_party", |node| node.boolean()).unwrap_or(third_party);
    let storage = section.get("storage", |node| Storage::read(node.text()?)).unwrap_or(Storage::Cookie);
    let http_only = section.get("http_only", |node| node.boolean()).unwrap_or(false);
    let path = section.get("path", |node| cookie_path(node.text()?));
    for key in ["http_only", "path"] {
        if storage != Storage::Cookie && section.has(key) {
            section.wrong(key, Problem::new("Only a cookie has this.", "Remove the line."));
        }
    }
    Some(Cookie {
        name: name?,
        purpose: purpose?,
        duration: duration?,
        provider: provider.unwrap_or_else(|| owner.to_owned()),
        third_party,
        storage,
        http_only,
        path: path.unwrap_or_else(|| "/".to_owned()),
    })
}

fn cookie_name(text: &str) -> Result<String, Problem> {
    let valid = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'=' | b'"');
    (text.len() <= 128 && text.bytes().all(valid)).then(|| text.to_owned()).ok_or_else(|| {
        Problem::new(
            format!("\"{text}\" cannot be the name of a cookie."),
            "Write it as the browser shows it.",
        )
    })
}

fn cookie_path(text: &str) -> Result<String, Problem> {
    let valid = |byte: u8| byte.is_ascii_graphic() && byte != b';';
    let fits = text.starts_with('/') && text.len() <= limits::PATH_BYTES_MAX;
    (fits && text.bytes().all(valid)).then(|| text.to_owned()).ok_or_else(|| {
        let mend = "Begin it with a slash and write it as the browser shows it, such as \"/shop\".";
        Problem::new(format!("\"{text}\" cannot be the path of a cookie."), mend)
    })
}

/// What Kruimel itself stores: the choice (necessary), and two ids while analytics is granted.
pub(super) fn of_kruimel(
    controller: &str,
    choice_days: u16,
    categories: &[CategoryDeclaration],
) -> Vec<Service> {
    let days = Kept::For(u32::from(choice_days), Unit::Days);
    let cookie = |name: &str, duration, purpose| Cookie {
        name: name.to_owned(),
        purpose: Translated::own(purpose),
        duration,
        provider: controller.to_owned(),
        third_party: false,
        storage: Storage::Cookie,
        http_only: false,
        path: "/".to_owned(),
    };
    let service = |id: &str, category: Category, name, purpose, cookies| Service {
        id: ServiceId::read(id).expect("our own ids are valid"),
        category: category.into(),
        name,
        provider: controller.to_owned(),
        provider_country: None,
        purpose: Translated::own(purpose),
        third_party: false,
        cookies,
    };
    let choice = cookie("kruimel", days, "choice_cookie");
    // What was proven to be the visitor's own choice, for as long as the tab is open.
    let proven = Cookie { storage: Storage::Session, ..cookie("kruimel", Kept::Session, "choice_cookie") };
    let visitor = Cookie { http_only: true, ..cookie("kruimel_id", days, "visitor_cookie") };
    let visit = cookie("kruimel_visit", Kept::For(30, Unit::Minutes), "visit_cookie");
    let own = vec![
        service(
            "kruimel-choice",
            Category::Necessary,
            Translated::own("choice_name"),
            "choice_purpose",
            vec![choice, proven],
        ),
        service(
            KRUIMEL,
            Category::Analytics,
            Translated::Same("Kruimel".to_owned()),
            "analytics_purpose",
            vec![visitor, visit],
        ),
    ];
    let has = |service: &Service| categories.iter().any(|category| category.name == service.category);
    own.into_iter().filter(has).collect()
}
