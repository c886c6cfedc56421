//! Keeps the owner's geography current: the file is read again when it was changed, and swapped in whole.
//!
//! Invariant: a file that is half-written or damaged changes nothing; the one before stays, and the log says so.

use crate::pipeline::{Geo, GeoError};
use arc_swap::{ArcSwapOption, Guard};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Why a geography cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeographyError {
    /// The file cannot be read.
    #[error("the geography {0} cannot be read: {1}")]
    Unreachable(PathBuf, #[source] io::Error),
    /// The file holds something else.
    #[error("{0} is {1}")]
    Damaged(PathBuf, #[source] GeoError),
}

/// The geography in use and where it came from.
pub struct Geography {
    path: Option<PathBuf>,
    read_at: Mutex<Option<SystemTime>>,
    geo: ArcSwapOption<Geo>,
}

impl Geography {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// [`GeographyError`] where the file is missing or damaged.
    pub fn open(path: Option<&Path>) -> Result<Geography, GeographyError> {
        let read_at = path.and_then(changed_at);
        let geo = path.map(read).transpose()?;
        Ok(Geography {
            path: path.map(Path::to_owned),
            read_at: Mutex::new(read_at),
            geo: ArcSwapOption::from_pointee(geo),
        })
    }

    /// The geography of this moment.
    pub fn current(&self) -> Guard<Option<Arc<Geo>>> {
        self.geo.load()
    }

    /// Reads the file again if it was changed. Blocks on the disk.
    pub fn refresh(&self) {
        let Some(path) = &self.path else { return };
        let changed = changed_at(path);
        let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        if changed.is_none() || changed == *read_at {
            return;
        }
        *read_at = changed;
        match read(path) {
            Ok(geo) => {
                self.geo.store(Some(Arc::new(geo)));
                tracing::info!("The geography was read again.");
            }
            Err(error) => {
                tracing::warn!(%error, "The changed geography cannot be used; the one before stays.");
            }
        }
    }
}

fn read(path: &Path) -> Result<Geo, GeographyError> {
    let bytes = std::fs::read(path).map_err(|error| GeographyError::Unreachable(path.to_owned(), error))?;
    Geo::new(bytes).map_err(|error| GeographyError::Damaged(path.to_owned(), error))
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{ClientIp, Place, PlaceFrom};
    use std::time::Duration;

    /// A whole database of MaxMind's format (version 2.0) in which every address lies in one country.
    fn database(country: &str, flat: bool) -> Vec<u8> {
        let text = |value: &str| [&[0x40 | value.len() as u8], value.as_bytes()].concat();
        let map = |pairs: &[(&str, Vec<u8>)]| {
            let members = pairs.iter().flat_map(|(key, value)| [text(key), value.clone()].concat());
            std::iter::once(0xe0 | pairs.len() as u8).chain(members).collect::<Vec<u8>>()
        };
        let data = if flat {
            map(&[("country_code", text(country))])
        } else {
            map(&[("country", map(&[("iso_code", text(country))]))])
        };
        // One node of two 24-bit records, both pointing past the tree and the separator to the first datum.
        let record = [0, 0, 1 + 16];
        let number = |value: u8| vec![0xa1, value];
        let metadata = map(&[
            ("node_count", vec![0xc1, 1]),
            ("record_size", number(24)),
            ("ip_version", number(4)),
            ("database_type", text("Test")),
            ("languages", vec![0x00, 0x04]),
            ("binary_format_major_version", number(2)),
            ("binary_format_minor_version", vec![0xa0]),
            ("build_epoch", vec![0x01, 0x02, 1]),
            ("description", map(&[("en", text("A test"))])),
        ]);
        [&record[..], &record, &[0; 16], &data, b"\xab\xcd\xefMaxMind.com", &metadata].concat()
    }

    fn place(geography: &Geography) -> Option<Place> {
        let address = ClientIp::new("192.0.2.7".parse().unwrap()).truncate();
        geography.current().as_ref().and_then(|geo| geo.locate(address))
    }

    #[test]
    fn both_schemas_are_read_and_a_changed_file_is_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |bytes: &[u8], second: u64| {
            std::fs::write(file.path(), bytes).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            std::fs::File::open(file.path()).unwrap().set_modified(at).unwrap();
        };
        write(&database("BE", false), 1);
        let geography = Geography::open(Some(file.path())).unwrap();
        let found = place(&geography).unwrap();
        assert_eq!((found.country.as_str(), found.from), ("BE", PlaceFrom::Address));

        write(&database("NL", true), 2);
        geography.refresh();
        assert_eq!(place(&geography).unwrap().country, "NL");

        write(b"half a file", 3);
        geography.refresh();
        assert_eq!(place(&geography).unwrap().country, "NL");
    }

    #[test]
    fn without_a_file_there_is_no_place() {
        let geography = Geography::open(None).unwrap();
        geography.refresh();
        assert_eq!(place(&geography), None);
        assert!(Geography::open(Some(Path::new("missing.mmdb"))).is_err());
    }
}
