//! The trees in `fixtures/hosts`: they are complete, and unpack exactly.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pretty_assertions::assert_eq;
use tempfile::TempDir;

use crate::DEVICES;
use crate::support::{RunOutput, TestHost, fixture, run};

/// A tree has no dangling link, and every function has all its attributes.
#[test]
fn every_tree_is_a_complete_host() {
    let attributes = "vendor device subsystem_vendor subsystem_device class numa_node";
    for tree in trees() {
        let tree = tree.as_str();
        let host = TestHost::unpacked(tree);
        let root = host.root.path().canonicalize().expect("a path");
        for (link, target) in links_below(&root) {
            assert!(target.starts_with(&root), "{tree}: {link} leads nowhere");
        }
        let text = fs::read_to_string(fixture("hosts").join(tree)).expect("the tree");
        let devices = format!("{DEVICES}/");
        let functions = text.lines().filter(|line| line.starts_with(&devices));
        let mut count = 0;
        for line in functions {
            let path = line.split(' ').next().unwrap_or_default();
            for attribute in attributes.split(' ') {
                let file = host.path(path).join(attribute);
                let value = fs::read_to_string(&file).unwrap_or_default();
                assert!(
                    is_attribute(attribute, &value),
                    "{tree}: {path}/{attribute}"
                );
            }
            count += 1;
        }
        for asleep in ["config", "rom", "vpd", "current_link_speed"] {
            assert!(!text.contains(&format!("/{asleep} = ")), "{tree}: {asleep}");
        }
        // The bus lists exactly the functions in `sys/devices`.
        let vendors = text.lines().filter(|line| line.contains("/vendor = "));
        assert_eq!(vendors.count(), count, "{tree}");
    }
}

pub(crate) fn trees() -> Vec<String> {
    let entries = fs::read_dir(fixture("hosts")).expect("the fixtures are there");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let trees: Vec<String> = names.filter(|name| name.ends_with(".tree")).collect();
    assert!(trees.len() >= 12, "{trees:?}");
    trees
}

/// Whether the value has the kernel's format: hexadecimal of fixed width, or a number.
fn is_attribute(name: &str, value: &str) -> bool {
    let Some(value) = value.strip_suffix('\n') else {
        return false;
    };
    match name {
        "numa_node" => value.parse::<i32>().is_ok(),
        _ => {
            let width = if name == "class" { 6 } else { 4 };
            let digits = value.strip_prefix("0x").unwrap_or_default();
            digits.len() == width && u32::from_str_radix(digits, 16).is_ok()
        }
    }
}

/// The links below a folder and their targets; an empty path for a dangling link.
fn links_below(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut links = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let kind = entry.file_type().expect("its type");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_symlink() {
                let target = entry.path().canonicalize().unwrap_or_default();
                links.insert(entry.path().display().to_string(), target);
            }
        }
    }
    links
}

/// Unpacks this text as a tree into a new folder inside a temporary one.
fn unpack(text: &str) -> (RunOutput, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let tree = folder.path().join("a.tree");
    fs::write(&tree, text).expect("the tree is written");
    let mut command = Command::new("sh");
    command
        .arg(fixture("hosts/unpack.sh"))
        .arg(&tree)
        .arg(folder.path().join("host/root"));
    (run(&mut command, b""), folder)
}

#[test]
fn unpacked_tree_equals_its_text() {
    let text = "# a remark = with signs -> in it\n\nfile = one\na/b/c =  two = 2 -> \\n $(id) *\n\
        a/empty =\n\na/d/\na/link -> ../file\nx/y/0000:02:00.0 -> ../../a/0000:02:00.0\n\
        x/y/0000:02:00.1 -> 0000:02:00.1\nlines = one\n\nlines += two = 2 += 3\nlines +=\n\
        lines +=  four\nx/last = no newline";
    let (said, folder) = unpack(text);
    assert_eq!(said.answer(), "");
    let root = folder.path().join("host/root");
    for (path, content) in [
        ("file", "one\n"),
        ("a/b/c", " two = 2 -> \\n $(id) *\n"),
        ("a/empty", "\n"),
        ("a/link", "one\n"),
        ("lines", "one\ntwo = 2 += 3\n\n four\n"),
        ("x/last", "no newline\n"),
    ] {
        let found = fs::read_to_string(root.join(path)).expect(path);
        assert_eq!(found, content, "{path}");
    }
    for (path, target) in [
        ("a/link", "../file"),
        ("x/y/0000:02:00.0", "../../a/0000:02:00.0"),
        ("x/y/0000:02:00.1", "0000:02:00.1"),
    ] {
        let found = fs::read_link(root.join(path)).expect(path);
        assert_eq!(found, Path::new(target), "{path}");
    }
    assert!(root.join("a/d").is_dir());
}

#[test]
fn unpack_refuses_paths_outside_and_unknown_lines() {
    for line in [
        "/etc/passwd = x",
        "../outside = x",
        "a/../../../outside = x",
        "..  = x",
        ".. -> x",
        "../outside/",
        "/outside/",
        "a/../b -> c",
        "./a = b",
        "a//b = c",
        "a/ = b",
        "a/ -> b",
        " a = b",
        "a",
        "a=b",
        "a ->",
        "a -> ",
        "a b = c",
        "a\tb",
        "a <- b",
        "link -> /\nlink/outside = x",
        "link -> ..\nlink/outside/",
        "twice = a\ntwice = b",
        "twice -> a\ntwice -> b",
        "x/twice -> twice\nx/twice -> a/twice",
        "x/a -> ../a\nx/a = b",
        "no/file += x",
        "a/b += x\na/b = x",
        "file = x\nother = y\nfile += z",
        "link -> fine\nlink += x",
        "x/fine -> ../fine\nx/fine += x",
        "file/ += x",
        "../outside += x",
        "file +=x",
    ] {
        let (said, folder) = unpack(&format!("fine = 1\n{line}\n"));
        assert_eq!((said.code, said.text().as_str()), (Some(1), ""), "{line:?}");
        assert!(!said.stderr.is_empty(), "{line:?}");
        for outside in ["outside", "host/outside", "host/a"] {
            assert!(!folder.path().join(outside).exists(), "{line:?}");
        }
    }
    assert!(!Path::new("/outside").exists());
    let mut command = Command::new("sh");
    let said = run(command.arg(fixture("hosts/unpack.sh")).arg("x"), b"");
    assert_eq!(said.code, Some(1));
}
