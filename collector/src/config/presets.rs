//! Presets: well-known services that an owner declares in one line, `preset = "youtube"`.
//!
//! In: the config's tree, before it is read. Out: the same tree, in which every `[[site.service]]` with a `preset` has
//! the preset's keys where the owner gave none; a provider that a preset leaves open (software on one's own server) is
//! the site's controller. Invariants: a service that a preset knows to be for analytics or advertising is never
//! `necessary`, also where it is written out under the preset's id; what the owner wrote stays, and what a preset fills in is read and checked like
//! any other line, errors at the line of `preset`.
//!
//! A preset is a start, not a guarantee. Vendors change names and durations without notice, and much depends on
//! settings: owners must compare each with what the service stores on their own pages. `presets.toml` says of each where
//! its facts are from, and which could not be confirmed.

use super::error::{Collected, Place, Problem};
use super::language::Language;
use super::reader::nearest;
use super::tree::{self, Node, Table, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use wire::Category;

/// Every preset by its name, as the table that an owner would have written.
static PRESETS: LazyLock<BTreeMap<String, Table>> = LazyLock::new(|| read(include_str!("presets.toml")));

macro_rules! texts {
    ($($code:literal)*) => { [$(($code, include_str!(concat!("presets/texts/", $code, ".toml")))),*] };
}

/// What services and cookies of presets are for, by the language's code.
const TEXTS: [(&str, &str); Language::ALL.len()] = texts!(
    "ar" "bg" "cs" "da" "de" "el" "en" "es" "et" "fi" "fr" "ga" "he" "hr" "hu"
    "is" "it" "lt" "lv" "mt" "nb" "nl" "pl" "pt" "ro" "sk" "sl" "sv" "tr" "uk"
);

/// What a preset can be for that is never necessary.
const OPTIONAL: [Category; 2] = [Category::Analytics, Category::Advertising];

/// Fills in every service that names a preset. One whose preset does not exist is reported and taken out: what else
/// would be wrong with it depends on the preset that was meant.
pub(super) fn fill_in(root: &mut Table, errors: &Collected) {
    for site in tables(root, "site") {
        let controller = site.get("controller").and_then(|node| node.text().ok()).map(str::to_owned);
        let Some(services) = list(site, "service") else { continue };
        services.retain_mut(|service| {
            let Some(service) = as_table(service) else { return true };
            fill_in_service(service, controller.as_deref())
                .map_err(|(place, key, problem)| errors.push(place, format!("site.service.{key}"), problem))
                .is_ok()
        });
    }
}

/// Where something is wrong with a service, in which key, and what.
type Wrong = (Place, &'static str, Problem);

fn fill_in_service(service: &mut Table, controller: Option<&str>) -> Result<(), Wrong> {
    let Some(node) = service.get("preset") else {
        let preset = service.get("id").and_then(|id| PRESETS.get(id.text().ok()?));
        return preset.map_or(Ok(()), |preset| check_category(service, preset));
    };
    let place = node.place.clone();
    let preset = node.text().and_then(named).map_err(|problem| (place.clone(), "preset", problem))?;
    check_category(service, preset)?;
    for (key, default) in preset {
        service.entry(key.clone()).or_insert_with(|| placed(default, &place));
    }
    if let (false, Some(controller)) = (service.contains_key("provider"), controller) {
        let value = Value::Text(controller.to_owned());
        service.insert("provider".to_owned(), Node { place, value });
    }
    Ok(())
}

/// What measures or advertises is not necessary for what a visitor asked for (ePrivacy directive, article 5(3)).
fn check_category(service: &Table, preset: &Table) -> Result<(), Wrong> {
    let of = |table: &'_ Table| table.get("category").and_then(|node| node.text().ok()).map(str::to_owned);
    let own = of(preset).filter(|own| OPTIONAL.iter().any(|optional| optional.name() == own));
    match (service.get("category"), own) {
        (Some(node), Some(own)) if node.text() == Ok(Category::Necessary.name()) => {
            let id = preset.get("id").and_then(|id| id.text().ok()).unwrap_or_default();
            let wrong = format!("\"{id}\" is for {own}, which needs consent.");
            Err((node.place.clone(), "category", Problem::new(wrong, format!("Write \"{own}\"."))))
        }
        _ => Ok(()),
    }
}

fn named(name: &str) -> Result<&'static Table, Problem> {
    PRESETS.get(name).ok_or_else(|| {
        let names = || PRESETS.keys().map(String::as_str);
        let mend = nearest(name, names())
            .unwrap_or_else(|| format!("Choose from {}.", names().collect::<Vec<_>>().join(", ")));
        Problem::new(format!("There is no preset \"{name}\"."), mend)
    })
}

/// A copy of a preset's value that stands where the owner named the preset.
fn placed(node: &Node, place: &Place) -> Node {
    let value = match &node.value {
        Value::List(items) => Value::List(items.iter().map(|item| placed(item, place)).collect()),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(key, inner)| (key.clone(), placed(inner, place))).collect())
        }
        other => other.clone(),
    };
    Node { place: place.clone(), value }
}

/// Reads the file of presets: gives each its id, and puts the texts that its purposes name in their place.
fn read(text: &str) -> BTreeMap<String, Table> {
    let (root, _) = tree::parse(text, &Collected::default());
    let texts = read_texts();
    let preset = |(name, node): (String, Node)| {
        let id = Node { place: node.place.clone(), value: Value::Text(name.clone()) };
        let mut table = into_table(node)?;
        table.insert("id".to_owned(), id);
        translate(&mut table, &texts);
        tables(&mut table, "cookies").for_each(|cookie| translate(cookie, &texts));
        Some((name, table))
    };
    root.into_iter().filter_map(preset).collect()
}

/// Every text by its name, as the table of languages that an owner would have written.
fn read_texts() -> BTreeMap<String, Table> {
    let mut texts: BTreeMap<String, Table> = BTreeMap::new();
    for (code, file) in TEXTS {
        let (table, _) = tree::parse(file, &Collected::default());
        for (name, text) in table {
            texts.entry(name).or_default().insert(code.to_owned(), text);
        }
    }
    texts
}

fn translate(table: &mut Table, texts: &BTreeMap<String, Table>) {
    let Some(purpose) = table.get_mut("purpose") else { return };
    let text = purpose.text().ok().and_then(|name| texts.get(name)).cloned();
    if let Some(text) = text {
        purpose.value = Value::Table(text);
    }
}

/// The list behind `key`, if there is one.
fn list<'t>(table: &'t mut Table, key: &str) -> Option<&'t mut Vec<Node>> {
    match &mut table.get_mut(key)?.value {
        Value::List(items) => Some(items),
        _ => None,
    }
}

/// The tables of the list behind `key`.
fn tables<'t>(table: &'t mut Table, key: &str) -> impl Iterator<Item = &'t mut Table> {
    list(table, key).into_iter().flatten().filter_map(as_table)
}

fn as_table(node: &mut Node) -> Option<&mut Table> {
    match &mut node.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

fn into_table(node: Node) -> Option<Table> {
    match node.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
