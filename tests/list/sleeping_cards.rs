//! A read of some attributes wakes a sleeping card, and some cards then hang. A read of others
//! waits for the device lock, which a blocked unbind holds forever.

use std::fs;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::DEVICES;
use crate::support::{TestHost, run};

/// Attributes that wake a card, that wait for its lock, or that no command needs.
const FORBIDDEN: [&str; 17] = [
    "config",
    "current_link_speed",
    "current_link_width",
    "driver_override",
    "max_link_speed",
    "max_link_width",
    "modalias",
    "reset",
    "resource",
    "resource0",
    "resource0_resize",
    "rom",
    "serial_number",
    "sriov_numvfs",
    "sriov_totalvfs",
    "uevent",
    "vpd",
];
/// The attributes that tell what a function is.
const KIND: [&str; 2] = ["class", "vendor"];
/// The attributes that identify a card.
const IDENTITY: [&str; 3] = ["device", "subsystem_device", "subsystem_vendor"];
/// The attributes that are only printed.
const TRAITS: [&str; 3] = ["boot_vga", "numa_node", "power_state"];

/// Replaces every attribute of every function by a pipe, except `allowed`. An open of a pipe
/// without a writer blocks.
fn block_all_but(host: &TestHost, allowed: &[&str]) {
    let mut pipes = Vec::new();
    for function in fs::read_dir(host.path(DEVICES)).expect("the bus is there") {
        let function = function.expect("an entry").path();
        let mut names: Vec<String> = FORBIDDEN.map(str::to_owned).to_vec();
        for entry in fs::read_dir(&function).expect("a function is a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("text");
            let is_file = entry.file_type().expect("its type").is_file();
            if is_file && !allowed.contains(&name.as_str()) && !names.contains(&name) {
                names.push(name);
            }
        }
        for path in names.iter().map(|name| function.join(name)) {
            drop(fs::remove_file(&path));
            pipes.push(path);
        }
    }
    assert_eq!(run(Command::new("mkfifo").args(&pipes), b"").answer(), "");
}

/// The output of a command. A command that blocks at a pipe is killed.
#[track_caller]
fn answer(host: &TestHost, line: &str) -> String {
    let mut limited = Command::new("timeout");
    limited
        .args(["20", env!("CARGO_BIN_EXE_gpupci"), "--root"])
        .arg(host.root.path())
        .args(line.split(' '))
        .env_remove("GPUPT_DATABASE");
    run(&mut limited, b"").answer()
}

#[test]
fn list_and_status_read_only_the_allowed_attributes() {
    let all = [&KIND[..], &IDENTITY, &TRAITS].concat();
    let identity = [&KIND[..], &IDENTITY].concat();
    for tree in ["manual.tree", "mixed.tree", "laptop-asleep.tree"] {
        let host = TestHost::unpacked(tree);
        for (allowed, lines) in [
            (
                &all[..],
                &[
                    "-q list -v",
                    "list --json",
                    "status -v",
                    "status --json",
                    "-q -l -s all -v",
                ][..],
            ),
            (
                &identity,
                &["-q list", "-q -l", "-q renumber", "groups", "groups --json"],
            ),
            (&KIND, &["status", "-s gpupci1", "--status all"]),
        ] {
            let told: Vec<String> = lines.iter().map(|line| answer(&host, line)).collect();
            block_all_but(&host, allowed);
            for (line, told) in lines.iter().zip(told) {
                assert!(told.contains("gpupci1"), "{line}: {told}");
                assert_eq!(answer(&host, line), told, "{tree}: {line}");
            }
        }
    }
}
