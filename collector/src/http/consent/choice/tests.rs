//! Decisions that are taken and what they come to, and every reason for which one is not.

use super::*;
use crate::config::Config;
use serde_json::json;

/// 2026-11-22, nine in the morning.
const NOW_MS: i64 = 1_795_338_000_000;

fn site(more: &str) -> Site {
    let text = format!(
        "[listen]\ndirect = true\n[[site]]\nid = \"example\"\nname = \"Example\"\nhosts = [\"example.org\"]\n\
         controller = \"City\"\ncontact = \"e\"\ntime_zone = \"Europe/Brussels\"\n{more}\n{}",
        ["film", "map"]
            .map(|id| format!(
                "[[site.service]]\nid = \"{id}\"\ncategory = \"functional\"\nname = \"n\"\nprovider = \"p\"\npurpose = \"p\"\n"
            ))
            .concat()
    );
    let config = Config::from_toml(&text, "kruimel.toml", std::iter::empty());
    config.map_err(|errors| errors.to_string()).unwrap().sites.remove(0)
}

/// The golden decision with other members.
fn request(more: serde_json::Value) -> DecisionRequest {
    let mut request: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../wire/fixtures/decision.json")).unwrap();
    let serde_json::Value::Object(more) = more else { panic!("{more}") };
    for (name, value) in more {
        request[name] = value;
    }
    serde_json::from_value(request).unwrap()
}

fn check(options: &str, more: serde_json::Value) -> Result<Choice, Rejection> {
    Choice::check(&site(options), &request(more), NOW_MS)
}

#[test]
fn a_category_with_every_service_is_granted_whole_and_one_with_none_is_not_granted() {
    let granted = |services: serde_json::Value| {
        let asked = json!({"categories": ["functional"], "services": services});
        check("service_switches = true", asked).map(|choice| (choice.categories, choice.services))
    };
    let both = |services: &[&str]| {
        let in_part =
            [("functional".to_owned(), services.iter().map(|&one| one.to_owned()).collect::<Vec<_>>())];
        (
            vec!["necessary".to_owned(), "functional".to_owned()],
            in_part.into_iter().collect::<BTreeMap<_, _>>(),
        )
    };
    assert_eq!(granted(json!({"functional": ["map", "film"]})).unwrap().1, BTreeMap::new());
    assert_eq!(granted(json!({"functional": ["map"]})), Ok(both(&["map"])));
    assert_eq!(granted(json!({"functional": ["map", "map"]})), Ok(both(&["map"])));
    assert_eq!(granted(json!({"functional": []})).unwrap().0, ["necessary"]);
    assert_eq!(granted(json!({"necessary": []})).unwrap().0, ["necessary", "functional"]);
    assert_eq!(granted(json!({"functional": ["kruimel"]})), Err(Rejection::UnknownService));
    assert_eq!(granted(json!({"analytics": ["kruimel"]})), Err(Rejection::ContradictoryDecision));
    assert_eq!(granted(json!({"fun": []})), Err(Rejection::UnknownCategory));
    let refusal = json!({"action": "refuse", "categories": [], "services": {"analytics": ["anything"]}});
    assert!(check("", refusal).unwrap().is_refusal());
}

#[test]
fn services_are_chosen_one_by_one_only_where_the_site_offers_it() {
    let asked = |services| json!({"categories": ["functional"], "services": {"functional": services}});
    assert_eq!(check("", asked(json!(["map"]))), Err(Rejection::NotOffered));
    assert!(check("", asked(json!(["map", "film"]))).is_ok());
    let accept = json!({"action": "accept", "categories": ["functional", "analytics", "advertising"],
        "services": {"functional": ["map"]}});
    assert_eq!(check("service_switches = true", accept), Err(Rejection::ContradictoryDecision));
}

#[test]
fn a_choice_for_one_session_is_taken_only_where_the_site_offers_it() {
    for categories in [json!(["analytics"]), json!([])] {
        let asked = json!({"categories": categories, "services": {}, "session": true});
        assert_eq!(check("", asked.clone()), Err(Rejection::NotOffered));
        let choice = check("session_choice = true", asked).unwrap();
        assert_eq!(choice.lasts, Lasts::Session);
        assert_eq!(choice.receipt_seconds(&site("")), SESSION_SECONDS_MAX);
    }
}

#[test]
fn a_grant_without_an_age_is_refused_where_the_site_asks_and_a_refusal_never_is() {
    let aged = site("[site.age]\ncountry = \"BE\"");
    let says = |more: serde_json::Value, earlier: Option<&Receipt>| {
        let request = request(more);
        let choice = Choice::check(&aged, &request, NOW_MS).unwrap();
        choice.check_age(&aged, request.of_age, earlier.map(std::slice::from_ref).unwrap_or_default())
    };
    assert_eq!(says(json!({}), None), Err(Rejection::AgeNotStated));
    assert_eq!(says(json!({"of_age": true}), None), Ok(()));
    let nothing = json!({"action": "withdraw", "categories": [], "services": {}});
    assert_eq!(says(nothing, None), Ok(()));
    // Taking a part back is never harder than giving it was; adding to it is a grant.
    let before: Receipt =
        serde_json::from_str(include_str!("../../../../../wire/fixtures/receipt_services.json")).unwrap();
    assert_eq!(says(json!({}), Some(&before)), Ok(()));
    let more = json!({"categories": ["analytics", "functional"]});
    assert_eq!(says(more, Some(&before)), Err(Rejection::AgeNotStated));
    // What was granted before the declaration changed, perhaps before it asked for an age, was granted without.
    let outdated = Receipt { revision: before.revision - 1, ..before };
    assert_eq!(says(json!({}), Some(&outdated)), Err(Rejection::AgeNotStated));
}

#[test]
fn a_refusal_that_is_taken_over_ends_at_the_earlier_of_its_own_end_and_the_sites_term() {
    let import = |until: serde_json::Value| {
        let asked = json!({"action": "refuse", "categories": [], "services": {}, "surface": "import", "until_day": until});
        check("", asked).map(|choice| (choice.until, choice.lasts))
    };
    let day = 86_400;
    assert_eq!(
        import(json!("2026-12-02")),
        Ok((Some("2026-12-02".to_owned()), Lasts::Seconds(10 * day - 9 * 3_600)))
    );
    for later in [json!("2027-05-23"), json!("2030-01-01"), json!(null)] {
        assert_eq!(import(later), Ok((None, Lasts::Seconds(182 * day))));
    }
    for over in ["2026-11-22", "2020-01-01", "soon", "2026-13-01"] {
        assert_eq!(import(json!(over)), Err(Rejection::ContradictoryDecision), "{over}");
    }
    let elsewhere = json!({"action": "refuse", "categories": [], "services": {}, "until_day": "2026-12-02"});
    assert_eq!(check("", elsewhere), Err(Rejection::ContradictoryDecision));
    assert_eq!(check("", json!({"surface": "import"})), Err(Rejection::ContradictoryDecision));
}
