//! Which visits are counted: those that match every condition. Clicking a row adds one, a chip's cross removes it.
//!
//! In: names and values from the address. Out: SQL to append to `queries/visits.sql`, and the values to bind to it.
//! The text comes from closed lists; a value only ever travels as a bound parameter.

use crate::dimension::Dimension;

/// Most conditions at once: one for each dimension.
pub const CONDITIONS_MAX: usize = Dimension::ALL.len();
/// Longest value, as long as the longest stored path.
pub const VALUE_BYTES_MAX: usize = 1_024;

/// Conditions on whole visits, at most one for each dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<(Dimension, String)>);

impl Filter {
    /// Adds a condition, in place of an earlier one on the same dimension. False, and nothing is changed, if the value is
    /// longer than any stored one.
    #[must_use]
    pub fn set(&mut self, dimension: Dimension, value: &str) -> bool {
        if value.len() > VALUE_BYTES_MAX {
            return false;
        }
        self.clear(dimension);
        self.0.push((dimension, value.to_owned()));
        true
    }

    /// Removes the condition on a dimension.
    pub fn clear(&mut self, dimension: Dimension) {
        self.0.retain(|(other, _)| *other != dimension);
    }

    /// Whether every visit is counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The conditions, in the order they were made.
    pub fn conditions(&self) -> impl Iterator<Item = (Dimension, &str)> {
        self.0.iter().map(|(dimension, value)| (*dimension, value.as_str()))
    }

    /// What is appended to the `HAVING` of `queries/visits.sql`.
    pub fn having(&self) -> String {
        self.0.iter().map(|(dimension, _)| having(*dimension)).collect()
    }

    /// The name of the parameter that holds a dimension's value.
    pub fn parameter(dimension: Dimension) -> String {
        format!("filter_{}", dimension.name())
    }
}

fn having(dimension: Dimension) -> String {
    let parameter = Filter::parameter(dimension);
    match dimension {
        Dimension::Page => format!(
            "  AND countIf(e.kind = 'view' AND e.path = {{{parameter}:String}}\n    \
                 AND e.ts >= fromUnixTimestamp64Milli({{start:Int64}}, 'UTC')\n    \
                 AND e.ts < fromUnixTimestamp64Milli({{end:Int64}}, 'UTC')) > 0\n"
        ),
        _ => format!("  AND {} = {{{parameter}:String}}\n", dimension.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_never_becomes_sql() {
        let mut filter = Filter::default();
        assert!(filter.set(Dimension::Source, "' OR 1 = 1 --"));
        assert_eq!(filter.having(), "  AND source = {filter_source:String}\n");
    }

    #[test]
    fn a_later_condition_replaces_an_earlier_one() {
        let mut filter = Filter::default();
        assert!(filter.set(Dimension::Source, "Google"));
        assert!(filter.set(Dimension::Page, "/"));
        assert!(filter.set(Dimension::Source, "Bing"));
        let found: Vec<_> = filter.conditions().collect();
        assert_eq!(found, [(Dimension::Page, "/"), (Dimension::Source, "Bing")]);
        filter.clear(Dimension::Page);
        filter.clear(Dimension::Source);
        assert!(filter.is_empty());
    }

    #[test]
    fn a_value_that_no_row_can_hold_is_refused() {
        let mut filter = Filter::default();
        assert!(!filter.set(Dimension::Page, &"x".repeat(VALUE_BYTES_MAX + 1)));
        assert!(filter.is_empty());
    }
}
