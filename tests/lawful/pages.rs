//! The visitor's two pages, `/kruimel/privacy` and `/kruimel/cookies`: in every language, without scripts, and the plain
//! bar that is sent there. Pictures of them are left in `target/pictures`.

use super::axe::findings;
use crate::browser::Browser;
use crate::stack::Stack;
use fantoccini::key::Key;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

/// A site that speaks all thirty languages, with every option of the form, and colours and corners of its own.
const CONFIG: &str = r##"
[listen]
public = "127.0.0.1:0"
admin = "127.0.0.1:0"
direct = true

[[site]]
id = "all"
name = "Example"
hosts = ["localhost"]
controller = "City of Example"
contact = "Quay 1, 9999 Example, privacy@example.org"
time_zone = "Europe/Brussels"
language = "en"
languages = [LANGUAGES]
service_switches = true
session_choice = true

[site.age]
country = "BE"

[site.theme]
crumb = { light = "#7a3d8f", dark = "#d9a6ea" }
radius = "2px"

[[site.service]]
id = "filmkade"
category = "functional"
name = "Filmkade"
provider = "Filmkade BV"
provider_country = "NL"
third_party = true
purpose = "Video."
cookies = [{ name = "fk_player", purpose = "Volume", duration = "12 months" }]

[[site.service]]
id = "kaartwerk"
category = "functional"
name = "Kaartwerk"
provider = "Kaartwerk"
provider_country = "DE"
third_party = true
purpose = "Maps."

[[site.service]]
id = "streetreach"
category = "advertising"
name = "Streetreach"
provider = "Streetreach"
provider_country = "US"
third_party = true
purpose = "Campaigns."
cookies = [{ name = "sr_campaign", purpose = "Campaign", duration = "30 days", storage = "local" }]
"##;

/// Whatever is wider than the place it has.
const OVERFLOWING: &str = "return [document.documentElement, ...document.querySelectorAll('body *')]
    .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && one.clientWidth && getComputedStyle(one).display !== 'inline'
        && !one.closest('caption, thead'))
    .map(one => one.outerHTML.slice(0, 90));";

/// The texts of every language that ships, by its code.
fn texts() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("banner/assets/text");
    let read = |path: &Path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut texts: Vec<(String, Value)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path)))
        .collect();
    texts.sort_by(|one, other| one.0.cmp(&other.0));
    texts
}

fn start() -> Stack {
    let quoted: Vec<String> = texts().iter().map(|(code, _)| format!("\"{code}\"")).collect();
    Stack::start_with_config(&CONFIG.replace("LANGUAGES", &quoted.join(", ")))
}

fn keep(browser: &Browser, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("pictures");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.png")), browser.picture()).unwrap();
}

/// Presses a button of the page's form and waits for the page that answers.
fn press(browser: &Browser, answer: &str) {
    browser.run("document.title = 'before'");
    browser.click(&format!(".b button[value={answer}]"));
    browser.await_script("return document.title !== 'before' && document.readyState === 'complete'");
}

/// What does not fit, what axe objects to, and what the browser complains of.
fn found(browser: &Browser) -> Vec<String> {
    let mut found = browser.complaints();
    for looked in [browser.run(OVERFLOWING), findings(browser)] {
        found.extend(looked.as_array().unwrap().iter().map(Value::to_string));
    }
    found
}

fn choice(browser: &Browser) -> Option<Value> {
    browser.cookie("kruimel").map(|cookie| serde_json::from_str(&cookie).unwrap())
}

#[test]
fn l11_l44_the_visitors_pages_speak_thirty_languages_each_in_its_direction_and_axe_finds_nothing() {
    let (stack, browser, texts) = (start(), Browser::start(&[]), texts());
    let mut wrong = Vec::new();
    assert_eq!(texts.len(), 30);
    for (place, (code, text)) in texts.iter().enumerate() {
        let direction = if ["ar", "he"].contains(&code.as_str()) { "rtl" } else { "ltr" };
        let scheme = super::SCHEMES[place % 2];
        for page in ["privacy", "cookies"] {
            browser.show_as(320, 900, scheme);
            browser.open_page(&stack.page(&format!("/kruimel/{page}?lang={code}")));
            let shown = browser.run(
                "const {lang, dir} = document.documentElement;
                 return [lang, dir, getComputedStyle(document.body).direction, document.querySelector('header summary').textContent];",
            );
            assert_eq!(shown.as_array().unwrap()[..3], [json!(code), json!(direction), json!(direction)]);
            keep(&browser, &format!("pages-{code}-{page}"));
            browser.run("document.querySelector('details').open = true");
            wrong.extend(found(&browser).into_iter().map(|one| format!("{code} {page} {scheme}: {one}")));
        }
        let said = browser.run("return document.body.textContent");
        for category in ["necessary", "functional", "analytics", "advertising"] {
            let title = text["categories"][category]["title"].as_str().unwrap();
            assert!(said.as_str().unwrap().contains(title), "{code} {category}");
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    browser.close();
}

#[test]
fn l46_without_scripts_the_form_takes_single_services_one_session_and_the_word_of_age() {
    let stack = start();
    let browser = Browser::start(&["--blink-settings=scriptEnabled=false"]);
    browser.open_page(&stack.page("/kruimel/privacy?lang=en"));
    assert_eq!(browser.run("return document.querySelectorAll(':checked').length"), 1, "only necessary is on");

    browser.click("input[value='functional/filmkade']");
    browser.click("input[name=session]");
    press(&browser, "save");
    let kept = browser.run("return [...document.querySelectorAll(':checked')].map(one => one.value)");
    assert_eq!(kept, json!(["necessary", "functional/filmkade", "yes"]), "what was entered is still there");
    let alert = browser.run("return document.querySelector('[role=alert]').textContent");
    assert!(alert.as_str().unwrap().contains("13 or older"), "{alert}");
    assert_eq!(choice(&browser), None);

    browser.click("input[name=of_age]");
    press(&browser, "save");
    let chosen = choice(&browser).unwrap();
    assert_eq!(chosen["categories"], json!(["necessary", "functional"]));
    assert_eq!(chosen["services"], json!({"functional": ["filmkade"]}));
    let lead = browser.run("return document.querySelector('.lead').textContent");
    assert!(lead.as_str().unwrap().contains("ends when you close the browser"), "{lead}");
    let on = browser.run("return [...document.querySelectorAll(':checked')].map(one => one.value)");
    assert_eq!(on, json!(["necessary", "functional/filmkade"]), "neither box is ticked for the next choice");

    browser.click("input[value='functional/filmkade']");
    press(&browser, "save");
    assert_eq!(
        choice(&browser).unwrap()["categories"],
        json!(["necessary"]),
        "a category without services is refused"
    );
    browser.close();
}

#[test]
fn l14_l46_enter_on_a_switch_saves_what_is_shown_and_never_accepts() {
    let visitor = super::Visitor::new();
    let browser = &visitor.browser;
    browser.open_page(&visitor.stack.page("/kruimel/privacy?lang=en"));
    for (switch, granted) in [
        ("functional", json!(["necessary", "functional"])),
        ("advertising", json!(["necessary", "functional", "advertising"])),
        ("functional", json!(["necessary", "advertising"])),
        ("advertising", json!(["necessary"])),
    ] {
        browser.click(&format!("input[value={switch}]"));
        browser.run("document.title = 'before'");
        browser.press(Key::Enter, false);
        browser.await_script("return document.title !== 'before' && document.readyState === 'complete'");
        assert_eq!(visitor.granted(), granted, "{switch}");
    }
    let reached = browser.run(
        "return [...document.querySelectorAll('form button')].map(one => [one.value, one.tabIndex, one.ariaHidden])",
    );
    assert_eq!(
        reached,
        json!([["save", -1, "true"], ["accept", 0, null], ["refuse", 0, null], ["save", 0, null]])
    );
    visitor.leave();
}

/// What the bar of a page does: a form that is sent to the privacy page.
fn send_bar(browser: &Browser, to: &str, answer: &str) {
    browser.run(&format!(
        "const form = document.createElement('form');
         form.method = 'post'; form.action = '{to}';
         const fields = {{form: 'bar', choice: '{answer}', text: '', language: 'en', revision: 1, back: location.pathname}};
         for (const [name, value] of Object.entries(fields)) {{
             form.append(Object.assign(document.createElement('input'), {{type: 'hidden', name, value}}));
         }}
         document.body.append(form); document.title = 'before'; form.submit();"
    ));
    browser.await_script("return document.title !== 'before' && document.readyState === 'complete'");
}

/// Serves one page of nobody's; gives its address, which is another site than `localhost`.
fn page_elsewhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            drop(stream.read(&mut [0; 4_096]));
            let page = "<!doctype html><link rel=icon href=data:,><title>Elsewhere</title><p>Page";
            let length = page.len();
            drop(write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
            ));
        }
    });
    address
}

#[test]
fn l46_the_plain_bar_takes_the_answer_of_a_page_of_the_site_and_leads_back_and_of_no_other() {
    let visitor = super::Visitor::new();
    let browser = &visitor.browser;
    let privacy = visitor.stack.page("/kruimel/privacy");
    browser.open_page(&page_elsewhere());
    send_bar(browser, &privacy, "accept");
    assert_eq!(browser.run("return location.pathname"), "/kruimel/privacy");
    let alert = browser.run("return document.querySelector('[role=alert]').textContent");
    assert!(alert.as_str().unwrap().contains("did not come from this site"), "{alert}");
    assert_eq!(visitor.choice(), None);

    for (answer, granted) in [("accept", 4), ("refuse", 1)] {
        visitor.open("/news/night-ferry");
        send_bar(browser, &privacy, answer);
        assert_eq!(browser.run("return location.pathname"), "/news/night-ferry", "{answer}");
        assert_eq!(visitor.granted().as_array().unwrap().len(), granted, "{answer}");
    }
    visitor.leave();
}

#[test]
fn the_privacy_page_is_whole_in_every_state_window_and_scheme_and_in_the_owners_colours() {
    let (stack, browser) = (start(), Browser::start(&[]));
    let mut wrong = Vec::new();
    for (state, language) in
        [("undecided", "en"), ("granted", "de"), ("refused", "ar"), ("granted-rtl", "ar")]
    {
        let page = stack.page(&format!("/kruimel/privacy?lang={language}"));
        browser.open_page(&page);
        match state {
            "undecided" => {}
            "refused" => press(&browser, "refuse"),
            _ => {
                browser.click("input[name=of_age]");
                press(&browser, "accept");
            }
        }
        browser.protocol("Network.enable", &json!({}));
        browser.protocol("Network.setExtraHTTPHeaders", &json!({"headers": {"Sec-GPC": "1"}}));
        for (size, width) in [("wide", 1280), ("narrow", 320)] {
            for scheme in super::SCHEMES {
                browser.show_as(width, 1_600, scheme);
                browser.open_page(&page);
                keep(&browser, &format!("privacy-{state}-{size}-{scheme}"));
                wrong
                    .extend(found(&browser).into_iter().map(|one| format!("{state} {size} {scheme}: {one}")));
                let crumb =
                    browser.run("return getComputedStyle(document.querySelector('.brand svg')).color");
                let expected = if scheme == "light" { "rgb(122, 61, 143)" } else { "rgb(217, 166, 234)" };
                assert_eq!(crumb, expected, "{state} {scheme}");
            }
        }
        browser.protocol("Network.setExtraHTTPHeaders", &json!({"headers": {}}));
    }
    assert_eq!(wrong, Vec::<String>::new());
    browser.close();
}
