//! What is wrong with a config file, said so that its owner can mend it.
//!
//! In: problems found by the reader and the checks. Out: one line per problem, in the order of the file:
//! `kruimel.toml:12: site.hosts: "exa mple" is not a host name. Mend: …`. Invariant: no line repeats a secret's value.

use std::cell::RefCell;
use std::fmt::{self, Write};

/// Where a value stands: a line of the file, or an environment variable that overrides it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line of the config file, counted from 1.
    Line(usize),
    /// The name of an environment variable.
    Variable(String),
}

/// One thing that is wrong, without its place: what a check returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// A sentence that says what is wrong.
    pub(super) wrong: String,
    /// A sentence that says what to write instead.
    pub(super) mend: String,
}

impl Problem {
    pub(super) fn new(wrong: impl Into<String>, mend: impl Into<String>) -> Self {
        Problem { wrong: wrong.into(), mend: mend.into() }
    }
}

/// One thing that is wrong in a config, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it stands.
    pub place: Place,
    /// The path of the key, such as `site.hosts`; empty if the file as a whole cannot be read.
    pub key: String,
    /// What is wrong, a sentence.
    pub wrong: String,
    /// What to write instead, a sentence.
    pub mend: String,
    /// The key is absent, which may follow from a line that could not be read.
    pub(super) absent: bool,
}

/// Everything that is wrong in a config. `Display` writes one line per error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    file_name: String,
    /// The errors, in the order of the file's lines; those of environment variables come last.
    pub errors: Vec<ConfigError>,
}

impl ConfigErrors {
    pub(super) fn new(file_name: &str, mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by(|one, other| one.place.cmp(&other.place));
        ConfigErrors { file_name: file_name.to_owned(), errors }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            match &error.place {
                Place::Line(line) => write!(out, "{}:{line}: ", self.file_name)?,
                Place::Variable(name) => write!(out, "{name}: ")?,
            }
            if !error.key.is_empty() {
                write_in_line(out, &error.key)?;
                out.write_str(": ")?;
            }
            write_in_line(out, &error.wrong)?;
            out.write_str(" Mend: ")?;
            write_in_line(out, &error.mend)?;
        }
        Ok(())
    }
}

/// Writes a text that may repeat what stands in the file: what would end the line, or steer a terminal, as its escape.
fn write_in_line(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|character| match character.is_control() {
        true => write!(out, "{}", character.escape_default()),
        false => out.write_char(character),
    })
}

impl std::error::Error for ConfigErrors {}

/// The errors found so far; shared by all that read one file, so that nothing stops at the first.
#[derive(Default)]
pub(super) struct Collected(RefCell<Vec<ConfigError>>);

impl Collected {
    pub(super) fn push(&self, place: Place, key: impl Into<String>, problem: Problem) {
        let Problem { wrong, mend } = problem;
        self.0.borrow_mut().push(ConfigError { place, key: key.into(), wrong, mend, absent: false });
    }

    pub(super) fn push_absent(&self, place: Place, key: impl Into<String>, problem: Problem) {
        let Problem { wrong, mend } = problem;
        self.0.borrow_mut().push(ConfigError { place, key: key.into(), wrong, mend, absent: true });
    }

    /// Takes out what only follows from lines that could not be read: their values, and keys said to be missing.
    pub(super) fn into_errors(self, unreadable_lines: &[usize]) -> Vec<ConfigError> {
        let follows = |error: &ConfigError| match error.place {
            _ if unreadable_lines.is_empty() || error.key.is_empty() => false,
            Place::Line(line) => error.absent || unreadable_lines.contains(&line),
            Place::Variable(_) => error.absent,
        };
        self.0.into_inner().into_iter().filter(|error| !follows(error)).collect()
    }
}
