//! A module that newer kernels do not have, and that guides for pass-through still name.

use crate::readiness::cmdline::underscored;
use crate::readiness::{ConfigFile, Finding, HostFacts};

const TOPIC: &str = "modules";
/// It became a part of the module vfio ("vfio: Fold vfio_virqfd.ko into vfio.ko").
const REMOVED: &str = "vfio_virqfd";
/// The first kernel without it.
const REMOVED_IN: (u32, u32) = (6, 2);

/// The files that name it. To build an initramfs with a module that is missing fails, or warns.
pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    if !is_missing(facts) {
        return Vec::new();
    }
    let files = facts.module_lists.iter().filter(|file| names_it(file));
    files.map(|file| finding(file, facts)).collect()
}

fn finding(file: &ConfigFile, facts: &HostFacts) -> Finding {
    let path = &file.path;
    let text = format!(
        "{path} names {REMOVED}, but this kernel has no such module: it is part of vfio since Linux 6.2"
    );
    let remedy = format!(
        "remove {REMOVED} from {path}, {}",
        facts.initramfs.rebuild()
    );
    Finding::warn(TOPIC, text, remedy)
}

/// Whether this kernel is known to be without it.
fn is_missing(facts: &HostFacts) -> bool {
    let modules = &facts.modules;
    match modules.are_listed() {
        true => !modules.has(REMOVED),
        false => version(&facts.platform.release).is_some_and(|version| version >= REMOVED_IN),
    }
}

/// Whether a file names it outside a comment: as a word, in quotes, or in a list of bash.
fn names_it(file: &ConfigFile) -> bool {
    let text = file.text.as_deref().unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| line.split('#').next());
    lines.any(|line| {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let mut words = line.split(|c: char| !is_of_name(c));
        words.any(|word| underscored(word) == REMOVED)
    })
}

/// The first two numbers of a release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_is_found_in_the_files_of_each_tool_and_not_in_comments() {
        for (text, is_named) in [
            ("force_drivers+=\" vfio_pci vfio_virqfd \"", true),
            ("MODULES=(vfio_pci\n  vfio_virqfd)", true),
            ("vfio\nvfio-virqfd\n", true),
            ("# vfio_virqfd\nvfio # not vfio_virqfd", false),
            ("vfio_virqfd2", false),
        ] {
            let file = ConfigFile {
                path: String::new(),
                text: Ok(text.to_owned()),
            };
            assert_eq!(names_it(&file), is_named, "{text}");
        }
    }

    #[test]
    fn version_is_the_first_two_numbers() {
        assert_eq!(version("6.3.2-arch1-1"), Some((6, 3)));
        assert_eq!(version("6.2-rc1"), Some((6, 2)));
        assert_eq!(version(""), None);
    }
}
