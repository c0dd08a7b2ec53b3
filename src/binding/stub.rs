//! Which driver a function is bound to for a guest.

use crate::pci::DriverName;

/// The module of vfio-pci; those of its variants are named like their drivers.
const VFIO_PCI_MODULE: &str = "vfio_pci";

/// The stub driver that the settings choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stub {
    /// The VFIO driver of each function.
    #[default]
    Auto,
    /// This driver for every function.
    Named(DriverName),
}

impl Stub {
    /// The driver for a function of which nothing else is known.
    pub fn driver(&self) -> DriverName {
        match self {
            Self::Auto => DriverName::vfio_pci(),
            Self::Named(driver) => driver.clone(),
        }
    }

    /// The driver for the function with this modalias. `registered` are the drivers that are loaded.
    pub fn driver_for(
        &self,
        modalias: &str,
        aliases: &VfioAliases,
        registered: &[DriverName],
    ) -> DriverName {
        match self {
            Self::Auto => aliases.driver_for(modalias),
            Self::Named(driver) => aliases.exact(driver, registered),
        }
    }
}

/// The modules of VFIO drivers and the functions that they are for, from the lines `alias vfio_pci:…` of
/// `modules.alias`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VfioAliases(Vec<VfioAlias>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct VfioAlias {
    /// What a modalias must be after its `pci:`.
    pattern: String,
    module: String,
}

impl VfioAliases {
    /// Reads the lines of `modules.alias`.
    pub fn parse(text: &str) -> Self {
        let aliases = text.lines().filter_map(|line| {
            let (_, alias) = line.split_once(' ')?;
            let alias = alias.strip_prefix("vfio_pci:")?;
            let (pattern, module) = alias.split_once(' ')?;
            Some(VfioAlias {
                pattern: pattern.to_owned(),
                module: module.trim().to_owned(),
            })
        });
        Self(aliases.collect())
    }

    /// The VFIO driver for the function with this modalias, as libvirt finds it from 10.0 on: of the
    /// patterns that match, the one with the fewest wildcards, and of equal ones the first
    /// (`virPCIDeviceFindBestVFIOVariant`). vfio-pci if there is none.
    pub fn driver_for(&self, modalias: &str) -> DriverName {
        let words = modalias.strip_prefix("pci:").unwrap_or(modalias);
        let matching = self
            .0
            .iter()
            .filter(|alias| is_match(alias.pattern.as_bytes(), words.as_bytes()));
        let wildcards = |alias: &&VfioAlias| alias.pattern.matches('*').count();
        matching
            .min_by_key(wildcards)
            .and_then(|alias| driver_of(&alias.module))
            .unwrap_or_else(DriverName::vfio_pci)
    }

    /// The driver that is meant by this name: people write `-` for `_`, and `_` for `-`. Only the name of a
    /// driver that is loaded, or of a variant of vfio-pci, can be known to be another one.
    pub fn exact(&self, name: &DriverName, registered: &[DriverName]) -> DriverName {
        if registered.contains(name) {
            return name.clone();
        }
        let is_meant = |driver: &DriverName| module_of(driver) == module_of(name);
        let loaded = registered.iter().find(|driver| is_meant(driver)).cloned();
        let variants = self.0.iter().filter_map(|alias| driver_of(&alias.module));
        let known = variants.chain([DriverName::vfio_pci()]);
        loaded
            .or_else(|| known.into_iter().find(is_meant))
            .unwrap_or_else(|| name.clone())
    }
}

/// The name of the module with a driver of this name: modules have no `-`.
pub fn module_of(driver: &DriverName) -> String {
    driver.as_str().replace('-', "_")
}

/// The name of the driver in a module of `modules.alias`. None if it cannot be one.
fn driver_of(module: &str) -> Option<DriverName> {
    match module {
        VFIO_PCI_MODULE => Some(DriverName::vfio_pci()),
        other => other.parse().ok(),
    }
}

/// Whether a pattern of modules.alias matches the whole text. `*` stands for any text, `?` for one character.
fn is_match(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    // After the last `*`, and the end of the text that it stands for.
    let mut last: Option<(usize, usize)> = None;
    while seen < text.len() {
        match (pattern.get(at), last) {
            (Some(b'*'), _) => {
                at += 1;
                last = Some((at, seen));
            }
            (Some(byte), _) if *byte == b'?' || *byte == text[seen] => {
                at += 1;
                seen += 1;
            }
            (_, Some((after, end))) => {
                (at, seen) = (after, end + 1);
                last = Some((after, end + 1));
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    /// Lines of a kernel 6.11 for arm64.
    const ALIASES: &str = "\
# Aliases extracted from modules themselves.
alias pci:v000010DEd00002941sv*sd*bc*sc*i* nouveau
alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci
alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci
alias vfio_pci:v000010DEd00002941sv*sd*bc*sc*i* nvgrace_gpu_vfio_pci
alias vfio_pci:v000010DEd00002941sv*sd*bc*sc*i* second_vfio_pci
alias vfio_pci:v000010DEd00002941sv000010DEsd0000000Fbc*sc*i* board_vfio_pci
alias vfio_pci:v000010DEd00002942sv*sd*bc*sc*i* not/a/driver
";

    fn name(text: &str) -> DriverName {
        text.parse().expect("a driver")
    }

    fn modalias(device: &str, board: &str) -> String {
        format!("pci:v{device}sv{board}bc03sc02i00")
    }

    #[test]
    fn driver_of_a_function_is_the_most_specific_variant() {
        let aliases = VfioAliases::parse(ALIASES);
        for (device, board, driver) in [
            (
                "000010DEd00002941",
                "000010DEsd00000000",
                "nvgrace_gpu_vfio_pci",
            ),
            ("000010DEd00002941", "000010DEsd0000000F", "board_vfio_pci"),
            ("000015B3d0000101E", "000015B3sd00000000", "mlx5_vfio_pci"),
            ("000010DEd00002204", "000010DEsd00000000", "vfio-pci"),
            ("000010DEd00002942", "000010DEsd00000000", "vfio-pci"),
        ] {
            let driver_for = |stub: &Stub| stub.driver_for(&modalias(device, board), &aliases, &[]);
            assert_eq!(driver_for(&Stub::Auto), name(driver), "{device}");
            let named = name("pci-stub");
            assert_eq!(driver_for(&Stub::Named(named.clone())), named);
        }
        let none = VfioAliases::parse("");
        let any = modalias("000010DEd00002941", "000010DEsd00000000");
        assert_eq!(none.driver_for(&any), DriverName::vfio_pci());
    }

    #[test]
    fn driver_is_known_by_its_exact_name() {
        let aliases = VfioAliases::parse(ALIASES);
        let registered = [name("xen-pciback"), name("a-b"), name("a_b")];
        for (given, exact) in [
            ("nvgrace-gpu-vfio-pci", "nvgrace_gpu_vfio_pci"),
            ("nvgrace_gpu_vfio_pci", "nvgrace_gpu_vfio_pci"),
            ("vfio_pci", "vfio-pci"),
            ("vfio-pci", "vfio-pci"),
            ("xen_pciback", "xen-pciback"),
            ("a_b", "a_b"),
            ("a-b", "a-b"),
            ("pci-stub", "pci-stub"),
        ] {
            assert_eq!(aliases.exact(&name(given), &registered), name(exact));
        }
    }

    #[test]
    fn pattern_matches_as_fnmatch_does() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("*", "", true),
            ("v*d*", "v1d2", true),
            ("v*d", "v1d2d", true),
            ("v*d", "v1d2", false),
            ("v?", "v1", true),
            ("v?", "v", false),
            ("v", "v1", false),
            ("**1", "v1", true),
        ] {
            assert_eq!(
                is_match(pattern.as_bytes(), text.as_bytes()),
                matches,
                "{pattern} {text}"
            );
        }
        // Each `*` again for each place would take for ever.
        let pattern = "*a".repeat(200);
        assert!(!is_match(pattern.as_bytes(), "a".repeat(199).as_bytes()));
    }
}
