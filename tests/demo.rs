//! The demonstration prints the lines of the manual, runs in any folder, and leaves no files.
#![allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::expect_used,
    reason = "tests touch the machine, and may fail"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use pretty_assertions::assert_eq;
use support::{RunOutput, run};
use tempfile::TempDir;

const GPUPCI: &str = env!("CARGO_BIN_EXE_gpupci");
/// The lines of the manual, with the guest's card below the host's.
const LINES: [&str; 18] = [
    "$ gpupci -l",
    "gpupci1 pci_0000_02_00_0",
    "gpupci2 pci_0000_03_00_0",
    "/sys/bus/pci/drivers/nvidia/unbind <- 0000:02:00.0",
    "gpupci: cannot detach gpupci1 (0000:04:00)",
    "(exit status 5)",
    "$ gpupci host add vm-container-0-15 gpupci1 pci_0000_02_00_0",
    "HOST               GPU     PCI_BUS         ",
    "vm-container-0-15: gpupci1 pci_0000_02_00_0",
    "vm-container-0-15: gpupci2 pci_0000_03_00_0",
    "rocks-33:          gpupci  pci_0000_02_00_0",
    "gpupci:pci_0000_02_00_0",
    ">     <hostdev mode='subsystem' type='pci' managed='yes'>",
    ">       <source>",
    ">         <address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>",
    ">       </source>",
    ">     </hostdev>",
    "(exit status 2)",
];

/// Runs the demonstration with this program in `folder`; it may write only to `temporary`.
fn demonstration(program: &str, folder: &Path, temporary: &TempDir) -> RunOutput {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/run.sh");
    let mut command = Command::new("sh");
    command
        .args([script.as_os_str(), program.as_ref()])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TMPDIR", temporary.path())
        // The demonstration must ignore the user's own database.
        .env("GPUPT_DATABASE", "mysql://root@localhost:1/cluster");
    run(&mut command, b"")
}

fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn left_in(temporary: &TempDir) -> usize {
    let entries = fs::read_dir(temporary.path()).expect("the folder is still there");
    entries.count()
}

#[test]
fn demo_shows_the_lines_of_the_manual() {
    let folder = temporary();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = demonstration(GPUPCI, repository, &folder).answer();
    for line in LINES {
        assert!(
            text.lines().any(|l| l == line),
            "{line:?} is missing:\n{text}"
        );
    }
    assert!(
        !text.lines().any(|line| line.starts_with("< ")),
        "the splice took a line away:\n{text}"
    );
    assert_eq!(left_in(&folder), 0);
}

#[test]
fn demo_runs_from_any_folder() {
    let folder = temporary();
    let elsewhere = temporary();
    let shown = demonstration(GPUPCI, Path::new("/"), &folder).answer();
    let bin = Path::new(GPUPCI);
    let relative = Path::new("./").join(bin.file_name().expect("a program has a name"));
    let relative = relative.to_str().expect("its name is plain");
    let parent = bin.parent().expect("a program is in a folder");
    assert_eq!(demonstration(relative, parent, &folder).answer(), shown);
    assert_eq!(
        demonstration(GPUPCI, elsewhere.path(), &folder).answer(),
        shown
    );
    assert_eq!((left_in(&folder), left_in(&elsewhere)), (0, 0));
}

#[test]
fn demo_fails_if_the_program_fails() {
    let folder = temporary();
    for program in ["/bin/false", "/bin/true", "/nonexistent/gpupci"] {
        let said = demonstration(program, Path::new("/"), &folder);
        assert_eq!(said.code, Some(1), "{program}: {}", said.text());
        assert_eq!(left_in(&folder), 0, "{program}");
    }
}
