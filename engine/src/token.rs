//! ClickHouse's lexer, as far as this front needs it: words, quoted names, literals and symbols with their places.
//!
//! In: the bytes of a statement, possibly followed by binary data. Out: [`Token`]s, one at a time.
//!
//! **Invariant.** What is inside a string, a heredoc or a comment is never a word, and a quoted name is always one. What
//! the lexer cannot follow to its end (an open string) reaches to the end of the text, as in ClickHouse.

/// One piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    /// The token as written; a quoted name without its quotes.
    pub(crate) text: &'t [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword or a bare name.
    Word,
    /// A name in backticks or double quotes.
    Quoted,
    /// A string, heredoc or number.
    Literal,
    /// Any other character.
    Symbol,
}

impl Token<'_> {
    /// Whether this is the keyword, in any case. A quoted name is none.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword.as_bytes())
    }

    /// Whether this is the character.
    pub(crate) fn is_symbol(&self, symbol: u8) -> bool {
        self.kind == Kind::Symbol && self.text == [symbol]
    }
}

/// The tokens of a text.
#[derive(Clone, Debug)]
pub(crate) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Tokens<'t> {
    pub(crate) fn of(text: &'t [u8]) -> Tokens<'t> {
        Tokens { text, at: 0 }
    }

    fn rest(&self) -> &'t [u8] {
        &self.text[self.at..]
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let skipped = match rest {
                [first, ..] if first.is_ascii_whitespace() || matches!(first, 0 | 0x0b) => 1,
                [b'-', b'-', ..] | [b'#', b' ' | b'!', ..] => {
                    rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
                }
                [b'/', b'*', ..] => find(&rest[2..], b"*/").map_or(rest.len(), |at| at + 4),
                _ => return,
            };
            self.at += skipped;
        }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        self.skip_blank();
        let rest = self.rest();
        let (kind, length, quote) = match rest {
            [] => return None,
            [b'\'', ..] => (Kind::Literal, quoted(rest, b"'", b"'"), 1),
            [b'`', ..] => (Kind::Quoted, quoted(rest, b"`", b"`"), 1),
            [b'"', ..] => (Kind::Quoted, quoted(rest, b"\"", b"\""), 1),
            // Typographic quotes are quotes to ClickHouse.
            [0xe2, 0x80, 0x98, ..] => (Kind::Literal, quoted(rest, "‘".as_bytes(), "’".as_bytes()), 3),
            [0xe2, 0x80, 0x9c, ..] => (Kind::Quoted, quoted(rest, "“".as_bytes(), "”".as_bytes()), 3),
            [b'$', ..] => heredoc(rest).map_or((Kind::Symbol, 1, 0), |length| (Kind::Literal, length, 0)),
            [b'0'..=b'9', ..] => (Kind::Literal, word(rest), 0),
            [first, ..] if is_word(*first) => (Kind::Word, word(rest), 0),
            _ => (Kind::Symbol, 1, 0),
        };
        let start = self.at;
        self.at += length;
        let whole = &rest[..length];
        let text = match kind {
            Kind::Quoted => whole.get(quote..length.saturating_sub(quote)).unwrap_or_default(),
            _ => whole,
        };
        Some(Token { kind, text, start, end: self.at })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn word(text: &[u8]) -> usize {
    text.iter().position(|&byte| !is_word(byte) && byte != b'$').unwrap_or(text.len())
}

/// Length of the quoted piece that `text` begins with; a backslash or a doubled quote escapes.
fn quoted(text: &[u8], open: &[u8], close: &[u8]) -> usize {
    let mut at = open.len();
    while at < text.len() {
        let rest = &text[at..];
        if rest[0] == b'\\' {
            at += 2;
        } else if rest.starts_with(close) {
            at += close.len();
            if close.len() > 1 || !text[at..].starts_with(close) {
                return at;
            }
            at += close.len();
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of `$tag$…$tag$`, if `text` begins with one.
fn heredoc(text: &[u8]) -> Option<usize> {
    let tag = 1 + text[1..].iter().position(|&byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))?;
    if text[tag] != b'$' {
        return None;
    }
    let mark = &text[..=tag];
    find(&text[mark.len()..], mark).map(|at| at + 2 * mark.len())
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(Kind, &str)]) {
        let found: Vec<_> = Tokens::of(text.as_bytes())
            .map(|token| (token.kind, String::from_utf8(token.text.to_vec()).unwrap()))
            .collect();
        let found: Vec<_> = found.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn words_names_literals_and_symbols_are_told_apart() {
        use Kind::{Literal, Quoted, Symbol, Word};
        check("SELECT a_1", &[(Word, "SELECT"), (Word, "a_1")]);
        check("`a b`.\"c\"", &[(Quoted, "a b"), (Symbol, "."), (Quoted, "c")]);
        check("'it''s' 1e5", &[(Literal, "'it''s'"), (Literal, "1e5")]);
        check(r"'a\'b' x", &[(Literal, r"'a\'b'"), (Word, "x")]);
        check("a -- no 'words\nb /* nor ' here */ c # end", &[(Word, "a"), (Word, "b"), (Word, "c")]);
        check("$x$ FORMAT $x$ a", &[(Literal, "$x$ FORMAT $x$"), (Word, "a")]);
        check("“file”(‘x’)", &[(Quoted, "file"), (Symbol, "("), (Literal, "‘x’"), (Symbol, ")")]);
        check("'open", &[(Literal, "'open")]);
        check("{x:UInt8}", &[(Symbol, "{"), (Word, "x"), (Symbol, ":"), (Word, "UInt8"), (Symbol, "}")]);
    }
}
