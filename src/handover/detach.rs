//! Detaches a card: binds every function to the stub driver, or undoes all.

use crate::binding::{
    Binding, CardRecord, Holder, Phase, Refusal, judge_detach, module_of, plan_detach,
};
use crate::escape::printable;
use crate::gpu::GpuCard;
use crate::handover::act::NotRebound;
use crate::handover::guest::unviable;
use crate::handover::{
    CardError, CardResult, Fault, FunctionError, FunctionResult, Handover, Mode,
};
use crate::pci::{DriverName, PciAddress, PciSlot};

impl Handover<'_> {
    /// Binds a card to the stub driver. The functions in `leaving` go to guests with it, so they may share
    /// its IOMMU group. The caller holds the lock.
    ///
    /// # Errors
    /// Why it was not done, and the state of the card.
    pub fn detach(
        &self,
        card: &GpuCard,
        leaving: &[PciAddress],
        mode: Mode,
    ) -> Result<CardResult, CardError> {
        let detached = self.try_detach(card, leaving, mode, None);
        let detached = detached.and_then(|done| self.keep_detached(card, mode, done));
        detached.map_err(|fault| CardError::new("detach", card, fault))
    }

    /// Records that a card which a guest has stays detached when the guest ends: the administrator wants it so.
    fn keep_detached(
        &self,
        card: &GpuCard,
        mode: Mode,
        mut done: CardResult,
    ) -> Result<CardResult, Fault> {
        let record = self.machine.card_record(card.slot())?;
        let Some(mut record) = record else {
            return Ok(done);
        };
        let Some(holder) = record.holder.as_mut() else {
            return Ok(done);
        };
        done.notes.push(format!(
            "guest {} has {}; the card stays detached when the guest ends",
            printable(holder.guest.as_bytes()),
            card.name
        ));
        if mode == Mode::Real && !std::mem::replace(&mut holder.was_detached, true) {
            self.machine.save_record(card.slot(), &record)?;
        }
        Ok(done)
    }

    pub(super) fn try_judge(
        &self,
        card: &GpuCard,
        leaving: &[PciAddress],
        mode: Mode,
    ) -> Result<Vec<Refusal>, Fault> {
        let record = self.machine.card_record(card.slot())?;
        self.refuse_known(card, record.as_ref(), mode)?;
        if self.is_detached(card)? {
            return Ok(unviable(&self.card_view(card)?, leaving));
        }
        let view = self.view_for_detach(card)?;
        Ok(judge_detach(&view, leaving))
    }

    /// Detaches a card for `holder`; without one, the holder in its record stays.
    pub(super) fn try_detach(
        &self,
        card: &GpuCard,
        leaving: &[PciAddress],
        mode: Mode,
        holder: Option<Holder>,
    ) -> Result<CardResult, Fault> {
        let slot = card.slot();
        let record = self.machine.card_record(slot)?;
        self.refuse_known(card, record.as_ref(), mode)?;
        if self.is_detached(card)? {
            return self.already(card, slot, record, mode);
        }
        let mut bindings = self.bindings(card)?;
        let view = self.view_for_detach(card)?;
        let mut done = CardResult::default();
        done.notes.extend(view.notes.iter().cloned());
        let mut refusals = judge_detach(&view, leaving);
        if refusals.is_empty() {
            refusals.extend(self.load_stubs(&mut bindings, mode, &mut done));
        }
        if !refusals.is_empty() {
            return Err(Fault::Refused(refusals));
        }
        let boot = self.machine.boot_id();
        let before = CardRecord::before_detaching(boot, &bindings, record.as_ref());
        let holder = holder.or_else(|| before.holder.clone());
        let before = before.held_by(holder);
        if mode == Mode::Real {
            self.machine.save_record(slot, &before)?;
        }
        for (index, binding) in bindings.iter().enumerate() {
            let steps = plan_detach(binding);
            if mode == Mode::Real {
                // Rebinding the first function took time: new processes may use the others by now.
                let late = (index > 0 && !steps.is_empty())
                    .then(|| self.new_user(card, binding.function))
                    .flatten();
                let taken = match late {
                    Some(late) => Err(NotRebound::Refused(FunctionError::Late(late))),
                    None => self.bind_to_stub(binding, &steps),
                };
                let undone = |failure| {
                    let taken = &bindings[..=index];
                    self.undo(card, taken, &before, record.as_ref(), failure)
                };
                taken.map_err(undone)?;
            }
            done.functions
                .push(self.function_result(binding, steps.is_empty()));
            done.steps.extend(steps);
        }
        if mode == Mode::Real {
            done.notes.extend(self.confirm(slot, before));
        }
        Ok(done)
    }

    /// Whether every function is detached. The override is not read: that takes longer.
    pub(super) fn is_detached(&self, card: &GpuCard) -> Result<bool, Fault> {
        for function in &card.functions {
            if !self
                .machine
                .binding(function.address, &self.stub)?
                .is_detached()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn already(
        &self,
        card: &GpuCard,
        slot: PciSlot,
        record: Option<CardRecord>,
        mode: Mode,
    ) -> Result<CardResult, Fault> {
        let mut done = CardResult::default();
        for function in &card.functions {
            let binding = self.machine.binding(function.address, &self.stub)?;
            let model = self.models.get(&function.address);
            if let Some((driver, model)) = binding.driver.as_ref().zip(model)
                && module_of(driver) != module_of(model)
            {
                done.notes.push(format!(
                    "{} is on {driver}, but the guest's XML names {model}: libvirt binds it again, and gives \
                     it to its host driver when the guest ends",
                    function.address
                ));
            }
            done.functions.push(self.function_result(&binding, true));
        }
        // The program that detached it died before it recorded that.
        let unfinished = record.filter(|record| record.phase != Phase::Detached);
        if let Some(record) = unfinished.filter(|_| mode == Mode::Real) {
            done.notes.extend(self.confirm(slot, record));
        }
        Ok(done)
    }

    /// Records that a card is detached. A failure is only a note: `recover` would check the card again.
    pub(super) fn confirm(&self, slot: PciSlot, record: CardRecord) -> Option<String> {
        let record = record.in_phase(Phase::Detached);
        let kept = self.machine.save_record(slot, &record);
        kept.err()
            .map(|error| format!("{error}: `gpupci recover` will check the card again"))
    }

    fn function_result(&self, binding: &Binding, was_already: bool) -> FunctionResult {
        FunctionResult {
            function: binding.function,
            class: binding.class,
            was_already,
            driver: if was_already {
                binding.driver.clone()
            } else {
                Some(binding.stub.clone())
            },
        }
    }

    /// Loads the stub drivers that are missing, and corrects their names. A dry run only says so.
    fn load_stubs(
        &self,
        bindings: &mut [Binding],
        mode: Mode,
        done: &mut CardResult,
    ) -> Option<Refusal> {
        let mut loaded: Vec<(DriverName, DriverName)> = Vec::new();
        for binding in bindings.iter_mut().filter(|now| !now.is_detached()) {
            let wanted = binding.stub.clone();
            if !loaded.iter().any(|(known, _)| *known == wanted) {
                let slot = binding.function.slot();
                match self.load_stub(&wanted, slot, mode, done) {
                    Ok(driver) => loaded.push((wanted.clone(), driver)),
                    Err(refusal) => return Some(refusal),
                }
            }
            let known = loaded.iter().find(|(known, _)| *known == wanted);
            binding.stub = known.map_or(wanted.clone(), |(_, driver)| driver.clone());
        }
        None
    }

    /// Loads a stub driver if it is missing. Its name can differ from that of its module.
    fn load_stub(
        &self,
        wanted: &DriverName,
        slot: PciSlot,
        mode: Mode,
        done: &mut CardResult,
    ) -> Result<DriverName, Refusal> {
        let module = module_of(wanted);
        if let Some(driver) = self.machine.loaded_driver(wanted) {
            return Ok(driver);
        }
        if mode == Mode::DryRun {
            done.notes.push(format!("first: modprobe {module}"));
            return Ok(wanted.clone());
        }
        let loaded = self.kernel.load(&module, slot);
        let driver = self.machine.loaded_driver(wanted);
        let why = match (loaded, driver) {
            (Ok(()), Some(driver)) => return Ok(driver),
            (Ok(()), None) => format!(
                "modprobe {module} succeeded, but the driver is not there; it may be blacklisted"
            ),
            (Err(why), _) => why.to_string(),
        };
        Err(Refusal::NoStub {
            driver: wanted.clone(),
            why,
        })
    }
}
