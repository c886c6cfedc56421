//! What stands in the place of a gated frame: it names who, loads nothing by itself, and nothing around it moves.

use super::guest::{Guest, page};
use super::{ACCEPT, REFUSE, SCHEMES, axe};
use fantoccini::key::Key;
use serde_json::{Value, json};

const FRAMES: &str = "
<p>before</p>
<iframe class=attributes width=560 height=315 title='The ferry' data-category=functional data-service=filmkade data-src='/film'></iframe>
<p>after attributes</p>
<iframe class=ratio data-category=functional data-service=kaartwerk data-src='/map'></iframe>
<p>after ratio</p>
<div class=wrap><iframe class=fill data-category=functional data-src='/other'></iframe></div>
<p>after fill</p>
<div class=row><iframe class=cell data-category=functional data-service=filmkade data-src='/film'></iframe><p>beside</p></div>
<p>after row</p>
<iframe width=0 height=0 data-category=advertising data-src='/pixel'></iframe>
<iframe class=gone data-category=advertising data-src='/pixel'></iframe>
<p>the end</p>";

const STYLES: &str = "
html { overflow-y: scroll }
iframe { border: 0 } .attributes { border: 2px inset }
.ratio { display: block; inline-size: 100%; aspect-ratio: 16 / 9; margin-block: 1.5rem .5rem }
.wrap { position: relative; padding-block-end: 56.25%; block-size: 0 } .fill { position: absolute; inset: 0; width: 100%; height: 100% }
.row { display: grid; grid-template-columns: 2fr 1fr } .cell { width: 100%; height: 360px }
.gone { display: none } body { max-inline-size: 60rem; margin: auto }";

fn serve(path: &str) -> Option<(&'static str, String)> {
    match path {
        "/" | "/next" => page("<link rel=stylesheet href=/styles.css>", FRAMES),
        "/bare" => {
            let (kind, text) = page("<link rel=stylesheet href=/styles.css>", FRAMES)?;
            Some((kind, text.replace("/kruimel/kaai.js", "/nothing.js")))
        }
        "/axe" => {
            page("<link rel=stylesheet href=/styles.css>", &format!("<main><h1>Frames</h1>{FRAMES}</main>"))
        }
        "/later" => page("<link rel=stylesheet href=/styles.css>", "<p>later</p>"),
        "/styles.css" => Some(("text/css", STYLES.to_owned())),
        "/film" | "/map" | "/other" | "/pixel" => Some(("text/html", format!("<p>{path}</p>"))),
        _ => None,
    }
}

/// Where every paragraph of the page lies.
const PLACES: &str = "return [...document.querySelectorAll('body > p')].map(one => {
    const box = one.getBoundingClientRect(); return [box.x, Math.round(box.y + scrollY)] })";
/// What of a placeholder cannot be reached, or lies over what follows.
const CUT: &str = "return [...document.querySelectorAll('kruimel-embed')].filter(one => {
    const figure = one.shadowRoot.querySelector('figure').getBoundingClientRect(), box = one.getBoundingClientRect();
    return figure.right > box.right + 1 || (figure.bottom > box.bottom + 1 && getComputedStyle(one).overflowY !== 'auto')
        || [...one.shadowRoot.querySelectorAll('figure *')].some(part => part.scrollWidth > part.clientWidth + 1 && part.clientWidth);
}).map(one => one.outerHTML.slice(0, 300))";
const EMBEDS: &str = "return document.querySelectorAll('kruimel-embed').length";
const SHIFTS: &str = "window.__shifts = []; new PerformanceObserver(list => {
    for (const one of list.getEntries()) __shifts.push([one.value, Math.round(one.startTime), ...one.sources.map(source => source.node?.outerHTML?.slice(0, 80))]);
}).observe({type: 'layout-shift', buffered: true});";

fn button(frame: &str, place: usize) -> String {
    format!(
        "document.querySelector('{frame}')?.previousElementSibling?.shadowRoot?.querySelectorAll('button')[{place}]"
    )
}

#[test]
fn a_placeholder_names_who_provides_the_frame_and_nothing_around_it_moves() {
    let guest = Guest::new("", serve);
    guest.browser().run_first(SHIFTS);
    guest.browser().open_page(&guest.address("/bare"));
    guest.browser().await_script("return document.readyState === 'complete'");
    let places = guest.run(PLACES);
    guest.open_undecided("/");
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 4");
    guest.run("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    assert_eq!(guest.run(PLACES), places);
    assert_eq!(guest.run("return __shifts"), json!([]));

    let says = guest.run(
        "return [...document.querySelectorAll('kruimel-embed')].map(one => {
            const group = one.shadowRoot.querySelector('[role=group]');
            return [one.shadowRoot.getElementById(group.getAttribute('aria-labelledby')).textContent, group.lang, group.dir,
                group.querySelector('p').textContent, [...group.querySelectorAll('button')].map(button => button.textContent)] })",
    );
    let buttons = json!(["Show once", "Always show"]);
    let loaded = "It is loaded only if you allow it. Cookie declaration";
    assert_eq!(
        says[0],
        json!([
            "The ferry",
            "en",
            "ltr",
            format!("Filmkade video by Filmkade BV shows this. {loaded}"),
            buttons
        ])
    );
    assert_eq!(
        says[1],
        json!([
            "Kaartwerk maps",
            "en",
            "ltr",
            format!("Kaartwerk maps by Kaartwerk CV shows this. {loaded}"),
            buttons
        ])
    );
    assert_eq!(
        says[2],
        json!(["localhost", "en", "ltr", format!("localhost by localhost shows this. {loaded}"), buttons])
    );
    for address in guest.browser().requested() {
        assert!(
            !["/film", "/map", "/other", "/pixel"].iter().any(|gated| address.ends_with(gated)),
            "{address}"
        );
    }

    // What comes in takes the same place.
    guest.visitor.decide("section", ACCEPT);
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 0");
    assert_eq!(guest.run(PLACES), places);
    assert_eq!(guest.run("return __shifts"), json!([]));
    guest.leave();
}

#[test]
fn showing_once_lets_in_one_frame_and_keeps_nothing() {
    let guest = Guest::new("", serve);
    guest.open_undecided("/");
    guest.visitor.decide("section", REFUSE);
    let refusal = guest.visitor.choice();
    guest.open("/next");
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 4");
    guest.run(&format!("{}.click()", button(".ratio", 0)));
    assert_eq!(guest.run(EMBEDS), 4, "a script lets nothing in");
    guest.click_in(&button(".ratio", 0));
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 3");
    let shown = guest.run(
        "return [document.querySelector('.ratio').getAttribute('src'), document.querySelector('.fill').hasAttribute('src'),
            document.activeElement === document.querySelector('.ratio'), document.querySelector('.ratio').checkVisibility(),
            kruimel.acceptedCategory('functional'), localStorage.length + sessionStorage.length]",
    );
    assert_eq!(shown, json!(["/map", false, true, true, false, 0]));
    assert_eq!(guest.visitor.choice(), refusal);
    guest.open("/");
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 4");
    guest.leave();
}

#[test]
fn showing_always_is_a_decision_that_the_ledger_knows_and_that_can_be_taken_back() {
    let guest = Guest::new("", serve);
    guest.open_undecided("/");
    guest.visitor.decide("section", REFUSE);
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 4");
    guest.run(&format!("{}.focus()", button(".attributes", 1)));
    guest.browser().press(Key::Enter, false);
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 0");
    guest.visitor.await_see("return !!kruimel.getUserPreferences().sig");
    assert_eq!(guest.visitor.granted(), json!(["necessary", "functional"]));
    let frames = guest.run(
        "return [document.activeElement.className, ...[...document.querySelectorAll('iframe')].map(one => one.getAttribute('src'))]",
    );
    assert_eq!(frames, json!(["attributes", "/film", "/map", "/other", "/film", null, null]));
    let stack = &guest.visitor.stack;
    stack.await_count("SELECT count() FROM consents WHERE surface = 'placeholder' AND action = 'save'", 1);

    guest.run("window.__before = true; kruimel.withdraw()");
    guest
        .browser()
        .await_script("return !window.__before && document.querySelectorAll('kruimel-embed').length === 4");
    guest.visitor.await_see("return !kruimel.getUserPreferences().pending");
    assert_eq!(guest.visitor.granted(), json!(["necessary"]));
    guest.leave();
}

#[test]
fn a_placeholder_follows_frames_that_a_page_adds_moves_hides_and_removes() {
    let guest = Guest::new("", serve);
    guest.open_undecided("/later");
    guest.visitor.decide("section", REFUSE);
    guest.run(
        "const frame = Object.assign(document.createElement('iframe'), {width: 560, height: 315, id: 'late'});
         Object.assign(frame.dataset, {category: 'functional', service: 'filmkade', src: '/film'});
         document.body.append(frame, document.createElement('hr'));",
    );
    guest
        .browser()
        .await_script("return document.querySelector('#late').previousSibling.localName === 'kruimel-embed'");
    guest.run("document.body.append(document.querySelector('#late'))");
    guest
        .browser()
        .await_script("return document.querySelector('#late').previousSibling.localName === 'kruimel-embed'");
    guest.run("document.querySelector('#late').remove()");
    guest.browser().await_script("return !document.querySelector('kruimel-embed')");
    // One that is made to be seen later.
    guest.run(
        "const tab = document.createElement('div'), frame = document.createElement('iframe');
         Object.assign(frame.dataset, {category: 'functional', src: '/other'});
         tab.hidden = true; tab.id = 'tab'; tab.append(frame); document.body.append(tab);
         return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))",
    );
    assert_eq!(guest.run(EMBEDS), 0);
    guest.run("document.querySelector('#tab').hidden = false");
    guest.browser().await_script("return document.querySelectorAll('#tab > kruimel-embed').length === 1");
    // The text needs more room than a frame of 300 by 150: it is scrolled to, by keyboard too, and nothing
    // around the frame moves, neither for the text nor for what is let in.
    let size = "const one = document.querySelector('#tab > :is(kruimel-embed, iframe:only-child)');
                return [one.offsetHeight, one.parentNode.offsetHeight]";
    let stands = guest.run(size);
    assert_eq!(stands[0], 150);
    assert_eq!(
        guest.run(
            "const box = document.querySelector('#tab > kruimel-embed'), button = box.shadowRoot.querySelector('button:last-of-type');
             button.focus(); const at = button.getBoundingClientRect(), around = box.getBoundingClientRect();
             return [box.scrollHeight > box.clientHeight, at.top >= around.top && at.bottom <= around.bottom]"
        ),
        serde_json::json!([true, true])
    );
    guest.click_in("document.querySelector('kruimel-embed')?.shadowRoot.querySelector('button')");
    guest.browser().await_script("return !document.querySelector('kruimel-embed')");
    assert_eq!(guest.run(size), stands);
    guest.leave();
}

#[test]
fn l45_placeholders_violate_no_policy_that_trusts_nothing() {
    let guest = Guest::new("", serve);
    guest.browser().run_first(
        "window.__violations = []; addEventListener('securitypolicyviolation', event =>
            __violations.push([event.violatedDirective, event.blockedURI, event.sourceFile]), true);",
    );
    guest.open_undecided("/");
    guest.visitor.decide("section", REFUSE);
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 4");
    guest.click_in(&button(".attributes", 0));
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 3");
    assert_eq!(guest.run("return __violations"), json!([]));
    assert_eq!(guest.browser().complaints(), Vec::<String>::new());
    assert_eq!(
        guest.run("return [...document.querySelectorAll('kruimel-embed [style]')].length"),
        Value::from(0)
    );
    guest.leave();
}

#[test]
fn l44_axe_finds_nothing_in_placeholders_and_messages() {
    let guest = Guest::new("", serve);
    let ours = |when: &str| {
        let found = axe::findings(guest.browser());
        let ours = |one: &&Value| one[1].as_str().unwrap().contains("kruimel-");
        let found: Vec<&Value> = found.as_array().unwrap().iter().filter(ours).collect();
        assert!(found.is_empty(), "{when}: {found:?}");
    };
    guest.open_undecided("/axe");
    guest.visitor.decide("section", ACCEPT);
    guest.run("window.__before = true; kruimel.withdraw()");
    guest
        .browser()
        .await_script("return !window.__before && document.querySelectorAll('kruimel-embed').length === 4");
    guest.browser().await_script("return !!document.querySelector('kruimel-message')");
    for scheme in SCHEMES {
        guest.browser().show_as(1280, 900, scheme);
        ours(scheme);
    }
    guest.click_in("document.querySelector('kruimel-message')?.shadowRoot.querySelector('.b button')");
    for scheme in SCHEMES {
        for width in [1280, 320] {
            guest.browser().show_as(width, 900, scheme);
            ours(&format!("{scheme} {width}"));
            assert_eq!(guest.run(CUT), json!([]), "{scheme} {width}");
        }
    }
    guest.leave();
}

#[test]
fn a_placeholder_is_styled_where_a_script_cannot_make_a_style_sheet() {
    let guest = Guest::new("", serve);
    guest
        .browser()
        .run_first("delete CSSStyleSheet.prototype.replace; delete CSSStyleSheet.prototype.replaceSync");
    guest.open_undecided("/");
    guest.visitor.decide("section", REFUSE);
    guest.browser().await_script("return document.querySelectorAll('kruimel-embed').length === 4");
    let styled = "const root = document.querySelector('kruimel-embed').shadowRoot, style = getComputedStyle(root.querySelector('button'));
        return root.adoptedStyleSheets.length === 0 && style.minHeight === '44px' && style.backgroundColor === 'rgb(42, 32, 25)'";
    guest.browser().await_script(styled);
    assert_eq!(guest.browser().complaints(), Vec::<String>::new());
    guest.leave();
}
