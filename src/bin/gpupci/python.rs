//! A dictionary as Python 2 prints it, for scripts that `eval` it.

/// `{'name': 'value', …}`.
pub(crate) fn dictionary<'a>(items: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> String {
    let item = |(name, value): (&[u8], Option<&[u8]>)| {
        let value = value.map_or_else(|| "None".to_owned(), string);
        format!("{}: {value}", string(name))
    };
    format!("{{{}}}", items.map(item).collect::<Vec<_>>().join(", "))
}

/// A string literal: in double quotes if the text has single quotes only, else in single quotes.
fn string(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b if char::from(*b) == quote => out.extend(['\\', quote]),
            0x20..=0x7e => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn strings_are_quoted_as_python_2_quotes_them() {
        for (bytes, literal) in [
            ("two\nlines", r"'two\nlines'"),
            ("$(id);\"x\" 'y' \\", r#"'$(id);"x" \'y\' \\'"#),
            ("it's", r#""it's""#),
            ("café\x7f", r"'caf\xc3\xa9\x7f'"),
        ] {
            assert_eq!(string(bytes.as_bytes()), literal);
        }
    }
}
