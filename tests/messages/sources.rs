//! The messages in the sources: every string of several words, and whether the document has it.

use std::fs;
use std::path::Path;

use crate::escaped;

/// A string of the sources.
pub struct Literal {
    /// Its file.
    pub path: String,
    /// Its text, with the placeholders of a format string.
    pub text: String,
}

/// The strings of several words in `src`, `hooks` and `plugin/src`, without tests.
pub fn literals() -> Vec<Literal> {
    let mut paths = Vec::new();
    for folder in ["src", "hooks", "plugin/src"] {
        add_files(folder, &mut paths);
    }
    paths.sort();
    let mut literals = Vec::new();
    for path in paths.iter().filter(|path| !is_of_tests(path)) {
        let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let source = fs::read_to_string(full).expect("a source");
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let texts = strings(code).into_iter().filter(|text| has_words(text));
        literals.extend(texts.map(|text| Literal {
            path: path.clone(),
            text,
        }));
    }
    literals
}

fn is_of_tests(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

fn add_files(folder: &str, paths: &mut Vec<String>) {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    for entry in fs::read_dir(full).expect("a folder") {
        let entry = entry.expect("an entry");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            add_files(&path, paths);
        } else if path.ends_with(".rs") {
            paths.push(path);
        }
    }
}

/// The string literals of Rust code, except those of comments and of `reason = "…"`.
fn strings(code: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut rest = code;
    let mut before = String::new();
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (text, behind) = string(quoted);
            if !before.trim_end().ends_with("reason =") {
                strings.push(text);
            }
            rest = behind;
        } else if let Some(quoted) = ["'\"'", "'\\\"'", "'\\''"]
            .iter()
            .find_map(|c| rest.strip_prefix(c))
        {
            rest = quoted;
        } else {
            before.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    strings
}

/// The string that begins here, and the code behind its closing quote.
fn string(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut rest = quoted.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' => return (text, rest.as_str()),
            '\\' => match rest.next() {
                Some('\n') => rest = rest.as_str().trim_start().chars(),
                Some('n') => text.push('\n'),
                Some(escaped) => text.push(escaped),
                None => (),
            },
            other => text.push(other),
        }
    }
    (text, "")
}

/// Whether a blank separates two words, of which one may be a placeholder.
fn has_words(text: &str) -> bool {
    let is_word = |word: &&str| word.chars().filter(char::is_ascii_alphabetic).count() > 1;
    let is_text = text.split_whitespace().filter(is_word).count() > 1;
    is_text
        && fragments(text)
            .iter()
            .any(|part| part.split_whitespace().any(|word| is_word(&word)))
}

/// What a format string says between its placeholders.
fn fragments(text: &str) -> Vec<String> {
    let mut fragments = Vec::new();
    for part in text.split('{') {
        let fragment = part.split_once('}').map_or(part, |(_, behind)| behind);
        let fragment = escaped(fragment.trim_matches('\n'));
        fragments.extend(Some(fragment).filter(|fragment| !fragment.is_empty()));
    }
    fragments
}

/// Whether a line has what `text` says, in this order.
pub fn is_in(text: &str, lines: &[&str]) -> bool {
    let fragments = fragments(text);
    lines.iter().any(|line| {
        let mut rest = *line;
        fragments
            .iter()
            .all(|fragment| match rest.split_once(fragment.as_str()) {
                Some((_, behind)) => {
                    rest = behind;
                    true
                }
                None => false,
            })
    })
}

#[test]
fn strings_are_found_and_comments_are_not() {
    let code = "let a = \"one \\\n    two\"; // \"no\"\n#[expect(reason = \"no\")] f('\"', \"{a} of \\\"b\\\"\")";
    assert_eq!(strings(code), ["one two", "{a} of \"b\""]);
}

#[test]
fn message_is_found_only_with_all_its_words_in_order() {
    let lines = ["- gpupci1 is bound to nvidia"];
    assert!(is_in("{name} is bound to {driver}", &lines));
    assert!(!is_in("{name} is bound to no {driver}", &lines));
    assert!(!is_in("bound to {} is", &lines));
    assert!(has_words("the {driver} is") && !has_words("{a} {b}") && !has_words("pci_%04x"));
}
