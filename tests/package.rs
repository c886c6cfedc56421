//! The npm package of `banner/`, as an owner gets it: packed, unpacked, imported on a server, checked by TypeScript, bundled,
//! and run in Chromium.

use crate::browser::Browser;
use crate::stack::Stack;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What the package holds beside the built scripts.
const FILES: [&str; 5] = ["LICENSE", "README.md", "index.js", "kruimel.d.ts", "package.json"];
/// The script-tag build.
const BUILT: [&str; 6] =
    ["dist/banner.css", "dist/banner.js", "dist/gate.js", LOADER, "dist/more.js", "dist/tracker.js"];
/// The loader with every switch on, which packing takes out of the build.
const LOADER: &str = "dist/loader.js";

/// Packing writes a file of the build; one at a time.
static PACKING: Mutex<()> = Mutex::new(());

/// A folder of an application that has the packed package among its modules.
fn application() -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let modules = folder.path().join("node_modules");
    let pack = ["pack", "--json", "--pack-destination"];
    let turn = PACKING.lock().unwrap_or_else(PoisonError::into_inner);
    let packed =
        output(Command::new("npm").args(pack).arg(folder.path()).current_dir(format!("{ROOT}/banner")));
    drop(turn);
    // Some versions of npm print first what they run.
    let list: Value = serde_json::from_str(&packed[packed.find("[\n").unwrap()..]).unwrap();
    let archive = folder.path().join(list[0]["filename"].as_str().unwrap());
    fs::create_dir_all(&modules).unwrap();
    output(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&modules));
    fs::rename(modules.join("package"), modules.join("kruimel-banner")).unwrap();
    fs::copy(format!("{ROOT}/tests/package/app.ts"), folder.path().join("app.ts")).unwrap();
    let files = list[0]["files"].as_array().unwrap().iter();
    (folder, files.map(|file| file["path"].as_str().unwrap().to_owned()).collect())
}

/// What a command prints; it must succeed.
fn output(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let (out, fault) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{command:?}\n{out}{fault}");
    out.into_owned()
}

/// A tool that npm installed, started in the application's folder.
fn tool(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(Path::new(ROOT).join("node_modules/.bin").join(name));
    command.current_dir(folder);
    command
}

#[test]
fn the_package_holds_the_module_its_types_and_the_script_tag_build_and_nothing_else() {
    let (folder, files) = application();
    let (built, rest): (Vec<&str>, Vec<&str>) =
        files.iter().map(String::as_str).partition(|file| file.starts_with("dist/"));
    assert_eq!(rest, FILES);
    assert_eq!(built, BUILT);
    let packed = |name: &str| {
        fs::read_to_string(folder.path().join("node_modules/kruimel-banner").join(name)).unwrap()
    };
    let own = |name: &str| fs::read_to_string(format!("{ROOT}/banner/{name}")).unwrap();
    for name in BUILT.iter().filter(|name| **name != LOADER) {
        assert!(packed(name) == own(name), "{name}");
    }
    let loaders: Vec<String> = serde_json::from_str(&own("dist/loaders.json")).unwrap();
    assert!(packed(LOADER) == loaders.last().unwrap().as_str());
    assert!(packed(LOADER).contains("__KRUIMEL_CONFIG__"));
    let licence = |folder: &str| fs::read_to_string(format!("{ROOT}{folder}/LICENSE")).unwrap();
    assert_eq!(licence("/banner"), licence(""));
    let manifest: Value = serde_json::from_str(&own("package.json")).unwrap();
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["license"], "Apache-2.0");
}

#[test]
fn on_a_server_the_package_is_imported_and_allows_nothing() {
    let (folder, _) = application();
    let script = "const all = await import('kruimel-banner');
        const loaded = await all.load({ src: '/kruimel/example.js' });
        const ends = [all.on('onChange', () => {}), all.subscribe(() => {})];
        ends.forEach(end => end());
        console.log(JSON.stringify([Object.keys(all), loaded ?? null, all.kruimel() ?? null, all.accepted('necessary')]));";
    let printed = output(
        Command::new("node").args(["--input-type=module", "--eval", script]).current_dir(folder.path()),
    );
    let found: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(found, json!([["accepted", "kruimel", "load", "on", "subscribe"], null, null, false]));
}

#[test]
fn typescript_accepts_what_the_package_promises_and_refuses_what_it_does_not() {
    let (folder, _) = application();
    for resolution in [
        ["--module", "esnext", "--moduleResolution", "bundler"],
        ["--module", "nodenext", "--moduleResolution", "nodenext"],
    ] {
        let strict = ["--noEmit", "--strict", "--target", "es2022", "app.ts"];
        fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
        output(tool("tsc", folder.path()).args(resolution).args(strict));
    }
}

#[test]
fn a_bundled_application_loads_the_banner_hears_its_events_and_knows_what_is_allowed() {
    let (folder, _) = application();
    let bundle = output(tool("esbuild", folder.path()).args(["app.ts", "--bundle", "--format=iife"]));
    let stack = Stack::start();
    let browser = Browser::start(&[]);
    // A page that carries no script tag.
    browser.open_page(&stack.page("/embed/map"));
    browser.run(&bundle);
    // What cannot be fetched is no error of the page, and may be tried again.
    let missing =
        "return (await app.load({src: '/kruimel/nobody.js'})) === undefined && app.kruimel() === undefined";
    assert_eq!(browser.run(missing), true);
    let twice = "const both = await Promise.all([1, 2].map(() => app.load({src: '/kruimel/demo.js'})));
        return both.every(one => one && one === window.kruimel)";
    assert_eq!(browser.run(twice), true);
    assert_eq!(browser.run("return document.querySelectorAll('script[src$=\"/demo.js\"]').length"), 1);

    browser.click_banner("Accept all");
    browser.await_script("return app.analytics.at(-1) && app.choice");
    // No gesture of the visitor is needed to take back.
    browser.run("app.kruimel().withdraw()");
    browser.await_script("return app.analytics.at(-1) === false");
    let heard = browser.run("return app.heard");
    let all = "necessary,functional,analytics,advertising";
    assert_eq!(
        heard,
        json!(["consentModal", format!("first {all}"), "changed functional,analytics,advertising"])
    );
    browser.close();
}
