//! The owner's colours, corners and letters: `[site.theme]`.
//!
//! In: the tokens, each one value or one for light and one for dark. Out: a [`Theme`] of CSS custom properties.
//! Invariants: in light and in dark every text stands out 4.5 to 1 and every edge 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11);
//! no token is about one answer alone; a value is written anew from what was understood, so that none can carry CSS.

mod color;

use super::error::Problem;
use super::reader::{Section, expected};
use super::tree::{Node, Value};
use color::Color;

/// The CSS custom properties that the owner set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theme(Vec<(&'static str, String)>);

impl Theme {
    /// The properties, in the order of the tokens.
    pub fn properties(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// A token of one colour for each scheme.
struct Token {
    key: &'static str,
    property: &'static str,
    /// What it is where the owner does not say, light and dark.
    default: Pair,
    /// How far it must stand out from surface and page, if at all.
    contrast_min: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
struct Pair {
    light: Color,
    dark: Color,
}

const TEXT: Option<f64> = Some(4.5);
const EDGE: Option<f64> = Some(3.0);

/// Every colour; the first two are what the others stand on.
const COLORS: [Token; 8] = [
    token("surface", "--kruimel-surface", 0xff_fcf5, 0x1f_1914, None),
    token("page", "--kruimel-page", 0xf6_efe2, 0x15_110d, None),
    token("text", "--kruimel-text", 0x2a_2019, 0xf5_ecdf, TEXT),
    token("quiet", "--kruimel-quiet", 0x66_5849, 0xc3_b5a2, TEXT),
    token("edge", "--kruimel-edge", 0x8d_7c69, 0x8f_7f6c, EDGE),
    token("crumb", "--kruimel-crumb", 0xa8_591a, 0xe2_a561, EDGE),
    token("focus", "--kruimel-focus", 0x16_58b8, 0x9c_c4ff, EDGE),
    token("line", "--kruimel-line", 0xe6_dccb, 0x3d_342b, None),
];
const GROUNDS: usize = 2;
/// The luminance of a ground from which black and white stand out alike; on a lighter one a colour becomes darker.
const MIDDLE: f64 = 0.179;

const fn token(
    key: &'static str,
    property: &'static str,
    light: u32,
    dark: u32,
    contrast_min: Option<f64>,
) -> Token {
    let default = Pair { light: Color::of(light), dark: Color::of(dark) };
    Token { key, property, default, contrast_min }
}

/// Which of the two schemes a banner is shown in.
const SCHEMES: [&str; 3] = ["light", "dark", "light dark"];
/// Words that mean something else to CSS than a family of letters.
const CSS_WIDE: [&str; 5] = ["inherit", "initial", "unset", "revert", "revert-layer"];
const LENGTH_UNITS: [&str; 3] = ["px", "em", "rem"];
/// The largest corner, in whichever unit.
const RADIUS_MAX: f64 = 100.0;
const FONT_BYTES_MAX: usize = 200;

/// Reads `[site.theme]`.
pub(super) fn read(section: &Section<'_>) -> Theme {
    let own: Vec<Option<Pair>> = COLORS.iter().map(|token| section.get(token.key, Pair::read)).collect();
    let mut properties: Vec<(&'static str, String)> = COLORS
        .iter()
        .zip(&own)
        .filter_map(|(token, own)| own.map(|pair| (token.property, pair.css())))
        .collect();
    let radius = section.get("radius", |node| length(node.text()?));
    let font = section.get("font", |node| font(node.text()?));
    let scheme = section.get("scheme", |node| scheme(node.text()?));
    check_contrast(section, &own, scheme.unwrap_or("light dark"));
    properties.extend(radius.map(|value| ("--kruimel-radius", value)));
    properties.extend(font.map(|value| ("--kruimel-font", value)));
    properties.extend(scheme.map(|value| ("--kruimel-scheme", value.to_owned())));
    Theme(properties)
}

impl Pair {
    fn read(node: &Node) -> Result<Pair, Problem> {
        let table = match &node.value {
            Value::Table(table) => table,
            Value::Text(_) | Value::Variable(_) => {
                let color = Color::read(node.text()?)?;
                return Ok(Pair { light: color, dark: color });
            }
            other => {
                let mend = "Write \"#fffcf5\", or { light = \"#fffcf5\", dark = \"#1f1914\" }.";
                return Err(expected("a colour, or one for light and one for dark", other, mend));
            }
        };
        if let Some(other) = table.keys().find(|key| !["light", "dark"].contains(&key.as_str())) {
            let wrong = format!("\"{other}\" is neither light nor dark.");
            return Err(Problem::new(wrong, "Write { light = \"…\", dark = \"…\" }."));
        }
        let of = |scheme: &str| match table.get(scheme) {
            Some(node) => Color::read(node.text()?),
            None => {
                let mend = format!("Add {scheme} = \"…\", or write one colour for both.");
                Err(Problem::new(format!("The colour is missing for {scheme}."), mend))
            }
        };
        Ok(Pair { light: of("light")?, dark: of("dark")? })
    }

    fn css(self) -> String {
        if self.light == self.dark {
            self.light.to_string()
        } else {
            format!("light-dark({},{})", self.light, self.dark)
        }
    }
}

/// Reports every token that does not stand out enough, once, where it is worst.
fn check_contrast(section: &Section<'_>, own: &[Option<Pair>], schemes: &str) {
    let pairs: Vec<Pair> = COLORS.iter().zip(own).map(|(token, own)| own.unwrap_or(token.default)).collect();
    for (index, token) in COLORS.iter().enumerate() {
        let Some(least) = token.contrast_min else { continue };
        let mut measured = Vec::new();
        for scheme in schemes.split(' ') {
            for ground in 0..GROUNDS {
                let of = |pair: Pair| if scheme == "light" { pair.light } else { pair.dark };
                let (color, under) = (of(pairs[index]), of(pairs[ground]));
                measured.push((color.contrast(under), color, under, ground, scheme));
            }
        }
        let worst = measured.into_iter().min_by(|one, other| one.0.total_cmp(&other.0));
        let Some((ratio, color, under, ground, scheme)) = worst.filter(|worst| worst.0 < least) else {
            continue;
        };
        let ground_key = COLORS[ground].key;
        // Rounded down, so that what fails never reads like what passes.
        let ratio = (ratio * 100.0).floor() / 100.0;
        let wrong = format!(
            "`{}` ({color}) stands out only {ratio} to 1 from `{ground_key}` ({under}) in the {scheme} scheme; {least} are needed.",
            token.key
        );
        let (darker, lighter) =
            if under.luminance() > MIDDLE { (token.key, ground_key) } else { (ground_key, token.key) };
        let mend = format!("Write a darker `{darker}` or a lighter `{lighter}`.");
        let key = if own[index].is_some() { token.key } else { ground_key };
        section.wrong(key, Problem::new(wrong, mend));
    }
}

fn length(text: &str) -> Result<String, Problem> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = digits.parse::<f64>().ok().filter(|number| plain && *number <= RADIUS_MAX);
    match number {
        Some(number) if LENGTH_UNITS.contains(&unit) || (number == 0.0 && unit.is_empty()) => {
            Ok(format!("{number}{unit}"))
        }
        _ => {
            let mend = format!("Write a number up to {RADIUS_MAX} with px, em or rem, such as \"8px\".");
            Err(Problem::new(format!("\"{text}\" is not a length."), mend))
        }
    }
}

/// A list of families, each of letters, digits, spaces and hyphens, in quotes or without.
fn font(text: &str) -> Result<String, Problem> {
    let family = |part: &str| {
        let part = part.trim();
        let quoted = ['"', '\''].iter().find_map(|quote| part.strip_prefix(*quote)?.strip_suffix(*quote));
        let name = quoted.unwrap_or(part).trim();
        let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        let begins_well = quoted.is_some() || name.starts_with(char::is_alphabetic);
        let valid = !name.is_empty() && name.chars().all(plain) && begins_well && !CSS_WIDE.contains(&name);
        valid.then(|| if quoted.is_some() { format!("'{name}'") } else { name.to_owned() })
    };
    let families: Option<Vec<String>> = text.split(',').map(family).collect();
    families.filter(|_| text.len() <= FONT_BYTES_MAX).map(|families| families.join(",")).ok_or_else(|| {
        let mend = "Write families separated by commas, such as \"'Noto Sans', system-ui, sans-serif\".";
        Problem::new(format!("\"{text}\" is not a list of fonts."), mend)
    })
}

fn scheme(text: &str) -> Result<&'static str, Problem> {
    SCHEMES.into_iter().find(|scheme| *scheme == text).ok_or_else(|| {
        let mend = "Choose from \"light\", \"dark\" and \"light dark\".";
        Problem::new(format!("\"{text}\" is not a colour scheme."), mend)
    })
}

#[cfg(test)]
mod tests;
