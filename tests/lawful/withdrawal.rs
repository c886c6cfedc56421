//! Taking a choice back: found on every page, no harder than giving it, and with effect.

use super::{ACCEPT, REFUSE, Visitor, WITHOUT_LINK};
use fantoccini::key::Key;
use serde_json::json;

#[test]
fn l25_every_page_has_a_way_back_that_shows_the_current_state() {
    let visitor = Visitor::new();
    visitor.browser.run_first(WITHOUT_LINK);
    visitor.open_undecided("/");
    visitor.choose();
    visitor.click("dialog", "input[name=functional]");
    visitor.decide("dialog", super::SAVE);

    for path in ["/", "/map", "/nieuws/lindeplein", "/nothing-here"] {
        visitor.open(path);
        let link = visitor.browser.run(
            "const link = document.querySelector('footer [data-cc]'); link.focus();
             return [link.checkVisibility(), document.activeElement === link, link.tabIndex]",
        );
        assert_eq!(link, json!([true, true, 0]), "{path}");
        visitor.browser.press(Key::Enter, false);
        visitor.await_dialog();
        let on = visitor.see("return [...dialog.querySelectorAll('input:checked')].map(one => one.name)");
        assert_eq!(on, json!(["necessary", "functional"]), "{path}");
    }

    visitor.open("/shop#bare");
    visitor.await_see(
        "const button = [...root.children].find(one => one.localName === 'button');
         if (!button) return null;
         const box = button.getBoundingClientRect();
         button.focus();
         return button.checkVisibility() && box.left >= 0 && box.bottom <= innerHeight && box.width >= 44 && box.height >= 44
            && button.contains(root.elementFromPoint(box.x + 22, box.y + 22)) && root.activeElement === button;",
    );
    visitor.browser.press(Key::Enter, false);
    visitor.await_dialog();
    visitor.leave();
}

#[test]
fn l26_withdrawing_takes_no_more_presses_than_accepting() {
    let visitor = Visitor::new();
    visitor.open_undecided("/");
    // One press on the first layer accepted; one press on what the way back opens withdraws.
    visitor.decide("section", ACCEPT);
    visitor.open("/news");
    visitor.reopen();
    visitor.decide("dialog", REFUSE);
    assert_eq!(visitor.granted(), json!(["necessary"]));
    visitor.leave();
}

#[test]
fn l27_withdrawing_removes_declared_cookies_denies_the_signals_and_stops_what_ran() {
    let visitor = Visitor::new();
    visitor.open_undecided("/news/night-ferry");
    visitor.decide("section", ACCEPT);
    visitor
        .browser
        .await_script("return document.cookie.includes('lh_seen') && document.cookie.includes('sr_seen')");
    // The same names on the folders above the page, as careless scripts leave them; and one that nobody declared.
    visitor.browser.run(
        "for (const path of ['/news', '/news/night-ferry']) document.cookie = 'lh_seen=2; Path=' + path;
         document.cookie = 'sr_seen=2; Path=/; Domain=localhost'; document.cookie = 'kept=1; Path=/';",
    );
    visitor.reopen();
    visitor.decide("dialog", REFUSE);
    let mut names = visitor.browser.cookie_names();
    names.sort();
    assert_eq!(names, ["kept", "kruimel"]);
    let last = visitor.browser.run("return [...dataLayer.at(-1)]");
    assert_eq!(last[1], "update");
    for (signal, state) in last[2].as_object().unwrap() {
        let expected = if signal == "security_storage" { "granted" } else { "denied" };
        assert_eq!(state, expected, "{signal}");
    }
    visitor.browser.requested();
    visitor.open("/news/night-ferry");
    visitor.open("/map");
    for address in visitor.browser.requested() {
        for gated in ["counter.js", "pixel.gif", "/embed/", "tracker", "/events"] {
            assert!(!address.contains(gated), "{address}");
        }
    }
    assert_eq!(
        visitor.browser.run("return [window.demoAnalytics ?? 0, window.demoAdvertising ?? 0]"),
        json!([0, 0])
    );
    visitor.leave();
}
