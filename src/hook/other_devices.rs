//! Judges the claimed devices that are no cards, but without which the guest would not work.

use crate::binding::VirtualFunction;
use crate::domain_xml::Claim;
use crate::error::Error;
use crate::gpu::PciFunction;
use crate::hook::Hook;
use crate::hook::refusal::HookRefusal;
use crate::pci::PciAddress;

impl Hook<'_> {
    /// Judges those of the `functions` in the claimed slots that are claimed.
    pub(super) fn judge_other_devices(
        &self,
        functions: &[PciFunction],
        claims: &[Claim],
    ) -> Result<(), HookRefusal> {
        for claim in claims {
            let is_claimed = |one: &&PciFunction| Some(one.address) == claim.function();
            let Some(function) = functions.iter().find(is_claimed) else {
                continue;
            };
            let is_managed = matches!(claim, Claim::Managed(_));
            if function.is_virtual && is_managed {
                self.refuse_managed(function.address)?;
            }
        }
        Ok(())
    }

    /// Refuses a virtual function that libvirt would take from the driver that gives it to the guest.
    fn refuse_managed(&self, address: PciAddress) -> Result<(), HookRefusal> {
        let claimed = self.machine.virtual_function(address);
        let claimed = claimed.map_err(Error::from)?;
        match claimed.filter(VirtualFunction::needs_its_driver) {
            Some(claimed) => Err(HookRefusal::ManagedVirtualFunction(claimed)),
            None => Ok(()),
        }
    }
}
