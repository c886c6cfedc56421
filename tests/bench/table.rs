//! The tables that are printed, in Markdown.

use crate::browser::Browser;
use crate::figures::{Figures, spread};
use crate::visit::{Kind, Speed};
use serde_json::json;
use std::fmt::Write;

/// A row: its head, what it takes of a load, and how its medians are written.
type Row = (&'static str, fn(&Figures) -> Option<f64>, fn(f64) -> String);

const ROWS: [Row; 11] = [
    ("requests of Kruimel", |one| Some(one.requests), whole),
    ("their bytes, compressed", |one| Some(one.body), whole),
    ("first contentful paint, ms", |one| Some(one.first_paint), whole),
    ("largest contentful paint, ms", |one| Some(one.largest_paint), whole),
    ("first layer visible, ms", |one| one.banner, whole),
    ("… after the first paint, ms", |one| Some(one.banner? - one.first_paint), whole),
    ("layout shift", |one| Some(one.shift), thousandths),
    ("blocking time, ms", |one| Some(one.blocking), whole),
    ("longest task over 50 ms, ms", |one| Some(one.longest_task), whole),
    ("heap after a collection, kB", |one| Some(one.heap / 1000.0), whole),
    ("accept: press to next frame, ms", |one| one.accept, event),
];

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn thousandths(value: f64) -> String {
    format!("{value:.3}")
}

/// Event Timing tells nothing that is shorter.
fn event(value: f64) -> String {
    if value < 16.0 { "< 16".to_owned() } else { whole(value) }
}

/// When, with what and on what was measured.
pub(crate) fn circumstances(browser: &Browser, rounds: u16) -> String {
    let version = browser.protocol("Browser.getVersion", &json!({}));
    let product = version["product"]
        .as_str()
        .unwrap_or_default()
        .replace("HeadlessChrome", "Chrome")
        .replace("Chrome/", "Chromium ");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let build = if cfg!(debug_assertions) { "unoptimised" } else { "optimised" };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!(
        "Measured on {}: {product}, headless, {} {}, {cores} cores (load {load} at the end), {build} build of Kruimel, \
         medians of {rounds} rounds, in brackets the least and the greatest where they differ.\n",
        time::OffsetDateTime::now_utc().date(),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

/// What each kind of visitor pays, at one speed.
pub(crate) fn costs(speed: Speed, found: &[(Speed, Kind, Figures)]) -> String {
    let of = |kind: Kind| {
        found.iter().filter(move |one| one.0 == speed && one.1 == kind).map(|(_, _, figures)| figures)
    };
    let mut table = format!("### {}\n\n| |", speed.name());
    for kind in Kind::ALL {
        write!(table, " {} |", kind.name()).unwrap();
    }
    table += &format!("\n|---|{}\n", "--:|".repeat(Kind::ALL.len()));
    for (head, take, written) in ROWS {
        write!(table, "| {head} |").unwrap();
        for kind in Kind::ALL {
            write!(table, " {} |", cell(of(kind).filter_map(take).collect(), written)).unwrap();
        }
        table.push('\n');
    }
    table += "| painted largest |";
    for kind in Kind::ALL {
        let mut elements: Vec<&str> = of(kind).map(|one| one.largest_element.as_str()).collect();
        elements.sort_unstable();
        elements.dedup();
        write!(table, " `{}` |", elements.join("`, `")).unwrap();
    }
    table + "\n"
}

/// A median with its spread, as short as it is true.
pub(crate) fn cell(values: Vec<f64>, written: fn(f64) -> String) -> String {
    let Some((median, least, greatest)) = spread(values) else { return String::new() };
    let [median, least, greatest] = [median, least, greatest].map(written);
    if least == greatest { median } else { format!("{median} ({least} to {greatest})") }
}
