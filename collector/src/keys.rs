//! The keys that receipts, visitor cookies and form tokens are signed with.
//!
//! A text file that only its owner may read, one key a line as `id secret` in hexadecimal digits, the newest first. It
//! is made on first start; [`rotate_file`] puts a further key on top, and the older ones still verify. Several
//! collectors share one copy of the file.

use std::cell::RefCell;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const SECRET_BYTES: usize = 32;
/// Random numbers that are fetched from the operating system at once.
const NUMBERS_AT_A_TIME: usize = 64;
/// Keys that are kept; the oldest leaves when a further one comes. Receipts live at most 13 months.
pub const KEYS_MAX: usize = 16;

/// One signing key.
#[derive(Clone)]
pub struct Key {
    id: String,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

/// The keys, the newest first; never empty.
#[derive(Clone)]
pub struct Keys(Vec<Key>);

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Others than the owner could read or write the file.
    #[error("{0} can be read by others than its owner. Run `chmod 600` on it and rotate the key.")]
    Exposed(PathBuf),
    /// The file is not what this module writes.
    #[error(
        "{0}, line {1}: a key is sixteen and sixty-four hexadecimal digits. Restore the file from a backup."
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
    fn generate() -> Key {
        Key { id: format!("{:016x}", random_u64()), secret: Zeroizing::new(random_bytes()) }
    }

    /// The public name that a receipt carries.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &*self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key({})", self.id)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(&self.0).finish()
    }
}

impl Keys {
    /// One fresh key.
    pub fn generate() -> Keys {
        Keys(vec![Key::generate()])
    }

    /// Puts a fresh key on top.
    pub fn rotate(&mut self) {
        self.0.insert(0, Key::generate());
        self.0.truncate(KEYS_MAX);
    }

    /// The key that signs.
    pub fn newest(&self) -> &Key {
        &self.0[0]
    }

    /// The key of that id.
    pub fn find(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Every key, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
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
        for key in &self.0 {
            let secret: Zeroizing<String> =
                Zeroizing::new(key.secret.iter().map(|byte| format!("{byte:02x}")).collect());
            writeln!(file, "{} {}", key.id, *secret)?;
        }
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        if let Some(folder) = path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Puts a further key on top of the file's. Collectors sign with it from their next start; the older keys still verify.
///
/// # Errors
/// As [`Keys::load`].
pub fn rotate_file(path: &Path) -> Result<(), KeysError> {
    let mut keys = Keys::load(path)?;
    keys.rotate();
    keys.write(path).map_err(|error| KeysError::Unreachable(path.to_owned(), error))
}

fn parse(text: &str, path: &Path) -> Result<Keys, KeysError> {
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let malformed = || KeysError::Malformed(path.to_owned(), number + 1);
        let (id, secret) = line.split_once(' ').ok_or_else(malformed)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if id.len() != 16 || secret.len() != 2 * SECRET_BYTES || !digits(id) || !digits(secret) {
            return Err(malformed());
        }
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&secret[2 * place..2 * place + 2], 16).map_err(|_| malformed())?;
        }
        keys.push(Key { id: id.to_owned(), secret: bytes });
    }
    if keys.is_empty() {
        return Err(KeysError::Malformed(path.to_owned(), 1));
    }
    Ok(Keys(keys))
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
        assert_eq!(read.newest().id(), made.newest().id());
        assert_eq!(read.newest().secret(), made.newest().secret());
    }

    #[test]
    fn rotation_puts_a_key_on_top_and_keeps_the_older() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let before = Keys::create(&path).unwrap();
        rotate_file(&path).unwrap();
        let after = Keys::load(&path).unwrap();
        assert_ne!(after.newest().id(), before.newest().id());
        assert!(after.find(before.newest().id()).is_some());
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_damaged_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        Keys::create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::load(&path), Err(KeysError::Exposed(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["", "abc", "0123456789abcdef 0123", "é123456789abcde 00"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(Keys::load(&path), Err(KeysError::Malformed(_, 1))), "{text}");
        }
    }
}
