//! The libvirt hook as libvirtd runs it: arguments, XML on standard input, exit code; on test hosts
//! with the fake kernel.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "hook/chain.rs"]
mod chain;
#[path = "hook/claims.rs"]
mod claims;
#[path = "hook/cluster_rule.rs"]
mod cluster_rule;
#[path = "hook/codes.rs"]
mod codes;
#[path = "hook/concurrent.rs"]
mod concurrent;
#[path = "hook/crash.rs"]
mod crash;
#[path = "hook/driver_model.rs"]
mod driver_model;
#[path = "hook/failures.rs"]
mod failures;
#[path = "hook/full_disk.rs"]
mod full_disk;
#[path = "hook/group_owner.rs"]
mod group_owner;
#[path = "hook/guests.rs"]
mod guests;
#[path = "hook/host_tree.rs"]
mod host_tree;
#[path = "hook/hot_unplug.rs"]
mod hot_unplug;
#[path = "hook/input.rs"]
mod input;
#[path = "hook/journal.rs"]
mod journal;
#[path = "hook/migration.rs"]
mod migration;
#[path = "hook/nvswitches.rs"]
mod nvswitches;
#[path = "hook/operations.rs"]
mod operations;
#[path = "hook/programs.rs"]
mod programs;
#[path = "hook/reconnect.rs"]
mod reconnect;
#[path = "hook/refusals.rs"]
mod refusals;
#[path = "hook/release.rs"]
mod release;
#[path = "hook/rocks_phrases.rs"]
mod rocks_phrases;
#[path = "hook/stage.rs"]
mod stage;
#[path = "hook/virtual_functions.rs"]
mod virtual_functions;

use support::RunOutput;

const HOOK: &str = env!("CARGO_BIN_EXE_qemu");
const GPUPCI: &str = env!("CARGO_BIN_EXE_gpupci");

const DEVICES: &str = "sys/bus/pci/devices";
const VIDEO: &str = "0000:02:00.0";
const AUDIO: &str = "0000:02:00.1";

/// What libvirt gets from a hook that succeeds.
fn silence() -> RunOutput {
    RunOutput {
        stdout: Vec::new(),
        stderr: String::new(),
        code: Some(0),
    }
}
