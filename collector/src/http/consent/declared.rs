//! Removes the declared cookies of what is not granted, as far as a server can: also those that scripts cannot see.
//!
//! In: the cookies that came with a decision, the declaration, what is granted. Out: `Set-Cookie` headers. Invariants: a
//! cookie that a granted service declares too is left alone; no more than [`REMOVALS_MAX`] headers are sent.

use crate::config::{Cookie, Service, Site, Storage};
use crate::http::cookie::{self, Jar};
use crate::http::origin;
use axum::http::{HeaderMap, HeaderValue};
use std::net::IpAddr;

/// Most headers of one answer that remove declared cookies: proxies take answers with 4 KiB of headers. What is beyond is
/// left to the page's script, so cookies that it cannot see come first.
pub(super) const REMOVALS_MAX: usize = 24;

/// The headers that remove every declared cookie that came with the request, and every declared `HttpOnly` cookie of a
/// path that the collector does not see, unless `allows` its category and service.
pub(super) fn removals(
    headers: &HeaderMap,
    site: &Site,
    jar: &Jar<'_>,
    allows: impl Fn(&str, &str) -> bool,
) -> Vec<HeaderValue> {
    let granted = |service: &Service| {
        service.category.as_str() == "necessary" || allows(service.category.as_str(), service.id.as_str())
    };
    let cookies = |granting: bool| {
        let services = site.services.iter().filter(move |service| granted(service) == granting);
        services.flat_map(|service| &service.cookies).filter(|cookie| cookie.storage == Storage::Cookie)
    };
    let kept: Vec<&Cookie> = cookies(true).collect();
    let mut taken_back: Vec<&Cookie> = cookies(false).collect();
    taken_back.sort_by_key(|cookie| !cookie.http_only);

    let domains = domains(origin::host(headers));
    let mut removed: Vec<(&str, &str)> = Vec::new();
    for declared in taken_back {
        let sent = cookie::pairs(headers).map(|(name, _)| name).filter(|name| covers(&declared.name, name));
        let unseen = (declared.http_only && declared.path != "/" && !declared.name.ends_with('*'))
            .then_some(declared.name.as_str());
        for name in sent.chain(unseen).filter(|name| !kept.iter().any(|kept| covers(&kept.name, name))) {
            for path in ["/", declared.path.as_str()] {
                if removed.len() < REMOVALS_MAX && !removed.contains(&(name, path)) && !own(name) {
                    removed.push((name, path));
                }
            }
        }
    }
    let of = |(name, path): (_, _)| {
        let jar = *jar;
        domains.iter().filter_map(move |domain| jar.remove(name, path, *domain))
    };
    removed.into_iter().flat_map(of).take(REMOVALS_MAX).collect()
}

/// The collector's own cookies have an answer of their own.
fn own(name: &str) -> bool {
    [cookie::CONSENT, cookie::VISITOR, cookie::VISIT].contains(&name)
}

/// Whether a declared name covers a cookie: the same, or the same beginning where the declaration ends in `*`.
fn covers(declared: &str, name: &str) -> bool {
    match declared.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == declared,
    }
}

/// The host alone, the host as a domain, and each domain above it down to two labels.
fn domains(host: &str) -> Vec<Option<&str>> {
    let mut domains = vec![None];
    if host.is_empty() || host.contains(':') || host.parse::<IpAddr>().is_ok() {
        return domains;
    }
    let mut domain = Some(host);
    while let Some(here) = domain {
        domains.push(Some(here));
        domain = here.split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'));
    }
    domains
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use axum::http::header;

    fn site() -> Site {
        let service = |id: &str, category: &str, cookies: &str| {
            format!(
                "[[site.service]]\nid = \"{id}\"\ncategory = \"{category}\"\nname = \"n\"\nprovider = \"p\"\npurpose = \"p\"\n\
                 cookies = [{cookies}]\n"
            )
        };
        let cookie = |more: &str| format!("{{ purpose = \"p\", duration = \"1 day\", {more} }}");
        let text = format!(
            "[listen]\ndirect = true\n[[site]]\nid = \"example\"\nname = \"Example\"\nhosts = [\"www.stad.example\"]\n\
             controller = \"City\"\ncontact = \"e\"\ntime_zone = \"Europe/Brussels\"\n{}{}{}",
            service("forms", "necessary", &cookie("name = \"form\"")),
            service(
                "count",
                "analytics",
                &[
                    cookie("name = \"seen_*\""),
                    cookie("name = \"deep\", http_only = true, path = \"/shop\""),
                    cookie("name = \"kept\", storage = \"local\""),
                ]
                .join(", "),
            ),
            service("film", "functional", &cookie("name = \"seen_film\"")),
        );
        let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
        config.map_err(|errors| errors.to_string()).unwrap().sites.remove(0)
    }

    fn removed(origin: &str, cookies: &str, allows: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let site = site();
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        headers.insert(header::COOKIE, HeaderValue::from_str(cookies).unwrap());
        let removals = removals(&headers, &site, &Jar::of(&headers, Some(&site)), allows);
        removals.iter().map(|value| value.to_str().unwrap().replace("; Max-Age=0", "")).collect()
    }

    #[test]
    fn what_came_is_removed_on_every_domain_and_what_cannot_be_seen_on_its_path() {
        let found =
            removed("http://www.stad.example", "form=1; seen_a=1; kept=1; other=1; kruimel_id=x", |_, _| {
                false
            });
        let expected = [
            "deep=; Path=/",
            "deep=; Path=/; Domain=www.stad.example",
            "deep=; Path=/; Domain=stad.example",
            "deep=; Path=/shop",
            "deep=; Path=/shop; Domain=www.stad.example",
            "deep=; Path=/shop; Domain=stad.example",
            "seen_a=; Path=/",
            "seen_a=; Path=/; Domain=www.stad.example",
            "seen_a=; Path=/; Domain=stad.example",
        ];
        assert_eq!(found, expected);
        assert_eq!(removed("http://127.0.0.1:7700", "seen_a=1", |_, _| false).len(), 3);
    }

    #[test]
    fn what_is_granted_stays_and_so_does_what_a_granted_service_declares_too() {
        assert!(removed("http://www.stad.example", "seen_a=1; seen_film=1", |_, _| true).is_empty());
        let film = |category: &str, _: &str| category == "functional";
        let found = removed("http://www.stad.example", "seen_film=1", film);
        assert!(found.iter().all(|header| header.starts_with("deep=")), "{found:?}");
    }

    #[test]
    fn an_answer_removes_no_more_than_its_limit_and_begins_with_what_scripts_cannot_see() {
        let many: Vec<String> = (0..50).map(|number| format!("seen_{number}=1")).collect();
        let found = removed("https://www.stad.example", &many.join("; "), |_, _| false);
        assert_eq!(found.len(), REMOVALS_MAX);
        assert!(found[0].starts_with("deep=") && found[0].ends_with("; Secure"), "{found:?}");
    }
}
