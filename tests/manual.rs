//! `gpupci completions` and `gpupci man`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use pretty_assertions::assert_eq;
use support::{gpupci, run};

/// The commands that `--help` names.
fn commands() -> Vec<String> {
    let help = run(gpupci().arg("--help"), b"").answer();
    let (_, after) = help.split_once("Commands:\n").expect("there are commands");
    let (list, _) = after.split_once("\n\n").expect("there is more");
    let first_words = list.lines().filter(|line| !line.starts_with("   "));
    let words = first_words.filter_map(|line| line.split_whitespace().next());
    words.map(str::to_owned).collect()
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a folder");
    run(gpupci().arg("man").arg(folder.path()), b"").answer();
    let pages = fs::read_dir(folder.path()).expect("a folder");
    let pages = pages.map(|page| page.expect("a page").file_name().into_string());
    let pages: BTreeSet<String> = pages.map(|page| page.expect("text")).collect();
    let mut wanted: BTreeSet<String> = ["gpupci.8".to_owned()].into();
    for command in commands() {
        wanted.insert(format!("gpupci-{command}.8"));
    }
    for command in "add set remove list report dump conflicts allows place".split(' ') {
        wanted.insert(format!("gpupci-host-{command}.8"));
    }
    for command in ["install", "uninstall", "status"] {
        wanted.insert(format!("gpupci-hook-{command}.8"));
    }
    assert_eq!(pages, wanted);
    let page = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
    assert!(page("gpupci-detach.8").contains("dry\\-run"));
    assert!(page("gpupci.8").contains("a write hangs, the card is locked until it ends"));
}

#[test]
fn man_with_a_missing_folder_is_an_error() {
    let said = run(gpupci().args(["man", "/proc/nowhere"]), b"");
    assert_eq!((said.code, said.text().as_str()), (Some(1), ""));
    assert!(
        said.stderr
            .starts_with("gpupci: cannot write manual pages to /proc/nowhere: "),
        "{}",
        said.stderr
    );
}

#[test]
fn completions_contain_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = run(gpupci().args(["completions", shell]), b"").answer();
        for command in commands() {
            assert!(text.contains(&command), "{shell} {command}");
        }
    }
    let said = run(gpupci().args(["completions", "tcsh"]), b"");
    assert_eq!(said.code, Some(2));
}

#[test]
fn bash_runs_the_completions() {
    let text = run(gpupci().args(["completions", "bash"]), b"").answer();
    let script = format!(
        "{text}\nCOMP_WORDS=(gpupci det) COMP_CWORD=1\n_gpupci gpupci det gpupci\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    );
    let said = run(Command::new("bash").args(["--norc", "-c", &script]), b"");
    assert_eq!(said.answer(), "detach\n");
}
