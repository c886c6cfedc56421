//! What a visitor and an analyst see: everything fits its window in both schemes, and pictures are left in
//! `target/pictures` for people to look at.

use crate::browser::Browser;
use crate::stack::Stack;
use std::fs;
use std::path::Path;

const WINDOWS: [(&str, u32, u32); 2] = [("wide", 1280, 900), ("narrow", 320, 640)];
const SCHEMES: [&str; 2] = ["light", "dark"];

const OVERFLOW: &str = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
const BUTTONS_OUTSIDE: &str = "
    const layer = document.querySelector('kruimel-banner').shadowRoot.querySelector(arguments[0] ?? 'LAYER');
    return [...layer.querySelectorAll('.b button')].filter(button => {
        const box = button.getBoundingClientRect();
        return box.width < 44 || box.height < 44 || box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight;
    }).map(button => button.textContent);";

fn keep(browser: &Browser, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("pictures");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.png")), browser.picture()).unwrap();
}

fn buttons_outside(browser: &Browser, layer: &str) -> serde_json::Value {
    browser.run(&BUTTONS_OUTSIDE.replace("LAYER", layer))
}

#[test]
fn both_layers_fit_every_window_in_both_schemes() {
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    for (size, width, height) in WINDOWS {
        for scheme in SCHEMES {
            browser.show_as(width, height, scheme);
            browser.open_page(&stack.page("/"));
            browser.await_script(
                "return !!document.querySelector('kruimel-banner')?.shadowRoot.querySelector('section')",
            );
            assert_eq!(browser.run(OVERFLOW), 0, "{size} {scheme}");
            assert_eq!(buttons_outside(&browser, "section"), serde_json::json!([]), "{size} {scheme}");
            keep(&browser, &format!("banner-{size}-{scheme}"));
            browser.click_banner("Choose");
            browser.await_script(
                "return document.querySelector('kruimel-banner').shadowRoot.querySelector('dialog').open",
            );
            assert_eq!(buttons_outside(&browser, "dialog"), serde_json::json!([]), "{size} {scheme}");
            keep(&browser, &format!("preferences-{size}-{scheme}"));
        }
    }
    browser.close();
}

#[test]
fn every_page_of_ours_fits_every_window_in_both_schemes() {
    let stack = Stack::start_with(&["--demo-days", "61"]);
    stack.await_that("the sample history is written", || {
        stack.log().contains("The sample history is written")
    });
    stack.await_drained();
    let browser = Browser::start(&[]);
    let pages = [
        ("cookies", stack.page("/kruimel/cookies")),
        ("privacy", stack.page("/kruimel/privacy")),
        ("dashboard", format!("http://{}/?period=30d", stack.admin)),
    ];
    for (size, width, height) in WINDOWS {
        for scheme in SCHEMES {
            for (name, address) in &pages {
                browser.show_as(width, if size == "wide" { 1400 } else { height }, scheme);
                browser.open_page(address);
                assert_eq!(browser.run(OVERFLOW), 0, "{name} {size} {scheme}");
                assert_eq!(browser.complaints(), Vec::<String>::new(), "{name} {size} {scheme}");
                keep(&browser, &format!("{name}-{size}-{scheme}"));
            }
        }
    }
    browser.close();
}
