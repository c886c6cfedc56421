//! The first layer: what it says, what it offers, that accepting and refusing are alike, and that it is no wall.

use super::{ACCEPT, LAYERS, REFUSE, SCHEMES, Visitor};
use serde_json::{Value, json};

const CONTROLS: &str = "const layer = root.querySelector('LAYER');
    return [...layer.querySelectorAll('button, input, a[href], summary')].map(one => one.localName + ' ' + (one.name || one.ariaLabel || one.textContent));";

#[test]
fn l04_the_page_and_the_policy_are_open_to_the_undecided() {
    let visitor = Visitor::new();
    visitor.open_undecided("/");
    let state = visitor.see(
        "const [html, body] = [document.documentElement, document.body].map(one => getComputedStyle(one));
         const link = document.querySelector('main h1 a'), box = link.getBoundingClientRect();
         return {overflow: [html.overflowY, body.overflowY], inert: !!document.querySelector('[inert], [aria-hidden=true]:not(a)'),
            reached: link.contains(document.elementFromPoint(box.x + 5, box.y + 5)), covered: notice.offsetHeight / innerHeight,
            modal: notice.matches(':modal') || notice.getAttribute('aria-modal')};",
    );
    assert_eq!(state["overflow"], json!(["visible", "visible"]));
    assert_eq!(
        (&state["inert"], &state["reached"], &state["modal"]),
        (&json!(false), &json!(true), &Value::Null)
    );
    assert!(state["covered"].as_f64().unwrap() < 0.5, "{state}");
    visitor.browser.click("main h1 a");
    visitor.browser.await_script("return location.pathname === '/news/night-ferry'");
    visitor.await_see("return !!notice");
    visitor.click("section", "a");
    visitor.browser.await_script("return location.pathname === '/kruimel/cookies'");
    assert!(visitor.browser.run("return document.body.innerText").as_str().unwrap().contains("lh_seen"));
    assert!(visitor.browser.cookie_names().is_empty());
    visitor.leave();
}

#[test]
fn l07_reject_stands_beside_accept() {
    let visitor = Visitor::new();
    for width in [1280, 320] {
        visitor.browser.show_as(width, 640, "light");
        visitor.open_undecided("/");
        let first = visitor.see(
            "const [accept, refuse] = [...notice.querySelectorAll('button')];
             return [accept.textContent, refuse.textContent, accept.nextElementSibling === refuse, accept.localName + refuse.localName,
                [accept, refuse].every(one => { const box = one.getBoundingClientRect();
                    return box.top >= 0 && box.bottom <= innerHeight && root.elementFromPoint(box.x + 9, box.y + 9) === one; })]",
        );
        assert_eq!(first, json!(["Accept all", "Refuse all", true, "buttonbutton", true]), "{width}");
    }
    visitor.decide("section", REFUSE);
    assert_eq!(visitor.granted(), json!(["necessary"]));
    visitor.leave();
}

#[test]
fn l08_accept_and_refuse_look_alike() {
    let visitor = Visitor::new();
    for (width, height) in [(1280, 900), (320, 640)] {
        for scheme in SCHEMES {
            visitor.browser.show_as(width, height, scheme);
            visitor.open_undecided("/");
            for layer in LAYERS {
                if layer == "dialog" {
                    visitor.choose();
                }
                // Layout counts in 64ths of a pixel; what differs by one of them is the same.
                let unlike = visitor.see(&format!(
                    "const pair = [\"{ACCEPT}\", \"{REFUSE}\"].map(one => root.querySelector('{layer}').querySelector(one));
                     const unlike = [], number = /[0-9.]+/g, near = (one, other) => Math.abs(one - other) < 0.05;
                     const alike = (one, other) => {{
                        const [these, those] = [one, other].map(text => text.match(number) ?? []);
                        return one.replace(number, '') === other.replace(number, '') && these.every((value, place) => near(value, those[place]));
                     }};
                     for (const pseudo of [null, '::before', '::after']) {{
                        const [accept, refuse] = pair.map(one => getComputedStyle(one, pseudo));
                        for (const name of accept) {{
                            const values = [accept, refuse].map(style => style.getPropertyValue(name));
                            if (!alike(...values)) unlike.push([name, ...values]);
                        }}
                     }}
                     const [accept, refuse] = pair.map(one => one.getBoundingClientRect());
                     for (const side of ['width', 'height']) if (!near(accept[side], refuse[side])) unlike.push([side, accept[side], refuse[side]]);
                     return unlike;"
                ));
                assert_eq!(unlike, json!([]), "{layer} {width} {scheme}");
            }
        }
    }
    visitor.leave();
}

#[test]
fn l10_the_first_layer_says_who_what_for_who_else_that_it_can_be_withdrawn_and_where_to_read_on() {
    let visitor = Visitor::new();
    visitor.open_undecided("/");
    let said = visitor.see("return notice.innerText");
    let said = said.as_str().unwrap();
    for part in [
        "City of Kaaidam",
        "embedded media",
        "count visits",
        "measure campaigns",
        "4 other companies",
        "change or withdraw your choice at any time",
    ] {
        assert!(said.contains(part), "{part} is not said: {said}");
    }
    assert_eq!(
        visitor.see("const link = notice.querySelector('a'); return [link.getAttribute('href'), link.checkVisibility()]"),
        json!(["/kruimel/cookies", true])
    );
    visitor.leave();
}

#[test]
fn l11_the_banner_speaks_the_language_of_the_page() {
    let visitor = Visitor::new();
    for (path, told) in [
        ("/", json!(["en", "ltr", "Accept all", "Refuse all", "Necessary"])),
        ("/nieuws/lindeplein", json!(["nl", "ltr", "Alles aanvaarden", "Alles weigeren", "Noodzakelijk"])),
    ] {
        visitor.open_undecided(path);
        visitor.choose();
        for layer in LAYERS {
            let said = visitor.see(&format!(
                "const layer = root.querySelector('{layer}');
                 return [layer.lang, layer.dir, ...[...layer.querySelectorAll('.b button')].slice(0, 2).map(one => one.textContent),
                    dialog.querySelector('h3').textContent]"
            ));
            assert_eq!(said, told, "{path} {layer}");
        }
    }
    visitor.leave();
}

#[test]
fn l13_the_controls_are_the_same_in_the_same_order_on_every_width() {
    let visitor = Visitor::new();
    let mut found = Vec::new();
    for width in [320, 768, 1280] {
        visitor.browser.show_as(width, 800, "light");
        visitor.open_undecided("/");
        let notice = visitor.see(&CONTROLS.replace("LAYER", "section"));
        visitor.choose();
        found.push([notice, visitor.see(&CONTROLS.replace("LAYER", "dialog"))]);
    }
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
    assert_eq!(found[0][0].as_array().unwrap().len(), 4, "{found:?}");
    visitor.leave();
}
