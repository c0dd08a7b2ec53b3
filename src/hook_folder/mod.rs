//! How the hook is installed and removed: from the state of libvirt's hook folder (`HookFolderState`) to
//! the steps (`FileStep`). `host` takes the steps, all or none.
//!
//! libvirt runs `hooks/qemu` and, since 6.5.0, every executable file in `hooks/qemu.d`, whatever its
//! name is. Another hook is never lost: where libvirt runs only `hooks/qemu`, that hook is renamed, and ours runs
//! it.

mod error;
mod file;
mod gpupci;
mod plan;
mod program;
mod report;
mod state;
mod status;
mod version;

pub use error::{HookError, HookFault, Obstacle};
pub use file::{HookFacts, HookFile, calls_virsh, is_ours};
pub use gpupci::{GpupciFacts, GpupciState};
pub use plan::{FileStep, Plan, plan_install, plan_uninstall};
pub use program::{is_hook_program, judge_program};
pub use report::StatusLine;
pub use state::{Folder, HookBefore, HookEntry, HookFolderState};
pub use status::{Daemon, HookStatus, HookView};
pub use version::LibvirtVersion;
