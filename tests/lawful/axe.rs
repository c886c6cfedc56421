//! axe-core finds nothing to object to: in both layers, on the visitor's two pages, on the dashboard, light and dark.

use super::{ACCEPT, LAYERS, SCHEMES, Visitor};
use crate::browser::Browser;
use serde_json::{Value, json};
use std::path::Path;

/// Everything axe finds on the page as it is, each finding with the element it is about.
pub(super) fn findings(browser: &Browser) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/axe-core/axe.min.js");
    let source =
        std::fs::read_to_string(&file).expect("`npm ci` brings axe-core; `cargo xtask setup` runs it");
    browser.run(&source);
    let found = browser.run(
        "const {violations, passes} = await axe.run(document, {resultTypes: ['violations', 'passes']});
         return [passes.length, violations.flatMap(one => one.nodes.map(node => [one.id, node.target.flat(9).join(' '), node.failureSummary]))];",
    );
    assert!(found[0].as_u64() > Some(10), "axe looked at the page: {found}");
    found[1].clone()
}

#[test]
fn l44_axe_finds_nothing_in_either_layer() {
    let visitor = Visitor::new();
    for path in ["/", "/nieuws/lindeplein"] {
        for scheme in SCHEMES {
            visitor.browser.show_as(1280, 900, scheme);
            visitor.open_undecided(path);
            for layer in LAYERS {
                if layer == "dialog" {
                    visitor.choose();
                    visitor.see("dialog.querySelectorAll('details').forEach(one => one.open = true)");
                }
                assert_eq!(findings(&visitor.browser), json!([]), "{path} {layer} {scheme}");
            }
        }
    }
    visitor.leave();
}

#[test]
fn l44_axe_finds_nothing_on_the_visitors_pages_or_the_dashboard() {
    let visitor = Visitor::new();
    visitor.open_undecided("/");
    visitor.decide("section", ACCEPT);
    visitor.stack.await_that("the sample history is written", || {
        visitor.stack.log().contains("The sample history is written")
    });
    let pages = [
        visitor.stack.page("/kruimel/cookies"),
        visitor.stack.page("/kruimel/privacy"),
        format!("http://{}/?period=7d", visitor.stack.admin),
    ];
    for scheme in SCHEMES {
        visitor.browser.show_as(1280, 900, scheme);
        for page in &pages {
            visitor.browser.open_page(page);
            assert_eq!(findings(&visitor.browser), json!([]), "{page} {scheme}");
        }
    }
    visitor.leave();
}
