//! Pages of a test's own: a config of its own, and pages that one origin serves together with the collector.

use super::Visitor;
use crate::browser::Browser;
use crate::stack::Stack;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// A site with something in every place of a browser. `OPTIONS` are further keys of the site.
const CONFIG: &str = r#"
[listen]
public = "127.0.0.1:0"
admin = "127.0.0.1:0"
direct = true

[[site]]
id = "kaai"
name = "Kaai"
hosts = ["localhost"]
controller = "City of Kaai"
contact = "privacy@kaai.example"
time_zone = "Europe/Brussels"
language = "en"
languages = ["en"]
OPTIONS

[[site.service]]
id = "filmkade"
category = "functional"
name = "Filmkade video"
provider = "Filmkade BV"
provider_country = "NL"
third_party = true
purpose = "Shows videos."
cookies = [{ name = "fk_player", purpose = "Volume", duration = "12 months" }]

[[site.service]]
id = "kaartwerk"
category = "functional"
name = "Kaartwerk maps"
provider = "Kaartwerk CV"
provider_country = "BE"
third_party = true
purpose = "Shows maps."
cookies = [{ name = "kw_view", purpose = "Part of the map", duration = "until removed", storage = "local", third_party = false }]

[[site.service]]
id = "leeshoek"
category = "analytics"
name = "Leeshoek counter"
provider = "Leeshoek BV"
purpose = "Counts articles."
cookies = [
  { name = "lh_*", purpose = "Counts once", duration = "3 months" },
  { name = "lh_local*", purpose = "Counts", duration = "until removed", storage = "local" },
  { name = "lh_session", purpose = "Counts", duration = "session", storage = "session" },
  { name = "lh_store", purpose = "Counts", duration = "until removed", storage = "indexeddb" },
  { name = "lh_base*", purpose = "Counts", duration = "until removed", storage = "indexeddb" },
  { name = "lh_cache", purpose = "Pages", duration = "until removed", storage = "cache" },
]
"#;

const LOADER: &str = "<script async src='/kruimel/kaai.js'></script>";

/// What no page may load but from its own host, where scripts are trusted by no name but the loader's.
const POLICY: &str =
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; base-uri 'none'";

/// A page or a file: its type and its text. Nothing for a path that is not there.
pub(super) type Serve = fn(path: &str) -> Option<(&'static str, String)>;

/// A page of this site: the script tag, what else stands in its head, its body.
pub(super) fn page(head: &str, body: &str) -> Option<(&'static str, String)> {
    let start =
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>";
    let rest = "<title>Page</title>";
    Some(("text/html; charset=utf-8", format!("{start}{LOADER}{rest}{head}<body>{body}</body></html>")))
}

/// A visitor of such a site.
pub(super) struct Guest {
    pub(super) visitor: Visitor,
    address: String,
}

impl Guest {
    /// The same under a policy of the test's own.
    pub(super) fn under(policy: &'static str, options: &str, serve: Serve) -> Guest {
        let stack = Arc::new(Stack::start_with_config(&CONFIG.replace("OPTIONS", options)));
        let address = start(stack.public, serve, policy);
        Guest { visitor: Visitor { browser: Browser::start(&[]), stack }, address }
    }

    /// Starts a collector whose site has these further keys, the pages, and someone who was never here.
    pub(super) fn new(options: &str, serve: Serve) -> Guest {
        Guest::under(POLICY, options, serve)
    }

    pub(super) fn browser(&self) -> &Browser {
        &self.visitor.browser
    }

    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Opens a page and waits until the loader runs.
    pub(super) fn open(&self, path: &str) {
        self.browser().open_page(&self.address(path));
        self.browser().await_script("return !!window.kruimel?.getUserPreferences");
    }

    /// Opens a page as someone who is asked, and waits for the question.
    pub(super) fn open_undecided(&self, path: &str) {
        self.open(path);
        self.visitor.await_see("return !!notice && (window.__since = performance.now())");
    }

    /// Clicks something inside a shadow root of the page with a real pointer; `found` is a script that gives it.
    pub(super) fn click_in(&self, found: &str) {
        let place = self.visitor.await_see(&format!(
            "const found = {found};
             if (!found) return null;
             found.scrollIntoView({{block: 'center'}});
             const box = found.getBoundingClientRect();
             return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];"
        ));
        self.browser().click_at(place[0].as_i64().unwrap(), place[1].as_i64().unwrap());
    }

    /// Clicks the page, which grants a category by its own script as soon as it hears of the click.
    pub(super) fn click_granting(&self, category: &str) {
        self.run(&format!(
            "addEventListener('click', () => kruimel.acceptCategory('{category}'), {{once: true}})"
        ));
        self.browser().click("body");
    }

    pub(super) fn run(&self, script: &str) -> Value {
        self.browser().run(script)
    }

    pub(super) fn leave(self) {
        self.visitor.leave();
    }
}

/// Serves the pages, and what the collector has, under one address, which it gives.
fn start(collector: SocketAddr, serve: Serve, policy: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A browser may close a connection before it has read all.
            std::thread::spawn(move || drop(answer(stream, collector, serve, policy)));
        }
    });
    address
}

fn answer(mut stream: TcpStream, collector: SocketAddr, serve: Serve, policy: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
        if !name.eq_ignore_ascii_case("connection") {
            head += &line;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    if path.starts_with("/kruimel/") {
        let mut there = TcpStream::connect(collector)?;
        there.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
        there.write_all(&body)?;
        return std::io::copy(&mut there, &mut stream).map(drop);
    }
    let icon = (path == "/favicon.ico")
        .then(|| ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>".to_owned()));
    let (status, (kind, text)) = match icon.or_else(|| serve(&path)) {
        Some(found) => ("200 OK", found),
        None => ("404 Not Found", ("text/plain", String::new())),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         content-security-policy: {policy}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
}
