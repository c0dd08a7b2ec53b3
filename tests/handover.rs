//! `gpupci detach`, `attach` and `recover`, on test hosts with the fake kernel.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "handover/attach.rs"]
mod attach;
#[path = "handover/blocked_writes.rs"]
mod blocked_writes;
#[path = "handover/codes.rs"]
mod codes;
#[path = "handover/concurrent.rs"]
mod concurrent;
#[path = "handover/crash.rs"]
mod crash;
#[path = "handover/detach.rs"]
mod detach;
#[path = "handover/firmware_screen.rs"]
mod firmware_screen;
#[path = "handover/full_disk.rs"]
mod full_disk;
#[path = "handover/groups.rs"]
mod groups;
#[path = "handover/host_needs.rs"]
mod host_needs;
#[path = "handover/hot_unplug.rs"]
mod hot_unplug;
#[path = "handover/in_use.rs"]
mod in_use;
#[path = "handover/records.rs"]
mod records;
#[path = "handover/refusals.rs"]
mod refusals;
#[path = "handover/restore.rs"]
mod restore;
#[path = "handover/stub_driver.rs"]
mod stub_driver;
#[path = "handover/under_way.rs"]
mod under_way;
#[path = "handover/unrecorded.rs"]
mod unrecorded;
#[path = "handover/write_errors.rs"]
mod write_errors;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use pretty_assertions::assert_eq;

use support::kernel::FakeKernel;
use support::{RunOutput, TestHost};

const DEVICES: &str = "sys/bus/pci/devices";

/// The host most tests use: `manual.tree`, which has two cards of two functions each.
fn manual() -> (TestHost, FakeKernel) {
    with_kernel("manual.tree")
}

/// A host of `fixtures/hosts`, with its fake kernel.
fn with_kernel(tree: &str) -> (TestHost, FakeKernel) {
    let host = TestHost::unpacked(tree);
    let kernel = FakeKernel::on(&host);
    (host, kernel)
}

/// Runs a command; checks that it is refused with this code and text, and changes nothing.
#[track_caller]
fn refuses(host: &TestHost, kernel: &FakeKernel, line: &str, code: i32, text: &str) {
    let state = || (host.bindings(), host.records(), kernel.writes());
    let before = state();
    let said = host.line_into_files(line);
    assert_eq!(said.stderr, text, "{line}");
    assert_eq!((said.text(), said.code), (String::new(), Some(code)));
    assert_eq!(state(), before, "{line}");
}

/// The error message of a refused command.
fn refusal(verb: &str, card: &str, causes: &[&str], tries: &[&str]) -> String {
    let lines = |word: &str, lines: &[&str]| -> String {
        let lines = lines.iter().map(|line| format!("  {word}{line}\n"));
        lines.collect()
    };
    format!(
        "gpupci: cannot {verb} {card}\n{}  state: nothing was changed\n{}",
        lines("cause: ", causes),
        lines("try:   ", tries)
    )
}

/// A text without the process ids and the times of writes under way.
fn without_processes(text: &str) -> String {
    let mut parts = text.split(" (pid ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (process, rest) = part.split_once(')').expect("it is closed");
        assert!(process.ends_with(" ago"), "{process}");
        text + rest
    })
}

/// Runs `act` for every case, several cases in parallel.
fn with_each<T: Sync>(cases: &[T], act: impl Fn(&T) + Sync) {
    const AT_ONCE: usize = 6;
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    act(case);
                }
            });
        }
    });
}

impl TestHost {
    /// The driver of a function, as its `driver` link names it.
    fn driver(&self, function: &str) -> Option<String> {
        let target = fs::read_link(self.path(&format!("{DEVICES}/{function}/driver"))).ok()?;
        let name = target.file_name().expect("a link to a driver");
        Some(name.to_string_lossy().into_owned())
    }

    /// The bindings of the functions of one slot.
    fn bindings_of(&self, slot: &str) -> Vec<String> {
        let mut bindings = self.bindings();
        bindings.retain(|line| line.starts_with(slot));
        bindings
    }

    /// The drivers of the functions of one slot, as the state line of a message prints them.
    fn drivers_line(&self, slot: &str) -> String {
        let bindings = self.bindings_of(slot);
        let on = bindings.iter().map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            match words[1] {
                "-" => format!("{} is bound to no driver", words[0]),
                driver => format!("{} is bound to {driver}", words[0]),
            }
        });
        on.collect::<Vec<_>>().join(", ")
    }

    /// The record of a card.
    fn record(&self, slot: &str) -> serde_json::Value {
        let path = self.path(&format!("run/gpupt/cards/{slot}.json"));
        let text = fs::read_to_string(path).expect("a record");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The files in the folder of the records.
    fn records(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("run/gpupt/cards")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
        let mut names: Vec<String> = names.map(|name| name.expect("text")).collect();
        names.sort();
        names
    }

    /// Adds a process that has these files open.
    fn process(&self, pid: u32, command: &str, open: &[&str]) {
        let folder = format!("proc/{pid}");
        self.write(&format!("{folder}/comm"), &format!("{command}\n"));
        self.write(
            &format!("{folder}/cmdline"),
            &format!("/usr/bin/{command}\0"),
        );
        self.write(&format!("{folder}/maps"), "");
        fs::create_dir_all(self.path(&format!("{folder}/fd"))).expect("a folder");
        for (number, target) in open.iter().enumerate() {
            let link = self.path(&format!("{folder}/fd/{number}"));
            symlink(target, link).expect("a link");
        }
    }

    /// Adds a QEMU process of a guest that has these files open.
    fn guest(&self, pid: u32, name: &str, open: &[&str]) {
        self.process(pid, "qemu-kvm", open);
        let line = format!("/usr/libexec/qemu-kvm\0-name\0guest={name},debug-threads=on\0-S\0");
        self.write(&format!("proc/{pid}/cmdline"), &line);
    }

    /// Runs `gpupci LINE` with its output in files. A pipe would stay open as long as a blocked
    /// writer that gpupci started.
    fn line_into_files(&self, line: &str) -> RunOutput {
        self.said_into_files(self.command().args(support::shell_words::split(line)))
    }

    /// Runs a command with its output in files, not pipes.
    fn said_into_files(&self, command: &mut Command) -> RunOutput {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = |name| File::create(folder.path().join(name)).expect("a file");
        let ended = command
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .status();
        let read = |name| fs::read(folder.path().join(name)).expect("a file");
        RunOutput {
            stdout: read("out"),
            stderr: String::from_utf8_lossy(&read("err")).into_owned(),
            code: ended.expect("it is started").code(),
        }
    }

    /// Moves a function to another IOMMU group, or to none.
    fn regroup(&self, function: &str, group: Option<u32>) {
        let link = self.path(&format!("{DEVICES}/{function}/iommu_group"));
        let old = fs::read_link(&link).expect("a group");
        let old = old.file_name().expect("a group has a number");
        let groups = self.path("sys/kernel/iommu_groups");
        fs::remove_file(groups.join(old).join("devices").join(function)).expect("a member");
        fs::remove_file(&link).expect("a link");
        let Some(group) = group else { return };
        let members = groups.join(group.to_string()).join("devices");
        fs::create_dir_all(&members).expect("a group");
        let device = format!("../../../../bus/pci/devices/{function}");
        symlink(device, members.join(function)).expect("a member");
        symlink(format!("../../../../kernel/iommu_groups/{group}"), link).expect("a link");
    }

    /// Adds a class device of a function, such as `sys/class/drm/card1`.
    fn class_link(&self, class: &str, name: &str, function: &str, number: &str) {
        let folder = self.path(&format!("sys/class/{class}"));
        fs::create_dir_all(&folder).expect("a folder");
        let real =
            fs::canonicalize(self.path(&format!("{DEVICES}/{function}"))).expect("a function");
        let real = real.join(class).join(name);
        fs::create_dir_all(&real).expect("a folder");
        fs::write(real.join("dev"), format!("{number}\n")).expect("a number");
        let root = fs::canonicalize(self.root.path()).expect("a root");
        let inside = real.strip_prefix(root.join("sys")).expect("it is below");
        let target = Path::new("../..").join(inside);
        symlink(target, folder.join(name)).expect("a link");
    }
}
