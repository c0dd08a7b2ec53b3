//! The documents: every link leads somewhere, and every file that they name exists.
#![allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::expect_used,
    reason = "tests touch the machine, and may fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pretty_assertions::assert_eq;

/// Folders that hold no documents of the repository.
const SKIPPED: [&str; 2] = ["target", "build"];
/// Folders whose files documents name by a path from the root of the repository.
const FOLDERS: [&str; 7] = [
    "src/",
    "tests/",
    "docs/",
    "fixtures/",
    "plugin/",
    "hooks/",
    "demo/",
];

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = documents_below(root);
    assert!(documents.contains_key(&root.join("README.md")));
    let dead: Vec<String> = documents
        .iter()
        .flat_map(|(path, text)| links(text).map(move |link| (path, link)))
        .filter(|(path, link)| !is_alive(path, link, &documents))
        .map(|(path, link)| format!("{}: {link}", path.display()))
        .collect();
    assert_eq!(dead, [""; 0]);
}

#[test]
fn every_file_of_this_repository_that_a_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let missing: Vec<String> = documents_below(root)
        .iter()
        .flat_map(|(path, text)| named_files(text).map(move |file| (path, file)))
        .filter(|(_, file)| !root.join(file).exists())
        .map(|(path, file)| format!("{}: {file}", path.display()))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// Whether what a document links to is there.
fn is_alive(from: &Path, link: &str, documents: &BTreeMap<PathBuf, String>) -> bool {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let path = match file {
        "" => from.to_owned(),
        _ => plain(&from.with_file_name(file)),
    };
    match (documents.get(&path), heading) {
        (_, "") => path.exists(),
        (Some(text), _) => anchors(text).contains(heading),
        (None, _) => false,
    }
}

fn documents_below(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut documents = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !path.is_symlink() {
            if !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
                documents.extend(documents_below(&path));
            }
        } else if name.ends_with(".md") {
            let text = fs::read_to_string(&path).expect("a document");
            documents.insert(path, text);
        }
    }
    documents
}

/// The lines of a document that are not in a block of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The targets of `[text](target)` in this repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let after = prose(text).flat_map(|line| line.split("](").skip(1));
    let targets = after.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    targets.filter(|target| !target.contains("://"))
}

/// The paths in code spans that begin with a folder of this repository.
fn named_files(text: &str) -> impl Iterator<Item = &str> {
    let spans = prose(text).flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_ours = |path: &&str| FOLDERS.iter().any(|folder| path.starts_with(folder));
    spans
        .filter(is_ours)
        .filter(|path| !path.contains(['*', ' ', '<']))
}

/// The anchors of the headings, as Git hosts make them: lower case, blanks as hyphens, no punctuation.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let titles = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    titles
        .map(|title| {
            let kept = title.chars().filter_map(|c| match c {
                ' ' => Some('-'),
                '-' | '_' => Some(c),
                _ => c.is_alphanumeric().then_some(c),
            });
            kept.collect()
        })
        .collect()
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn an_anchor_is_spelled_as_git_hosts_spell_it() {
    let text =
        "# gpupci\n```\n# no heading\n```\n## `virsh start` hangs\n### Two guests, one card: A-b\n";
    let expected = ["gpupci", "two-guests-one-card-a-b", "virsh-start-hangs"];
    assert_eq!(anchors(text), expected.map(str::to_owned).into());
}
