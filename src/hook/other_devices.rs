//! Judges the claimed devices that are no cards, but without which the guest would not work.

use crate::binding::{CardView, Refusal, VirtualFunction, judge_attach};
use crate::domain_xml::Claim;
use crate::error::Error;
use crate::gpu::PciFunction;
use crate::hook::refusal::HookRefusal;
use crate::hook::{Hook, functions_of};
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
        let is_claimed = |one: &&PciFunction| functions_of(claims).any(|f| f == one.address);
        let switches = functions.iter().filter(|one| one.is_nvswitch());
        let switches: Vec<PciAddress> =
            switches.filter(is_claimed).map(|one| one.address).collect();
        // One look at all processes for all switches: a baseboard has up to six.
        let are_used = !switches.is_empty() && !self.users_of(&switches).is_empty();
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
                self.judge_switch(function.address, is_managed, are_used)?;
            }
        }
        Ok(())
    }

    /// Refuses an NVSwitch that a process of the host uses, or that would stay with the host. libvirt itself
    /// takes a managed one from the host; the fabric manager must not have it then.
    fn judge_switch(
        &self,
        address: PciAddress,
        is_managed: bool,
        are_used: bool,
    ) -> Result<(), HookRefusal> {
        let refusals = match are_used {
            true => self.users_of(&[address]),
            false => Vec::new(),
        };
        if !refusals.is_empty() {
            return Err(HookRefusal::SwitchInUse { address, refusals });
        }
        let driver = self.machine.driver(address).map_err(Error::from)?;
        match driver.filter(|driver| driver.as_str() == HOST_DRIVER && !is_managed) {
            Some(_) => Err(HookRefusal::SwitchOnHost(address)),
            None => Ok(()),
        }
    }

    /// The processes of the host that use these switches.
    fn users_of(&self, switches: &[PciAddress]) -> Vec<Refusal> {
        let users = self.machine.users_of(switches, &[], self.deadline);
        let view = CardView {
            users: users.found,
            unseen: users.unseen,
            ..CardView::default()
        };
        judge_attach(&view, true)
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
