//! The smallest parts of XML 1.0: blanks, names, characters, references.

use std::ops::Range;

/// Where the blanks end that stand at `at`.
pub(crate) fn behind_blanks(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
        .count()
}

/// XML 1.0, production 3.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The name that starts at `at`.
pub(crate) fn name_at(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[at..];
    let kind = |byte: &u8| KIND[usize::from(*byte)];
    let mut kinds = 0;
    let is_named = |byte: &&u8| {
        kinds |= kind(byte);
        kind(byte) != 0
    };
    let length = bytes.iter().take_while(is_named).count();
    let range = at..at + length;
    let starts = bytes.first().is_some_and(|first| kind(first) & STARTS != 0);
    let is_plain = kinds & NOT_ASCII == 0;
    ((is_plain && starts) || (!is_plain && is_name(&text[range.clone()]))).then_some(range)
}

/// A byte may start a name.
const STARTS: u8 = 1;
/// A byte may be part of a name.
const CONTINUES: u8 = 2;
/// A byte is part of a character that has to be looked at as a whole.
const NOT_ASCII: u8 = 4;

const KIND: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' => STARTS,
            b'0'..=b'9' | b'-' | b'.' => CONTINUES,
            0x80.. => NOT_ASCII,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// XML 1.0, production 5.
pub(crate) fn is_name(text: &str) -> bool {
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

/// Checks the reference that `rest` starts with: `&amp;` and its four sisters, or the number of a
/// character that XML allows.
pub(crate) fn check_reference(rest: &str) -> Result<(), &'static str> {
    let name = rest[1..].split_once(';').map(|(name, _)| name);
    let is_known = name.is_some_and(|name| match name.strip_prefix('#') {
        None => matches!(name, "amp" | "lt" | "gt" | "apos" | "quot"),
        Some(number) => is_number_of_character(number),
    });
    is_known.then_some(()).ok_or("a reference to nothing")
}

fn is_number_of_character(number: &str) -> bool {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let code = digits
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, radix));
    code.and_then(Result::ok)
        .and_then(char::from_u32)
        .is_some_and(is_character)
}

/// Where the first character stands that no part of a document may hold.
pub(crate) fn forbidden_character(text: &str) -> Option<usize> {
    // Without a branch, so that many bytes are looked at in one step.
    let suspicious = |b: u8| (b < b' ') & (b != b'\t') & (b != b'\n') & (b != b'\r') | (b == 0xef);
    if !text.bytes().fold(false, |any, b| any | suspicious(b)) {
        return None;
    }
    text.char_indices()
        .find(|(_, c)| !is_character(*c))
        .map(|(at, _)| at)
}

/// XML 1.0, production 2: everything but control characters and the two that mean "no character".
fn is_character(c: char) -> bool {
    (c >= ' ' || is_blank(c)) && c != '\u{fffe}' && c != '\u{ffff}'
}
