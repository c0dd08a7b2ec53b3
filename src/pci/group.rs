//! IOMMU groups: functions that the IOMMU cannot isolate from each other.

use std::fmt;
use std::str::FromStr;

/// The number of an IOMMU group. It can change at the next boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IommuGroup(u32);

impl IommuGroup {
    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for IommuGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IommuGroup {
    type Err = ();

    /// Reads the name of a group's directory below `/sys/kernel/iommu_groups`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = text.bytes().all(|b| b.is_ascii_digit());
        plain
            .then(|| text.parse().ok().map(Self))
            .flatten()
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn iommu_group_is_a_number() {
        assert_eq!(
            "17".parse::<IommuGroup>().map(|g| g.to_string()),
            Ok("17".into())
        );
        for text in ["", "+1", "-1", "1a", "4294967296"] {
            assert_eq!(text.parse::<IommuGroup>(), Err(()), "{text}");
        }
    }
}
