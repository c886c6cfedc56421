//! Contrast as the browser computed the colours, in both schemes.

use super::{ACCEPT, SCHEMES, Visitor, WITHOUT_LINK};
use serde_json::{Value, json};

/// Functions that later scripts use: contrast of two colours, what is behind an element, and the layer's faint texts.
pub(super) const MEASURE: &str = "
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
    const colour = text => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
        return canvas.getImageData(0, 0, 1, 1).data;
    };
    const luminance = text => {
        const [red, green, blue] = [...colour(text)].map(part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (one, other) => {
        const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    };
    const behind = element => {
        for (; element; element = element.parentElement ?? element.getRootNode().host) {
            const {backgroundColor} = getComputedStyle(element);
            if (colour(backgroundColor)[3] === 255) return backgroundColor;
        }
        return 'white';
    };
    const clipped = element => !!element.closest('caption') || getComputedStyle(element.closest('thead') ?? element).clipPath !== 'none';
    const faint = layer => [...layer.querySelectorAll('*')].filter(one => one.checkVisibility() && !clipped(one)
        && [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
        .map(one => [one.textContent.slice(0, 30), contrast(getComputedStyle(one).color, behind(one))])
        .filter(([, ratio]) => ratio < 4.5);
";

/// What a control is recognised by: the edge of a button or its fill, the switch and its knob, the layer's own edge.
const EDGES: &str = "
    const weak = [], need = (what, one, other) => { const ratio = contrast(one, other); if (!(ratio >= 3)) weak.push([what, ratio]); };
    for (const button of layer.querySelectorAll('button:not(.x)'))
        need(button.textContent, getComputedStyle(button).borderTopColor, behind(button.parentElement));
    for (const input of layer.querySelectorAll('input')) {
        const surface = behind(input.parentElement), style = getComputedStyle(input);
        need('switch ' + input.name, style.borderTopColor, surface);
        need('knob ' + input.name, getComputedStyle(input, '::before').borderTopColor, colour(style.backgroundColor)[3] ? style.backgroundColor : surface);
    }
    for (const mark of layer.querySelectorAll('i')) need('mark', getComputedStyle(mark).borderTopColor, behind(mark));
    if (layer.localName === 'dialog') need('edge', getComputedStyle(layer).borderTopColor, behind(layer));
    return weak;";

#[test]
fn l09_texts_and_edges_stand_out_in_light_and_dark() {
    let visitor = Visitor::new();
    let check = |layer: &str, what: &str| {
        let faint = visitor.see(&format!("{MEASURE} return faint({layer});"));
        assert_eq!(faint, json!([]), "texts of {what}");
        let weak = visitor.see(&format!("{MEASURE} const layer = {layer}; {EDGES}"));
        assert_eq!(weak, json!([]), "edges of {what}");
    };
    let mut surfaces = Vec::new();
    for scheme in SCHEMES {
        visitor.browser.show_as(1280, 900, scheme);
        visitor.forget();
        visitor.open_undecided("/");
        surfaces.push(visitor.see(&format!("{MEASURE} return luminance(behind(notice));")).as_f64().unwrap());
        check("notice", &format!("the first layer, {scheme}"));
        visitor.choose();
        visitor.see("dialog.querySelectorAll('details').forEach(one => one.open = true)");
        check("dialog", &format!("the preferences, all off, {scheme}"));
        visitor.see("dialog.querySelectorAll('input:not(:disabled)').forEach(one => one.click())");
        check("dialog", &format!("the preferences, all on, {scheme}"));
        visitor.browser.show_as(320, 640, scheme);
        check("dialog", &format!("the narrow preferences, {scheme}"));
    }
    assert!(surfaces[0] > 0.8 && surfaces[1] < 0.1, "the schemes differ: {surfaces:?}");

    // The small button that is there where the page has no link of its own.
    visitor.browser.run_first(WITHOUT_LINK);
    visitor.browser.show_as(1280, 900, "light");
    visitor.decide("dialog", ACCEPT);
    for scheme in SCHEMES {
        visitor.browser.show_as(1280, 900, scheme);
        visitor.open("/shop#bare");
        let ratios = visitor.await_see(&format!(
            "{MEASURE} const button = [...root.children].find(one => one.localName === 'button');
             if (!button) return null;
             const style = getComputedStyle(button), mark = getComputedStyle(button.firstChild);
             return [contrast(mark.borderTopColor, style.backgroundColor), contrast(style.borderTopColor, style.backgroundColor)];"
        ));
        assert!(
            ratios.as_array().unwrap().iter().filter_map(Value::as_f64).all(|ratio| ratio >= 3.0),
            "{scheme} {ratios}"
        );
    }
    visitor.leave();
}
