//! The privacy page over a real listener, with a real spool: a browser without JavaScript chooses and withdraws.

use crate::Collector;
use crate::config::{Config, Host, SiteId};
use crate::http::public;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Stand {
    host: &'static str,
    port: u16,
    _folder: tempfile::TempDir,
}

/// What came back: the status, the header lines, the body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Stand {
    async fn start() -> Stand {
        Stand::start_with(|_| ()).await
    }

    /// With the demo's site changed.
    async fn start_with(change: impl FnOnce(&mut crate::config::Site)) -> Stand {
        Stand::start_with_config(|config| change(&mut config.sites[0])).await
    }

    /// With the demo's config changed.
    async fn start_with_config(change: impl FnOnce(&mut Config)) -> Stand {
        let folder = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let mut config = Config::demo(folder.path().to_owned(), address, address);
        change(&mut config);
        let collector = Arc::new(Collector::open(config, clickhouse::Client::default()).unwrap());
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let public = Arc::new(public(&collector));
        let answer = move |request: axum::extract::Request| {
            let public = Arc::clone(&public);
            async move { public.answer(request, address).await }
        };
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        Stand { host: "localhost", port, _folder: folder }
    }

    async fn send(&self, line: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}",
            self.host, self.port
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Opens the page with these cookies and presses a button of it.
    async fn choose(&self, cookies: &str, fields: &str) -> Answer {
        let page = self.send("GET /kruimel/privacy", &format!("Cookie: {cookies}\r\n"), "").await;
        let token = page
            .body
            .split("name=\"token\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap();
        self.post(cookies, "http://localhost", &format!("token={token}&revision=1&{fields}")).await
    }

    /// Presses a button of the plain bar of a page of `origin`.
    async fn press_bar(&self, headers: &str, fields: &str) -> Answer {
        let headers = format!("{headers}Content-Type: application/x-www-form-urlencoded\r\n");
        let body = format!("form=bar&language=nl&revision=1&text=0123456789abcdef&{fields}");
        self.send("POST /kruimel/privacy", &headers, &body).await
    }

    async fn post(&self, cookies: &str, origin: &str, body: &str) -> Answer {
        let headers = format!(
            "Origin: {origin}\r\nCookie: {cookies}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        );
        self.send("POST /kruimel/privacy?lang=nl", &headers, body).await
    }
}

impl Answer {
    fn location(&self) -> &str {
        self.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default()
    }

    /// The cookies it sets, as a browser would send them back; expired ones are left out.
    fn cookies(&self) -> String {
        let set = self.head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        let kept = set.filter(|cookie| !cookie.contains("Max-Age=0;"));
        kept.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
    }
}

#[tokio::test]
async fn a_plain_form_grants_and_withdraws() {
    let stand = Stand::start().await;
    let granted = stand.choose("", "category=analytics&action=save").await;
    assert_eq!(granted.status, 303, "{}", granted.head);
    assert!(granted.head.contains("location: /kruimel/privacy?lang=nl"));
    let cookies = granted.cookies();
    assert!(cookies.contains("kruimel=") && cookies.contains("kruimel_id="), "{cookies}");
    let page = stand.send("GET /kruimel/privacy?lang=nl", &format!("Cookie: {cookies}\r\n"), "").await;
    assert!(page.body.contains("<h1>U stond "), "{}", page.body);

    let refused = stand.choose(&cookies, "action=refuse").await;
    assert_eq!(refused.status, 303);
    assert!(refused.head.contains("set-cookie: kruimel_id=; Path=/; Max-Age=0"), "{}", refused.head);
    assert!(!refused.cookies().contains("consentId"));
    let page =
        stand.send("GET /kruimel/privacy?lang=nl", &format!("Cookie: {}\r\n", refused.cookies()), "").await;
    assert!(page.body.contains("<h1>U weigerde"), "{}", page.body);

    let again = stand.send("GET /kruimel/privacy?lang=nl", &format!("Cookie: {cookies}\r\n"), "").await;
    assert!(again.body.contains("<h1>Deze browser heeft hier geen keuze gemaakt"), "the old receipt is dead");
}

#[tokio::test]
async fn a_forged_form_changes_nothing_and_says_why() {
    let stand = Stand::start().await;
    let page = stand.send("GET /kruimel/privacy", "", "").await;
    let token =
        page.body.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let whole = format!("token={token}&revision=1&action=accept");
    let check = async |origin: &str, body: &str, status: u16, says: &str| {
        let answer = stand.post("", origin, body).await;
        assert_eq!(answer.status, status, "{origin} {body}: {}", answer.head);
        assert_eq!(answer.cookies(), "", "{origin} {body}");
        assert!(answer.body.contains(says), "{}", answer.body);
    };
    check("https://elsewhere.example", &whole, 403, "De keuze kwam niet van deze site").await;
    check("null", &whole, 403, "De keuze kwam niet van deze site").await;
    check("http://localhost", "revision=1&action=accept", 403, "stond te lang open").await;
    check("http://localhost", "token=1.x&revision=1&action=accept", 403, "stond te lang open").await;
    assert_eq!(stand.post("", "http://localhost", &whole).await.status, 303);
    let other_revision = whole.replace("revision=1", "revision=9");
    assert_ne!(stand.post("", "http://localhost", &other_revision).await.status, 303);
}

#[tokio::test]
async fn a_token_that_somebody_else_got_ends_no_consent() {
    let stand = Stand::start().await;
    let mine = stand.choose("", "category=analytics&action=save").await.cookies();
    let theirs = stand.choose("", "category=analytics&action=save").await.cookies();
    for cookies in ["", &theirs] {
        let page = stand.send("GET /kruimel/privacy", &format!("Cookie: {cookies}\r\n"), "").await;
        let token = page.body.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let body = format!("token={token}&revision=1&action=refuse");
        let answer = stand.post(&mine, "http://localhost", &body).await;
        assert_eq!((answer.status, answer.cookies().as_str()), (403, ""), "{}", answer.head);
    }
    let page = stand.send("GET /kruimel/privacy?lang=nl", &format!("Cookie: {mine}\r\n"), "").await;
    assert!(page.body.contains("<h1>U stond "), "the consent holds: {}", page.body);
    assert_eq!(stand.choose(&mine, "action=refuse").await.status, 303);
}

#[tokio::test]
async fn the_plain_bar_takes_both_answers_and_leads_back() {
    let stand = Stand::start().await;
    let own = format!("Origin: http://localhost:{}\r\nSec-Fetch-Site: same-origin\r\n", stand.port);
    let accepted = stand.press_bar(&own, "choice=accept&back=%2Fnews%3Fpage%3D2").await;
    assert_eq!((accepted.status, accepted.location()), (303, "/news?page=2"), "{}", accepted.head);
    assert!(accepted.cookies().contains("consentId"), "{}", accepted.head);
    let refused = stand.press_bar(&own, "choice=refuse&back=/").await;
    assert_eq!((refused.status, refused.location()), (303, "/"));
    let cookies = refused.cookies();
    assert!(cookies.contains("kruimel=") && !cookies.contains("consentId"), "{cookies}");
    for back in
        ["//elsewhere.example", "/%5Celsewhere.example", "https://elsewhere.example", "", "/%0d%0aa:b"]
    {
        let refused = stand.press_bar(&own, &format!("choice=refuse&back={back}")).await;
        assert_eq!((refused.status, refused.location()), (303, "/kruimel/privacy?lang=nl"), "{back}");
    }
}

#[tokio::test]
async fn the_plain_bar_of_another_site_changes_nothing() {
    let stand = Stand::start().await;
    let own = format!("Origin: http://localhost:{}\r\n", stand.port);
    let check = async |headers: &str, fields: &str, status: u16, says: &str| {
        let answer = stand.press_bar(headers, fields).await;
        assert_eq!(answer.status, status, "{headers} {fields}: {}", answer.head);
        assert!(answer.cookies().is_empty() && answer.location().is_empty(), "{}", answer.head);
        assert!(answer.body.contains(says), "{}", answer.body);
        assert_eq!(answer.body.matches(" checked").count(), 1, "nothing is ticked for anybody");
    };
    let foreign = "De keuze kwam niet van deze site";
    check("Origin: https://elsewhere.example\r\n", "choice=accept&back=/", 403, foreign).await;
    check("Origin: null\r\n", "choice=accept&back=/", 403, foreign).await;
    check("", "choice=refuse&back=/", 403, foreign).await;
    check(&format!("{own}Sec-Fetch-Site: cross-site\r\n"), "choice=refuse&back=/", 403, foreign).await;
    check(&own, "choice=maybe&back=/", 422, "niet te lezen").await;
    check(&own, "back=/", 422, "niet te lezen").await;
    check(&own, &"a=b&".repeat(2_000), 413, "could not be read").await;
}

#[tokio::test]
async fn a_grant_takes_the_word_of_somebody_of_age() {
    let stand = Stand::start_with(|site| site.options.age_limit = Some(13)).await;
    let own = format!("Origin: http://localhost:{}\r\n", stand.port);
    let bar = stand.press_bar(&own, "choice=accept&back=/news").await;
    assert_eq!((bar.status, bar.location()), (303, "/kruimel/privacy?lang=nl#change"));
    assert_eq!(bar.cookies(), "");
    assert_eq!(stand.press_bar(&own, "choice=refuse&back=/news").await.location(), "/news");

    for fields in ["action=accept", "category=functional&action=save"] {
        let unsaid = stand.choose("", fields).await;
        assert_eq!((unsaid.status, unsaid.cookies()), (403, String::new()), "{fields}");
        assert!(unsaid.body.contains("vink dat vakje aan, of weiger"), "{}", unsaid.body);
        let kept = unsaid.body.contains(
            "value=\"functional\" aria-label=\"Functioneel\" aria-describedby=\"s-functional\" checked",
        );
        assert_eq!(kept, fields.contains("save"), "what was entered is still there");
    }
    for fields in ["action=refuse", "action=save", "category=functional&of_age=yes&action=save"] {
        assert_eq!(stand.choose("", fields).await.status, 303, "{fields}");
    }
}

#[tokio::test]
async fn looking_at_the_pages_stores_nothing() {
    let stand = Stand::start().await;
    for page in ["privacy", "cookies", "cookies?format=json"] {
        let answer = stand.send(&format!("GET /kruimel/{page}"), "", "").await;
        assert_eq!(answer.status, 200, "{page}");
        assert!(!answer.head.contains("set-cookie"), "{page}");
        assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{page}");
    }
}

#[tokio::test]
async fn the_stylesheet_is_where_the_pages_say() {
    let stand = Stand::start().await;
    let page = stand.send("GET /kruimel/cookies", "", "").await;
    let style =
        page.body.split("rel=\"stylesheet\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let answer = stand.send(&format!("GET {style}"), "", "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("immutable"));
}

#[tokio::test]
async fn the_bar_of_a_page_that_hides_its_origin_is_taken_where_the_browser_vouches_for_the_site() {
    let stand = Stand::start().await;
    let hidden = |fetched: &str| format!("Origin: null\r\nSec-Fetch-Site: {fetched}\r\n");
    let granted = stand.press_bar(&hidden("same-origin"), "choice=accept&back=/news").await;
    assert_eq!((granted.status, granted.location()), (303, "/news"), "{}", granted.body);
    assert!(granted.cookies().contains("kruimel="));
    for headers in [hidden("cross-site"), hidden("none"), "Origin: null\r\n".to_owned()] {
        let answer = stand.press_bar(&headers, "choice=accept&back=/news").await;
        assert_eq!(answer.status, 403, "{headers}");
        assert!(answer.cookies().is_empty(), "{headers}");
    }
    // `localhost` is a host of the site, so that its neighbours are not.
    assert_eq!(stand.press_bar(&hidden("same-site"), "choice=accept").await.status, 403);
}

#[tokio::test]
async fn a_collector_on_a_host_of_its_own_knows_by_the_form_which_site_it_is_asked_for() {
    let two = |config: &mut Config| {
        let mut other = config.sites[0].clone();
        config.sites[0].hosts = vec![Host::parse("www.kaaidam.example").unwrap()];
        other.id = SiteId::parse("shop").unwrap();
        other.name = "Shop of Kaaidam".to_owned();
        other.hosts = vec![Host::parse("shop.kaaidam.example").unwrap()];
        config.sites.push(other);
        config.sites.iter_mut().for_each(|site| site.has_neighbours = true);
    };
    let mut stand = Stand::start_with_config(two).await;
    stand.host = "kruimel.kaaidam.example";
    let shop = "Origin: https://shop.kaaidam.example\r\nSec-Fetch-Site: same-site\r\n";
    let granted = stand.press_bar(shop, "site=shop&choice=accept&back=/cart").await;
    assert_eq!(
        (granted.status, granted.location()),
        (303, "https://shop.kaaidam.example/cart"),
        "{}",
        granted.body
    );
    assert!(granted.cookies().contains("%22site%22:%22shop%22"), "{}", granted.cookies());
    assert_eq!(stand.press_bar(shop, "site=demo&choice=accept").await.status, 403, "the other site's");
    for unknown in ["choice=accept", "site=nobody&choice=accept"] {
        assert_eq!(stand.press_bar(shop, unknown).await.status, 404, "{unknown}");
    }
    // A page that sends no referrer, to the collector on a subdomain of its site: any neighbour's would look alike, also
    // one that is none of the site's. What is refused holds; what is allowed is said on the page, whose form has a token.
    let hidden = "Origin: null\r\nSec-Fetch-Site: same-site\r\n";
    let refused = stand.press_bar(hidden, "site=shop&choice=refuse&back=/cart").await;
    assert_eq!(refused.location(), "/kruimel/privacy?lang=nl&site=shop", "{}", refused.body);
    assert!(refused.cookies().contains("kruimel="));
    let forged = stand.press_bar(hidden, "site=shop&choice=accept&back=/cart").await;
    assert_eq!((forged.status, forged.location()), (303, "/kruimel/privacy?lang=nl&site=shop#change"));
    assert!(forged.cookies().is_empty(), "{}", forged.cookies());
    let page = stand.send("GET /kruimel/privacy?lang=nl&site=shop", "", "").await;
    let token = page.body.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("token={token}&revision=1&category=analytics&action=save");
    let send = async |origin: &str, form: &str| {
        let headers = format!("Origin: {origin}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        stand.send("POST /kruimel/privacy?lang=nl&site=shop", &headers, form).await
    };
    let own = "https://kruimel.kaaidam.example";
    let granted = send(own, &form).await;
    assert!(granted.status == 303 && granted.cookies().contains("kruimel="), "{}", granted.body);
    for (origin, form) in
        [("https://forum.kaaidam.example", form.as_str()), (own, "revision=1&action=save"), ("null", &form)]
    {
        assert_eq!(send(origin, form).await.status, 403, "{origin}");
    }

    for page in ["privacy", "cookies"] {
        let shown = stand.send(&format!("GET /kruimel/{page}?site=shop&lang=en"), "", "").await;
        assert!(shown.status == 200 && shown.body.contains("Shop of Kaaidam"), "{}", shown.body);
        let links = shown.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in
            links.filter(|link| link.contains("/kruimel/privacy") || link.contains("/kruimel/cookies"))
        {
            assert!(link.contains("site=shop"), "{link}");
        }
        assert_eq!(stand.send(&format!("GET /kruimel/{page}"), "", "").await.status, 404);
    }
    let form = stand.send("GET /kruimel/privacy?site=shop", "", "").await.body;
    assert!(form.contains("action=\"/kruimel/privacy?lang=en&#38;site=shop"), "{form}");
}
