//! Reads the state of a card, from which everything is decided.

use crate::binding::{
    ActError, Binding, CardRecord, CardView, PendingWrite, Refusal, Stub, in_order,
};
use crate::gpu::GpuCard;
use crate::handover::{Fault, Handover, Mode};
use crate::host::SysfsError;
use crate::naming::replaced_cards;
use crate::paths::PCI_DEVICES;
use crate::pci::{DriverName, PciAddress};

impl Handover<'_> {
    /// How the functions of a card are bound, in the order in which they are rebound.
    pub(super) fn bindings(&self, card: &GpuCard) -> Result<Vec<Binding>, Fault> {
        let functions = card.functions.iter();
        let bindings: Result<Vec<Binding>, Fault> = functions
            .map(|function| self.binding(function.address))
            .collect();
        let mut bindings = bindings?;
        in_order(&mut bindings);
        Ok(bindings)
    }

    /// The driver that a function is bound to for a guest.
    pub(super) fn stub_of(&self, function: PciAddress) -> DriverName {
        let aliases = self.aliases.get_or_init(|| self.machine.vfio_aliases());
        let model = self.models.get(&function).cloned().map(Stub::Named);
        let stub = model.as_ref().unwrap_or(&self.stub);
        self.machine.stub_of(function, stub, aliases)
    }

    /// How one function is bound, with its override and its own stub driver.
    pub(super) fn binding(&self, function: PciAddress) -> Result<Binding, Fault> {
        let mut binding = self.machine.binding(function, &self.stub)?;
        binding.stub = self.stub_of(function);
        let path = format!("{PCI_DEVICES}/{function}/driver_override");
        if !self.machine.has_override(function) {
            return Ok(binding);
        }
        match self.kernel.read(&path) {
            Ok(text) => binding.driver_override = overriding(&text),
            Err(ActError::Late) => {
                let write = format!("that of another program, which blocks {path}");
                let pending = PendingWrite::of_unknown(write);
                return Err(Fault::Refused(vec![Refusal::Poisoned(pending)]));
            }
            Err(ActError::Refused(source)) => {
                return Err(Fault::Sysfs(SysfsError::Read {
                    path: self.machine.path(path),
                    source,
                }));
            }
        }
        Ok(binding)
    }

    /// The state of a card for `detach`.
    pub(super) fn view_for_detach(&self, card: &GpuCard) -> Result<CardView, Fault> {
        let mut view = self.card_view(card)?;
        for binding in &mut view.bindings {
            binding.stub = self.stub_of(binding.function);
        }
        let functions: Vec<PciAddress> = card.functions.iter().map(|f| f.address).collect();
        Ok(self.with_users(view, card, &functions))
    }

    /// The same without the users of the card.
    pub(super) fn card_view(&self, card: &GpuCard) -> Result<CardView, Fault> {
        let (view, errors) = self.machine.card_view(card, &self.cards, &self.stub);
        match errors.into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(view),
        }
    }

    /// The state of a card for `attach`, which unbinds the functions in `unbound`.
    pub(super) fn view_for_attach(&self, card: &GpuCard, unbound: &[PciAddress]) -> CardView {
        let functions = card.functions.iter().map(|function| function.address);
        let kept = functions.filter_map(|f| Some((f, self.machine.driverctl(f)?)));
        let view = CardView {
            driverctl: kept.collect(),
            ..CardView::default()
        };
        self.with_users(view, card, unbound)
    }

    fn with_users(&self, view: CardView, card: &GpuCard, functions: &[PciAddress]) -> CardView {
        let users = self
            .machine
            .function_users(functions, card, &self.cards, self.deadline);
        CardView {
            notes: users.note().into_iter().collect(),
            users: users.found,
            unseen: users.unseen,
            ..view
        }
    }

    /// A process that uses a function since it was first checked.
    pub(super) fn new_user(&self, card: &GpuCard, function: PciAddress) -> Option<Refusal> {
        let view = self.with_users(CardView::default(), card, &[function]);
        let used = view.users.into_iter().map(Refusal::Used);
        used.chain(view.unseen.into_iter().map(Refusal::Unseen))
            .next()
    }

    /// Refuses a card with a write under way, or that is not the recorded one.
    pub(super) fn refuse_known(
        &self,
        card: &GpuCard,
        record: Option<&CardRecord>,
        mode: Mode,
    ) -> Result<(), Fault> {
        self.refuse_pending(card.slot(), record, mode)?;
        let replaced_cards = replaced_cards(self.machine, &self.cards)?.into_iter();
        let differs = replaced_cards.filter(|(slot, _)| card.is_in(*slot));
        let refusals: Vec<Refusal> = differs.map(|(_, refusal)| refusal).collect();
        match refusals.is_empty() {
            true => Ok(()),
            false => Err(Fault::Refused(refusals)),
        }
    }
}

/// The override in the text of sysfs; `(null)` means none.
fn overriding(text: &str) -> Option<String> {
    let name = text.strip_suffix('\n').unwrap_or(text);
    (!matches!(name, "(null)" | "")).then(|| name.to_owned())
}
