//! How text from outside is quoted in a message: escaped, and never longer than a line.

use std::fmt;

const LONGEST: usize = 60;

/// `text` in double quotes, control characters escaped, cut after 60 characters.
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

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn a_long_text_is_cut_and_a_hostile_one_escaped() {
        assert_eq!(Excerpt("a\"\n\x1b").to_string(), r#""a\"\n\u{1b}""#);
        let long = "é".repeat(61);
        let shown = format!("\"{}\"… (122 bytes)", "é".repeat(60));
        assert_eq!(Excerpt(&long).to_string(), shown);
    }
}
