//! The words that the kernel was started with.

/// The kernel's command line (`/proc/cmdline`), word by word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelLine {
    words: Vec<String>,
}

impl KernelLine {
    /// Takes a line apart. Double quotes keep blanks inside a word; what follows a lone `--` is for
    /// init.
    pub fn new(line: &str) -> Self {
        let mut words = Vec::new();
        let mut word = String::new();
        let mut is_quoted = false;
        for character in line.chars().chain([' ']) {
            match character {
                '"' => is_quoted = !is_quoted,
                c if c.is_ascii_whitespace() && !is_quoted => {
                    if word == "--" {
                        return Self { words };
                    }
                    words.extend(Some(std::mem::take(&mut word)).filter(|w| !w.is_empty()));
                }
                c => word.push(c),
            }
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        Self { words }
    }

    /// Whether this very word is there.
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|one| one == word)
    }

    /// The values of `key`, first to last; the kernel takes `-` and `_` for the same.
    pub fn values(&self, key: &str) -> impl DoubleEndedIterator<Item = &str> {
        let key = underscored(key);
        self.words.iter().filter_map(move |word| {
            let (name, value) = word.split_once('=')?;
            (underscored(name) == key).then_some(value)
        })
    }

    /// The parts of the values of `key`, where commas part them.
    pub fn parts(&self, key: &str) -> impl DoubleEndedIterator<Item = &str> {
        self.values(key).flat_map(|value| value.split(','))
    }

    /// Which of the two switches of `key`, `on` or `off`, was said last.
    pub fn is_on(&self, key: &str) -> Option<bool> {
        let switch = |part| match part {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        self.parts(key).rev().find_map(switch)
    }
}

/// A name of a module or parameter, in the one spelling of two that is compared.
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
            assert_eq!(KernelLine::new(line).is_on("intel_iommu"), is_on, "{line}");
        }
    }

    #[test]
    fn parameter_is_found_with_dash_or_underscore() {
        let line = KernelLine::new("vfio-pci.ids=10de:1e84,10de:10f8 vfio_pci.ids=1002:67df x");
        let ids: Vec<&str> = line.parts("vfio_pci.ids").collect();
        assert_eq!(ids, ["10de:1e84", "10de:10f8", "1002:67df"]);
        assert!(line.has("x") && !line.has("vfio-pci.ids"));
    }
}
