//! Themes that are taken and what they become, and themes that are refused with the ratio that was measured.

use super::*;
use crate::config::Config;

/// Line 10 is `[site.theme]`; 11 and on are what a test adds.
const WHOLE: &str = "[listen]\ndirect = true\n[[site]]\nid = \"example\"\nname = \"Example\"\nhosts = [\"example.org\"]\n\
                     controller = \"City\"\ncontact = \"e\"\ntime_zone = \"Europe/Brussels\"\n[site.theme]\n";

fn read(more: &str) -> Result<Theme, String> {
    let config = Config::from_toml(&format!("{WHOLE}{more}\n"), "kruimel.toml", std::iter::empty());
    config.map(|mut config| config.sites.remove(0).options.theme).map_err(|errors| errors.to_string())
}

#[test]
fn a_theme_becomes_custom_properties() {
    let check = |more: &str, expected: &[(&str, &str)]| {
        let theme = read(more).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(theme.properties().collect::<Vec<_>>(), expected, "{more}");
    };
    check("", &[]);
    check(
        "surface = { light = \"#fff\", dark = \"#000\" }",
        &[("--kruimel-surface", "light-dark(#ffffff,#000000)")],
    );
    check("line = \"rgb(1, 2, 3)\"", &[("--kruimel-line", "#010203")]);
    check("radius = \".25em\"", &[("--kruimel-radius", "0.25em")]);
    check("font = \"'Noto Sans',system-ui\"", &[("--kruimel-font", "'Noto Sans',system-ui")]);
    check(
        "scheme = \"light\"\nsurface = \"#fff\"\npage = \"#fff\"\ntext = \"#000\"",
        &[
            ("--kruimel-surface", "#ffffff"),
            ("--kruimel-page", "#ffffff"),
            ("--kruimel-text", "#000000"),
            ("--kruimel-scheme", "light"),
        ],
    );
}

#[test]
fn the_default_colours_stand_out_in_both_schemes() {
    for (index, token) in COLORS.iter().enumerate().skip(GROUNDS) {
        for ground in &COLORS[..GROUNDS] {
            let least = token.contrast_min.unwrap_or(1.0);
            assert!(token.default.light.contrast(ground.default.light) >= least, "{index} light");
            assert!(token.default.dark.contrast(ground.default.dark) >= least, "{index} dark");
        }
    }
}

/// The theme has one error, told at this line and with these words.
fn check(more: &str, begins: &str, mend: &str) {
    let said = read(more).expect_err(more);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with(begins) && said.contains(&format!(" Mend: {mend}")), "{begins} {mend}\n{said}");
}

#[test]
fn l09_a_theme_that_cannot_be_read_is_refused_with_the_ratio() {
    check(
        "text = { light = \"#777\", dark = \"#fff\" }",
        "kruimel.toml:11: site.theme.text: `text` (#777777) stands out only 3.91 to 1 from `page` (#f6efe2) in the light scheme; 4.5 are needed.",
        "Write a darker `text` or a lighter `page`.",
    );
    check(
        "line = \"#000\"\nfocus = { light = \"#1658b8\", dark = \"#333\" }",
        "kruimel.toml:12: site.theme.focus: `focus` (#333333) stands out only 1.37 to 1 from `surface` (#1f1914) in the dark scheme; 3 are needed.",
        "Write a darker `surface` or a lighter `focus`.",
    );
    // A ground that was changed is named where the others kept their default.
    let said = read("surface = \"#1f1914\"").unwrap_err();
    assert!(
        said.starts_with("kruimel.toml:11: site.theme.surface: `text` (#2a2019) stands out only"),
        "{said}"
    );
    assert!(said.contains("in the light scheme"), "{said}");
}

#[test]
fn a_scheme_that_is_never_shown_is_not_measured() {
    assert!(read("surface = \"#fff\"\npage = \"#fff\"\ntext = \"#000\"\nscheme = \"light\"").is_ok());
    assert!(read("surface = \"#fff\"").unwrap_err().contains("in the dark scheme"));
}

#[test]
fn nothing_but_a_plain_value_is_taken() {
    for color in ["red; background: url(//evil.example)", "var(--x)", "light-dark(#fff, #000)", "#ffffff80"] {
        check(&format!("text = \"{color}\""), "kruimel.toml:11: site.theme.text: ", "Write an opaque colour");
    }
    check(
        "text = { light = \"#000\" }",
        "kruimel.toml:11: site.theme.text: The colour is missing for dark.",
        "Add dark",
    );
    check(
        "text = { light = \"#000\", drak = \"#fff\" }",
        "kruimel.toml:11: site.theme.text: \"drak\"",
        "Write {",
    );
    check("text = 1", "kruimel.toml:11: site.theme.text: Expected a colour", "Write \"#fffcf5\"");
    for radius in ["8", "8vw", "calc(1px)", "-1px", "1e9px", "101px", "px"] {
        check(
            &format!("radius = \"{radius}\""),
            "kruimel.toml:11: site.theme.radius: ",
            "Write a number up to 100",
        );
    }
    for font in ["a;b", "inherit", "url(x)", "'a", "a,,b", "1a"] {
        check(&format!("font = \"{font}\""), "kruimel.toml:11: site.theme.font: ", "Write families");
    }
    check("scheme = \"dim\"", "kruimel.toml:11: site.theme.scheme: ", "Choose from");
}

#[test]
fn l08_nothing_styles_one_answer_alone() {
    for key in ["accept_color", "refuse_color", "accept", "reject_background", "primary", "button_text"] {
        check(
            &format!("{key} = \"#000\""),
            &format!("kruimel.toml:11: site.theme.{key}: There is no such key."),
            "Accept and refuse look alike",
        );
    }
    check("txt = \"#000\"", "kruimel.toml:11: site.theme.txt: There is no such key.", "Did you mean `text`?");
}
