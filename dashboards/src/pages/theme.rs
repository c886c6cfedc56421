//! Light or dark: a cookie of the dashboards, read by the server so that no page flashes.

use axum::Form;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

const COOKIE: &str = "kruimel_dashboard_theme";

/// What the button sends without JavaScript.
#[derive(Deserialize)]
pub(crate) struct Choice {
    theme: String,
    back: String,
}

/// `light`, `dark`, or empty where the device decides.
pub(super) fn of(headers: &HeaderMap) -> &'static str {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    known(pairs.find(|(name, _)| *name == COOKIE).map_or("", |(_, value)| value))
}

/// `POST /theme`: keeps the choice and leads back.
pub(crate) async fn choose_theme(Form(choice): Form<Choice>) -> Response {
    let theme = known(&choice.theme);
    let cookie = format!("{COOKIE}={theme}; Path=/; Max-Age=31536000; SameSite=Strict");
    // Only a path of our own, so that the form leads nowhere else.
    let own = choice.back.starts_with("/?") && choice.back.bytes().all(|byte| byte.is_ascii_graphic());
    let back = if own { choice.back } else { "/".to_owned() };
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, back)]).into_response()
}

fn known(theme: &str) -> &'static str {
    match theme {
        "light" => "light",
        "dark" => "dark",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_form_leads_only_to_our_own_pages() {
        for (back, expected) in [
            ("/?site=news", "/?site=news"),
            ("https://evil.example/", "/"),
            ("//evil.example/?", "/"),
            ("/?\r\nx", "/"),
        ] {
            let choice = Choice { theme: "dark".to_owned(), back: back.to_owned() };
            let response = choose_theme(Form(choice)).await;
            assert_eq!(response.headers()[header::LOCATION], expected);
        }
    }

    #[test]
    fn only_known_themes_are_read() {
        let of = |cookie: &str| super::of(&HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())]));
        assert_eq!(of("a=b; kruimel_dashboard_theme=dark"), "dark");
        assert_eq!(of("kruimel_dashboard_theme=\"><script>"), "");
    }
}
