//! The country that a time zone lies in: what is known of the place where the owner has no geography.
//!
//! `time_zones.txt` is made from the IANA time zone database's `zone.tab` and links, which are in the public domain; one
//! zone and its ISO 3166 country a line, sorted.

const TABLE: &str = include_str!("time_zones.txt");

/// The two-letter country of an IANA time zone.
pub(super) fn country(zone: &str) -> Option<&'static str> {
    static LINES: std::sync::LazyLock<Vec<(&str, &str)>> =
        std::sync::LazyLock::new(|| TABLE.lines().filter_map(|line| line.split_once(' ')).collect());
    let place = LINES.binary_search_by(|(name, _)| (*name).cmp(zone)).ok()?;
    Some(LINES[place].1)
}

/// Whether the IANA database has a zone of that name.
pub(crate) fn is_time_zone(name: &str) -> bool {
    country(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_lies_in_one_country() {
        assert_eq!(country("Europe/Brussels"), Some("BE"));
        assert_eq!(country("Europe/Kiev"), Some("UA"));
        assert_eq!(country("Asia/Calcutta"), Some("IN"));
        assert_eq!(country("UTC"), None);
        assert_eq!(country(""), None);
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(TABLE.lines().map(|line| line.split(' ').next()).is_sorted());
    }
}
