//! The site of Kaaidam: what `serve --demo` shows visitors at `/`.
//!
//! In: the pages and assets beside this file, embedded. Out: a router that serves them, without any request to another
//! host. Invariant: every page begins its head with the script tag, and its Content-Security-Policy needs neither
//! `unsafe-inline` nor `unsafe-eval`.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

/// What a page may load: this host alone. The hash allows `site/campaign.js`, the one inline script, to run once the
/// loader releases it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' \
     'sha256-01iH7PCUZq1rpG706yLvH9gdgME/hAU9478aVQMYAiA='; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'self'";
const CAMPAIGN: &str = include_str!("site/campaign.js");
const HTML: &str = "text/html; charset=utf-8";

macro_rules! pages {
    ($($path:literal => $file:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("site/pages/", $file, ".html")))),*]
    };
}

macro_rules! assets {
    ($($file:literal: $content_type:literal),* $(,)?) => {
        &[$((concat!("/assets/", $file), $content_type, include_bytes!(concat!("site/assets/", $file)))),*]
    };
}

/// Every page: its path, and its text.
const PAGES: &[(&str, &str)] = pages! {
    "/" => "home",
    "/news" => "news",
    "/news/night-ferry" => "night-ferry",
    "/news/library-on-sunday" => "library-on-sunday",
    "/news/summer-streets" => "summer-streets",
    "/news/swimming-in-the-docks" => "swimming-in-the-docks",
    "/nieuws/lindeplein" => "lindeplein",
    "/film" => "film",
    "/map" => "map",
    "/have-your-say" => "have-your-say",
    "/have-your-say/thanks" => "thanks",
    "/downloads" => "downloads",
    "/shop" => "shop",
    "/shop/biscuit-tin" => "biscuit-tin",
    "/shop/ferry-mug" => "ferry-mug",
    "/shop/skyline-bag" => "skyline-bag",
    "/shop/harbour-poster" => "harbour-poster",
    "/shop/basket" => "basket",
    "/privacy" => "privacy",
};

/// The framed pages, which stand for those of other companies and carry no script tag.
const EMBEDS: &[(&str, &str)] = &[
    ("/embed/map", include_str!("site/embed-map.html")),
    ("/embed/film", include_str!("site/embed-film.html")),
];

/// Every asset: its path, its type, its bytes.
const ASSETS: &[(&str, &str, &[u8])] = assets! {
    "site.css": "text/css; charset=utf-8",
    "embed.css": "text/css; charset=utf-8",
    "counter.js": "text/javascript; charset=utf-8",
    "shop.js": "text/javascript; charset=utf-8",
    "mark.svg": "image/svg+xml",
    "ferry.svg": "image/svg+xml",
    "library.svg": "image/svg+xml",
    "street.svg": "image/svg+xml",
    "docks.svg": "image/svg+xml",
    "linde.svg": "image/svg+xml",
    "map.svg": "image/svg+xml",
    "mug.svg": "image/svg+xml",
    "tote.svg": "image/svg+xml",
    "tin.svg": "image/svg+xml",
    "poster.svg": "image/svg+xml",
    "pixel.gif": "image/gif",
    "ferry.webm": "video/webm",
    "ferry.vtt": "text/vtt; charset=utf-8",
    "night-ferry-timetable.pdf": "application/pdf",
    "night-ferry-timetable.txt": "text/plain; charset=utf-8",
};

/// The whole site; what it does not have is answered with its own 404 page.
pub(crate) fn router() -> Router {
    let mut router = Router::new();
    for &(path, text) in PAGES {
        let html = Bytes::from(compose(text, path));
        let page = get(move |headers: HeaderMap| async move { answer(HTML, html, &headers) });
        // The form is answered and forgotten: nothing of it is read.
        let page = if path == "/have-your-say" {
            page.post(|| async { Redirect::to("/have-your-say/thanks") })
        } else {
            page
        };
        router = router.route(path, page);
    }
    for &(path, text) in EMBEDS {
        router = router
            .route(path, get(move |headers: HeaderMap| async move { answer(HTML, text.into(), &headers) }));
    }
    for &(path, content_type, bytes) in ASSETS {
        let bytes = Bytes::from_static(bytes);
        router = router
            .route(path, get(move |headers: HeaderMap| async move { answer(content_type, bytes, &headers) }));
    }
    let missing = Bytes::from(compose(include_str!("site/pages/404.html"), ""));
    router.fallback(move |headers: HeaderMap| async move {
        (StatusCode::NOT_FOUND, answer(HTML, missing, &without_range(headers)))
    })
}

/// Puts a page into the layout of its language. A page begins with a comment of `key: value` lines.
fn compose(page: &str, path: &str) -> String {
    let (head, body) = page.split_once("-->").unwrap_or(("", page));
    let value = |key: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        line.unwrap_or_default()
    };
    let layout = match value("lang") {
        "nl" => include_str!("site/layout.nl.html"),
        _ => include_str!("site/layout.en.html"),
    };
    let section = path.split('/').nth(1).unwrap_or_default();
    let section = if section == "nieuws" { "news" } else { section };
    let link = format!("<a href=\"/{section}\">");
    let current = format!(
        "<a href=\"/{section}\" aria-current=\"{}\">",
        if path.matches('/').count() == 1 { "page" } else { "true" }
    );
    let (menu, rest) = layout.split_once("</header>").unwrap_or((layout, ""));
    format!("{}</header>{rest}", menu.replace(&link, &current))
        .replace("{{title}}", value("title"))
        .replace("{{description}}", value("description"))
        .replace("{{campaign}}", CAMPAIGN)
        .replace("{{body}}", body.trim())
}

/// A file, or the part of it that was asked for: browsers seek in a film by ranges.
fn answer(content_type: &'static str, bytes: Bytes, request: &HeaderMap) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (header::ACCEPT_RANGES, "bytes"),
    ];
    let headers =
        headers.map(|(name, value): (HeaderName, &'static str)| (name, HeaderValue::from_static(value)));
    let asked = request.get(header::RANGE).and_then(|value| value.to_str().ok());
    match asked.and_then(|asked| range(asked, bytes.len())) {
        None => (headers, bytes).into_response(),
        Some(Some((first, last))) => {
            let place = format!("bytes {first}-{last}/{}", bytes.len());
            (
                StatusCode::PARTIAL_CONTENT,
                headers,
                [(header::CONTENT_RANGE, place)],
                bytes.slice(first..=last),
            )
                .into_response()
        }
        Some(None) => {
            let place = format!("bytes */{}", bytes.len());
            (StatusCode::RANGE_NOT_SATISFIABLE, headers, [(header::CONTENT_RANGE, place)]).into_response()
        }
    }
}

/// First and last byte of one asked range (RFC 9110, section 14.1.2). `None` if the header is of a form that may be
/// ignored, `Some(None)` if the file has no such bytes.
fn range(asked: &str, length: usize) -> Option<Option<(usize, usize)>> {
    let (first, last) = asked.strip_prefix("bytes=")?.split_once('-')?;
    let end = length.checked_sub(1)?;
    let (first, last) = match (first.parse::<usize>(), last) {
        (Ok(first), "") => (first, end),
        (Ok(first), last) => (first, last.parse::<usize>().ok()?.min(end)),
        (Err(_), last) if first.is_empty() => (length.saturating_sub(last.parse().ok()?), end),
        (Err(_), _) => return None,
    };
    Some((first <= last && first < length).then_some((first, last)))
}

fn without_range(mut headers: HeaderMap) -> HeaderMap {
    headers.remove(header::RANGE);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "<script async src=\"/kruimel/demo.js\" referrerpolicy=\"no-referrer\" data-cfasync=\"false\"></script>";

    fn composed() -> impl Iterator<Item = (&'static str, String)> {
        PAGES.iter().map(|(path, text)| (*path, compose(text, path)))
    }

    #[test]
    fn every_page_begins_its_head_with_the_script_tag() {
        for (path, html) in composed() {
            let head = html.split_once("<head>").map(|(_, head)| head.trim_start()).unwrap();
            assert!(head.starts_with(TAG), "{path}");
            assert!(!html.contains("{{"), "{path} has an open placeholder");
            assert!(!html.contains("<title> |"), "{path} has no title");
            assert_eq!(html.matches("<h1>").count(), 1, "{path}");
        }
    }

    #[test]
    fn every_link_leads_somewhere_on_this_host() {
        let served = |link: &str| {
            let path = link.split('#').next().unwrap_or_default();
            PAGES.iter().chain(EMBEDS).any(|(known, _)| *known == path)
                || ASSETS.iter().any(|(known, _, _)| *known == path)
                || ["/kruimel/demo.js", "/kruimel/cookies", "/kruimel/privacy"].contains(&path)
        };
        for (page, html) in composed().chain(EMBEDS.iter().map(|(path, html)| (*path, (*html).to_owned()))) {
            for attribute in ["href=\"", "src=\"", "data-src=\"", "poster=\"", "action=\""] {
                for link in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
                    let known = served(link) || link.starts_with("mailto:") || link == "#content";
                    assert!(known, "{page} leads to {link}");
                }
            }
        }
    }

    #[test]
    fn no_style_or_handler_stands_in_the_markup() {
        for (page, html) in composed() {
            for inline in [" style=", " onclick=", " onload=", "<style", "javascript:"] {
                assert!(!html.contains(inline), "{page} has {inline}");
            }
            let scripts = html.matches("<script").count();
            let allowed = html.matches("<script async src=").count()
                + html.matches("<script src=").count()
                + html.matches("<script type=\"text/plain\"").count();
            assert_eq!(scripts, allowed, "{page}");
        }
    }

    #[test]
    fn a_range_is_read_as_the_standard_says() {
        let check = |asked: &str, expected| assert_eq!(range(asked, 10), expected, "{asked}");
        check("bytes=0-", Some(Some((0, 9))));
        check("bytes=2-4", Some(Some((2, 4))));
        check("bytes=5-99", Some(Some((5, 9))));
        check("bytes=-3", Some(Some((7, 9))));
        check("bytes=-99", Some(Some((0, 9))));
        check("bytes=10-", Some(None));
        check("bytes=-0", Some(None));
        check("bytes=4-2", Some(None));
        check("lines=1-2", None);
        check("bytes=a-b", None);
        check("bytes=0-1,4-5", None);
    }
}
