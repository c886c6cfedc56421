//! How the module had best arrive: inside the script, as a file beside it, or as a file that the script asks for.
//!
//! In: the built `banner/dist/banner.js`. Out: a table of bytes and of medians until the script is there and the module
//! compiled. `delivery.mjs` serves the three ways and has the page that measures them.

use crate::browser::Browser;
use crate::table::cell;
use crate::visit::Speed;
use serde_json::json;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Each way: its name in the page, its name in the table, its files.
const WAYS: [(&str, &str, &[&str]); 3] = [
    ("inside", "inside the script, 1 request", &["/inside.js"]),
    ("beside", "two files side by side, 2 requests", &["/glue.js", "/module.wasm"]),
    ("after", "two files, one after the other, 2 requests", &["/glue.js", "/module.wasm"]),
];

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Measures every way in turn, so many times.
pub(crate) fn compare(browser: &Browser, rounds: u16) -> String {
    let (_server, page) = serve();
    let mut times = [(); WAYS.len()].map(|()| Speed::ALL.map(|_| Vec::new()));
    let mut bytes = [0.0; WAYS.len()];
    for round in 0..=usize::from(rounds) {
        for (at, speed) in Speed::ALL.into_iter().enumerate() {
            for turn in 0..WAYS.len() {
                let way = (round + turn) % WAYS.len();
                let (name, _, files) = WAYS[way];
                browser.protocol("Network.clearBrowserCache", &json!({}));
                browser.open_page(&page);
                speed.apply(browser);
                let time = browser.run(&format!("return await measure({name:?})"));
                Speed::Free.apply(browser);
                let sum = format!("return {}.reduce((sum, name) => sum + bytes[name], 0)", json!(files));
                bytes[way] = browser.run(&sum).as_f64().unwrap();
                if round > 0 {
                    times[way][at].push(time.as_f64().unwrap());
                }
            }
        }
    }
    let mut table = "### How the module arrives\n\n| | bytes, compressed |".to_owned();
    for speed in Speed::ALL {
        write!(table, " {}, ms |", speed.name()).unwrap();
    }
    table += "\n|---|--:|--:|--:|\n";
    for (way, times) in times.into_iter().enumerate() {
        write!(table, "| {} | {:.0} |", WAYS[way].1, bytes[way]).unwrap();
        for time in times {
            write!(table, " {} |", cell(time, |value| format!("{value:.0}"))).unwrap();
        }
        table.push('\n');
    }
    table
}

fn serve() -> (Server, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut process = Command::new("node")
        .args([folder.join("tests/bench/delivery.mjs"), folder.join("banner/dist/banner.js")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node serves the files");
    let mut port = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
    (Server(process), format!("http://localhost:{}/", port.trim()))
}
