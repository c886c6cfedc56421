//! The keys of sites that have their own.
//!
//! In: the data folder, and which sites have their own (`own_keys`). Out: [`Keys::of`] a site. Invariant: what is signed for such
//! a site is signed with its own keys. A file that is made for a site which declared something before has the shared keys below
//! its own, so that what was signed with them holds. A file that was in force and is gone is no reason to make another while the
//! collector runs.

use super::{KEYS_MAX, Keys, KeysError};
use crate::declaration;
use std::path::{Path, PathBuf};

/// The file of one site's own keys in a data folder.
pub fn own_keys_path(data_dir: &Path, site: &str) -> PathBuf {
    data_dir.join(format!("keys-{site}"))
}

impl Keys {
    /// The keys of a site: its own, or those that sites share.
    pub fn of(&self, site: &str) -> &Keys {
        self.own.get(site).unwrap_or(self)
    }

    /// These, with the own keys of those sites. A file that is missing is made, unless the site's keys are among those
    /// `in_force`.
    ///
    /// # Errors
    /// [`KeysError`] of the first file that cannot be used.
    pub(crate) fn with_own<'a>(
        mut self,
        data_dir: &Path,
        sites: impl Iterator<Item = &'a str>,
        in_force: Option<&Keys>,
    ) -> Result<Keys, KeysError> {
        for site in sites {
            let path = own_keys_path(data_dir, site);
            let keys = match Keys::load(&path) {
                Err(KeysError::Missing(_)) if !in_force.is_some_and(|keys| keys.own.contains_key(site)) => {
                    let is_known = declaration::is_on_record(data_dir, site);
                    tracing::warn!(
                        site,
                        file = %path.display(),
                        holds_shared_keys = is_known,
                        "This site's own signing keys are not there and are made. If another collector or a backup has the file, stop, copy it here and start again: what was signed with it does not hold here."
                    );
                    self.make_own(&path, is_known)?
                }
                loaded => loaded?,
            };
            self.own.insert(site.to_owned(), keys);
        }
        Ok(self)
    }

    /// Makes the file with a fresh key, and below it, if asked for, these.
    fn make_own(&self, path: &Path, with_these: bool) -> Result<Keys, KeysError> {
        let mut own = Keys::generate();
        if with_these {
            own.keys.extend(self.keys.iter().take(KEYS_MAX - 1).cloned());
        }
        own.write(path).map_err(|error| KeysError::Unreachable(path.to_owned(), error))?;
        Ok(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const NOW_MS: i64 = 1_790_000_000_000;

    fn open(folder: &Path, sites: &[&str], in_force: Option<&Keys>) -> Result<Keys, KeysError> {
        let path = folder.join("keys");
        let shared = if path.exists() { Keys::load(&path)? } else { Keys::create(&path)? };
        shared.with_own(folder, sites.iter().copied(), in_force)
    }

    #[test]
    fn a_site_with_its_own_keys_signs_with_them_and_every_other_with_those_that_are_shared() {
        let folder = tempfile::tempdir().unwrap();
        let keys = open(folder.path(), &["shop"], None).unwrap();
        let id = |keys: &Keys, site: &str| keys.of(site).signing(NOW_MS).id().to_owned();
        assert_eq!(id(&keys, "town"), keys.signing(NOW_MS).id());
        assert_ne!(id(&keys, "shop"), id(&keys, "town"));
        assert!(keys.of("shop").find(&id(&keys, "town")).is_none(), "nor are the shared ones taken there");
        let again = open(folder.path(), &["shop"], Some(&keys)).unwrap();
        assert_eq!(id(&again, "shop"), id(&keys, "shop"), "they are made once");
        assert_eq!(id(&open(folder.path(), &[], None).unwrap(), "shop"), id(&keys, "town"));
    }

    #[test]
    fn what_was_signed_for_a_site_before_it_had_its_own_keys_holds() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("declarations")).unwrap();
        fs::write(folder.path().join("declarations/shop.jsonl"), "").unwrap();
        let keys = open(folder.path(), &["shop", "forum"], None).unwrap();
        let shared = keys.signing(NOW_MS).id();
        assert_ne!(keys.of("shop").signing(NOW_MS).id(), shared);
        assert!(keys.of("shop").find(shared).is_some() && keys.of("forum").find(shared).is_none());
    }

    #[test]
    fn keys_that_were_in_force_and_are_gone_are_missed_and_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let keys = open(folder.path(), &["shop"], None).unwrap();
        let path = own_keys_path(folder.path(), "shop");
        fs::remove_file(&path).unwrap();
        assert!(
            matches!(open(folder.path(), &["shop"], Some(&keys)), Err(KeysError::Missing(of)) if of == path)
        );
        assert!(open(folder.path(), &["shop", "forum"], None).is_ok(), "a start makes them");
    }
}
