//! Judges the claimed devices that are no cards, but without which the guest would not work.

use crate::binding::{CardView, VirtualFunction, judge_attach};
use crate::domain_xml::Claim;
use crate::error::Error;
use crate::gpu::PciFunction;
use crate::hook::Hook;
use crate::hook::refusal::HookRefusal;
use crate::pci::PciAddress;

/// The driver of NVSwitches on the host.
const HOST_DRIVER: &str = "nvidia-nvswitch";

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
            if function.is_nvswitch() {
                self.judge_switch(function.address, is_managed)?;
            }
        }
        Ok(())
    }

    /// Refuses an NVSwitch that a process of the host uses, or that would stay with the host. libvirt itself
    /// takes a managed one from the host; the fabric manager must not have it then.
    fn judge_switch(&self, address: PciAddress, is_managed: bool) -> Result<(), HookRefusal> {
        let users = self.machine.users_of(&[address], &[], self.deadline);
        let view = CardView {
            users: users.found,
            unseen: users.unseen,
            ..CardView::default()
        };
        let refusals = judge_attach(&view, true);
        if !refusals.is_empty() {
            return Err(HookRefusal::SwitchInUse { address, refusals });
        }
        let driver = self.machine.driver(address).map_err(Error::from)?;
        match driver.filter(|driver| driver.as_str() == HOST_DRIVER && !is_managed) {
            Some(_) => Err(HookRefusal::SwitchOnHost(address)),
            None => Ok(()),
        }
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
