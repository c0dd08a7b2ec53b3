//! The kernel command line.

/// The parameters of the kernel command line (`/proc/cmdline`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelCmdline {
    parameters: Vec<String>,
}

impl KernelCmdline {
    /// Splits `line`. Blanks in double quotes do not separate; everything after `--` is for init.
    pub fn new(line: &str) -> Self {
        let mut parameters = Vec::new();
        let mut parameter = String::new();
        let mut is_quoted = false;
        for character in line.chars().chain([' ']) {
            match character {
                '"' => is_quoted = !is_quoted,
                c if c.is_ascii_whitespace() && !is_quoted => {
                    if parameter == "--" {
                        return Self { parameters };
                    }
                    parameters
                        .extend(Some(std::mem::take(&mut parameter)).filter(|p| !p.is_empty()));
                }
                c => parameter.push(c),
            }
        }
        parameters.extend(Some(parameter).filter(|p| !p.is_empty()));
        Self { parameters }
    }

    /// The parameters of several lines, one line after another.
    pub fn joined<'l>(lines: impl Iterator<Item = &'l Self>) -> Self {
        let parameters = lines.flat_map(|line| line.parameters.iter().cloned());
        Self {
            parameters: parameters.collect(),
        }
    }

    /// Whether the parameter `key=value` is in effect: for `on` and `off` the last one counts.
    pub fn sets(&self, parameter: &str) -> bool {
        match parameter.split_once('=') {
            Some((key, "on")) => self.is_on(key) == Some(true),
            Some((key, "off")) => self.is_on(key) == Some(false),
            _ => self.mentions(parameter),
        }
    }

    /// Whether `parameter` is given, also as a part of a list: `iommu=off` in `iommu=soft,off`.
    /// Without a value it is given with any.
    pub fn mentions(&self, parameter: &str) -> bool {
        let is_part = |(key, value): (&str, &str)| {
            let value = underscored(value);
            self.parts(key).any(|part| underscored(part) == value)
        };
        match parameter.split_once('=') {
            Some(pair) => self.has(parameter) || is_part(pair),
            None => self.has(parameter) || self.values(parameter).next().is_some(),
        }
    }

    /// The words that give `parameter`, as they are written. Each comes with what is to stay of it, if it is a
    /// list with other parts.
    pub fn words_of(&self, parameter: &str) -> Vec<(&str, Option<String>)> {
        let (key, value) = match parameter.split_once('=') {
            Some((key, value)) => (key, Some(underscored(value))),
            None => (parameter, None),
        };
        let found = self.parameters.iter().filter_map(|word| {
            let (name, list) = word.split_once('=').unwrap_or((word, ""));
            let is_same = underscored(name) == underscored(key);
            let rest = match &value {
                Some(value) => without_part(list, value)?,
                None => String::new(),
            };
            let rest = Some(rest).filter(|rest| !rest.is_empty());
            is_same.then(|| (word.as_str(), rest.map(|rest| format!("{name}={rest}"))))
        });
        found.collect()
    }

    /// Whether a part of it is a variable of the boot loader.
    pub fn is_incomplete(&self) -> bool {
        self.parameters.iter().any(|one| one.starts_with('$'))
    }

    /// Whether `parameter` is given, exactly as it is written.
    pub fn has(&self, parameter: &str) -> bool {
        self.parameters.iter().any(|one| one == parameter)
    }

    /// The values of `key`, first to last. To the kernel, `-` and `_` are the same.
    pub fn values(&self, key: &str) -> impl DoubleEndedIterator<Item = &str> + use<'_> {
        let key = underscored(key);
        self.parameters.iter().filter_map(move |parameter| {
            let (name, value) = parameter.split_once('=')?;
            (underscored(name) == key).then_some(value)
        })
    }

    /// The comma-separated parts of the values of `key`.
    pub fn parts(&self, key: &str) -> impl DoubleEndedIterator<Item = &str> + use<'_> {
        self.values(key).flat_map(|value| value.split(','))
    }

    /// Whether `on` or `off` is the last of these two in the values of `key`.
    pub fn is_on(&self, key: &str) -> Option<bool> {
        let switch = |part| match part {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        self.parts(key).rev().find_map(switch)
    }
}

/// What is left of `list` without this part; `None` if it is no part of it.
fn without_part(list: &str, part: &str) -> Option<String> {
    if underscored(list) == part {
        return Some(String::new());
    }
    let is_other = |one: &&str| underscored(one) != part;
    let rest: Vec<&str> = list.split(',').filter(is_other).collect();
    let rest = rest.join(",");
    (rest != list).then_some(rest)
}

/// The name of a module or parameter with `_` for `-`, so that both spellings compare equal.
pub(super) fn underscored(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn last_value_of_a_switch_counts() {
        for (line, is_on) in [
            ("ro intel_iommu=on quiet\n", Some(true)),
            ("intel_iommu=on intel_iommu=off", Some(false)),
            ("intel_iommu=sm_on,on,igfx_off", Some(true)),
            ("intel-iommu=on", Some(true)),
            ("intel_iommu=igfx_off", None),
            ("intel_iommu intel_iommu_on=on", None),
            ("ro -- intel_iommu=on", None),
            ("x=\"a intel_iommu=on\"", None),
            ("", None),
        ] {
            assert_eq!(
                KernelCmdline::new(line).is_on("intel_iommu"),
                is_on,
                "{line}"
            );
        }
    }

    #[test]
    fn parameter_is_set_if_nothing_later_overrules_it() {
        for (line, parameter, mentions, sets) in [
            ("iommu=soft,off", "iommu=off", true, true),
            (
                "intel_iommu=on intel_iommu=off",
                "intel_iommu=on",
                true,
                false,
            ),
            (
                "intel_iommu=off intel_iommu=sm_on,on",
                "intel_iommu=on",
                true,
                true,
            ),
            ("nointremap", "nointremap", true, true),
            ("vfio_pci.ids=10de:1eb8", "vfio-pci.ids", true, true),
            (
                "module_blacklist=a,vfio_pci",
                "module_blacklist=vfio-pci",
                true,
                true,
            ),
            ("pcie_acs_override=a,b", "pcie_acs_override=a,b", true, true),
            ("amd_iommu=off", "iommu=off", false, false),
        ] {
            let found = KernelCmdline::new(line);
            assert_eq!(found.mentions(parameter), mentions, "{line}");
            assert_eq!(found.sets(parameter), sets, "{line}");
        }
        assert!(KernelCmdline::new("ro $tuned_params").is_incomplete());
    }

    #[test]
    fn words_of_a_parameter_are_named_as_they_are_written() {
        let line = KernelCmdline::new(
            "iommu=off iommu=soft,off module_blacklist=a,vfio-pci vfio_pci.ids=1,2 x=a,b off=iommu",
        );
        let words = |parameter: &str| {
            let words = line.words_of(parameter).into_iter();
            let words = words.map(|(word, rest)| format!("{word}>{}", rest.unwrap_or_default()));
            words.collect::<Vec<String>>().join(" ")
        };
        for (parameter, expected) in [
            ("iommu=off", "iommu=off> iommu=soft,off>iommu=soft"),
            (
                "module_blacklist=vfio_pci",
                "module_blacklist=a,vfio-pci>module_blacklist=a",
            ),
            ("vfio-pci.ids", "vfio_pci.ids=1,2>"),
            ("x=a,b", "x=a,b>"),
            ("x=c", ""),
        ] {
            assert_eq!(words(parameter), expected, "{parameter}");
        }
    }

    #[test]
    fn parameter_is_found_with_dash_or_underscore() {
        let line = KernelCmdline::new("vfio-pci.ids=10de:1e84,10de:10f8 vfio_pci.ids=1002:67df x");
        let ids: Vec<&str> = line.parts("vfio_pci.ids").collect();
        assert_eq!(ids, ["10de:1e84", "10de:10f8", "1002:67df"]);
        assert!(line.has("x") && !line.has("vfio-pci.ids"));
    }
}
