//! `docs/banner.md` names everything that a page can use of the banner, and no token that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Where tokens are used.
const STYLED: [&str; 3] = ["banner/assets/banner.css", "banner/loader.js", "collector/templates/visitor.css"];
/// Where parts are drawn: by the module, and by what stands in for it.
const DRAWN: [&str; 2] = ["banner/src/view", "banner/src/more"];
const TYPES: &str = "banner/kruimel.d.ts";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file of a folder, if it is there.
fn all_of(folder: &str) -> String {
    let files = fs::read_dir(Path::new(ROOT).join(folder)).into_iter().flatten();
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// The names that follow a mark in a text.
fn names(text: &str, mark: &str) -> BTreeSet<String> {
    let name = |rest: &str| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    text.split(mark).skip(1).map(name).filter(|name| !name.is_empty()).collect()
}

/// What an interface of the types declares.
fn members(interface: &str) -> BTreeSet<String> {
    let types = read(TYPES);
    let body =
        types.split(&format!("interface {interface} {{\n")).nth(1).expect("there is such an interface");
    let lines = body.split("\n}").next().unwrap_or_default().lines();
    let member = |line: &str| line.strip_prefix("  ")?.split(['(', ':', '?']).next().map(str::to_owned);
    lines.filter(|line| line.starts_with(' ') && !line.contains('*')).filter_map(member).collect()
}

#[test]
fn the_documentation_names_every_token_part_function_event_and_action() {
    let text = read("docs/banner.md");
    let used: BTreeSet<String> = STYLED.iter().flat_map(|path| names(&read(path), "--kruimel-")).collect();
    assert!(used.len() > 8, "{used:?}");
    assert_eq!(names(&text, "`--kruimel-"), used);

    let drawn: String = DRAWN.iter().map(|folder| all_of(folder)).collect();
    let parts = &names(&drawn, "part=") | &names(&drawn, "part: '");
    assert!(parts.contains("choice"), "{parts:?}");
    let functions = members("Kruimel");
    assert!(functions.contains("acceptCategory"), "{functions:?}");
    let events = members("Events");
    assert!(events.contains("onChange"), "{events:?}");
    let actions = names(&read("banner/src/entry.js"), "\n    'show-");
    assert!(actions.contains("preferencesModal"), "{actions:?}");

    let table = text.split("| part |").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    assert_eq!(names(table, "\n| `"), parts);

    let function = |name: &String| format!("`{name}(");
    let event = |name: &String| format!("`kruimel:{name}`");
    let action = |name: &String| format!("`show-{name}`");
    let expected =
        (functions.iter().map(function)).chain(events.iter().map(event)).chain(actions.iter().map(action));
    let missing: Vec<String> = expected.filter(|name| !text.contains(name)).collect();
    assert_eq!(missing, Vec::<String>::new());
}
