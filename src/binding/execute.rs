//! Performs steps in order, and stops at the first that fails.

use std::io;

use thiserror::Error;

use crate::binding::Step;
use crate::failure::SystemError;
use crate::pci::{DriverName, PciAddress};

/// Why a write failed.
#[derive(Debug, Error)]
pub enum ActError {
    /// The kernel refused it.
    #[error("{}", SystemError(.0))]
    Refused(io::Error),
    /// It had not returned at the deadline. It may still take effect, or hang for ever.
    #[error("it did not finish in time")]
    Late,
}

/// What performs steps.
pub trait Kernel {
    /// Performs one write.
    ///
    /// # Errors
    /// When the kernel refuses it, or it does not return in time.
    fn perform(&mut self, step: &Step) -> Result<(), ActError>;

    /// The driver that `function` is bound to now.
    ///
    /// # Errors
    /// When sysfs cannot be read, for example because the function was removed.
    fn driver(&mut self, function: PciAddress) -> io::Result<Option<DriverName>>;
}

/// The step at which the execution stopped.
#[derive(Debug)]
pub struct Stop {
    /// The step that failed.
    pub step: Step,
    /// Why.
    pub why: ActError,
}

/// Performs `steps`.
///
/// # Errors
/// The first step that failed; those after it were not tried.
pub fn execute(steps: &[Step], kernel: &mut impl Kernel) -> Result<(), Stop> {
    for step in steps {
        match kernel.perform(step) {
            Ok(()) => (),
            // Another program was faster: the result is the same.
            Err(ActError::Refused(_)) if is_so(step, kernel) => (),
            Err(why) => {
                let step = step.clone();
                return Err(Stop { step, why });
            }
        }
    }
    Ok(())
}

fn is_so(step: &Step, kernel: &mut impl Kernel) -> bool {
    let Ok(now) = kernel.driver(step.function()) else {
        return false;
    };
    match step {
        Step::Unbind { .. } => now.is_none(),
        Step::Bind { driver, .. } => now.as_ref() == Some(driver),
        Step::Override { .. } | Step::Probe { .. } => false,
    }
}
