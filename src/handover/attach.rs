//! Attaches a card: restores the driver and override of every function.

use crate::binding::{Binding, CardRecord, Phase, Step, judge_attach, plan_release, plan_restore};
use crate::gpu::GpuCard;
use crate::handover::act::{NotRebound, unseen};
use crate::handover::{
    CardError, CardResult, Fault, FunctionError, FunctionResult, Handover, Mode,
};
use crate::pci::PciAddress;

impl Handover<'_> {
    /// Restores the host drivers of a card. Without a record the kernel chooses the drivers. The caller
    /// holds the lock.
    ///
    /// # Errors
    /// Why it was not done, and the state of the card.
    pub fn attach(&self, card: &GpuCard, mode: Mode) -> Result<CardResult, CardError> {
        let attached = self
            .refuse_held_detached(card)
            .and_then(|()| self.try_attach(card, mode));
        attached.map_err(|fault| CardError::new("attach", card, fault))
    }

    /// Refuses a card that a guest has. If a part of it is attached already, the rest may be too.
    fn refuse_held_detached(&self, card: &GpuCard) -> Result<(), Fault> {
        let record = self.machine.card_record(card.slot())?;
        match self.is_detached(card)? {
            true => self.refuse_held(card, record.as_ref(), None),
            false => Ok(()),
        }
    }

    pub(super) fn try_attach(&self, card: &GpuCard, mode: Mode) -> Result<CardResult, Fault> {
        let slot = card.slot();
        let record = self.machine.card_record(slot)?;
        self.refuse_known(card, record.as_ref(), mode)?;
        let card = &self.with_recorded(card, record.as_ref())?;
        let bindings = self.bindings(card)?;
        let plans: Vec<Vec<Step>> = bindings
            .iter()
            .map(|now| self.plan_back(now, record.as_ref()))
            .collect();
        if plans.iter().all(Vec::is_empty) {
            if record.is_some() && mode == Mode::Real {
                self.machine.remove_record(slot)?;
            }
            return Ok(self.result_of(&bindings, &plans));
        }
        let view = self.view_for_attach(card, &unbound(&plans));
        let refusals = judge_attach(&view, record.is_some());
        if !refusals.is_empty() {
            return Err(Fault::Refused(refusals));
        }
        if mode == Mode::DryRun {
            return Ok(self.result_of(&bindings, &plans));
        }
        let unknown = || CardRecord::of_unknown(self.machine.boot_id());
        let underway = record.clone().unwrap_or_else(unknown);
        let underway = underway.in_phase(Phase::Attaching);
        self.machine.save_record(slot, &underway)?;
        self.restore_all(card, &bindings, &plans, underway, record)
    }

    /// The card with all functions of its record. An earlier release or other settings may have detached functions
    /// that are not part of the card now.
    fn with_recorded(&self, card: &GpuCard, record: Option<&CardRecord>) -> Result<GpuCard, Fault> {
        let mut card = card.clone();
        let Some(record) = record else {
            return Ok(card);
        };
        if record
            .functions
            .iter()
            .all(|former| card.has(former.function))
        {
            return Ok(card);
        }
        let mut others = self.machine.functions_in(&[card.slot()].into())?;
        others.retain(|other| !card.has(other.address) && record.former(other.address).is_some());
        card.functions.extend(others);
        Ok(card)
    }

    /// Restores every function. A failure does not stop the others.
    fn restore_all(
        &self,
        card: &GpuCard,
        bindings: &[Binding],
        plans: &[Vec<Step>],
        underway: CardRecord,
        earlier: Option<CardRecord>,
    ) -> Result<CardResult, Fault> {
        let slot = card.slot();
        let is_interrupted = earlier.as_ref().is_some_and(CardRecord::is_interrupted);
        let mut causes = Vec::new();
        for (binding, plan) in bindings.iter().zip(plans) {
            match self.restore_one(binding, plan, &underway, is_interrupted) {
                Ok(()) => (),
                Err(NotRebound::Late(write)) => return Err(self.late(card, &underway, write)),
                Err(NotRebound::Refused(why)) => causes.push(why),
            }
        }
        if causes.is_empty() {
            let mut done = self.result_of(bindings, plans);
            if earlier.is_none() {
                done.notes.extend(driverless(&done));
            }
            // A record that is left only makes `recover` check the card again.
            let forgotten = self.machine.remove_record(slot);
            done.notes
                .extend(forgotten.err().map(|error| error.to_string()));
            return Ok(done);
        }
        let is_unchanged = self.bindings(card).is_ok_and(|now| now == bindings);
        if is_unchanged {
            self.restore_record(card, earlier.as_ref());
        }
        Err(Fault::NotRestored {
            causes,
            is_unchanged,
            drivers_now: self.drivers_now(card),
        })
    }

    fn restore_one(
        &self,
        now: &Binding,
        plan: &[Step],
        record: &CardRecord,
        is_interrupted: bool,
    ) -> Result<(), NotRebound> {
        if plan.is_empty() {
            return Ok(());
        }
        if let Some(former) = record.former(now.function) {
            return self.restore(former, is_interrupted);
        }
        self.act(plan)?;
        let function = now.function;
        match self.machine.binding(function, &self.stub) {
            Ok(then) if then.is_detached() => {
                let driver = then.driver;
                Err(NotRebound::Refused(FunctionError::BoundToStubAgain {
                    function,
                    driver,
                }))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(unseen(function, error.into())),
        }
    }

    /// The steps that restore a function, by its record if there is one.
    pub(super) fn plan_back(&self, now: &Binding, record: Option<&CardRecord>) -> Vec<Step> {
        if let Some(former) = record.and_then(|record| record.former(now.function)) {
            let is_interrupted = record.is_some_and(CardRecord::is_interrupted);
            let now = former.seen(now.clone());
            return plan_restore(&now, former, is_interrupted);
        }
        // A function without driver, override and record was not detached by gpupt.
        let is_ours = now.driver_override.as_deref() == Some(now.stub.as_str());
        if record.is_none() && now.driver.is_none() && !is_ours {
            return Vec::new();
        }
        plan_release(now)
    }

    fn result_of(&self, bindings: &[Binding], plans: &[Vec<Step>]) -> CardResult {
        let mut done = CardResult::default();
        for (binding, plan) in bindings.iter().zip(plans) {
            let driver = self.machine.driver(binding.function).ok().flatten();
            done.functions.push(FunctionResult {
                function: binding.function,
                class: binding.class,
                was_already: plan.is_empty(),
                driver,
            });
            done.steps.extend(plan.iter().cloned());
        }
        done
    }
}

/// Notes about functions that no driver bound.
fn driverless(done: &CardResult) -> Vec<String> {
    let alone = done
        .functions
        .iter()
        .filter(|function| !function.was_already);
    let alone = alone.filter(|function| function.driver.is_none());
    alone
        .map(|function| format!("no driver of this host bound {}", function.function))
        .collect()
}

/// The functions that are unbound from a driver. Only their users matter.
fn unbound(plans: &[Vec<Step>]) -> Vec<PciAddress> {
    let steps = plans.iter().flatten();
    let unbound = steps.filter(|step| matches!(step, Step::Unbind { .. }));
    unbound.map(Step::function).collect()
}
