//! Breaks long sentences between words, where they go to a terminal.

use std::io;

/// The columns of the terminal; `None` if standard output is none.
pub(crate) fn columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(width.0.into())
}

/// `text` behind something of `indent` columns, in lines of at most `columns`. A longer word is not broken.
pub(crate) fn wrapped(text: &str, indent: usize, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_owned();
    };
    let mut lines = String::new();
    let mut width = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > indent && width + 1 + length > columns {
            lines += &format!("\n{:indent$}", "");
            width = indent;
        } else if !lines.is_empty() {
            lines.push(' ');
            width += 1;
        }
        lines += word;
        width += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn lines_break_between_words_and_never_inside() {
        let text = "it is bound to its drivers";
        assert_eq!(wrapped(text, 6, None), text);
        assert_eq!(wrapped(text, 6, Some(80)), text);
        let narrow = "it is bound\n      to its\n      drivers";
        assert_eq!(wrapped(text, 6, Some(17)), narrow);
        let words = "it\n      is\n      bound\n      to\n      its\n      drivers";
        for columns in [0, 7, 8] {
            assert_eq!(wrapped(text, 6, Some(columns)), words);
        }
        assert_eq!(wrapped("", 6, Some(0)), "");
    }
}
