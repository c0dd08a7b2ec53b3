//! Which driver a function is bound to, which it should be, and the writes that lead there. Values
//! in, values out: nothing here touches a machine.

mod execute;
mod judge;
mod plan;
mod record;
mod refusal;
mod step;

pub use execute::{ActError, Kernel, Stop, execute};
pub use judge::{CardView, Neighbour, judge_attach, judge_detach};
pub use plan::{in_order, plan_detach, plan_release, plan_restore};
pub use record::{CardRecord, Former, Holder, Phase, RecordError};
pub use refusal::{Burden, Refusal, User};
pub use step::Step;

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
    /// The module that its driver came in, to be loaded again when it has gone.
    pub module: Option<String>,
    /// Its `driver_override`, where one is set. Any text may stand there.
    pub driver_override: Option<String>,
    /// Whether its driver is one of VFIO's, which may have any name.
    pub is_vfio: bool,
}

impl Binding {
    /// Whether a guest may have the function: it is on the stub driver, or on one of VFIO's.
    pub fn is_detached(&self, stub: &DriverName) -> bool {
        self.is_vfio || self.driver.as_ref() == Some(stub)
    }
}
