//! Walks the tree section by section and turns values into types, collecting every error on the way.
//!
//! In: the tree of [`super::tree`]. Out: typed values; `None` where one was absent or wrong, and then the error is
//! already kept with its line. Invariant: a key that nobody asked for is an error ("did you mean …").

use super::error::{Collected, Place, Problem};
use super::tree::{Node, Table, Value};
use std::cell::RefCell;
use std::ops::RangeInclusive;

/// One table of the file, and the keys that were asked of it.
pub(super) struct Section<'a> {
    path: String,
    place: Place,
    table: &'a Table,
    errors: &'a Collected,
    known: RefCell<Vec<&'static str>>,
}

/// What the name of a key begins with that would make one answer look otherwise than the other.
const ONE_ANSWER: [&str; 10] =
    ["accept", "agree", "allow", "refuse", "reject", "deny", "hide", "primary", "secondary", "button"];
const ALIKE: &str = "Accept and refuse look alike and are both there: remove this line.";
const EQUALLY_LONG: &str = "A grant and a refusal are kept equally long: write `choice_days` for both.";

/// Keys that people write because other tools have them, and why there is none here.
const NOT_HERE: [(&str, &str); 9] = [
    ("refusal_days", EQUALLY_LONG),
    ("consent_days", EQUALLY_LONG),
    ("sliding", "A choice keeps its first end: remove this line."),
    (
        "preselected",
        "Nothing but `necessary` is ever on before the visitor switches it on: remove this line.",
    ),
    ("enabled", "Nothing but `necessary` is ever on before the visitor switches it on: remove this line."),
    ("checked", "Nothing but `necessary` is ever on before the visitor switches it on: remove this line."),
    ("wall", "The site stays readable before a choice: remove this line."),
    ("session_days", "A choice for one session ends with it, whichever it is: remove this line."),
    ("reask_days", "Nobody is asked again before `choice_days` are over: remove this line."),
];

static EMPTY: Table = Table::new();

impl<'a> Section<'a> {
    /// Reads the whole file with `read`, and then reports the keys that `read` did not ask for.
    pub(super) fn root<T>(
        table: &'a Table,
        errors: &'a Collected,
        read: impl FnOnce(&Section<'a>) -> T,
    ) -> T {
        Section::new(String::new(), Place::Line(1), table, errors).read(read)
    }

    fn new(path: String, place: Place, table: &'a Table, errors: &'a Collected) -> Self {
        Section { path, place, table, errors, known: RefCell::default() }
    }

    fn read<T>(self, read: impl FnOnce(&Section<'a>) -> T) -> T {
        let value = read(&self);
        self.report_unknown_keys();
        value
    }

    /// The value of `key`, if it is there and right.
    pub(super) fn get<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&'a Node) -> Result<T, Problem>,
    ) -> Option<T> {
        let node = self.node(key)?;
        read(node).map_err(|problem| self.errors.push(node.place.clone(), self.path_of(key), problem)).ok()
    }

    /// The value of a key that has no default.
    pub(super) fn require<T>(
        &self,
        key: &'static str,
        mend: &str,
        read: impl FnOnce(&'a Node) -> Result<T, Problem>,
    ) -> Option<T> {
        if !self.has(key) {
            self.absent(key, mend);
        }
        self.get(key, read)
    }

    /// Keeps the error that `key` is missing.
    pub(super) fn absent(&self, key: &str, mend: &str) {
        let problem = Problem::new("This key is missing.", mend);
        self.errors.push_absent(self.place.clone(), self.path_of(key), problem);
    }

    /// The items of a list; each wrong one is reported at its own line and left out. `None` if the key is absent.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&Node) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let mut values = Vec::new();
        let mut take = |item: &Node| match read(item) {
            Ok(value) => values.push(value),
            Err(problem) => self.errors.push(item.place.clone(), self.path_of(key), problem),
        };
        let node = self.node(key)?;
        match &node.value {
            Value::List(items) => items.iter().for_each(&mut take),
            Value::Variable(text) => {
                for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
                    take(&Node { place: node.place.clone(), value: Value::Variable(part.to_owned()) });
                }
            }
            other => {
                let problem = expected("a list", other, "Put the values in brackets: [\"one\", \"other\"].");
                self.errors.push(node.place.clone(), self.path_of(key), problem);
            }
        }
        Some(values)
    }

    /// The section `key`; an empty one if the file has none.
    pub(super) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Section<'a>) -> T) -> T {
        let (place, table) = match self.node(key) {
            None => (self.place.clone(), &EMPTY),
            Some(Node { place, value: Value::Table(table) }) => (place.clone(), table),
            Some(node) => {
                let problem =
                    expected("a section", &node.value, &format!("Write it as [{}].", self.path_of(key)));
                self.errors.push(node.place.clone(), self.path_of(key), problem);
                (node.place.clone(), &EMPTY)
            }
        };
        Section::new(self.path_of(key), place, table, self.errors).read(read)
    }

    /// Every `[[key]]`, in the order of the file.
    pub(super) fn sections<T>(&self, key: &'static str, mut read: impl FnMut(&Section<'a>) -> T) -> Vec<T> {
        let path = self.path_of(key);
        let mend = format!("Write each one as [[{path}]].");
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.errors.push(node.place.clone(), path, expected("a list of tables", &node.value, &mend));
            return Vec::new();
        };
        let mut values = Vec::new();
        for item in items {
            match &item.value {
                Value::Table(table) => {
                    let section = Section::new(path.clone(), item.place.clone(), table, self.errors);
                    values.push(section.read(&mut read));
                }
                other => {
                    self.errors.push(item.place.clone(), path.clone(), expected("a table", other, &mend));
                }
            }
        }
        values
    }

    /// Where `key` stands, or the head of this section if it is absent.
    pub(super) fn place(&self, key: &str) -> Place {
        self.table.get(key).map_or_else(|| self.place.clone(), |node| node.place.clone())
    }

    /// Keeps an error about `key`.
    pub(super) fn wrong(&self, key: &str, problem: Problem) {
        self.errors.push(self.place(key), self.path_of(key), problem);
    }

    /// Whether the file has `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether the file has nothing under `key`, or an empty list. Wrong items count: they are reported as such.
    pub(super) fn lists_nothing(&self, key: &str) -> bool {
        match self.table.get(key).map(|node| &node.value) {
            None => true,
            Some(Value::List(items)) => items.is_empty(),
            Some(Value::Variable(text)) => text.trim().is_empty(),
            Some(_) => false,
        }
    }

    fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Why a key that nobody asked for cannot be there at all.
    fn unlawful(&self, key: &str) -> Option<&'static str> {
        let of_one_answer = || ONE_ANSWER.iter().any(|begins| key.starts_with(begins));
        let looks = || matches!(self.path.as_str(), "site" | "site.theme") && of_one_answer();
        let not_here = NOT_HERE.iter().find(|(name, _)| *name == key).map(|(_, mend)| *mend);
        let said = if key.ends_with("_days") { EQUALLY_LONG } else { ALIKE };
        not_here.or_else(|| looks().then_some(said))
    }

    fn report_unknown_keys(&self) {
        let mut known = self.known.borrow().clone();
        known.sort_unstable();
        known.dedup();
        for (key, node) in self.table.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            let unlawful = self.unlawful(key).map(str::to_owned);
            let mend = unlawful.unwrap_or_else(|| {
                nearest(key, known.iter().copied())
                    .unwrap_or_else(|| format!("The keys here are {}.", known.join(", ")))
            });
            self.errors.push(
                node.place.clone(),
                self.path_of(key),
                Problem::new("There is no such key.", mend),
            );
        }
    }
}

impl Node {
    /// A text. An empty one is an error: leave the key out instead.
    pub(super) fn text(&self) -> Result<&str, Problem> {
        match &self.value {
            Value::Text(text) | Value::Variable(text) if text.trim().is_empty() => {
                Err(Problem::new("The text is empty.", "Write a text, or remove the line."))
            }
            Value::Text(text) | Value::Variable(text) => Ok(text.trim()),
            other => Err(expected("a text", other, "Put it in double quotes.")),
        }
    }

    /// A whole number within `range`.
    pub(super) fn number(&self, range: RangeInclusive<u64>) -> Result<u64, Problem> {
        let mend = format!("Write a whole number from {} to {}.", range.start(), range.end());
        let number = match &self.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Variable(text) => text.trim().parse().ok(),
            other => return Err(expected("a number", other, &mend)),
        };
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| Problem::new("The number is out of bounds.", mend))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool, Problem> {
        match &self.value {
            Value::Boolean(value) => Ok(*value),
            Value::Variable(text) if text == "true" => Ok(true),
            Value::Variable(text) if text == "false" => Ok(false),
            other => Err(expected("true or false", other, "Write true or false, without quotes.")),
        }
    }
}

pub(super) fn expected(what: &str, found: &Value, mend: &str) -> Problem {
    let found = match found {
        Value::Text(_) | Value::Variable(_) => "a text",
        Value::Integer(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::List(_) => "a list",
        Value::Table(_) => "a table",
        Value::Other(name) => name,
    };
    Problem::new(format!("Expected {what}, found {found}."), mend)
}

/// "Did you mean …", if one of `names` is close enough to be a slip of the hand.
pub(super) fn nearest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let close = |name: &&str| distance(wrong, name) <= 2.max(name.len() / 3);
    let best = names.filter(close).min_by_key(|name| distance(wrong, name))?;
    Some(format!("Did you mean `{best}`?"))
}

/// Levenshtein's distance: how many letters must be put in, taken out or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
