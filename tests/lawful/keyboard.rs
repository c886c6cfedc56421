//! With the keyboard alone: every control is reached, seen to be reached, and works; nothing traps or hides the focus.

use super::contrast::MEASURE;
use super::{ACCEPT, CHOOSE, CLOSE, REFUSE, REOPEN, SAVE, SCHEMES, Visitor};
use fantoccini::key::Key;
use serde_json::{Value, json};

const TAB: Key = Key::Tab;
/// More than the stops of any page here.
const STOPS_MAX: usize = 80;

/// Presses Tab until something in the layer has the focus; each stop on the way must show a ring.
fn tab_to(visitor: &Visitor, selector: &str) {
    for _ in 0..STOPS_MAX {
        visitor.browser.press(TAB, false);
        assert_ring(visitor);
        if visitor.see(&format!("return !!root.activeElement?.matches({selector:?})")) == true {
            return;
        }
    }
    panic!("{selector} is not reached by Tab");
}

/// What has the focus in the banner shows it: a solid ring of two pixels or more that stands out by 3:1.
fn assert_ring(visitor: &Visitor) {
    let ring = visitor.see(&format!(
        "{MEASURE} const one = root.activeElement;
         if (!one || one === dialog) return null;
         const style = getComputedStyle(one);
         return [style.outlineStyle, parseFloat(style.outlineWidth), contrast(style.outlineColor, behind(one.parentElement ?? root.host)), one.outerHTML.slice(0, 60)];"
    ));
    if ring != Value::Null {
        assert!(
            ring[0] == "solid" && ring[1].as_f64() >= Some(2.0) && ring[2].as_f64() >= Some(3.0),
            "{ring}"
        );
    }
}

fn await_grantable(visitor: &Visitor) {
    visitor.await_see("return performance.now() - window.__since > 600");
}

fn await_decided(visitor: &Visitor) {
    visitor.await_see("return !notice && !dialog && !!kruimel.getUserPreferences() && !kruimel.getUserPreferences().pending");
}

#[test]
fn l39_keyboard_alone_accepts_refuses_chooses_saves_and_closes_with_visible_focus() {
    let visitor = Visitor::new();
    for scheme in SCHEMES {
        visitor.browser.show_as(1280, 900, scheme);
        visitor.forget();
        visitor.open_undecided("/");
        tab_to(&visitor, REFUSE);
        visitor.browser.press(Key::Enter, false);
        await_decided(&visitor);
        assert_eq!(visitor.granted(), json!(["necessary"]));
    }
    visitor.forget();
    visitor.open_undecided("/");
    tab_to(&visitor, ACCEPT);
    await_grantable(&visitor);
    visitor.browser.press(Key::Enter, false);
    await_decided(&visitor);
    assert_eq!(visitor.granted().as_array().unwrap().len(), 4);

    visitor.forget();
    visitor.open_undecided("/");
    tab_to(&visitor, CHOOSE);
    visitor.browser.press(Key::Enter, false);
    visitor.await_dialog();
    tab_to(&visitor, CLOSE);
    visitor.browser.press(Key::Enter, false);
    visitor.await_see("return !dialog && !!notice");
    assert!(visitor.browser.cookie_names().is_empty());
    visitor.browser.press(Key::Enter, false);
    visitor.await_dialog();
    tab_to(&visitor, "input[name=analytics]");
    visitor.browser.press(' ', false);
    assert_eq!(visitor.see("return root.activeElement.checked"), true);
    tab_to(&visitor, "summary");
    visitor.browser.press(Key::Enter, false);
    assert_eq!(visitor.see("return !!dialog.querySelector('details[open]')"), true);
    tab_to(&visitor, SAVE);
    await_grantable(&visitor);
    visitor.browser.press(Key::Enter, false);
    await_decided(&visitor);
    assert_eq!(visitor.granted(), json!(["necessary", "analytics"]));
    visitor.leave();
}

#[test]
fn l40_the_first_layer_takes_no_focus_traps_none_and_hides_none() {
    let visitor = Visitor::new();
    visitor
        .browser
        .run_first("addEventListener('DOMContentLoaded', () => document.querySelector('main a').focus());");
    visitor.open_undecided("/");
    let state = visitor.see(
        "return [document.activeElement.matches('main a'), document.documentElement.firstElementChild === root.host,
            root.querySelector('section').matches(':modal')]",
    );
    assert_eq!(state, json!([true, true, false]));
    let tree = visitor.browser.protocol("Accessibility.getFullAXTree", &json!({}));
    let region =
        tree["nodes"].as_array().unwrap().iter().find(|node| {
            node["role"]["value"] == "region" && node["name"]["value"] == "Cookies on this site"
        });
    assert!(region.is_some_and(|node| node["ignored"] == false), "a region with the heading's name");

    for (width, height) in [(1280, 900), (320, 640)] {
        visitor.browser.show_as(width, height, "light");
        visitor.open_undecided("/");
        visitor.see("notice.querySelector('[tabindex]').focus()");
        let mut seen = Vec::new();
        for _ in 0..STOPS_MAX {
            visitor.browser.press(TAB, false);
            let stop = visitor.see(
                "const one = document.activeElement;
                 if (one === root.host || one === document.body) return {of: one.localName};
                 const box = one.getBoundingClientRect(), cover = notice.getBoundingClientRect();
                 const further = scrollY + innerHeight < document.documentElement.scrollHeight - 1;
                 return {of: 'page', text: one.textContent, hidden: further && box.top >= cover.top && box.bottom <= cover.bottom,
                    last: one === [...document.querySelectorAll('a[href], button')].at(-1)};",
            );
            assert_ne!(stop["hidden"], true, "{width}: {stop}");
            let ended = stop["last"] == true;
            seen.push(stop);
            if ended {
                break;
            }
        }
        assert_eq!(seen[0]["of"], "kruimel-banner", "Tab goes through the layer first: {seen:?}");
        assert!(seen.last().unwrap()["last"] == true, "Tab comes to the page's end: {seen:?}");
    }
    visitor.leave();
}

#[test]
fn l41_the_preferences_are_modal_keep_the_focus_and_give_it_back() {
    let visitor = Visitor::new();
    visitor.open_undecided("/");
    visitor.choose();
    let state = visitor.see(
        "return [dialog.localName, dialog.matches(':modal'), root.getElementById(dialog.getAttribute('aria-labelledby')).textContent,
            dialog.contains(root.activeElement), root.activeElement.localName]",
    );
    assert_eq!(state, json!(["dialog", true, "Cookie settings", true, "dialog"]));
    for shift in [false, true] {
        for _ in 0..24 {
            visitor.browser.press(TAB, shift);
            let place = visitor.see(
                "return document.activeElement === document.body || dialog.contains(root.activeElement)",
            );
            assert_eq!(place, true, "the focus left the dialog");
        }
    }
    visitor.browser.press(Key::Escape, false);
    visitor.await_see("return !dialog && !!notice");
    assert_eq!(visitor.see(&format!("return root.activeElement?.matches(\"{CHOOSE}\")")), true);
    assert!(visitor.browser.cookie_names().is_empty());

    visitor.browser.run(&format!("document.querySelector({REOPEN:?}).focus()"));
    visitor.browser.press(Key::Enter, false);
    visitor.await_dialog();
    visitor.browser.press(Key::Escape, false);
    visitor.await_see("return !dialog");
    assert_eq!(visitor.browser.run(&format!("return document.activeElement.matches({REOPEN:?})")), true);
    assert!(visitor.browser.cookie_names().is_empty());
    visitor.leave();
}
