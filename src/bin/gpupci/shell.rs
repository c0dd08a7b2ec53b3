//! Quotes text for a shell.

/// Quotes `bytes` as one word for bash. Control characters and bytes outside ASCII use `$'…'`, other
/// special characters a backslash.
pub(crate) fn quote(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b if b.is_ascii_alphanumeric() || b"@%^-_=+:,./".contains(b) => {
                out.push(*b);
            }
            b if b.is_ascii_control() || !b.is_ascii() => {
                out.extend(format!("$'\\x{b:02x}'").bytes());
            }
            b => out.extend([b'\\', *b]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use std::process::Command;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "bash is the judge")]
    fn bash_reads_a_quoted_word_as_the_same_bytes() -> std::io::Result<()> {
        let every: Vec<u8> = (1..=255).collect();
        let script = [b"printf %s ".as_slice(), &quote(&every)].concat();
        let script = std::os::unix::ffi::OsStringExt::from_vec(script);
        let script: std::ffi::OsString = script;
        let said = Command::new("bash")
            .arg("-c")
            .arg(script)
            .env("LC_ALL", "C")
            .output()?;
        assert_eq!(said.stdout, every);
        Ok(())
    }
}
