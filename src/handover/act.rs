//! Performs the steps of one function, and checks their effect.

use std::io;

use nix::errno::Errno;

use crate::binding::{
    ActError, Binding, Former, Step, Stop, Stub, execute, plan_rebind, plan_restore,
};
use crate::failure::SystemError;
use crate::gpu::GpuCard;
use crate::handover::{Fault, FunctionError, Handover};
use crate::pci::{DriverName, PciAddress, PciSlot};

/// Why a function was not rebound.
pub(super) enum NotRebound {
    /// The kernel refused a step, or it had no effect.
    Refused(FunctionError),
    /// A write has not ended in time.
    Late(String),
}

impl Handover<'_> {
    /// Performs the steps of one function.
    pub(super) fn act(&self, steps: &[Step]) -> Result<(), NotRebound> {
        execute(steps, &mut self.kernel.clone()).map_err(|Stop { step, why }| match why {
            ActError::Refused(source) => NotRebound::Refused(FunctionError::Step { step, source }),
            ActError::Late => NotRebound::Late(step.to_string()),
        })
    }

    /// Binds a function to the stub driver with these steps.
    pub(super) fn bind_to_stub(&self, before: &Binding, steps: &[Step]) -> Result<(), NotRebound> {
        self.act(steps)?;
        let function = before.function;
        // The kernel reports every probe as a success.
        match self
            .machine
            .binding(function, &Stub::Named(before.stub.clone()))
        {
            // libvirt goes on only with a VFIO driver, and any driver can be named in the XML.
            Ok(now) if self.models.contains_key(&function) && !now.is_vfio => {
                Err(NotRebound::Refused(FunctionError::NotVfio {
                    function,
                    driver: before.stub.clone(),
                }))
            }
            Ok(now) if now.is_detached() => Ok(()),
            Ok(now) => Err(NotRebound::Refused(FunctionError::NotBound {
                function,
                stub: now.stub,
            })),
            Err(error) => Err(unseen(function, error.into())),
        }
    }

    /// Restores a function.
    pub(super) fn restore(&self, former: &Former, is_interrupted: bool) -> Result<(), NotRebound> {
        let function = former.function;
        let seen = |fault| unseen(function, fault);
        let now = self.binding(function).map_err(seen)?;
        let now = former.seen(now);
        let steps = plan_restore(&now, former, is_interrupted);
        // A driver may refuse to load if it finds no device to bind, so the function is freed first.
        let binds = steps
            .iter()
            .position(|step| matches!(step, Step::Bind { .. }));
        let (freeing, binding) = steps.split_at(binds.unwrap_or(steps.len()));
        self.act(freeing)?;
        if !binding.is_empty() {
            self.load_driver(former)?;
        }
        match self.act(binding) {
            Err(NotRebound::Refused(why)) if self.has_no_match(&why, former) => {
                self.rebind(former)?;
            }
            bound => bound?,
        }
        let then = self.binding(function).map_err(seen)?;
        self.is_restored(&now, &then, former)
    }

    /// Whether a bind failed because the driver's ids do not match the function any more.
    fn has_no_match(&self, why: &FunctionError, former: &Former) -> bool {
        let FunctionError::Step {
            step: Step::Bind { function, driver },
            source,
        } = why
        else {
            return false;
        };
        source.raw_os_error() == Some(Errno::ENODEV as i32)
            && self.machine.has_override(*function)
            && former.driver_override.as_deref() != Some(driver.as_str())
    }

    /// Binds a function to its former driver by an override.
    fn rebind(&self, former: &Former) -> Result<(), NotRebound> {
        let Some(driver) = &former.driver else {
            return Ok(());
        };
        let [overriding, bind, restoring] = plan_rebind(former, driver);
        let bound = self.act(&[overriding, bind]);
        if matches!(bound, Err(NotRebound::Late(_))) {
            return bound;
        }
        self.act(&[restoring])?;
        bound
    }

    /// Loads the former driver again if it was unloaded meanwhile.
    fn load_driver(&self, former: &Former) -> Result<(), NotRebound> {
        let missing = former.driver.as_ref();
        let Some(driver) = missing.filter(|driver| !self.machine.has_driver(driver)) else {
            return Ok(());
        };
        let module = former.module.as_deref().unwrap_or(driver.as_str());
        let loaded = self.load(driver, module, former.function.slot());
        loaded.map_err(|why| match why {
            ActError::Late => NotRebound::Late(format!("modprobe {module}")),
            ActError::Refused(why) => NotRebound::Refused(FunctionError::NotLoaded {
                function: former.function,
                driver: driver.clone(),
                why: SystemError(&why).to_string(),
            }),
        })
    }

    /// Loads the module of a driver for the card in `slot`.
    fn load(&self, driver: &DriverName, module: &str, slot: PciSlot) -> Result<(), ActError> {
        self.kernel.load(module, slot)?;
        match self.machine.has_driver(driver) {
            true => Ok(()),
            false => Err(ActError::Refused(io::Error::other(format!(
                "modprobe {module} succeeded, but the driver is not there; it may be blacklisted"
            )))),
        }
    }

    fn is_restored(
        &self,
        before: &Binding,
        now: &Binding,
        former: &Former,
    ) -> Result<(), NotRebound> {
        let function = former.function;
        let was_ours = before.driver.is_none() || before.is_detached();
        if was_ours && now.driver != former.driver {
            return Err(NotRebound::Refused(match former.driver.clone() {
                Some(driver) => FunctionError::NotBoundAgain { function, driver },
                None => FunctionError::StillBound(function),
            }));
        }
        if was_ours && now.driver_override != former.driver_override {
            return Err(NotRebound::Refused(FunctionError::Override(function)));
        }
        Ok(())
    }

    /// Which driver each function of a card is on now.
    pub(super) fn drivers_now(&self, card: &GpuCard) -> String {
        let on = card.functions.iter().map(|function| {
            let address = function.address;
            match self.machine.driver(address) {
                Ok(Some(driver)) => format!("{address} is bound to {driver}"),
                Ok(None) => format!("{address} is bound to no driver"),
                Err(_) => format!("{address} could not be read"),
            }
        });
        on.collect::<Vec<_>>().join(", ")
    }
}

pub(super) fn unseen(function: PciAddress, fault: Fault) -> NotRebound {
    NotRebound::Refused(FunctionError::Unseen {
        function,
        why: Box::new(fault),
    })
}
