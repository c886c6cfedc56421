//! The texts of every language: complete, with the same places to fill, and plain.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn languages() -> BTreeMap<String, BTreeMap<String, String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/text");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let content: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let mut texts = BTreeMap::new();
            flatten("", &content, &mut texts);
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), texts)
        })
        .collect()
}

fn flatten(name: &str, value: &Value, texts: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(&format!("{name}/{member}"), value, texts);
            }
        }
        // The forms of a word: how many differs by language, so they count as one text.
        Value::Array(forms) => {
            let forms: Vec<&str> = forms.iter().map(|form| form.as_str().unwrap()).collect();
            assert!(forms.iter().all(|form| !form.trim().is_empty()), "{name} lacks a form");
            texts.insert(name.to_owned(), forms.join(" | "));
        }
        Value::String(text) => assert!(texts.insert(name.to_owned(), text.clone()).is_none()),
        other => panic!("{name} is no text: {other}"),
    }
}

fn places(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

#[test]
fn every_language_says_everything_with_the_same_places() {
    let languages = languages();
    let english = &languages["en"];
    assert_eq!(languages.len(), 30);
    for (language, texts) in &languages {
        assert_eq!(texts.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "{language}");
        for (name, text) in texts {
            assert_eq!(places(text), places(&english[name]), "{language}{name}");
        }
    }
}

/// What the banner asks in the first layer must stay short enough to be read, and buttons short enough for 320 px.
#[test]
fn no_language_is_long_winded() {
    for (language, texts) in languages() {
        for (name, text) in &texts {
            let longest = match name.as_str() {
                "/text/accept" | "/text/refuse" | "/text/choose" | "/text/save" | "/text/embed_once"
                | "/text/embed_always" | "/text/age_yes" | "/text/age_no" | "/text/left_close" => 24,
                "/text/ask" | "/text/intro" => 240,
                _ => 160,
            };
            assert!(text.chars().count() <= longest, "{language}{name}: {text}");
        }
    }
}

#[test]
fn no_text_is_left_in_english() {
    let languages = languages();
    for (language, texts) in languages.iter().filter(|(language, _)| *language != "en") {
        let same: Vec<&str> = texts
            .iter()
            .filter(|(name, text)| {
                text.chars().count() > 24 && **text == languages["en"][*name] && !name.starts_with("/kept/")
            })
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(same.is_empty(), "{language}: {same:?}");
    }
}

#[test]
fn no_text_promises_thanks_or_marks_itself_up() {
    for (language, texts) in languages() {
        for (name, text) in texts {
            assert!(!text.trim().is_empty(), "{language}{name} is empty");
            let refused = |character: char| matches!(character, '<' | '>' | '!' | '\u{1f000}'..);
            assert!(!text.contains(refused), "{language}{name}: {text}");
        }
    }
}
