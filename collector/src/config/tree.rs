//! The config as a tree whose every value knows where it stands.
//!
//! In: the text of the TOML file and the environment's variables. Out: a tree of [`Node`]s in which the variables have
//! replaced what the file says. `KRUIMEL_LISTEN__PUBLIC` is the key `listen.public`; a number is a place in a list, so
//! `KRUIMEL_SITE__0__NAME` is the name of the first site. Invariant: no variable is dropped quietly if it was meant
//! for the config.

use super::error::{Collected, Place, Problem};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of the file, its keys in alphabetical order.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What can stand behind a key.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Table),
    /// The text of an environment variable, whose type is what the key expects.
    Variable(String),
    /// A type that no key of ours has, by its name.
    Other(&'static str),
}

/// Top-level keys that are values, and sections: what a variable's first part can be.
const VALUES: [&str; 1] = ["data_dir"];
const SECTIONS: [&str; 5] = ["listen", "store", "spool", "geo", "site"];
const VARIABLE_PREFIX: &str = "KRUIMEL_";

/// Reads the file's text. Lines that are not TOML are reported and returned; the rest of the file is read all the same.
pub(super) fn parse(text: &str, errors: &Collected) -> (Table, Vec<usize>) {
    let (document, faults) = DeTable::parse_recoverable(text);
    let mut unreadable_lines = Vec::new();
    for fault in faults {
        let line = line_of(text, fault.span().map_or(0, |span| span.start));
        unreadable_lines.push(line);
        let wrong = format!("This is not TOML: {}.", fault.message());
        let mend = "Write `key = value`, with texts in double quotes, lists in [ ] and every key once.";
        errors.push(Place::Line(line), "", Problem::new(wrong, mend));
    }
    (table(text, document.get_ref()), unreadable_lines)
}

/// Puts the environment's variables into the tree.
pub(super) fn override_with(
    root: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
    errors: &Collected,
) {
    let variables: BTreeMap<_, _> = variables.collect();
    for (name, value) in variables {
        let Some(path) = name.strip_prefix(VARIABLE_PREFIX).map(str::to_ascii_lowercase) else { continue };
        if !path.contains("__") && !VALUES.contains(&path.as_str()) {
            report_single_underscore(&name, &path, errors);
            continue;
        }
        let segments: Vec<&str> = path.split("__").collect();
        if let Err(problem) = insert(root, &segments, &name, value) {
            errors.push(Place::Variable(name), segments.join("."), problem);
        }
    }
}

/// `KRUIMEL_LOG` is none of ours, but `KRUIMEL_LISTEN_PUBLIC` is a slip that must not pass in silence.
fn report_single_underscore(name: &str, path: &str, errors: &Collected) {
    let meant = SECTIONS
        .iter()
        .find_map(|section| path.strip_prefix(section)?.strip_prefix('_').map(|key| (section, key)));
    if let Some((section, key)) = meant {
        let mend = format!("Name it {VARIABLE_PREFIX}{}__{}.", section.to_uppercase(), key.to_uppercase());
        let problem = Problem::new("Section and key are joined by one underscore.", mend);
        errors.push(Place::Variable(name.to_owned()), format!("{section}.{key}"), problem);
    }
}

fn insert(table: &mut Table, segments: &[&str], name: &str, value: String) -> Result<(), Problem> {
    let place = || Place::Variable(name.to_owned());
    match segments {
        [] => Ok(()),
        [last] => {
            table.insert((*last).to_owned(), Node { place: place(), value: Value::Variable(value) });
            Ok(())
        }
        [first, rest @ ..] => {
            let empty = || Node { place: place(), value: Value::Table(Table::new()) };
            let node = table.entry((*first).to_owned()).or_insert_with(empty);
            match &mut node.value {
                Value::Table(inner) => insert(inner, rest, name, value),
                Value::List(items) => insert_into_list(items, rest, name, value),
                _ => Err(Problem::new(
                    format!("`{first}` is a value and has no key `{}`.", rest.join(".")),
                    "Name the key as the file does.",
                )),
            }
        }
    }
}

fn insert_into_list(items: &mut [Node], segments: &[&str], name: &str, value: String) -> Result<(), Problem> {
    let length = items.len();
    let item = segments[0].parse::<usize>().ok().and_then(|index| items.get_mut(index));
    match (item, &segments[1..]) {
        (Some(Node { value: Value::Table(inner), .. }), rest) if !rest.is_empty() => {
            insert(inner, rest, name, value)
        }
        _ => Err(Problem::new(
            format!("`{}` is not a place in this list of {length}.", segments[0]),
            "Count the [[tables]] of the file from 0, as in KRUIMEL_SITE__0__NAME.",
        )),
    }
}

fn table(text: &str, table: &DeTable<'_>) -> Table {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        let mut node = node(text, value);
        if !matches!(node.value, Value::Table(_)) {
            node.place = Place::Line(line_of(text, key.span().start));
        }
        (key.get_ref().to_string(), node)
    };
    table.iter().map(entry).collect()
}

fn node(text: &str, value: &Spanned<DeValue<'_>>) -> Node {
    let place = Place::Line(line_of(text, value.span().start));
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("too large a number"), Value::Integer),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(text, item)).collect()),
        DeValue::Table(inner) => Value::Table(table(text, inner)),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
    };
    Node { place, value }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}
