//! Sizes, reflow, forced colours, motion, and what a screen reader is told.

use super::{LAYERS, Visitor};
use serde_json::{Value, json};

/// Controls smaller than they should be: 44 pixels for what is a target by itself, 24 for a link inside a sentence.
pub(super) const SMALL: &str = "return [...layer.querySelectorAll('button, label, summary, a')].filter(one => one.checkVisibility()).filter(one => {
    const box = one.getBoundingClientRect(), least = one.localName === 'a' ? 24 : 44;
    return box.height < least || box.width < least;
}).map(one => [one.textContent, one.getBoundingClientRect().height]);";

/// What does not fit: contents wider than their box, texts cut off, something beyond the window's sides.
pub(super) const CUT: &str = "return [document.scrollingElement, layer, ...layer.querySelectorAll('*')].filter(one => one.checkVisibility()
    && !one.closest('caption') && getComputedStyle(one.closest('thead') ?? one).clipPath === 'none').filter(one => {
        const box = one.getBoundingClientRect();
        return getComputedStyle(one).display !== 'inline' && one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0
            || box.left < -1 || box.right > innerWidth + 1;
    }).map(one => one.outerHTML.slice(0, 80));";

const SPACING: &str = "const sheet = new CSSStyleSheet();
    sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }');
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];";

fn look(visitor: &Visitor, layer: &str, script: &str) -> Value {
    visitor.see(&format!("const layer = root.querySelector('{layer}'); {script}"))
}

fn open_layer(visitor: &Visitor, layer: &str) {
    if layer == "dialog" {
        visitor.choose();
        visitor.see("dialog.querySelectorAll('details').forEach(one => one.open = true)");
    }
}

#[test]
fn l42_targets_are_large_and_nothing_is_cut_at_320_pixels_at_400_percent_or_with_wide_spacing() {
    let visitor = Visitor::new();
    for (width, height) in [(1280, 900), (320, 640), (320, 225)] {
        visitor.browser.show_as(width, height, "light");
        visitor.open_undecided("/");
        for layer in LAYERS {
            open_layer(&visitor, layer);
            assert_eq!(look(&visitor, layer, SMALL), json!([]), "{layer} {width} {height}");
            assert_eq!(look(&visitor, layer, CUT), json!([]), "{layer} {width} {height}");
            visitor.see(SPACING);
            assert_eq!(look(&visitor, layer, CUT), json!([]), "{layer} {width} {height}, spaced");
            visitor.see("root.adoptedStyleSheets = root.adoptedStyleSheets.slice(0, 1)");
        }
        let covered =
            visitor.see("return notice.getBoundingClientRect().height / innerHeight").as_f64().unwrap();
        assert!(covered <= 0.5 || width > 320 || height > 225, "at 400 % it covers {covered}");
    }
    visitor.leave();
}

#[test]
fn l42_forced_colours_keep_edges_and_states_and_nothing_moves() {
    let visitor = Visitor::new();
    let features = json!({"features": [
        {"name": "forced-colors", "value": "active"}, {"name": "prefers-reduced-motion", "value": "reduce"}]});
    visitor.browser.protocol("Emulation.setEmulatedMedia", &features);
    visitor.open_undecided("/");
    assert_eq!(visitor.see("return matchMedia('(forced-colors: active)').matches"), true);
    for layer in LAYERS {
        open_layer(&visitor, layer);
        let edgeless = look(
            &visitor,
            layer,
            "return [...layer.querySelectorAll('.b button, input')].filter(one => {
                const style = getComputedStyle(one);
                return style.borderTopStyle !== 'solid' || parseFloat(style.borderTopWidth) < 1
                    || style.borderTopColor === getComputedStyle(layer).backgroundColor;
            }).map(one => one.outerHTML);",
        );
        assert_eq!(edgeless, json!([]), "{layer}");
        let moving = look(
            &visitor,
            layer,
            "return [...layer.querySelectorAll('*'), layer].filter(one => parseFloat(getComputedStyle(one).transitionDuration) > 0).length
                + document.getAnimations().length + root.getAnimations().length;",
        );
        assert_eq!(moving, 0, "{layer}");
    }
    // On and off differ by the place of the knob, which a border draws.
    let knobs = visitor.see(
        "return ['necessary', 'analytics'].map(name => {
            const input = dialog.querySelector(`[name=${name}]`), knob = getComputedStyle(input, '::before');
            return [getComputedStyle(input).paddingInlineStart, knob.borderTopStyle,
                knob.borderTopColor !== getComputedStyle(input).backgroundColor];
        })",
    );
    assert_ne!(knobs[0][0], knobs[1][0]);
    for knob in knobs.as_array().unwrap() {
        assert_eq!((&knob[1], &knob[2]), (&json!("solid"), &json!(true)), "{knobs}");
    }
    visitor.leave();
}

#[test]
fn l43_a_screen_reader_is_told_name_state_and_description_of_switches_and_heads_of_tables() {
    let visitor = Visitor::new();
    visitor.open_undecided("/");
    open_layer(&visitor, "dialog");
    visitor.click("dialog", "input[name=functional]");
    let tree = visitor.browser.protocol("Accessibility.getFullAXTree", &json!({}));
    let nodes = tree["nodes"].as_array().unwrap();
    let of_role = |role: &str| -> Vec<&Value> {
        nodes.iter().filter(|node| node["role"]["value"] == role && node["ignored"] == false).collect()
    };
    let property = |node: &Value, name: &str| {
        let properties = node["properties"].as_array().unwrap();
        properties.iter().find(|one| one["name"] == name).map(|one| one["value"]["value"].clone())
    };
    let switches: Vec<_> = of_role("switch")
        .into_iter()
        .map(|node| {
            let described = node["description"]["value"].as_str().unwrap_or_default();
            assert!(described.len() > 20 && described.ends_with('.'), "{node}");
            (node["name"]["value"].as_str().unwrap(), property(node, "checked"), property(node, "disabled"))
        })
        .collect();
    assert_eq!(
        switches,
        [
            ("Necessary", Some(json!("true")), Some(json!(true))),
            ("Functional", Some(json!("true")), None),
            ("Analytics", Some(json!("false")), None),
            ("Advertising", Some(json!("false")), None),
        ]
    );
    let tables = of_role("table");
    assert!(tables.len() >= 5);
    for table in tables.iter().filter(|table| table["name"]["value"] != "") {
        assert!(table["name"]["value"].as_str().unwrap().starts_with("Cookies of "), "{table}");
    }
    let heads = visitor.see(
        "return [...dialog.querySelectorAll('table')].map(table => [!!table.caption.textContent,
            [...table.querySelectorAll('thead th[scope=col]')].length, table.querySelectorAll('tbody tr').length === table.querySelectorAll('tbody th[scope=row]').length])",
    );
    for head in heads.as_array().unwrap() {
        assert_eq!(*head, json!([true, 5, true]));
    }
    assert_eq!(
        of_role("rowheader").len(),
        visitor.see("return dialog.querySelectorAll('tbody tr').length").as_u64().unwrap() as usize
    );
    visitor.leave();
}
