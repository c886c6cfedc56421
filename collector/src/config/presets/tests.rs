//! What every preset must say, that the owner's keys win, and what is told of one that does not exist.

use super::super::{Config, Kept, Service, Storage, Unit};
use super::*;

/// A whole, lawful site in `languages` whose only service is what `lines` say; they begin at line 13.
fn with_service(languages: &[&str], lines: &str) -> String {
    format!(
        r#"[listen]
direct = true

[[site]]
id = "example"
name = "Example"
hosts = ["example.org"]
controller = "City of Example"
contact = "privacy@example.org"
time_zone = "Europe/Brussels"
languages = {languages:?}
[[site.service]]
{lines}
"#
    )
}

/// The service that a site in `languages` has if it declares these lines.
fn service(languages: &[&str], lines: &str) -> Service {
    let config = Config::from_toml(&with_service(languages, lines), "kruimel.toml", std::iter::empty());
    let mut config = config.map_err(|errors| errors.to_string()).expect(lines);
    config.sites[0].services.pop().expect("the declared one is the last")
}

fn told(lines: &str) -> String {
    let text = with_service(&["en"], lines);
    Config::from_toml(&text, "kruimel.toml", std::iter::empty()).expect_err(lines).to_string()
}

/// Every preset as the one line in which an owner declares it, for a site in every language that there is.
fn every_service() -> impl Iterator<Item = (&'static str, Service)> {
    let languages: Vec<&str> = Language::ALL.iter().map(|language| language.code()).collect();
    let declare = move |name: &str| service(&languages, &format!("preset = \"{name}\""));
    PRESETS.keys().map(move |name| (name.as_str(), declare(name)))
}

#[test]
fn there_are_thirty_presets_and_one_line_declares_each() {
    assert!(PRESETS.len() >= 30, "{}", PRESETS.len());
    for (name, service) in every_service() {
        assert_eq!(service.id.as_str(), name);
        assert_eq!(service.third_party, service.provider_country.is_some(), "{name}");
        assert!(service.third_party || service.provider == "City of Example", "{name}");
    }
}

#[test]
fn no_preset_is_necessary_by_itself() {
    for (name, service) in every_service() {
        assert_ne!(service.category.as_str(), "necessary", "{name}");
    }
}

#[test]
fn every_purpose_is_said_in_every_language() {
    let texts = read_texts();
    for (name, text) in &texts {
        for language in Language::ALL {
            let said = text.get(language.code()).and_then(|node| node.text().ok());
            assert!(said.is_some_and(|said| !said.contains('!')), "{language:?} {name}");
            // Owners of a language notice what is left in another.
            let english = text["en"].text().ok();
            assert!(language == Language::En || said != english, "{language:?} {name} is in English");
        }
    }
    for (name, service) in every_service() {
        let purposes = service.cookies.iter().map(|cookie| &cookie.purpose).chain([&service.purpose]);
        for purpose in purposes {
            let polish = purpose.in_language(Language::Pl);
            let named = texts.values().any(|text| text["pl"].text() == Ok(polish));
            assert!(named, "{name}: {polish} is none of the texts");
        }
    }
}

#[test]
fn no_preset_lists_a_cookie_twice() {
    for (name, service) in every_service() {
        let mut names: Vec<_> =
            service.cookies.iter().map(|cookie| (&cookie.name, cookie.storage.name())).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), service.cookies.len(), "{name}");
    }
}

#[test]
fn the_file_has_no_name_twice_and_no_text_that_nothing_uses() {
    let file = include_str!("../presets.toml");
    let errors = Collected::default();
    let (root, _) = tree::parse(file, &errors);
    for (_, texts) in TEXTS {
        tree::parse(texts, &errors);
    }
    assert_eq!(errors.into_errors(&[]), []);
    assert_eq!(root.len(), PRESETS.len());
    for name in read_texts().keys() {
        assert!(file.contains(&format!("purpose = \"{name}\"")), "{name}");
    }
}

#[test]
fn a_preset_gives_what_the_vendor_documents() {
    let service = service(&["en", "nl"], "preset = \"google-analytics\"");
    let cookie = &service.cookies[0];
    assert_eq!((cookie.name.as_str(), cookie.duration), ("_ga", Kept::For(2, Unit::Years)));
    assert_eq!((cookie.storage, cookie.third_party), (Storage::Cookie, false));
    assert_eq!(cookie.provider, "Google Ireland Limited");
    assert_eq!(cookie.purpose.in_language(Language::Nl), "Herkent een terugkerende browser");
}

#[test]
fn what_the_owner_writes_wins() {
    let lines = "preset = \"youtube\"\nid = \"films\"\nname = \"Films\"\ncategory = \"advertising\"\n\
                 provider_country = \"US\"\npurpose = \"Films of the city.\"\n\
                 cookies = [{ name = \"a\", purpose = \"b\", duration = \"1 day\" }]";
    let service = service(&["en", "nl"], lines);
    assert_eq!((service.id.as_str(), service.category.as_str()), ("films", "advertising"));
    assert_eq!(service.name.in_language(Language::En), "Films");
    assert_eq!(service.purpose.in_language(Language::Nl), "Films of the city.");
    assert_eq!(service.provider_country.as_ref().map(|country| country.as_str()), Some("US"));
    assert_eq!(service.cookies.iter().map(|cookie| cookie.name.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!((service.provider.as_str(), service.third_party), ("Google Ireland Limited", true));
}

#[test]
fn what_measures_or_advertises_is_never_necessary() {
    let check = |lines: &str, expected: &str| {
        let told = told(lines);
        assert!(told.starts_with(expected) && told.lines().count() == 1, "{told}");
    };
    check(
        "preset = \"google-analytics\"\ncategory = \"necessary\"",
        "kruimel.toml:14: site.service.category: \"google-analytics\" is for analytics, which needs consent. Mend: \
         Write \"analytics\".",
    );
    check(
        "category = \"necessary\"\npreset = \"google-ads\"",
        "kruimel.toml:13: site.service.category: \"google-ads\" is for advertising",
    );
    // The same written out, without the preset.
    check(
        "id = \"matomo\"\ncategory = \"necessary\"\nname = \"n\"\nprovider = \"p\"\npurpose = \"p\"",
        "kruimel.toml:14: site.service.category: \"matomo\" is for analytics",
    );
    let notes = |lines: &str| {
        let config = Config::from_toml(&with_service(&["en"], lines), "kruimel.toml", std::iter::empty());
        config.map_err(|errors| errors.to_string()).unwrap().sites[0].notes()
    };
    let third = notes("preset = \"youtube\"\ncategory = \"necessary\"");
    assert!(third[0].contains("\"youtube\" (Google Ireland Limited) is in `necessary`"), "{third:?}");
    assert_eq!(notes("preset = \"youtube\""), [""; 0]);
}

#[test]
fn software_on_ones_own_server_is_provided_by_the_controller() {
    let own = service(&["en"], "preset = \"matomo\"");
    assert_eq!(
        (own.provider.as_str(), own.cookies[0].provider.as_str()),
        ("City of Example", "City of Example")
    );
    let rented = service(
        &["en"],
        "preset = \"matomo\"\nprovider = \"InnoCraft\"\nprovider_country = \"NZ\"\nthird_party = true",
    );
    assert_eq!((rented.provider.as_str(), rented.cookies[0].provider.as_str()), ("InnoCraft", "InnoCraft"));
}

#[test]
fn an_unknown_preset_is_told_with_its_line_and_what_was_meant() {
    let check = |lines: &str, expected: &str| assert_eq!(told(lines), expected);
    check(
        "id = \"films\"\npreset = \"youtub\"",
        "kruimel.toml:14: site.service.preset: There is no preset \"youtub\". Mend: Did you mean `youtube`?",
    );
    check(
        "preset = 3",
        "kruimel.toml:13: site.service.preset: Expected a text, found a number. Mend: Put it in double quotes.",
    );
    let far = told("preset = \"something else\"");
    assert!(far.contains("Choose from calendly, crisp, facebook, "), "{far}");
}

#[test]
fn what_does_not_fit_the_site_is_told_at_the_line_of_the_preset() {
    let told = told("preset = \"matomo\"\n[[site.category]]\nname = \"necessary\"");
    let begins = "kruimel.toml:13: site.service.category: The site has no category \"analytics\".";
    assert!(told.starts_with(begins), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn the_example_names_every_preset() {
    let example = include_str!("../../../../deploy/kruimel.example.toml");
    let listed: Vec<&str> = example
        .lines()
        .filter(|line| line.starts_with("#   "))
        .flat_map(|line| line.split([':', ',', ' ']))
        .collect();
    for name in PRESETS.keys() {
        assert!(listed.contains(&name.as_str()), "{name}");
    }
}
