//! The documents: every link leads somewhere, every file that they name exists, and the sentences that the
//! troubleshooting page explains are those of the programs.
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

#[test]
fn sentences_of_the_troubleshooting_page_are_in_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources_below(root);
    let page = fs::read_to_string(root.join("docs/troubleshooting.md")).expect("a document");
    let sentences: Vec<&str> = sentences(&page).collect();
    assert!(sentences.len() > 20, "{sentences:?}");
    let unknown = |sentence: &&&str| !constant_parts(sentence).iter().all(|p| sources.contains(p));
    let unknown: Vec<&&str> = sentences.iter().filter(unknown).collect();
    assert!(unknown.is_empty(), "no program says {unknown:?}");
}

/// The sentences of programs that the page has an entry for: in headings, and before the colon of an item.
fn sentences(page: &str) -> impl Iterator<Item = &str> {
    prose(page).flat_map(|line| {
        let mut spans: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let is_sentence_first = line.starts_with("- `") && line.contains("`: ");
        match line.starts_with("### ") {
            true => (),
            false if is_sentence_first => spans.truncate(1),
            false => spans.clear(),
        }
        spans.into_iter().filter(|span| span.contains(' '))
    })
}

/// The parts of a sentence that are the same each time: neither `…` nor a path, a name or a number.
fn constant_parts(sentence: &str) -> Vec<String> {
    let is_constant = |word: &str| {
        let mut characters = word.chars();
        word != "…" && characters.all(|c| c.is_alphabetic() || "'\",:()…".contains(c))
    };
    let words: Vec<&str> = sentence.split(' ').collect();
    let parts = words
        .split(|word| !is_constant(word))
        .map(|part| part.join(" "));
    let parts = parts.flat_map(|part| part.split('…').map(str::to_owned).collect::<Vec<_>>());
    let parts = parts.map(|part| part.trim_end_matches(':').to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// What the programs are made of, strings over several lines in one line.
fn sources_below(root: &Path) -> String {
    let folders = ["src", "hooks", "plugin/src", "plugin/rocks"];
    let files = folders
        .iter()
        .flat_map(|folder| files_below(&root.join(folder)));
    let sources = files.filter(|path| path.extension().is_some_and(|e| e == "rs" || e == "py"));
    let texts = sources.map(|path| fs::read_to_string(path).expect("a source"));
    let texts: Vec<String> = texts.map(|text| joined(&text)).collect();
    texts.concat()
}

/// A source without comments, and without the ends of lines in its strings.
fn joined(source: &str) -> String {
    let lines = source.lines().map(str::trim);
    let code = lines.filter(|line| !line.starts_with("//"));
    let pieces = code.map(|line| match line.strip_suffix('\\') {
        Some(piece) => piece.to_owned(),
        None => format!("{line}\n"),
    });
    pieces.collect()
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
    let files = files_below(folder).into_iter();
    let documents = files.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let text = |path: &PathBuf| fs::read_to_string(path).expect("a document");
    documents.map(|path| (path.clone(), text(&path))).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_skipped = name.starts_with('.') || SKIPPED.contains(&name.as_ref());
        match path.is_dir() && !path.is_symlink() {
            true if is_skipped => (),
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
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
