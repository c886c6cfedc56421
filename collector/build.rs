//! Says in one sentence what is missing when the banner's files, which the library embeds, were not built.

use std::path::Path;

/// What a site fills in, and what is served as it is, in its three encodings.
const FILES: [&str; 6] = ["loaders.json", "banner.js", "tracker.js", "gate.js", "more.js", "banner.css"];
const ENCODINGS: [&str; 3] = ["", ".br", ".gz"];

fn main() {
    let encoded = |file: &&str| ENCODINGS.map(|encoding| format!("{file}{encoding}"));
    let files = FILES.iter().flat_map(encoded).filter(|file| !file.starts_with("loaders.json."));
    for file in files {
        let path = format!("../banner/dist/{file}");
        println!("cargo::rerun-if-changed={path}");
        if !Path::new(&path).exists() {
            println!(
                "cargo::error=banner/dist/{file} is not there. Run `cargo xtask banner` first: it builds the banner."
            );
        }
    }
}
