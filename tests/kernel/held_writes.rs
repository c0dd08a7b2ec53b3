//! Writes that wait before they begin, and writes of gpupt that overlap.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use pretty_assertions::assert_eq;

use crate::client::until;
use crate::support::TestHost;
use crate::support::kernel::{FakeKernel, InjectedFault};

const FILE: &str = "/sys/bus/pci/drivers/nvidia/unbind";

/// Writes an address to `FILE` as gpupci does: in a child with the writer's name.
fn writer(host: &TestHost, function: &str) -> Child {
    let mut gpupci = Command::new(env!("CARGO_BIN_EXE_gpupci"));
    gpupci
        .arg0("gpupt-writer")
        .arg(host.root.path())
        .args(["write", FILE, function])
        .stdin(Stdio::null());
    gpupci.spawn().expect("it is started")
}

#[test]
fn held_write_begins_when_it_is_let_go() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    kernel.fault(1, InjectedFault::Held);
    let mut held = writer(&host, "0000:02:00.0");
    until(|| kernel.writes_under_way() == 1);
    assert!(kernel.driver_of("0000:02:00.0").is_some());
    kernel.let_held_writes_begin();
    assert!(held.wait().expect("it ends").success());
    assert_eq!(kernel.driver_of("0000:02:00.0"), None);
    assert_eq!(kernel.writes_under_way(), 0);
}

#[test]
fn kernel_complains_of_two_writes_of_gpupt_to_one_card_at_once() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    for (second, complaints) in [("0000:03:00.0", 0), ("0000:02:00.1", 1)] {
        kernel.forget();
        kernel.fault(1, InjectedFault::Held);
        let mut first = writer(&host, "0000:02:00.0");
        until(|| kernel.writes().len() == 1);
        writer(&host, second).wait().expect("it ends");
        assert_eq!(kernel.complaints().len(), complaints, "{second}");
        kernel.let_held_writes_begin();
        first.wait().expect("it ends");
    }
}
