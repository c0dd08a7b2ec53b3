//! The places where ids for vfio-pci are set.

use crate::readiness::modprobe::Directive;
use crate::readiness::vfio_ids::id::is_named;
use crate::readiness::{FunctionFacts, HostFacts};

/// The ids of one `vfio-pci.ids=`, and where it is set.
pub(super) struct IdsOption<'f> {
    pub place: String,
    pub file: Option<&'f str>,
    pub ids: Vec<String>,
}

impl IdsOption<'_> {
    pub(super) fn has(&self, function: &FunctionFacts) -> bool {
        let identity = function.identity.as_ref();
        identity.is_some_and(|identity| self.ids.iter().any(|id| is_named(id, identity)))
    }
}

pub(super) fn options(facts: &HostFacts) -> Vec<IdsOption<'_>> {
    let mut options = Vec::new();
    let ids: Vec<&str> = facts.platform.cmdline.parts("vfio-pci.ids").collect();
    if !ids.is_empty() {
        options.push(IdsOption {
            place: "vfio-pci.ids on the kernel command line".to_owned(),
            file: None,
            ids: ids.into_iter().map(str::to_owned).collect(),
        });
    }
    for (path, rule) in facts.modprobe.rules() {
        if !rule.is(Directive::Options, "vfio-pci") {
            continue;
        }
        let values = rule
            .words
            .iter()
            .filter_map(|parameter| parameter.strip_prefix("ids="));
        let ids: Vec<String> = values
            .flat_map(|v| v.split(','))
            .map(str::to_owned)
            .collect();
        if !ids.is_empty() {
            options.push(IdsOption {
                place: format!("`options vfio-pci ids=` in {path}"),
                file: Some(path),
                ids,
            });
        }
    }
    options
}
