use super::*;
use crate::config::{Config, Language, SiteId};

const BANNER_PATH_BYTES_MAX: usize = 13_000;
const TRACKER_PATH_BYTES_MAX: usize = 12_000;

fn demo() -> (Config, Assets) {
    let local = |port| ([127, 0, 0, 1], port).into();
    let config = Config::demo("data".into(), local(0), local(1));
    let assets = Assets::compose(&config.sites, "/kruimel/");
    (config, assets)
}

/// A site that speaks these languages; its one service speaks for itself.
fn speaking(languages: &[Language]) -> Assets {
    speaking_with(languages, "")
}

/// The same with more lines of the config.
fn speaking_with(languages: &[Language], more: &str) -> Assets {
    let codes: Vec<String> = languages.iter().map(|language| format!("{:?}", language.code())).collect();
    let text = format!(
        "[listen]\ndirect = true\n[[site]]\nid = \"demo\"\nname = \"Example\"\nhosts = [\"example.org\"]\n\
         controller = \"City of Example\"\ncontact = \"privacy@example.org\"\ntime_zone = \"Europe/Brussels\"\n\
         languages = [{}]\n{more}\n[[site.service]]\nid = \"filmkade\"\ncategory = \"functional\"\nname = \"Filmkade\"\n\
         provider = \"Filmkade BV\"\nthird_party = true\nprovider_country = \"BE\"\npurpose = \"Video.\"\n[[site.service.cookies]]\n\
         name = \"fk_player\"\nduration = \"12 months\"\npurpose = \"Volume\"\n",
        codes.join(", ")
    );
    let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
    Assets::compose(&config.map_err(|errors| errors.to_string()).unwrap().sites, "/kruimel/")
}

fn public_config(assets: &Assets) -> PublicConfig {
    let loader = String::from_utf8(assets.loader("demo").unwrap().plain.to_vec()).unwrap();
    let start = loader.find("{\"site\":").unwrap();
    let mut json = serde_json::Deserializer::from_str(&loader[start..]).into_iter();
    json.next().unwrap().unwrap()
}

/// The tracker's name, as the gate asks for it.
fn tracker(gate: &Asset) -> String {
    let script = String::from_utf8(gate.plain.to_vec()).unwrap();
    let hash = script.split("\"tracker\",\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    format!("tracker.{hash}.js")
}

/// The heaviest path before a choice, over every language.
fn banner_path(assets: &Assets, public: &PublicConfig) -> usize {
    let texts = assets.texts[&format!("text.{}.json", public.text)].languages.iter();
    assets.loader("demo").unwrap().brotli_bytes()
        + assets.child(&format!("banner.{}.js", public.banner.0)).unwrap().brotli_bytes()
        + texts.map(|(_, texts)| texts.brotli_bytes()).max().unwrap()
}

#[test]
fn what_is_served_stays_within_the_budgets() {
    let (_, assets) = demo();
    let loader = assets.loader("demo").unwrap().brotli_bytes();
    assert!(loader <= LOADER_BYTES_MAX, "{loader}");
    let public = public_config(&assets);
    let path = banner_path(&assets, &public);
    assert!(path <= BANNER_PATH_BYTES_MAX, "{path}");
    let gate = assets.child(&format!("gate.{}.js", public.gate.0)).unwrap();
    let tracker = gate.brotli_bytes() + assets.child(&tracker(gate)).unwrap().brotli_bytes();
    assert!(tracker <= TRACKER_PATH_BYTES_MAX, "{tracker}");
}

#[test]
fn all_thirty_languages_stay_within_the_budgets() {
    let assets = speaking(&Language::ALL);
    let loader = assets.loader("demo").unwrap().brotli_bytes();
    assert!(loader <= LOADER_BYTES_MAX, "{loader}");
    let public = public_config(&assets);
    let path = banner_path(&assets, &public);
    assert!(path <= BANNER_PATH_BYTES_MAX, "{path}");
    for language in Language::ALL {
        for tag in language.tags() {
            let texts = assets.texts(&format!("text.{}.json", public.text), tag).unwrap();
            let texts: Value = serde_json::from_slice(&texts.plain).unwrap();
            assert_eq!(texts["text"]["accept"], language.shipped().text["accept"], "{tag}");
            assert_eq!(texts["dir"], language.direction(), "{tag}");
        }
    }
}

#[test]
fn the_texts_are_in_the_first_language_that_is_wanted_and_spoken_or_else_the_sites_own() {
    let assets = speaking(&[Language::En, Language::Nb, Language::Fr]);
    let name = format!("text.{}.json", public_config(&assets).text);
    let check = |tags: &str, expected: &str| {
        let texts: Value = serde_json::from_slice(&assets.texts(&name, tags).unwrap().plain).unwrap();
        assert_eq!(texts["lang"], expected, "{tags}");
    };
    check("fr-BE,en", "fr");
    check("FR", "fr");
    check("nn_NO,fr", "nb");
    check("zh-Hant,fil,no,fr", "nb");
    check("zh,ja", "en");
    check("", "en");
    check(&"zh,".repeat(LANGUAGE_TAGS_MAX).replace("zh,zh,zh", "zh,fi,zh"), "en");
    check(&format!("{}fr", "zh,".repeat(LANGUAGE_TAGS_MAX)), "en");
    assert!(assets.texts("text.00000000.json", "en").is_none());
}

#[test]
fn a_changed_word_in_one_language_renames_the_texts_of_all() {
    let name = |more| public_config(&speaking_with(&Language::ALL[..5], more)).text;
    assert_eq!(name(""), name(""));
    assert_ne!(name(""), name("[site.texts.ar]\naccept = \"نعم\""));
}

#[test]
fn a_script_is_named_by_its_integrity_and_whole_in_every_encoding() {
    let (_, assets) = demo();
    let public = public_config(&assets);
    let gate = format!("gate.{}.js", public.gate.0);
    let names = [format!("banner.{}.js", public.banner.0), tracker(assets.child(&gate).unwrap()), gate];
    for name in names {
        let hash = name.split('.').nth(1).unwrap();
        let asset = assets.child(&name).unwrap();
        assert_eq!(format!("{hash}="), STANDARD.encode(Sha256::digest(&asset.plain)));
        assert!(!hash.contains(['+', '/']), "{hash} cannot be a name");
        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(&mut asset.brotli.as_ref(), &mut unpacked).unwrap();
        assert_eq!(unpacked, asset.plain, "{hash}");
        let mut unpacked = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(asset.gzip.as_ref()), &mut unpacked).unwrap();
        assert_eq!(unpacked, asset.plain, "{hash}");
    }
}

#[test]
fn a_loader_has_what_its_site_uses_and_nothing_else() {
    let loader = |more| {
        let assets = speaking_with(&[Language::En], more);
        String::from_utf8(assets.loader("demo").unwrap().plain.to_vec()).unwrap()
    };
    assert!(loader("").contains("dataLayer"));
    let plain = loader("");
    for absent in
        ["uetq", "\"cc:\"", "globalPrivacyControl", "trustedTypes", "\"theme\"", "\"dnt\"", "KRUIMEL_"]
    {
        assert!(!plain.contains(absent), "{absent}");
    }
    for (line, present) in [
        ("microsoft = true", "uetq"),
        ("event_aliases = true", "\"cc:\""),
        ("signal = \"quiet\"", "globalPrivacyControl"),
        ("signal = \"quiet\"\ndo_not_track = true", "\"dnt\":true"),
        ("trusted_types = true", "trustedTypes"),
        ("[site.theme]\ncrumb = { light = \"#a0522d\", dark = \"#e2a561\" }", "\"theme\":\"--kruimel-crumb:"),
        ("cookie_domain = \"example.org\"", "\"domain\":\"example.org\""),
    ] {
        assert!(loader(line).contains(present), "{line}");
    }
    assert!(!loader("google = false").contains("dataLayer"));
}

#[test]
fn a_loader_with_everything_on_stays_within_its_budget_and_draws_a_simpler_mark() {
    let plain = |assets: &Assets| String::from_utf8(assets.loader("demo").unwrap().plain.to_vec()).unwrap();
    let everything = "microsoft = true\nevent_aliases = true\nsignal = \"quiet\"\ndo_not_track = true\ntrusted_types = true\n\
                      cookie_domain = \"example.org\"\n[site.theme]\nsurface = { light = \"#fffaf0\", dark = \"#201a12\" }\n\
                      crumb = { light = \"#a0522d\", dark = \"#e2a561\" }";
    let languages = [Language::Fi, Language::Sv, Language::En, Language::Et];
    // The words of these are the heaviest: not all of them have room.
    let heaviest = [Language::Ar, Language::He, Language::En, Language::Nb, Language::Uk];
    let loader = speaking_with(&heaviest, everything).loader("demo").unwrap().brotli_bytes();
    assert!(loader <= LOADER_BYTES_MAX, "{loader}");
    let heavy = speaking_with(&languages, everything);
    assert!(heavy.loader("demo").unwrap().brotli_bytes() <= LOADER_BYTES_MAX);
    assert!(!plain(&heavy).contains("clip-path"));
    assert!(plain(&speaking(&languages)).contains("clip-path"));
}

#[test]
fn the_way_back_is_called_as_the_language_or_the_owner_says() {
    let words = |languages: &[Language], more| public_config(&speaking_with(languages, more)).words;
    assert!(words(&[Language::Nl, Language::Fr, Language::En], "").is_empty());
    let found = words(&[Language::Fi, Language::Nb], "[site.texts.fi]\nreopen = \"Omat valinnat\"");
    let found: Vec<(&str, &str)> = found.iter().map(|(tag, word)| (tag.as_str(), word.as_str())).collect();
    let northern = "Informasjonskapsler";
    assert_eq!(found, [("fi", "Omat valinnat"), ("nb", northern), ("nn", northern), ("no", northern)]);
    assert_eq!(words(&Language::ALL, "").len(), REOPEN_WORDS_MAX);
}

#[test]
fn each_site_keeps_its_own_former_texts() {
    let many = FORMER_TEXTS_MAX + 1;
    let of = |contact: &str| {
        let address = |port| ([127, 0, 0, 1], port).into();
        let demo = Config::demo("data".into(), address(0), address(1)).sites.remove(0);
        let id = |number: usize| SiteId::parse(&format!("site-{number}")).unwrap();
        let site = |number| Site {
            id: id(number),
            contact: format!("{contact}-{number}@example.org"),
            ..demo.clone()
        };
        Assets::compose(&(0..many).map(site).collect::<Vec<_>>(), "/kruimel/")
    };
    let (before, mut after) = (of("before"), of("after"));
    after.take_over(&before);
    assert_eq!(after.texts.len(), 2 * many, "a word of all of them was changed in one reload");
}

#[test]
fn a_page_that_is_open_still_gets_its_texts_after_a_reload_and_the_oldest_go_first() {
    let named = |number: usize| {
        let service = format!("[site.texts.en]\naccept = \"Yes, {number}\"");
        speaking_with(&[Language::En], &service)
    };
    let name = |assets: &Assets| format!("text.{}.json", public_config(assets).text);
    let first = named(0);
    let (mut names, mut assets) = (vec![name(&first)], first);
    for number in 1..=FORMER_TEXTS_MAX + 1 {
        let mut next = named(number);
        next.take_over(&assets);
        names.push(name(&next));
        assets = next;
    }
    let says = |name: &str| assets.texts(name, "en").map(|texts| texts.plain.clone());
    assert_eq!(says(&names[0]), None, "the oldest");
    for (number, name) in names.iter().enumerate().skip(1) {
        let texts: Value = serde_json::from_slice(&says(name).unwrap()).unwrap();
        assert_eq!(texts["text"]["accept"], format!("Yes, {number}"));
        assert_eq!(assets.display(name, "en"), Some(("demo", 1, Language::En)));
    }
    // The former texts of a site that is not served any more go with it.
    let mut other = Assets::compose(&[], "/kruimel/");
    other.take_over(&assets);
    assert!(other.texts.is_empty());
}
