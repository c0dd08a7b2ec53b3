//! Detaching: every function of a card onto the stub driver, or all as it was.

use crate::Exit;
use crate::binding::{Binding, CardRecord, Phase, Refusal, judge_detach, plan_detach};
use crate::gpu::{CardName, GpuCard};
use crate::handover::act::Missed;
use crate::handover::{CardError, Done, Fault, Handed, Handover, Mode};
use crate::pci::PciSlot;

impl Handover<'_> {
    /// Puts a card on the stub driver. The cards in `leaving` are to go with it: what they have in
    /// its IOMMU group does not keep it. Whoever calls this holds the lock.
    ///
    /// # Errors
    /// Why it was not done, and how things stand.
    pub fn detach(
        &self,
        card: &GpuCard,
        leaving: &[CardName],
        mode: Mode,
    ) -> Result<Done, CardError> {
        self.try_detach(card, leaving, mode)
            .map_err(|fault| CardError {
                verb: "detach",
                name: card.name,
                slot: card.display.address.slot(),
                fault,
            })
    }

    fn try_detach(&self, card: &GpuCard, leaving: &[CardName], mode: Mode) -> Result<Done, Fault> {
        let slot = card.display.address.slot();
        let record = self.machine.card_record(slot)?;
        let known = self.known(card, record.as_ref())?;
        if known.is_empty() && self.is_detached(card)? {
            return self.already(card, slot, record, mode);
        }
        let bindings = self.bindings(card)?;
        let mut view = self.view_for_detach(card, &bindings)?;
        view.known = known;
        let mut done = Done::default();
        let mut refusals = judge_detach(&view, &self.stub, leaving);
        if refusals.is_empty() {
            refusals.extend(self.missing_stub(mode, &mut done));
        }
        if !refusals.is_empty() {
            return Err(Fault::Refused(refusals));
        }
        let before = CardRecord::before_detaching(self.machine.boot(), &bindings, record.as_ref());
        if mode == Mode::Real {
            self.machine.keep_record(slot, &before)?;
        }
        for (index, binding) in bindings.iter().enumerate() {
            let steps = plan_detach(binding, &self.stub);
            if mode == Mode::Real {
                let taken = self.take(binding.function, &steps);
                taken.map_err(|missed| self.undo(card, &bindings[..=index], &before, missed))?;
            }
            done.functions.push(self.handed(binding, steps.is_empty()));
            done.steps.extend(steps);
        }
        if mode == Mode::Real {
            done.notes.extend(self.confirm(slot, before));
        }
        Ok(done)
    }

    /// Whether every function is with guests already. The override, which takes longer to ask for,
    /// is of no interest then.
    fn is_detached(&self, card: &GpuCard) -> Result<bool, Fault> {
        for function in &card.functions {
            if !self
                .machine
                .binding(function.address)?
                .is_detached(&self.stub)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn already(
        &self,
        card: &GpuCard,
        slot: PciSlot,
        record: Option<CardRecord>,
        mode: Mode,
    ) -> Result<Done, Fault> {
        let mut done = Done::default();
        for function in &card.functions {
            let binding = self.machine.binding(function.address)?;
            done.functions.push(self.handed(&binding, true));
        }
        // Whoever detached it died before saying so.
        let unfinished = record.filter(|record| record.phase != Phase::Detached);
        if let Some(record) = unfinished.filter(|_| mode == Mode::Real) {
            done.notes.extend(self.confirm(slot, record));
        }
        Ok(done)
    }

    /// Writes down that a card is detached. Without that all is well but for `recover`, which would
    /// take it for unfinished; so it is no failure.
    pub(super) fn confirm(&self, slot: PciSlot, record: CardRecord) -> Option<String> {
        let record = record.in_phase(Phase::Detached);
        let kept = self.machine.keep_record(slot, &record);
        kept.err()
            .map(|error| format!("{error}: `gpupci recover` will look at it again"))
    }

    fn handed(&self, binding: &Binding, was_so: bool) -> Handed {
        Handed {
            function: binding.function,
            class: binding.class,
            was_so,
            driver: if was_so {
                binding.driver.clone()
            } else {
                Some(self.stub.clone())
            },
        }
    }

    /// Loads the stub driver if it is not there. A dry run only says that it would.
    fn missing_stub(&self, mode: Mode, done: &mut Done) -> Option<Refusal> {
        if self.machine.has_driver(&self.stub) {
            return None;
        }
        let module = self.stub.as_str().replace('-', "_");
        if mode == Mode::DryRun {
            done.notes.push(format!("modprobe {module} comes first"));
            return None;
        }
        let why = match self.kernel.load(&module) {
            Ok(()) if self.machine.has_driver(&self.stub) => return None,
            Ok(()) => format!("modprobe {module} changed nothing; it may be blacklisted"),
            Err(why) => why,
        };
        Some(Refusal::NoStub {
            driver: self.stub.clone(),
            why,
        })
    }

    /// Gives back what was taken, last first.
    fn undo(
        &self,
        card: &GpuCard,
        taken: &[Binding],
        before: &CardRecord,
        missed: Missed,
    ) -> Fault {
        let cause = match missed {
            Missed::Stuck(step) => return self.poison(card, before.clone(), &step),
            Missed::Refused(cause) => cause,
        };
        let mut left = Vec::new();
        for binding in taken.iter().rev() {
            match before
                .former(binding.function)
                .map(|former| self.restore(former))
            {
                Some(Err(Missed::Stuck(step))) => {
                    return self.poison(card, before.clone(), &step);
                }
                Some(Err(Missed::Refused(why))) => left.push(why),
                Some(Ok(_)) | None => (),
            }
        }
        if left.is_empty() {
            // A record that stays would only make `recover` look once more.
            let _ = self.machine.forget_record(card.display.address.slot());
            return Fault::Stopped {
                cause,
                state: format!("what was done is undone: {}", self.standing(card)),
                remedy: "see what `dmesg` says of the card".to_owned(),
                exit: Exit::Failed,
            };
        }
        Fault::Stopped {
            cause,
            state: format!("{}; not undone: {}", self.standing(card), left.join("; ")),
            remedy: "see what `dmesg` says of the card, then `gpupci recover`".to_owned(),
            exit: Exit::HalfWay,
        }
    }
}
