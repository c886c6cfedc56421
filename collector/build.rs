//! Says in one sentence what is missing when the banner's files, which the library embeds, were not built.

use std::path::Path;

const FILES: [&str; 7] = [
    "loader.js",
    "banner.js",
    "banner.wasm",
    "banner.wasm.br",
    "tracker.js",
    "tracker.wasm",
    "tracker.wasm.br",
];

fn main() {
    for file in FILES {
        let path = format!("../banner/dist/{file}");
        println!("cargo::rerun-if-changed={path}");
        if !Path::new(&path).exists() {
            println!(
                "cargo::error=banner/dist/{file} is not there. Run `cargo xtask banner` first: it builds the banner."
            );
        }
    }
}
