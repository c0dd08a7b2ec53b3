//! Putting libvirt's hook in its place, and taking it away: what is there comes in as plain values
//! (`HookFolderState`), a plan comes out (`FileStep`s); `host` takes the steps, all or none.
//!
//! libvirt runs `hooks/qemu` and, since 6.5.0, every executable file in `hooks/qemu.d`, whatever its
//! name is. Another hook is never lost: where there is one place only, it makes room for ours, which
//! then runs it.

mod error;
mod file;
mod plan;
mod program;
mod report;
mod state;
mod status;
mod version;

pub use error::{HookError, HookFault, Obstacle};
pub use file::{HookFacts, HookFile, calls_virsh, is_ours};
pub use plan::{FileStep, Plan, plan_install, plan_uninstall};
pub use program::{is_hook_program, judge_program};
pub use report::StatusLine;
pub use state::{Folder, HookBefore, HookEntry, HookFolderState};
pub use status::{Daemon, HookStatus, HookView};
pub use version::LibvirtVersion;
