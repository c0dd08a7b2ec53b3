//! Acting: the steps of one function, seen to have had their effect.

use crate::binding::{ActError, Binding, CardRecord, Former, Step, Stop, execute, plan_restore};
use crate::gpu::GpuCard;
use crate::handover::{Fault, FunctionError, Handover};
use crate::pci::PciAddress;

/// Why a function is not where it was to go.
pub(super) enum Missed {
    /// The kernel refused a step, or did it without effect.
    Refused(FunctionError),
    /// A step did not end in time: the card is poisoned.
    Stuck(Step),
}

impl Handover<'_> {
    /// Carries out the steps of one function.
    pub(super) fn act(&self, steps: &[Step]) -> Result<(), Missed> {
        execute(steps, &mut self.kernel.clone()).map_err(|Stop { step, why }| match why {
            ActError::Refused(source) => Missed::Refused(FunctionError::Step { step, source }),
            ActError::Late => Missed::Stuck(step),
        })
    }

    /// Puts a function on the stub driver, by these steps.
    pub(super) fn take(&self, function: PciAddress, steps: &[Step]) -> Result<(), Missed> {
        self.act(steps)?;
        // The kernel calls a probe a success whatever came of it.
        match self.machine.binding(function) {
            Ok(now) if now.is_detached(&self.stub) => Ok(()),
            Ok(_) => Err(Missed::Refused(FunctionError::NotTaken {
                function,
                stub: self.stub.clone(),
            })),
            Err(error) => Err(unseen(function, error.into())),
        }
    }

    /// Makes a function what it was.
    pub(super) fn restore(&self, former: &Former) -> Result<Vec<Step>, Missed> {
        let function = former.function;
        let seen = |fault| unseen(function, fault);
        let now = self.binding(function).map_err(seen)?;
        let steps = plan_restore(&now, former, &self.stub);
        // A driver that finds no card of its own to bind may refuse to be loaded: the card comes first.
        let binds = steps
            .iter()
            .position(|step| matches!(step, Step::Bind { .. }));
        let (freeing, binding) = steps.split_at(binds.unwrap_or(steps.len()));
        self.act(freeing)?;
        self.load_driver(former, binding);
        self.act(binding)?;
        let then = self.binding(function).map_err(seen)?;
        self.is_restored(&now, &then, former)?;
        Ok(steps)
    }

    /// The driver that a function goes back to may have been unloaded meanwhile. Whether loading it
    /// helped is seen when it is bound.
    fn load_driver(&self, former: &Former, steps: &[Step]) {
        let binds = steps.iter().any(|step| matches!(step, Step::Bind { .. }));
        let Some(driver) = former.driver.as_ref().filter(|_| binds) else {
            return;
        };
        if !self.machine.has_driver(driver) {
            let module = former.module.as_deref().unwrap_or(driver.as_str());
            let _ = self.kernel.load(module);
        }
    }

    fn is_restored(&self, before: &Binding, now: &Binding, former: &Former) -> Result<(), Missed> {
        let function = former.function;
        let was_ours = before.driver.is_none() || before.is_detached(&self.stub);
        if was_ours && now.driver != former.driver {
            return Err(Missed::Refused(match former.driver.clone() {
                Some(driver) => FunctionError::NotBack { function, driver },
                None => FunctionError::NotFree(function),
            }));
        }
        if was_ours && now.driver_override != former.driver_override {
            return Err(Missed::Refused(FunctionError::Override(function)));
        }
        Ok(())
    }

    /// Marks a card as one that must not be touched until the next boot.
    pub(super) fn poison(&self, card: &GpuCard, mut record: CardRecord, step: Step) -> Fault {
        record.poisoned = Some(step.to_string());
        let kept = self.machine.save_record(card.slot(), &record);
        Fault::Stuck {
            step,
            seconds: self.deadline.as_secs_f32(),
            is_recorded: kept.is_ok(),
            standing: self.standing(card),
        }
    }

    /// Which driver each function of a card is on now.
    pub(super) fn standing(&self, card: &GpuCard) -> String {
        let on = card.functions.iter().map(|function| {
            let address = function.address;
            match self.machine.driver(address) {
                Ok(Some(driver)) => format!("{address} is on {driver}"),
                Ok(None) => format!("{address} is on no driver"),
                Err(_) => format!("{address} could not be read"),
            }
        });
        on.collect::<Vec<_>>().join(", ")
    }
}

pub(super) fn unseen(function: PciAddress, fault: Fault) -> Missed {
    Missed::Refused(FunctionError::Unseen {
        function,
        why: Box::new(fault),
    })
}
