//! From an HTTP request of ClickHouse's interface to what is to run.
//!
//! In: the URL's parameters, the headers and, for a statement sent as a body, that body. Out: a [`Request`].
//!
//! **Invariants.** A URL parameter that is not one of the interface's own is a setting, and the engine judges it: none is
//! dropped silently. What the interface knows and this front does not do (sessions, compression) is refused by name.

use hyper::Method;

use crate::DATABASE;
use crate::connection::SessionSettings;
use crate::exception::Exception;
use crate::library::Parameter;
use crate::limits::FIELDS_MAX;

/// Everything of a request but its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// The statement in the URL; a body is then appended to it, or is its data.
    pub(crate) query: Option<String>,
    /// Values bound to the statement's `{name:Type}` placeholders.
    pub(crate) parameters: Vec<Parameter>,
    /// Database and settings.
    pub(crate) session: SessionSettings,
    /// The format of a result whose statement names none.
    pub(crate) default_format: Option<String>,
    /// Whether the whole result must be there before the answer begins.
    pub(crate) wait_end: bool,
}

/// Parameters of the interface that change nothing here.
const WITHOUT_EFFECT: &[&str] = &[
    "user",
    "password",
    "query_id",
    "quota_key",
    "session_timeout",
    "buffer_size",
    "stacktrace",
    "client_protocol_version",
];

impl Request {
    /// Reads a URL's query string. A GET may not change anything, as in ClickHouse.
    pub(crate) fn read(method: &Method, query_string: &str) -> Result<Request, Exception> {
        let mut request = Request::default();
        DATABASE.clone_into(&mut request.session.database);
        for (name, value) in form_urlencoded::parse(query_string.as_bytes()) {
            request.take(&name, value.into_owned())?;
        }
        if method == Method::GET && !request.session.settings.iter().any(|(name, _)| name == "readonly") {
            request.session.settings.push(("readonly".to_owned(), "1".to_owned()));
        }
        Ok(request)
    }

    /// Takes one parameter of the URL, or one field of a form.
    pub(crate) fn take(&mut self, name: &str, value: String) -> Result<(), Exception> {
        match name {
            "query" => self.query = Some(value),
            "database" if !value.is_empty() => self.session.database = value,
            "default_format" if !value.is_empty() => self.default_format = Some(value),
            "database" | "default_format" => {}
            "wait_end_of_query" => self.wait_end = is_on(&value),
            "compress" | "decompress" | "enable_http_compression" if is_on(&value) => {
                return Err(Exception::bad_request(
                    "compression is not supported here: send and ask for plain bodies",
                ));
            }
            "compress" | "decompress" | "enable_http_compression" => {}
            "session_id" | "session_check" => {
                return Err(Exception::bad_request("sessions are not supported here"));
            }
            name if WITHOUT_EFFECT.contains(&name) => {}
            name => match name.strip_prefix("param_") {
                Some(parameter) => self.parameters.push((parameter.to_owned(), value)),
                None => self.set(name, value)?,
            },
        }
        if self.parameters.len() + self.session.settings.len() > FIELDS_MAX {
            return Err(Exception::bad_request(format_args!(
                "more than {FIELDS_MAX} settings and parameters"
            )));
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Exception> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Exception::new(115, "UNKNOWN_SETTING", format_args!("Unknown setting {name:?}")));
        }
        self.session.settings.retain(|(earlier, _)| earlier != name);
        self.session.settings.push((name.to_owned(), value));
        Ok(())
    }

    /// Whether the request binds itself to reading.
    pub(crate) fn is_readonly(&self) -> bool {
        self.session.settings.iter().any(|(name, value)| name == "readonly" && value != "0")
    }

    /// Adds `mark` to the statement's `log_comment`, by which [`Engine::kill`](crate::connection::Engine::kill) finds it.
    pub(crate) fn mark(&mut self, mark: &str) {
        let comment = self.session.settings.iter_mut().find(|(name, _)| name == "log_comment");
        match comment {
            Some((_, value)) => value.push_str(mark),
            None => self.session.settings.push(("log_comment".to_owned(), mark.to_owned())),
        }
    }
}

fn is_on(value: &str) -> bool {
    !matches!(value, "" | "0" | "false")
}

/// The boundary of a `multipart/form-data` content type.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parts.find_map(|part| part.strip_prefix("boundary=")).map(|boundary| boundary.trim_matches('"'))
}

/// The fields of a `multipart/form-data` body. A field with a file name would be an external table, which is refused.
pub(crate) fn fields(body: &[u8], boundary: &str) -> Result<Vec<(String, String)>, Exception> {
    let torn = || Exception::bad_request("the multipart body is torn");
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..]).ok_or_else(torn)?;
    let mut found = Vec::new();
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n").ok_or_else(torn)?;
        let end = find(part, delimiter.as_bytes()).ok_or_else(torn)?;
        // Headers end at the first empty line; a part without headers begins with it.
        let head_end = find(&part[..end], b"\r\n\r\n").ok_or_else(torn)?;
        let head = String::from_utf8_lossy(&part[..head_end]).into_owned();
        let value = std::str::from_utf8(&part[head_end + 4..end])
            .map_err(|_| Exception::bad_request("a field of the form is not UTF-8"))?;
        found.push((field_name(&head)?, value.to_owned()));
        if found.len() > FIELDS_MAX {
            return Err(Exception::bad_request(format_args!("more than {FIELDS_MAX} fields")));
        }
        rest = &part[end + delimiter.len()..];
    }
    Ok(found)
}

fn field_name(head: &str) -> Result<String, Exception> {
    let disposition = head
        .split("\r\n")
        .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))
        .ok_or_else(|| Exception::bad_request("a part of the form has no name"))?;
    if disposition.contains("filename=") {
        return Err(Exception::bad_request("external tables are not supported here"));
    }
    let name = disposition.split(';').map(str::trim).find_map(|part| part.strip_prefix("name="));
    name.map(|name| name.trim_matches('"').to_owned())
        .ok_or_else(|| Exception::bad_request("a part of the form has no name"))
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Request, u32> {
        Request::read(&Method::POST, query).map_err(|refusal| refusal.code)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn what_is_not_the_interfaces_own_is_a_setting() {
        let request =
            read("query=SELECT+1&database=d&param_x=a%27b&max_threads=2&query_id=q&max_threads=3").unwrap();
        assert_eq!(request.query.as_deref(), Some("SELECT 1"));
        assert_eq!(request.parameters, [pair("x", "a'b")]);
        assert_eq!(request.session.database, "d");
        assert_eq!(request.session.settings, [pair("max_threads", "3")]);
    }

    #[test]
    fn what_this_front_does_not_do_is_refused() {
        assert_eq!(read("decompress=1"), Err(36));
        assert_eq!(read("session_id=x"), Err(36));
        assert_eq!(read("a%20b=1"), Err(115));
        assert_eq!(read(&"param_a=1&".repeat(FIELDS_MAX + 1)), Err(36));
    }

    #[test]
    fn a_get_may_only_read() {
        assert!(Request::read(&Method::GET, "query=x").unwrap().is_readonly());
        assert!(!read("query=x").unwrap().is_readonly());
    }

    #[test]
    fn a_form_gives_its_fields() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT\r\n1\r\n\
            --b\r\nContent-Disposition: form-data; name=\"param_x\"\r\n\r\n\r\n--b--\r\n";
        assert_eq!(boundary("multipart/form-data; boundary=b"), Some("b"));
        assert_eq!(boundary("text/plain; boundary=b"), None);
        assert_eq!(fields(body, "b").unwrap(), [pair("query", "SELECT\r\n1"), pair("param_x", "")]);
        assert!(fields(&body[..40], "b").is_err());
        assert!(
            fields(
                b"--b\r\nContent-Disposition: form-data; name=\"t\"; filename=\"f\"\r\n\r\n1\r\n--b--",
                "b"
            )
            .is_err()
        );
    }
}
