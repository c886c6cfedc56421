//! What a statement is to this front: an INSERT that takes data, or anything else.
//!
//! In: the text a client sent. Out: a [`Statement`], or a refusal of what no statement of ours may contain.
//!
//! **Invariants.** Data never stays behind an INSERT in the text that the engine parses, where two line breaks in the data
//! would end the statement. The functions and clauses that read or write files of this machine and escape the engine's own
//! grants (`file()`, `INTO OUTFILE`, `FROM INFILE`) are refused here.

use crate::exception::Exception;
use crate::token::{Kind, Token, Tokens};

/// A statement, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// An INSERT with data: the text before its FORMAT clause, the format, and where in the text the data begins.
    Insert { head: String, format: String, data_at: usize },
    /// Everything else, with the format its own FORMAT clause names, and whether it begins like a query that can stream.
    Plain { sql: String, format: Option<String>, streams: bool },
}

/// Reads a statement. `data_follows` says that the data is not in `text` but comes after it.
pub(crate) fn read(text: &[u8], data_follows: bool) -> Result<Statement, Exception> {
    let Some(first) = Tokens::of(text).next() else {
        return Err(Exception::new(62, "SYNTAX_ERROR", "Empty query"));
    };
    if first.is("INSERT")
        && let Some(insert) = read_insert(text, data_follows)?
    {
        return Ok(insert);
    }
    refuse_files(Tokens::of(text))?;
    let streams = ["SELECT", "WITH"].iter().any(|keyword| first.is(keyword));
    Ok(Statement::Plain { sql: utf8(text)?, format: format_clause(text), streams })
}

/// An INSERT that takes data, or `None` if it is an INSERT … SELECT or holds its VALUES in its text.
fn read_insert(text: &[u8], data_follows: bool) -> Result<Option<Statement>, Exception> {
    let insert = |head_end: usize, format: &[u8], data_at: usize| {
        refuse_files(Tokens::of(&text[..head_end]))?;
        let (head, format) = (utf8(&text[..head_end])?, utf8(format)?);
        Ok(Some(Statement::Insert { head, format, data_at }))
    };
    let mut depth = 0usize;
    // The first words are INSERT, INTO and the table's name, whatever it looks like.
    let mut tokens = Tokens::of(text).skip(3).peekable();
    while let Some(token) = tokens.next() {
        depth = depth_after(depth, &token);
        if depth > 0 {
            continue;
        }
        if token.is("INFILE") {
            return Err(Exception::denied("FROM INFILE is not allowed"));
        }
        if token.is("FORMAT") {
            let Some(format) = tokens.peek().filter(|next| next.kind == Kind::Word) else {
                return Err(Exception::new(62, "SYNTAX_ERROR", "FORMAT names no format"));
            };
            return insert(token.start, format.text, format.end + separator(&text[format.end..]));
        }
        if token.is("VALUES") {
            return if data_follows { insert(token.start, b"Values", token.end) } else { Ok(None) };
        }
        if token.is("SELECT") || token.is("WITH") {
            return Ok(None);
        }
        if token.is_symbol(b';') {
            return Err(Exception::new(62, "SYNTAX_ERROR", "Multi-statements are not allowed"));
        }
    }
    if data_follows { insert(text.len(), b"Values", text.len()) } else { Ok(None) }
}

/// Bytes between a format's name and the data: blanks, at most one semicolon, at most one line break.
fn separator(text: &[u8]) -> usize {
    let blanks = |from: usize| {
        from + text[from..]
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r'))
            .unwrap_or(text.len() - from)
    };
    let mut at = blanks(0);
    if text.get(at) == Some(&b';') {
        at = blanks(at + 1);
    }
    if text.get(at) == Some(&b'\n') { at + 1 } else { at }
}

fn depth_after(depth: usize, token: &Token<'_>) -> usize {
    match token {
        _ if token.is_symbol(b'(') => depth + 1,
        _ if token.is_symbol(b')') => depth.saturating_sub(1),
        _ => depth,
    }
}

/// The format named at the end of a statement, before a SETTINGS clause or a semicolon.
fn format_clause(text: &[u8]) -> Option<String> {
    let mut depth = 0usize;
    let mut found = None;
    let mut tokens = Tokens::of(text);
    while let Some(token) = tokens.next() {
        depth = depth_after(depth, &token);
        if depth == 0 && token.is("FORMAT") {
            let name = tokens.next().filter(|next| next.kind == Kind::Word);
            found = name.and_then(|name| utf8(name.text).ok());
        } else if token.is("SETTINGS") && found.is_some() {
            break;
        } else if !token.is_symbol(b';') {
            found = None;
        }
    }
    found
}

fn refuse_files(mut tokens: Tokens<'_>) -> Result<(), Exception> {
    let mut words = tokens.clone();
    // BACKUP … TO File(…) has a folder of its own that the engine checks.
    if words.next().is_some_and(|first| first.is("BACKUP") || first.is("RESTORE")) {
        return Ok(());
    }
    let refused = tokens.find_map(|token| match token.kind {
        Kind::Word if token.is("OUTFILE") || token.is("INFILE") => Some("OUTFILE and INFILE are not allowed"),
        Kind::Word | Kind::Quoted if token.text.eq_ignore_ascii_case(b"file") => {
            Some("the name `file` is not allowed")
        }
        Kind::Quoted if token.text.contains(&b'\\') => Some("a backslash in a name is not allowed"),
        _ => None,
    });
    refused.map_or(Ok(()), |reason| Err(Exception::denied(reason)))
}

fn utf8(text: &[u8]) -> Result<String, Exception> {
    String::from_utf8(text.to_vec()).map_err(|_| Exception::bad_request("the statement is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(text: &str, data_follows: bool, expected: (&str, &str, &str)) {
        match read(text.as_bytes(), data_follows) {
            Ok(Statement::Insert { head, format, data_at }) => {
                assert_eq!((head.trim_end(), format.as_str(), &text[data_at..]), expected, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    fn plain(text: &str, data_follows: bool, format: Option<&str>, streams: bool) {
        let expected = Statement::Plain { sql: text.to_owned(), format: format.map(str::to_owned), streams };
        assert_eq!(read(text.as_bytes(), data_follows), Ok(expected), "{text}");
    }

    #[test]
    fn data_leaves_the_text_of_an_insert() {
        insert("INSERT INTO t FORMAT RowBinary", true, ("INSERT INTO t", "RowBinary", ""));
        insert(
            "insert into t (a, `format`) format CSV\n1,2\n",
            false,
            ("insert into t (a, `format`)", "CSV", "1,2\n"),
        );
        insert("INSERT INTO t FORMAT RowBinary \n\n\nx", false, ("INSERT INTO t", "RowBinary", "\n\nx"));
        insert(
            "INSERT INTO t SETTINGS a='FORMAT x' FORMAT TSV;\nx",
            false,
            ("INSERT INTO t SETTINGS a='FORMAT x'", "TSV", "x"),
        );
        insert("INSERT INTO t VALUES", true, ("INSERT INTO t", "Values", ""));
        insert("INSERT INTO t", true, ("INSERT INTO t", "Values", ""));
        insert("INSERT INTO format FORMAT TSV", true, ("INSERT INTO format", "TSV", ""));
    }

    #[test]
    fn other_statements_keep_their_text() {
        plain("INSERT INTO t VALUES (1)", false, None, false);
        plain("INSERT INTO t SELECT 1", false, None, false);
        plain("SELECT 1", false, None, true);
        plain("SELECT 1 FORMAT JSON", false, Some("JSON"), true);
        plain("SELECT 1 FORMAT JSON SETTINGS a = 1;", false, Some("JSON"), true);
        plain("SELECT format('{}', 1) AS format", false, None, true);
        plain("DESCRIBE TABLE t", false, None, false);
        plain("BACKUP TABLE t TO File('x')", false, None, false);
    }

    #[test]
    fn files_of_the_machine_are_out_of_reach() {
        for text in [
            "SELECT file('/etc/passwd')",
            "SELECT `FILE`('/etc/passwd')",
            "SELECT “file”('/etc/passwd')",
            "SELECT * APPLY file FROM (SELECT '/etc/passwd')",
            r"SELECT `fil\x65`('/etc/passwd')",
            "SELECT 1 INTO OUTFILE '/tmp/x'",
            "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV",
            "INSERT INTO t SELECT file('/etc/passwd')",
        ] {
            assert_eq!(read(text.as_bytes(), false).map_err(|refusal| refusal.code), Err(497), "{text}");
        }
        assert!(read(b"SELECT 'file', outfiles FROM files", false).is_ok());
    }

    #[test]
    fn nothing_hides_between_an_insert_and_its_format() {
        let refusal = read(b"INSERT INTO t; DROP TABLE t FORMAT CSV", true).map_err(|refusal| refusal.code);
        assert_eq!(refusal, Err(62));
    }

    #[test]
    fn an_empty_statement_is_a_syntax_error() {
        assert_eq!(read(b" -- nothing", false).map_err(|refusal| refusal.code), Err(62));
    }
}
