//! A kernel made of threads: it does to a machine of files what Linux does to sysfs, when a program
//! writes there or loads a module; and it fails, lies, hangs and kills as a test tells it to.
//!
//! Programs reach it through `kernel.sock` at the root of the machine (see `server`). What they read,
//! they read from the files. `tests/kernel/scenarios.txt` holds it to a real kernel.
//!
//! ```ignore
//! let host = TestHost::unpacked("manual.tree");
//! let kernel = FakeKernel::on(&host);
//! kernel.on_unbind("nvidia", Work::blocks()).fault(3, InjectedFault::KillAfter);
//! host.line("detach 0000:02:00.0");
//! assert_eq!(kernel.writes(), ["/sys/bus/pci/… <- vfio-pci"]);
//! ```

#![allow(unused_imports, reason = "each test uses a part of this")]

mod attributes;
mod binding;
mod hotplug;
mod log;
mod model;
mod modules;
mod peer;
mod script;
mod server;
mod start;
mod state;
mod tree;
mod vfio;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex};

pub use log::InjectedFault;
pub use model::{Driver, Flavour, Load, Refusal, Work};
pub use nix::errno::Errno;
pub use script::Whom;
pub use state::KernelState;

use super::TestHost;
use server::Server;
use state::Memory;
use tree::Tree;

/// A running kernel. When it is dropped, who still waits for it gets no answer.
pub struct FakeKernel {
    kernel: Arc<KernelState>,
    server: Server,
}

impl FakeKernel {
    /// A kernel of the host's own release that has found the host's functions and drivers. vfio-pci
    /// is loaded if the host has its folder, else `modprobe` brings it.
    pub fn on(host: &TestHost) -> Self {
        let tree = Tree::new(host.root.path());
        let release = tree.text("proc/sys/kernel/osrelease");
        let flavour = Flavour::of(release.as_deref().unwrap_or("6.1"));
        let devices = start::devices(&tree);
        let kernel = Arc::new(KernelState {
            memory: Mutex::new(Memory {
                flavour,
                serial: u64::try_from(devices.len()).expect("few functions"),
                devices: devices
                    .into_iter()
                    .map(|device| (device.address.clone(), device))
                    .collect(),
                drivers: Vec::new(),
                modules: BTreeMap::new(),
                owned: BTreeSet::new(),
                gone: BTreeMap::new(),
                script: script::Script::default(),
                log: log::Log::default(),
                stopping: false,
            }),
            changed: Condvar::new(),
            tree,
        });
        kernel.turn().start();
        let server = Server::start(&host.path("kernel.sock"), Arc::clone(&kernel));
        Self { kernel, server }
    }
}

impl Deref for FakeKernel {
    type Target = KernelState;

    fn deref(&self) -> &KernelState {
        &self.kernel
    }
}

impl Drop for FakeKernel {
    fn drop(&mut self) {
        self.kernel.stop();
        let ended = self.server.end();
        if !std::thread::panicking() {
            ended.expect("the kernel ends well");
            self.assert_new_id_is_untouched();
            assert_eq!(self.complaints(), [""; 0], "what the kernel complains of");
        }
    }
}
