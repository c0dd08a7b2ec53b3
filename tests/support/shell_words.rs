//! Splits a line into words as a POSIX shell does, as far as the fixtures need it.

/// Splits `line`; `{nl}` is a newline and `{repeat:C:N}` is `C`, `N` times.
pub fn split(line: &str) -> Vec<String> {
    let line = expand(line);
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(characters.by_ref().take_while(|c| *c != '\''));
            }
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(c) = characters.next().filter(|c| *c != '"') {
                    match c {
                        '\\' => word.extend(characters.next()),
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Expands `{nl}` and `{repeat:C:N}`.
pub fn expand(text: &str) -> String {
    let mut out = text.replace("{nl}", "\n");
    while let Some(start) = out.find("{repeat:") {
        let end = start + out[start..].find('}').expect("a brace is closed");
        let (what, count) = out[start + 8..end].split_once(':').expect("{repeat:C:N}");
        let repeated = what.repeat(count.parse().expect("a number"));
        out.replace_range(start..=end, &repeated);
    }
    out
}

#[test]
fn split_reads_words_as_a_shell_does() {
    assert_eq!(
        split(r#"a 'b c' "d\"e"'f' g\ h '' {repeat:0:3}"#),
        ["a", "b c", "d\"ef", "g h", "", "000"]
    );
}
