//! The smallest parts of XML 1.0: blanks, names, characters, references.

use memchr::memchr_iter;
use quick_xml::escape::unescape;

/// XML 1.0, production 3.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// XML 1.0, production 5.
pub(crate) fn is_name(text: &str) -> bool {
    let is_plain = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b':');
    let mut bytes = text.as_bytes().iter();
    // Nearly all names are of letters alone.
    if !text.is_empty() && bytes.all(is_plain) {
        return true;
    }
    let mut characters = text.chars();
    characters.next().is_some_and(is_name_start) && characters.all(is_name_character)
}

fn is_name_start(c: char) -> bool {
    matches!(c,
        'a'..='z' | 'A'..='Z' | '_' | ':'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
        | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
        | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

fn is_name_character(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// The position of the first `&` in `text` that is neither one of XML's five entities nor a reference to a
/// character that XML allows.
pub(crate) fn bad_reference(text: &str) -> Option<usize> {
    let is_bad = |at: &usize| {
        let reference = text[*at..].split_inclusive(';').next().unwrap_or_default();
        !unescape(reference).is_ok_and(|meant| meant.chars().all(is_character))
    };
    memchr_iter(b'&', text.as_bytes()).find(is_bad)
}

/// The position of the first character that XML does not allow.
pub(crate) fn forbidden_character(text: &str) -> Option<usize> {
    // Without a branch, so that the compiler checks many bytes at once.
    let suspicious = |b: u8| (b < b' ') & (b != b'\t') & (b != b'\n') & (b != b'\r') | (b == 0xef);
    if !text.bytes().fold(false, |any, b| any | suspicious(b)) {
        return None;
    }
    text.char_indices()
        .find(|(_, c)| !is_character(*c))
        .map(|(at, _)| at)
}

/// XML 1.0, production 2: no control characters, no U+FFFE, no U+FFFF.
fn is_character(c: char) -> bool {
    (c >= ' ' || is_blank(c)) && c != '\u{fffe}' && c != '\u{ffff}'
}
