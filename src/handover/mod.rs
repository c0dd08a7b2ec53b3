//! Detaches cards from their host drivers and attaches them again. Each command sees, decides, acts; the
//! three are apart.

mod act;
mod attach;
mod detach;
mod error;
mod guest;
mod holder;
mod judge;
mod pending;
mod recover;
mod see;
mod select;
mod together;
mod undo;

pub use error::{CardError, Fault, FunctionError};
pub(crate) use guest::leaving;
pub use guest::{Guest, Released};
pub use recover::Recovered;
pub use select::{NoSuchCard, select};

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::binding::{Step, Stub, VfioAliases};
use crate::gpu::GpuCard;
use crate::host::{Machine, SysfsKernel};
use crate::pci::{ClassCode, DriverName, PciAddress};
use crate::settings::Settings;

/// What detach and attach need: the machine, its cards, the stub driver, the deadline of one write.
#[derive(Clone, Debug)]
pub struct Handover<'m> {
    machine: &'m Machine,
    stub: Stub,
    /// Read when a function must be rebound: the file is large.
    aliases: OnceCell<VfioAliases>,
    /// The drivers that the guest's XML names.
    models: BTreeMap<PciAddress, DriverName>,
    deadline: Duration,
    kernel: SysfsKernel,
    /// All cards of the machine, by name.
    cards: Vec<GpuCard>,
}

/// Whether to act or only to plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Act.
    Real,
    /// Plan, and write nothing.
    DryRun,
}

/// The result for one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionResult {
    /// Which function.
    pub function: PciAddress,
    /// What it is.
    pub class: ClassCode,
    /// Whether it was already so.
    pub was_already: bool,
    /// Its driver now.
    pub driver: Option<DriverName>,
}

/// The result for one card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardResult {
    /// Its functions, in the order in which they were rebound.
    pub functions: Vec<FunctionResult>,
    /// The writes, in order: those that were done or, in a dry run, would be.
    pub steps: Vec<Step>,
    /// Notes for the administrator.
    pub notes: Vec<String>,
}

impl<'m> Handover<'m> {
    /// `cards` are all cards of `machine`; `deadline` limits each write.
    pub fn new(
        machine: &'m Machine,
        settings: &Settings,
        cards: Vec<GpuCard>,
        deadline: Duration,
    ) -> Self {
        Self {
            machine,
            stub: settings.stub.clone(),
            aliases: OnceCell::new(),
            models: BTreeMap::new(),
            deadline,
            kernel: SysfsKernel::of(machine, deadline),
            cards,
        }
    }

    /// The same with the drivers that a guest's XML names for some functions.
    pub fn with_models(self, models: BTreeMap<PciAddress, DriverName>) -> Self {
        Self { models, ..self }
    }
}
