//! How a function is bound, the writes that bind it elsewhere, and every reason to refuse. Values in,
//! values out.

mod capped;
mod console;
mod execute;
mod judge;
mod pending_write;
mod plan;
mod record;
mod refusal;
mod step;
mod stub;
mod user;
mod viability;
mod virtual_function;

pub use console::HostConsole;
pub use execute::{ActError, Kernel, Stop, execute};
pub use judge::{CardView, Neighbour, judge_attach, judge_detach};
pub use pending_write::PendingWrite;
pub use plan::{in_order, plan_detach, plan_rebind, plan_release, plan_restore};
pub use record::{CardRecord, Former, Holder, Phase, RecordError};
pub use refusal::{HostUse, Refusal};
pub use step::Step;
pub use stub::{Stub, VfioAliases, module_of};
pub use user::{Unseen, User};
pub use viability::GroupRule;
pub use virtual_function::VirtualFunction;

use crate::pci::{ClassCode, DriverName, PciAddress};

/// How one function is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Which function.
    pub function: PciAddress,
    /// What it is.
    pub class: ClassCode,
    /// The driver it is bound to.
    pub driver: Option<DriverName>,
    /// The module of its driver, to load it again if it is unloaded meanwhile.
    pub module: Option<String>,
    /// Its `driver_override`, if set. It may be any text.
    pub driver_override: Option<String>,
    /// Whether its driver is a VFIO driver, whatever its name.
    pub is_vfio: bool,
    /// The driver that it is bound to for a guest.
    pub stub: DriverName,
}

impl Binding {
    /// Whether a guest can use the function: it is bound to its stub driver or to a VFIO driver.
    pub fn is_detached(&self) -> bool {
        self.is_vfio || self.driver.as_ref() == Some(&self.stub)
    }
}
