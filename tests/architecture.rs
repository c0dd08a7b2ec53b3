//! docs/architecture.md is true: its layers, by every import of the crate, and its dependencies.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

#[path = "architecture/imports.rs"]
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use imports::named_modules;
use pretty_assertions::assert_eq;

/// The Rust files below a folder, each with the names that lead to its module from the crate's root.
fn files(folder: &str) -> Vec<(PathBuf, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    add_files(&root, &root, &mut files);
    files.sort();
    files
}

fn add_files(root: &Path, folder: &Path, files: &mut Vec<(PathBuf, Vec<String>)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("src/bin") {
            add_files(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path
                .strip_prefix(root)
                .expect("it is below")
                .with_extension("");
            let names = below.iter().map(|name| name.to_string_lossy().into_owned());
            let names = names.filter(|name| !["lib", "main", "mod"].contains(&name.as_str()));
            files.push((path, names.collect()));
        }
    }
}

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The layers of docs/architecture.md from the top, each with its modules from left to right.
fn layers() -> Vec<(String, Vec<String>)> {
    let text = read("docs/architecture.md");
    let (_, after) = text
        .split_once("| layer | modules")
        .expect("a table of layers");
    let rows = after
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let layer = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let modules = cells[2].split('`').skip(1).step_by(2).map(str::to_owned);
        (cells[1].to_owned(), modules.collect())
    };
    rows.map(layer).collect()
}

/// The modules of the library in the order of the table: a module may import those after it.
fn ranks() -> BTreeMap<String, usize> {
    let below_programs = layers()
        .into_iter()
        .skip(1)
        .flat_map(|(_, modules)| modules);
    below_programs
        .enumerate()
        .map(|(rank, module)| (module, rank))
        .collect()
}

/// Each import that points up, or to a module that the table does not have.
fn wrong_imports(
    module: &str,
    imported: &[String],
    ranks: &BTreeMap<String, usize>,
) -> Vec<String> {
    let is_wrong = |other: &&String| match (ranks.get(module), ranks.get(*other)) {
        (Some(own), Some(other)) => other < own,
        _ => true,
    };
    let wrong = imported.iter().filter(is_wrong);
    wrong
        .map(|other| format!("{module} imports {other}"))
        .collect()
}

#[test]
fn every_import_of_the_library_points_down() {
    let ranks = ranks();
    let mut wrong = Vec::new();
    for (path, names) in files("src") {
        let Some(module) = names.first() else {
            continue;
        };
        let imported = named_modules(&read(&path), &names);
        let found = wrong_imports(module, &imported, &ranks);
        wrong.extend(
            found
                .into_iter()
                .map(|import| format!("{}: {import}", path.display())),
        );
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn an_import_that_points_up_is_found_in_every_spelling() {
    let ranks: BTreeMap<String, usize> = [("jobs".to_owned(), 0), ("words".to_owned(), 1)].into();
    for text in [
        "use crate::jobs::Job;",
        "use crate::{words::Word, jobs};",
        "pub(crate) use crate::{\n    jobs::{A, B},\n};",
        "fn f() { println!(\"{}\", crate::jobs::NAME) }",
        "fn f() -> super::super::jobs::Job { loop {} }",
        "mod tests { use super::super::super::jobs; }",
        "use self::super::super::jobs::Job;",
        "type Job = <crate::jobs::Job as Clone>::X;",
    ] {
        let module = ["words".to_owned(), "deep".to_owned()];
        let imported = named_modules(text, &module);
        let wrong = wrong_imports("words", &imported, &ranks);
        assert_eq!(wrong, ["words imports jobs"], "{text}");
    }
    for text in [
        "use crate::words::Word;",
        "// use crate::jobs::Job;",
        "const TEXT: &str = \"crate::jobs\";",
        "mod tests { use super::*; }",
        "use super::other;",
        "use std::jobs::Job;",
    ] {
        let module = ["words".to_owned(), "deep".to_owned()];
        let imported = named_modules(text, &module);
        assert_eq!(
            wrong_imports("words", &imported, &ranks),
            Vec::<String>::new(),
            "{text}"
        );
    }
    let outside = named_modules("use crate::unknown::X;", &["words".to_owned()]);
    assert_eq!(
        wrong_imports("words", &outside, &ranks),
        ["words imports unknown"]
    );
}

#[test]
fn every_module_of_the_library_has_one_layer_and_a_line_in_lib_rs() {
    let lib = read("src/lib.rs");
    let lines: Vec<&str> = lib.lines().collect();
    let mut declared = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        assert!(
            !line.contains("use "),
            "lib.rs exports modules and nothing else: {line}"
        );
        if let Some(name) = line
            .strip_prefix("pub mod ")
            .and_then(|l| l.strip_suffix(';'))
        {
            assert!(
                lines[index - 1].starts_with("/// "),
                "lib.rs does not say what {name} owns"
            );
            declared.push(name.to_owned());
        } else {
            assert!(!line.starts_with("mod "), "{line}");
        }
    }
    let mut placed: Vec<String> = layers().into_iter().skip(1).flat_map(|(_, m)| m).collect();
    placed.sort();
    declared.sort();
    assert_eq!(placed, declared);
}

#[test]
fn the_modules_of_gpupci_import_each_other_without_a_cycle() {
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, names) in files("src/bin/gpupci") {
        let module = names.first().cloned().unwrap_or_else(|| "main".to_owned());
        let mut imported: BTreeSet<String> =
            named_modules(&read(&path), &names).into_iter().collect();
        imported.remove(&module);
        imports.entry(module).or_default().extend(imported);
    }
    assert!(imports.len() > 10, "{imports:?}");
    assert_eq!(cycle(&imports), None);
}

/// Modules that import each other in a circle: those that are left when all that import nothing of the
/// rest are taken away, again and again.
fn cycle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut left = imports.clone();
    loop {
        let names: BTreeSet<String> = left.keys().cloned().collect();
        let before = left.len();
        left.retain(|_, imported| imported.iter().any(|name| names.contains(name)));
        if left.is_empty() {
            return None;
        }
        if left.len() == before {
            return Some(left.into_keys().collect());
        }
    }
}

#[test]
fn a_cycle_is_found_and_a_chain_is_none() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in edges {
            graph
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
            graph.entry((*to).to_owned()).or_default();
        }
        graph
    };
    assert_eq!(cycle(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = cycle(&graph(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]));
    assert!(found.is_some_and(|modules| modules.contains(&"b".to_owned())));
}

#[test]
fn every_dependency_has_a_line_that_says_what_it_is_for() {
    let mut named = BTreeSet::new();
    for manifest in ["Cargo.toml", "plugin/Cargo.toml"] {
        let manifest: toml::Table = read(manifest).parse().expect("a manifest");
        let dependencies = manifest["dependencies"].as_table().expect("dependencies");
        named.extend(dependencies.keys().filter(|name| *name != "gpupt").cloned());
    }
    let text = read("docs/architecture.md");
    let (_, after) = text
        .split_once("| crate | what")
        .expect("a table of dependencies");
    let rows = after
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut explained = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells[2].len() > 10 && cells[3].len() > 10, "{row}");
        explained.insert(cells[1].trim_matches('`').to_owned());
    }
    assert_eq!(explained, named);
}
