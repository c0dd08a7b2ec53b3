//! The rules of modprobe (modprobe.d(5)) for drivers of cards and for the stub driver.

use crate::readiness::cmdline::underscored;
use crate::readiness::{Finding, HostFacts};

const TOPIC: &str = "modprobe";

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
}

/// A parsed line. Module names are written with `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The module is not loaded automatically.
    Blacklist(String),
    /// A command runs instead of loading the module.
    Install(String, String),
    /// The module gets these parameters.
    Options(String, Vec<String>),
    /// Other modules are loaded before or after it.
    Softdep(String, Vec<String>),
}

impl ModprobeFacts {
    /// All rules, each with its file.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&str, Rule)> {
        self.files.iter().flat_map(|file| {
            let text = file.text.as_deref().unwrap_or_default();
            rules(text).into_iter().map(|rule| (&*file.path, rule))
        })
    }

    /// The file that blacklists `module`.
    pub(super) fn blacklist_of(&self, module: &str) -> Option<&str> {
        let wanted = Rule::Blacklist(underscored(module));
        let mut rules = self.rules();
        rules.find_map(|(path, rule)| (rule == wanted).then_some(path))
    }

    /// The file with an `install` rule for `module`, and its command.
    pub(super) fn install_of(&self, module: &str) -> Option<(&str, String)> {
        let module = underscored(module);
        self.rules().find_map(|(path, rule)| match rule {
            Rule::Install(name, command) if name == module => Some((path, command)),
            _ => None,
        })
    }
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
    let (kind, module) = (words.next()?, underscored(words.next()?));
    let rest = || words.map(str::to_owned).collect::<Vec<String>>();
    Some(match kind {
        "blacklist" => Rule::Blacklist(module),
        "install" => Rule::Install(module, rest().join(" ")),
        "options" => Rule::Options(module, rest()),
        "softdep" => Rule::Softdep(module, rest()),
        _ => return None,
    })
}

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let modprobe = &facts.modprobe;
    let unreadable = modprobe.files.iter().filter_map(unreadable);
    let mut findings: Vec<Finding> = unreadable.collect();
    findings.extend(
        modprobe
            .rules()
            .filter_map(|(path, rule)| softdep(path, &rule)),
    );
    findings
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

fn softdep(path: &str, rule: &Rule) -> Option<Finding> {
    let Rule::Softdep(module, words) = rule else {
        return None;
    };
    let before = words.iter().skip_while(|word| *word != "pre:").skip(1);
    let mut before = before.take_while(|word| *word != "post:");
    let is_vfio = before.any(|word| underscored(word) == "vfio_pci");
    is_vfio.then(|| Finding::pass(TOPIC, format!("{module} loads after vfio-pci ({path})")))
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
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            rules(text),
            [
                Rule::Blacklist("nouveau".to_owned()),
                Rule::Install("vfio_pci".to_owned(), "/bin/false".to_owned()),
                Rule::Options(
                    "vfio_pci".to_owned(),
                    words("ids=10de:1e84,10de:10f8 disable_vga=1")
                ),
                Rule::Softdep("nvidia".to_owned(), words("pre: vfio-pci")),
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
            assert_eq!(softdep("f", &rule).is_some(), waits, "{line}");
        }
    }
}
