//! The rules of modprobe (modprobe.d(5)), from its files and from the kernel command line.

use std::fmt;

use crate::readiness::cmdline::underscored;
use crate::readiness::{Finding, HostFacts, ImageSystem};

const TOPIC: &str = "modprobe";
/// The parameters that blacklist modules: of modprobe, and of the kernel itself.
const BLACKLISTS: [&str; 2] = ["modprobe.blacklist", "module_blacklist"];

/// Unraid copies the files of this folder to /etc/modprobe.d at each boot.
const UNRAID: &str = "/boot/config/modprobe.d";

/// A configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its path.
    pub path: String,
    /// Its text, or why it could not be read.
    pub text: Result<String, String>,
}

/// The configuration of modprobe.
#[derive(Clone, Debug, Default)]
pub struct ModprobeFacts {
    /// Its files, in the order in which modprobe reads them.
    pub files: Vec<ConfigFile>,
    /// The paths of those that were changed after the initramfs of the running kernel was made.
    pub after_initramfs: Vec<String>,
}

/// Where a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'f> {
    /// In this file.
    File(&'f str),
    /// In this parameter of the kernel command line.
    KernelLine(&'static str),
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    /// The module is not loaded automatically.
    Blacklist,
    /// A command runs instead of loading the module.
    Install,
    /// The module gets parameters.
    Options,
    /// Other modules are loaded before or after it.
    Softdep,
}

/// A rule about one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// What it does.
    pub directive: Directive,
    /// The module, as it is written.
    pub name: String,
    /// What follows.
    pub words: Vec<String>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::KernelLine(parameter) => write!(f, "{parameter} on the kernel command line"),
        }
    }
}

impl Place<'_> {
    /// How to remove a rule from here.
    pub(super) fn removal(self, rule: &Rule, facts: &HostFacts) -> String {
        match self {
            Self::File(path) => removal(&format!("`{}` from", rule.start()), path, facts),
            Self::KernelLine(parameter) => {
                let argument = format!("{parameter}={}", rule.name);
                facts.boot.without(&argument)
            }
        }
    }
}

/// How to remove `what` (a line and a preposition) from a file, up to the reboot.
pub(super) fn removal(what: &str, path: &str, facts: &HostFacts) -> String {
    format!("{}, {}", edit(what, path, facts), applied(facts))
}

/// How to remove it from the file. A file of a package, or one that NixOS makes, would get it back.
pub(super) fn edit(what: &str, path: &str, facts: &HostFacts) -> String {
    let is_of_package = ["/usr/lib/", "/lib/"]
        .iter()
        .any(|folder| path.starts_with(folder));
    match facts.image {
        Some(ImageSystem::NixOs) => format!(
            "remove {what} `boot.extraModprobeConfig` or `boot.blacklistedKernelModules`, from which NixOS \
             makes {path}"
        ),
        Some(ImageSystem::Unraid) => format!("remove {what} the file in {UNRAID}"),
        _ if is_of_package => format!(
            "copy {path} to /etc/modprobe.d, where a file of this name replaces it, remove {what} the copy"
        ),
        _ => format!("remove {what} {path}"),
    }
}

/// How to add `line` for the next boots; `path` is the file on a system that is not built as an image.
pub(super) fn addition(line: &str, path: &str, facts: &HostFacts) -> String {
    let place = match facts.image {
        Some(ImageSystem::NixOs) => "`boot.extraModprobeConfig`".to_owned(),
        Some(ImageSystem::Unraid) => format!("{UNRAID}/vfio.conf"),
        _ => path.to_owned(),
    };
    format!("add `{line}` to {place}, {}", applied(facts))
}

fn applied(facts: &HostFacts) -> String {
    match facts.image {
        Some(ImageSystem::Unraid) => "then reboot".to_owned(),
        _ => facts.initramfs.rebuild(),
    }
}

impl Directive {
    fn of(word: &str) -> Option<Self> {
        let all = [Self::Blacklist, Self::Install, Self::Options, Self::Softdep];
        all.into_iter().find(|directive| directive.word() == word)
    }

    /// Its word in a file.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Blacklist => "blacklist",
            Self::Install => "install",
            Self::Options => "options",
            Self::Softdep => "softdep",
        }
    }
}

impl Rule {
    /// Whether this is a rule of this kind for `module`.
    pub(super) fn is(&self, directive: Directive, module: &str) -> bool {
        self.directive == directive && self.module() == underscored(module)
    }

    /// The module, written with `_`.
    pub(super) fn module(&self) -> String {
        underscored(&self.name)
    }

    /// Whether it is a softdep that loads vfio-pci first.
    pub(super) fn waits_for_vfio(&self) -> bool {
        let words = self.words.iter().map(String::as_str);
        let before = words.skip_while(|word| *word != "pre:").skip(1);
        let mut before = before.take_while(|word| *word != "post:");
        self.directive == Directive::Softdep && before.any(|word| underscored(word) == "vfio_pci")
    }

    /// Its first two words: `blacklist nouveau`.
    pub(super) fn start(&self) -> String {
        format!("{} {}", self.directive.word(), self.name)
    }
}

impl ModprobeFacts {
    /// All rules of the files, each with its file.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&str, Rule)> {
        self.files.iter().flat_map(|file| {
            let text = file.text.as_deref().unwrap_or_default();
            rules(text).into_iter().map(|rule| (&*file.path, rule))
        })
    }

    /// Why the running kernel may differ from a file: the initramfs has an older copy of it.
    pub(super) fn delay_of(&self, path: &str) -> Option<String> {
        let is_late = self.after_initramfs.iter().any(|late| late == path);
        is_late.then(|| format!("{path} was changed after the initramfs was made"))
    }

    /// The first rule of this kind for `module`, and its file.
    pub(super) fn rule_of(&self, directive: Directive, module: &str) -> Option<(&str, Rule)> {
        let mut rules = self.rules();
        rules.find(|(_, rule)| rule.is(directive, module))
    }
}

/// All rules, of the files and of the kernel command line.
pub(super) fn all_rules(facts: &HostFacts) -> Vec<(Place<'_>, Rule)> {
    let files = facts.modprobe.rules();
    let mut all: Vec<(Place<'_>, Rule)> = files
        .map(|(path, rule)| (Place::File(path), rule))
        .collect();
    for parameter in BLACKLISTS {
        let names = facts.platform.cmdline.parts(parameter);
        let rule = |name: &str| Rule {
            directive: Directive::Blacklist,
            name: name.to_owned(),
            words: Vec::new(),
        };
        all.extend(names.map(|name| (Place::KernelLine(parameter), rule(name))));
    }
    all
}

/// A backslash at the end continues a line. Other directives are left out.
fn rules(text: &str) -> Vec<Rule> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(rule)
        .collect()
}

fn rule(line: &str) -> Option<Rule> {
    let mut words = line.split_ascii_whitespace();
    Some(Rule {
        directive: Directive::of(words.next()?)?,
        name: words.next()?.to_owned(),
        words: words.map(str::to_owned).collect(),
    })
}

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let files = facts.modprobe.files.iter();
    files.filter_map(unreadable).collect()
}

fn unreadable(file: &ConfigFile) -> Option<Finding> {
    let why = file.text.as_ref().err()?;
    let path = &file.path;
    Some(Finding::warn(
        TOPIC,
        format!("{path} could not be read ({why}), so its rules were not checked"),
        format!("check {path}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn modprobe_lines_are_parsed_to_rules() {
        let text = "# blacklist vfio-pci\n  blacklist  nouveau # why\ninstall vfio-pci /bin/false\n\
            options vfio-pci \\\n ids=10de:1e84,10de:10f8 disable_vga=1\nsoftdep nvidia pre: vfio-pci\n\
            alias a b\nblacklist\n\n";
        let rule = |directive, name: &str, words: &str| Rule {
            directive,
            name: name.to_owned(),
            words: words.split_whitespace().map(str::to_owned).collect(),
        };
        let ids = "ids=10de:1e84,10de:10f8 disable_vga=1";
        assert_eq!(
            rules(text),
            [
                rule(Directive::Blacklist, "nouveau", "# why"),
                rule(Directive::Install, "vfio-pci", "/bin/false"),
                rule(Directive::Options, "vfio-pci", ids),
                rule(Directive::Softdep, "nvidia", "pre: vfio-pci"),
            ]
        );
    }

    #[test]
    fn only_a_softdep_pre_makes_a_driver_wait() {
        for (line, waits) in [
            ("softdep nvidia pre: vfio-pci", true),
            ("softdep nvidia pre: drm vfio_pci post: x", true),
            ("softdep nvidia post: vfio-pci", false),
            ("softdep nvidia pre: drm post: vfio-pci", false),
            ("blacklist nvidia", false),
        ] {
            let rule = rule(line).expect(line);
            assert_eq!(rule.waits_for_vfio(), waits, "{line}");
        }
    }
}
