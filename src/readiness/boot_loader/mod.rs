//! The kernel command line of the next boot: where it is configured on this host, how it is changed,
//! and whether a change waits for a reboot.

mod apply;
mod files;
mod lines;
mod recognise;
mod table;

pub use files::{BOOT_FOLDERS, BootFiles, EFI_GRUBS, FILES, FILES_BELOW_BOOT, FOLDERS};
pub use table::{BootLoader, Change, LOADERS, Row};

use files::ConfiguredLine;

use crate::readiness::{ImageSystem, KernelCmdline, Programs};

/// What a host shows of how it was started, as its files say it.
#[derive(Clone, Debug, Default)]
pub struct BootFacts {
    /// The kind of system, if it is built as an image.
    pub image: Option<ImageSystem>,
    /// The installed programs.
    pub programs: Programs,
    /// The command line of the running kernel.
    pub running: KernelCmdline,
    /// The release of the running kernel.
    pub release: String,
    /// The running kernel's image, if it was found where kernel-install may be told to take it from.
    pub kernel_image: Option<String>,
    /// The EFI variable `LoaderInfo`; empty if it cannot be read.
    pub loader_info: Option<String>,
    /// Whether there is the EFI variable `StubInfo`.
    pub is_unified: bool,
    /// Whether the firmware is EFI.
    pub is_efi: bool,
    /// The files of boot loaders.
    pub files: BootFiles,
}

/// The programs that recognise a boot loader, or apply a change.
pub(super) const PROGRAMS: [&str; 15] = [
    "grubby",
    "update-grub",
    "grub-mkconfig",
    "grub2-mkconfig",
    "kernelstub",
    "sdbootutil",
    "reinstall-kernels",
    "limine-update",
    "limine-mkinitcpio",
    "update-extlinux",
    "u-boot-update",
    "kernel-install",
    "proxmox-boot-tool",
    "flash-kernel",
    "zipl",
];

/// How the kernel command line of this host is configured.
#[derive(Clone, Debug, Default)]
pub struct Boot {
    row: Option<&'static Row>,
    /// The lines that the administrator edits, from which others are made.
    sources: Vec<ConfiguredLine>,
    /// The lines that the boot loader reads.
    entries: Vec<ConfiguredLine>,
    /// The file to edit if none of these lines has the parameter.
    file: Option<String>,
    apply: Option<String>,
    running: KernelCmdline,
}

impl Boot {
    /// How it is configured on a host that shows this.
    pub fn of(facts: BootFacts) -> Self {
        let Some(loader) = facts.loader() else {
            return Self::default();
        };
        let (sources, entries) = facts.lines(loader);
        Self {
            row: loader.row(),
            file: facts.other_file(loader),
            apply: facts.apply(loader),
            running: facts.running,
            sources,
            entries,
        }
    }

    /// The boot loader; `None` if it is unknown.
    pub fn loader(&self) -> Option<BootLoader> {
        self.row.map(|row| row.loader)
    }

    /// The file that sets `parameter` for the next boot: the running kernel was started without it.
    pub fn set_in(&self, parameter: &str) -> Option<&str> {
        self.set_in_entries(parameter)
            .or_else(|| self.set_in_sources(parameter))
    }

    /// A file of the kernel command line, if the next boot is without `parameter`.
    pub fn removed_from(&self, parameter: &str) -> Option<&str> {
        let lines = match self.sources.is_empty() || self.has_entries_of_their_own() {
            true => &self.entries,
            false => &self.sources,
        };
        let has =
            |line: &ConfiguredLine| line.line.mentions(parameter) || line.line.is_incomplete();
        let first = lines.first()?;
        lines.iter().all(|line| !has(line)).then_some(&first.file)
    }

    /// Whether the entries are changed by themselves, and not made from the sources.
    fn has_entries_of_their_own(&self) -> bool {
        self.loader() == Some(BootLoader::Grubby) && !self.entries.is_empty()
    }

    fn set_in_entries(&self, parameter: &str) -> Option<&str> {
        let first = self.entries.first()?;
        let is_set = self.entries.iter().all(|line| line.line.sets(parameter));
        is_set.then_some(&first.file)
    }

    fn set_in_sources(&self, parameter: &str) -> Option<&str> {
        let mut lines = self.sources.iter().rev();
        let last = lines.find(|line| line.line.mentions(parameter))?;
        let all = KernelCmdline::joined(self.sources.iter().map(|line| &line.line));
        all.sets(parameter).then_some(&last.file)
    }

    /// How to add `parameter` to the kernel command line, or to apply it where it is set already.
    pub fn with(&self, parameter: &str) -> String {
        let Some(row) = self.row else {
            return format!(
                "add {parameter} to the kernel command line (the boot loader of this host is unknown), \
                 then reboot"
            );
        };
        if let Some(file) = self.set_in_entries(parameter) {
            return format!("reboot: {file} has {parameter} already");
        }
        let source = self.set_in_sources(parameter);
        match row.change {
            Change::Command(add, _) => {
                format!("run `{}`, then reboot", add.replace("{}", parameter))
            }
            Change::Edit(what) => match source {
                Some(file) => format!("{}: {file} has {parameter} already", self.applied(None)),
                None => {
                    let place = self.place(what, self.lacking(parameter));
                    self.applied(Some(format!("add {parameter} to {place}")))
                }
            },
        }
    }

    /// How to remove `parameter` from the kernel command line, or to apply that.
    pub fn without(&self, parameter: &str) -> String {
        let Some(row) = self.row else {
            return format!(
                "remove {parameter} from the kernel command line (the boot loader of this host is \
                 unknown), then reboot"
            );
        };
        let gone = self.removed_from(parameter);
        let mut entries = self.entries.iter();
        let is_left = entries.any(|line| line.line.mentions(parameter));
        match row.change {
            _ if gone.is_some() && !is_left && !self.entries.is_empty() => {
                format!("reboot: the boot entries are without {parameter} already")
            }
            Change::Command(add, remove) => {
                format!("{}, then reboot", self.commands(parameter, add, remove))
            }
            Change::Edit(what) => match gone {
                Some(file) => format!(
                    "{}: {file} is without {parameter} already",
                    self.applied(None)
                ),
                None => self.applied(Some(self.removal(parameter, what))),
            },
        }
    }

    /// The commands that remove the words of `parameter`, and add again what is to stay of them.
    fn commands(&self, parameter: &str, add: &str, remove: &str) -> String {
        let entry = self.entries.iter().map(|line| &line.line);
        let mut lines = entry.chain([&self.running]);
        let words = lines.find_map(|line| some_of(line.words_of(parameter)));
        let words = words.unwrap_or_else(|| vec![(parameter, None)]);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+=,:/@".contains(c);
        if !words.iter().all(|(word, _)| word.chars().all(is_plain)) {
            return format!("remove {parameter} from the kernel command line");
        }
        let removals = words.iter().map(|(word, _)| remove.replace("{}", word));
        let rests = words.iter().filter_map(|(_, rest)| rest.as_deref());
        let commands = removals.chain(rests.map(|rest| add.replace("{}", rest)));
        let commands = commands.map(|command| format!("run `{command}`"));
        commands.collect::<Vec<String>>().join(", ")
    }

    /// The edit that removes the words of `parameter`.
    fn removal(&self, parameter: &str, what: &str) -> String {
        let line = self.holding(parameter);
        let place = self.place(what, line);
        let words = line.and_then(|line| some_of(line.line.words_of(parameter)));
        let words = words.or_else(|| some_of(self.running.words_of(parameter)));
        let words = words.unwrap_or_else(|| vec![(parameter, None)]);
        let edits = words.into_iter().map(|(word, rest)| match rest {
            Some(rest) => format!("replace {word} by {rest} in {place}"),
            None => format!("remove {word} from {place}"),
        });
        edits.collect::<Vec<String>>().join(", ")
    }

    /// The lines to edit: generated entries are not.
    fn editable(&self) -> &[ConfiguredLine] {
        match self.sources.is_empty() && self.loader().is_some_and(BootLoader::reads_edited_file) {
            true => &self.entries,
            false => &self.sources,
        }
    }

    /// The line to add `parameter` to.
    fn lacking(&self, parameter: &str) -> Option<&ConfiguredLine> {
        let lines = self.editable();
        let lacking = lines.iter().find(|line| !line.line.sets(parameter));
        lacking.or(lines.first())
    }

    /// The line to remove `parameter` from.
    fn holding(&self, parameter: &str) -> Option<&ConfiguredLine> {
        let lines = self.editable();
        let holding = lines.iter().find(|line| line.line.mentions(parameter));
        holding.or(lines.first())
    }

    /// Where to edit: `GRUB_CMDLINE_LINUX in /etc/default/grub`.
    fn place(&self, what: &str, line: Option<&ConfiguredLine>) -> String {
        let file = line.map(|line| &line.file).or(self.file.as_ref());
        let Some(file) = file else {
            let name = self.row.map_or("", |row| row.name);
            // A system that is built from a flake may have its configuration anywhere.
            if self.row.is_some_and(|row| row.loader == BootLoader::NixOs) {
                return format!("{what} the configuration of {name}");
            }
            return format!("the kernel command line of {name} (no file of it was found)");
        };
        match line.map_or("", |line| line.variable) {
            "" if what.is_empty() => file.clone(),
            "" => format!("{what} {file}"),
            variable => format!("{variable} in {file}"),
        }
    }

    /// The edit, if one is needed, and the steps after it.
    fn applied(&self, edit: Option<String>) -> String {
        let steps: Vec<String> = edit.into_iter().chain(self.apply.clone()).collect();
        match steps.is_empty() {
            true => "reboot".to_owned(),
            false => format!("{}, then reboot", steps.join(", ")),
        }
    }
}

/// The words, unless there are none.
fn some_of<T>(words: Vec<T>) -> Option<Vec<T>> {
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests;
