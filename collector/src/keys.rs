//! The keys that receipts, visitor cookies and form tokens are signed with.
//!
//! A text file that only its owner may read, one key a line as `id secret` in hexadecimal digits, the newest first, and
//! behind that the time from which it signs (`2026-11-29T14:00:00Z`) where it does not at once. It is made on first start;
//! [`rotate_file`] puts a further key on top, and the older ones still verify. Several collectors share one copy of the
//! file. Invariant: every key of the file verifies as soon as it is read, also one whose time to sign has not come, so
//! that all collectors know it before one signs with it.
//!
//! One file serves every site, and what is signed names its site. A site with `own_keys` has a file of its own instead
//! (`own`): with that site it can go to whoever runs it next, or be changed after a leak, and no other site notices.

mod own;

use crate::receipt::timestamp;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

pub use own::own_keys_path;

const SECRET_BYTES: usize = 32;
/// Random numbers that are fetched from the operating system at once.
const NUMBERS_AT_A_TIME: usize = 64;
/// Keys that are kept; the oldest leaves when a further one comes, unless it signs. Receipts live at most 13 months.
pub const KEYS_MAX: usize = 16;

/// One signing key.
#[derive(Clone)]
pub struct Key {
    id: String,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
    /// HMAC-SHA256 that has taken in the secret: half of what a short message costs.
    mac: Hmac<Sha256>,
    /// In milliseconds since 1970; none where it signs at once.
    signs_from_ms: Option<i64>,
}

/// The keys, the newest first; never empty.
#[derive(Clone)]
pub struct Keys {
    keys: Vec<Key>,
    /// Those of sites that have their own.
    own: HashMap<String, Keys>,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Others than the owner could read or write the file.
    #[error("{0} can be read by others than its owner. Run `chmod 600` on it and rotate the key.")]
    Exposed(PathBuf),
    /// The file is not what this module writes.
    #[error(
        "{0}, line {1}: a key is sixteen and sixty-four hexadecimal digits, and the time from which it signs where that is not at once. Restore the file from a backup."
    )]
    Malformed(PathBuf, usize),
    /// The file is not there.
    #[error(
        "{0} is not there. Restore it from a backup, or copy that of another collector: under another key no consent that was given holds any more. Only a start makes it."
    )]
    Missing(PathBuf),
    /// The file cannot be read or written.
    #[error("{0} cannot be read or written: {1}.")]
    Unreachable(PathBuf, #[source] io::Error),
}

impl Key {
    fn generate(signs_from_ms: Option<i64>) -> Key {
        Key::new(format!("{:016x}", random_u64()), Zeroizing::new(random_bytes()), signs_from_ms)
    }

    fn new(id: String, secret: Zeroizing<[u8; SECRET_BYTES]>, signs_from_ms: Option<i64>) -> Key {
        let mac = Hmac::new_from_slice(&*secret).expect("HMAC takes a key of any length");
        Key { id, secret, mac, signs_from_ms }
    }

    /// Whether its time to sign has come.
    fn signs(&self, now_ms: i64) -> bool {
        self.signs_from_ms.is_none_or(|from_ms| from_ms <= now_ms)
    }

    /// The public name that a receipt carries.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// HMAC-SHA256 with this key (RFC 2104), over nothing yet.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        self.mac.clone()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key({})", self.id)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(&self.keys).finish()
    }
}

impl Keys {
    /// These, of which there is one at least.
    fn holding(keys: Vec<Key>) -> Keys {
        Keys { keys, own: HashMap::new() }
    }

    /// One fresh key.
    pub fn generate() -> Keys {
        Keys::holding(vec![Key::generate(None)])
    }

    /// Puts a fresh key on top, which signs from that time on, in milliseconds since 1970; at once without one. Where there
    /// are [`KEYS_MAX`] the oldest leaves; but if that one signs at `now_ms`, one that waits leaves instead, with which nobody
    /// has signed anything.
    pub fn rotate(&mut self, now_ms: i64, signs_from_ms: Option<i64>) {
        let fresh = Key::generate(signs_from_ms);
        if self.keys.len() >= KEYS_MAX {
            let only_the_oldest_signs =
                !self.keys[..KEYS_MAX - 1].iter().chain([&fresh]).any(|key| key.signs(now_ms));
            if only_the_oldest_signs {
                self.keys.remove(0);
            }
            self.keys.truncate(KEYS_MAX - 1);
        }
        self.keys.insert(0, fresh);
    }

    /// The key that signs at this time: the newest whose time has come, and the oldest where none has.
    pub fn signing(&self, now_ms: i64) -> &Key {
        let signing = self.keys.iter().find(|key| key.signs(now_ms));
        signing.unwrap_or(&self.keys[self.keys.len() - 1])
    }

    /// The key of that id.
    pub fn find(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// Every key, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`KeysError`]; in particular where it is not there, or where others than the owner could have read it.
    pub fn load(path: &Path) -> Result<Keys, KeysError> {
        let unreachable = |error| KeysError::Unreachable(path.to_owned(), error);
        match fs::metadata(path) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                Err(KeysError::Exposed(path.to_owned()))
            }
            Ok(_) => parse(&Zeroizing::new(fs::read_to_string(path).map_err(unreachable)?), path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(KeysError::Missing(path.to_owned())),
            Err(error) => Err(unreachable(error)),
        }
    }

    /// Makes the file with one fresh key.
    ///
    /// # Errors
    /// [`KeysError::Unreachable`].
    pub fn create(path: &Path) -> Result<Keys, KeysError> {
        let keys = Keys::generate();
        keys.write(path).map_err(|error| KeysError::Unreachable(path.to_owned(), error))?;
        Ok(keys)
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let fresh = path.with_extension("new");
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        for key in &self.keys {
            let secret: Zeroizing<String> =
                Zeroizing::new(key.secret.iter().map(|byte| format!("{byte:02x}")).collect());
            let from = key.signs_from_ms.map(|from_ms| format!(" {}", timestamp(from_ms)));
            writeln!(file, "{} {}{}", key.id, *secret, from.unwrap_or_default())?;
        }
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        if let Some(folder) = path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Puts a further key on top of the file's. Collectors that have read the file accept it, and sign with it from that time
/// on, in milliseconds since 1970; at once without one. The older keys still verify.
///
/// # Errors
/// As [`Keys::load`].
pub fn rotate_file(path: &Path, signs_from_ms: Option<i64>) -> Result<(), KeysError> {
    let mut keys = Keys::load(path)?;
    keys.rotate(crate::now_ms(), signs_from_ms);
    keys.write(path).map_err(|error| KeysError::Unreachable(path.to_owned(), error))
}

fn parse(text: &str, path: &Path) -> Result<Keys, KeysError> {
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let malformed = || KeysError::Malformed(path.to_owned(), number + 1);
        let mut words = line.split(' ');
        let (Some(id), Some(secret), from, None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed());
        };
        let signs_from_ms = from.map(|text| milliseconds(text).ok_or_else(malformed)).transpose()?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if id.len() != 16 || secret.len() != 2 * SECRET_BYTES || !digits(id) || !digits(secret) {
            return Err(malformed());
        }
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&secret[2 * place..2 * place + 2], 16).map_err(|_| malformed())?;
        }
        keys.push(Key::new(id.to_owned(), bytes, signs_from_ms));
    }
    if keys.is_empty() {
        return Err(KeysError::Malformed(path.to_owned(), 1));
    }
    Ok(Keys::holding(keys))
}

/// The time that [`timestamp`] wrote.
fn milliseconds(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    time.unix_timestamp().checked_mul(1_000)
}

/// A random number from the operating system; never zero, which means "none" in the store. They are fetched some at a
/// time: a call for each would cost an event more than its checks do.
pub fn random_u64() -> u64 {
    thread_local! {
        static FETCHED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }
    let number = FETCHED.with_borrow_mut(|fetched| {
        if fetched.is_empty() {
            let bytes = random_bytes::<{ 8 * NUMBERS_AT_A_TIME }>();
            fetched.extend(bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)));
        }
        // Each is handed out once.
        fetched.pop()
    });
    number.unwrap_or_default().max(1)
}

fn random_bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers once it has started");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_once_with_owner_only_rights_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let made = Keys::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = Keys::load(&path).unwrap();
        assert_eq!(read.signing(NOW_MS).id(), made.signing(NOW_MS).id());
        assert_eq!(read.signing(NOW_MS).secret, made.signing(NOW_MS).secret);
    }

    const NOW_MS: i64 = 1_790_000_000_000;

    #[test]
    fn rotation_puts_a_key_on_top_that_is_known_at_once_and_signs_when_its_time_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let before = Keys::create(&path).unwrap();
        let signing = |now_ms| Keys::load(&path).unwrap().signing(now_ms).id().to_owned();
        let first = before.signing(NOW_MS).id();
        rotate_file(&path, Some(NOW_MS + 1_000)).unwrap();
        assert_eq!(signing(NOW_MS), first);
        let second = signing(NOW_MS + 1_000);
        assert_ne!(second, first);
        let keys = Keys::load(&path).unwrap();
        assert!(keys.find(&second).is_some() && keys.find(first).is_some());
        // One that signs at once goes before another that waits.
        rotate_file(&path, None).unwrap();
        let third = signing(NOW_MS);
        assert!(third != first && third != second);
        assert_eq!(signing(NOW_MS + 1_000), third);
        // The file of a collector that begins with a key which waits.
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.lines().nth(1).unwrap()).unwrap();
        assert_eq!(signing(NOW_MS), second);
    }

    #[test]
    fn the_key_that_signs_stays_however_many_wait() {
        let mut keys = Keys::generate();
        let first = keys.signing(NOW_MS).id().to_owned();
        for wait_ms in 1..=3 * KEYS_MAX as i64 {
            keys.rotate(NOW_MS, Some(NOW_MS + 1_000 * wait_ms));
        }
        assert_eq!((keys.signing(NOW_MS).id(), keys.iter().count()), (first.as_str(), KEYS_MAX));
        keys.rotate(NOW_MS, None);
        assert!(keys.find(&first).is_none(), "one that signs at once takes the oldest's place");
        assert_eq!((keys.signing(NOW_MS).id(), keys.iter().count()), (keys.keys[0].id(), KEYS_MAX));
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_damaged_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        Keys::create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::load(&path), Err(KeysError::Exposed(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let whole = format!("0123456789abcdef {}", "0".repeat(64));
        let (soon, long) = (format!("{whole} soon"), format!("{whole} 2026-11-29T14:00:00Z 1"));
        for text in ["", "abc", "0123456789abcdef 0123", "é123456789abcde 00", &soon, &long] {
            fs::write(&path, text).unwrap();
            assert!(matches!(Keys::load(&path), Err(KeysError::Malformed(_, 1))), "{text}");
        }
    }
}
