//! Whether the IOMMU keeps a guest's interrupts apart. Without that, VFIO hands out no device.

use crate::readiness::{Finding, HostFacts, KernelLine};

/// Interrupt remapping in a VT-d unit's extended capabilities (VT-d specification, ECAP_REG.IR).
const REMAPPING: u64 = 1 << 3;
const TOPIC: &str = "interrupt-remapping";

/// One IOMMU of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemappingUnit {
    /// Its name: `dmar0`.
    pub name: String,
    /// Its extended capabilities, where it is one of Intel's.
    pub capabilities: Option<u64>,
}

/// What is known of interrupts.
#[derive(Clone, Debug, Default)]
pub struct InterruptFacts {
    /// The host's IOMMUs.
    pub units: Vec<RemappingUnit>,
    /// Whether VFIO hands devices out all the same (`allow_unsafe_interrupts`).
    pub are_unsafe_allowed: bool,
}

/// Silent where the IOMMU is off as a whole: that is said elsewhere.
pub(super) fn judge(facts: &HostFacts) -> Option<Finding> {
    let line = &facts.platform.line;
    let obstacle = obstacle(&facts.interrupts, line);
    match obstacle {
        Some(Obstacle::Word(word)) => {
            let remedy = facts.distribution.without_argument(word);
            let text = format!("{word} on the kernel command line turns interrupt remapping off");
            Some(weighed(&facts.interrupts, text, remedy))
        }
        Some(Obstacle::Unit(unit)) => {
            let text = format!("the IOMMU {unit} cannot remap interrupts");
            let remedy = "if you trust every guest, add `options vfio_iommu_type1 \
                          allow_unsafe_interrupts=1` to /etc/modprobe.d/vfio.conf and reboot: a \
                          guest can then raise any interrupt of the host";
            Some(weighed(&facts.interrupts, text, remedy.to_owned()))
        }
        None if facts.interrupts.are_unsafe_allowed => Some(Finding::warn(
            TOPIC,
            "allow_unsafe_interrupts is on, but this host does not need it",
            "echo 0 > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts, and remove \
             it from /etc/modprobe.d and the kernel command line",
        )),
        None if facts.platform.groups == 0 => None,
        None => Some(Finding::pass(TOPIC, remark(&facts.interrupts))),
    }
}

enum Obstacle<'f> {
    Word(&'static str),
    Unit(&'f str),
}

fn obstacle<'f>(interrupts: &'f InterruptFacts, line: &KernelLine) -> Option<Obstacle<'f>> {
    if line.has("nointremap") {
        return Some(Obstacle::Word("nointremap"));
    }
    if line.parts("intremap").any(|part| part == "off") {
        return Some(Obstacle::Word("intremap=off"));
    }
    let mut units = interrupts.units.iter();
    let lacking = units.find(|unit| unit.capabilities.is_some_and(|c| c & REMAPPING == 0));
    lacking.map(|unit| Obstacle::Unit(&unit.name))
}

/// A failure, unless VFIO was told to go on all the same.
fn weighed(interrupts: &InterruptFacts, text: String, remedy: String) -> Finding {
    if interrupts.are_unsafe_allowed {
        let text = format!(
            "{text}, and VFIO continues without it (allow_unsafe_interrupts): a guest can raise \
             any interrupt of the host"
        );
        return Finding::warn(TOPIC, text, "give cards only to guests that you trust");
    }
    Finding::fail(TOPIC, format!("{text}, but VFIO requires it"), remedy)
}

fn remark(interrupts: &InterruptFacts) -> &'static str {
    let is_told = |unit: &RemappingUnit| unit.capabilities.is_some();
    if interrupts.units.iter().any(is_told) {
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
            are_unsafe_allowed: false,
        }
    }

    #[test]
    fn one_iommu_unit_without_remapping_is_an_obstacle() {
        let none = KernelLine::new("ro");
        let bare = interrupts(&[0x00f0_20df, 0x00f0_20d0 & !REMAPPING]);
        assert!(matches!(
            obstacle(&bare, &none),
            Some(Obstacle::Unit("dmar1"))
        ));
        assert!(obstacle(&interrupts(&[0x00f0_20df]), &none).is_none());
        assert!(obstacle(&InterruptFacts::default(), &none).is_none());
    }

    #[test]
    fn both_parameters_that_turn_remapping_off_are_found() {
        for line in ["nointremap", "intremap=off", "intremap=nosid,off"] {
            let line = KernelLine::new(line);
            let facts = InterruptFacts::default();
            assert!(matches!(obstacle(&facts, &line), Some(Obstacle::Word(_))));
        }
        let other = KernelLine::new("intremap=nosid intremap_off nosmt");
        assert!(obstacle(&InterruptFacts::default(), &other).is_none());
    }
}
