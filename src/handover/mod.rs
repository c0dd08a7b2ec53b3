//! Handing a card over: from its host drivers to the stub driver, by which a guest gets it, and
//! back. Each command sees, decides, acts; the three are apart.

mod act;
mod attach;
mod detach;
mod error;
mod guest;
mod recover;
mod see;
mod select;
mod undo;

pub use error::{CardError, Fault, FunctionError};
pub use guest::{Guest, Released};
pub use recover::Recovered;
pub use select::{NoSuchCard, select};

use std::time::Duration;

use crate::binding::Step;
use crate::gpu::GpuCard;
use crate::host::{Machine, SysfsKernel};
use crate::pci::{ClassCode, DriverName, PciAddress};
use crate::settings::Settings;

/// What handing cards over needs to know: the machine, whose cards count, the stub driver, and how
/// long one write may take.
#[derive(Clone, Debug)]
pub struct Handover<'m> {
    machine: &'m Machine,
    stub: DriverName,
    deadline: Duration,
    kernel: SysfsKernel,
    /// All cards of the machine, by name.
    cards: Vec<GpuCard>,
}

/// Whether to act, or only to say what would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Act.
    Real,
    /// Decide, and write nothing.
    DryRun,
}

/// What came of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// Which function.
    pub function: PciAddress,
    /// What it is.
    pub class: ClassCode,
    /// Whether anything had to be done.
    pub was_so: bool,
    /// The driver that it is on now.
    pub driver: Option<DriverName>,
}

/// What came of one card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Its functions, in the order in which they changed hands.
    pub functions: Vec<Handed>,
    /// The writes, in order: those that were done or, in a dry run, would be.
    pub steps: Vec<Step>,
    /// What is worth a remark.
    pub notes: Vec<String>,
}

impl<'m> Handover<'m> {
    /// Handing over `cards`, which are all those of `machine`; each write may take `deadline`.
    pub fn new(
        machine: &'m Machine,
        settings: &Settings,
        cards: Vec<GpuCard>,
        deadline: Duration,
    ) -> Self {
        Self {
            machine,
            stub: settings.stub.clone(),
            deadline,
            kernel: SysfsKernel::of(machine, deadline),
            cards,
        }
    }
}
