//! Chromium, driven through ChromeDriver: a fresh profile a test, and no traffic but to this machine.

use crate::stack::{PATIENCE, USER_AGENT};
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Pause between two looks at a page.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// A browser of a test's own.
pub(crate) struct Browser {
    client: Client,
    driver: Driver,
    runtime: Runtime,
    _profile: TempDir,
}

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        // The driver ends its browsers when it is asked to terminate.
        crate::stack::signal(self.0.id(), "TERM");
        self.0.wait().unwrap();
    }
}

impl Browser {
    /// Starts a browser, with further arguments.
    pub(crate) fn start(arguments: &[&str]) -> Browser {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (driver, port) = start_driver();
        let profile = tempfile::tempdir().unwrap();
        let mut all: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            "--lang=en",
        ]
        .map(str::to_owned)
        .to_vec();
        all.push(format!("--user-data-dir={}", profile.path().display()));
        // A headless Chromium names itself a robot, which the collector believes.
        all.push(format!("--user-agent={USER_AGENT}"));
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let options = json!({
            "args": all,
            "perfLoggingPrefs": {"enableNetwork": true},
        });
        let capabilities: Capabilities = [
            ("browserName".to_owned(), json!("chrome")),
            ("goog:chromeOptions".to_owned(), options),
            ("goog:loggingPrefs".to_owned(), json!({"performance": "ALL", "browser": "ALL"})),
        ]
        .into_iter()
        .collect();
        let address = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = runtime
            .block_on(builder.capabilities(capabilities).connect(&address))
            .expect("Chromium starts; `cargo xtask setup` installs it");
        Browser { client, driver, runtime, _profile: profile }
    }

    /// Ends the browser. A test that fails before ends it by dropping.
    pub(crate) fn close(self) {
        self.runtime.block_on(self.client.close()).unwrap();
        drop(self.driver);
    }

    /// Opens a page and waits for it to load.
    pub(crate) fn open_page(&self, address: &str) {
        self.runtime.block_on(self.client.goto(address)).unwrap();
    }

    /// Runs a script in the page and gives what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        let done = self.runtime.block_on(self.client.execute(script, Vec::new()));
        done.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a script returns something true, and gives it.
    pub(crate) fn await_script(&self, script: &str) -> Value {
        let start = Instant::now();
        loop {
            let found = self.run(script);
            if !matches!(found, Value::Null | Value::Bool(false)) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "{script} did not come true; {}", self.page_state());
            std::thread::park_timeout(LOOK_INTERVAL);
        }
    }

    /// Clicks a button of the banner, found by its label, with a real pointer.
    pub(crate) fn click_banner(&self, label: &str) {
        let place = self.await_script(&format!(
                "const root = document.querySelector('kruimel-banner')?.shadowRoot;
                 const button = [...(root?.querySelectorAll('button') ?? [])].find(one =>
                     [one.textContent.trim(), one.getAttribute('aria-label')].includes('{label}') && one.checkVisibility());
                 if (!button) return null;
                 button.scrollIntoView({{block: 'center'}});
                 const box = button.getBoundingClientRect();
                 return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];"
            ))
            ;
        // What is asked for in the first half second after the banner appears could be a slip and is ignored; the tests
        // wait for the time to pass as the page itself measures it.
        self.await_script(
            "window.__since ??= performance.now(); return performance.now() - window.__since > 600;",
        );
        self.click_at(place[0].as_i64().unwrap(), place[1].as_i64().unwrap());
    }

    /// Clicks an element of the page with a real pointer.
    pub(crate) fn click(&self, selector: &str) {
        let place = self.await_script(&format!(
            "const found = document.querySelector({selector:?});
                 if (!found) return null;
                 found.scrollIntoView({{block: 'center'}});
                 const box = found.getBoundingClientRect();
                 return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];"
        ));
        self.click_at(place[0].as_i64().unwrap(), place[1].as_i64().unwrap());
    }

    /// Moves a real pointer to a place of the window.
    pub(crate) fn point_at(&self, x: i64, y: i64) {
        use fantoccini::actions::{InputSource, MouseActions, PointerAction};
        let pointer = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveTo {
            duration: None,
            x: x as f64,
            y: y as f64,
        });
        self.runtime.block_on(self.client.perform_actions(pointer)).unwrap();
    }

    /// Clicks a place of the window with a real pointer.
    pub(crate) fn click_at(&self, x: i64, y: i64) {
        use fantoccini::actions::{InputSource, MouseActions, PointerAction};
        let pointer = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveTo { duration: None, x: x as f64, y: y as f64 })
            .then(PointerAction::Down { button: fantoccini::actions::MOUSE_BUTTON_LEFT })
            .then(PointerAction::Up { button: fantoccini::actions::MOUSE_BUTTON_LEFT });
        self.runtime.block_on(self.client.perform_actions(pointer)).unwrap();
    }

    /// Presses and releases a key, which goes to whatever has the focus. With Shift held down, if asked.
    pub(crate) fn press(&self, key: impl Into<char>, shift: bool) {
        let key = key.into();
        use fantoccini::actions::{InputSource, KeyAction, KeyActions};
        let mut keys = KeyActions::new("keyboard".to_owned());
        if shift {
            keys = keys.then(KeyAction::Down { value: Key::Shift.into() });
        }
        keys = keys.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
        if shift {
            keys = keys.then(KeyAction::Up { value: Key::Shift.into() });
        }
        self.runtime.block_on(self.client.perform_actions(keys)).unwrap();
    }

    /// A cookie of the page's host as the browser keeps it, percent-decoded.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.runtime.block_on(self.client.get_all_cookies()).unwrap();
        let found = cookies.into_iter().find(|cookie| cookie.name() == name)?;
        Some(decode(found.value()))
    }

    /// The names of every cookie the browser keeps for the page.
    pub(crate) fn cookie_names(&self) -> Vec<String> {
        let cookies = self.runtime.block_on(self.client.get_all_cookies()).unwrap();
        cookies.into_iter().map(|cookie| cookie.name().to_owned()).collect()
    }

    /// The addresses that were requested since the last call, in order.
    pub(crate) fn requested(&self) -> Vec<String> {
        let entries = self.runtime.block_on(self.client.issue_cmd(Log("performance"))).unwrap();
        let messages = entries.as_array().unwrap().iter();
        messages
            .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok())
            .filter(|message| message["message"]["method"] == "Network.requestWillBeSent")
            .filter_map(|message| message["message"]["params"]["request"]["url"].as_str().map(str::to_owned))
            // Chromium's own pages, the one that it starts with among them, are not the visitor's.
            .filter(|address| !address.starts_with("chrome"))
            .collect()
    }

    /// What the browser wrote to the console as errors or warnings since the last call.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.runtime.block_on(self.client.issue_cmd(Log("browser"))).unwrap();
        entries
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entry| entry["message"].as_str().map(str::to_owned))
            .collect()
    }

    /// Opens another tab and makes it the current one; gives the one before.
    pub(crate) fn open_tab(&self) -> WindowHandle {
        let before = self.runtime.block_on(self.client.window()).unwrap();
        let tab = self.runtime.block_on(self.client.new_window(true)).unwrap();
        self.runtime.block_on(self.client.switch_to_window(tab.handle)).unwrap();
        before
    }

    /// Makes a tab the current one.
    pub(crate) fn switch_to(&self, tab: WindowHandle) {
        self.runtime.block_on(self.client.switch_to_window(tab)).unwrap();
    }

    /// Runs a script in every page before the page's own.
    pub(crate) fn run_first(&self, script: &str) {
        self.protocol("Page.addScriptToEvaluateOnNewDocument", &json!({"source": script}));
    }

    /// Makes the window that wide and high, in CSS pixels, and asks for a colour scheme.
    pub(crate) fn show_as(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.protocol("Emulation.setDeviceMetricsOverride", &size);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.protocol("Emulation.setEmulatedMedia", &features);
    }

    /// Gives a command of Chromium's own protocol, and gives its answer.
    pub(crate) fn protocol(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.runtime.block_on(self.client.issue_cmd(Protocol(body))).unwrap()
    }

    /// A picture of the window as PNG. ChromeDriver sometimes gives none just after a page has come.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let start = Instant::now();
        loop {
            match self.runtime.block_on(self.client.screenshot()) {
                Ok(taken) => return taken,
                Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::park_timeout(LOOK_INTERVAL);
        }
    }

    fn page_state(&self) -> String {
        let page = self.run("let cookie; try { cookie = document.cookie } catch (error) { cookie = error } return [location.href, cookie, document.title].join(' | ')");
        format!("{page} {:?}", self.complaints())
    }
}

/// ChromeDriver's command for the browser's logs.
#[derive(Debug)]
struct Log(&'static str);

impl fantoccini::wd::WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (hyper::Method, Option<String>) {
        (hyper::Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}

/// A command of Chromium's own protocol.
#[derive(Debug)]
struct Protocol(Value);

impl fantoccini::wd::WebDriverCompatibleCommand for Protocol {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (hyper::Method, Option<String>) {
        (hyper::Method::POST, Some(self.0.to_string()))
    }
}

/// How often a driver is started that ends before it says its port, as happens on a machine out of breath.
const STARTS_MAX: usize = 5;

fn start_driver() -> (Driver, u16) {
    (0..STARTS_MAX).find_map(|_| try_driver()).expect("chromedriver says its port")
}

fn try_driver() -> Option<(Driver, u16)> {
    let process = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver is installed; `cargo xtask setup` does it");
    let mut driver = Driver(process);
    let mut lines = BufReader::new(driver.0.stdout.take().unwrap()).lines();
    let port = lines
        .by_ref()
        .find_map(|line| line.unwrap().split("started successfully on port ").nth(1).map(str::to_owned))?;
    // The pipe is read to its end, so that the driver never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some((driver, port.trim_end_matches('.').parse().unwrap()))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|digit| (digit as char).to_digit(16)).unwrap();
        bytes.push(if byte == b'%' { (digit() * 16 + digit()) as u8 } else { byte });
    }
    String::from_utf8(bytes).unwrap()
}
