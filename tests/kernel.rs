//! The fake kernel that the other tests use: that it does what it says, and what a real kernel does.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine"
)]

#[path = "kernel/binding.rs"]
mod binding;
#[path = "kernel/client.rs"]
mod client;
#[path = "kernel/faults.rs"]
mod faults;
#[path = "kernel/groups.rs"]
mod groups;
#[path = "kernel/hotplug.rs"]
mod hotplug;
#[path = "kernel/modules.rs"]
mod modules;
#[path = "kernel/scenarios.rs"]
mod scenarios;
mod support;

/// Not a test: what `client::program` runs.
#[test]
fn client_process() {
    client::act();
}
