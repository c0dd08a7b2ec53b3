//! Carries steps out, in order, and stops at the first that fails.

use std::io;

use thiserror::Error;

use crate::binding::Step;
use crate::pci::{DriverName, PciAddress};

/// Why one write came to nothing.
#[derive(Debug, Error)]
pub enum ActError {
    /// The kernel refused it.
    #[error("{0}")]
    Refused(io::Error),
    /// It had not returned when the deadline passed. It may still take effect, or never end.
    #[error("it did not finish in time")]
    Late,
}

/// What carries steps out.
pub trait Kernel {
    /// Performs one write.
    ///
    /// # Errors
    /// When it is refused, or does not end in time.
    fn perform(&mut self, step: &Step) -> Result<(), ActError>;

    /// The driver that `function` is bound to now.
    ///
    /// # Errors
    /// When that cannot be seen, as for a function that is gone.
    fn driver(&mut self, function: PciAddress) -> io::Result<Option<DriverName>>;
}

/// Where steps came to an end before their time.
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
            // Somebody else was quicker: it is as the step would have it.
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
