//! `gpupci why`: the reasons why a guest did not start.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "why/claims.rs"]
mod claims;
#[path = "why/findings.rs"]
mod findings;
#[path = "why/guests.rs"]
mod guests;
#[path = "why/holders.rs"]
mod holders;
#[path = "why/journal.rs"]
mod journal;
#[path = "why/last_start.rs"]
mod last_start;
#[path = "why/qemu_errors.rs"]
mod qemu_errors;
#[path = "why/qemu_log.rs"]
mod qemu_log;
#[path = "why/running.rs"]
mod running;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use pretty_assertions::assert_eq;
use serde_json::Value;
use support::kernel::FakeKernel;
use support::{RunOutput, TestHost, run};

const GUEST: &str = "rocks-33";
const UUID: &str = "c7a5fdbd-edaf-9455-926a-d65c16db1809";
const OTHER_UUID: &str = "c7a5fdbd-edaf-9455-926a-d65c16db1810";

/// The manual's host with libvirt and the hook. Nothing is wrong with it.
struct Host {
    host: TestHost,
    kernel: FakeKernel,
}

impl std::ops::Deref for Host {
    type Target = TestHost;

    fn deref(&self) -> &TestHost {
        &self.host
    }
}

impl Host {
    fn new() -> Self {
        Self::on("manual.tree")
    }

    fn on(tree: &str) -> Self {
        let host = TestHost::unpacked(tree);
        let kernel = FakeKernel::on(&host);
        host.write("etc/libvirt/hooks/qemu", "\0gpupt");
        let program = host.path("etc/libvirt/hooks/qemu");
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("the mode is set");
        host.write("run/gpupt/hook-seen", "");
        Self { host, kernel }
    }

    /// The same with a guest that is defined with these devices.
    fn with_guest(devices: &str) -> Self {
        let host = Self::new();
        host.define(GUEST, UUID, devices);
        host
    }

    fn define(&self, name: &str, uuid: &str, devices: &str) {
        let file = format!("etc/libvirt/qemu/{name}.xml");
        self.write(&file, &domain(name, uuid, devices));
    }

    /// Runs the hook as libvirt does at the start of a guest.
    fn prepare(&self, name: &str, uuid: &str, devices: &str) -> RunOutput {
        let mut hook = Command::new(env!("CARGO_BIN_EXE_qemu"));
        hook.args([name, "prepare", "begin", "-"]).env_clear();
        self.select(&mut hook);
        run(&mut hook, domain(name, uuid, devices).as_bytes())
    }

    #[track_caller]
    fn prepare_ok(&self, name: &str, uuid: &str, devices: &str) {
        assert_eq!(self.prepare(name, uuid, devices).code, Some(0));
    }

    #[track_caller]
    fn prepare_refused(&self, name: &str, uuid: &str, devices: &str) {
        assert_eq!(self.prepare(name, uuid, devices).code, Some(1));
    }

    /// Adds a process that has this file open.
    fn process(&self, pid: u32, command: &str, open: &str) {
        self.write(&format!("proc/{pid}/comm"), &format!("{command}\n"));
        self.write(&format!("proc/{pid}/maps"), "");
        let folder = self.path(&format!("proc/{pid}/fd"));
        fs::create_dir_all(&folder).expect("a folder");
        symlink(open, folder.join("7")).expect("a link");
    }

    fn end_process(&self, pid: u32) {
        fs::remove_dir_all(self.path(&format!("proc/{pid}"))).expect("a process");
    }

    /// A log of QEMU with a run that failed with these lines.
    fn qemu_failed(&self, lines: &str) {
        self.write(
            &format!("var/log/libvirt/qemu/{GUEST}.log"),
            &format!(
                "2100-01-02 10:00:00.000+0000: starting up libvirt version: 9.0.0\n{lines}\n\
                 2100-01-02 10:00:01.000+0000: shutting down, reason=failed\n"
            ),
        );
    }

    /// The answer to `gpupci why` for the guest.
    #[track_caller]
    fn why(&self) -> String {
        self.line(&format!("why {GUEST}")).answer()
    }

    /// The reasons in JSON.
    #[track_caller]
    fn reasons(&self) -> Vec<Value> {
        let said = self.line(&format!("why {GUEST} --json")).answer();
        let said: Value = serde_json::from_str(&said).expect("JSON");
        said["reasons"].as_array().expect("a list").clone()
    }
}

/// A guest with these devices.
fn domain(name: &str, uuid: &str, devices: &str) -> String {
    format!(
        "<domain type='kvm'>\n  <name>{name}</name>\n  <uuid>{uuid}</uuid>\n  \
         <devices>{devices}</devices>\n</domain>\n"
    )
}

/// A hostdev for function 0 on this bus.
fn hostdev(bus: &str) -> String {
    format!(
        "<hostdev mode='subsystem' type='pci' managed='yes'><source>\
         <address domain='0x0000' bus='0x{bus}' slot='0x00' function='0x0'/></source></hostdev>"
    )
}
