//! The visit: page views with less than thirty minutes of inactivity between them.
//!
//! In: the cookie `kruimel_visit`, `<16 hexadecimal digits>.<last activity, Unix seconds>`, and the time. Out: the visit
//! that goes on, or another. The functions are pure; [`VisitCookie`] applies them to the page. Invariant: what cannot
//! be read, or lies in the future, is no visit; and the cookie lives no longer than the tracker that keeps it.

use crate::{browser, write};
use wire::{HexId, limits};

/// The name of the cookie.
pub(crate) const COOKIE: &str = "kruimel_visit";
/// How long the cookie lives after the last activity, in seconds.
pub(crate) const IDLE_S: u32 = (limits::VISIT_IDLE_MS / 1_000) as u32;
/// Clocks of one machine that was set back meanwhile: so much future is still believed.
const AHEAD_S: u32 = 60;

/// The visit that the cookies name, if it is not over.
pub(crate) fn read(cookies: &str, now_s: u32) -> Option<HexId> {
    let value = value_of(cookies.as_bytes())?;
    let (id, active_s) = (value.get(..16)?, value.get(16..)?.strip_prefix(b".")?);
    let active_s = number(active_s, 10)?;
    let live = active_s <= u64::from(now_s + AHEAD_S) && u64::from(now_s) < active_s + u64::from(IDLE_S);
    number(id, 16).filter(|id| live && *id != 0).map(HexId)
}

fn value_of(mut cookies: &[u8]) -> Option<&[u8]> {
    loop {
        let end = cookies.iter().position(|byte| *byte == b';');
        let (first, rest) = cookies.split_at(end.unwrap_or(cookies.len()));
        if let Some(value) = first.strip_prefix(COOKIE.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) {
            return Some(value);
        }
        // A semicolon and a space.
        cookies = rest.get(2..)?;
    }
}

/// The cookie's value while a visit goes on.
pub(crate) fn value(visit: HexId, now_s: u32) -> String {
    let mut text = String::new();
    write::hex_id(&mut text, visit);
    text.push('.');
    write::number(&mut text, now_s);
    text
}

/// The text that sets the cookie, or with an empty value removes it.
pub(crate) fn set_cookie(value: &str, domain: &str, secure: bool) -> String {
    let mut text = String::from(COOKIE);
    text.push('=');
    text.push_str(value);
    text.push_str("; Path=/; SameSite=Lax; Max-Age=");
    write::number(&mut text, if value.is_empty() { 0 } else { IDLE_S });
    if !domain.is_empty() {
        text.push_str("; Domain=");
        text.push_str(domain);
    }
    if secure {
        text.push_str("; Secure");
    }
    text
}

fn number(digits: &[u8], radix: u64) -> Option<u64> {
    let mut value = 0_u64;
    for byte in digits {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' if radix == 16 => byte - b'a' + 10,
            _ => return None,
        };
        value = value.wrapping_mul(radix) + u64::from(digit);
    }
    (1..=16).contains(&digits.len()).then_some(value)
}

/// The visit of this page and its cookie, which is removed when this is dropped.
pub(crate) struct VisitCookie {
    id: HexId,
    active_s: u32,
}

impl VisitCookie {
    /// Goes on with the visit that the cookie names, or begins another.
    pub(crate) fn open() -> VisitCookie {
        let mut cookie = VisitCookie { id: HexId(0), active_s: 0 };
        cookie.go_on();
        cookie
    }

    /// The same for a further page view.
    pub(crate) fn go_on(&mut self) -> HexId {
        self.active_s = browser::now_s();
        self.id = read(&browser::cookies(), self.active_s).unwrap_or_else(browser::hex_id);
        VisitCookie::set(&value(self.id, self.active_s));
        self.id
    }

    /// Keeps the visit alive, because the visitor is.
    pub(crate) fn slide(&mut self) {
        if !self.is_over() {
            self.active_s = browser::now_s();
            VisitCookie::set(&value(self.id, self.active_s));
        }
    }

    /// Whether the visitor was away so long that the visit has ended, here and in every other tab.
    pub(crate) fn is_over(&self) -> bool {
        let now_s = browser::now_s();
        now_s >= self.active_s + IDLE_S && read(&browser::cookies(), now_s) != Some(self.id)
    }

    fn set(value: &str) {
        browser::set_cookie(&set_cookie(value, &browser::domain(), browser::is_secure()));
    }
}

impl Drop for VisitCookie {
    fn drop(&mut self) {
        VisitCookie::set("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u32 = 1_763_800_000;

    fn check(cookies: &str, expected: Option<u64>) {
        assert_eq!(read(cookies, NOW), expected.map(HexId), "{cookies}");
    }

    #[test]
    fn a_visit_goes_on_until_thirty_minutes_of_inactivity() {
        check("kruimel_visit=00000000000000ab.1763800000", Some(0xab));
        check("a=1; kruimel_visit=ffffffffffffffff.1763798201; b=2", Some(u64::MAX));
        check("kruimel_visit=00000000000000ab.1763798200", None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        check(
            &format!("kruimel_visit={}", value(HexId(0x0123_4567_89ab_cdef), NOW)),
            Some(0x0123_4567_89ab_cdef),
        );
    }

    #[test]
    fn what_is_not_a_visit_is_none() {
        for cookies in [
            "",
            "kruimel_visit=",
            "kruimel_visit=00000000000000ab",
            "kruimel_visit=00000000000000ab.",
            "kruimel_visit=0000000000000000.1763800000",
            "kruimel_visit=00000000000000AB.1763800000",
            "kruimel_visit=ab.1763800000",
            "kruimel_visit=00000000000000ab.-1",
            "kruimel_visit=00000000000000ab.99999999999999999999",
            "kruimel_visit=00000000000000ab.1763800061",
            "kruimel_visit=ééééééééééééé.1",
            "my_kruimel_visit=00000000000000ab.1763800000",
        ] {
            check(cookies, None);
        }
    }

    #[test]
    fn the_cookie_slides_and_can_be_removed() {
        let set = "kruimel_visit=x; Path=/; SameSite=Lax; Max-Age=1800; Domain=example.org; Secure";
        assert_eq!(set_cookie("x", "example.org", true), set);
        assert_eq!(set_cookie("", "", false), "kruimel_visit=; Path=/; SameSite=Lax; Max-Age=0");
    }
}
