//! The places where ids for vfio-pci are set, and the one of them that counts.

use crate::pci::DriverName;
use crate::readiness::modprobe::{self, Directive};
use crate::readiness::vfio_ids::id::is_named;
use crate::readiness::{DriverSource, FunctionFacts, HostFacts};

/// The ids of one `vfio-pci.ids=`, and where it is set.
pub(super) struct IdsOption<'f> {
    pub place: String,
    pub source: Source<'f>,
    pub ids: Vec<String>,
}

/// Where a parameter of vfio-pci is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source<'f> {
    /// In this file.
    File(&'f str),
    /// On the kernel command line.
    KernelLine,
}

impl IdsOption<'_> {
    pub(super) fn has(&self, function: &FunctionFacts) -> bool {
        let identity = function.identity.as_ref();
        identity.is_some_and(|identity| self.ids.iter().any(|id| is_named(id, identity)))
    }

    /// Why the running kernel may not have got them.
    pub(super) fn delay(&self, facts: &HostFacts) -> Option<String> {
        match self.source {
            Source::File(path) => facts.modprobe.delay_of(path),
            Source::KernelLine => None,
        }
    }

    /// The same with one of its ids only.
    pub(super) fn with_only(&self, id: &str) -> Self {
        Self {
            place: self.place.clone(),
            source: self.source,
            ids: vec![id.to_owned()],
        }
    }

    /// How to take the ids out. Nothing needs them: gpupci binds a card by its address.
    pub(super) fn removal(&self, facts: &HostFacts) -> String {
        match self.source {
            Source::File(path) => {
                modprobe::removal("`ids=` from `options vfio-pci` in", path, facts)
            }
            Source::KernelLine => facts.boot.without("vfio-pci.ids"),
        }
    }
}

/// All places, in the order in which the kernel gets their values: modprobe passes those of its files and then
/// that of the kernel command line, and each value replaces the one before.
pub(super) fn options(facts: &HostFacts) -> Vec<IdsOption<'_>> {
    let mut options = Vec::new();
    for (path, rule) in facts.modprobe.rules() {
        if !rule.is(Directive::Options, "vfio-pci") {
            continue;
        }
        let values = rule
            .words
            .iter()
            .filter_map(|word| word.strip_prefix("ids="));
        options.extend(
            values
                .filter(|value| !value.is_empty())
                .map(|value| IdsOption {
                    place: format!("`options vfio-pci ids=` in {path}"),
                    source: Source::File(path),
                    ids: ids(value),
                }),
        );
    }
    let line = facts.platform.cmdline.values("vfio-pci.ids");
    options.extend(
        line.filter(|value| !value.is_empty())
            .map(|value| IdsOption {
                place: "vfio-pci.ids on the kernel command line".to_owned(),
                source: Source::KernelLine,
                ids: ids(value),
            }),
    );
    options
}

fn ids(value: &str) -> Vec<String> {
    value.split(',').map(str::to_owned).collect()
}

/// The option that counts: the last one. A driver that is part of the kernel gets nothing from files.
pub(super) fn in_force<'o, 'f>(
    options: &'o [IdsOption<'f>],
    facts: &HostFacts,
) -> Option<&'o IdsOption<'f>> {
    let mut options = options.iter().rev();
    options.find(|option| option.source == Source::KernelLine || !is_built_in(facts))
}

/// Whether vfio-pci is built into the kernel.
pub(super) fn is_built_in(facts: &HostFacts) -> bool {
    let mut stubs = facts.stubs.iter();
    stubs.any(|stub| stub.driver == DriverName::vfio_pci() && stub.source == DriverSource::BuiltIn)
}
