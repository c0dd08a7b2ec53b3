//! The finding about interrupt remapping, without which VFIO refuses every device.

use crate::readiness::{Finding, HostFacts, KernelCmdline, parameters};

/// The bit for interrupt remapping in a VT-d unit's extended capabilities (VT-d specification,
/// ECAP_REG.IR).
const REMAPPING: u64 = 1 << 3;
const TOPIC: &str = "interrupt-remapping";

/// A host bridge of Intel's, by which a chipset is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chipset {
    /// The device id of the host bridge: `0x3405` is that of the X58 and 5520.
    pub device: u16,
    /// Its revision.
    pub revision: u8,
}

impl Chipset {
    /// Whether the kernel turns interrupt remapping off, because the chipset loses interrupts with it
    /// (`intel_remapping_check` in `arch/x86/kernel/early-quirks.c`). The capabilities do not show it.
    fn loses_interrupts(&self) -> bool {
        let is_5500 = matches!(self.device, 0x3403 | 0x3405 | 0x3406);
        is_5500 && (self.revision <= 0x13 || (self.device, self.revision) == (0x3405, 0x22))
    }
}

/// One IOMMU of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemappingUnit {
    /// Its name: `dmar0`.
    pub name: String,
    /// Its extended capabilities; only Intel's IOMMUs have them.
    pub capabilities: Option<u64>,
}

/// The facts about interrupt remapping.
#[derive(Clone, Debug, Default)]
pub struct InterruptFacts {
    /// The host's IOMMUs.
    pub units: Vec<RemappingUnit>,
    /// Intel's host bridges.
    pub chipsets: Vec<Chipset>,
    /// Whether VFIO accepts devices without it (`allow_unsafe_interrupts`).
    pub are_unsafe_allowed: bool,
}

/// `None` if the IOMMU is off: that is a finding of its own.
pub(super) fn judge(facts: &HostFacts) -> Option<Finding> {
    let cmdline = &facts.platform.cmdline;
    let problem = problem(&facts.interrupts, cmdline);
    match problem {
        Some(Problem::Parameter(parameter)) => {
            let remedy = facts.boot.without(parameter);
            let text =
                format!("{parameter} on the kernel command line turns interrupt remapping off");
            Some(fail_unless_allowed(&facts.interrupts, text, remedy))
        }
        Some(Problem::Chipset(Chipset { device, revision })) => {
            let text = format!(
                "the kernel turns interrupt remapping off on this chipset (8086:{device:04x} revision \
                 {revision:02x}), because it loses interrupts"
            );
            Some(fail_unless_allowed(
                &facts.interrupts,
                text,
                allow_unsafe(facts),
            ))
        }
        Some(Problem::Unit(unit)) => {
            let text = format!("the IOMMU {unit} cannot remap interrupts");
            Some(fail_unless_allowed(
                &facts.interrupts,
                text,
                allow_unsafe(facts),
            ))
        }
        None if facts.interrupts.are_unsafe_allowed => Some(Finding::warn(
            TOPIC,
            "allow_unsafe_interrupts is on, but this host does not need it",
            "echo 0 > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts, and remove \
             it from /etc/modprobe.d and the kernel command line",
        )),
        None if facts.platform.group_count == 0 => None,
        None => Some(Finding::pass(TOPIC, pass_text(&facts.interrupts))),
    }
}

/// Whether VFIO accepts the devices of this host only with `allow_unsafe_interrupts`.
pub(super) fn are_unsafe_needed(facts: &HostFacts) -> bool {
    problem(&facts.interrupts, &facts.platform.cmdline).is_some()
}

fn allow_unsafe(facts: &HostFacts) -> String {
    let keep = parameters::keep("vfio_iommu_type1", "allow_unsafe_interrupts", facts);
    format!("if you trust every guest, {keep}; a guest can then raise any interrupt of the host")
}

enum Problem<'f> {
    Parameter(&'static str),
    Chipset(&'f Chipset),
    Unit(&'f str),
}

fn problem<'f>(interrupts: &'f InterruptFacts, cmdline: &KernelCmdline) -> Option<Problem<'f>> {
    if cmdline.has("nointremap") {
        return Some(Problem::Parameter("nointremap"));
    }
    if cmdline.parts("intremap").any(|part| part == "off") {
        return Some(Problem::Parameter("intremap=off"));
    }
    let mut chipsets = interrupts.chipsets.iter();
    if let Some(chipset) = chipsets.find(|chipset| chipset.loses_interrupts()) {
        return Some(Problem::Chipset(chipset));
    }
    let mut units = interrupts.units.iter();
    let without_remapping =
        units.find(|unit| unit.capabilities.is_some_and(|c| c & REMAPPING == 0));
    without_remapping.map(|unit| Problem::Unit(&unit.name))
}

/// A failure, or a warning if `allow_unsafe_interrupts` is on.
fn fail_unless_allowed(interrupts: &InterruptFacts, text: String, remedy: String) -> Finding {
    if interrupts.are_unsafe_allowed {
        let text = format!(
            "{text}, and VFIO continues without it (allow_unsafe_interrupts): a guest can raise \
             any interrupt of the host"
        );
        return Finding::warn(TOPIC, text, "give cards only to guests that you trust");
    }
    Finding::fail(TOPIC, format!("{text}, but VFIO requires it"), remedy)
}

fn pass_text(interrupts: &InterruptFacts) -> &'static str {
    let has_capabilities = |unit: &RemappingUnit| unit.capabilities.is_some();
    if interrupts.units.iter().any(has_capabilities) {
        "every IOMMU can remap interrupts"
    } else {
        "nothing turns interrupt remapping off"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interrupts(capabilities: &[u64]) -> InterruptFacts {
        let unit = |(index, capabilities): (usize, &u64)| RemappingUnit {
            name: format!("dmar{index}"),
            capabilities: Some(*capabilities),
        };
        InterruptFacts {
            units: capabilities.iter().enumerate().map(unit).collect(),
            ..InterruptFacts::default()
        }
    }

    #[test]
    fn one_iommu_unit_without_remapping_is_an_obstacle() {
        let none = KernelCmdline::new("ro");
        let bare = interrupts(&[0x00f0_20df, 0x00f0_20d0 & !REMAPPING]);
        assert!(matches!(
            problem(&bare, &none),
            Some(Problem::Unit("dmar1"))
        ));
        assert!(problem(&interrupts(&[0x00f0_20df]), &none).is_none());
        assert!(problem(&InterruptFacts::default(), &none).is_none());
    }

    #[test]
    fn chipset_and_revision_decide_if_the_kernel_turns_remapping_off() {
        for (device, revision, is_off) in [
            (0x3403, 0x00, true),
            (0x3405, 0x13, true),
            (0x3406, 0x13, true),
            (0x3405, 0x22, true),
            (0x3403, 0x22, false),
            (0x3405, 0x14, false),
            (0x3405, 0x23, false),
            (0x0e00, 0x04, false),
        ] {
            let chipset = Chipset { device, revision };
            assert_eq!(chipset.loses_interrupts(), is_off, "{chipset:?}");
        }
    }

    #[test]
    fn both_parameters_that_turn_remapping_off_are_found() {
        for line in ["nointremap", "intremap=off", "intremap=nosid,off"] {
            let line = KernelCmdline::new(line);
            let facts = InterruptFacts::default();
            assert!(matches!(
                problem(&facts, &line),
                Some(Problem::Parameter(_))
            ));
        }
        let other = KernelCmdline::new("intremap=nosid intremap_off nosmt");
        assert!(problem(&InterruptFacts::default(), &other).is_none());
    }
}
