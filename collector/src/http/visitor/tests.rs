//! The two pages as a visitor reads them, from inputs that are known before.

use super::declaration::Declaration;
use super::form::Form;
use super::privacy_page::{Input, PrivacyPage};
use super::state::{self, State};
use super::*;
use crate::receipt::{Keys, VisitorCookie, sign, timestamp};
use crate::withdrawn::Withdrawn;
use askama::Template;
use std::collections::BTreeMap;
use wire::{DecisionAction, HexId, Receipt, Surface};

/// 22 November 2026.
const NOW_MS: i64 = 1_795_305_600_000;
const DAY_MS: i64 = 86_400_000;
const REFUSAL: &str = r#"{"categories":["necessary"],"services":{},"revision":1,"day":"2026-11-12"}"#;

fn demo() -> Config {
    let address = |text: &str| text.parse().unwrap();
    Config::demo("data".into(), address("127.0.0.1:1"), address("127.0.0.1:2"))
}

fn withdrawn(folder: &tempfile::TempDir) -> Withdrawn {
    Withdrawn::open(folder.path(), &[]).unwrap()
}

fn receipt(keys: &Keys, categories: &[&str], revision: u32) -> String {
    let receipt = Receipt {
        categories: categories.iter().map(|name| (*name).to_owned()).collect(),
        services: BTreeMap::new(),
        revision,
        consent_id: HexId(0x0193_f0a2_7c1e_7b44),
        consent_timestamp: timestamp(NOW_MS - DAY_MS),
        last_consent_timestamp: timestamp(NOW_MS - DAY_MS),
        language_code: "en".into(),
        expiration_time: u64::try_from(NOW_MS + 100 * DAY_MS).unwrap(),
        session: false,
        site: "demo".into(),
        key: String::new(),
    };
    sign(receipt, keys)
}

fn read(choice: Option<&str>, visitor: Option<&str>, keys: &Keys) -> State {
    let folder = tempfile::tempdir().unwrap();
    state::read(choice, visitor, &demo().sites[0], NOW_MS, keys, &withdrawn(&folder))
}

fn page(state: &State, language: Language, signal: bool) -> String {
    let config = demo();
    let site = &config.sites[0];
    let input = Input {
        site,
        language,
        prefix: "/kruimel/",
        state,
        signal,
        token: "the-token".into(),
        message: None,
    };
    PrivacyPage::new(input).render().unwrap()
}

#[test]
fn a_grant_is_shown_with_what_it_allows_and_its_references() {
    let keys = Keys::generate();
    let visitor = VisitorCookie { id: HexId(0x5e1c_09ab_77d2_4f38), created_s: NOW_MS / 1_000 };
    let choice = receipt(&keys, &["necessary", "functional", "analytics"], 1);
    let state = read(Some(&choice), Some(&visitor.sign("demo", &keys)), &keys);
    let html = page(&state, Language::En, false);
    for text in [
        "<h1>You allowed ",
        "On 21 November 2026. It holds until 2 March 2027",
        "5e1c 09ab 77d2 4f38",
        "0193 f0a2 7c1e 7b44",
        "<code>kruimel_id</code>",
        "25 months",
        "30 days",
        "value=\"analytics\" aria-label",
    ] {
        assert!(html.contains(text), "{text} is not in {html}");
    }
    assert_eq!(html.matches(" checked").count(), 3);
}

#[test]
fn a_grant_without_analytics_shows_no_measuring() {
    let keys = Keys::generate();
    let state = read(Some(&receipt(&keys, &["necessary", "functional"], 1)), None, &keys);
    let html = page(&state, Language::En, false);
    assert!(!html.contains("kruimel_id"));
    assert!(!html.contains("Pages opened"));
    assert!(html.contains("To prove that you were asked"));
}

#[test]
fn a_refusal_is_shown_without_any_reference() {
    let state = read(Some(REFUSAL), None, &Keys::generate());
    let html = page(&state, Language::En, false);
    assert!(html.contains("<h1>You refused, and nothing about you is kept</h1>"));
    assert!(html.contains("On 12 November 2026. It holds until 13 May 2027"));
    assert!(!html.contains("Your references"));
    assert!(!html.contains("kruimel_id"));
    assert_eq!(html.matches(" checked").count(), 1, "only necessary is on");
}

#[test]
fn what_is_no_choice_is_shown_as_none() {
    let keys = Keys::generate();
    let forged = receipt(&Keys::generate(), &["necessary", "analytics"], 1);
    let old = receipt(&keys, &["necessary", "analytics"], 7);
    let over = REFUSAL.replace("2026-11-12", "2026-01-01");
    let bold = REFUSAL.replace("[\"necessary\"]", "[\"necessary\",\"analytics\"]");
    let check = |choice: Option<&str>, outdated: bool| {
        assert_eq!(read(choice, None, &keys), State::Undecided { outdated }, "{choice:?}");
    };
    check(None, false);
    check(Some(""), false);
    check(Some("not json"), false);
    check(Some(&forged), false);
    check(Some(&old), true);
    check(Some(&over), false);
    check(Some(&bold), false);
    check(Some(&REFUSAL.replace("2026-11-12", "9999-12-31")), false);
    check(Some(&REFUSAL.replace("\"revision\":1", "\"revision\":4")), true);
    let html = page(&State::Undecided { outdated: false }, Language::En, false);
    assert!(html.contains("This browser has made no choice here"));
    assert!(!html.contains("What you chose"));
}

#[test]
fn a_withdrawn_receipt_is_no_grant() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, dead) = (Keys::generate(), withdrawn(&folder));
    dead.kill(0x0193_f0a2_7c1e_7b44, NOW_MS as u64);
    let choice = receipt(&keys, &["necessary", "analytics"], 1);
    let state = state::read(Some(&choice), None, &demo().sites[0], NOW_MS, &keys, &dead);
    assert_eq!(state, State::Undecided { outdated: false });
}

#[test]
fn accept_and_refuse_are_alike_and_nothing_is_switched_on_before() {
    let html = page(&State::Undecided { outdated: false }, Language::Nl, false);
    assert!(html.contains("<html lang=\"nl\">"));
    assert!(html.contains("<button class=\"a\" name=\"action\" value=\"accept\">Alles aanvaarden</button>"));
    assert!(html.contains("<button class=\"a\" name=\"action\" value=\"refuse\">Alles weigeren</button>"));
    assert_eq!(html.matches(" checked disabled").count(), 1);
    assert_eq!(html.matches(" checked").count(), 1);
}

#[test]
fn the_signal_of_the_browser_is_said_where_advertising_is_refused() {
    let state = read(Some(REFUSAL), None, &Keys::generate());
    assert!(page(&state, Language::En, true).contains("Your browser also sends Global Privacy Control"));
    assert!(!page(&state, Language::En, false).contains("Global Privacy Control"));
}

#[test]
fn what_a_config_says_is_text_and_never_markup() {
    let mut config = demo();
    let site = &mut config.sites[0];
    site.name = "<b>Kaaidam</b>".into();
    site.controller = "\"><script>alert(1)</script>".into();
    let state = State::Undecided { outdated: false };
    let (language, token) = (Language::En, "\"><i>".into());
    let input =
        Input { site, language, prefix: "/kruimel/", state: &state, signal: false, token, message: None };
    let html = PrivacyPage::new(input).render().unwrap();
    for markup in ["<b>Kaaidam", "<script", "<i>"] {
        assert!(!html.contains(markup), "{markup}");
    }
}

#[test]
fn the_form_becomes_a_decision_of_this_page() {
    let config = demo();
    let declaration = Declaration::of(&config.sites[0], Language::Fr, "/kruimel/");
    let check = |body: &str, action: DecisionAction, categories: &[&str]| {
        let decision = Form::parse(body.as_bytes()).decision(&declaration, Language::Fr).unwrap();
        assert_eq!((decision.action, decision.surface), (action, Surface::Page), "{body}");
        assert_eq!(decision.categories, categories, "{body}");
        assert_eq!((decision.site.as_str(), decision.language.as_str()), ("demo", "fr"));
        assert_eq!(decision.text, declaration.hash());
    };
    let all = ["necessary", "functional", "analytics", "advertising"];
    check("token=t&revision=1&action=accept", DecisionAction::Accept, &all);
    check("token=t&revision=1&category=analytics&action=refuse", DecisionAction::Refuse, &[]);
    let two = "revision=1&category=functional&category=analytics&action=save";
    check(two, DecisionAction::Save, &["functional", "analytics"]);
    check("revision=1&action=save", DecisionAction::Save, &[]);
    for body in
        ["", "action=save", "revision=1", "revision=x&action=accept", "revision=1&action=erase", "%FF=%00"]
    {
        assert!(Form::parse(body.as_bytes()).decision(&declaration, Language::Fr).is_err(), "{body}");
    }
}

#[test]
fn the_hash_of_a_declaration_changes_with_its_words() {
    let mut config = demo();
    let hash = |config: &Config, language| Declaration::of(&config.sites[0], language, "/kruimel/").hash();
    let before = hash(&config, Language::En);
    assert_eq!(before.len(), 16);
    assert_ne!(before, hash(&config, Language::De));
    config.sites[0].contact.push('.');
    assert_ne!(before, hash(&config, Language::En));
}

async fn declaration(language: Language, json: bool) -> (HeaderMap, String) {
    let config = demo();
    let shown = history::Shown::find(&config.sites[0], None, None).unwrap();
    let response = cookies::respond(&shown, language, "/kruimel/", json);
    let headers = response.headers().clone();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_declaration_names_every_cookie_in_every_language() {
    for language in Language::OF_PAGES {
        let (headers, html) = declaration(language, false).await;
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], CONTENT_SECURITY_POLICY);
        for service in &demo().sites[0].services {
            assert!(html.contains(service.name.in_language(language)), "{language:?} {}", service.id);
            for cookie in &service.cookies {
                assert!(
                    html.contains(&format!("<code>{}</code>", cookie.name)),
                    "{language:?} {}",
                    cookie.name
                );
                assert!(
                    html.contains(&cookie.duration.in_language(language)),
                    "{language:?} {}",
                    cookie.name
                );
            }
        }
        assert!(html.contains(&style_name()));
    }
}

#[tokio::test]
async fn the_declaration_is_json_for_programs() {
    let (headers, text) = declaration(Language::Nl, true).await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["site"], "demo");
    assert_eq!(json["language"], "nl");
    assert_eq!(json["choice_days"], 182);
    assert_eq!(json["categories"][0]["services"][0]["cookies"][0]["name"], "kruimel");
    assert_eq!(json["categories"][1]["services"][0]["provider_country"], "Nederland");
    assert_eq!(json["retention"][0]["duration"], "25 maanden");
}

#[test]
fn the_language_is_the_one_asked_for_then_the_browsers() {
    let config = demo();
    let check = |address: &str, accepted: &'static str, expected| {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
        let asked = Asked::of(&address.parse().unwrap());
        assert_eq!(language_of(&config.sites[0], &asked, &headers), expected, "{address} {accepted}");
    };
    check("/kruimel/privacy?lang=fr", "nl", Language::Fr);
    check("/kruimel/privacy?lang=xx", "nl-BE,en;q=0.8", Language::Nl);
    check("/kruimel/privacy", "en;q=0.5, de;q=0.9", Language::De);
    check("/kruimel/privacy", "ja", Language::En);
    check("/kruimel/privacy", "", Language::En);
}

#[test]
fn a_language_that_only_the_banner_speaks_gets_the_first_page_that_is_written() {
    let mut site = demo().sites.remove(0);
    site.languages = vec![Language::Pl, Language::Fr, Language::Nl];
    assert_eq!(site.language_of_pages(["pl", "en", "nl"]), Language::Nl);
    assert_eq!(site.language_of_pages(["pl"]), Language::Fr);
    let links = Frame::new(&site, Language::Fr, "/kruimel/", "cookies").languages;
    assert_eq!(links.iter().map(|link| link.language).collect::<Vec<_>>(), ["nl"]);
    site.languages = vec![Language::Pl];
    assert_eq!(site.language_of_pages(["pl", "nl"]), Language::En);
}

#[test]
fn a_host_finds_its_site() {
    let config = demo();
    for host in ["localhost:7700", "127.0.0.1", "elsewhere.example", "[::1]:80", ""] {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        assert_eq!(site_of(&config, &headers).map(|site| site.id.as_str()), Some("demo"), "{host}");
    }
}
