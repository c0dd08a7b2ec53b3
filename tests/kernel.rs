//! Tests of the fake kernel that the other tests use. It must behave as a real kernel does.
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
#[path = "kernel/held_writes.rs"]
mod held_writes;
#[path = "kernel/hotplug.rs"]
mod hotplug;
#[path = "kernel/modules.rs"]
mod modules;
#[path = "kernel/scenarios.rs"]
mod scenarios;
mod support;

/// No test of its own: `client::program` runs this.
#[test]
fn client_process() {
    client::act();
}
