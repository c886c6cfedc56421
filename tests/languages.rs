//! The banner in every language, on pages that are not the demo's: what is negotiated, what is downloaded, and that both
//! layers fit the narrowest window in either direction.

use crate::browser::Browser;
use crate::stack::Stack;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// The site speaks all thirty, and its own words in two of them.
const CONFIG: &str = r#"
[listen]
public = "127.0.0.1:0"
admin = "127.0.0.1:0"
direct = true

[[site]]
id = "all"
name = "Example"
hosts = ["localhost"]
controller = "City of Example"
contact = "privacy@example.org"
time_zone = "Europe/Brussels"
language = "en"
languages = [LANGUAGES]

[[site.service]]
id = "filmkade"
category = "functional"
name = "Filmkade"
provider = "Filmkade BV"
provider_country = "NL"
third_party = true
purpose = "Video."

[[site.service.cookies]]
name = "fk_player"
purpose = "Volume"
duration = "12 months"

[site.texts.nl]
accept = "Alles toestaan <b>nu</b>"
"#;

const BODY: &str = "<p>Page</p>";
const SHOWN: &str = "return !!document.querySelector('kruimel-banner')?.shadowRoot.querySelector('section')";
const LANGUAGE: &str = "const { lang, dir } = document.querySelector('kruimel-banner').shadowRoot.querySelector('section'); return lang + ' ' + dir;";
/// What of a layer does not fit: the page, the layer, or a button and its words.
const OUTSIDE: &str = "
    const layer = document.querySelector('kruimel-banner').shadowRoot.querySelector('LAYER');
    const wide = [document.documentElement, layer, ...layer.querySelectorAll('*')]
        .filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth && getComputedStyle(one).display !== 'inline');
    const buttons = [...layer.querySelectorAll('.b button')].filter(button => {
        const box = button.getBoundingClientRect();
        return box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight || box.height < 44;
    });
    return [...wide, ...buttons].map(one => one.outerHTML.slice(0, 80));";

fn texts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("banner/assets/text")
}

/// The code of every language that has a file.
pub(crate) fn languages() -> Vec<String> {
    let files = fs::read_dir(texts()).unwrap().map(|entry| entry.unwrap().path());
    let mut codes: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    codes.sort();
    codes
}

pub(crate) fn text(language: &str, key: &str) -> String {
    let file = fs::read_to_string(texts().join(format!("{language}.json"))).unwrap();
    let texts: Value = serde_json::from_str(&file).unwrap();
    texts["text"][key].as_str().unwrap().to_owned()
}

fn start() -> Stack {
    let quoted: Vec<String> = languages().iter().map(|code| format!("\"{code}\"")).collect();
    Stack::start_with_config(&CONFIG.replace("LANGUAGES", &quoted.join(", ")))
}

/// Serves pages that carry the script of the site `all`; the path of each is its `lang`. Gives their address.
pub(crate) fn pages(stack: &Stack, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let script = format!("http://localhost:{}/kruimel/all.js", stack.public.port());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let Some(first) = lines.next() else { continue };
            let language = first.split(['/', ' ']).nth(2).unwrap_or_default().to_owned();
            lines.find(String::is_empty);
            let page = format!(
                "<!doctype html><html lang='{language}'><meta charset=utf-8><meta name=viewport content='width=device-width'>\
                 <title>Page</title><link rel=icon href=data:,><script async src='{script}'></script>{body}</html>"
            );
            let length = page.len();
            drop(write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
            ));
        }
    });
    address
}

/// What does not fit, told with its language.
fn outside(browser: &Browser, layer: &str, language: &str) -> Vec<String> {
    let outside = browser.run(&OUTSIDE.replace("LAYER", layer));
    outside.as_array().unwrap().iter().map(|one| format!("{language}: {one}")).collect()
}

/// Leaves a picture in `target/pictures` for people to look at.
pub(crate) fn keep(browser: &Browser, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("pictures");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.png")), browser.picture()).unwrap();
}

#[test]
fn both_layers_speak_every_language_and_fit_320_px_in_its_direction() {
    let stack = start();
    let pages = pages(&stack, BODY);
    let browser = Browser::start(&[]);
    browser.show_as(320, 640, "light");
    let mut unfit = Vec::new();
    for language in languages() {
        browser.open_page(&format!("{pages}/{language}"));
        browser.await_script(SHOWN);
        let direction = if ["ar", "he"].contains(&&*language) { "rtl" } else { "ltr" };
        assert_eq!(browser.run(LANGUAGE), format!("{language} {direction}"));
        let refuse = browser.run(
            "return document.querySelector('kruimel-banner').shadowRoot.querySelector(\"button[value='1']\").textContent",
        );
        assert_eq!(refuse, text(&language, "refuse"));
        unfit.extend(outside(&browser, "section", &language));
        keep(&browser, &format!("language-{language}-notice"));
        browser.run("kruimel.showPreferences()");
        browser.await_script(
            "return document.querySelector('kruimel-banner').shadowRoot.querySelector('dialog')?.open",
        );
        browser.run("document.querySelector('kruimel-banner').shadowRoot.querySelectorAll('details').forEach(one => one.open = true)");
        unfit.extend(outside(&browser, "dialog", &language));
        keep(&browser, &format!("language-{language}-preferences"));
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{language}");
    }
    assert_eq!(unfit, Vec::<String>::new());
    browser.close();
}

#[test]
fn the_language_is_the_pages_then_the_browsers_then_the_sites_and_only_it_is_downloaded() {
    let stack = start();
    let pages = pages(&stack, BODY);
    let check = |page: &str, browsers: &str, expected: &str| {
        let browser = Browser::start(&[]);
        browser.run_first(&format!("Object.defineProperty(navigator, 'languages', {{value: {browsers}}})"));
        browser.open_page(&format!("{pages}/{page}"));
        browser.await_script(SHOWN);
        let shown = browser.run(LANGUAGE);
        assert_eq!(shown.as_str().unwrap().split(' ').next(), Some(expected), "{page} {browsers}");
        let texts: Vec<String> =
            browser.requested().into_iter().filter(|address| address.contains(".json")).collect();
        assert_eq!(texts.len(), 1, "{texts:?}");
        browser.close();
    };
    check("pt-BR", "['en']", "pt");
    check("FR", "['en']", "fr");
    check("pt_PT", "['en']", "pt");
    check("no", "['en']", "nb");
    check("nn-NO", "['en']", "nb");
    check("nb-NO", "['en']", "nb");
    // The first two letters of Filipino are Finnish.
    check("fil", "['uk', 'fil']", "uk");
    check("zh-Hant", "['zh-TW', 'uk', 'en']", "uk");
    check("", "['zh-TW', 'ja']", "en");
}

#[test]
fn a_text_of_the_config_replaces_the_banners_in_its_language_and_stays_text() {
    let stack = start();
    let pages = pages(&stack, BODY);
    let browser = Browser::start(&[]);
    for (language, expected) in [("nl", "Alles toestaan <b>nu</b>".to_owned()), ("fr", text("fr", "accept"))]
    {
        browser.open_page(&format!("{pages}/{language}"));
        browser.await_script(SHOWN);
        let accept = browser.run(
            "const button = document.querySelector('kruimel-banner').shadowRoot.querySelector(\"button[value='0']\");
             return [button.textContent, button.childElementCount];",
        );
        assert_eq!(accept, serde_json::json!([expected, 0]));
    }
    browser.close();
}
