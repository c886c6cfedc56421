//! The two pages as a visitor reads them, from inputs that are known before.

use super::form::{Fields, Form};
use super::privacy_page::{Input, PrivacyPage};
use super::state::{self, State};
use super::*;
use crate::receipt::{Keys, VisitorCookie, sign, timestamp};
use crate::withdrawn::Withdrawn;
use askama::Template;
use std::collections::BTreeMap;
use wire::{HexId, Receipt};

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
    sign(receipt, NOW_MS, keys)
}

fn read(choice: Option<&str>, visitor: Option<&str>, keys: &Keys) -> State {
    let folder = tempfile::tempdir().unwrap();
    state::read(choice, visitor, &demo().sites[0], NOW_MS, keys, &withdrawn(&folder))
}

fn page(state: &State, language: Language, signal: Option<&'static str>) -> String {
    page_of(&demo().sites[0], state, language, signal, None)
}

fn page_of(
    site: &Site,
    state: &State,
    language: Language,
    signal: Option<&'static str>,
    entered: Option<&Form>,
) -> String {
    let (prefix, token) = ("/kruimel/", "the-token".into());
    let text = "0123456789abcdef";
    let (message, records) = (None, &[][..]);
    let input = Input { site, language, prefix, state, signal, token, text, message, entered, records };
    PrivacyPage::new(input).render().unwrap()
}

fn form(body: &str) -> Form {
    Form::of(&Fields::parse(body.as_bytes()).unwrap())
}

#[test]
fn a_grant_is_shown_with_what_it_allows_and_its_references() {
    let keys = Keys::generate();
    let visitor = VisitorCookie { id: HexId(0x5e1c_09ab_77d2_4f38), created_s: NOW_MS / 1_000 };
    let choice = receipt(&keys, &["necessary", "functional", "analytics"], 1);
    let state = read(Some(&choice), Some(&visitor.sign("demo", NOW_MS, &keys)), &keys);
    let html = page(&state, Language::En, None);
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
    let html = page(&state, Language::En, None);
    assert!(!html.contains("kruimel_id"));
    assert!(!html.contains("Pages opened"));
    assert!(html.contains("To prove that you were asked"));
}

#[test]
fn a_refusal_is_shown_without_any_reference() {
    let state = read(Some(REFUSAL), None, &Keys::generate());
    let html = page(&state, Language::En, None);
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
        let state = read(choice, None, &keys);
        assert!(matches!(state, State::Undecided { outdated: found, .. } if found == outdated), "{choice:?}");
        assert_eq!(state.holder().is_some(), choice == Some(&old), "the rows of an older grant are theirs");
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
    let html = page(&State::Undecided { outdated: false, holder: None }, Language::En, None);
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
    assert_eq!(state, State::Undecided { outdated: false, holder: None });
}

#[test]
fn accept_and_refuse_are_alike_and_nothing_is_switched_on_before() {
    let html = page(&State::Undecided { outdated: false, holder: None }, Language::Nl, None);
    assert!(html.contains("<html lang=\"nl\" dir=\"ltr\">"));
    assert!(html.contains("<button class=\"a\" name=\"action\" value=\"accept\">Alles aanvaarden</button>"));
    assert!(html.contains("<button class=\"a\" name=\"action\" value=\"refuse\">Alles weigeren</button>"));
    assert_eq!(html.matches(" checked disabled").count(), 1);
    assert_eq!(html.matches(" checked").count(), 1);
}

#[test]
fn a_signal_of_the_browser_is_said_to_be_honoured_or_overridden() {
    let keys = Keys::generate();
    let refused = read(Some(REFUSAL), None, &keys);
    let honoured = page(&refused, Language::En, Some("gpc"));
    assert_eq!(honoured.matches("Your browser sends Global Privacy Control. It is honoured").count(), 2);
    assert!(honoured.contains("What you allow here counts more than your browser’s signal."));
    assert!(page(&refused, Language::En, Some("dnt")).contains("Your browser sends Do Not Track."));
    let quiet = page(&refused, Language::En, None);
    assert!(!quiet.contains("Global Privacy Control") && !quiet.contains("Do Not Track"));
    let granted = read(Some(&receipt(&keys, &["necessary", "advertising"], 1)), None, &keys);
    let overridden = page(&granted, Language::En, Some("gpc"));
    assert!(!overridden.contains("It is honoured"));
    assert_eq!(overridden.matches("What you allow here counts more than").count(), 2);
}

#[test]
fn no_sentence_of_any_language_is_left_open_or_broken_by_what_is_filled_in() {
    let keys = Keys::generate();
    let mut site = demo().sites.remove(0);
    site.options.age_limit = Some(13);
    site.options.session_choice = true;
    let granted = receipt(&keys, &["necessary", "functional", "advertising"], 1);
    let for_session = REFUSAL.replace("\"day\"", "\"session\":true,\"day\"");
    for language in Language::ALL {
        for choice in [granted.as_str(), REFUSAL, &for_session] {
            let html = page_of(&site, &read(Some(choice), None, &keys), language, Some("gpc"), None);
            for text in html.split('<').filter_map(|part| part.split('>').nth(1)) {
                let broken = ["{", "}", "..", " .", "  ", "()"].iter().find(|broken| text.contains(**broken));
                assert_eq!(broken, None, "{language:?}: {text}");
            }
        }
    }
}

#[test]
fn a_refusal_for_the_session_is_shown_as_such() {
    let for_session = REFUSAL.replace("\"day\"", "\"session\":true,\"day\"");
    let html = page(&read(Some(&for_session), None, &Keys::generate()), Language::En, None);
    assert!(html.contains("Since 12 November 2026. Your choice ends when you close the browser."), "{html}");
    assert!(html.contains("<span>Until you close the browser</span>"));
    assert!(!html.contains("2027"), "no other end is named");
}

#[test]
fn a_refusal_that_was_taken_over_ends_on_its_own_day_and_never_later() {
    let check = |until: &str, expected: &str| {
        let choice = REFUSAL.replace("\"day\"", &format!("\"until\":\"{until}\",\"day\""));
        let html = page(&read(Some(&choice), None, &Keys::generate()), Language::En, None);
        assert!(html.contains(&format!("It holds until {expected};")), "{until}");
    };
    check("2027-01-02", "2 January 2027");
    check("2029-01-02", "13 May 2027");
    check("soon", "13 May 2027");
}

#[test]
fn services_have_switches_of_their_own_where_the_site_says_so() {
    let keys = Keys::generate();
    let mut site = demo().sites.remove(0);
    site.options.service_switches = true;
    let undecided =
        page_of(&site, &State::Undecided { outdated: false, holder: None }, Language::En, None, None);
    assert_eq!(undecided.matches(" checked").count(), 1, "only necessary is on");
    assert!(undecided.contains("name=\"service\" value=\"analytics/kruimel"), "{undecided}");
    let granted = read(Some(&receipt(&keys, &["necessary", "functional"], 1)), None, &keys);
    let services = site.services.iter().filter(|one| one.category.as_str() == "functional").count();
    let html = page_of(&site, &granted, Language::En, None, None);
    assert_eq!(html.matches(" checked").count(), 1 + services);
}

#[test]
fn what_was_entered_is_still_there_when_it_could_not_be_taken() {
    let mut site = demo().sites.remove(0);
    site.options.session_choice = true;
    site.options.age_limit = Some(13);
    let state = State::Undecided { outdated: false, holder: None };
    let empty = page_of(&site, &state, Language::En, None, None);
    assert!(empty.contains("I am 13 or older") && empty.contains("For this session only"));
    assert_eq!(empty.matches(" checked").count(), 1);
    let entered = form("category=functional&session=yes&action=save");
    let html = page_of(&site, &state, Language::En, None, Some(&entered));
    assert_eq!(html.matches(" checked").count(), 3, "necessary, functional and the session");
}

/// A site whose config has these lines too.
fn site_with(more: &str) -> Site {
    let text = format!(
        "[listen]\ndirect = true\n[[site]]\nid = \"example\"\nname = \"Example\"\nhosts = [\"example.org\"]\n\
         controller = \"City\"\ncontact = \"e\"\ntime_zone = \"Europe/Brussels\"\n{more}\n"
    );
    let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
    config.map_err(|errors| errors.to_string()).unwrap().sites.remove(0)
}

#[test]
fn a_theme_reaches_the_stylesheet_under_a_name_of_its_own() {
    let plain = site_with("");
    assert_eq!(style(&plain), STYLE);
    let own = site_with("[site.theme]\nradius = \"0\"\nline = { light = \"#aabbcc\", dark = \"#334455\" }");
    let added = style(&own).split_off(STYLE.len());
    assert_eq!(
        added,
        "\n:root{--kruimel-line:#aabbcc;--kruimel-radius:0;}\n@supports (color:light-dark(red,red)){:root{--kruimel-line:light-dark(#aabbcc,#334455);}}"
    );
    assert_ne!(style_name(&own), style_name(&plain));
}

#[test]
fn what_a_config_says_is_text_and_never_markup() {
    let mut config = demo();
    let site = &mut config.sites[0];
    site.name = "<b>Kaaidam</b>".into();
    site.controller = "\"><script>alert(1)</script>".into();
    let state = State::Undecided { outdated: false, holder: None };
    let html = page_of(site, &state, Language::En, None, None);
    for markup in ["<b>Kaaidam", "<script"] {
        assert!(!html.contains(markup), "{markup}");
    }
}

#[test]
fn the_hash_of_a_declaration_changes_with_its_words() {
    let mut config = demo();
    let hash = |config: &Config, language| {
        shown(&config.sites[0], language, &crate::http::shown::declared(&config.sites[0])).0
    };
    let before = hash(&config, Language::En);
    assert_eq!(before.len(), 16);
    assert_ne!(before, hash(&config, Language::De));
    config.sites[0].contact.push('.');
    assert_ne!(before, hash(&config, Language::En));
}

#[test]
fn the_hash_of_the_page_stands_for_its_buttons_options_look_words_and_templates() {
    // The declaration is told apart anyway.
    let of = |more: &str| shown(&site_with(more), Language::En, "the same");
    let (before, content) = of("");
    assert_eq!(of("").0, before);
    for line in
        ["[site.texts.en]\naccept = \"Yes\"", "service_switches = true", "[site.theme]\nline = \"#abc\""]
    {
        assert_ne!(of(line).0, before, "{line}");
    }
    let words = Words::of(Language::En);
    assert_eq!(content["words"]["age_confirm"], words.age_confirm);
    assert_eq!(build()["templates"].as_str().unwrap().len(), 64);
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
    for language in Language::ALL {
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
        assert!(html.contains(&style_name(&demo().sites[0])));
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
fn a_site_shows_its_pages_in_its_own_languages_alone() {
    let mut site = demo().sites.remove(0);
    site.languages = vec![Language::Pl, Language::Fr, Language::Nl];
    site.language = Language::Pl;
    assert_eq!(site.language_of(["en", "nl"]), Language::Nl);
    assert_eq!(site.language_of(["en"]), Language::Pl);
    let frame = Frame::new(&site, Language::Fr, "/kruimel/", "cookies");
    assert_eq!(frame.languages.iter().map(|link| link.language).collect::<Vec<_>>(), ["pl", "nl"]);
    assert_eq!(frame.folded, None);
    site.languages = Language::ALL.to_vec();
    let frame = Frame::new(&site, Language::Fr, "/kruimel/", "cookies");
    assert_eq!((frame.languages.len(), frame.folded), (29, Some("Français")));
}

#[test]
fn names_become_a_phrase() {
    let names = ["a", "b", "c"].map(str::to_owned);
    let frame = Frame::new(&demo().sites[0], Language::Nl, "/kruimel/", "cookies");
    assert_eq!(frame.list(&names), "a, b en c");
    assert_eq!(frame.list(&names[..1]), "a");
    assert_eq!(frame.list(&[]), "");
}

#[test]
fn a_host_finds_its_site() {
    let config = demo();
    for host in ["localhost:7700", "127.0.0.1", "elsewhere.example", "[::1]:80", ""] {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        assert_eq!(site_of(&config, &headers, None).map(|site| site.id.as_str()), Some("demo"), "{host}");
    }
}
