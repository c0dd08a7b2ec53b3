//! The fake kernel. When a program writes to sysfs or loads a module, it changes the files of a
//! test host as Linux does. A test can make it fail, block, report a false success or kill the
//! writer.
//!
//! Programs connect to `kernel.sock` in the root of the host (see `server`). They read the files
//! themselves. `tests/kernel/scenarios.txt` compares it with a real kernel.
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
pub use script::Subject;
pub use state::KernelState;

use super::TestHost;
use server::Server;
use state::Memory;
use tree::Tree;

/// A running fake kernel. When it is dropped, waiting clients get no answer.
pub struct FakeKernel {
    kernel: Arc<KernelState>,
    server: Server,
}

impl FakeKernel {
    /// A kernel of the host's release, with the host's functions and drivers. vfio-pci is loaded if
    /// the host has its folder; otherwise `modprobe` loads it.
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
