//! What went wrong, as ClickHouse says it: a code, a text, an HTTP status, and the block that ends a broken stream.
//!
//! In: the engine's error texts, or a refusal of this front. Out: what the `clickhouse` crate and other clients read.
//!
//! **Invariant.** The tag of a stream is random, so that no row of data can pretend to be an exception.

use bytes::Bytes;
use hyper::StatusCode;

/// An error with ClickHouse's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) code: u32,
    pub(crate) text: String,
}

impl Exception {
    /// From the engine's own text, which begins with its code.
    pub(crate) fn of_engine(text: String) -> Exception {
        let digits: String = text
            .strip_prefix("Code: ")
            .unwrap_or_default()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        Exception { code: digits.parse().unwrap_or(UNKNOWN_EXCEPTION), text }
    }

    /// A refusal of this front, in ClickHouse's words.
    pub(crate) fn new(code: u32, name: &str, message: impl std::fmt::Display) -> Exception {
        Exception { code, text: format!("Code: {code}. DB::Exception: {message}. ({name})") }
    }

    /// A request that this front cannot make sense of.
    pub(crate) fn bad_request(message: impl std::fmt::Display) -> Exception {
        Exception::new(BAD_ARGUMENTS, "BAD_ARGUMENTS", message)
    }

    /// Something only a trusted process may do, and none of ours does.
    pub(crate) fn denied(message: impl std::fmt::Display) -> Exception {
        Exception::new(497, "ACCESS_DENIED", message)
    }

    /// Without the password.
    pub(crate) fn unauthorized(message: impl std::fmt::Display) -> Exception {
        Exception::new(UNAUTHORIZED, "AUTHENTICATION_FAILED", message)
    }

    /// More data than the front takes.
    pub(crate) fn too_large(message: impl std::fmt::Display) -> Exception {
        Exception::new(TOO_LARGE, "TOO_LARGE_STRING_SIZE", message)
    }

    /// Too many statements at once, or the engine is stopping.
    pub(crate) fn busy(message: impl std::fmt::Display) -> Exception {
        Exception::new(BUSY, "TOO_MANY_SIMULTANEOUS_QUERIES", message)
    }

    /// A fault of this process.
    pub(crate) fn fault(message: impl std::fmt::Display) -> Exception {
        Exception::new(49, "LOGICAL_ERROR", message)
    }

    /// The statement was given up because nobody waits for it.
    pub(crate) fn cancelled() -> Exception {
        Exception::new(394, "QUERY_WAS_CANCELLED", "Query was cancelled")
    }

    /// The status ClickHouse's HTTP interface gives this code.
    pub(crate) fn status(&self) -> StatusCode {
        match self.code {
            6 | 26 | 27 | 36 | 38 | 41 | 42 | 43 | 44 | 53 | 62 | 69 | 70 | 72 | 115 | 117 | 456 | 457 => {
                StatusCode::BAD_REQUEST
            }
            46 | 47 | 60 | 63 | 73 | 81 => StatusCode::NOT_FOUND,
            TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
            159 => StatusCode::REQUEST_TIMEOUT,
            164 | 497 | UNAUTHORIZED => StatusCode::FORBIDDEN,
            BUSY => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The block that tells a client, after rows were sent, that the rest will not come.
    pub(crate) fn block(&self, tag: &str) -> Bytes {
        let message = format!("{}\n", self.text.trim_end());
        let length = message.len();
        Bytes::from(format!("\r\n__exception__\r\n{tag}\r\n{message}{length} {tag}\r\n__exception__\r\n"))
    }
}

const UNKNOWN_EXCEPTION: u32 = 1002;
const BAD_ARGUMENTS: u32 = 36;
const TOO_LARGE: u32 = 131;
const BUSY: u32 = 202;
const UNAUTHORIZED: u32 = 516;

/// Letters that nobody can guess: a tag for one response, or a mark for one statement.
pub(crate) fn random_letters() -> Result<String, Exception> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Exception::fault(format_args!("no randomness: {error}")))?;
    Ok(bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_text_gives_code_and_status() {
        let unknown = Exception::of_engine("Code: 60. DB::Exception: Table x does not exist.".to_owned());
        assert_eq!((unknown.code, unknown.status()), (60, StatusCode::NOT_FOUND));
        assert_eq!(Exception::of_engine("odd".to_owned()).code, UNKNOWN_EXCEPTION);
    }

    #[test]
    fn the_block_states_the_length_of_its_message() {
        let block = Exception { code: 1, text: "Code: 1. no".to_owned() }.block("abc");
        assert_eq!(block, "\r\n__exception__\r\nabc\r\nCode: 1. no\n12 abc\r\n__exception__\r\n");
    }

    #[test]
    fn random_letters_differ() {
        assert_ne!(random_letters().unwrap(), random_letters().unwrap());
    }
}
