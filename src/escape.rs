//! Makes text from outside safe to print: escaped, and short where a message quotes it.

use std::borrow::Cow;
use std::fmt;

const LONGEST: usize = 60;

/// Prints a text in double quotes, with control characters escaped, cut after 60 characters.
pub(crate) struct Excerpt<'t>(pub &'t str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(LONGEST) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => {
                write!(f, "{:?}… ({} bytes)", &self.0[..end], self.0.len())
            }
        }
    }
}

/// The bytes as text that is safe on a terminal. Control characters and invalid UTF-8 become `\n`,
/// `\u{1b}`, `\xff`, …
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    let is_plain = bytes.iter().all(|b| matches!(b, b' '..=b'~'));
    if let Some(plain) = is_plain.then(|| str::from_utf8(bytes).ok()).flatten() {
        return Cow::Borrowed(plain);
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() || is_invisible(c) => {
                    out.extend(c.escape_unicode());
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    Cow::Owned(out)
}

/// Characters that reorder or hide the text around them on a terminal.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn excerpt_cuts_long_text_and_escapes_control_characters() {
        assert_eq!(Excerpt("a\"\n\x1b").to_string(), r#""a\"\n\u{1b}""#);
        let long = "é".repeat(61);
        let shown = format!("\"{}\"… (122 bytes)", "é".repeat(60));
        assert_eq!(Excerpt(&long).to_string(), shown);
    }
}
