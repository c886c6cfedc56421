//! What a site may add to the two layers (a close button, a switch for each service, a choice for one session, a note on
//! the browser's signals) and how they look in every language, position and scheme.

use super::accessibility::{CUT, SMALL};
use super::axe::findings;
use super::{ACCEPT, REFUSE, SAVE, SCHEMES, Visitor};
use crate::browser::Browser;
use crate::languages::{keep, languages, pages, text};
use crate::stack::Stack;
use fantoccini::key::Key;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A site that has everything: it speaks all languages, and each option of the banner is on.
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
OPTIONS

[[site.service]]
id = "maps"
category = "functional"
name = "Maps"
provider = "City of Example"
purpose = "Shows maps."

[[site.service.cookies]]
name = "map_zoom"
purpose = "Remembers how near the map is."
duration = "12 months"

[[site.service]]
id = "video"
category = "functional"
name = "Filmkade"
provider = "Filmkade BV"
provider_country = "NL"
third_party = true
purpose = "Shows videos."

[[site.service.cookies]]
name = "fk_player"
purpose = "Remembers the volume."
duration = "12 months"

[[site.service]]
id = "ads"
category = "advertising"
name = "Reach"
provider = "Reach BV"
provider_country = "NL"
third_party = true
purpose = "Measures campaigns."

[[site.service.cookies]]
name = "reach"
purpose = "Recognises a click."
duration = "3 months"
"#;

const EVERYTHING: &str = "service_switches = true
close_button = true
session_choice = true
do_not_track = true";

/// A page long enough to be scrolled, with something to reach at either end.
const PAGE: &str =
    "<main><h1><a href=#start>Start</a></h1><p style=height:200vh>Page</p><a href=#end>End</a></main>";

const GPC: &str = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true});";
const DNT: &str = "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'});";

/// A visitor of pages whose path is their language.
struct Guest {
    visitor: Visitor,
    pages: String,
}

impl std::ops::Deref for Guest {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.visitor
    }
}

impl Guest {
    fn of(stack: Arc<Stack>, page: &'static str) -> Guest {
        let pages = pages(&stack, page);
        Guest { visitor: Visitor { browser: Browser::start(&[]), stack }, pages }
    }

    /// Of the site that has everything.
    fn new() -> Guest {
        static RUNNING: Mutex<Weak<Stack>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let stack = running.upgrade().unwrap_or_else(|| {
            let stack = Arc::new(start(EVERYTHING));
            *running = Arc::downgrade(&stack);
            stack
        });
        Guest::of(stack, PAGE)
    }

    fn open(&self, language: &str) {
        self.browser.open_page(&format!("{}/{language}", self.pages));
        self.browser.await_script("return !!window.kruimel?.getUserPreferences");
    }

    fn open_undecided(&self, language: &str) {
        self.open(language);
        self.await_see("return !!notice && (window.__since = performance.now())");
    }

    /// Opens the preferences as the page does, every detail unfolded.
    fn open_preferences(&self) {
        self.browser.run("kruimel.showPreferences()");
        self.await_dialog();
        self.see("dialog.querySelectorAll('details').forEach(one => one.open = true)");
    }

    fn leave(self) {
        self.visitor.leave();
    }

    /// Every switch that can be moved, as `off`, `half` or `on`.
    fn switches(&self) -> Value {
        self.see(
            "return Object.fromEntries([...dialog.querySelectorAll('article input:enabled')].map(one =>
                [one.value || one.name, one.indeterminate ? 'half' : one.checked ? 'on' : 'off']))",
        )
    }
}

fn start(options: &str) -> Stack {
    let quoted: Vec<String> = languages().iter().map(|code| format!("\"{code}\"")).collect();
    Stack::start_with_config(&CONFIG.replace("LANGUAGES", &quoted.join(", ")).replace("OPTIONS", options))
}

#[test]
fn l12_the_close_button_of_the_first_layer_says_that_it_refuses_and_does() {
    let guest = Guest::new();
    guest.open_undecided("nl");
    let labels = guest.see("const one = notice.querySelector('.x'); return [one.ariaLabel, one.title]");
    assert_eq!(labels, json!([text("nl", "close_refuse"), text("nl", "close_refuse")]));
    guest.decide("section", ".x");
    let closed = (guest.choice(), guest.browser.cookie_names());
    guest.forget();
    guest.open_undecided("nl");
    guest.decide("section", REFUSE);
    assert_eq!(closed, (guest.choice(), guest.browser.cookie_names()));
    assert_eq!(guest.granted(), json!(["necessary"]));
    guest.leave();
}

#[test]
fn l14_l15_each_service_has_a_switch_that_its_category_follows_and_what_is_shown_is_saved() {
    let guest = Guest::new();
    guest.open_undecided("en");
    guest.open_preferences();
    let all = |functional, maps, video, rest: &str| json!({"functional": functional, "maps": maps, "video": video, "analytics": rest, "kruimel": rest, "advertising": "off", "ads": "off"});
    assert_eq!(guest.switches(), all("off", "off", "off", "off"));
    for (moved, shown) in [
        ("input[name=functional]", all("on", "on", "on", "off")),
        ("input[value=maps]", all("half", "off", "on", "off")),
        ("input[value=video]", all("off", "off", "off", "off")),
        ("input[value=video]", all("half", "off", "on", "off")),
        ("input[name=analytics]", all("half", "off", "on", "on")),
    ] {
        guest.click("dialog", moved);
        assert_eq!(guest.switches(), shown, "{moved}");
    }
    let tree = guest.browser.protocol("Accessibility.getFullAXTree", &json!({}));
    let told = |name: &str| {
        let nodes = tree["nodes"].as_array().unwrap();
        let node = nodes
            .iter()
            .find(|node| {
                node["name"]["value"] == name
                    && ["switch", "checkbox"].contains(&node["role"]["value"].as_str().unwrap_or(""))
            })
            .unwrap_or_else(|| panic!("no switch is called {name}"));
        let properties = node["properties"].as_array().unwrap();
        let state = properties.iter().find(|one| one["name"] == "checked").unwrap();
        assert!(node["description"]["value"].as_str().unwrap().len() > 10, "{node}");
        json!([node["role"]["value"], state["value"]["value"]])
    };
    assert_eq!(told("Functional"), json!(["checkbox", "mixed"]));
    assert_eq!((told("Maps"), told("Filmkade")), (json!(["switch", "false"]), json!(["switch", "true"])));

    guest.decide("dialog", SAVE);
    let choice = guest.choice().unwrap();
    assert_eq!(choice["categories"], json!(["necessary", "functional", "analytics"]));
    assert_eq!(choice["services"], json!({"functional": ["video"]}));
    let granted = guest
        .browser
        .run("return ['maps', 'video'].map(service => kruimel.acceptedCategory('functional', service))");
    assert_eq!(granted, json!([false, true]));

    guest.open("en");
    guest.open_preferences();
    assert_eq!(guest.switches(), all("half", "off", "on", "on"));
    guest.click("dialog", "input[value=maps]");
    guest.decide("dialog", SAVE);
    assert_eq!(guest.choice().unwrap()["services"], json!({}));
    guest.leave();
}

#[test]
fn l35_a_signal_is_honoured_with_a_note_and_what_the_visitor_allows_counts_more_and_says_so() {
    for (signal, key) in [(GPC, "gpc"), (DNT, "dnt")] {
        let guest = Guest::new();
        guest.open_undecided("en");
        assert_eq!(guest.see("return notice.querySelector('.n')"), Value::Null);
        guest.browser.run_first(signal);
        guest.open_undecided("en");
        let counts_more = text("en", "signal_override");
        let honoured = format!("{} {counts_more}", text("en", key));
        assert_eq!(guest.see("return notice.querySelector('.n').innerText"), honoured);
        assert_eq!(guest.browser.run("return kruimel.acceptedCategory('advertising')"), false);
        guest.open_preferences();
        assert_eq!(guest.see("return dialog.querySelector('.n').innerText"), honoured);
        assert_eq!(guest.switches()["advertising"], "off");
        guest.decide("dialog", ACCEPT);
        guest.open("en");
        assert_eq!(guest.browser.run("return kruimel.acceptedCategory('advertising')"), true);
        guest.open_preferences();
        assert_eq!(guest.see("return dialog.querySelector('.n').innerText"), counts_more);
        guest.decide("dialog", REFUSE);
        guest.open("en");
        guest.open_preferences();
        assert_eq!(guest.see("return dialog.querySelector('.n').innerText"), honoured);
        guest.leave();
    }
}

#[test]
fn a_choice_for_one_session_is_off_unless_asked_for_and_ends_with_the_browser() {
    let guest = Guest::new();
    let boxes = || guest.see("return [...root.querySelectorAll('[name=session]')].map(one => one.checked)");
    guest.open_undecided("en");
    assert_eq!(boxes(), json!([false]));
    guest.decide("section", ACCEPT);
    assert!(guest.end_of("kruimel") > Some(0.0), "kept beyond the session");
    guest.open_preferences();
    assert_eq!(boxes(), json!([false]));
    guest.click("dialog", "[name=session]");
    guest.decide("dialog", REFUSE);
    assert_eq!(guest.end_of("kruimel"), Some(-1.0));
    guest.open("en");
    guest.open_preferences();
    assert_eq!(boxes(), json!([true]));
    guest.forget();
    guest.open_undecided("en");
    guest.click("section", "[name=session]");
    guest.open_preferences();
    assert_eq!(boxes(), json!([true, true]));
    guest.decide("dialog", ACCEPT);
    assert_eq!((guest.end_of("kruimel"), guest.granted().as_array().unwrap().len()), (Some(-1.0), 4));
    guest.leave();
}

/// Clocks that stand still until the test moves them, together.
const CLOCK: &str = "window.__now = 1000; performance.now = () => __now;
    const began = Date.now(); Date.now = () => began + __now;
    Object.defineProperty(Event.prototype, 'timeStamp', {get: () => __now});";

#[test]
fn a_grant_needs_a_visitor_who_has_had_time_to_read_and_a_refusal_does_not() {
    let guest = Guest::new();
    guest.browser.run_first(CLOCK);
    let press = |selector: &str| {
        let place = guest.await_see(&format!(
            "const box = notice?.querySelector({selector:?}).getBoundingClientRect();
             return box && [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]"
        ));
        guest.browser.click_at(place[0].as_i64().unwrap(), place[1].as_i64().unwrap());
        guest.browser.run("return new Promise(done => requestAnimationFrame(() => setTimeout(done, 200)))");
    };
    let undecided = |what: &str| {
        assert_eq!(
            guest.see("return [!!notice?.checkVisibility(), kruimel.getUserPreferences() ?? null]"),
            json!([true, null]),
            "{what}"
        );
    };
    guest.open("en");
    guest.await_see("return !!notice");
    guest.browser.run("__now = 1500");
    press(ACCEPT);
    undecided("a press half a second after the first layer appeared");
    guest.browser.run("__now = 2000");
    guest.see(&format!("notice.querySelector({ACCEPT:?}).click()"));
    guest.browser.run("return new Promise(done => requestAnimationFrame(() => setTimeout(done, 200)))");
    undecided("a press by a script");
    press(ACCEPT);
    guest.await_see("return !notice && kruimel.acceptedCategory('advertising')");
    guest.await_see("return !kruimel.getUserPreferences().pending");

    guest.forget();
    guest.open("en");
    guest.await_see("return !!notice");
    press(REFUSE);
    guest.await_see("return !notice && !!kruimel.getUserPreferences()");
    assert_eq!(guest.browser.run("return kruimel.getUserPreferences().categories"), json!(["necessary"]));
    guest.leave();
}

/// Pages whose script grants by itself, and once more when something is clicked.
const GRANTING: &str = "if (location.hash === '#old') Object.defineProperty(Navigator.prototype, 'userActivation', {value: undefined});
    addEventListener('load', () => kruimel.acceptCategory('all'));
    addEventListener('DOMContentLoaded', () => document.querySelector('a').addEventListener('click', () => kruimel.acceptCategory('functional')));";

#[test]
fn a_call_of_the_page_grants_only_after_a_gesture_of_the_visitor() {
    let guest = Guest::new();
    guest.browser.run_first(GRANTING);
    for page in ["en", "nl#old"] {
        guest.forget();
        guest.open_undecided(page);
        guest.await_see("return performance.now() - window.__since > 300");
        assert_eq!(
            guest.see("return [!!notice, kruimel.getUserPreferences() ?? null]"),
            json!([true, null]),
            "{page}"
        );
        guest.browser.click("a");
        guest.await_see(
            "return !notice && kruimel.getUserPreferences() && !kruimel.getUserPreferences().pending",
        );
        assert_eq!(guest.granted(), json!(["necessary", "functional"]), "{page}");
    }
    guest.leave();
}

/// Keeps what is added to a live region, and how much of the page was moved.
const WATCH: &str = "window.__said = []; window.__moved = 0;
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (options) {
        document.documentElement.style.cssText = 'padding-block: 1px 2px';
        const root = attach.call(this, options);
        new MutationObserver(all => all.forEach(({target, addedNodes}) => {
            if (target.ariaLive === 'polite' && addedNodes.length) __said.push(target.textContent);
        })).observe(root, {subtree: true, childList: true});
        return root;
    };
    new PerformanceObserver(list => list.getEntries().forEach(one => __moved += one.value)).observe({type: 'layout-shift', buffered: true});";

#[test]
fn l40_the_first_layer_is_announced_moves_nothing_and_hides_neither_end_of_the_page() {
    for position in ["top", "bottom", "corner"] {
        let guest = Guest::of(Arc::new(start(&format!("position = \"{position}\""))), PAGE);
        guest.browser.run_first(WATCH);
        guest.browser.show_as(320, 640, "light");
        guest.open_undecided("en");
        let title = text("en", "title");
        // Added with the layer, and once more when the region is known.
        guest.await_see("return __said.length === 2");
        assert_eq!(guest.browser.run("return __said"), json!([title, title]));
        assert_eq!(guest.browser.run("return document.activeElement === document.body"), true);
        let seen = "const cover = notice?.getBoundingClientRect() ?? {top: 0, bottom: 0};
            const clear = one => { const box = one.getBoundingClientRect();
                return (box.top >= cover.bottom || box.bottom <= cover.top) && box.top >= 0 && box.bottom <= innerHeight; };
            const at = (place, link) => (scrollTo({top: place, behavior: 'instant'}), clear(document.querySelector(link)));
            return [at(0, '[href=\"#start\"]'), at(1e6, '[href=\"#end\"]')];";
        assert_eq!(guest.see(seen), json!([true, true]), "{position}");
        for (link, key) in [("#start", Key::Home), ("#end", Key::End)] {
            guest.browser.press(key, false);
            guest.browser.run(&format!("document.querySelector('[href=\"{link}\"]').focus(); return new Promise(requestAnimationFrame)"));
            // The key may scroll the page for some frames yet.
            guest.await_see("const box = document.activeElement.getBoundingClientRect(), cover = notice.getBoundingClientRect();
                return box.top >= cover.bottom || box.bottom <= cover.top");
        }
        assert_eq!(guest.browser.run("return __moved"), 0, "{position}");
        guest.decide("section", REFUSE);
        guest
            .browser
            .await_script("return document.documentElement.style.cssText === 'padding-block: 1px 2px;'");
        assert_eq!(guest.see(seen), json!([true, true]), "{position}, decided");
        let short = Guest::of(Arc::clone(&guest.stack), "<p>Page</p>");
        short.browser.run_first(WATCH);
        short.open_undecided("en");
        short.await_see("return __said.length === 2");
        assert_eq!(short.browser.run("return __moved"), 0, "{position}, a short page");
        short.browser.press(Key::Tab, false);
        let seen = "const cover = notice.getBoundingClientRect(), page = document.querySelector('p');
            const clear = place => (scrollTo({top: place, behavior: 'instant'}),
                page.getBoundingClientRect().top >= cover.bottom || page.getBoundingClientRect().bottom <= cover.top);
            return clear(0) || clear(1e6)";
        short.await_see(seen);
        short.leave();
        guest.leave();
    }
}

#[test]
fn l11_l42_from_right_to_left_and_in_every_language_the_layers_fit_half_a_low_window() {
    let guest = Guest::new();
    guest.browser.run_first(GPC);
    let mut unfit = Vec::new();
    for (index, language) in languages().iter().enumerate() {
        guest.browser.show_as(320, 225, SCHEMES[index % 2]);
        guest.open_undecided(language);
        for layer in ["section", "dialog"] {
            if layer == "dialog" {
                guest.open_preferences();
            }
            for script in [SMALL, CUT] {
                let found = guest.see(&format!(
                    "const layer = {}; {script}",
                    if layer == "dialog" { "dialog" } else { "notice" }
                ));
                unfit
                    .extend(found.as_array().unwrap().iter().map(|one| format!("{language} {layer}: {one}")));
            }
        }
        let covered =
            guest.see("return notice.getBoundingClientRect().height / innerHeight").as_f64().unwrap();
        if covered > 0.5 {
            unfit.push(format!("{language} covers {covered}"));
        }
        let order = guest.see(
            "return [getComputedStyle(notice).direction, ...[notice, dialog].map(layer => {
                const [accept, refuse] = [0, 1].map(value => layer.querySelector(`.b [value='${value}']`).getBoundingClientRect());
                const close = layer.querySelector('.x').getBoundingClientRect(), whole = layer.getBoundingClientRect();
                return [Math.sign(refuse.x - accept.x), Math.sign(close.x + close.width / 2 - whole.x - whole.width / 2)];
            })]",
        );
        let expected = match language.as_str() {
            "ar" | "he" => json!(["rtl", [-1, -1], [-1, -1]]),
            _ => json!(["ltr", [1, 1], [1, 1]]),
        };
        assert_eq!(order, expected, "{language}");
    }
    assert_eq!(unfit, Vec::<String>::new());
    guest.leave();
}

/// A town's own colours, as far from the default ones as they may be.
const THEME: &str = r##"[site.theme]
surface = { light = "#ffffff", dark = "#001a33" }
page = { light = "#f2f7fc", dark = "#00101f" }
text = { light = "#00305c", dark = "#e8f4ff" }
quiet = { light = "#3a5a78", dark = "#a9c7e4" }
edge = { light = "#5b7a96", dark = "#7d9cba" }
crumb = { light = "#8a1c5b", dark = "#ff9fd0" }
focus = { light = "#b30059", dark = "#ffd166" }
radius = "0"
font = "Georgia, serif""##;

#[test]
fn l08_l09_l44_in_an_owners_colours_both_answers_stay_alike_and_axe_finds_nothing() {
    let guest = Guest::of(Arc::new(start(THEME)), PAGE);
    for (scheme, color) in [("light", "rgb(0, 48, 92)"), ("dark", "rgb(232, 244, 255)")] {
        guest.browser.show_as(1280, 900, scheme);
        guest.open_undecided("en");
        for layer in ["section", "dialog"] {
            if layer == "dialog" {
                guest.open_preferences();
            }
            assert_eq!(findings(&guest.browser), json!([]), "{layer} {scheme}");
            let looks = guest.see(&format!(
                "return [\"{ACCEPT}\", \"{REFUSE}\"].map(one => {{
                    const {{ backgroundColor, color, fontFamily, fontSize, fontWeight, borderRadius }} = getComputedStyle(root.querySelector('{layer}').querySelector(one));
                    return [backgroundColor, color, fontFamily, fontSize, fontWeight, borderRadius];
                }})"
            ));
            assert_eq!(looks[0], looks[1], "{layer} {scheme}");
            assert_eq!(
                (&looks[0][0], &looks[0][2], &looks[0][5]),
                (&json!(color), &json!("Georgia, serif"), &json!("0px"))
            );
        }
    }
    guest.leave();
}

#[test]
fn l09_l44_axe_finds_nothing_in_any_language_position_or_scheme() {
    let guest = Guest::new();
    guest.browser.run_first(GPC);
    let looks: Vec<(&str, &str)> = ["bottom", "top", "corner"]
        .iter()
        .flat_map(|position| SCHEMES.map(|scheme| (*position, scheme)))
        .collect();
    let look = |language: &str, (position, scheme): (&str, &str)| {
        guest.browser.show_as(1280, 900, scheme);
        guest.open_undecided(language);
        guest.see(&format!("notice.className = '{position}'"));
        assert_eq!(findings(&guest.browser), json!([]), "{language} {position} {scheme}");
        keep(&guest.browser, &format!("everything-{language}-{position}-{scheme}"));
        guest.open_preferences();
        assert_eq!(findings(&guest.browser), json!([]), "{language} preferences {scheme}");
        keep(&guest.browser, &format!("everything-{language}-preferences-{scheme}"));
    };
    for look_of_english in &looks {
        look("en", *look_of_english);
    }
    for (language, look_of_it) in languages().iter().filter(|code| *code != "en").zip(looks.iter().cycle()) {
        look(language, *look_of_it);
    }
    guest.leave();
}

#[test]
fn a_browser_that_makes_no_style_sheets_in_scripts_gets_the_same_look_from_a_file() {
    let guest = Guest::new();
    let look = || {
        guest.see(
            "return [notice, ...notice.querySelectorAll('*')].map(one => {
                const {x, y, width, height} = one.getBoundingClientRect(), style = getComputedStyle(one);
                return [one.localName, x, y, width, height, style.color, style.backgroundColor];
            })",
        )
    };
    guest.open_undecided("en");
    let made = look();
    assert_eq!(guest.see("return root.adoptedStyleSheets.length"), 1);
    guest.browser.run_first("delete CSSStyleSheet.prototype.replaceSync;");
    guest.open_undecided("en");
    assert_eq!(
        guest.see("return [root.adoptedStyleSheets.length, root.querySelectorAll('link').length]"),
        json!([0, 1])
    );
    assert_eq!(look(), made);
    guest.leave();
}
