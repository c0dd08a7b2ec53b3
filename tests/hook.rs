//! The libvirt hook as libvirtd runs it: arguments, XML on standard input, exit code; on hosts whose
//! kernel is imitated.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "hook/arrive.rs"]
mod arrive;
#[path = "hook/chain.rs"]
mod chain;
#[path = "hook/claims.rs"]
mod claims;
#[path = "hook/crash.rs"]
mod crash;
#[path = "hook/given_back.rs"]
mod given_back;
#[path = "hook/guests.rs"]
mod guests;
#[path = "hook/in_the_way.rs"]
mod in_the_way;
#[path = "hook/input.rs"]
mod input;
#[path = "hook/journal.rs"]
mod journal;
#[path = "hook/many.rs"]
mod many;
#[path = "hook/operations.rs"]
mod operations;
#[path = "hook/reconnect.rs"]
mod reconnect;
#[path = "hook/refused.rs"]
mod refused;
#[path = "hook/rule.rs"]
mod rule;
#[path = "hook/stage.rs"]
mod stage;
#[path = "hook/tree.rs"]
mod tree;
#[path = "hook/unwritable.rs"]
mod unwritable;
#[path = "hook/vanish.rs"]
mod vanish;

use support::Said;

const HOOK: &str = env!("CARGO_BIN_EXE_qemu");
const GPUPCI: &str = env!("CARGO_BIN_EXE_gpupci");

const DEVICES: &str = "sys/bus/pci/devices";
const VIDEO: &str = "0000:02:00.0";
const AUDIO: &str = "0000:02:00.1";

/// What libvirt hears when all is well.
fn silence() -> Said {
    Said {
        stdout: Vec::new(),
        stderr: String::new(),
        code: Some(0),
    }
}
