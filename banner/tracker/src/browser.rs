//! Everything that the tracker asks of the browser, one call each; `browser.js` holds the other half.
//!
//! In: nothing but the page. Out: plain values. Invariant: nothing here decides.

use wasm_bindgen::prelude::*;
use wire::{BatchId, HexId};

// The path is that from the glue in banner/pkg, so that the bundle holds the file once, for entry.js too.
#[wasm_bindgen(raw_module = "../tracker/src/browser.js")]
extern "C" {
    /// Listens to everything that may concern the tracker.
    pub(crate) fn listen();
    /// Removes every listener and the timer, for good.
    pub(crate) fn unlisten();
    /// Wakes the tracker after so many milliseconds instead of at the time asked for before; never if infinite.
    pub(crate) fn wake_in(delay_ms: f64);

    /// Reads the cookie: is there a signed receipt that grants analytics and has not expired?
    pub(crate) fn is_granted() -> bool;
    /// The id of the site.
    pub(crate) fn site() -> String;
    /// The domain of the cookies; empty for this host alone.
    pub(crate) fn domain() -> String;

    /// Posts to the collector and wakes the tracker with the answer.
    pub(crate) fn send(body: &str);
    /// Lets the browser post, page or no page; whether it took the body.
    pub(crate) fn beacon(body: &str) -> bool;

    /// Milliseconds of a clock that is never set back.
    pub(crate) fn now_ms() -> f64;
    /// Seconds since 1970, as this machine believes.
    pub(crate) fn now_s() -> u32;
    /// From 0 to 1, for spreading repetitions.
    pub(crate) fn random() -> f64;
    fn random_bits() -> u32;

    /// The page's cookies that scripts may read.
    pub(crate) fn cookies() -> String;
    /// Sets or removes one cookie.
    pub(crate) fn set_cookie(text: &str);
    /// Whether the page came over TLS.
    pub(crate) fn is_secure() -> bool;
    /// Whether any of the page can be seen.
    pub(crate) fn is_visible() -> bool;
    /// Whether the page or a frame in it has the focus.
    pub(crate) fn is_focused() -> bool;

    /// The host of the page, without port.
    pub(crate) fn host() -> String;
    /// The path of the page, without query and fragment.
    pub(crate) fn path() -> String;
    /// The title at this moment.
    pub(crate) fn title() -> String;
    /// Where the visitor came from, as the browser tells it.
    pub(crate) fn referrer() -> String;
    /// One parameter of the page's query, decoded; empty if it is not there.
    pub(crate) fn parameter(name: &str) -> String;
    /// The first preferred language.
    pub(crate) fn language() -> String;
    /// The IANA time zone.
    pub(crate) fn time_zone() -> String;
    /// Width of the window's inside, in CSS pixels.
    pub(crate) fn viewport_width() -> u16;
    /// Points that a touch screen can tell apart.
    pub(crate) fn touch_points() -> u8;
}

/// A random id that is not zero.
pub(crate) fn hex_id() -> HexId {
    HexId(random_half().max(1))
}

/// A random UUID, version 4 (RFC 9562, section 5.4).
pub(crate) fn batch_id() -> BatchId {
    let high = random_half() & !0xf000 | 0x4000;
    let low = random_half() & !(0b11 << 62) | 0b10 << 62;
    BatchId(u128::from(high) << 64 | u128::from(low))
}

fn random_half() -> u64 {
    u64::from(random_bits()) << 32 | u64::from(random_bits())
}
