//! Gated elements of every kind: closed until their category, or their service alone, is granted.

use super::guest::{Guest, page};
use super::{ACCEPT, REFUSE};
use serde_json::{Value, json};

fn serve(path: &str) -> Option<(&'static str, String)> {
    match path {
        "/" => page(
            "<link rel=stylesheet data-category=functional data-service=filmkade data-href='/film.css'>
             <script type='text/plain' data-category=functional data-service=filmkade data-src='/film.js'></script>
             <script type='text/plain' data-category=functional data-service=kaartwerk data-src='/map.js'></script>
             <script type='text/plain' data-category=functional data-src='/any.js'></script>",
            "<p id=styled>page</p><img alt='' id=image data-category=functional data-service=kaartwerk data-src='/image'>",
        ),
        "/film.css" => Some(("text/css", "#styled { color: rgb(1, 2, 3) }".to_owned())),
        "/film.js" => Some(("text/javascript", "window.film = true".to_owned())),
        "/map.js" => Some(("text/javascript", "window.map = true".to_owned())),
        "/any.js" => Some(("text/javascript", "window.any = true".to_owned())),
        "/image" => Some(("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'/>".to_owned())),
        _ => None,
    }
}

const OPEN: &str =
    "return [window.film ?? false, window.map ?? false, window.any ?? false, document.querySelector('#image').naturalWidth,
    getComputedStyle(document.querySelector('#styled')).color]";
const CLOSED: &str = "rgb(0, 0, 0)";

#[test]
fn l01_images_and_style_sheets_wait_as_scripts_do() {
    let guest = Guest::new("", serve);
    guest.open_undecided("/");
    assert_eq!(guest.run(OPEN), json!([false, false, false, 0, CLOSED]));
    for address in guest.browser().requested() {
        assert!(
            !["/film.css", "/film.js", "/map.js", "/image"].iter().any(|gated| address.ends_with(gated)),
            "{address}"
        );
    }
    guest.visitor.decide("section", ACCEPT);
    guest.browser().await_script(
        "return window.film && window.map && window.any && document.querySelector('#image').naturalWidth === 7
            && getComputedStyle(document.querySelector('#styled')).color === 'rgb(1, 2, 3)'",
    );
    guest.leave();
}

#[test]
fn l15_l21_a_service_is_granted_alone_and_the_others_of_its_category_stay_closed() {
    let guest = Guest::new("service_switches = true", serve);
    guest.open_undecided("/");
    guest.visitor.choose();
    guest.visitor.see("dialog.querySelector(\"input[value='kaartwerk']\").closest('details').open = true");
    guest.visitor.click("dialog", "input[value='kaartwerk']");
    guest.visitor.decide("dialog", super::SAVE);
    guest.browser().await_script("return window.map && document.querySelector('#image').naturalWidth === 7");
    assert_eq!(guest.run(OPEN), json!([false, true, false, 7, CLOSED]));
    let choice = guest.visitor.choice().unwrap();
    assert_eq!(choice["categories"], json!(["necessary", "functional"]));
    assert_eq!(choice["services"], json!({"functional": ["kaartwerk"]}));
    let granted = "return [kruimel.acceptedCategory('functional', 'kaartwerk'), kruimel.acceptedCategory('functional', 'filmkade')]";
    assert_eq!(guest.run(granted), json!([true, false]));
    guest.open("/");
    guest.browser().await_script("return window.map");
    assert_eq!(guest.run(OPEN), json!([false, true, false, 7, CLOSED]));
    guest.leave();
}

#[test]
fn a_grant_that_the_collector_turns_down_is_none_and_a_refusal_holds_without_it() {
    let guest = Guest::new("", serve);
    // The same pages under a name that the site does not have: the collector takes no decision from there.
    let foreign = guest.address("/").replace("localhost", "127.0.0.1");
    let asked = "return !!notice && !kruimel.getUserPreferences() && (window.__since = performance.now())";
    guest.browser().open_page(&foreign);
    guest.visitor.await_see(asked);
    guest.visitor.see("notice.id = 'first'");
    guest.visitor.click("section", ACCEPT);
    guest.visitor.await_see("return notice?.id !== 'first'");
    guest.visitor.await_see(asked);
    guest.run("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    assert_eq!(guest.visitor.choice(), None);
    assert_eq!(guest.run("return kruimel.acceptedCategory('functional')"), false);

    guest.visitor.decide("section", REFUSE);
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    guest.browser().requested();
    guest.browser().open_page(&foreign);
    guest.browser().await_script("return !!window.kruimel?.getUserPreferences()");
    guest.run("return new Promise(done => requestIdleCallback(done, {timeout: 2000}))");
    assert_eq!(guest.visitor.see("return notice ?? null"), Value::Null);
    assert!(
        !guest.browser().requested().iter().any(|address| address.ends_with("/consent")),
        "it is not sent again"
    );
    guest.leave();
}
