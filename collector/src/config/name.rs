//! The names a config gives: sites, hosts, categories, countries, the prefix. Parsed once, trusted afterwards.
//!
//! In: texts of the config. Out: newtypes that only hold valid names. Invariant: whoever holds one need not check it.

use super::error::Problem;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;
use wire::limits;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $type(String);

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                $type::read(&text).map_err(|problem| de::Error::custom(problem.wrong))
            }
        }

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The id of a site: 1 to 40 lower-case letters, digits and hyphens. It is in the script's address and in every row.
    SiteId
}
name! {
    /// A host name in lower case, without port; internationalised names in their ASCII form. Or an address.
    Host
}
name! {
    /// The name of a category, such as `analytics`.
    CategoryName
}
name! {
    /// The id of a service within its site, such as `leeshoek`.
    ServiceId
}
name! {
    /// An IANA time zone, such as `Europe/Brussels`.
    TimeZone
}
name! {
    /// What every public path begins with, such as `/kruimel/`: begins and ends with a slash.
    Prefix
}
name! {
    /// A country by its two capital letters (ISO 3166-1).
    CountryCode
}

impl SiteId {
    /// Reads a site id.
    pub fn parse(text: &str) -> Option<SiteId> {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=limits::SITE_ID_BYTES_MAX).contains(&text.len());
        (fits && text.bytes().all(valid)).then(|| SiteId(text.to_owned()))
    }

    pub(super) fn read(text: &str) -> Result<SiteId, Problem> {
        SiteId::parse(text).ok_or_else(|| {
            let mend = format!("Use 1 to {} of a-z, 0-9 and -.", limits::SITE_ID_BYTES_MAX);
            Problem::new(format!("\"{text}\" is not a site id."), mend)
        })
    }
}

impl Host {
    /// Reads a host name as a browser would, without scheme, port or path.
    pub fn parse(text: &str) -> Option<Host> {
        let bare = text.strip_suffix('.').unwrap_or(text);
        let host = match url::Host::parse(bare).ok()? {
            url::Host::Domain(domain) => domain,
            address => address.to_string(),
        };
        let label = |label: &str| {
            let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=63).contains(&label.len())
                && label.bytes().all(valid)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let valid =
            host.starts_with('[') || (host.len() <= limits::HOST_BYTES_MAX && host.split('.').all(label));
        valid.then_some(Host(host))
    }

    pub(super) fn read(text: &str) -> Result<Host, Problem> {
        let problem = |mend: &str| Problem::new(format!("\"{text}\" is not a host name."), mend);
        if text.contains("://") || text.contains('/') {
            return Err(problem("Write the host alone, without https:// and without a path."));
        }
        if text.contains('*') {
            return Err(problem(
                "Name each host: one choice is valid for the hosts that a visitor can see named.",
            ));
        }
        if !text.starts_with('[') && text.contains(':') {
            return Err(problem("Write the host without its port."));
        }
        Host::parse(text).ok_or_else(|| problem("Write a host such as \"www.example.org\"."))
    }
}

fn is_name(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    (1..=limits::NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(valid)
}

fn name_problem(text: &str) -> Problem {
    Problem::new(
        format!("\"{text}\" cannot be a name here."),
        format!("Use 1 to {} of a-z, 0-9, - and _.", limits::NAME_BYTES_MAX),
    )
}

impl CategoryName {
    pub(super) fn read(text: &str) -> Result<CategoryName, Problem> {
        is_name(text).then(|| CategoryName(text.to_owned())).ok_or_else(|| name_problem(text))
    }
}

impl From<wire::Category> for CategoryName {
    fn from(category: wire::Category) -> Self {
        CategoryName(category.name().to_owned())
    }
}

impl ServiceId {
    pub(super) fn read(text: &str) -> Result<ServiceId, Problem> {
        is_name(text).then(|| ServiceId(text.to_owned())).ok_or_else(|| name_problem(text))
    }
}

impl TimeZone {
    pub(super) fn read(text: &str) -> Result<TimeZone, Problem> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+');
        let begins_well = text.starts_with(|letter: char| letter.is_ascii_uppercase());
        let shaped = begins_well && (text == "UTC" || text.contains('/')) && !text.ends_with('/');
        let fits = text.len() <= limits::TIME_ZONE_BYTES_MAX && text.bytes().all(valid);
        let known = text == "UTC" || text.starts_with("Etc/") || crate::pipeline::is_time_zone(text);
        (shaped && fits && known).then(|| TimeZone(text.to_owned())).ok_or_else(|| {
            let mend = "Write the IANA name, such as \"Europe/Brussels\" or \"UTC\".";
            Problem::new(format!("\"{text}\" is not a time zone."), mend)
        })
    }
}

impl Prefix {
    pub(super) fn read(text: &str) -> Result<Prefix, Problem> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
        let framed = text.len() > 2 && text.starts_with('/') && text.ends_with('/');
        (framed && !text.contains("//") && text.bytes().all(valid)).then(|| Prefix(text.to_owned())).ok_or_else(|| {
            let mend = "Begin and end it with a slash and use a-z, 0-9, - and _ between them, as in \"/kruimel/\".";
            Problem::new(format!("\"{text}\" cannot be the prefix of the public paths."), mend)
        })
    }

    pub(super) fn standard() -> Prefix {
        Prefix("/kruimel/".to_owned())
    }
}

impl CountryCode {
    pub(super) fn read(text: &str) -> Result<CountryCode, Problem> {
        let valid = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        valid.then(|| CountryCode(text.to_owned())).ok_or_else(|| {
            Problem::new(
                format!("\"{text}\" is not a country."),
                "Write its two capital letters, such as \"BE\".",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_reads_as_a_browser_sends_it() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Host::parse(text).as_ref().map(Host::as_str), expected, "{text}");
        };
        check("Example.ORG", Some("example.org"));
        check("kaaidam.example.", Some("kaaidam.example"));
        check("café.example", Some("xn--caf-dma.example"));
        check("127.0.0.1", Some("127.0.0.1"));
        check("[::1]", Some("[::1]"));
        check("localhost", Some("localhost"));
        check("exa mple.org", None);
        check("example..org", None);
        check("-example.org", None);
        check("", None);
    }

    #[test]
    fn a_site_id_is_short_and_plain() {
        for text in ["", "Example", "a/b", "a_b", &"a".repeat(41)] {
            assert_eq!(SiteId::parse(text), None, "{text}");
        }
        assert_eq!(SiteId::parse("kaaidam-2").as_ref().map(SiteId::as_str), Some("kaaidam-2"));
    }
}
