//! The keys of sites that have their own.
//!
//! In: the data folder, and which sites have their own (`own_keys`). Out: [`Keys::of`] a site. Invariant: such a site knows the keys
//! of its own file alone. A file that is made for a site which declared something before has the shared keys below its own,
//! which waits for a day: what was signed holds, and there is time to copy the file to other collectors. A file that was in
//! force and is gone is no reason to make another while the collector runs.

use super::{Keys, KeysError};
use crate::config::Site;
use crate::declaration;
use std::path::{Path, PathBuf};

/// How long the first key of its own waits at a site that was served before, in milliseconds: a day, as that of a rotation.
const WAIT_MS: i64 = 24 * 3_600_000;

/// The file of one site's own keys in a data folder.
pub fn own_keys_path(data_dir: &Path, site: &str) -> PathBuf {
    data_dir.join(format!("keys-{site}"))
}

impl Keys {
    /// The keys of a site: its own, or those that sites share.
    pub fn of(&self, site: &str) -> &Keys {
        self.own.get(site).unwrap_or(self)
    }

    /// These, with the own keys of those sites that have them. A file that is missing is made, unless the site's keys are
    /// among those `in_force`.
    ///
    /// # Errors
    /// [`KeysError`] of the first file that cannot be used.
    pub(crate) fn with_own(
        mut self,
        data_dir: &Path,
        sites: &[Site],
        in_force: Option<&Keys>,
    ) -> Result<Keys, KeysError> {
        for site in sites {
            let (id, path) = (site.id.as_str(), own_keys_path(data_dir, site.id.as_str()));
            if site.own_keys {
                let was_in_force = in_force.is_some_and(|keys| keys.own.contains_key(id));
                let keys = match Keys::load(&path) {
                    Err(KeysError::Missing(_)) if !was_in_force => self.make_own(data_dir, id, &path)?,
                    loaded => loaded?,
                };
                self.own.insert(id.to_owned(), keys);
            } else if path.exists() {
                tracing::warn!(
                    site = id,
                    file = %path.display(),
                    "This site has keys of its own that it does not use: what was signed with them does not hold. own_keys = true uses them; remove the file if that is meant."
                );
            }
        }
        Ok(self)
    }

    /// Makes the file with a fresh key; where the site was served before, below it these, which sign until its time has come.
    fn make_own(&self, data_dir: &Path, site: &str, path: &Path) -> Result<Keys, KeysError> {
        let is_known = declaration::is_on_record(data_dir, site);
        tracing::warn!(
            site,
            file = %path.display(),
            holds_shared_keys = is_known,
            "Signing keys are made for this site. If another collector or a backup has the file, copy it here and start again: what was signed with it does not hold yet."
        );
        let mut own = Keys::generate();
        if is_known {
            own.keys.clone_from(&self.keys);
            let now_ms = crate::now_ms();
            own.rotate(now_ms, Some(now_ms + WAIT_MS));
        }
        own.write(path).map_err(|error| KeysError::Unreachable(path.to_owned(), error))?;
        Ok(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, SiteId};
    use std::fs;

    const NOW_MS: i64 = 1_790_000_000_000;

    /// Sites of these ids, of which those after a `+` have their own keys.
    fn open(folder: &Path, sites: &[&str], in_force: Option<&Keys>) -> Result<Keys, KeysError> {
        let address = "127.0.0.1:0".parse().unwrap();
        let site = Config::demo(folder.to_owned(), address, address).sites.remove(0);
        let with = |text: &&str| {
            let id = SiteId::parse(text.trim_start_matches('+')).unwrap();
            Site { id, own_keys: text.starts_with('+'), ..site.clone() }
        };
        let sites: Vec<Site> = sites.iter().map(with).collect();
        let path = folder.join("keys");
        let shared = if path.exists() { Keys::load(&path)? } else { Keys::create(&path)? };
        shared.with_own(folder, &sites, in_force)
    }

    fn id(keys: &Keys, site: &str, now_ms: i64) -> String {
        keys.of(site).signing(now_ms).id().to_owned()
    }

    #[test]
    fn a_site_with_its_own_keys_signs_with_them_and_every_other_with_those_that_are_shared() {
        let folder = tempfile::tempdir().unwrap();
        let keys = open(folder.path(), &["town", "+shop"], None).unwrap();
        let id = |keys: &Keys, site: &str| id(keys, site, NOW_MS);
        assert_eq!(id(&keys, "town"), keys.signing(NOW_MS).id());
        assert_ne!(id(&keys, "shop"), id(&keys, "town"));
        assert!(keys.of("shop").find(&id(&keys, "town")).is_none(), "nor are the shared ones taken there");
        let again = open(folder.path(), &["town", "+shop"], Some(&keys)).unwrap();
        assert_eq!(id(&again, "shop"), id(&keys, "shop"), "they are made once");
        assert_eq!(id(&open(folder.path(), &["shop"], None).unwrap(), "shop"), id(&keys, "town"));
    }

    #[test]
    fn of_a_site_that_was_served_before_what_was_signed_holds_and_its_own_key_waits_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("declarations")).unwrap();
        fs::write(folder.path().join("declarations/shop.jsonl"), "").unwrap();
        let keys = open(folder.path(), &["+shop", "+forum"], None).unwrap();
        let (now_ms, shared) = (crate::now_ms(), keys.signing(NOW_MS).id());
        assert_eq!(id(&keys, "shop", now_ms + WAIT_MS / 2), shared);
        assert_ne!(id(&keys, "shop", now_ms + WAIT_MS), shared);
        assert!(keys.of("shop").find(shared).is_some() && keys.of("forum").find(shared).is_none());
    }

    #[test]
    fn keys_that_were_in_force_and_are_gone_are_missed_and_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let keys = open(folder.path(), &["+shop"], None).unwrap();
        let path = own_keys_path(folder.path(), "shop");
        fs::remove_file(&path).unwrap();
        let missed = open(folder.path(), &["+shop"], Some(&keys));
        assert!(matches!(missed, Err(KeysError::Missing(of)) if of == path));
        assert!(open(folder.path(), &["+shop", "+forum"], None).is_ok(), "a start makes them");
    }
}
