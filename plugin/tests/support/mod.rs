//! The built library and programs, and a small cluster for them.
#![allow(
    dead_code,
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "each test uses a part of this, and tests touch the machine"
)]

pub mod frontend;
#[path = "../../../tests/support/mariadb.rs"]
pub mod mariadb;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The folder of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the plugin is a part of it")
}

/// A fixture of this repository.
pub fn fixture(path: &str) -> PathBuf {
    repository().join("fixtures").join(path)
}

/// Cargo's output folder for this test, such as `target/debug`.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let deps = test.parent().expect("it lies in deps");
    deps.parent()
        .expect("deps lies in the profile's folder")
        .to_owned()
}

/// The library that Cargo built with this test.
pub fn library() -> PathBuf {
    built().join("deps/libgpupt_rocks.so")
}

/// The library whose splicer panics.
pub fn panicking_library() -> PathBuf {
    built().join("examples/libpanicking.so")
}

/// `gpupci`, with the hook `qemu` beside it; they are built if they are missing.
pub fn gpupci() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "gpupt", "--bins"]);
    let target = built().parent().expect("a profile has a target").to_owned();
    if !built().ends_with("debug") {
        build.arg("--release");
    }
    assert!(
        build
            .arg("--target-dir")
            .arg(target)
            .status()
            .expect("cargo runs")
            .success()
    );
    built().join("gpupci")
}

/// The standard output of a command, which must succeed.
#[track_caller]
pub fn output(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{stdout}{stderr}",
        output.status
    );
    stdout
}

/// A host without Rocks whose embedded database has the manual's example: `rocks-33` has the card
/// at 02:00.0, `rocks-34` has none.
pub fn manual() -> TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    let names = root.path().join("proc/sys/kernel");
    fs::create_dir_all(&names).expect("a folder is made");
    fs::write(names.join("hostname"), "vm-container-0-15\n").expect("a file is written");
    let gpupci = gpupci();
    for words in [
        "add vm-container-0-15 gpupci1 pci_0000_02_00_0",
        "add rocks-33 gpupci pci_0000_02_00_0",
        "add rocks-34 gpupci gpupci1",
        "remove rocks-34 gpupci",
    ] {
        output(
            command(&gpupci, root.path())
                .arg("host")
                .args(words.split(' ')),
        );
    }
    root
}

/// A program that runs on a test host.
pub fn command(program: &Path, root: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("GPUPT_ROOT", root).env_remove("GPUPT_DATABASE");
    command
}
