//! Why a card was not detached or attached, and its state now.

use std::fmt;
use std::io;

use crate::binding::{Refusal, Step};
use crate::escape::printable;
use crate::failure::{Code, Failure, SystemError, UNCHANGED, chain};
use crate::gpu::{CardName, GpuCard};
use crate::host::{LockError, StateFileError, SysfsError};
use crate::naming::NamingError;
use crate::pci::{DriverName, PciAddress, PciSlot};

/// A card that was not detached or attached.
#[derive(Debug)]
pub struct CardError {
    /// The operation: `detach`, `attach`.
    pub verb: &'static str,
    /// Its name.
    pub name: CardName,
    /// Its slot.
    pub slot: PciSlot,
    /// Why.
    pub fault: Fault,
}

/// Why a card was not detached or attached.
#[derive(Debug)]
pub enum Fault {
    /// It was refused before the first write.
    Refused(Vec<Refusal>),
    /// sysfs cannot be read.
    Sysfs(SysfsError),
    /// Its record or the names cannot be read or written.
    StateFile(StateFileError),
    /// Another gpupci or hook is running.
    Lock(LockError),
    /// A function was not bound to the stub driver, and all changes were undone.
    Undone {
        /// Why.
        cause: Box<FunctionError>,
        /// Which driver each function is on now.
        drivers_now: String,
    },
    /// A function was not bound to the stub driver, and others could not be restored.
    NotUndone {
        /// Why.
        cause: Box<FunctionError>,
        /// Why the others were not restored.
        left: Vec<FunctionError>,
        /// Which driver each function is on now.
        drivers_now: String,
    },
    /// Functions were not restored to their host drivers.
    NotRestored {
        /// Why.
        causes: Vec<FunctionError>,
        /// Whether the card is as it was before.
        is_unchanged: bool,
        /// Which driver each function is on now.
        drivers_now: String,
    },
    /// A write has not ended at its deadline. The card is locked until it ends.
    Stuck {
        /// The write.
        write: String,
        /// The deadline, in seconds.
        seconds: f32,
        /// Which driver each function is on now.
        drivers_now: String,
    },
}

/// Why a function was not rebound.
#[derive(Debug)]
pub enum FunctionError {
    /// The kernel refused a write.
    Step {
        /// The write.
        step: Step,
        /// What the kernel said.
        source: io::Error,
    },
    /// Its former driver is not loaded, and cannot be.
    NotLoaded {
        /// The function.
        function: PciAddress,
        /// That driver.
        driver: DriverName,
        /// What `modprobe` said.
        why: String,
    },
    /// The stub driver did not bind it, although the kernel reported no error.
    NotBound {
        /// The function.
        function: PciAddress,
        /// The stub driver.
        stub: DriverName,
    },
    /// It is not on a VFIO driver, although the guest's XML names its driver.
    NotVfio {
        /// The function.
        function: PciAddress,
        /// The named driver.
        driver: DriverName,
    },
    /// Its former driver did not bind it again.
    NotBoundAgain {
        /// The function.
        function: PciAddress,
        /// That driver.
        driver: DriverName,
    },
    /// It had no driver before, and still has one.
    StillBound(PciAddress),
    /// Its `driver_override` was not restored.
    Override(PciAddress),
    /// The kernel bound it to the stub driver again.
    BoundToStubAgain {
        /// The function.
        function: PciAddress,
        /// Its driver.
        driver: Option<DriverName>,
    },
    /// A reason to refuse that came up after the first function was rebound.
    Late(Refusal),
    /// Its state could not be read.
    Unseen {
        /// The function.
        function: PciAddress,
        /// Why.
        why: Box<Fault>,
    },
}

impl CardError {
    /// The failure of the operation `verb` on `card`.
    pub fn new(verb: &'static str, card: &GpuCard, fault: Fault) -> Self {
        Self {
            verb,
            name: card.name,
            slot: card.slot(),
            fault,
        }
    }
}

impl Failure for CardError {
    fn codes(&self) -> Vec<Code> {
        match &self.fault {
            Fault::Refused(refusals) => {
                let mut codes: Vec<Code> = refusals.iter().map(Refusal::code).collect();
                codes.sort_unstable();
                codes.dedup();
                codes
            }
            Fault::Sysfs(error) => error.codes(),
            Fault::StateFile(error) => error.codes(),
            Fault::Lock(error) => error.codes(),
            Fault::Undone { .. } => vec![Code::WriteFailed],
            Fault::NotRestored { is_unchanged, .. } if *is_unchanged => vec![Code::WriteFailed],
            Fault::NotUndone { .. } | Fault::NotRestored { .. } => vec![Code::NotUndone],
            Fault::Stuck { .. } => vec![Code::WriteHung],
        }
    }

    fn causes(&self) -> Vec<String> {
        match &self.fault {
            Fault::Refused(refusals) => refusals.iter().map(Refusal::to_string).collect(),
            Fault::Sysfs(error) => chain(error),
            Fault::StateFile(error) => chain(error),
            Fault::Lock(error) => chain(error),
            other => vec![other.to_string()],
        }
    }

    fn state(&self) -> Option<String> {
        Some(match &self.fault {
            Fault::Undone { drivers_now, .. } => format!("all changes were undone: {drivers_now}"),
            Fault::NotUndone {
                left, drivers_now, ..
            } => {
                format!("{drivers_now}; could not undo: {}", joined(left))
            }
            Fault::NotRestored { drivers_now, .. } => drivers_now.clone(),
            Fault::Stuck { drivers_now, .. } => {
                format!("{drivers_now}; the card is locked until the write ends")
            }
            Fault::Refused(_) | Fault::Sysfs(_) | Fault::StateFile(_) | Fault::Lock(_) => {
                UNCHANGED.to_owned()
            }
        })
    }

    fn remedies(&self) -> Vec<String> {
        let dmesg = "check `dmesg` for messages about the card";
        match &self.fault {
            Fault::Refused(refusals) => {
                let mut remedies: Vec<String> = refusals.iter().map(Refusal::remedy).collect();
                remedies.dedup();
                remedies
            }
            Fault::Sysfs(error) => error.remedies(),
            Fault::StateFile(error) => error.remedies(),
            Fault::Lock(error) => error.remedies(),
            Fault::Undone { cause, .. } if matches!(**cause, FunctionError::NotVfio { .. }) => {
                vec!["remove `<driver model=…/>` from the guest's XML with `virsh edit`".to_owned()]
            }
            Fault::Undone { .. } => vec![dmesg.to_owned()],
            Fault::NotUndone { .. } | Fault::NotRestored { .. } => {
                vec![format!("{dmesg}, then run `gpupci recover`")]
            }
            Fault::Stuck { .. } => vec![format!(
                "{dmesg}; when the write has ended, run `gpupci recover`; if it never ends, reboot this host"
            )],
        }
    }
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {} ({})", self.verb, self.name, self.slot)
    }
}

impl std::error::Error for CardError {}

impl fmt::Display for Fault {
    /// The cause in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusals) => f.write_str(&joined(refusals)),
            Self::Sysfs(error) => error.fmt(f),
            Self::StateFile(error) => error.fmt(f),
            Self::Lock(error) => error.fmt(f),
            Self::Undone { cause, .. } | Self::NotUndone { cause, .. } => cause.fmt(f),
            Self::NotRestored { causes, .. } => f.write_str(&joined(causes)),
            Self::Stuck { write, seconds, .. } => write!(
                f,
                "{write}: the kernel has not finished this write after {seconds} s, and it cannot be cancelled"
            ),
        }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { step, source } => write!(f, "{step}: {}", SystemError(source)),
            Self::NotLoaded {
                function,
                driver,
                why,
            } => write!(
                f,
                "the driver {driver} cannot be loaded again for {function}: {}",
                printable(why.as_bytes())
            ),
            Self::NotBound { function, stub } => write!(
                f,
                "{stub} did not bind {function}, although the kernel reported no error"
            ),
            Self::NotVfio { function, driver } => write!(
                f,
                "{function} is not on a VFIO driver, although the guest's XML names the driver {driver} for it"
            ),
            Self::NotBoundAgain { function, driver } => {
                write!(f, "{driver} did not bind {function} again")
            }
            Self::StillBound(function) => write!(f, "{function} is still bound to a driver"),
            Self::Override(function) => {
                write!(f, "the driver_override of {function} was not restored")
            }
            Self::BoundToStubAgain { function, driver } => {
                let driver = driver.as_ref().map_or("a stub driver", DriverName::as_str);
                write!(
                    f,
                    "the kernel bound {function} to {driver} again: vfio-pci.ids= on the kernel \
                     command line or in /etc/modprobe.d names it"
                )
            }
            Self::Late(refusal) => refusal.fmt(f),
            Self::Unseen { function, why } => write!(f, "{function} could not be read: {why}"),
        }
    }
}

fn joined(parts: &[impl fmt::Display]) -> String {
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    parts.join("; ")
}

impl From<SysfsError> for Fault {
    fn from(error: SysfsError) -> Self {
        Self::Sysfs(error)
    }
}

impl From<NamingError> for Fault {
    fn from(error: NamingError) -> Self {
        match error {
            NamingError::StateFile(error) => Self::StateFile(error),
            NamingError::Lock(error) => Self::Lock(error),
            NamingError::Sysfs(error) => Self::Sysfs(error),
        }
    }
}

impl From<StateFileError> for Fault {
    fn from(error: StateFileError) -> Self {
        Self::StateFile(error)
    }
}
