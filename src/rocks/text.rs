//! Text as Rocks' tables hold it.
//!
//! Tables and clients both declare latin1, so bytes pass unchanged in whatever encoding they are.
//! Comparison follows `latin1_swedish_ci`: it ignores letter case, most accents and trailing blanks.
//! Both databases and our own code use this one rule.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::escape::printable;

/// A name or value of Rocks' tables. Equality and hash follow `latin1_swedish_ci`; printing
/// escapes control characters.
#[derive(Clone, Debug, Default)]
pub struct Text(Box<[u8]>);

impl Text {
    /// The bytes, as stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The stored bytes as UTF-8; `None` if they are not. Other encodings are not guessed.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether the stored bytes are exactly these, with case and blanks.
    pub fn is_exactly(&self, text: &str) -> bool {
        *self.0 == *text.as_bytes()
    }

    /// The text escaped for a terminal, as [`Display`](fmt::Display) prints it.
    pub fn printable(&self) -> Cow<'_, str> {
        printable(&self.0)
    }

    /// The order in `latin1_swedish_ci`: the shorter text is padded with blanks.
    pub fn collate(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        let padded = |text: &Self, at: usize| text.0.get(at).map_or(b' ', |byte| weight(*byte));
        (0..length)
            .map(|at| padded(self, at).cmp(&padded(other, at)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// Whether the text matches SQL's `LIKE pattern`: `%` is any text, `_` any one character, a
    /// backslash escapes the next one. Unlike with `=`, trailing blanks are significant.
    pub fn is_like(&self, pattern: &str) -> bool {
        like(&self.0, pattern.as_bytes())
    }

    fn weights(&self) -> impl Iterator<Item = u8> {
        let end = self.0.iter().rposition(|b| *b != b' ').map_or(0, |i| i + 1);
        self.0[..end].iter().map(|byte| weight(*byte))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.weights().eq(other.weights())
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // In blocks: hashing byte by byte would dominate the cost of a lookup.
        let mut buffer = [0; 64];
        let mut weights = self.weights();
        loop {
            let filled = buffer
                .iter_mut()
                .zip(&mut weights)
                .map(|(free, weight)| *free = weight)
                .count();
            state.write(&buffer[..filled]);
            if filled < buffer.len() {
                return;
            }
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&printable(&self.0))
    }
}

/// The weight of a latin1 character in `latin1_swedish_ci`. `tests/mariadb/collation.rs` compares all 256
/// with the server's `WEIGHT_STRING`.
fn weight(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => byte - 32,
        0xc0..=0xc3 | 0xe0..=0xe3 => b'A',
        0xc4 | 0xc6 | 0xe4 | 0xe6 => b'\\',
        0xc5 | 0xe5 => b'[',
        0xc7 | 0xe7 => b'C',
        0xc8..=0xcb | 0xe8..=0xeb => b'E',
        0xcc..=0xcf | 0xec..=0xef => b'I',
        0xd0 | 0xf0 => b'D',
        0xd1 | 0xf1 => b'N',
        0xd2..=0xd5 | 0xf2..=0xf5 => b'O',
        0xd6 | 0xf6 => b']',
        0xd8 | 0xf8 => 0xd8,
        0xd9..=0xdb | 0xf9..=0xfb => b'U',
        0xdc | 0xdd | 0xfc | 0xfd => b'Y',
        0xde | 0xfe => 0xde,
        _ => byte,
    }
}

fn like(text: &[u8], pattern: &[u8]) -> bool {
    let (mut t, mut p) = (0, 0);
    // Where to resume after a mismatch: the last `%` then takes one more character.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let fits = match pattern.get(p) {
            None => t == text.len(),
            Some(b'%') => {
                retry = Some((t + 1, p));
                p += 1;
                continue;
            }
            Some(b'_') => t < text.len(),
            Some(b'\\') if p + 1 < pattern.len() => {
                let same = text
                    .get(t)
                    .is_some_and(|b| weight(*b) == weight(pattern[p + 1]));
                p += usize::from(same);
                same
            }
            Some(byte) => text.get(t).is_some_and(|b| weight(*b) == weight(*byte)),
        };
        match (fits, retry) {
            (true, _) if p == pattern.len() => return true,
            (true, _) => (t, p) = (t + 1, p + 1),
            (false, Some((from, percent))) if from <= text.len() => {
                (t, p) = (from, percent);
            }
            (false, _) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    #[test]
    fn comparison_ignores_case_accents_and_trailing_blanks() {
        assert_eq!(Text::from("ROCKS-33"), Text::from("rocks-33  "));
        assert_eq!(Text::from(vec![0xe9]), Text::from("E"));
        assert_ne!(Text::from(" rocks-33"), Text::from("rocks-33"));
        assert_ne!(Text::from("rocks-3"), Text::from("rocks-33"));
        assert!(!Text::from("ROCKS").is_exactly("rocks"));
    }

    #[test]
    fn control_characters_are_printed_escaped() {
        let hostile = Text::from("a\x1b[31m\n\u{202e}é\u{9b}".as_bytes().to_vec());
        assert_eq!(hostile.to_string(), "a\\u{1b}[31m\\n\\u{202e}é\\u{9b}");
        assert_eq!(Text::from(vec![b'a', 0xff]).to_string(), "a\\xff");
    }

    #[test]
    fn is_like_matches_as_sql_like() {
        for (text, pattern, expected) in [
            ("vm-container-0-15", "vm-%", true),
            ("vm-container-0-15", "VM-%-15", true),
            ("vm-container-0-15", "%0-1_", true),
            ("vm-container-0-15", "vm", false),
            ("", "%", true),
            ("", "_", false),
            ("a%b", "a\\%b", true),
            ("axb", "a\\%b", false),
            ("aab", "%ab", true),
            ("ab ", "ab", false),
            ("a\\", "a\\", true),
        ] {
            assert_eq!(
                Text::from(text).is_like(pattern),
                expected,
                "{text} {pattern}"
            );
        }
    }

    fn like_slowly(text: &[u8], pattern: &[u8]) -> bool {
        match (text, pattern) {
            ([], []) => true,
            (_, [b'%', rest @ ..]) => {
                (0..=text.len()).any(|skipped| like_slowly(&text[skipped..], rest))
            }
            ([_, text @ ..], [b'_', pattern @ ..]) => like_slowly(text, pattern),
            ([t, text @ ..], [b'\\', p, pattern @ ..]) | ([t, text @ ..], [p, pattern @ ..]) => {
                weight(*t) == weight(*p) && like_slowly(text, pattern)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn is_like_agrees_with_a_simple_implementation(text in "[aAb\\\\]{0,8}", pattern in "[ab%_\\\\]{0,8}") {
            prop_assume!(!pattern.ends_with('\\'));
            prop_assert_eq!(
                Text::from(text.as_str()).is_like(&pattern),
                like_slowly(text.as_bytes(), pattern.as_bytes())
            );
        }

        #[test]
        fn equal_texts_have_equal_hashes(name in "[a-zA-Z]{0,6}", blanks in " {0,3}") {
            let (a, b) = (Text::from(&*name), Text::from(&*format!("{}{blanks}", name.to_uppercase())));
            prop_assert_eq!(&a, &b);
            let state = RandomState::new();
            prop_assert_eq!(state.hash_one(&a), state.hash_one(&b));
            prop_assert!(a.collate(&b).is_eq());
        }

        #[test]
        fn printed_text_has_no_control_characters(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(!Text::from(bytes).to_string().chars().any(char::is_control));
        }
    }
}
