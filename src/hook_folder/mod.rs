//! Putting libvirt's hook in its place, and taking it away: what is there comes in as plain values
//! (`Scene`), a plan comes out (`Step`s); `host` takes the steps, all or none.
//!
//! libvirt runs `hooks/qemu` and, since 6.5.0, every executable file in `hooks/qemu.d`, whatever its
//! name is. Another hook is never lost: where there is one place only, it makes room for ours, which
//! then runs it.

mod error;
mod file;
mod plan;
mod program;
mod report;
mod scene;
mod status;
mod version;

pub use error::{HookError, HookFault, Obstacle};
pub use file::{HookFacts, HookFile, calls_virsh, is_ours};
pub use plan::{Plan, Step, plan_install, plan_uninstall};
pub use program::{is_hook_program, judge_program};
pub use report::StatusLine;
pub use scene::{Folder, Found, Kept, Scene};
pub use status::{Daemon, HookStatus, HookView};
pub use version::LibvirtVersion;
