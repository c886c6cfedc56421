//! Where a visit comes from: the owner's `.mmdb` asked with a truncated address, otherwise the browser's time zone.

use super::{TruncatedIp, time_zone};
use maxminddb::{Reader, path};
use wire::limits::TIME_ZONE_BYTES_MAX;

/// An opened geography, in MaxMind's schema or with a flat `country_code`.
pub struct Geo(Reader<Vec<u8>>);

/// Why a geography cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("not a geography that can be read: {0}")]
pub struct GeoError(String);

/// A place as coarse as it is known. Empty texts where it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// ISO 3166-1, two letters.
    pub country: String,
    /// ISO 3166-2, such as `BE-VAN`.
    pub region: String,
    /// The English name.
    pub city: String,
    /// What told.
    pub from: PlaceFrom,
}

/// What told the place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaceFrom {
    /// Nothing did.
    #[default]
    Unknown,
    /// The truncated address.
    Address,
    /// The browser's time zone.
    TimeZone,
}

impl PlaceFrom {
    /// The value of the column `place_from`.
    pub const fn name(self) -> &'static str {
        match self {
            PlaceFrom::Unknown => "",
            PlaceFrom::Address => "address",
            PlaceFrom::TimeZone => "time_zone",
        }
    }
}

impl Geo {
    /// Takes the bytes of a geography and checks their structure.
    ///
    /// # Errors
    /// [`GeoError`] where they are damaged.
    pub fn new(bytes: Vec<u8>) -> Result<Geo, GeoError> {
        let reader = Reader::from_source(bytes).map_err(|error| GeoError(error.to_string()))?;
        reader.verify().map_err(|error| GeoError(error.to_string()))?;
        Ok(Geo(reader))
    }

    /// The place of a truncated address, if the geography knows its country.
    pub fn locate(&self, address: TruncatedIp) -> Option<Place> {
        let found = self.0.lookup(address.address()).ok()?;
        let text = |steps: &[maxminddb::PathElement<'_>]| found.decode_path::<String>(steps).ok().flatten();
        let country = text(&path!["country", "iso_code"])
            .or_else(|| text(&path!["country_code"]))
            .filter(|code| code.len() == 2)?;
        let region = text(&path!["subdivisions", 0, "iso_code"]).map(|code| format!("{country}-{code}"));
        let city = text(&path!["city", "names", "en"]);
        Some(Place {
            region: region.unwrap_or_default(),
            city: city.unwrap_or_default(),
            country,
            from: PlaceFrom::Address,
        })
    }
}

/// The place by address, or the country by time zone, or nothing.
pub(super) fn place(geo: Option<&Geo>, address: TruncatedIp, zone: &str) -> Place {
    let by_address = geo.and_then(|geo| geo.locate(address));
    let by_zone = || {
        let known = (zone.len() <= TIME_ZONE_BYTES_MAX).then(|| time_zone::country(zone)).flatten()?;
        Some(Place { country: known.to_owned(), from: PlaceFrom::TimeZone, ..Place::default() })
    };
    by_address.or_else(by_zone).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::ClientIp;

    #[test]
    fn without_a_geography_the_time_zone_tells_the_country() {
        let address = || ClientIp::new("192.0.2.1".parse().unwrap()).truncate();
        let place = super::place(None, address(), "Europe/Brussels");
        assert_eq!((place.country.as_str(), place.from), ("BE", PlaceFrom::TimeZone));
        assert_eq!(super::place(None, address(), "Mars/Olympus"), Place::default());
    }

    #[test]
    fn a_file_that_is_no_geography_is_refused_in_a_sentence() {
        let error = Geo::new(b"not a database".to_vec()).err().unwrap().to_string();
        assert!(error.contains("not a geography"), "{error}");
    }
}
