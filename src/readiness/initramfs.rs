//! The tool that builds the initramfs: the one that is installed, not the one that a distribution
//! usually has. The initramfs contains a copy of `/etc/modprobe.d`.

use crate::readiness::Programs;
use crate::readiness::image::ImageSystem;

/// A tool that builds the initramfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// By this program it is known: a name, or a path that is in no folder of programs.
    pub program: &'static str,
    /// The command that rebuilds the initramfs of the running kernel.
    pub command: &'static str,
    /// The manual page or document that says so.
    pub source: &'static str,
    /// Whether it calls another tool of this table: then that one is not the answer.
    is_front: bool,
}

const BOOSTER_SCRIPT: &str = "/usr/lib/booster/regenerate_images";

/// The tools, those first that call others.
pub const TOOLS: [Tool; 8] = [
    tool(
        "update-initramfs",
        "update-initramfs -u",
        "update-initramfs(8)",
        true,
    ),
    tool(
        "dracut-rebuild",
        "dracut-rebuild",
        "EndeavourOS wiki, \"Dracut\"",
        true,
    ),
    tool(
        BOOSTER_SCRIPT,
        BOOSTER_SCRIPT,
        "Arch's package booster",
        true,
    ),
    tool("mkinitcpio", "mkinitcpio -P", "mkinitcpio(8)", false),
    tool(
        "booster",
        "booster build --force IMAGE",
        "booster(1)",
        false,
    ),
    tool("dracut", "dracut -f", "dracut(8)", false),
    tool("genkernel", "genkernel initramfs", "genkernel(8)", false),
    tool("mkinitfs", "mkinitfs", "mkinitfs(1)", false),
];

const fn tool(
    program: &'static str,
    command: &'static str,
    source: &'static str,
    is_front: bool,
) -> Tool {
    Tool {
        program,
        command,
        source,
        is_front,
    }
}

/// What builds the initramfs of this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Initramfs {
    image: Option<ImageSystem>,
    tools: Vec<Tool>,
}

impl Initramfs {
    /// The tool among the programs of a host.
    pub fn of(image: Option<ImageSystem>, programs: &Programs) -> Self {
        let installed = || TOOLS.into_iter().filter(|tool| programs.has(tool.program));
        let tools = match installed().find(|tool| tool.is_front) {
            Some(front) => vec![front],
            None => installed().collect(),
        };
        Self { image, tools }
    }

    /// How to rebuild it: a remedy, up to the reboot.
    pub fn rebuild(&self) -> String {
        if let Some(image) = self.image {
            return format!("{}, then reboot", image.rebuild().0);
        }
        let commands: Vec<String> = self
            .tools
            .iter()
            .map(|tool| format!("`{}`", tool.command))
            .collect();
        match commands.as_slice() {
            [] => "rebuild the initramfs, then reboot".to_owned(),
            [command] => format!("run {command}, then reboot"),
            [first, others @ ..] => format!(
                "rebuild the initramfs with the tool that built it ({first} or {}), then reboot",
                others.join(" or ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn initramfs_is_rebuilt_by_the_tool_that_is_installed() {
        for (programs, remedy) in [
            (vec!["dracut"], "run `dracut -f`, then reboot"),
            (
                vec!["dracut", "dracut-rebuild"],
                "run `dracut-rebuild`, then reboot",
            ),
            (
                vec!["dracut", "update-initramfs"],
                "run `update-initramfs -u`, then reboot",
            ),
            (vec!["mkinitcpio"], "run `mkinitcpio -P`, then reboot"),
            (
                vec!["booster"],
                "run `booster build --force IMAGE`, then reboot",
            ),
            (
                vec!["booster", BOOSTER_SCRIPT],
                "run `/usr/lib/booster/regenerate_images`, then reboot",
            ),
            (vec!["genkernel"], "run `genkernel initramfs`, then reboot"),
            (vec!["mkinitfs"], "run `mkinitfs`, then reboot"),
            (
                vec!["dracut", "mkinitcpio"],
                "rebuild the initramfs with the tool that built it (`mkinitcpio -P` or `dracut -f`), \
                 then reboot",
            ),
            (vec![], "rebuild the initramfs, then reboot"),
        ] {
            let initramfs = Initramfs::of(None, &Programs::of(programs));
            assert_eq!(initramfs.rebuild(), remedy);
        }
    }

    #[test]
    fn image_based_system_rebuilds_the_initramfs_its_own_way() {
        let dracut = Programs::of(["dracut", "mkinitcpio"]);
        for (image, command) in [
            (
                ImageSystem::RpmOstree,
                "`rpm-ostree upgrade` rebuilds it), then reboot",
            ),
            (
                ImageSystem::TransactionalUpdate,
                "run `transactional-update initrd`, then reboot",
            ),
            (ImageSystem::NixOs, "run `nixos-rebuild boot`, then reboot"),
            (ImageSystem::Bootc, "update this host to it, then reboot"),
            (
                ImageSystem::Unraid,
                "has no initramfs to rebuild), then reboot",
            ),
        ] {
            let remedy = Initramfs::of(Some(image), &dracut).rebuild();
            assert!(remedy.ends_with(command), "{remedy}");
        }
    }
}
