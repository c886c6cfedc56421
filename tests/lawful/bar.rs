//! A browser without WebAssembly, or a page that forbids it: a plain bar, whose answers are forms.

use super::guest::{Guest, page};
use serde_json::{Value, json};

fn serve(path: &str) -> Option<(&'static str, String)> {
    match path {
        "/" => page("", "<p>page</p>"),
        "/news/ferry" => page(
            "<script type='text/plain' data-category=analytics data-service=leeshoek data-src='/counter.js'></script>",
            "<p>news</p>",
        ),
        "/counter.js" => Some(("text/javascript", "window.counted = true".to_owned())),
        _ => None,
    }
}

const WITHOUT: &str = "delete globalThis.WebAssembly";

fn guest(options: &str) -> Guest {
    let guest = Guest::new(options, serve);
    guest.browser().run_first(&format!(
        "{WITHOUT}; window.__violations = []; addEventListener('securitypolicyviolation', event => __violations.push(event.violatedDirective), true);
         window.__thrown = []; addEventListener('error', event => event.message && __thrown.push(event.message));"
    ));
    guest
}

#[test]
fn l05_l45_without_webassembly_a_plain_bar_takes_either_answer_as_a_form() {
    let guest = guest("");
    for (place, granted) in
        [(2, json!(["necessary"])), (1, json!(["necessary", "functional", "analytics", "advertising"]))]
    {
        guest.visitor.forget();
        guest.open_undecided("/news/ferry");
        let shown = guest.visitor.see(
            "const [accept, refuse, choose] = notice.querySelectorAll('.b button');
             const alike = one => { const style = getComputedStyle(one), box = one.getBoundingClientRect();
                return [style.background, style.color, style.font, style.border, Math.round(box.width), Math.round(box.height)].join() };
             return [notice.lang, root.getElementById(notice.getAttribute('aria-labelledby')).textContent, getComputedStyle(notice).position,
                [accept, refuse, choose].map(one => one.textContent), alike(accept) === alike(refuse), notice.querySelector('a').getAttribute('href')]",
        );
        assert_eq!(
            shown,
            json!([
                "en",
                "Cookies on this site",
                "fixed",
                ["Accept all", "Refuse all", "Choose"],
                true,
                "/kruimel/cookies"
            ])
        );
        let ask = guest.visitor.see("return notice.querySelector('p').textContent");
        assert!(ask.as_str().unwrap().starts_with(
            "City of Kaai asks to store cookies for settings and embedded media (functional), to count visits (analytics) and to measure campaigns (advertising)."
        ), "{ask}");
        assert_eq!(
            guest.run("return [__violations, __thrown, window.counted ?? null]"),
            json!([[], [], null])
        );
        guest.visitor.await_see("return performance.now() - window.__since > 600");
        guest.click_in(&format!("notice.querySelector('.b button:nth-child({place})')"));
        guest.browser().await_script("return !document.querySelector('kruimel-banner')?.shadowRoot.querySelector('section') && document.readyState === 'complete'");
        guest.visitor.await_see("return !!window.kruimel?.getUserPreferences?.()");
        assert_eq!(guest.run("return location.pathname"), "/news/ferry");
        assert_eq!(guest.visitor.granted(), granted);
    }
    guest.browser().await_script("return window.counted === true");
    guest.leave();
}

#[test]
fn l05_a_script_cannot_accept_in_the_bar() {
    let guest = guest("");
    guest.open_undecided("/");
    guest.visitor.await_see("return performance.now() - window.__since > 600");
    guest.visitor.see("notice.querySelector('.b button').click(); root.querySelector('form').requestSubmit(notice.querySelector('.b button'))");
    guest.run("return new Promise(done => requestIdleCallback(done, {timeout: 2000}))");
    assert_eq!(guest.visitor.choice(), None);
    assert_eq!(guest.visitor.see("return !!notice"), true);
    guest.leave();
}

#[test]
fn l48_where_age_counts_the_bar_refuses_or_leads_to_the_page() {
    let guest = guest("[site.age]\nlimit = 16\n");
    guest.open_undecided("/");
    let buttons =
        guest.visitor.see("return [...notice.querySelectorAll('.b button')].map(one => one.textContent)");
    assert_eq!(buttons, json!(["Refuse all", "Choose"]));
    guest.click_in("notice.querySelectorAll('.b button')[1]");
    guest.browser().await_script("return location.pathname === '/kruimel/privacy'");
    assert_eq!(guest.visitor.granted(), Value::Null);
    guest.leave();
}
