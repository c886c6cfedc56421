//! Numbers and quoted texts without the standard library's formatting, which would double the module.

/// Appends a number in decimal digits.
pub(crate) fn push_number(text: &mut String, number: u32) {
    if number > 9 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

/// Appends a JSON string. Every text that is written here is a name, a hash or percent-encoded; what JSON would
/// escape is left out.
pub(crate) fn push_quoted(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        if character >= ' ' && character != '"' && character != '\\' {
            json.push(character);
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        for (number, expected) in [(0, "0"), (9, "9"), (10, "10"), (u32::MAX, "4294967295")] {
            let mut text = String::new();
            push_number(&mut text, number);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn nothing_breaks_out_of_a_quoted_text() {
        let mut json = String::new();
        push_quoted(&mut json, "a\"b\\c\nd{é}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "abcd{é}");
    }
}
