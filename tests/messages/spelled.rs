//! Messages without a sample, as the sources spell them.

use crate::sentences;
use crate::sources::{Literal, is_in, literals};

/// A section for the messages of these folders and files.
const SECTIONS: [(&str, &[&str]); 6] = [
    (
        "Lines and notes of `gpupci`, and parts of its messages",
        &["src/bin/", "src/handover/"],
    ),
    ("Reasons of `gpupci why`", &["src/diagnosis/"]),
    (
        "Notes about libvirt's hooks",
        &["src/hook_install.rs", "src/host/hook_folder/"],
    ),
    ("The hook", &["hooks/", "src/hook/"]),
    ("The Rocks plugin", &["plugin/"]),
    (
        "Parts of other messages",
        &[
            "src/binding/execute.rs",
            "src/check.rs",
            "src/database/",
            "src/domain_xml/",
            "src/elapsed.rs",
            "src/guest.rs",
            "src/host/",
            "src/pci/",
            "src/rocks/",
            "src/uuid.rs",
        ],
    ),
];

/// Files of those folders whose messages need samples, as those of all other files do.
const SAMPLED: [&str; 2] = ["src/handover/error.rs", "src/hook/refusal.rs"];

/// Files whose strings are no messages: help, statements, the frame of a message, words that none has, words of the
/// kernel.
const WITHOUT_MESSAGES: [&str; 7] = [
    "src/bin/gpupci/args.rs",
    "src/database/statements.rs",
    "src/diagnosis/qemu_words.rs",
    "src/failure/grammar.rs",
    "src/failure/mod.rs",
    "src/failure/phrases.rs",
    "src/host/console.rs",
];

/// How other strings begin that are no messages.
const NO_MESSAGES: [&str; 19] = [
    "{{",
    "/opt/rocks/bin/rocks",
    "address domain=",
    "BEGIN IMMEDIATE",
    "CPU implementer",
    "Device Minor:",
    "GPU pass-through",
    "gpupci: {",
    "hostdev mode=",
    "MESSAGE={line}",
    "PRAGMA user_version",
    "SELECT count(*) FROM sqlite_master",
    "SET NAMES latin1",
    "shut off",
    "shutting down, reason=",
    "START TRANSACTION",
    "starting up",
    "try: {remedy}",
    "USED BY",
];

fn is_message(literal: &Literal) -> bool {
    let text = literal.text.trim_start();
    let is_listed = NO_MESSAGES.iter().any(|one| text.starts_with(one));
    !is_listed && !WITHOUT_MESSAGES.contains(&literal.path.as_str())
}

/// The messages of the sources that `text` does not have.
pub fn sections(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut missing = literals();
    missing.retain(|literal| is_message(literal) && !is_in(&literal.text, &lines));
    let mut sections = String::new();
    for (title, paths) in SECTIONS {
        let is_here = |literal: &Literal| {
            let path = literal.path.as_str();
            paths.iter().any(|one| path.starts_with(one)) && !SAMPLED.contains(&path)
        };
        let mut texts: Vec<String> = Vec::new();
        for literal in missing.extract_if(.., |literal| is_here(literal)) {
            let text = plain(literal.text.trim());
            texts.extend(Some(text).filter(|text| !texts.contains(text)));
        }
        sections += &sentences(title, &texts);
    }
    let left = missing
        .iter()
        .map(|one| format!("{}: {}", one.path, one.text));
    let left: Vec<String> = left.collect();
    assert!(left.is_empty(), "these messages have no sample: {left:#?}");
    sections
}

/// The text with `{name}` for `{name:?}`, and `…` for `{}`.
fn plain(text: &str) -> String {
    let mut parts = text.split('{');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (value, behind) = part.split_once('}').unwrap_or(("", part));
        match value.split(':').next().unwrap_or_default() {
            "" => plain.push('…'),
            name => plain += &format!("{{{name}}}"),
        }
        plain += behind;
    }
    plain
}

#[test]
fn every_file_and_string_listed_here_is_in_the_sources() {
    let all = literals();
    let is_path = |start: &str| all.iter().any(|one| one.path.starts_with(start));
    let is_text = |start: &str| {
        all.iter()
            .any(|one| one.text.trim_start().starts_with(start))
    };
    let paths = SECTIONS.iter().flat_map(|(_, paths)| paths.iter());
    let paths = paths.chain(&SAMPLED).chain(&WITHOUT_MESSAGES);
    let old: Vec<&&str> = paths.filter(|path| !is_path(path)).collect();
    assert!(old.is_empty(), "no such files: {old:?}");
    let old: Vec<&&str> = NO_MESSAGES.iter().filter(|text| !is_text(text)).collect();
    assert!(old.is_empty(), "no such strings: {old:?}");
}
