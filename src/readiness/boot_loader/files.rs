//! The files of boot loaders, and the kernel command lines in them.

use crate::readiness::{ConfigFile, KernelCmdline};

/// The folders below which boot loaders have their files: the EFI partition is mounted at one of them.
pub const BOOT_FOLDERS: [&str; 3] = ["/boot", "/efi", "/boot/efi"];
/// Files of boot loaders below one of those folders.
pub const FILES_BELOW_BOOT: [&str; 4] = [
    "/loader/loader.conf",
    "/EFI/refind/refind.conf",
    "/limine.conf",
    "/limine/limine.conf",
];
/// Other files of boot loaders.
pub const FILES: [&str; 24] = [
    DEFAULT_GRUB,
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    GRUBENV,
    KERNEL_CMDLINE,
    "/usr/lib/kernel/cmdline",
    INSTALL_CONF,
    PROXMOX,
    "/boot/refind_linux.conf",
    DEFAULT_LIMINE,
    "/boot/syslinux/syslinux.cfg",
    "/boot/EFI/boot/syslinux.cfg",
    EXTLINUX,
    "/boot/extlinux.conf",
    UPDATE_EXTLINUX,
    DEFAULT_U_BOOT,
    ARMBIAN,
    FLASH_KERNEL,
    "/boot/firmware/cmdline.txt",
    "/boot/cmdline.txt",
    ZIPL,
    NIX_PARAMETERS,
    NIX_CONFIGURATION,
    "/boot/grub/grubenv",
];
/// Folders of which each file with this ending counts.
pub const FOLDERS: [(&str, &str); 5] = [
    (DEFAULT_GRUB_FOLDER, ".cfg"),
    ("/etc/cmdline.d", ".conf"),
    ("/boot/loader/entries", ".conf"),
    ("/efi/loader/entries", ".conf"),
    ("/boot/efi/loader/entries", ".conf"),
];
/// Each folder in here may have a `grub.cfg`.
pub const EFI_GRUBS: &str = "/boot/efi/EFI";

pub(super) const DEFAULT_GRUB: &str = "/etc/default/grub";
pub(super) const DEFAULT_GRUB_FOLDER: &str = "/etc/default/grub.d";
pub(super) const KERNEL_CMDLINE: &str = "/etc/kernel/cmdline";
pub(super) const INSTALL_CONF: &str = "/etc/kernel/install.conf";
pub(super) const PROXMOX: &str = "/etc/kernel/proxmox-boot-uuids";
pub(super) const DEFAULT_LIMINE: &str = "/etc/default/limine";
pub(super) const EXTLINUX: &str = "/boot/extlinux/extlinux.conf";
pub(super) const UPDATE_EXTLINUX: &str = "/etc/update-extlinux.conf";
pub(super) const DEFAULT_U_BOOT: &str = "/etc/default/u-boot";
pub(super) const ARMBIAN: &str = "/boot/armbianEnv.txt";
pub(super) const FLASH_KERNEL: &str = "/etc/default/flash-kernel";
pub(super) const ZIPL: &str = "/etc/zipl.conf";
pub(super) const NIX_CONFIGURATION: &str = "/etc/nixos/configuration.nix";
const NIX_PARAMETERS: &str = "/nix/var/nix/profiles/system/kernel-params";
const GRUBENV: &str = "/boot/grub2/grubenv";

/// Words in the names of entries for repairs.
const REPAIRS: [&str; 5] = ["rescue", "fallback", "recovery", "memtest", "live"];
/// Scripts of grub-mkconfig whose entries start no kernel of this system.
const OTHER_SYSTEMS: [&str; 2] = ["os-prober", "memtest"];

/// A kernel command line that a file has for the next boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfiguredLine {
    /// The file.
    pub file: String,
    /// The variable that has it, if a shell reads the file.
    pub variable: &'static str,
    /// The line.
    pub line: KernelCmdline,
}

impl ConfiguredLine {
    pub fn new(file: &str, variable: &'static str, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            variable,
            line: KernelCmdline::new(text),
        }
    }
}

/// The files of boot loaders that a host has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootFiles {
    files: Vec<ConfigFile>,
}

impl From<Vec<ConfigFile>> for BootFiles {
    fn from(files: Vec<ConfigFile>) -> Self {
        Self { files }
    }
}

impl BootFiles {
    /// Whether the host has this file.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }

    /// Whether the host has a file with such a path.
    pub(super) fn has_any(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        self.files.iter().any(|file| is_wanted(&file.path))
    }

    /// The text of this file; empty if it does not exist or cannot be read.
    pub(super) fn text(&self, path: &str) -> &str {
        let file = self.files.iter().find(|file| file.path == path);
        file.map_or("", text_of)
    }

    /// The files whose path is accepted, with their text.
    pub(super) fn matching<'f>(
        &'f self,
        is_wanted: impl Fn(&str) -> bool + 'f,
    ) -> impl Iterator<Item = (&'f str, &'f str)> {
        let files = self.files.iter().filter(move |file| is_wanted(&file.path));
        files.map(|file| (file.path.as_str(), text_of(file)))
    }

    /// The entry of ostree's deployment that boots by default: the one of the highest version. The others
    /// are there to go back to, with the line that they had.
    pub(super) fn ostree_entry(&self) -> Vec<ConfiguredLine> {
        let version = |line: &ConfiguredLine| {
            let version = values(self.text(&line.file), "version", char::is_whitespace);
            version.parse::<u64>().unwrap_or_default()
        };
        self.entries()
            .into_iter()
            .max_by_key(version)
            .into_iter()
            .collect()
    }

    /// The boot entries, but not those for repairs (Boot Loader Specification, Type #1).
    pub(super) fn entries(&self) -> Vec<ConfiguredLine> {
        let is_entry = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            let name = name.to_ascii_lowercase();
            path.contains("/loader/entries/") && !REPAIRS.iter().any(|word| name.contains(word))
        };
        let lines = self.matching(is_entry).filter_map(|(path, text)| {
            let options = values(text, "options", char::is_whitespace);
            let options = options.replace("$kernelopts", self.kernelopts());
            let has_kernel = text
                .lines()
                .any(|line| line.trim_start().starts_with("linux"));
            has_kernel.then(|| ConfiguredLine::new(path, "", &options))
        });
        lines.collect()
    }

    /// The options that entries of RHEL 8 have in common.
    fn kernelopts(&self) -> &str {
        let mut lines = self.text(GRUBENV).lines();
        lines
            .find_map(|line| line.strip_prefix("kernelopts="))
            .unwrap_or("$kernelopts")
    }

    /// The `linux` lines of `grub.cfg`, but not those for repairs and of other systems.
    pub(super) fn grub_cfg(&self) -> Vec<ConfiguredLine> {
        let is_cfg = |path: &str| path.ends_with("/grub.cfg");
        let lines = self.matching(is_cfg).flat_map(|(path, text)| {
            let lines = own_lines(text).filter_map(linux_arguments);
            lines.map(move |arguments| ConfiguredLine::new(path, "", arguments))
        });
        let is_normal =
            |line: &ConfiguredLine| !line.line.has("single") && !line.line.has("recovery");
        lines.filter(is_normal).collect()
    }

    /// The whole text of these files, without comments.
    pub(super) fn whole(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<ConfiguredLine> {
        let lines = self.matching(is_wanted).map(|(path, text)| {
            let text: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            ConfiguredLine::new(path, "", &text.join(" "))
        });
        lines.collect()
    }

    /// What a file that is no shell script sets `key` to: the rest of the line, with quotes or without.
    pub(super) fn setting(&self, path: &str, key: &'static str) -> Vec<ConfiguredLine> {
        let lines = self.text(path).lines().filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            let value = value.trim().trim_matches(['"', '\'']);
            (name.trim() == key).then(|| ConfiguredLine::new(path, key, value))
        });
        lines.collect()
    }

    /// The lines of these files that begin with this word, whatever its case.
    pub(super) fn after_word(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        word: &str,
    ) -> Vec<ConfiguredLine> {
        let lines = self.matching(is_wanted).flat_map(|(path, text)| {
            let arguments = text.lines().filter_map(|line| after(line, word));
            arguments
                .map(move |arguments| ConfiguredLine::new(path, "", arguments))
                .collect::<Vec<_>>()
        });
        lines.collect()
    }

    /// The `append` line of the label that each of these files boots by default; of the first label, if
    /// none is said to be.
    pub(super) fn appended(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<ConfiguredLine> {
        let lines = self.matching(is_wanted).filter_map(|(path, text)| {
            let appended = default_append(text)?;
            Some(ConfiguredLine::new(path, "", appended))
        });
        lines.collect()
    }

    /// The lines of `refind_linux.conf`: a title and options, both in quotes.
    pub(super) fn refind(&self) -> Vec<ConfiguredLine> {
        let is_linux_conf = |path: &str| path.ends_with("/refind_linux.conf");
        let linux = self.matching(is_linux_conf).flat_map(|(path, text)| {
            let options = text.lines().filter_map(|line| line.split('"').nth(3));
            options.map(move |options| ConfiguredLine::new(path, "", options))
        });
        let mut lines: Vec<ConfiguredLine> = linux.collect();
        let is_refind_conf = |path: &str| path.ends_with("/refind.conf");
        lines.extend(self.matching(is_refind_conf).flat_map(|(path, text)| {
            let options = text.lines().filter_map(|line| after(line, "options"));
            options.map(move |options| ConfiguredLine::new(path, "", options.trim_matches('"')))
        }));
        lines
    }

    /// The values that a shell gives a variable in these files, in this order. A later one replaces the
    /// earlier ones, unless it contains them.
    pub(super) fn variable(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        variable: &'static str,
    ) -> Vec<ConfiguredLine> {
        let mut lines = Vec::new();
        for (path, text) in self.matching(is_wanted) {
            for (value, adds) in assignments(text, variable) {
                if !adds {
                    lines.clear();
                }
                lines.push(ConfiguredLine::new(path, variable, &value));
            }
        }
        lines
    }
}

fn text_of(file: &ConfigFile) -> &str {
    file.text.as_deref().unwrap_or_default()
}

/// What comes after this word at the start of a line, whatever its case.
fn after<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let line = line.trim_start();
    let (first, rest) = line.split_at_checked(word.len())?;
    let is_word = first.eq_ignore_ascii_case(word) && rest.starts_with([' ', '\t', ':']);
    is_word.then(|| rest[1..].trim())
}

/// The arguments of the default label in syslinux' language.
fn default_append(text: &str) -> Option<&str> {
    let default = text.lines().find_map(|line| after(line, "default"));
    let mut label = None;
    let mut appends: Vec<(Option<&str>, &str)> = Vec::new();
    let mut chosen = default;
    for line in text.lines() {
        if let Some(name) = after(line, "label") {
            label = Some(name);
        } else if after(line, "menu").is_some_and(|word| word.eq_ignore_ascii_case("default")) {
            chosen = label;
        } else if let Some(arguments) = after(line, "append") {
            appends.push((label, arguments));
        }
    }
    let by_label = appends
        .iter()
        .find(|(label, _)| label.is_some() && *label == chosen);
    by_label
        .or(appends.first())
        .map(|(_, arguments)| *arguments)
}

/// The values of all lines that begin with this key.
fn values(text: &str, key: &str, is_separator: fn(char) -> bool) -> String {
    let lines = text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix(key)?;
        rest.starts_with(is_separator).then(|| rest.trim())
    });
    lines.collect::<Vec<&str>>().join(" ")
}

/// The lines of `grub.cfg` that no script for other systems wrote.
fn own_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut is_own = true;
    text.lines().filter(move |line| {
        if let Some(script) = line.strip_prefix("### BEGIN ") {
            is_own = !OTHER_SYSTEMS.iter().any(|name| script.contains(name));
        }
        is_own
    })
}

/// The arguments of a `linux` line of `grub.cfg`.
fn linux_arguments(line: &str) -> Option<&str> {
    let (command, rest) = line.trim_start().split_once([' ', '\t'])?;
    let (_, arguments) = rest.trim_start().split_once([' ', '\t'])?;
    matches!(command, "linux" | "linux16" | "linuxefi").then_some(arguments)
}

/// What a shell assigns to `name`: each value, and whether it adds to the former ones.
fn assignments(text: &str, name: &str) -> Vec<(String, bool)> {
    let joined = text.replace("\\\n", " ");
    let assigned = joined.lines().filter_map(|line| {
        let line = line.trim();
        let rest = line
            .strip_prefix("export ")
            .unwrap_or(line)
            .strip_prefix(name)?;
        let (adds, value) = match rest.strip_prefix("+=") {
            Some(value) => (true, value),
            None => (false, rest.strip_prefix('=')?),
        };
        let value = unquoted(value);
        let own = [format!("${{{name}}}"), format!("${name}")];
        let contains_own = own.iter().any(|own| value.contains(own));
        let value = own
            .iter()
            .fold(value.to_owned(), |value, own| value.replace(own, ""));
        Some((value, adds || contains_own))
    });
    assigned.collect()
}

/// The value between quotes, or up to a blank.
fn unquoted(value: &str) -> &str {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or_default(),
        _ => value.split_ascii_whitespace().next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn shell_assignment_replaces_the_former_value_unless_it_adds() {
        let text =
            "# X=no\nX=\"a b\"\nexport X='c'\nX+=\" d\"\nX=\"$X e\"\nX=\"${X} f\\\n g\"\nXY=h\n";
        let found = assignments(text, "X");
        let found: Vec<(&str, bool)> = found.iter().map(|(v, a)| (v.as_str(), *a)).collect();
        let expected = [
            ("a b", false),
            ("c", false),
            (" d", true),
            (" e", true),
            (" f  g", true),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn append_line_of_the_default_label_counts() {
        let unraid = "default menu.c32\nlabel Unraid OS\n  menu default\n  kernel /bzimage\n  append initrd=/bzroot\n\
                      label Safe\n  append initrd=/bzroot unraidsafemode\n";
        assert_eq!(default_append(unraid), Some("initrd=/bzroot"));
        let board = "DEFAULT l1\nLABEL l0\n APPEND a\nLABEL l1\n APPEND b\n";
        assert_eq!(default_append(board), Some("b"));
        assert_eq!(default_append("label x\n append c\n"), Some("c"));
        assert_eq!(default_append(""), None);
    }

    #[test]
    fn word_at_the_start_of_a_line_may_have_any_case() {
        assert_eq!(after("\tAPPEND ro  quiet ", "append"), Some("ro  quiet"));
        assert_eq!(after("cmdline: ro", "cmdline"), Some("ro"));
        assert_eq!(after("appended ro", "append"), None);
        assert_eq!(after("é", "append"), None);
    }
}
