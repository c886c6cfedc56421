//! What the banner costs a page, without a clock: its requests, what it shifts, and that it is never the largest paint.
//! How long it takes is measured by `cargo xtask bench banner`, which looks at pages with the same script.

use super::{REFUSE, Visitor};

/// Pages of a picture, of little text, and of a form, and one that fits its window but for what the banner adds.
const PAGES: [&str; 4] = ["/", "/downloads", "/have-your-say", "/shop"];
const WIDTHS: [(u32, u32); 2] = [(1280, 900), (320, 640)];
/// Loader, banner, texts.
const REQUESTS: u64 = 3;

/// Whether nothing moved by a pixel: where all of the largest of these screens moves by one, that is a shift of 0.001. What is
/// less is a page's own picture that is laid out at a fraction of a pixel.
fn stands_still(shift: &serde_json::Value) -> bool {
    shift.as_f64().is_some_and(|shift| shift < 0.000_9)
}

/// What a visitor who has not decided sees of a page.
fn look(visitor: &Visitor, page: &str) -> serde_json::Value {
    visitor.open_undecided(page);
    visitor.browser.run("return await __seen.settled(true)")
}

#[test]
fn l47_the_first_layer_takes_three_requests_shifts_nothing_and_is_never_the_largest_paint() {
    let visitor = Visitor::new();
    visitor.browser.run_first(include_str!("../bench/page.js"));
    for (width, height) in WIDTHS {
        visitor.browser.show_as(width, height, "light");
        for page in PAGES {
            let mut seen = look(&visitor, page);
            if !stands_still(&seen["shift"]) {
                // A page that comes slowly for the first time may move by itself; what the banner moves moves each time.
                eprintln!("{page} {width}: {seen}");
                seen = look(&visitor, page);
            }
            assert!(stands_still(&seen["shift"]), "{page} {width}: {seen}");
            assert_eq!(seen["requests"], REQUESTS, "{page} {width}: {seen}");
            let largest = seen["element"].as_str().unwrap();
            assert!(!largest.is_empty() && largest != "none of the page", "{page} {width}: {seen}");
        }
    }
    visitor.click("section", REFUSE);
    visitor.await_see("return !notice || notice.hidden");
    assert!(stands_still(&visitor.browser.run("return __seen.shift")));
    // What the collector has not answered yet is sent again by the next page, with the banner.
    visitor.browser.await_script("return !!document.cookie && !document.cookie.includes('pending')");
    for page in PAGES {
        visitor.open(page);
        let seen = visitor.browser.run("return await __seen.settled(false)");
        assert!(stands_still(&seen["shift"]), "{page}: {seen}");
        assert_eq!(seen["requests"], 1, "{page}: {seen}");
    }
    visitor.leave();
}
