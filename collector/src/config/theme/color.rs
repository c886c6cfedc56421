//! A colour, and how far it stands out from another (WCAG 2.2, "relative luminance" and "contrast ratio").
//!
//! In: `#rgb`, `#rrggbb` or `rgb(r, g, b)`. Out: three bytes. Invariant: it is opaque: what shines through cannot be
//! measured.

use crate::config::error::Problem;
use std::fmt;

/// An opaque colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Color([u8; 3]);

impl Color {
    /// The colour of `0xrrggbb`.
    pub(super) const fn of(rgb: u32) -> Color {
        let [_, red, green, blue] = rgb.to_be_bytes();
        Color([red, green, blue])
    }

    pub(super) fn read(text: &str) -> Result<Color, Problem> {
        hex(text).or_else(|| rgb(text)).ok_or_else(|| {
            let mend = "Write an opaque colour as \"#a8591a\" or \"rgb(168, 89, 26)\".";
            Problem::new(format!("\"{text}\" is not a plain colour."), mend)
        })
    }

    /// From 1 (no difference) to 21 (black on white).
    pub(super) fn contrast(self, other: Color) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// From 0 (black) to 1 (white).
    pub(super) fn luminance(self) -> f64 {
        let linear = |byte: u8| {
            let part = f64::from(byte) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Color {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(out, "#{red:02x}{green:02x}{blue:02x}")
    }
}

fn hex(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#')?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some(Color::of(number)),
        // Each digit counts twice.
        3 => Some(Color([8, 4, 0].map(|shift| ((number >> shift & 0xf) * 0x11) as u8))),
        _ => None,
    }
}

fn rgb(text: &str) -> Option<Color> {
    let inside = text.strip_prefix("rgb(")?.strip_suffix(')')?;
    let parts = inside.split([',', ' ']).filter(|part| !part.is_empty());
    let bytes: Option<Vec<u8>> = parts.map(|part| part.parse().ok()).collect();
    bytes?.try_into().ok().map(Color)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_in_three_ways_and_written_in_one() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Color::read(text).map(|color| color.to_string()), Ok(expected.to_owned()), "{text}");
        };
        check("#FFFCF5", "#fffcf5");
        check("#abc", "#aabbcc");
        check("rgb(168, 89, 26)", "#a8591a");
        check("rgb(168 89 26)", "#a8591a");
        for text in
            ["", "#", "#ab", "#abcd", "#12345678", "#+12345", "red", "rgb(256, 0, 0)", "rgb(0 0 0 / 50%)"]
        {
            assert!(Color::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn contrast_is_what_the_guidelines_define() {
        let check = |one: u32, other: u32, expected: f64| {
            let found = Color::of(one).contrast(Color::of(other));
            assert!((found - expected).abs() < 0.005, "{found} {expected}");
        };
        check(0x00_0000, 0xff_ffff, 21.0);
        check(0xff_ffff, 0xff_ffff, 1.0);
        check(0x77_7777, 0xff_ffff, 4.48);
        check(0x76_7676, 0xff_ffff, 4.54);
    }
}
